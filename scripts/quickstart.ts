/**
 * The main job, `npm start`: the packages that this build was made from become attestations on a chain in this
 * process, and every one is read back and compared.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { admit, admittedRows, checkedRows } from "../src/admission/admit.js";
import { readRows } from "../src/admission/file.js";
import { sameStatement } from "../src/verifier/readBack.js";
import { type Attestation, uidOf } from "../src/attestation.js";
import { LOCAL_CHAIN_ID, openEmbeddedChain } from "../src/chain/embedded.js";
import { networkOf } from "../src/chain/networks.js";
import { chainOf } from "../src/chain/node.js";
import { ATTESTED, attestedOf, openRegistry, type Registry } from "../src/chain/registry.js";
import type { Chain } from "../src/chain/chain.js";
import { localKey } from "../src/cli/keys.js";
import { ether, grouped, jsonText, progressLine, table } from "../src/cli/output.js";
import { type Connection, openStore } from "../src/cli/session.js";
import { fitsIn, jobKey, limitsOf } from "../src/cli/work.js";
import { type Hex, ZERO_ADDRESS, ZERO_WORD } from "../src/hex.js";
import { parseSchema } from "../src/schema.js";
import { deployRegistries } from "../src/sdk/deploy.js";
import { registerSchema } from "../src/sdk/schemas.js";
import { payerOf } from "../src/sdk/transact.js";
import { createSubmitter } from "../src/submitter/submitter.js";
import { LOCK_SCHEMA, lockCsv, lockRows } from "./lockRows.js";

const { values: options } = parseArgs({
  options: { json: { type: "boolean" }, data: { type: "string", default: ".waybill" } },
});
const DATA = join(options.data, "quickstart");
const json = options.json === true;
const started = performance.now();
const say = (text: string) => {
  if (!json) process.stdout.write(`${text}\n`);
};

// The chain is new each time, so what an earlier run left belongs to none.
rmSync(DATA, { recursive: true, force: true });
mkdirSync(DATA, { recursive: true });
const file = join(DATA, "packages.csv");
const rows = lockRows("package-lock.json");
writeFileSync(file, lockCsv(rows));
say(`${grouped(rows.length)} packages of package-lock.json are the rows of ${file}`);

const embedded = await openEmbeddedChain({ journal: join(DATA, "embedded", "chain.jsonl") });
const chain = chainOf(embedded.request);
const network = networkOf("local");
const connection: Connection = {
  chain,
  network,
  chainId: LOCAL_CHAIN_ID,
  place: "this process",
  nodes: [{ name: "this process", request: embedded.request }],
  close: embedded.close,
};
// Never a key from the environment: that one has nothing on this chain.
const keys = { issuer: localKey(0), lane: localKey(1) };
const payer = payerOf(chain, keys.lane);
const { attestationRegistry } = await deployRegistries(chain, payer, network.pollMs);
const registry = await openRegistry(chain, attestationRegistry);
say(`a chain in this process has both registries, AttestationRegistry at ${attestationRegistry}`);

const terms = { definition: LOCK_SCHEMA, resolver: ZERO_ADDRESS, revocable: true };
const { id: schemaId } = await registerSchema(chain, registry, payer, terms, network.pollMs);
say(`schema ${schemaId.slice(0, 10)}… is ${LOCK_SCHEMA}`);

const store = await openStore(connection, registry, { data: DATA });
const statements = () =>
  checkedRows(readRows(file, schema), {
    separator: registry.separator,
    schemaId,
    schema,
    attester: keys.issuer.address,
    stream: ZERO_WORD,
    revocable: true,
    now: 0,
    fits,
  });
const schema = parseSchema(LOCK_SCHEMA);
const fits = fitsIn(await limitsOf(connection), { act: "record", signed: true, stream: "none" });
const job = await store.openJob({
  key: jobKey(["quickstart", schemaId]),
  act: "record",
  name: "packages.csv",
  schema: schemaId,
  definition: LOCK_SCHEMA,
  attester: keys.issuer.address,
  reason: "",
  tenant: "",
  priority: "normal",
  refusals: "skip",
  flows: false,
});
await admit(store, job, admittedRows(statements(), file));

const progress = progressLine(process.stderr.isTTY === true && !json);
const submitter = await createSubmitter({
  store,
  chain,
  registry,
  issuer: keys.issuer,
  lanes: [keys.lane],
  pollMs: network.pollMs,
  patienceMs: 30_000,
  finalDepth: network.finalDepth,
  outageMs: 10_000,
});
const firstBlock = (await chain.block("latest"))!.number + 1;
let batches = 0;
await submitter.run(job.id, {
  until: "final",
  onProgress({ counts }) {
    progress.show(`verified ${grouped(counts.verified)} of ${grouped(counts.rows)}`);
  },
});
progress.end();
for (const { batch, count } of await store.batches(["verified"], job.id)) {
  if (!("inclusion" in batch)) continue;
  batches += 1;
  say(
    `batch ${batches}: ${grouped(count)} attestations in block ${batch.inclusion.block}, ${grouped(batch.inclusion.gasUsed)} gas`,
  );
}

const found = await readBack(chain, registry, firstBlock);
const paid = (await store.spending(job.id)).paid;
await store.close();
await embedded.close();
const seconds = Number(((performance.now() - started) / 1000).toFixed(2));
const command = `npm run -s waybill -- verify ${found.example.uid} --network embedded --data ${DATA}`;

if (json) {
  const { example, ...numbers } = found;
  process.stdout.write(
    `${jsonText({ ...numbers, seconds, registry: attestationRegistry, schema: schemaId, example: example.uid, verify: command })}\n`,
  );
} else {
  say("");
  say(
    table([
      ["rows", grouped(found.rows)],
      ["recorded", grouped(found.recorded)],
      ["verified", `${grouped(found.verified)}, each read back from the chain and compared field by field`],
      ["missing", grouped(found.missing)],
      ["doubled", grouped(found.doubled)],
      ["transactions", grouped(found.transactions)],
      ["blocks", grouped(found.blocks)],
      ["gas", `${grouped(found.gasPerItem)} per attestation, ${ether(paid)} in all`],
      ["time", `${seconds} s`],
    ]),
  );
  say("");
  say(`One of them: ${found.example.text}. Check it:`);
  say(`  ${command}`);
}
process.exit(found.verified === found.rows && found.doubled === 0 ? 0 : 1);

/** Compares the chain's own events and slots with the rows of the file. The store is not asked. */
async function readBack(from: Chain, registry: Registry, first: number) {
  const head = (await from.block("latest"))!;
  const logs = await from.logs({
    address: registry.domain.registry,
    topics: [ATTESTED],
    from: first,
    to: head.number,
  });
  const events = new Map<Hex, Attestation[]>();
  for (const { uid, attestation } of logs.map(attestedOf)) {
    events.set(uid, [...(events.get(uid) ?? []), attestation]);
  }
  const transactions = [...new Set(logs.map((log) => log.transaction))];
  const receipts = await Promise.all(transactions.map((transaction) => from.receipt(transaction)));
  const gas = receipts.reduce((sum, receipt) => sum + (receipt?.gasUsed ?? 0n), 0n);

  const result = {
    rows: 0,
    recorded: 0,
    verified: 0,
    missing: 0,
    doubled: 0,
    transactions: transactions.length,
    blocks: new Set(logs.map((log) => log.block)).size,
    gasPerItem: 0,
    example: { uid: "" as string, text: "" },
  };
  const wanted: { uid: Hex; meant: Attestation }[] = [];
  for await (const row of statements()) {
    if (!row.ok) throw new Error(`line ${row.line} of ${file} is bad`);
    const { uid, item } = row.statement;
    wanted.push({ uid, meant: { ...item, schema: schemaId, attester: keys.issuer.address } });
  }
  const records = await registry.records(
    wanted.map(({ uid }) => uid),
    "latest",
  );
  for (const [index, { uid, meant }] of wanted.entries()) {
    const seen = events.get(uid) ?? [];
    const record = records[index] ?? null;
    result.rows += 1;
    if (seen.length === 0 || record === null || record.recordedAt === 0) result.missing += 1;
    else result.recorded += 1;
    if (seen.length > 1) result.doubled += 1;
    if (
      seen.length === 1 &&
      record !== null &&
      record.recordedAt !== 0 &&
      !record.revoked &&
      sameStatement(seen[0]!, meant) &&
      uidOf(registry.separator, seen[0]!) === uid
    ) {
      result.verified += 1;
    }
  }
  result.gasPerItem = Math.round(Number(gas) / Math.max(1, result.recorded));
  const example = rows.findIndex((row) => row.package === "ethers");
  const chosen = Math.max(0, example);
  result.example = {
    uid: wanted[chosen]!.uid,
    text: `${rows[chosen]!.package} ${rows[chosen]!.version}`,
  };
  return result;
}
