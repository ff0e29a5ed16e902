import { assert, expect } from "chai";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { openSqliteStore } from "../../src/store/sqlite.js";
import { seed } from "../support/seed.js";
import { attemptOf, conformance, errorOf, HEAD, itemRows, LANE, newJob } from "./conformance.js";

const newFolder = () => mkdtemp(join(tmpdir(), "waybill-store-"));

conformance("the SQLite store", async () => {
  const folder = await newFolder();
  return {
    open: async () => openSqliteStore(folder),
    async events(batch) {
      const database = new DatabaseSync(join(folder, "waybill.sqlite"), { readOnly: true });
      const rows = database.prepare("SELECT event FROM events WHERE batch = ? ORDER BY id").all(batch);
      database.close();
      return rows.map((row) => (JSON.parse(row["event"] as string) as { kind: string }).kind);
    },
    remove: () => rm(folder, { recursive: true }),
  };
});

describe("the file of the SQLite store", function () {
  this.timeout(60_000);
  let folder: string;

  beforeEach(async () => {
    folder = await newFolder();
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("law 1: is in WAL mode and synchronous FULL: a commit is on the disk when it returns", async () => {
    // synchronous belongs to a connection, so the store's own is asked.
    const databases = new Set<DatabaseSync>();
    const { exec } = DatabaseSync.prototype;
    DatabaseSync.prototype.exec = function (text) {
      databases.add(this);
      return exec.call(this, text);
    };
    let store;
    try {
      store = openSqliteStore(folder);
    } finally {
      DatabaseSync.prototype.exec = exec;
    }
    const database = [...databases].find((one) => one.location()?.endsWith("waybill.sqlite"));
    const ask = (pragma: string) => Object.values(database!.prepare(`PRAGMA ${pragma}`).get()!)[0];
    expect([ask("journal_mode"), ask("synchronous"), ask("foreign_keys")]).to.deep.equal(["wal", 2, 1]);
    await store.close();
  });

  it("is held by one opener; the second is told which process", async () => {
    const store = openSqliteStore(folder);
    const error = await errorOf(() => openSqliteStore(folder));
    expect(error).to.have.property("code", "E_STORE_HELD");
    expect(error.message).to.include(`process ${process.pid} `);
    await store.close();
    await openSqliteStore(folder).close();
  });

  it("is held against another process, and one that is killed holds it no longer", async () => {
    const child = run(`openSqliteStore(process.argv[1]); console.log("open"); setInterval(() => {}, 1e6);`);
    expect((await child.lines.next()).value, child.complaint()).to.equal("open");
    const error = await errorOf(() => openSqliteStore(folder));
    expect(error).to.have.property("code", "E_STORE_HELD");
    expect(error.message).to.include(`process ${child.process.pid} `);
    child.process.kill("SIGKILL");
    await child.ended;
    const store = openSqliteStore(folder);

    const second = run(
      `try { openSqliteStore(process.argv[1]); } catch (error) { console.log(error.code, error.message); }`,
    );
    const told = (await second.lines.next()).value as string;
    expect(told).to.match(/^E_STORE_HELD /);
    expect(told).to.include(`process ${process.pid} `);
    await second.ended;
    await store.close();
  });

  it("shows committed rows to readers while a writer is open, and lets them write nothing", async () => {
    const writer = openSqliteStore(folder);
    const { id } = await writer.openJob(newJob("a"));
    await writer.admit(id, itemRows("a", 3));
    const reader = openSqliteStore(folder, { readOnly: true });
    expect((await reader.counts(id)).rows).to.equal(3);
    await writer.admit(id, itemRows("b", 4));
    expect((await reader.counts(id)).rows).to.equal(7);
    await errorOf(() => reader.release(id));
    await writer.release(id);
    await reader.close();
    // The writer still holds it.
    expect(await errorOf(() => openSqliteStore(folder))).to.have.property("code", "E_STORE_HELD");
    await writer.close();

    const later = openSqliteStore(folder, { readOnly: true });
    expect((await later.job(id))!).to.deep.include({ state: "open", rows: 7 });
    await later.close();
  });

  it("says so when there is nothing to read, and makes nothing", async () => {
    const missing = join(folder, "nowhere");
    for (let look = 0; look < 2; look += 1) {
      expect(await errorOf(() => openSqliteStore(missing, { readOnly: true }))).to.have.property(
        "code",
        "E_STORE_NONE",
      );
    }
  });

  it("is left alone when its format is another, and not held", async () => {
    await openSqliteStore(folder).close();
    const database = new DatabaseSync(join(folder, "waybill.sqlite"));
    // A later one, and the one before, whose tables are others.
    for (const version of [99, 4]) {
      database.exec(`PRAGMA user_version = ${version}`);
      for (const options of [{}, {}, { readOnly: true }]) {
        const error = await errorOf(() => openSqliteStore(folder, options));
        expect(error).to.have.property("code", "E_STORE_VERSION");
      }
    }
    database.exec("PRAGMA user_version = 6");
    database.close();
    await openSqliteStore(folder).close();
  });

  it("drops an abandoned admission by an index: whose repeats are gone is not looked for in all rows", async () => {
    await openSqliteStore(folder).close();
    const database = new DatabaseSync(join(folder, "waybill.sqlite"), { readOnly: true });
    const plan = database.prepare("EXPLAIN QUERY PLAN SELECT 1 FROM items WHERE duplicate_of = ?").all(1);
    database.close();
    // What the foreign key asks for every row that is deleted.
    expect(plan.map((row) => row["detail"]).join()).to.match(/^SEARCH items USING (COVERING )?INDEX/);
  });

  it("law 1: after kill -9 every row, nonce and signed byte that was acknowledged is there, once", async () => {
    const rounds = 4;
    let random = seed;
    const acknowledged = { rows: 0, nonces: new Map<number, number>() };
    for (let round = 0; round < rounds; round += 1) {
      random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 1;
      const patience = 15 + (random % 40);
      const child = run(`
        const store = openSqliteStore(process.argv[1]);
        const job = await store.openJob(newJob("loop"));
        const token = await store.takeLane(LANE);
        for (let rows = job.rows; ; rows += 7) {
          await store.admit(job.id, itemRows("loop", rows + 7).slice(rows));
          console.log("rows", rows + 7);
          const ids = (await store.waiting(job.id, 100)).map((item) => item.id);
          await store.assign(token, job.id, [ids]);
          for (const { id } of await store.batches(["planned"])) {
            const { nonce } = await store.sign(token, id, { mined: 0, positions: [null], head: HEAD }, (nonce) => attemptOf(id, nonce));
            console.log("signed", id, nonce);
          }
        }
      `);
      let said = 0;
      for await (const line of child.lines) {
        const [what, first, second] = line.split(" ");
        if (what === "rows") acknowledged.rows = Number(first);
        if (what === "signed") {
          assert.notInclude([...acknowledged.nonces.values()], Number(second));
          acknowledged.nonces.set(Number(first), Number(second));
        }
        said += 1;
        // What it goes on to say until it is dead counts as well.
        if (said === patience) child.process.kill("SIGKILL");
      }
      await child.ended;
      assert.isAtLeast(said, patience, child.complaint());

      const store = openSqliteStore(folder);
      const job = await store.openJob(newJob("loop"));
      assert.isAtLeast(job.rows, acknowledged.rows);
      assert.equal(job.rows % 7, 0);
      const { rows, waiting, assigned, ...others } = await store.counts(job.id);
      assert.equal(rows, waiting + assigned);
      assert.equal(
        Object.values(others).reduce((a, b) => a + b, 0),
        0,
      );
      const report = await store.report(job.id, -1, rows + 1);
      assert.deepEqual(
        report.map((row) => [row.ordinal, row.uid]),
        itemRows("loop", rows).map((row, index) => [index, "uid" in row ? row.uid : null]),
      );
      const nonces = new Set<number>();
      for (const { id, batch } of await store.batches(["signed"])) {
        assert(batch.state === "signed");
        nonces.add(batch.nonce);
        const said = acknowledged.nonces.get(id);
        if (said !== undefined) assert.equal(batch.nonce, said);
        acknowledged.nonces.delete(id);
        const attempts = await store.attempts(id);
        assert.deepEqual(attempts, [
          {
            ...attemptOf(id, batch.nonce),
            batch: id,
            lane: LANE,
            nonce: batch.nonce,
            noop: false,
            head: HEAD,
          },
        ]);
        acknowledged.nonces.set(id, batch.nonce);
      }
      assert.equal(
        nonces.size,
        acknowledged.nonces.size,
        "a batch whose signature was acknowledged is not there",
      );
      await store.close();
    }
  });

  /** Runs code with the store in a process of its own; `ended` when its lock is free for certain. */
  function run(code: string) {
    const url = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
    const imports = `
      import { openSqliteStore } from ${url("../../src/store/sqlite.ts")};
      const { attemptOf, HEAD, itemRows, LANE, newJob } = await import(${url("./conformance.ts")});
    `;
    const child = spawn(
      process.execPath,
      ["--import", "tsx", "--input-type=module", "-e", imports + code, folder],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    let complaint = "";
    child.stderr.on("data", (text: Buffer) => (complaint += text.toString()));
    const ended = once(child, "exit");
    return { process: child, ended, lines: linesOf(child), complaint: () => complaint };
  }
});

/** Lines that the child prints, but for those of its imports. */
async function* linesOf(child: ChildProcess): AsyncGenerator<string> {
  for await (const line of createInterface({ input: child.stdout! })) {
    if (!line.startsWith("seed ")) yield line;
  }
}
