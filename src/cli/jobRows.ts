import type { Hex } from "../hex.js";
import type { Job, ReportRow, Store } from "../store/store.js";
import { rootOf } from "../tree.js";
import { type Rows, rowsFor } from "../verifier/rows.js";
import { pagesOf } from "./commands/jobs.js";

/** What a store knows of a job that the chain is asked for: its uids, in order, and nothing of where they are. */
export type JobRows = {
  rows: Rows;
  /** of an anchored job: its roots, and the rows that each stands for */
  roots: Map<Hex, Uint32Array>;
  /** the lowest block that the store knows one in: nothing of the job is before it; null if it knows none */
  firstBlock: number | null;
};

/**
 * @param due the block up to which a row that the store knows in a block has to be there
 * @param isMeant which rows count
 */
export async function rowsOf(
  store: Store,
  job: Job,
  due: number,
  isMeant: (row: ReportRow) => boolean,
): Promise<JobRows> {
  const counts = await store.counts(job.id);
  const rows = rowsFor(counts.rows);
  let firstBlock: number | null = null;
  for await (const page of pagesOf(store, job)) {
    for (const row of page) {
      if (row.uid === null || !isMeant(row)) continue;
      rows.add(row.uid, row.block !== null && row.block <= due);
      if (row.block !== null) firstBlock = Math.min(row.block, firstBlock ?? row.block);
    }
  }
  const roots = new Map<Hex, Uint32Array>();
  if (job.act === "anchor") {
    for (const batch of await store.batches(["included", "safe", "final", "verified"], job.id)) {
      const uids = (await store.items(batch.id)).map((item) => item.uid);
      if (uids.length > 0)
        roots.set(
          rootOf(uids),
          Uint32Array.from(uids, (uid) => rows.rowOf(uid)!),
        );
    }
  }
  return { rows, roots, firstBlock };
}
