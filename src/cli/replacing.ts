import type { CheckedRow } from "../admission/admit.js";
import { quote, type RowFault } from "../admission/rows.js";
import type { Statement } from "../admission/statement.js";
import { headOf } from "../chain/head.js";
import { type Record, type Registry, sameAddress } from "../chain/registry.js";
import { WaybillError } from "../errors.js";
import type { Hex } from "../hex.js";
import { ZERO_WORD } from "../hex.js";
import type { AdmittedRow, NewJob } from "../store/store.js";
import { counted } from "./output.js";
import { ALONE, type Finished, jobKey, runJob, type Work } from "./work.js";

/** `uid` takes the place of `replaces`. */
export type Replacement = { line: number; uid: Hex; replaces: Hex };

/** What is asked of a node about so many uids at a time. */
const PAGE = 500;

/** Lines that an error names. */
const NAMED = 20;

/**
 * The same rows, with what stands against replacing: an old statement that cannot be revoked by this issuer, and a new
 * one that could never be valid afterwards. The uids of all rows are in memory: a statement must not take the place of
 * another and be revoked by a third row.
 */
export async function* replaceable(
  rows: AsyncIterable<CheckedRow>,
  registry: Registry,
  issuer: Hex,
): AsyncGenerator<CheckedRow> {
  const olds = new Map<Hex, number>();
  const news = new Map<Hex, number>();
  for await (const page of pagesOf(rows)) {
    const good = page.flatMap((row) => (row.ok ? [{ ...row, replaces: row.replaces! }] : []));
    const records = await registry.records(
      good.flatMap(({ statement, replaces }) => [replaces, statement.uid]),
      "latest",
    );
    let at = 0;
    for (const row of page) {
      if (!row.ok) {
        yield row;
        continue;
      }
      const replaces = row.replaces!;
      const { uid } = row.statement;
      if (!olds.has(replaces)) olds.set(replaces, row.line);
      if (!news.has(uid)) news.set(uid, row.line);
      const problem =
        againstOld(replaces, records[at] ?? null, issuer) ??
        againstNew(records[at + 1] ?? null) ??
        crossing(uid, replaces, olds, news);
      at += 2;
      const fault = (text: string): RowFault => {
        return { line: row.line, column: "replaces", code: "E_ROW_REPLACES", problem: text };
      };
      yield problem === null ? row : { ok: false, line: row.line, faults: [fault(problem)] };
    }
  }
}

/** The same of one. @throws WaybillError E_ROW_REPLACES */
export async function requireReplaceable(
  statement: Statement,
  replaces: Hex,
  registry: Registry,
  issuer: Hex,
): Promise<void> {
  const row = async function* (): AsyncGenerator<CheckedRow> {
    yield { ok: true, line: 1, statement, replaces };
  };
  for await (const checked of replaceable(row(), registry, issuer)) {
    if (!checked.ok) throw new WaybillError("E_ROW_REPLACES", `--replaces: ${checked.faults[0]!.problem}`);
  }
}

function againstOld(uid: Hex, record: Record | null, issuer: Hex): string | null {
  if (record === null || record.recordedAt === 0) return `${quote(uid)} is not recorded here`;
  if (!sameAddress(record.attester, issuer)) return `it was issued by ${record.attester}, not by ${issuer}`;
  return record.revocable ? null : "it says that it can never be revoked";
}

function againstNew(record: Record | null): string | null {
  if (record === null || !record.revoked) return null;
  return "what the row says was issued and revoked before, for ever: give the row an id, which makes it another statement";
}

function crossing(
  uid: Hex,
  replaces: Hex,
  olds: ReadonlyMap<Hex, number>,
  news: ReadonlyMap<Hex, number>,
): string | null {
  if (uid === replaces) return "the row says the same as what it would take the place of";
  const old = olds.get(uid);
  if (old !== undefined) return `line ${old} takes the place of what this row says`;
  const other = news.get(replaces);
  return other === undefined ? null : `line ${other} says what this row would take the place of`;
}

async function* pagesOf(rows: AsyncIterable<CheckedRow>): AsyncGenerator<CheckedRow[]> {
  let page: CheckedRow[] = [];
  for await (const row of rows) {
    page.push(row);
    if (page.length < PAGE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

/**
 * Issues statements, and revokes those whose places they take once all new ones are safe: there is no block in which
 * neither of the two is valid. Two jobs, whose keys and rows depend on what was asked for and on nothing that happens:
 * wherever a run is cut short, the next one goes on, and no old one is left out.
 * @param issue the job of the new ones, and its rows
 * @param replacements of all rows, each time the same in the same order
 * @throws WaybillError E_REPLACE_INVALID, with nothing revoked, if a new one is not valid on the chain
 */
export async function runReplacement(
  work: Omit<Work, "until">,
  issue: { job: NewJob; rows: () => AsyncIterable<AdmittedRow>; unchanged?: () => Promise<void> },
  replacements: () => AsyncIterable<Replacement>,
  reason: string,
): Promise<{ issued: Finished; revoked: Finished | null }> {
  const { store, connection, registry } = work;
  const issued = await runJob({ ...work, until: "safe" }, issue.job, issue.rows, issue);
  if (issued.exit !== 0) return { issued, revoked: null };

  const revocation: NewJob = {
    key: jobKey(["replace", "revoke", issue.job.key, reason]),
    act: "revoke",
    name: `revoke what ${issue.job.name} replaces`,
    schema: ZERO_WORD,
    definition: "",
    attester: issue.job.attester,
    reason,
    ...ALONE,
    tenant: issue.job.tenant,
    priority: issue.job.priority,
  };
  // Once the list is whole it is carried out: a new statement that is revoked later takes nothing back.
  const listed = (await store.jobs()).some(({ key, state }) => key === revocation.key && state === "open");
  if (!listed) await requireValid(registry, connection.chain, issue.job.attester, replacements());
  const rows = async function* (): AsyncGenerator<AdmittedRow> {
    for await (const { line, replaces } of replacements()) yield { kind: "revocation", line, uid: replaces };
  };
  const { budget } = work.fees;
  const rest = budget === null ? null : budget > issued.paid ? budget - issued.paid : 0n;
  const revoked = await runJob(
    { ...work, fees: { ...work.fees, budget: rest }, until: "final" },
    revocation,
    rows,
    issue,
  );
  // One that the registry refuses to revoke is valid beside its new one.
  if (revoked.counts.rejected > 0) return { issued, revoked: { ...revoked, exit: 1 } };
  if (revoked.exit !== 0) return { issued, revoked };
  return {
    issued: await runJob({ ...work, until: "final" }, issue.job, issue.rows, issue),
    revoked,
  };
}

async function requireValid(
  registry: Registry,
  chain: Work["connection"]["chain"],
  issuer: Hex,
  replacements: AsyncIterable<Replacement>,
): Promise<void> {
  const at = (await chain.block("safe")) ?? (await headOf(chain));
  const invalid: number[] = [];
  let count = 0;
  let page: Replacement[] = [];
  const check = async () => {
    const records = await registry.records(
      page.map(({ uid }) => uid),
      at.hash,
    );
    for (const [index, { line }] of page.entries()) {
      if (isValid(records[index] ?? null, issuer, at.timestamp)) continue;
      count += 1;
      if (invalid.length < NAMED) invalid.push(line);
    }
    page = [];
  };
  for await (const replacement of replacements) {
    page.push(replacement);
    if (page.length === PAGE) await check();
  }
  if (page.length > 0) await check();
  if (count === 0) return;
  const more = count > invalid.length ? " and more" : "";
  throw new WaybillError(
    "E_REPLACE_INVALID",
    `${counted(count, "new attestation")} not valid at block ${at.number}, so nothing was revoked: line ${invalid.join(", ")}${more}`,
    { mend: "run again if the node was behind; what expired or was revoked since needs a row that is valid" },
  );
}

function isValid(record: Record | null, issuer: Hex, now: number): boolean {
  if (record === null || record.revoked || record.recordedAt === 0) return false;
  return sameAddress(record.attester, issuer) && (record.expiresAt === 0 || record.expiresAt > now);
}
