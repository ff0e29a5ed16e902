import type { Hex } from "../hex.js";
import type { Admitted, AdmittedRow, Job, Store } from "../store/store.js";
import type { Door } from "./door.js";
import { faultText, type RowFault, type RowResult } from "./rows.js";
import { type Frame, type Statement, statementOf } from "./statement.js";

/**
 * Rows that are stored in one transaction. Uids are in no order, so each row of it changes a page of their index, and
 * a page that several rows change is written once: among 100,000 rows, 16 µs a row where 1,000 at a time take 23.
 */
export const PAGE = 5000;

/** Bytes of data in one transaction: a page is in memory three times over on its way to the disk. */
export const PAGE_BYTES = 2 ** 22;

/** Faults of one row that are kept: the first ones tell what is wrong. */
const FAULTS = 100;

/** `replaces`: uid of the attestation whose place it takes, of rows that are to take one's */
export type CheckedRow =
  | { ok: true; line: number; statement: Statement; replaces: Hex | null }
  | { ok: false; line: number; faults: RowFault[] };

/**
 * Rows as they would be admitted, good and bad, in order.
 * @param replacing whether each takes the place of an earlier one: then it names that, and else none does
 */
export async function* checkedRows(
  rows: AsyncIterable<RowResult>,
  frame: Frame,
  replacing = false,
): AsyncGenerator<CheckedRow> {
  for await (const result of rows) {
    if (!result.ok) {
      yield result;
      continue;
    }
    const { line, replaces } = result.row;
    const made = statementOf(result.row, frame);
    const faults = made.ok ? [] : made.faults;
    if (replacing !== (replaces !== null)) {
      const problem = replacing
        ? "no uid of the attestation whose place it takes"
        : "only `waybill replace` revokes what a row takes the place of; submitted, both would be valid";
      faults.push({ line, column: "replaces", code: "E_ROW_REPLACES", problem });
    }
    yield made.ok && faults.length === 0
      ? { ok: true, line, statement: made.statement, replaces: replaces as Hex | null }
      : { ok: false, line, faults };
  }
}

/**
 * Stores the rows of a job that are not stored yet, and opens it for planning. Cut short, it goes on where it was:
 * the rows of one input are always the same in the same order.
 * @param options `onPage`: told after each page, when its rows are on disk, how many are; `unchanged`: throws if the
 *   input is no longer what the job's key names, and the job stays closed; `flow`: of a job that flows, whose rows go
 *   while others are still read: pages wait at its door, `same` throws before a page if the input has changed
 */
export async function admit(
  store: Store,
  job: Job,
  rows: AsyncIterable<AdmittedRow>,
  options: {
    onPage?: (stored: number, admitted: Admitted) => void;
    unchanged?: () => Promise<void>;
    flow?: { door: Door; signal: AbortSignal; same: () => Promise<void> };
  } = {},
): Promise<void> {
  const { onPage = () => {}, unchanged = async () => {}, flow } = options;
  if (job.state === "open") return;
  let seen = 0;
  let page: AdmittedRow[] = [];
  let bytes = 0;
  const storePage = async () => {
    while (page.length > 0) {
      await flow?.same();
      await flow?.door.opened(flow.signal);
      const some = page.slice(0, flow?.door.room() ?? page.length);
      flow?.door.enter(some.map((row) => (row.kind === "item" ? row.size : null)));
      const admitted = await store.admit(job.id, some);
      page = page.slice(some.length);
      onPage(admitted.first + some.length, admitted);
    }
    bytes = 0;
  };
  for await (const row of rows) {
    seen += 1;
    if (seen <= job.rows) continue;
    page.push(row);
    bytes += row.kind === "item" ? row.size.bytes : 0;
    if (page.length === PAGE || bytes >= PAGE_BYTES) await storePage();
  }
  await storePage();
  await unchanged();
  await store.release(job.id);
}

/** Checked rows as the store keeps them. @param file name of the input, for the faults */
export async function* admittedRows(
  rows: AsyncIterable<CheckedRow>,
  file: string,
): AsyncGenerator<AdmittedRow> {
  for await (const row of rows) {
    yield row.ok
      ? { kind: "item", line: row.line, ...row.statement }
      : {
          kind: "rejected",
          line: row.line,
          faults: row.faults.slice(0, FAULTS).map((fault) => faultText(file, fault)),
        };
  }
}
