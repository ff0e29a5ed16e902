import { type Selectable, sql, type Transaction } from "kysely";
import { apply, type Batch, type BatchEvent, type BatchState, LIVE, OPEN } from "../batch.js";
import { WaybillError } from "../errors.js";
import { type Hex, hex, unhex } from "../hex.js";
import type {
  AttemptTerms,
  LaneToken,
  Overspent,
  SignedAttempt,
  Spending,
  StoredAttempt,
  StoredBatch,
} from "./store.js";
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
  if (!LIVE.includes(batch.state)) {
    await trx.updateTable("items").set({ batch: null, place: null }).where("batch", "=", id).execute();
  }
}

/** Law 3: an attempt, and what it makes of its batch, on disk in one transaction. */
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
  await applyEvent(trx, batch, event);
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
  const needed = attempt.maxFee * attempt.gasLimit;
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
    noop: row.noop === 1,
    head: { number: row.head, timestamp: row.head_time },
  };
}

/** Wei that a batch costs if its dearest attempt pays all that it offers. */
async function mostOf(trx: Trx, batch: number): Promise<bigint> {
  const attempts = await trx
    .selectFrom("attempts")
    .select(["max_fee", "gas_limit"])
    .where("batch", "=", batch)
    .execute();
  return attempts
    .map((attempt) => BigInt(attempt.max_fee) * BigInt(attempt.gas_limit))
    .reduce((a, b) => (a > b ? a : b), 0n);
}

/** Wei that were paid, as far as the chain says now. */
function costOf(batch: Batch): bigint {
  return "inclusion" in batch ? batch.inclusion.gasUsed * batch.inclusion.gasPrice : 0n;
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

export function batchOf(row: Pick<Selectable<Tables["batches"]>, keyof StoredBatch>): StoredBatch {
  return { ...row, lane: row.lane as Hex, batch: JSON.parse(row.batch, reviveBatch) as Batch };
}

/** Where the stream ends when all live batches of it have landed. */
export async function endOf(trx: Trx, attester: string, stream: string): Promise<number> {
  const { end } = await trx
    .selectFrom("batches")
    .innerJoin("jobs", "jobs.id", "batches.job")
    .select(({ fn }) => fn.max(sql<number | null>`batches.position + batches.count`).as("end"))
    .where("jobs.stream", "=", stream)
    .where("jobs.attester", "=", attester)
    .where("batches.state", "in", LIVE)
    .executeTakeFirstOrThrow();
  return end ?? 0;
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

/** A position belongs to one live batch of its stream, as a nonce belongs to one of its lane. */
export async function checkPosition(trx: Trx, batch: number, position: number): Promise<void> {
  const { attester, stream } = await trx
    .selectFrom("batches")
    .innerJoin("jobs", "jobs.id", "batches.job")
    .select(["jobs.attester", "jobs.stream"])
    .where("batches.id", "=", batch)
    .executeTakeFirstOrThrow();
  const end = await endOf(trx, attester, stream);
  if (position < end) throw new Error(`position ${position} of stream ${stream} is taken: it ends at ${end}`);
}

function plainBigints(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}

export function reviveBatch(key: string, value: unknown): unknown {
  return key === "gasUsed" || key === "gasPrice" ? BigInt(value as string) : value;
}
