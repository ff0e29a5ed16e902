import type { DatabaseSync, StatementSync } from "node:sqlite";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import type { Selectable } from "kysely";
import { WaybillError } from "../errors.js";
import { type Hex, unhex, ZERO_ADDRESS, ZERO_WORD } from "../hex.js";
import type { AdmittedRow, StoredItem } from "./store.js";
import type { Tables } from "./tables.js";

export type HotStatements = ReturnType<typeof hotStatements>;

/**
 * What is done for every item, past Kysely, which builds the query anew each time and takes many rows only as JSON,
 * where SQLite looks for every value by its name: of 30,000 rows, each was 42 µs of CPU time and is 15.
 * They run in the transaction that is open, for there is one connection.
 */
export function hotStatements(database: DatabaseSync) {
  const prepared = (text: string): (() => StatementSync) => {
    let statement: StatementSync | undefined;
    return () => (statement ??= database.prepare(text));
  };
  return {
    insert: prepared(`
      INSERT INTO items (job, ordinal, line, work, stream, uid, recipient, ref, expires_at, revocable, salt, data,
        bytes, tokens, words, duplicate_of, faults)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (uid, work) WHERE duplicate_of IS NULL AND faults IS NULL DO NOTHING
    `),
    first: prepared(`
      SELECT items.id, items.job, jobs.state, jobs.name FROM items JOIN jobs ON jobs.id = items.job
      WHERE items.uid = ? AND items.work = ? AND items.duplicate_of IS NULL AND items.faults IS NULL
    `),
    waiting: prepared(`
      SELECT id, bytes, tokens, words, coalesce(stream, '${ZERO_WORD}') AS stream, most FROM items
      WHERE job = ? AND batch IS NULL AND duplicate_of IS NULL AND faults IS NULL
        AND (refusal IS NULL OR stream IS NOT NULL)
      ORDER BY ordinal LIMIT ?
    `),
    waitingElsewhere: prepared(`
      SELECT id, bytes, tokens, words, coalesce(stream, '${ZERO_WORD}') AS stream, most FROM items
      WHERE job = ? AND batch IS NULL AND duplicate_of IS NULL AND faults IS NULL
        AND (refusal IS NULL OR stream IS NOT NULL)
        AND (stream IS NULL OR stream NOT IN (SELECT value FROM json_each(?)))
      ORDER BY ordinal LIMIT ?
    `),
    items: prepared(`
      SELECT items.id, items.line, '0x' || lower(hex(items.uid)) AS uid, items.recipient, items.ref,
        items.expires_at AS expiresAt, items.revocable, items.salt, items.data, jobs.reason
      FROM items JOIN jobs ON jobs.id = items.job
      WHERE items.batch = ? ORDER BY items.place
    `),
  };
}

/** @returns how many of the rows repeat an item that is stored already */
export function insertItems(
  hot: HotStatements,
  { id: job, act, reason }: { id: number; act: string; reason: string },
  first: number,
  rows: readonly AdmittedRow[],
): number {
  const insert = hot.insert();
  const reasonWords = Math.ceil(utf8ToBytes(reason).length / 32);
  let duplicates = 0;
  rows.forEach((row, index) => {
    const ordinal = first + index;
    const stream = row.kind === "item" && row.stream !== ZERO_WORD ? row.stream : null;
    // A stream holds a statement once, at whatever level.
    const work = stream ?? act;
    const bare = (uid: Uint8Array | null, duplicateOf: number | null, faults: string | null) =>
      insert.run(
        job,
        ordinal,
        row.line,
        work,
        stream,
        uid,
        null,
        null,
        0,
        0,
        null,
        null,
        0,
        0,
        0,
        duplicateOf,
        faults,
      );
    if (row.kind === "rejected") {
      bare(null, null, JSON.stringify(row.faults));
      return;
    }
    const uid = unhex(row.uid);
    const { changes } =
      row.kind === "revocation"
        ? insert.run(
            ...[job, ordinal, row.line, work, stream, uid, null, null, 0, 0, null, null],
            ...[32, 128, reasonWords, null, null],
          )
        : insertItem(insert, job, ordinal, work, stream, uid, row);
    if (changes === 1) return;
    const known = hot.first().get(uid, work) as { id: number; job: number; state: string; name: string };
    // Whether the other is ever admitted is not known yet: a repeat of it could become a repeat of nothing.
    if (known.job !== job && known.state === "admitting") {
      throw new WaybillError("E_STORE_ADMITTING", `${row.uid} is being admitted from ${known.name}`, {
        mend: "run again when that is through: this admission goes on where it was",
      });
    }
    duplicates += 1;
    bare(uid, known.id, null);
  });
  return duplicates;
}

function insertItem(
  insert: StatementSync,
  job: number,
  ordinal: number,
  work: string,
  stream: string | null,
  uid: Uint8Array,
  { line, item, size }: Extract<AdmittedRow, { kind: "item" }>,
) {
  return insert.run(
    job,
    ordinal,
    line,
    work,
    stream,
    uid,
    item.recipient === ZERO_ADDRESS ? null : item.recipient,
    item.ref === ZERO_WORD ? null : item.ref,
    item.expiresAt,
    item.revocable ? 1 : 0,
    item.salt === ZERO_WORD ? null : item.salt,
    item.data,
    size.bytes,
    size.tokens,
    size.words,
    null,
    null,
  );
}

export type StoredItemRow = Pick<
  Selectable<Tables["items"]>,
  "id" | "line" | "recipient" | "ref" | "revocable" | "salt" | "data"
> & { uid: Hex; expiresAt: number; reason: string };

export function storedItemOf(row: StoredItemRow): StoredItem {
  return {
    id: row.id,
    line: row.line,
    uid: row.uid,
    item: {
      recipient: (row.recipient as Hex | null) ?? ZERO_ADDRESS,
      ref: (row.ref as Hex | null) ?? ZERO_WORD,
      expiresAt: row.expiresAt,
      revocable: row.revocable === 1,
      salt: (row.salt as Hex | null) ?? ZERO_WORD,
      data: row.data ?? utf8ToBytes(row.reason),
    },
  };
}
