import { sql, type Transaction } from "kysely";
import { type BatchEvent, LIVE } from "../batch.js";
import { type Hex, ZERO_WORD } from "../hex.js";
import { reviveBatch } from "./sqliteJournal.js";
import type { Overview, StreamOverview } from "./store.js";
import type { Tables } from "./tables.js";

/** Of what a batch goes through, what is news to somebody who waits; and that it was verified, if anything differs. */
const TOLD: readonly BatchEvent["kind"][] = ["included", "found", "unwound", "stolen"];

/** Reads what is in an index; what waits in streams is counted, and the batches of streams are looked at. */
export async function overviewOf(trx: Transaction<Tables>, events: number): Promise<Overview> {
  const lanes = await sql<{ lane: Hex; next: number }>`
    SELECT lane, coalesce((SELECT max(nonce) + 1 FROM batches WHERE batches.lane = lanes.lane), 0) AS next
    FROM lanes ORDER BY lane
  `.execute(trx);
  const newest = await trx
    .selectFrom("blocks")
    .select(({ fn }) => fn.max("number").as("number"))
    .executeTakeFirst();
  return {
    block: newest?.number ?? null,
    lanes: lanes.rows,
    streams: await streamsOf(trx),
    events: await eventsOf(trx, events),
  };
}

async function streamsOf(trx: Transaction<Tables>): Promise<StreamOverview[]> {
  const signed = await sql<{ attester: Hex; stream: Hex; landed: number | null; end: number }>`
    SELECT jobs.attester, batches.stream, max(batches.position + batches.count) AS end,
      max(iif(batches.state = 'signed' OR batches.batch ->> '$.inclusion.succeeded' = 0, NULL,
        batches.position + batches.count)) AS landed
    FROM batches JOIN jobs ON jobs.id = batches.job
    WHERE batches.stream <> ${ZERO_WORD} AND batches.position IS NOT NULL
      AND batches.state IN (SELECT value FROM json_each(${JSON.stringify(LIVE)}))
    GROUP BY jobs.attester, batches.stream
  `.execute(trx);
  const waiting = await sql<{ attester: Hex; stream: Hex; items: number }>`
    SELECT jobs.attester, items.stream, sum(items.count) AS items FROM (
      SELECT job, stream, count(*) AS count FROM items
      WHERE stream IS NOT NULL AND batch IS NULL AND duplicate_of IS NULL AND faults IS NULL
      GROUP BY job, stream
      UNION ALL
      SELECT job, stream, sum(count) FROM batches
      WHERE state = 'planned' AND stream <> ${ZERO_WORD} GROUP BY job, stream
    ) AS items JOIN jobs ON jobs.id = items.job
    GROUP BY jobs.attester, items.stream
  `.execute(trx);
  const found = new Map<string, StreamOverview>();
  for (const { attester, stream, landed, end } of signed.rows)
    found.set(`${attester} ${stream}`, { attester, stream, landed: landed ?? 0, end, waiting: 0 });
  for (const { attester, stream, items } of waiting.rows) {
    const one = found.get(`${attester} ${stream}`) ?? { attester, stream, landed: 0, end: 0, waiting: 0 };
    found.set(`${attester} ${stream}`, { ...one, waiting: items });
  }
  return [...found.values()];
}

async function eventsOf(trx: Transaction<Tables>, limit: number): Promise<Overview["events"]> {
  const { rows } = await sql<{ at: number; job: number; count: number; event: string }>`
    SELECT events.at, batches.job, events.event, (
        SELECT sum(count) FROM batches AS member WHERE member.id = batches.id OR member.lead = batches.id
      ) AS count
    FROM events JOIN batches ON batches.id = events.batch
    WHERE batches.lead IS NULL AND (events.event ->> '$.mismatched' > 0
      OR events.event ->> '$.kind' IN (SELECT value FROM json_each(${JSON.stringify(TOLD)})))
    ORDER BY events.id DESC LIMIT ${limit}
  `.execute(trx);
  return rows
    .reverse()
    .map(({ event, ...row }) => ({ ...row, event: JSON.parse(event, reviveBatch) as BatchEvent }));
}
