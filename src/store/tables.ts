import type { DatabaseSync } from "node:sqlite";
import type { Generated } from "kysely";
import { WaybillError } from "../errors.js";
import { ZERO_WORD } from "../hex.js";

export type Tables = {
  facts: { name: string; value: string };
  jobs: {
    id: Generated<number>;
    key: string;
    act: string;
    name: string;
    schema: string;
    definition: string;
    attester: string;
    reason: string;
    tenant: string;
    priority: string;
    refusals: string;
    flows: number;
    state: string;
    rows: number;
    rejected: number;
    duplicates: number;
    created_at: number;
    /** wei that the job may cost in all */
    budget: string | null;
    /** wei per gas that it pays at most */
    max_fee: string | null;
    /** economy or deadline; null for max */
    mode: string | null;
    /** since when, or by when; Unix seconds */
    moment: number | null;
    /** wei that are paid for good */
    settled: Generated<string>;
  };
  items: {
    id: Generated<number>;
    job: number;
    ordinal: number;
    line: number;
    /** what is done to the uid: its stream, or else the act of its job */
    work: string;
    stream: string | null;
    uid: Uint8Array | null;
    recipient: string | null;
    ref: string | null;
    expires_at: number;
    revocable: number;
    salt: string | null;
    data: Uint8Array | null;
    bytes: number;
    tokens: number;
    words: number;
    duplicate_of: number | null;
    faults: string | null;
    batch: number | null;
    place: number | null;
    /** what the registry said against it, while it waits all the same */
    refusal: string | null;
    most: number | null;
    mismatched: Generated<number>;
  };
  batches: {
    id: Generated<number>;
    job: number;
    /** the batch whose transaction it is in; null if it has its own */
    lead: number | null;
    lane: string;
    stream: string;
    nonce: number | null;
    position: number | null;
    count: number;
    state: string;
    /** the whole of src/batch.ts's Batch, as JSON; `state` repeats its state for the index */
    batch: string;
    mismatched: Generated<number>;
    /** wei that were paid, once it is in a block */
    cost: Generated<string>;
  };
  attempts: {
    id: Generated<number>;
    batch: number;
    transaction_hash: string;
    raw: Uint8Array;
    max_fee: string;
    tip: string;
    gas_limit: string;
    /** wei that the chain may take besides gas */
    l1_fee: string;
    noop: number;
    head: number;
    head_time: number;
    signed_at: number;
  };
  events: { id: Generated<number>; batch: number; event: string; at: number };
  lanes: { lane: string; token: number };
  blocks: { number: number; hash: string };
};

const VERSION = 6;

/**
 * Creates the tables in an empty file.
 *
 * Items are written at most three times: admitted, assigned, and if their record turns out to differ. The states in
 * between are their batch's.
 */
export function createTables(database: DatabaseSync): void {
  if (versionOf(database) === 0) database.exec(TABLES);
  checkVersion(database);
}

/** @throws WaybillError E_STORE_VERSION if another version of the program made the tables */
export function checkVersion(database: DatabaseSync): void {
  const found = versionOf(database);
  if (found === VERSION) return;
  throw new WaybillError(
    "E_STORE_VERSION",
    `the store has format ${found}, and this program knows format ${VERSION}`,
    { mend: "use the version of waybill that wrote it, or another directory with --data" },
  );
}

function versionOf(database: DatabaseSync): number {
  return (database.prepare("PRAGMA user_version").get() as { user_version: number }).user_version;
}

const TABLES = `
    BEGIN;
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE jobs (
      id INTEGER PRIMARY KEY,
      key TEXT NOT NULL UNIQUE,
      act TEXT NOT NULL,
      name TEXT NOT NULL,
      schema TEXT NOT NULL,
      definition TEXT NOT NULL,
      attester TEXT NOT NULL,
      reason TEXT NOT NULL,
      tenant TEXT NOT NULL,
      priority TEXT NOT NULL,
      refusals TEXT NOT NULL,
      flows INTEGER NOT NULL,
      state TEXT NOT NULL,
      rows INTEGER NOT NULL,
      rejected INTEGER NOT NULL,
      duplicates INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      budget TEXT,
      max_fee TEXT,
      mode TEXT,
      moment INTEGER,
      settled TEXT NOT NULL DEFAULT '0'
    ) STRICT;
    CREATE TABLE items (
      id INTEGER PRIMARY KEY,
      job INTEGER NOT NULL REFERENCES jobs,
      ordinal INTEGER NOT NULL,
      line INTEGER NOT NULL,
      work TEXT NOT NULL,
      stream TEXT,
      uid BLOB,
      recipient TEXT,
      ref TEXT,
      expires_at INTEGER NOT NULL,
      revocable INTEGER NOT NULL,
      salt TEXT,
      data BLOB,
      bytes INTEGER NOT NULL,
      tokens INTEGER NOT NULL,
      words INTEGER NOT NULL,
      duplicate_of INTEGER REFERENCES items,
      faults TEXT,
      batch INTEGER REFERENCES batches,
      place INTEGER,
      refusal TEXT,
      most INTEGER,
      mismatched INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE UNIQUE INDEX items_in_order ON items (job, ordinal);
    CREATE UNIQUE INDEX items_once ON items (uid, work) WHERE duplicate_of IS NULL AND faults IS NULL;
    CREATE INDEX items_waiting ON items (job, ordinal)
      WHERE batch IS NULL AND duplicate_of IS NULL AND faults IS NULL;
    CREATE INDEX items_waiting_in_stream ON items (job, stream, ordinal)
      WHERE stream IS NOT NULL AND batch IS NULL AND duplicate_of IS NULL AND faults IS NULL;
    CREATE INDEX items_refused ON items (job, ordinal) WHERE refusal IS NOT NULL;
    -- Asked by the foreign key for every row that is deleted: without it, dropping 3,000 rows scans all others 3,000 times.
    CREATE INDEX items_repeating ON items (duplicate_of) WHERE duplicate_of IS NOT NULL;
    CREATE INDEX items_of_batch ON items (batch, place) WHERE batch IS NOT NULL;
    CREATE TABLE batches (
      id INTEGER PRIMARY KEY,
      job INTEGER NOT NULL REFERENCES jobs,
      lead INTEGER REFERENCES batches,
      lane TEXT NOT NULL,
      stream TEXT NOT NULL,
      nonce INTEGER,
      position INTEGER,
      count INTEGER NOT NULL,
      state TEXT NOT NULL,
      batch TEXT NOT NULL,
      mismatched INTEGER NOT NULL DEFAULT 0,
      cost TEXT NOT NULL DEFAULT '0'
    ) STRICT;
    CREATE INDEX batches_in_state ON batches (state, id);
    CREATE UNIQUE INDEX batches_by_nonce ON batches (lane, nonce) WHERE nonce IS NOT NULL;
    CREATE INDEX batches_of_job ON batches (job, state);
    CREATE INDEX batches_together ON batches (lead) WHERE lead IS NOT NULL;
    CREATE INDEX batches_of_stream ON batches (stream, state) WHERE stream <> '${ZERO_WORD}';
    CREATE INDEX batches_by_position ON batches (stream, position) WHERE position IS NOT NULL;
    CREATE TABLE attempts (
      id INTEGER PRIMARY KEY,
      batch INTEGER NOT NULL REFERENCES batches,
      transaction_hash TEXT NOT NULL UNIQUE,
      raw BLOB NOT NULL,
      max_fee TEXT NOT NULL,
      tip TEXT NOT NULL,
      gas_limit TEXT NOT NULL,
      l1_fee TEXT NOT NULL,
      noop INTEGER NOT NULL,
      head INTEGER NOT NULL,
      head_time INTEGER NOT NULL,
      signed_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX attempts_of_batch ON attempts (batch);
    CREATE TABLE events (
      id INTEGER PRIMARY KEY,
      batch INTEGER NOT NULL REFERENCES batches,
      event TEXT NOT NULL,
      at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX events_of_batch ON events (batch);
    CREATE TABLE lanes (lane TEXT PRIMARY KEY, token INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE blocks (number INTEGER PRIMARY KEY, hash TEXT NOT NULL) STRICT;
    PRAGMA user_version = ${VERSION};
    COMMIT;
`;
