/**
 * `npm run -s bench:throughput`: how many items a second come onto a chain, by what others use and by Waybill. With
 * `--short` only Waybill twice, and only for a few blocks: that needs none of the others' packages.
 */
import { parseArgs } from "node:util";
import { jsonText } from "../src/cli/output.js";
import { CONTENDERS } from "./throughput/contenders.js";
import { type Arena, contest, POLL_MS, type Result } from "./throughput/contest.js";
import { startCountingProxy } from "./throughput/proxy.js";
import { type Place, placeEas, placeWaybill, startNode } from "./throughput/stage.js";
import { resultLine, tableText } from "./throughput/table.js";
import { DEFINITION } from "./work.js";

/** What `--json` prints. */
export type Report = { contenders: Result[]; failures: string[]; remarks: string[] };

const SHORT = ["Waybill record, 4 lanes", "Waybill seal, 4 lanes"];

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean" },
    short: { type: "boolean" },
    /** contenders whose name holds this */
    only: { type: "string" },
    /** such as 30000000,60000000 */
    "block-gas": { type: "string" },
  },
});
const short = options.short === true;
const course = short
  ? { blocks: 3, limitMs: 50_000, gases: [10_000_000] }
  : { blocks: 10, limitMs: 180_000, gases: [30_000_000, 60_000_000] };
const gases = options["block-gas"]?.split(",").map(Number) ?? course.gases;
const contenders = CONTENDERS.filter(
  ({ name }) => (!short || SHORT.includes(name)) && name.includes(options.only ?? ""),
);

const node = await startNode();
const proxy = await startCountingProxy(node.url);
const arena: Arena = { node: node.request, proxy };
const places = new Map<string, Place>();
for (const { contract } of contenders) {
  if (places.has(contract)) continue;
  places.set(contract, await (contract === "EAS" ? placeEas : placeWaybill)(node.request, DEFINITION));
}
await node.beat();

const results: Result[] = [];
const failures: string[] = [];
for (const blockGas of gases) {
  for (const contender of contenders) {
    const place = places.get(contender.contract)!;
    // One that fails does not cost the others their figures.
    await contest(arena, contender, place, { ...course, blockGas }).then(
      (result) => {
        results.push(result);
        process.stderr.write(`${blockGas / 1e6} M gas: ${resultLine(result)}\n`);
      },
      (cause: unknown) => {
        failures.push(`blocks of ${blockGas / 1e6} M gas: ${cause instanceof Error ? cause.message : cause}`);
      },
    );
  }
}
const remarks = remarksOf((await node.request("web3_clientVersion", [])) as string);
await proxy.close();
await node.stop();

for (const failure of failures) process.stderr.write(`${failure}\n`);
if (failures.length > 0) process.exitCode = 1;
const report: Report = { contenders: results, failures, remarks };
process.stdout.write(`${options.json === true ? jsonText(report) : tableText(results, remarks)}\n`);

function remarksOf(version: string): string[] {
  const calls = contenders.map(({ name, contract, call }) => `  ${name.padEnd(42)}${contract}: ${call}`);
  return [
    "items/s   items ÷ seconds from the first to the last block that holds one, both counted; a block",
    "          is a second, or longer where its timestamp says so",
    "fill      share of the block gas that was used, over all blocks between the first and the last",
    "requests  JSON-RPC questions that reached the node, each of a batch counted",
    "CPU       user and system time of the contender's process alone, from its first item on",
    "",
    "Each item has 64 B of random data, a recipient of its own, no resolver, no reference, no expiry;",
    "for Waybill's registry also a salt of 8 bytes. What is awaited is a receipt. Everybody looks at",
    `the chain every ${POLL_MS} ms. Waybill's items are in its store before it begins, and what follows`,
    "inclusion (safe, final, read back) goes on while it is measured.",
    "",
    "They write to:",
    ...calls,
    "",
    `node: ${version}, a block a second, base fee of 1 gwei at the start of each`,
  ];
}
