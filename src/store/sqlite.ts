import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Kysely, type Selectable, sql } from "kysely";
import { type Batch, type BatchState, LIVE } from "../batch.js";
import { WaybillError } from "../errors.js";
import { type Hex, hex, unhex, ZERO_WORD } from "../hex.js";
import type { Goal } from "../pace.js";
import { diskError, inodeOf } from "./disk.js";
import { lockDirectory } from "./lock.js";
import { nodeSqliteDialect } from "./sqliteDialect.js";
import type {
  Act,
  Admitted,
  AdmittedRow,
  BlockRef,
  ChainIdentity,
  Counts,
  Job,
  JobTerms,
  BlockTime,
  LaneEvent,
  LaneToken,
  NewJob,
  Overspent,
  Overview,
  Priority,
  Refusal,
  ReportRow,
  SignedAttempt,
  Spending,
  Store,
  StoredAttempt,
  StoredBatch,
  StoredItem,
  StreamState,
  UnminedBatch,
  WaitingItem,
} from "./store.js";
import {
  type HotStatements,
  hotStatements,
  insertItems,
  storedItemOf,
  type StoredItemRow,
} from "./sqliteItems.js";
import {
  applyEvent,
  applyToAll,
  attemptsOf,
  BATCH,
  batchOf,
  checkPosition,
  checkState,
  checkToken,
  journal,
  membersOf,
  overspentBy,
  reviveBatch,
  spendingOf,
  termsOf,
  type Trx,
} from "./sqliteJournal.js";
import { runsOf, streamsOf } from "./sqliteStreams.js";
import { overviewOf } from "./sqliteOverview.js";
import { checkVersion, createTables, type Tables } from "./tables.js";

/**
 * Opens the store in a directory, made if missing. One process may write; with `readOnly` any number may look.
 *
 * WAL with synchronous=FULL: a commit is on the disk when it returns. NORMAL is faster and lost commits in 4 of 12
 * simulated power cuts.
 * @throws WaybillError E_STORE_HELD if another process writes, E_STORE_NONE if there is nothing to read
 */
export function openSqliteStore(directory: string, options: { readOnly?: boolean } = {}): Store {
  const file = join(directory, "waybill.sqlite");
  if (options.readOnly === true) {
    if (!existsSync(file)) {
      throw new WaybillError("E_STORE_NONE", `there is no store in ${directory}`, {
        mend: "name the directory with --data, or submit something first",
      });
    }
    const database = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
    checkVersion(database);
    return new SqliteStore(database, () => {});
  }
  mkdirSync(directory, { recursive: true });
  const release = lockDirectory(directory);
  try {
    const database = new DatabaseSync(file);
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
    createTables(database);
    return new SqliteStore(database, release, file);
  } catch (error) {
    release();
    throw error;
  }
}

class SqliteStore implements Store {
  readonly #kysely: Kysely<Tables>;
  readonly #hot: HotStatements;
  readonly #release: () => void;
  readonly #admitting = new Set<Hex>();
  readonly #isThere: () => boolean;
  #queue: Promise<unknown> = Promise.resolve();

  /** @param file what is written to; left out if nothing is */
  constructor(database: DatabaseSync, release: () => void, file?: string) {
    this.#kysely = new Kysely<Tables>({ dialect: nodeSqliteDialect(database) });
    this.#hot = hotStatements(database);
    this.#release = release;
    const inode = file === undefined ? null : inodeOf(file);
    this.#isThere = () => inode === null || inodeOf(file!) === inode;
  }

  /** One connection: transactions take turns, or one would see half of another. */
  #transaction<T>(work: (trx: Trx) => Promise<T>): Promise<T> {
    const turn = this.#queue.then(() =>
      this.#kysely.transaction().execute((trx) => this.#checked(work(trx))),
    );
    this.#queue = turn.catch(() => {});
    return turn.catch((error: unknown) => {
      throw diskError(error);
    });
  }

  /**
   * SQLite goes on with a file that was removed or moved, and what it commits there nobody finds again.
   * @throws WaybillError E_STORE_GONE
   */
  async #checked<T>(work: Promise<T>): Promise<T> {
    const result = await work;
    if (this.#isThere()) return result;
    throw new WaybillError("E_STORE_GONE", "the file of the store is no longer where it was opened", {
      mend: "put waybill.sqlite back with its -wal file and run again; nothing was sent that is not in it",
    });
  }

  bind(chain: ChainIdentity): Promise<void> {
    const value = JSON.stringify({ ...chain, chainId: chain.chainId.toString() });
    return this.#transaction(async (trx) => {
      const found = await trx
        .selectFrom("facts")
        .select("value")
        .where("name", "=", "chain")
        .executeTakeFirst();
      if (found === undefined) {
        await trx.insertInto("facts").values({ name: "chain", value }).execute();
        return;
      }
      if (found.value === value) return;
      const before = JSON.parse(found.value) as Record<string, string>;
      throw new WaybillError(
        "E_STORE_CHAIN",
        `this store holds work for chain ${before.chainId} (genesis ${before.genesis}, registry ${before.registry}), ` +
          `and the node serves chain ${chain.chainId} (genesis ${chain.genesis}, registry ${chain.registry})`,
        { mend: "use another directory with --data for another chain, or a node of the first one" },
      );
    });
  }

  chain(): Promise<ChainIdentity> {
    return this.#transaction(async (trx) => {
      const facts = trx.selectFrom("facts").select("value").where("name", "=", "chain");
      const { value } = await facts.executeTakeFirstOrThrow();
      const found = JSON.parse(value) as { chainId: string; genesis: Hex; registry: Hex };
      return { ...found, chainId: BigInt(found.chainId) };
    });
  }

  openJob(job: NewJob): Promise<Job> {
    this.#admitting.add(job.key);
    return this.#transaction(async (trx) => {
      // A file whose admission was cut short and that was changed since never ends as it began. Nobody was told that
      // its rows are admitted; left here, they would make the same rows of the new file duplicates of nothing.
      const abandoned = trx
        .selectFrom("jobs")
        .select("id")
        .where("state", "=", "admitting")
        // What flows was told of row by row, and some of it is on its way.
        .where("flows", "=", 0)
        .where("key", "not in", [...this.#admitting]);
      await trx
        .deleteFrom("items")
        .where("duplicate_of", "is not", null)
        .where("job", "in", abandoned)
        .execute();
      await trx.deleteFrom("items").where("job", "in", abandoned).execute();
      await trx.deleteFrom("jobs").where("id", "in", abandoned).execute();
      await trx
        .insertInto("jobs")
        .values({
          ...job,
          flows: job.flows ? 1 : 0,
          state: "admitting",
          rows: 0,
          rejected: 0,
          duplicates: 0,
          created_at: Date.now(),
        })
        .onConflict((conflict) => conflict.column("key").doNothing())
        .execute();
      return jobOf(
        await trx.selectFrom("jobs").selectAll().where("key", "=", job.key).executeTakeFirstOrThrow(),
      );
    });
  }

  job(id: number): Promise<Job | null> {
    return this.#transaction(async (trx) => {
      const row = await trx.selectFrom("jobs").selectAll().where("id", "=", id).executeTakeFirst();
      return row === undefined ? null : jobOf(row);
    });
  }

  jobs(): Promise<Job[]> {
    return this.#transaction(async (trx) =>
      (await trx.selectFrom("jobs").selectAll().orderBy("id").execute()).map(jobOf),
    );
  }

  admit(job: number, rows: readonly AdmittedRow[]): Promise<Admitted> {
    return this.#transaction(async (trx) => {
      const { rows: first, ...of } = await trx
        .selectFrom("jobs")
        .select(["rows", "act", "reason"])
        .where("id", "=", job)
        .where("state", "=", "admitting")
        .executeTakeFirstOrThrow();
      const duplicates = insertItems(this.#hot, { id: job, ...of }, first, rows);
      const rejected = rows.filter((row) => row.kind === "rejected").length;
      await trx
        .updateTable("jobs")
        .set((old) => ({
          rows: old("rows", "+", rows.length),
          rejected: old("rejected", "+", rejected),
          duplicates: old("duplicates", "+", duplicates.size),
        }))
        .where("id", "=", job)
        .execute();
      return { first, duplicates };
    });
  }

  release(job: number): Promise<void> {
    return this.#transaction(async (trx) => {
      await trx.updateTable("jobs").set({ state: "open" }).where("id", "=", job).execute();
    });
  }

  counts(job: number): Promise<Counts> {
    return this.#transaction(async (trx) => {
      const { rows, rejected, duplicates } = await trx
        .selectFrom("jobs")
        .select(["rows", "rejected", "duplicates"])
        .where("id", "=", job)
        .executeTakeFirstOrThrow();
      const states = await trx
        .selectFrom("batches")
        .select(({ fn }) => [
          "state",
          fn.sum<number>("count").as("items"),
          fn.sum<number>("mismatched").as("bad"),
          // Included, and failed: nothing of it is on the chain, and it goes again once that is final.
          sql<number>`sum(iif(batch ->> '$.inclusion.succeeded' = 0, count, 0))`.as("failed"),
        ])
        .where("job", "=", job)
        .where("state", "in", LIVE)
        .groupBy("state")
        .execute();
      const inState = (...wanted: BatchState[]) =>
        states.reduce((sum, row) => sum + ((wanted as string[]).includes(row.state) ? row.items : 0), 0);
      const mismatched = states.reduce((sum, row) => sum + row.bad, 0);
      const failed = (state: BatchState) => states.find((row) => row.state === state)?.failed ?? 0;
      // Law 12 the other way round: counting what waits would look at a million rows again and again.
      const held = states.reduce((sum, row) => sum + row.items, 0);
      return {
        rows,
        rejected,
        duplicate: duplicates,
        waiting: rows - rejected - duplicates - held,
        assigned: inState("planned", "signed") + failed("included") + failed("safe"),
        included: inState("included") - failed("included"),
        safe: inState("safe") - failed("safe"),
        final: inState("final"),
        verified: inState("verified") - mismatched,
        mismatched,
      };
    });
  }

  originals(job: number): Promise<number[]> {
    return this.#transaction(async (trx) => {
      const rows = await trx
        .selectFrom("items")
        .innerJoin("items as first", "first.id", "items.duplicate_of")
        .select("first.job")
        .distinct()
        .where("items.job", "=", job)
        .where("first.job", "!=", job)
        .orderBy("first.job")
        .execute();
      return rows.map((row) => row.job);
    });
  }

  spending(job: number): Promise<Spending> {
    return this.#transaction((trx) => spendingOf(trx, job));
  }

  setTerms(job: number, { maxFee, budget, goal }: JobTerms): Promise<void> {
    return this.#transaction(async (trx) => {
      const text = (wei: bigint | null) => (wei === null ? null : wei.toString());
      await trx
        .updateTable("jobs")
        .set({ budget: text(budget), max_fee: text(maxFee), ...rowOfGoal(goal) })
        .where("id", "=", job)
        .execute();
    });
  }

  report(job: number, after: number, limit: number): Promise<ReportRow[]> {
    return this.#transaction(async (trx) => {
      const rows = await trx
        .selectFrom("items")
        .leftJoin("items as first", "first.id", "items.duplicate_of")
        // A duplicate's fate is that of the row it repeats.
        .leftJoin("batches", (join) => join.on(sql`batches.id`, "=", sql`coalesce(items.batch, first.batch)`))
        .select([
          "items.ordinal",
          "items.line",
          "items.uid",
          "items.faults",
          "items.mismatched",
          "items.duplicate_of as duplicateOf",
          "first.job as firstJob",
          "first.line as firstLine",
          "batches.state",
          "batches.batch",
        ])
        .where("items.job", "=", job)
        .where("items.ordinal", ">", after)
        .orderBy("items.ordinal")
        .limit(limit)
        .execute();
      return rows.map((row): ReportRow => {
        const batch = row.batch === null ? null : (JSON.parse(row.batch, reviveBatch) as Batch);
        const inclusion = batch !== null && "inclusion" in batch ? batch.inclusion : null;
        return {
          ordinal: row.ordinal,
          line: row.line,
          state:
            row.faults !== null
              ? "rejected"
              : row.duplicateOf !== null
                ? "duplicate"
                : row.mismatched === 1
                  ? "mismatched"
                  : inclusion?.succeeded === false
                    ? "signed"
                    : ((row.state as BatchState | null) ?? "waiting"),
          uid: row.uid === null ? null : hex(row.uid),
          duplicateOf:
            row.firstJob === null || row.firstLine === null
              ? null
              : { job: row.firstJob, line: row.firstLine },
          faults: row.faults === null ? [] : (JSON.parse(row.faults) as string[]),
          transaction: inclusion?.succeeded === true ? inclusion.transaction : null,
          block: inclusion?.succeeded === true ? inclusion.block : null,
        };
      });
    });
  }

  waiting(job: number, limit: number, except: readonly Hex[] = []): Promise<WaitingItem[]> {
    return this.#transaction(
      async () =>
        (except.length === 0
          ? this.#hot.waiting().all(job, limit)
          : this.#hot.waitingElsewhere().all(job, JSON.stringify(except), limit)) as WaitingItem[],
    );
  }

  takeLane(lane: Hex): Promise<LaneToken> {
    return this.#transaction(async (trx) => {
      const { token } = await trx
        .insertInto("lanes")
        .values({ lane, token: 1 })
        .onConflict((conflict) => conflict.column("lane").doUpdateSet({ token: sql`token + 1` }))
        .returning("token")
        .executeTakeFirstOrThrow();
      return { lane, token };
    });
  }

  assign(token: LaneToken, job: number, groups: readonly (readonly number[])[]): Promise<void> {
    return this.#transaction(async (trx) => {
      await checkToken(trx, token);
      for (const group of groups) {
        let lead: number | null = null;
        for (const { stream, items } of await runsOf(trx, group)) {
          const { id } = await trx
            .insertInto("batches")
            .values({
              job,
              lead,
              lane: token.lane,
              stream,
              nonce: null,
              position: null,
              count: items.length,
              state: "planned",
              batch: '{"state":"planned"}',
            })
            .returning("id")
            .executeTakeFirstOrThrow();
          lead ??= id;
          // +items.job: by the index of what waits in a job, every row of it would search the whole group. 8,000 items among
          // 20,000 took 19 s, and take 27 ms by their ids.
          const { numAffectedRows } = await sql`
            UPDATE items SET batch = ${id}, place = chosen.key, refusal = NULL
            FROM json_each(${JSON.stringify(items)}) AS chosen
            WHERE items.id = chosen.value AND +items.job = ${job} AND items.batch IS NULL
              AND items.duplicate_of IS NULL AND items.faults IS NULL
          `.execute(trx);
          // Law 2: an item that is in a batch already makes the whole assignment undone.
          if (Number(numAffectedRows) !== items.length) {
            throw new Error(`${items.length - Number(numAffectedRows)} items of a new batch are not waiting`);
          }
        }
      }
    });
  }

  together(lead: number): Promise<StoredBatch[]> {
    return this.#transaction(async (trx) => {
      const rows = await trx
        .selectFrom("batches")
        .select(BATCH)
        .where(({ or, eb }) => or([eb("id", "=", lead), eb("lead", "=", lead)]))
        .orderBy("id")
        .execute();
      return rows.map(batchOf);
    });
  }

  sign(
    token: LaneToken,
    batch: number,
    { mined, positions, head }: { mined: number; positions: readonly (number | null)[]; head: BlockTime },
    sign: (nonce: number) => SignedAttempt,
  ): Promise<StoredAttempt | Overspent> {
    return this.#transaction(async (trx) => {
      await checkToken(trx, token, batch);
      await checkState(trx, batch, "planned");
      const { last } = await trx
        .selectFrom("batches")
        .select(({ fn }) => fn.max("nonce").as("last"))
        .where("lane", "=", token.lane)
        .executeTakeFirstOrThrow();
      const nonce = Math.max(last === null ? 0 : last + 1, mined);
      const members = await membersOf(trx, batch);
      if (members.length !== positions.length || members[0] !== batch)
        throw new Error(
          `batch ${batch} leads ${members.length} batches, and ${positions.length} places are given`,
        );
      for (const [index, member] of members.entries()) {
        const position = positions[index]!;
        if (position === null) continue;
        await checkPosition(trx, member, position);
        await trx.updateTable("batches").set({ position }).where("id", "=", member).execute();
      }
      const attempt = sign(nonce);
      const overspent = await overspentBy(trx, batch, attempt);
      if (overspent !== null) {
        await trx.updateTable("batches").set({ position: null }).where("id", "in", members).execute();
        return overspent;
      }
      await trx
        .updateTable("batches")
        .set({ nonce })
        .where("id", "=", batch)
        .where("lane", "=", token.lane)
        .execute();
      return journal(trx, { ...attempt, batch, lane: token.lane, nonce, noop: false, head });
    });
  }

  replace(
    token: LaneToken,
    batch: number,
    { noop, head }: { noop: boolean; head: BlockTime },
    sign: (nonce: number, payload: StoredAttempt | null) => SignedAttempt,
  ): Promise<StoredAttempt | Overspent> {
    return this.#transaction(async (trx) => {
      await checkToken(trx, token, batch);
      await checkState(trx, batch, "signed");
      const attempts = await attemptsOf(trx, batch);
      const { nonce } = attempts[0]!;
      const attempt = sign(nonce, attempts.filter((earlier) => !earlier.noop).at(-1) ?? null);
      const overspent = await overspentBy(trx, batch, attempt);
      if (overspent !== null) return overspent;
      return journal(trx, { ...attempt, batch, lane: token.lane, nonce, noop, head });
    });
  }

  fill(
    token: LaneToken,
    job: number,
    { nonce, head }: { nonce: number; head: BlockTime },
    sign: (nonce: number) => SignedAttempt,
  ): Promise<StoredAttempt | Overspent | null> {
    return this.#transaction(async (trx) => {
      await checkToken(trx, token);
      const taken = trx.selectFrom("batches").select("id").where("lane", "=", token.lane);
      if ((await taken.where("nonce", "=", nonce).executeTakeFirst()) !== undefined) return null;
      const attempt = sign(nonce);
      const { id: batch } = await trx
        .insertInto("batches")
        .values({
          job,
          lead: null,
          lane: token.lane,
          stream: ZERO_WORD,
          nonce,
          count: 0,
          state: "planned",
          batch: '{"state":"planned"}',
        })
        .returning("id")
        .executeTakeFirstOrThrow();
      const overspent = await overspentBy(trx, batch, attempt);
      if (overspent !== null) {
        await trx.deleteFrom("batches").where("id", "=", batch).execute();
        return overspent;
      }
      return journal(trx, { ...attempt, batch, lane: token.lane, nonce, noop: true, head });
    });
  }

  applyOnLane(token: LaneToken, batch: number, event: LaneEvent): Promise<void> {
    return this.#transaction(async (trx) => {
      await checkToken(trx, token, batch);
      await applyToAll(trx, batch, event);
    });
  }

  refuse(
    token: LaneToken,
    batch: number,
    refused: readonly { item: number; reason: string }[],
    blocks: boolean,
  ): Promise<void> {
    return this.#transaction(async (trx) => {
      await checkToken(trx, token, batch);
      await checkState(trx, batch, "planned");
      const members = await membersOf(trx, batch);
      for (const { item, reason } of refused) {
        const { numUpdatedRows } = await trx
          .updateTable("items")
          .set(blocks ? { refusal: reason } : { faults: JSON.stringify([reason]), refusal: reason })
          .where("id", "=", item)
          .where("batch", "in", members)
          .executeTakeFirstOrThrow();
        if (numUpdatedRows !== 1n) throw new Error(`item ${item} is not in batch ${batch}`);
      }
      await applyToAll(trx, batch, { kind: "voided" });
      if (blocks || refused.length === 0) return;
      // Law 12: what is rejected no longer waits.
      await sql`
        UPDATE jobs SET rejected = rejected + ${refused.length}
        WHERE id = (SELECT job FROM batches WHERE id = ${batch})
      `.execute(trx);
    });
  }

  refusals(job: number, limit: number, which: "waiting" | "rejected" = "waiting"): Promise<Refusal[]> {
    return this.#transaction(async (trx) => {
      const rows = await trx
        .selectFrom("items")
        .select(["id", "line", "uid", "stream", "refusal"])
        .where("job", "=", job)
        .where("refusal", "is not", null)
        .where("faults", which === "waiting" ? "is" : "is not", null)
        .orderBy("ordinal")
        .limit(limit)
        .execute();
      return rows.map((row) => ({
        item: row.id,
        line: row.line,
        uid: hex(row.uid!),
        stream: (row.stream as Hex | null) ?? ZERO_WORD,
        reason: row.refusal!,
      }));
    });
  }

  retry(job: number): Promise<void> {
    return this.#transaction(async (trx) => {
      await trx
        .updateTable("items")
        .set({ refusal: null })
        .where("job", "=", job)
        .where("refusal", "is not", null)
        .where("faults", "is", null)
        .execute();
    });
  }

  streamsOf(job: number): Promise<Hex[]> {
    return this.#transaction(async (trx) => {
      const rows = await trx
        .selectFrom("batches")
        .select("stream")
        .distinct()
        .where("job", "=", job)
        .where("count", ">", 0)
        .orderBy("stream")
        .execute();
      return rows.map((row) => row.stream as Hex);
    });
  }

  streams(attester: Hex, keys: readonly Hex[]): Promise<Map<Hex, StreamState>> {
    return this.#transaction((trx) => streamsOf(trx, attester, keys));
  }

  aheadOfWaiting(job: number): Promise<StoredBatch[]> {
    return this.#transaction(async (trx) => {
      const rows = await sql<Parameters<typeof batchOf>[0]>`
        SELECT id, job, coalesce(lead, id) AS lead, lane, stream, count, position, batch FROM batches
        WHERE job = ${job} AND stream <> ${ZERO_WORD}
          AND state IN (SELECT value FROM json_each(${JSON.stringify(LIVE)}))
          AND EXISTS (
            SELECT 1 FROM items WHERE items.batch = batches.id AND items.ordinal > (
              SELECT min(ordinal) FROM items AS first
              WHERE first.job = ${job} AND first.stream = batches.stream AND first.batch IS NULL
                AND first.duplicate_of IS NULL AND first.faults IS NULL
            )
          )
        ORDER BY id
      `.execute(trx);
      return rows.rows.map(batchOf);
    });
  }

  batches(states: readonly BatchState[], job?: number): Promise<StoredBatch[]> {
    return this.#transaction(async (trx) => {
      let query = trx.selectFrom("batches").select(BATCH).where("state", "in", states);
      if (job !== undefined) query = query.where("job", "=", job);
      return (await query.orderBy("id").execute()).map(batchOf);
    });
  }

  batchesOf(uid: Hex): Promise<StoredBatch[]> {
    return this.#transaction(async (trx) => {
      const rows = await trx
        .selectFrom("items")
        .innerJoin("batches", "batches.id", "items.batch")
        .select(["batches.id", "batches.job", "batches.lane", "batches.stream", "batches.count", "position"])
        .select(["batches.batch", sql<number>`coalesce(batches.lead, batches.id)`.as("lead")])
        .where("items.uid", "=", unhex(uid))
        .orderBy("batches.id")
        .execute();
      return rows.map(batchOf);
    });
  }

  isToRecord(uid: Hex): Promise<boolean> {
    return this.#transaction(async (trx) => {
      const row = await trx
        .selectFrom("items")
        .innerJoin("jobs", "jobs.id", "items.job")
        .select("items.id")
        .where("items.uid", "=", unhex(uid))
        .where("items.duplicate_of", "is", null)
        .where("items.faults", "is", null)
        .where("jobs.act", "=", "record")
        .executeTakeFirst();
      return row !== undefined;
    });
  }

  items(batch: number): Promise<StoredItem[]> {
    return this.#transaction(async () => (this.#hot.items().all(batch) as StoredItemRow[]).map(storedItemOf));
  }

  attempts(batch: number): Promise<StoredAttempt[]> {
    return this.#transaction((trx) => attemptsOf(trx, batch));
  }

  unmined(): Promise<UnminedBatch[]> {
    return this.#transaction(async (trx) => {
      const found = new Map<number, UnminedBatch>();
      const signed = await trx
        .selectFrom("batches")
        .innerJoin("jobs", "jobs.id", "batches.job")
        .select(["batches.id", "batches.job", "batches.batch", "jobs.max_fee"])
        .select(sql<number>`coalesce(lead, batches.id)`.as("lead"))
        .select(
          sql<number>`1 + (SELECT count(*) FROM batches AS one WHERE one.lead = coalesce(batches.lead, batches.id))`.as(
            "size",
          ),
        )
        .where("batches.state", "=", "signed")
        .orderBy("batches.id")
        .execute();
      for (const row of signed) {
        const { lane, nonce, block, sentAt } = JSON.parse(row.batch) as Batch & { state: "signed" };
        const cap = row.max_fee === null ? null : BigInt(row.max_fee);
        const one = found.get(row.lead);
        if (one === undefined) {
          const { lead: id, job } = row;
          const partly = row.size > 1;
          found.set(id, {
            id,
            members: [row.id],
            partly,
            job,
            cap,
            lane,
            nonce,
            block,
            sentAt,
            attempts: [],
          });
        } else {
          one.members.push(row.id);
          one.partly = one.members.length < row.size;
        }
      }
      const rows = await trx
        .selectFrom("attempts")
        .select([
          "batch",
          "transaction_hash",
          "max_fee",
          "tip",
          "gas_limit",
          "l1_fee",
          "noop",
          "head",
          "head_time",
        ])
        .where(
          "batch",
          "in",
          sql<number>`(SELECT value FROM json_each(${JSON.stringify([...found.keys()])}))`,
        )
        .orderBy("id")
        .execute();
      for (const row of rows) found.get(row.batch)!.attempts.push(termsOf(row));
      return [...found.values()].sort((a, b) =>
        a.lane < b.lane ? -1 : a.lane > b.lane ? 1 : a.nonce - b.nonce,
      );
    });
  }

  reached(lane: Hex): Promise<number> {
    return this.#transaction(async (trx) => {
      const { highest } = await trx
        .selectFrom("batches")
        .select(({ fn }) => fn.max("nonce").as("highest"))
        .where("lane", "=", lane)
        .where("state", "not in", ["planned", "signed", "voided"])
        .executeTakeFirstOrThrow();
      return highest === null ? 0 : highest + 1;
    });
  }

  namesFinal(): Promise<boolean> {
    return this.#transaction(async (trx) => {
      const facts = trx.selectFrom("facts").select("name").where("name", "=", "names final blocks");
      return (await facts.executeTakeFirst()) !== undefined;
    });
  }

  followed(): Promise<BlockRef[]> {
    return this.#transaction(async (trx) => {
      const rows = await trx.selectFrom("blocks").selectAll().orderBy("number").execute();
      return rows.map((row) => ({ number: row.number, hash: row.hash as Hex }));
    });
  }

  follow(step: Parameters<Store["follow"]>[0]): Promise<void> {
    return this.#transaction(async (trx) => {
      for (const { batch, event } of step.events) await applyEvent(trx, batch, event);
      if (step.unwindAbove !== undefined) {
        await trx.deleteFrom("blocks").where("number", ">", step.unwindAbove).execute();
      }
      for (const block of step.append ?? []) await trx.insertInto("blocks").values(block).execute();
      if (step.forgetBelow !== undefined) {
        await trx.deleteFrom("blocks").where("number", "<", step.forgetBelow).execute();
      }
      if (step.namesFinal === true) {
        await trx
          .insertInto("facts")
          .values({ name: "names final blocks", value: "1" })
          .onConflict((conflict) => conflict.doNothing())
          .execute();
      }
    });
  }

  seen(): Promise<string | null> {
    return this.#transaction(async (trx) => {
      const facts = trx.selectFrom("facts").select("value").where("name", "=", "seen");
      return (await facts.executeTakeFirst())?.value ?? null;
    });
  }

  setSeen(seen: string): Promise<void> {
    return this.#transaction(async (trx) => {
      await trx
        .insertInto("facts")
        .values({ name: "seen", value: seen })
        .onConflict((conflict) => conflict.column("name").doUpdateSet({ value: seen }))
        .execute();
    });
  }

  overview(events: number): Promise<Overview> {
    return this.#transaction((trx) => overviewOf(trx, events));
  }

  verified(batch: number, mismatched: readonly number[]): Promise<void> {
    return this.#transaction(async (trx) => {
      const { numAffectedRows } = await sql`
        UPDATE items SET mismatched = 1 WHERE batch = ${batch}
          AND id IN (SELECT value FROM json_each(${JSON.stringify(mismatched)}))
      `.execute(trx);
      // Law 12: the count of the batch is taken off what is verified.
      if (Number(numAffectedRows) !== mismatched.length) {
        throw new Error(`${mismatched.length - Number(numAffectedRows)} items are not in batch ${batch}`);
      }
      await trx
        .updateTable("batches")
        .set({ mismatched: mismatched.length })
        .where("id", "=", batch)
        .execute();
      await applyEvent(trx, batch, { kind: "verified", mismatched: mismatched.length });
    });
  }

  async close(): Promise<void> {
    await this.#queue;
    await this.#kysely.destroy();
    this.#release();
  }
}

/** A goal has one moment at most: since when, or by when. */
function rowOfGoal(goal: Goal | undefined): Pick<Selectable<Tables["jobs"]>, "mode" | "moment"> {
  switch (goal?.mode) {
    case "economy":
      return { mode: goal.mode, moment: goal.since };
    case "deadline":
      return { mode: goal.mode, moment: goal.by };
    case "max":
    case undefined:
      return { mode: null, moment: null };
  }
}

function goalOf({ mode, moment }: Selectable<Tables["jobs"]>): Pick<JobTerms, "goal"> {
  if (mode === null || moment === null) return {};
  return { goal: mode === "economy" ? { mode, since: moment } : { mode: "deadline", by: moment } };
}

function jobOf(row: Selectable<Tables["jobs"]>): Job {
  return {
    id: row.id,
    key: row.key as Hex,
    act: row.act as Act,
    name: row.name,
    schema: row.schema as Hex,
    definition: row.definition,
    attester: row.attester as Hex,
    reason: row.reason,
    tenant: row.tenant,
    priority: row.priority as Priority,
    refusals: row.refusals as Job["refusals"],
    flows: row.flows === 1,
    state: row.state as Job["state"],
    rows: row.rows,
    createdAt: row.created_at,
    terms: {
      maxFee: row.max_fee === null ? null : BigInt(row.max_fee),
      budget: row.budget === null ? null : BigInt(row.budget),
      ...goalOf(row),
    },
  };
}
