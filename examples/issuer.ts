// Issues what comes in on stdin, a JSON object a line, and prints what became of each. Run it again after a crash: what it
// had acknowledged is issued, once. URL, SCHEMA, ISSUER_KEY and LANE_KEY are in the environment; the folder is argument 1.
import { createInterface } from "node:readline";
import {
  chainOf,
  deployments,
  type Given,
  type Hex,
  httpRequest,
  keyOf,
  openIssuer,
  openRegistry,
  openSqliteStore,
} from "waybill";

const {
  URL: url,
  SCHEMA: schema,
  ISSUER_KEY: speaks,
  LANE_KEY: pays,
} = process.env as { [name: string]: string };
const chain = chainOf(httpRequest(url!));
const registry = await openRegistry(chain, deployments()[1].address);
const store = openSqliteStore(process.argv[2]!);
const [issuer, lane] = [keyOf(speaks as Hex, "ISSUER_KEY"), keyOf(pays as Hex, "LANE_KEY")];
const desk = await openIssuer({
  name: "stdin",
  schema: schema!,
  store,
  chain,
  registry,
  issuer,
  lanes: [lane],
  finalDepth: 2,
});

async function* statements(): AsyncGenerator<Given> {
  for await (const line of createInterface({ input: process.stdin })) yield JSON.parse(line) as Given;
}
let last = Number(process.env.LAST ?? -1);
for await (const { uid, ordinal } of desk.addAll(statements()))
  console.log("admitted", (last = ordinal), uid);
for await (const { ordinal, state, uid } of desk.outcomes({ signal: AbortSignal.timeout(60_000) })) {
  console.log(state, ordinal, uid);
  if (ordinal >= last) break;
}
await desk.close();
await store.close();
