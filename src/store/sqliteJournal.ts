import { type Selectable, sql, type Transaction } from "kysely";
import { apply, type Batch, type BatchEvent, type BatchState, LIVE, OPEN } from "../batch.js";
import { WaybillError } from "../errors.js";
import { type Hex, hex, unhex, ZERO_WORD } from "../hex.js";
import type {
  AttemptTerms,
  LaneToken,
  Overspent,
  SignedAttempt,
  Spending,
  StoredAttempt,
  StoredBatch,
} from "./store.js";
import { endOf } from "./sqliteStreams.js";
import type { Tables } from "./tables.js";

export type Trx = Transaction<Tables>;

/** Law 5: the event and the state that it makes, in one transaction. */
export async function applyEvent(trx: Trx, id: number, event: BatchEvent): Promise<void> {
  const row = await trx
    .selectFrom("batches")
    .select(["batch", "job"])
    .where("id", "=", id)
    .executeTakeFirstOrThrow();
  const before = JSON.parse(row.batch, reviveBatch) as Batch;
  const batch = apply(before, event);
  await trx
    .insertInto("events")
    .values({ batch: id, event: JSON.stringify(event, plainBigints), at: Date.now() })
    .execute();
  await trx
    .updateTable("batches")
    .set({
      state: batch.state,
      batch: JSON.stringify(batch, plainBigints),
      cost: costOf(batch).toString(),
    })
    .where("id", "=", id)
    .execute();
  if (OPEN.includes(before.state) && !OPEN.includes(batch.state)) {
    const { settled } = await trx
      .selectFrom("jobs")
      .select("settled")
      .where("id", "=", row.job)
      .executeTakeFirstOrThrow();
    const paid = BigInt(settled) + costOf(batch);
    await trx.updateTable("jobs").set({ settled: paid.toString() }).where("id", "=", row.job).execute();
  }
  if (LIVE.includes(batch.state)) return;
  if (batch.state === "reverted") await suspect(trx, id, batch);
  await trx.updateTable("items").set({ batch: null, place: null }).where("batch", "=", id).execute();
}

/** After so many transactions that failed with it in them, the last of them with nothing else, an item is at fault. */
const FAILS_ALONE = "it fails in a block, alone in its transaction, though a node runs it well";

/**
 * What a node ran well and failed in a block goes again by halves: a transaction was paid for, so that many must not be
 * for one item. Not in a stream, where all behind a position that was taken fails, and none of it is at fault.
 */
async function suspect(trx: Trx, id: number, { inclusion }: Batch & { state: "reverted" }): Promise<void> {
  const { stream, count, job, lead } = await trx
    .selectFrom("batches")
    .select(["stream", "count", "job", sql<number>`coalesce(lead, id)`.as("lead")])
    .where("id", "=", id)
    .executeTakeFirstOrThrow();
  const attempts = await attemptsOf(trx, lead);
  const isOurs = attempts.some((one) => one.transaction === inclusion.transaction && !one.noop);
  if (stream !== ZERO_WORD || !isOurs || count === 0) return;
  const { most } = await trx
    .selectFrom("items")
    .select(({ fn }) => fn.min("most").as("most"))
    .where("batch", "=", id)
    .executeTakeFirstOrThrow();
  // Once is not enough: what waits for long in a pool fails for the age of its signature.
  if (count > 1 || most !== 1) {
    await trx
      .updateTable("items")
      .set({ most: Math.max(1, count >> 1) })
      .where("batch", "=", id)
      .execute();
    return;
  }
  const faults = JSON.stringify([FAILS_ALONE]);
  await trx
    .updateTable("items")
    .set({ faults, refusal: FAILS_ALONE, most: null })
    .where("batch", "=", id)
    .execute();
  await sql`UPDATE jobs SET rejected = rejected + 1 WHERE id = ${job}`.execute(trx);
}

/** The batches of a transaction, in its order. */
export async function membersOf(trx: Trx, lead: number): Promise<number[]> {
  const rows = await trx
    .selectFrom("batches")
    .select("id")
    .where(({ or, eb }) => or([eb("id", "=", lead), eb("lead", "=", lead)]))
    .orderBy("id")
    .execute();
  return rows.map((row) => row.id);
}

/**
 * An event of a transaction, applied to every batch of it. What is in a block by another way is past being sent, and
 * a transaction is replaced only as long as none of it is.
 */
export async function applyToAll(trx: Trx, lead: number, event: BatchEvent): Promise<void> {
  await applyEvent(trx, lead, event);
  for (const member of await membersOf(trx, lead)) if (member !== lead) await applyEvent(trx, member, event);
}

/** Law 3: an attempt, and what it makes of its batches, on disk in one transaction. */
export async function journal(trx: Trx, attempt: StoredAttempt): Promise<StoredAttempt> {
  const { batch, lane, nonce, transaction, noop, head } = attempt;
  const { state } = await trx
    .selectFrom("batches")
    .select("state")
    .where("id", "=", batch)
    .executeTakeFirstOrThrow();
  await trx
    .insertInto("attempts")
    .values({
      batch,
      transaction_hash: transaction,
      raw: unhex(attempt.raw),
      max_fee: attempt.maxFee.toString(),
      tip: attempt.tip.toString(),
      gas_limit: attempt.gasLimit.toString(),
      l1_fee: (attempt.l1Fee ?? 0n).toString(),
      noop: noop ? 1 : 0,
      head: head.number,
      head_time: head.timestamp,
      signed_at: Date.now(),
    })
    .execute();
  const event: BatchEvent =
    state === "planned"
      ? { kind: "signed", lane, nonce, block: head.number, transaction }
      : { kind: "replaced", transaction, noop };
  await applyToAll(trx, batch, event);
  return attempt;
}

/** Law 10: what an attempt would take its job over the budget by, with all that the job may cost already. */
export async function overspentBy(
  trx: Trx,
  batch: number,
  attempt: SignedAttempt,
): Promise<Overspent | null> {
  const { job, budget } = await trx
    .selectFrom("batches")
    .innerJoin("jobs", "jobs.id", "batches.job")
    .select(["batches.job", "jobs.budget"])
    .where("batches.id", "=", batch)
    .executeTakeFirstOrThrow();
  if (budget === null) return null;
  const { committed } = await spendingOf(trx, job);
  // Attempts at one nonce cost what one of them costs.
  const others = committed - (await mostOf(trx, batch));
  const needed = attempt.maxFee * attempt.gasLimit + (attempt.l1Fee ?? 0n);
  const left = BigInt(budget) - others;
  return needed <= left ? null : { kind: "overspent", needed, left: left > 0n ? left : 0n };
}

export async function spendingOf(trx: Trx, job: number): Promise<Spending> {
  const { settled } = await trx
    .selectFrom("jobs")
    .select("settled")
    .where("id", "=", job)
    .executeTakeFirstOrThrow();
  const open = await trx
    .selectFrom("batches")
    .select(["id", "state", "cost"])
    .where("job", "=", job)
    .where("state", "in", OPEN)
    .execute();
  const spending = { paid: BigInt(settled), inFlight: 0n, committed: BigInt(settled) };
  for (const { id, state, cost } of open) {
    const most = await mostOf(trx, id);
    spending.paid += BigInt(cost);
    spending.committed += most;
    if (state === "signed") spending.inFlight += most;
  }
  return spending;
}

export async function attemptsOf(trx: Trx, batch: number): Promise<StoredAttempt[]> {
  const rows = await trx
    .selectFrom("attempts")
    .innerJoin("batches", "batches.id", "attempts.batch")
    .selectAll("attempts")
    .select(["batches.lane", "batches.nonce"])
    .where("attempts.batch", "=", batch)
    .orderBy("attempts.id")
    .execute();
  return rows.map((row) => ({
    batch,
    lane: row.lane as Hex,
    nonce: row.nonce ?? 0,
    raw: hex(row.raw),
    ...termsOf(row),
  }));
}

export function termsOf(
  row: Omit<Selectable<Tables["attempts"]>, "id" | "batch" | "raw" | "signed_at">,
): AttemptTerms {
  return {
    transaction: row.transaction_hash as Hex,
    maxFee: BigInt(row.max_fee),
    tip: BigInt(row.tip),
    gasLimit: BigInt(row.gas_limit),
    ...(row.l1_fee === "0" ? {} : { l1Fee: BigInt(row.l1_fee) }),
    noop: row.noop === 1,
    head: { number: row.head, timestamp: row.head_time },
  };
}

/** Wei that a batch costs if its dearest attempt pays all that it offers. */
async function mostOf(trx: Trx, batch: number): Promise<bigint> {
  const attempts = await trx
    .selectFrom("attempts")
    .select(["max_fee", "gas_limit", "l1_fee"])
    .where("batch", "=", batch)
    .execute();
  return attempts
    .map((attempt) => BigInt(attempt.max_fee) * BigInt(attempt.gas_limit) + BigInt(attempt.l1_fee))
    .reduce((a, b) => (a > b ? a : b), 0n);
}

/** Wei that were paid, as far as the chain says now. */
function costOf(batch: Batch): bigint {
  if (!("inclusion" in batch)) return 0n;
  const { gasUsed, gasPrice, l1Fee = 0n } = batch.inclusion;
  return gasUsed * gasPrice + l1Fee;
}

/** Law 11. @param batch that is to be written: a token says nothing about the batches of another lane */
export async function checkToken(trx: Trx, { lane, token }: LaneToken, batch?: number): Promise<void> {
  const found = await trx.selectFrom("lanes").select("token").where("lane", "=", lane).executeTakeFirst();
  if (found?.token === token) {
    if (batch === undefined) return;
    const of = await trx
      .selectFrom("batches")
      .select("lane")
      .where("id", "=", batch)
      .executeTakeFirstOrThrow();
    if (of.lane === lane) return;
    throw new Error(`batch ${batch} is on lane ${of.lane}, not on ${lane}`);
  }
  throw new WaybillError("E_LANE_TAKEN", `lane ${lane} was taken over by another process`, {
    mend: "nothing is lost: the other process goes on with it; stop this one",
  });
}

/** The columns of a StoredBatch. */
export const BATCH = [
  "id",
  "job",
  sql<number>`coalesce(lead, id)`.as("lead"),
  "lane",
  "stream",
  "count",
  "position",
  "batch",
] as const;

type BatchRow = Pick<Selectable<Tables["batches"]>, Exclude<keyof StoredBatch, "lead">> & { lead: number };

export function batchOf(row: BatchRow): StoredBatch {
  const batch = JSON.parse(row.batch, reviveBatch) as Batch;
  return { ...row, lane: row.lane as Hex, stream: row.stream as Hex, batch };
}

/** Asked before a key is: bytes for a nonce that is not the batch's must not even be made (law 4). */
export async function checkState(trx: Trx, batch: number, wanted: BatchState): Promise<void> {
  const { state } = await trx
    .selectFrom("batches")
    .select("state")
    .where("id", "=", batch)
    .executeTakeFirstOrThrow();
  if (state !== wanted) throw new Error(`batch ${batch} is ${state}, not ${wanted}`);
}

/** A position belongs to one live batch of its stream, as a nonce belongs to one of its lane. @throws Error */
export async function checkPosition(trx: Trx, batch: number, position: number): Promise<void> {
  const { attester, stream } = await trx
    .selectFrom("batches")
    .innerJoin("jobs", "jobs.id", "batches.job")
    .select(["jobs.attester", "batches.stream"])
    .where("batches.id", "=", batch)
    .executeTakeFirstOrThrow();
  const end = await endOf(trx, attester as Hex, stream as Hex);
  if (position < end) throw new Error(`position ${position} of stream ${stream} is taken: it ends at ${end}`);
}

function plainBigints(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}

export function reviveBatch(key: string, value: unknown): unknown {
  return ["gasUsed", "gasPrice", "l1Fee"].includes(key) ? BigInt(value as string) : value;
}
