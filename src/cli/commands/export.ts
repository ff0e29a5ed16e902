import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Inclusion } from "../../batch.js";
import { WaybillError } from "../../errors.js";
import type { Hex } from "../../hex.js";
import type { Job, Store, StoredBatch } from "../../store/store.js";
import { isDone } from "../../submitter/submitter.js";
import { treeOf } from "../../tree.js";
import { safeView, stateEvidence } from "../../verifier/evidence.js";
import { plainSchema, type Waybill, waybillData } from "../../waybill.js";
import { readUid } from "../arguments.js";
import { counted, type Result } from "../output.js";
import { type CommonOptions, nodesFor, openStoreToRead } from "../session.js";
import { jobOf } from "./jobs.js";

/**
 * The waybills of a job, or the one of a uid, from the store alone: one JSON document a line, or with `--out` a file
 * each. What is in no block yet has none, and the exit code is then 3. With `--proof` each has the chain's state with it.
 */
export async function exportWaybills(
  name: string,
  options: CommonOptions & { out?: string; proof?: boolean },
): Promise<Result> {
  const store = openStoreToRead(options);
  const uid = name.startsWith("0x") ? readUid(name) : null;
  const job = uid === null ? await jobOf(store, name) : null;
  const batches = await landedOf(store, job ?? uid!);
  // Pending: what is not in a block has no waybill yet.
  const exit = job !== null && !isDone(await store.counts(job.id), "included") ? 3 : 0;
  if (uid !== null && batches.length === 0) {
    await store.close();
    throw new WaybillError("E_JOB_UID", `the store has no attestation ${uid} that is in a block`, {
      mend: "`waybill report` shows where it stands; name another store with --data",
    });
  }
  const plain = waybillsOf(store, batches, uid);
  const { waybills, lacking } =
    options.proof === true ? await withState(plain, store, options) : { waybills: plain, lacking: () => 0 };
  const ending = () => (lacking() > 0 ? 3 : exit);
  if (options.out === undefined) {
    return {
      text: "",
      data: undefined,
      lines: linesOf(waybills, store, options.json === true),
      get exit() {
        return ending();
      },
    };
  }
  try {
    await mkdir(options.out, { recursive: true });
    let count = 0;
    for await (const waybill of waybills) {
      const level = waybill.proof?.level ?? "record";
      const file = join(options.out, `${waybill.uid}.${level}.waybill.json`);
      await writeNew(file, `${JSON.stringify(waybillData(waybill), null, 2)}\n`);
      count += 1;
    }
    return {
      text: `${counted(count, "waybill")} in ${options.out}`,
      data: { waybills: count, out: options.out },
      exit: ending(),
    };
  } finally {
    await store.close();
  }
}

/**
 * The same with the chain's state at its safe block, so that they are checked without a node by who knows that block's
 * hash. What is not in that block yet goes without.
 */
async function withState(
  waybills: AsyncIterable<Waybill>,
  store: Store,
  options: CommonOptions,
): Promise<{ waybills: AsyncIterable<Waybill>; lacking: () => number }> {
  const { chainId } = await store.chain();
  const { nodes, close } = await nodesFor(options);
  const view = await safeView(nodes, chainId);
  let lacking = 0;
  async function* proven(): AsyncGenerator<Waybill> {
    try {
      for await (const waybill of waybills) {
        const state = await stateEvidence(view, waybill);
        if (state === null) lacking += 1;
        yield { ...waybill, state };
      }
    } finally {
      await close();
    }
  }
  return { waybills: proven(), lacking: () => lacking };
}

/** What is there may be a signed original, which nobody else has. @throws WaybillError E_FILE_EXISTS */
async function writeNew(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: "wx" });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
    throw new WaybillError("E_FILE_EXISTS", `${file} is there already, and is not written over`, {
      mend: "name an empty directory with --out",
      cause,
    });
  }
}

async function* linesOf(
  waybills: AsyncIterable<Waybill>,
  store: Store,
  asOneDocument: boolean,
): AsyncGenerator<string> {
  try {
    if (asOneDocument) yield '{ "waybills": [';
    let before: string | null = null;
    for await (const waybill of waybills) {
      if (before !== null) yield asOneDocument ? `${before},` : before;
      before = JSON.stringify(waybillData(waybill));
    }
    if (before !== null) yield before;
    if (asOneDocument) yield "]}";
  } finally {
    await store.close();
  }
}

type LandedBatch = { job: Job; batch: StoredBatch; inclusion: Inclusion };

/** Batches that are in a block and succeeded, of a job or those that hold a uid. */
async function landedOf(store: Store, of: Job | Hex): Promise<LandedBatch[]> {
  const states = ["included", "safe", "final", "verified"] as const;
  const batches = typeof of === "string" ? await store.batchesOf(of) : await store.batches(states, of.id);
  const landed: LandedBatch[] = [];
  for (const batch of batches) {
    const job = (await store.job(batch.job))!;
    if (job.act === "revoke" || !("inclusion" in batch.batch) || !batch.batch.inclusion.succeeded) continue;
    landed.push({ job, batch, inclusion: batch.batch.inclusion });
  }
  return landed;
}

async function* waybillsOf(
  store: Store,
  batches: readonly LandedBatch[],
  only: Hex | null,
): AsyncGenerator<Waybill> {
  const { chainId, registry } = await store.chain();
  for (const { job, batch, inclusion } of batches) {
    const items = await store.items(batch.id);
    // Given back since it was listed.
    if (items.length === 0) continue;
    const level = job.act === "seal" || job.act === "anchor" ? job.act : null;
    const tree = level === null ? null : treeOf(items.map((item) => item.uid));
    const schema = plainSchema(job.definition, job.schema);
    for (const [index, { uid, item }] of items.entries()) {
      if (only !== null && uid !== only) continue;
      yield {
        chainId,
        registry,
        uid,
        attestation: { ...item, schema: job.schema, attester: job.attester },
        schema,
        signature: null,
        proof:
          level === null || tree === null
            ? null
            : { level, root: tree.root, count: items.length, index, path: tree.path(index) },
        stream:
          batch.position === null ? null : { key: batch.stream, position: BigInt(batch.position + index) },
        location: {
          block: inclusion.block,
          blockHash: inclusion.blockHash,
          transaction: inclusion.transaction,
        },
        state: null,
      };
    }
  }
}
