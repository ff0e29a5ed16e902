import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { admit, admittedRows, checkedRows } from "../../dist/admission/admit.js";
import { readRows } from "../../dist/admission/file.js";
import { openRegistry, type Registry } from "../../dist/chain/registry.js";
import { mannerOf } from "../../dist/gas.js";
import { hex, ZERO_ADDRESS, ZERO_WORD } from "../../dist/hex.js";
import { type Key, keyOf } from "../../dist/key.js";
import { ETHEREUM_LIMITS, fitsAlone } from "../../dist/planner/split.js";
import { parseSchema, schemaId } from "../../dist/schema.js";
import { openSqliteStore } from "../../dist/store/sqlite.js";
import type { Store } from "../../dist/store/store.js";
import { createSubmitter } from "../../dist/submitter/submitter.js";
import { randomOf } from "../../test/contracts/support/random.js";
import { BLOCK_GAS, instantChain, type InstantChain, NOW, REGISTRY } from "./instantChain.js";

export type Level = "seal" | "record" | "anchor";

/** Seconds are of this one thread, except `cpu`, which has what the runtime does beside it as well. */
export type Speed = {
  perSecond: number;
  perCpuSecond: number;
  wallSeconds: number;
  cpuSeconds: number;
  peakBytes: number;
};

export const SEED = "bench: pipeline";

/**
 * What the rows are. Every row has a recipient with its checksum.
 * id: an idempotency key, of which the salt is made · salt: a salt of the caller's · name: text in place of a hash
 */
export const VARIANTS = {
  id: { schema: "uint64 score,bytes32 evidence", dataBytes: 64, key: "id" },
  salt: { schema: "uint64 score,bytes32 evidence", dataBytes: 64, key: "salt" },
  name: { schema: "uint64 score,string name", dataBytes: 128, key: "id" },
} as const;
export type Variant = keyof typeof VARIANTS;

/** Writes the input, which depends on the seed alone. */
export async function writeRows(
  variant: Variant,
  rows: number,
): Promise<{ path: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "waybill-bench-"));
  const path = join(folder, "rows.csv");
  const file = createWriteStream(path);
  const random = randomOf(SEED);
  const { key } = VARIANTS[variant];
  const names = ["Ada", "Grace", "Zoë", "Edsger", "Barbara", "Łukasz", "Karen", "Donald"];
  file.write(`${variant === "name" ? "score,name" : "score,evidence"},recipient,${key}\n`);
  for (let row = 0; row < rows; row += 1) {
    const value =
      variant === "name"
        ? `${names[random.below(names.length)]} ${random.below(1e6)}`
        : hex(random.bytes(32));
    const salt = key === "id" ? `order-${row}` : `${hex(random.bytes(8))}${"0".repeat(48)}`;
    // In lower case, as most exports have them; what is stored has its checksum all the same.
    const line = `${random.below(2 ** 40)},${value},${hex(random.bytes(20))},${salt}\n`;
    if (!file.write(line)) await once(file, "drain");
  }
  file.end();
  await once(file, "close");
  return { path, remove: () => rm(folder, { recursive: true }) };
}

/** One run, from a file and an empty store to the last batch that is signed, journaled and handed in. */
export async function runOnce(work: {
  path: string;
  variant: Variant;
  level: Level;
  rows: number;
  /** where it is added up how long each question to the store took, until it was answered */
  calls?: Calls;
}): Promise<{ speed: Speed; batches: number }> {
  const { path, variant, level, rows, calls } = work;
  const [issuer, payer] = [keyOf("11".repeat(32), "a benchmark"), keyOf("22".repeat(32), "a benchmark")];
  const chain = instantChain(payer.address);
  const registry = await openRegistry(chain, REGISTRY);
  const schema = parseSchema(VARIANTS[variant].schema);
  const id = schemaId(schema.definition, ZERO_ADDRESS, true);
  const directory = await mkdtemp(join(tmpdir(), "waybill-bench-"));
  const opened = openSqliteStore(directory);
  const store = calls === undefined ? opened : timed(opened, calls);
  try {
    const genesis = (await chain.block(0))!.hash;
    await store.bind({ ...registry.domain, genesis });
    const job = await store.openJob({
      key: ZERO_WORD,
      act: level,
      name: "a benchmark",
      schema: id,
      definition: schema.definition,
      attester: issuer.address,
      reason: "",
      tenant: "",
      priority: "normal",
      refusals: "skip",
      flows: false,
    });
    const manner = mannerOf(level, true, ZERO_WORD);
    const limits = { ...ETHEREUM_LIMITS, blockGas: BLOCK_GAS };
    const frame = {
      separator: registry.separator,
      schemaId: id,
      schema,
      attester: issuer.address,
      stream: ZERO_WORD,
      revocable: true,
      now: NOW,
      fits: (size: Parameters<typeof fitsAlone>[1]) => fitsAlone(manner, size, limits),
    };

    const [wall, cpu] = [performance.now(), process.cpuUsage()];
    await admit(store, job, admittedRows(checkedRows(readRows(path, schema), frame), path));
    await signAll({ store, chain, registry, issuer, payer, job: job.id });
    const wallSeconds = (performance.now() - wall) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const cpuSeconds = (user + system) / 1e6;

    const counts = await store.counts(job.id);
    const batches = await store.batches(["included"], job.id);
    if (counts.rows !== rows || counts.included !== rows)
      throw new Error(`${counts.included} of ${counts.rows} items are signed, and there are ${rows}`);
    const speed = {
      perSecond: rows / wallSeconds,
      perCpuSecond: rows / cpuSeconds,
      wallSeconds,
      cpuSeconds,
      peakBytes: process.resourceUsage().maxRSS * 1024,
    };
    return { speed, batches: batches.length };
  } finally {
    await store.close();
    await rm(directory, { recursive: true });
  }
}

/** Seconds by the name of a method, and how often it was called. */
export type Calls = Map<string, { seconds: number; count: number }>;

/** The pipeline asks for one thing at a time, so that the times of the answers add up. */
function timed(store: Store, calls: Calls): Store {
  return new Proxy(store, {
    get(target, name: keyof Store) {
      return async (...args: unknown[]) => {
        const began = performance.now();
        const answer = await (target[name] as (...args: unknown[]) => Promise<unknown>)(...args);
        const { seconds, count } = calls.get(name) ?? { seconds: 0, count: 0 };
        calls.set(name, { seconds: seconds + (performance.now() - began) / 1000, count: count + 1 });
        return answer;
      };
    },
  });
}

/** The one place that knows how the submitter is made: it drives the job until all is signed and the chain has it. */
async function signAll(work: {
  store: Store;
  chain: InstantChain;
  registry: Registry;
  issuer: Key;
  payer: Key;
  job: number;
}): Promise<void> {
  const { store, chain, registry, issuer, payer, job } = work;
  const submitter = await createSubmitter({
    store,
    chain,
    registry,
    issuer,
    lanes: [
      {
        ...payer,
        signTransaction(transaction) {
          const signed = payer.signTransaction(transaction);
          chain.expect(signed.raw, signed.hash);
          return signed;
        },
      },
    ],
    pollMs: 0,
    patienceMs: 30_000,
    // Nothing is final within a run: what is, is read back, and that is not measured.
    finalDepth: 1_000_000,
    outageMs: 60_000,
  });
  const outcome = await submitter.run(job, { until: "included" });
  if (outcome.kind !== "done") throw new Error(`the submitter stopped: ${JSON.stringify(outcome)}`);
}
