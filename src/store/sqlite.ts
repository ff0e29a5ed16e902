import { existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { Kysely, type Selectable, sql, type Transaction } from "kysely";
import { apply, type Batch, type BatchEvent, type BatchState, LIVE, OPEN } from "../batch.js";
import { WaybillError } from "../errors.js";
import { type Hex, hex, unhex, ZERO_ADDRESS, ZERO_WORD } from "../hex.js";
import { lockDirectory } from "./lock.js";
import { nodeSqliteDialect } from "./sqliteDialect.js";
import type {
  Act,
  AdmittedRow,
  AttemptTerms,
  BlockRef,
  ChainIdentity,
  Counts,
  Job,
  BlockTime,
  LaneEvent,
  LaneToken,
  NewJob,
  Overspent,
  ReportRow,
  SignedAttempt,
  Spending,
  Store,
  StoredAttempt,
  StoredBatch,
  StoredItem,
  UnminedBatch,
  WaitingItem,
} from "./store.js";
import { checkVersion, createTables, type Tables } from "./tables.js";

type Trx = Transaction<Tables>;

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
        .values({ ...job, state: "admitting", rows: 0, rejected: 0, duplicates: 0, created_at: Date.now() })
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

  admit(job: number, rows: readonly AdmittedRow[]): Promise<void> {
    return this.#transaction(async (trx) => {
      const { rows: first, ...of } = await trx
        .selectFrom("jobs")
        .select(["rows", "act", "reason", "stream"])
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
          duplicates: old("duplicates", "+", duplicates),
        }))
        .where("id", "=", job)
        .execute();
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

  setBudget(job: number, budget: bigint | null): Promise<void> {
    return this.#transaction(async (trx) => {
      const text = budget === null ? null : budget.toString();
      await trx.updateTable("jobs").set({ budget: text }).where("id", "=", job).execute();
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

  waiting(job: number, limit: number): Promise<WaitingItem[]> {
    return this.#transaction(async () => this.#hot.waiting().all(job, limit) as WaitingItem[]);
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
        const { id } = await trx
          .insertInto("batches")
          .values({
            job,
            lane: token.lane,
            nonce: null,
            position: null,
            count: group.length,
            state: "planned",
            batch: '{"state":"planned"}',
          })
          .returning("id")
          .executeTakeFirstOrThrow();
        // +items.job: by the index of what waits in a job, every row of it would search the whole group. 8,000 items among
        // 20,000 took 19 s, and take 27 ms by their ids.
        const { numAffectedRows } = await sql`
          UPDATE items SET batch = ${id}, place = chosen.key
          FROM json_each(${JSON.stringify(group)}) AS chosen
          WHERE items.id = chosen.value AND +items.job = ${job} AND items.batch IS NULL
            AND items.duplicate_of IS NULL AND items.faults IS NULL
        `.execute(trx);
        // Law 2: an item that is in a batch already makes the whole assignment undone.
        if (Number(numAffectedRows) !== group.length) {
          throw new Error(`${group.length - Number(numAffectedRows)} items of a new batch are not waiting`);
        }
      }
    });
  }

  sign(
    token: LaneToken,
    batch: number,
    { mined, position, head }: { mined: number; position: number | null; head: BlockTime },
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
      if (position !== null) await checkPosition(trx, batch, position);
      const attempt = sign(nonce);
      const overspent = await overspentBy(trx, batch, attempt);
      if (overspent !== null) return overspent;
      await trx
        .updateTable("batches")
        .set({ nonce, position })
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
        .values({ job, lane: token.lane, nonce, count: 0, state: "planned", batch: '{"state":"planned"}' })
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
      await applyEvent(trx, batch, event);
    });
  }

  streamEnd(attester: Hex, stream: Hex): Promise<number> {
    return this.#transaction((trx) => endOf(trx, attester, stream));
  }

  streamLane(attester: Hex, stream: Hex): Promise<Hex | null> {
    return this.#transaction(async (trx) => {
      const row = await trx
        .selectFrom("batches")
        .innerJoin("jobs", "jobs.id", "batches.job")
        .select("batches.lane")
        .where("jobs.stream", "=", stream)
        .where("jobs.attester", "=", attester)
        .where("batches.state", "in", ["signed", "included"])
        .where("batches.position", "is not", null)
        .orderBy("batches.id", "desc")
        .executeTakeFirst();
      return (row?.lane as Hex | undefined) ?? null;
    });
  }

  streamHasFailed(attester: Hex, stream: Hex): Promise<boolean> {
    return this.#transaction(async (trx) => {
      const rows = await trx
        .selectFrom("batches")
        .innerJoin("jobs", "jobs.id", "batches.job")
        .select("batches.batch")
        .where("jobs.stream", "=", stream)
        .where("jobs.attester", "=", attester)
        .where("batches.state", "in", ["included", "safe"])
        .where("batches.position", "is not", null)
        .execute();
      return rows.some((row) => {
        const batch = JSON.parse(row.batch, reviveBatch) as Batch;
        return "inclusion" in batch && !batch.inclusion.succeeded;
      });
    });
  }

  aheadOfWaiting(job: number): Promise<StoredBatch[]> {
    return this.#transaction(async (trx) => {
      const waiting = trx
        .selectFrom("items")
        .select(({ fn }) => fn.min("ordinal").as("first"))
        .where("job", "=", job)
        .where("batch", "is", null)
        .where("duplicate_of", "is", null)
        .where("faults", "is", null);
      const rows = await trx
        .selectFrom("batches")
        .select(["id", "job", "lane", "count", "position", "batch"])
        .where("job", "=", job)
        .where("state", "in", LIVE)
        .where(({ exists, selectFrom }) =>
          exists(
            selectFrom("items")
              .select("items.id")
              .whereRef("items.batch", "=", "batches.id")
              .where("ordinal", ">", waiting),
          ),
        )
        .orderBy("id")
        .execute();
      return rows.map(batchOf);
    });
  }

  batches(states: readonly BatchState[], job?: number): Promise<StoredBatch[]> {
    return this.#transaction(async (trx) => {
      let query = trx
        .selectFrom("batches")
        .select(["id", "job", "lane", "count", "position", "batch"])
        .where("state", "in", states);
      if (job !== undefined) query = query.where("job", "=", job);
      return (await query.orderBy("id").execute()).map(batchOf);
    });
  }

  batchesOf(uid: Hex): Promise<StoredBatch[]> {
    return this.#transaction(async (trx) => {
      const rows = await trx
        .selectFrom("items")
        .innerJoin("batches", "batches.id", "items.batch")
        .select(["batches.id", "batches.job", "batches.lane", "batches.count", "position", "batches.batch"])
        .where("items.uid", "=", unhex(uid))
        .orderBy("batches.id")
        .execute();
      return rows.map(batchOf);
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
      const rows = await trx
        .selectFrom("batches")
        .innerJoin("attempts", "attempts.batch", "batches.id")
        .select(["batches.id", "batches.job", "batches.batch", "transaction_hash", "max_fee", "tip"])
        .select(["gas_limit", "noop", "head", "head_time"])
        .where("batches.state", "=", "signed")
        .orderBy("batches.lane")
        .orderBy("batches.nonce")
        .orderBy("attempts.id")
        .execute();
      const found = new Map<number, UnminedBatch>();
      for (const row of rows) {
        const batch = JSON.parse(row.batch) as Batch & { state: "signed" };
        const { lane, nonce, block, sentAt } = batch;
        const one = found.get(row.id) ?? {
          id: row.id,
          job: row.job,
          lane,
          nonce,
          block,
          sentAt,
          attempts: [],
        };
        one.attempts.push(termsOf(row));
        found.set(row.id, one);
      }
      return [...found.values()];
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

/** Law 5: the event and the state that it makes, in one transaction. */
async function applyEvent(trx: Trx, id: number, event: BatchEvent): Promise<void> {
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
async function journal(trx: Trx, attempt: StoredAttempt): Promise<StoredAttempt> {
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
async function overspentBy(trx: Trx, batch: number, attempt: SignedAttempt): Promise<Overspent | null> {
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

async function spendingOf(trx: Trx, job: number): Promise<Spending> {
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

async function attemptsOf(trx: Trx, batch: number): Promise<StoredAttempt[]> {
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

function termsOf(
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
async function checkToken(trx: Trx, { lane, token }: LaneToken, batch?: number): Promise<void> {
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

type HotStatements = ReturnType<typeof hotStatements>;

/**
 * What is done for every item, past Kysely, which builds the query anew each time and takes many rows only as JSON,
 * where SQLite looks for every value by its name: of 30,000 rows, each was 42 µs of CPU time and is 15.
 * They run in the transaction that is open, for there is one connection.
 */
function hotStatements(database: DatabaseSync) {
  const prepared = (text: string): (() => StatementSync) => {
    let statement: StatementSync | undefined;
    return () => (statement ??= database.prepare(text));
  };
  return {
    insert: prepared(`
      INSERT INTO items (job, ordinal, line, work, uid, recipient, ref, expires_at, revocable, salt, data,
        bytes, tokens, words, duplicate_of, faults)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (uid, work) WHERE duplicate_of IS NULL AND faults IS NULL DO NOTHING
    `),
    first: prepared(`
      SELECT items.id, items.job, jobs.state, jobs.name FROM items JOIN jobs ON jobs.id = items.job
      WHERE items.uid = ? AND items.work = ? AND items.duplicate_of IS NULL AND items.faults IS NULL
    `),
    waiting: prepared(`
      SELECT id, bytes, tokens, words FROM items
      WHERE job = ? AND batch IS NULL AND duplicate_of IS NULL AND faults IS NULL
      ORDER BY ordinal LIMIT ?
    `),
    items: prepared(`
      SELECT items.id, items.line, items.uid, items.recipient, items.ref, items.expires_at AS expiresAt,
        items.revocable, items.salt, items.data, jobs.reason
      FROM items JOIN jobs ON jobs.id = items.job
      WHERE items.batch = ? ORDER BY items.place
    `),
  };
}

function inodeOf(file: string): number | null {
  return statSync(file, { throwIfNoEntry: false })?.ino ?? null;
}

/** What the disk refuses, a person has to mend; nothing of the transaction was written. */
function diskError(error: unknown): unknown {
  if (!(error instanceof Error) || !("errcode" in error)) return error;
  // The low byte is the kind: https://www.sqlite.org/rescode.html
  switch (Number(error.errcode) & 0xff) {
    case 13:
      return new WaybillError("E_STORE_FULL", `the store cannot be written: ${error.message}`, {
        mend: "make room on the disk and run again; nothing was sent that is not written down",
        cause: error,
      });
    case 8: // read only
    case 10: // input or output
    case 14: // cannot be opened
      return new WaybillError("E_STORE_DISK", `the store cannot be written: ${error.message}`, {
        mend: "see to the disk and the rights of the directory, and run again; nothing was sent that is not written down",
        cause: error,
      });
    default:
      return error;
  }
}

/** @returns how many of the rows repeat an item that is stored already */
function insertItems(
  hot: HotStatements,
  { id: job, act, reason, stream }: { id: number; act: string; reason: string; stream: string },
  first: number,
  rows: readonly AdmittedRow[],
): number {
  const insert = hot.insert();
  // A stream holds a statement once, at whatever level.
  const work = stream === ZERO_WORD ? act : stream;
  const reasonWords = Math.ceil(utf8ToBytes(reason).length / 32);
  let duplicates = 0;
  rows.forEach((row, index) => {
    const ordinal = first + index;
    const bare = (uid: Uint8Array | null, duplicateOf: number | null, faults: string | null) =>
      insert.run(
        job,
        ordinal,
        row.line,
        work,
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
            ...[job, ordinal, row.line, work, uid, null, null, 0, 0, null, null],
            ...[32, 128, reasonWords, null, null],
          )
        : insertItem(insert, job, ordinal, work, uid, row);
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
  uid: Uint8Array,
  { line, item, size }: Extract<AdmittedRow, { kind: "item" }>,
) {
  return insert.run(
    job,
    ordinal,
    line,
    work,
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

type StoredItemRow = Pick<
  Selectable<Tables["items"]>,
  "id" | "line" | "uid" | "recipient" | "ref" | "revocable" | "salt" | "data"
> & { expiresAt: number; reason: string };

function storedItemOf(row: StoredItemRow): StoredItem {
  return {
    id: row.id,
    line: row.line,
    uid: hex(row.uid ?? new Uint8Array()),
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
    stream: row.stream as Hex,
    state: row.state as Job["state"],
    rows: row.rows,
    createdAt: row.created_at,
  };
}

function batchOf(row: Pick<Selectable<Tables["batches"]>, keyof StoredBatch>): StoredBatch {
  return { ...row, lane: row.lane as Hex, batch: JSON.parse(row.batch, reviveBatch) as Batch };
}

/** Where the stream ends when all live batches of it have landed. */
async function endOf(trx: Trx, attester: string, stream: string): Promise<number> {
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
async function checkState(trx: Trx, batch: number, wanted: BatchState): Promise<void> {
  const { state } = await trx
    .selectFrom("batches")
    .select("state")
    .where("id", "=", batch)
    .executeTakeFirstOrThrow();
  if (state !== wanted) throw new Error(`batch ${batch} is ${state}, not ${wanted}`);
}

/** A position belongs to one live batch of its stream, as a nonce belongs to one of its lane. */
async function checkPosition(trx: Trx, batch: number, position: number): Promise<void> {
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

function reviveBatch(key: string, value: unknown): unknown {
  return key === "gasUsed" || key === "gasPrice" ? BigInt(value as string) : value;
}
