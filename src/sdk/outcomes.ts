import type { Hex } from "../hex.js";
import type { ReportRow, Store } from "../store/store.js";
import type { Until } from "../submitter/submitter.js";

/**
 * What became of a statement. `verified`: in a block that is final, and read back; `mismatched`: read back, and not what
 * was meant; `rejected`: the registry refuses it; `duplicate`: it repeats another, and what becomes of that is said of
 * that; `included`, `safe` and `final` only where less than `final` is waited for.
 */
export type StatementOutcome = {
  ordinal: number;
  uid: Hex | null;
  state: "included" | "safe" | "final" | "verified" | "mismatched" | "rejected" | "duplicate";
  /** hash of the transaction, and number of the block, that it is in */
  transaction: Hex | null;
  block: number | null;
  /** why it is rejected, or what it repeats */
  reason: string | null;
};

export type OutcomesOptions = {
  /** only what comes after this ordinal: the last one that was dealt with; left out, everything from the beginning */
  after?: number;
  /** how far a statement has to be before it is told; a block that is not final may still be undone */
  until?: Until;
  signal?: AbortSignal;
};

const STAGES: { [until in Until]: readonly ReportRow["state"][] } = {
  included: ["included", "safe", "final", "verified"],
  safe: ["safe", "final", "verified"],
  final: ["verified"],
};

const PAGE = 500;

/**
 * What became of a flow's statements, in the order in which they were admitted: one that waits keeps those behind it from
 * being told, and nothing is in memory but a page.
 * @param changed waits until something may have moved since it was last waited for; false if nothing ever will again
 */
export async function* outcomesOf(
  store: Pick<Store, "report">,
  job: number,
  { after = -1, until = "final", signal }: OutcomesOptions,
  changed: () => Promise<boolean>,
): AsyncGenerator<StatementOutcome> {
  let last = after;
  let limit = PAGE;
  for (;;) {
    signal?.throwIfAborted();
    let told = 0;
    for (const row of await store.report(job, last, limit)) {
      const outcome = outcomeOf(row, STAGES[until]);
      if (outcome === null) break;
      yield outcome;
      last = row.ordinal;
      told += 1;
    }
    if (told < limit && !(await changed())) return;
    // Whoever waits for the first of many asks for it alone.
    limit = told > 0 ? PAGE : 1;
  }
}

function outcomeOf(row: ReportRow, stages: readonly ReportRow["state"][]): StatementOutcome | null {
  const { ordinal, uid, state, transaction, block } = row;
  switch (state) {
    case "rejected":
      return { ordinal, uid, state, transaction, block, reason: row.faults.join("; ") };
    case "duplicate": {
      const { line, job } = row.duplicateOf!;
      return { ordinal, uid, state, transaction, block, reason: `line ${line} of job ${job}` };
    }
    case "mismatched":
      return { ordinal, uid, state, transaction, block, reason: null };
    case "included":
    case "safe":
    case "final":
    case "verified":
      return stages.includes(state) ? { ordinal, uid, state, transaction, block, reason: null } : null;
    default:
      return null;
  }
}
