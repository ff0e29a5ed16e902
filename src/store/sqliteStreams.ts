import { sql, type Transaction } from "kysely";
import { type BatchState, LIVE } from "../batch.js";
import { type Hex, ZERO_WORD } from "../hex.js";
import type { StreamState } from "./store.js";
import type { Tables } from "./tables.js";

type Trx = Transaction<Tables>;

/** Where the stream ends when all live batches of it have landed. */
export async function endOf(trx: Trx, attester: Hex, stream: Hex): Promise<number> {
  const last = await trx
    .selectFrom("batches")
    .innerJoin("jobs", "jobs.id", "batches.job")
    .select(sql<number>`batches.position + batches.count`.as("end"))
    .where("batches.stream", "=", stream)
    .where("batches.position", "is not", null)
    .where("jobs.attester", "=", attester)
    .where("batches.state", "in", LIVE)
    .orderBy("batches.position", "desc")
    .executeTakeFirst();
  return last?.end ?? 0;
}

export async function streamsOf(
  trx: Trx,
  attester: Hex,
  keys: readonly Hex[],
): Promise<Map<Hex, StreamState>> {
  const found = new Map<Hex, StreamState>();
  for (const key of keys)
    found.set(key, { end: await endOf(trx, attester, key), lane: null, signed: false, failed: false });
  if (keys.length === 0) return found;
  const open: BatchState[] = ["planned", "signed", "included", "safe"];
  const { rows } = await sql<{ stream: Hex; lane: Hex; state: BatchState; failed: number }>`
    SELECT batches.stream, batches.lane, batches.state,
      coalesce(batches.batch ->> '$.inclusion.succeeded' = 0, 0) OR (batches.state = 'signed' AND EXISTS (
        SELECT 1 FROM attempts WHERE attempts.batch = coalesce(batches.lead, batches.id) AND attempts.noop = 1
      )) AS failed
    FROM batches JOIN jobs ON jobs.id = batches.job
    WHERE batches.stream IN (SELECT value FROM json_each(${JSON.stringify(keys)}))
      AND batches.stream <> ${ZERO_WORD}
      AND batches.state IN (SELECT value FROM json_each(${JSON.stringify(open)}))
      AND jobs.attester = ${attester}
    ORDER BY batches.id
  `.execute(trx);
  for (const { stream, lane, state, failed } of rows) {
    const one = found.get(stream)!;
    if (failed === 1) one.failed = true;
    // What is safe binds a stream to no lane any more.
    if (state === "safe") continue;
    const isSigned = state !== "planned";
    if (isSigned || !one.signed) one.lane = lane;
    if (isSigned) one.signed = true;
  }
  return found;
}

/** Ids of items in runs of one stream, in order; of none that is not there. */
export async function runsOf(trx: Trx, ids: readonly number[]): Promise<{ stream: Hex; items: number[] }[]> {
  const { rows } = await sql<{ id: number; stream: Hex | null }>`
    SELECT chosen.value AS id, items.stream FROM json_each(${JSON.stringify(ids)}) AS chosen
    LEFT JOIN items ON items.id = chosen.value ORDER BY chosen.key
  `.execute(trx);
  const runs: { stream: Hex; items: number[] }[] = [];
  for (const { id, stream: key } of rows) {
    const stream = key ?? ZERO_WORD;
    const last = runs.at(-1);
    if (last?.stream === stream) last.items.push(id);
    else runs.push({ stream, items: [id] });
  }
  return runs;
}
