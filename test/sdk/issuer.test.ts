import { expect } from "chai";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WaybillError } from "../../src/errors.js";
import { type Flow, type Issuer, type IssuerOptions, openIssuer } from "../../src/sdk/issuer.js";
import type { StatementOutcome } from "../../src/sdk/outcomes.js";
import { openSqliteStore } from "../../src/store/sqlite.js";
import type { Store } from "../../src/store/store.js";
import { dropped } from "../support/proxy.js";
import { freshKey, mineAtEachLook, openWorld, type World } from "../support/stage.js";

const SCRATCH = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

describe("an issuer in a program", function () {
  this.timeout(30_000);
  let world: World;
  let directory: string;
  let store: Store;
  let issuer: Issuer;
  let options: IssuerOptions;
  let names = 0;

  before(async () => {
    world = await openWorld();
  });
  after(() => world.close());
  beforeEach(async () => {
    directory = await mkdtemp(join(SCRATCH, "waybill-issuer-"));
    store = openSqliteStore(directory);
    options = {
      name: "statements",
      schema: world.schema,
      store,
      chain: world.chain,
      registry: world.registry,
      issuer: await freshKey(world),
      lanes: [await freshKey(world)],
      pollMs: 1,
      finalDepth: 2,
    };
  });
  afterEach(async () => {
    world.faults.heal();
    await issuer.close();
    await store.close();
    await rm(directory, { recursive: true });
    await world.node("evm_setAutomine", [false]);
    await world.node("anvil_dropAllTransactions", []);
  });

  async function open(more: Partial<IssuerOptions> = {}): Promise<Issuer> {
    issuer = await openIssuer({ ...options, ...more });
    return issuer;
  }

  const statement = () => ({ name: `statement ${(names += 1)}`, value: BigInt(names) });
  const statements = (count: number) => Array.from({ length: count }, statement);
  const announced = () => world.announced(options.issuer.address);

  /** What the store is asked to admit, page by page; each waits until it is let go on. */
  function slowDisk(): { pages: number[]; goOn: () => void } {
    const disk = { pages: [] as number[], goOn: () => {} };
    const slow = new Proxy(store, {
      get(target, name) {
        const method = target[name as keyof Store] as (...given: unknown[]) => unknown;
        if (name !== "admit") return method.bind(target);
        return async (job: number, rows: readonly unknown[]) => {
          disk.pages.push(rows.length);
          await new Promise<void>((resolve) => (disk.goOn = resolve));
          return method.call(target, job, rows);
        };
      },
    });
    options = { ...options, store: slow };
    return disk;
  }

  /** Lets everything that is ready happen. */
  async function settled(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  async function take(flow: Flow, count: number): Promise<StatementOutcome[]> {
    const taken: StatementOutcome[] = [];
    for await (const outcome of flow.outcomes()) {
      taken.push(outcome);
      if (taken.length === count) break;
    }
    return taken;
  }

  it("acknowledges statements in their order, puts each on the chain once, and says what became of each", async () => {
    mineAtEachLook(world);
    await open();
    const said = await Promise.all(statements(300).map((one) => issuer.add(one)));
    expect(said.map(({ ordinal }) => ordinal)).to.deep.equal(said.map((_, index) => index));
    const outcomes = await take(issuer, 300);
    expect(outcomes.map(({ uid }) => uid)).to.deep.equal(said.map(({ uid }) => uid));
    for (const { state, transaction, block, reason } of outcomes) {
      expect({ state, reason }).to.deep.equal({ state: "verified", reason: null });
      expect([transaction, block]).to.not.include(null);
    }
    expect((await announced()).sort()).to.deep.equal(said.map(({ uid }) => uid).sort());
  });

  it("law 1: has a statement on the disk before it says so, and what comes meanwhile shares the next write", async () => {
    const disk = slowDisk();
    await open();
    const said: number[] = [];
    const all = statements(50).map((one) => issuer.add(one).then(({ ordinal }) => said.push(ordinal)));
    await settled();
    expect(disk.pages).to.deep.equal([50]);
    const later = statements(7).map((one) => issuer.add(one));
    await settled();
    expect(said).to.deep.equal([]);
    disk.goOn();
    await Promise.all(all);
    expect(said).to.deep.equal(Array.from({ length: 50 }, (_, index) => index));
    expect((await store.jobs())[0]!.rows).to.equal(50);
    await settled();
    expect(disk.pages).to.deep.equal([50, 7]);
    disk.goOn();
    expect((await Promise.all(later)).map(({ ordinal }) => ordinal)).to.deep.equal([
      50, 51, 52, 53, 54, 55, 56,
    ]);
  });

  it("says what is wrong with a statement, as with a row of a file, and admits nothing of it", async () => {
    await open();
    const wrong: [given: object, code: string][] = [
      [{ name: "a", value: 2n ** 64n }, "E_ROW_INTEGER"],
      [{ name: "a", value: 1.5 }, "E_ROW_INTEGER"],
      [{ name: "a" }, "E_ROW_MISSING"],
      [{ name: "a", value: undefined }, "E_ROW_MISSING"],
      [{ name: 7, value: 1 }, "E_ROW_STRING"],
      [{ name: "a", value: 1, more: 1 }, "E_ROW_UNKNOWN"],
      [{ name: "a", value: 1, id: "x", salt: `0x${"00".repeat(32)}` }, "E_ROW_SALT"],
      [{ name: "a", value: 1, expires: 1 }, "E_ROW_EXPIRES"],
      [{ name: "a", value: 1, recipient: "0x12" }, "E_ROW_ADDRESS"],
      [[1] as unknown as object, "E_ROW_JSON"],
    ];
    for (const [given, code] of wrong) {
      const error = await issuer.add(given as { name: string }).catch((error: unknown) => error);
      expect(error, JSON.stringify(code)).to.be.instanceOf(WaybillError).with.property("code", code);
    }
    expect((await store.jobs())[0]!.rows).to.equal(0);
  });

  it("names the row that a statement repeats, in this flow or another, and issues it once", async () => {
    mineAtEachLook(world);
    await open();
    const other = await issuer.flow({ name: "others" });
    const [one, two] = statements(2).map((given, index) => ({ ...given, id: `key ${index}` }));
    const first = await issuer.add(one!);
    expect(await issuer.add(one!)).to.deep.equal({
      uid: first.uid,
      ordinal: 1,
      duplicate: { job: 1, line: 1 },
    });
    expect(await other.add(one!)).to.deep.include({ uid: first.uid, duplicate: { job: 1, line: 1 } });
    await issuer.add(two!);
    const states = (await take(issuer, 3)).map(({ state }) => state);
    expect(states).to.deep.equal(["verified", "duplicate", "verified"]);
    expect(await announced()).to.have.length(2);
    expect((await take(other, 1))[0]).to.include({ state: "duplicate", reason: "line 1 of job 1" });
  });

  it("admits nothing of what is aborted while it waits, and says so of what was being stored", async () => {
    const disk = slowDisk();
    await open({ maxWaiting: 4 });
    const stop = new AbortController();
    const stored = statements(4).map((one) => issuer.add(one, { signal: stop.signal }));
    await settled();
    const waiting = statements(3).map((one) =>
      issuer.add(one, { signal: stop.signal }).catch((error: unknown) => error),
    );
    const patient = issuer.add(statement());
    await settled();
    stop.abort(new Error("enough"));
    expect((await Promise.all(waiting)).map(String)).to.deep.equal(Array(3).fill("Error: enough"));
    disk.goOn();
    expect((await Promise.all(stored)).map(({ ordinal }) => ordinal)).to.deep.equal([0, 1, 2, 3]);
    const late = await issuer.add(statement(), { signal: stop.signal }).catch((error: unknown) => error);
    expect(String(late)).to.equal("Error: enough");
    mineAtEachLook(world);
    while (disk.pages.length < 2) await settled();
    disk.goOn();
    expect(await patient).to.include({ ordinal: 4 });
    expect((await store.jobs())[0]!.rows).to.equal(5);
  });

  /** Brings statements for as long as anybody asks for them. */
  function source(): { asked: () => number; statements: AsyncGenerator<{ name: string; value: bigint }> } {
    let asked = 0;
    async function* endless() {
      for (;;) {
        asked += 1;
        yield statement();
      }
    }
    return { asked: () => asked, statements: endless() };
  }

  const COURSE = { maxWaiting: 60, maxBlocks: 100, limits: { transactionGas: 1_000_000 } };
  /** what one call of addAll holds in memory, and the one that it is asking for */
  const AHEAD = 1_000 + 1;

  async function inNoBlock(): Promise<number> {
    const { waiting, assigned } = await store.counts(1);
    return waiting + assigned;
  }

  /** Reads acknowledgements until no more come. @returns how many came */
  function reader(flow: Flow, from: AsyncIterable<{ name: string; value: bigint }>, signal: AbortSignal) {
    const read = { count: 0, ended: Promise.resolve() };
    read.ended = (async () => {
      for await (const {} of flow.addAll(from, { signal })) read.count += 1;
    })().catch(() => {});
    return read;
  }

  it("a slow disk pushes back to the source, and nothing in between fills up", async () => {
    const disk = slowDisk();
    await open(COURSE);
    const stop = new AbortController();
    const { asked, statements: endless } = source();
    const read = reader(issuer, endless, stop.signal);
    while (disk.pages.length === 0) await settled();
    for (let look = 0; look < 200; look += 1) await settled();
    expect(read.count).to.equal(0);
    expect(asked()).to.be.at.most(AHEAD);
    expect(disk.pages).to.have.length(1);
    expect(await inNoBlock()).to.equal(0);
    stop.abort();
    disk.goOn();
    await read.ended;
  });

  it("a slow node pushes back to the source, and nothing in between fills up", async () => {
    mineAtEachLook(world);
    await open(COURSE);
    world.faults.always("eth_sendRawTransaction", dropped);
    await heldAt(COURSE.maxWaiting, () => world.faults.always("eth_sendRawTransaction", null));
  });

  it("a slow chain pushes back to the source, and nothing in between fills up", async () => {
    await open(COURSE);
    await heldAt(COURSE.maxWaiting, () => mineAtEachLook(world));
  });

  it("a chain without room pushes back by the blocks that it would take, long before the items", async () => {
    await open({ ...COURSE, maxWaiting: 100_000, maxBlocks: 2, limits: { share: 0.02 } });
    // 2 % of 30 M gas is less than 20 items of this kind.
    await heldAt(2 * 40, () => mineAtEachLook(world));
    expect(issuer.pressure().bounds).to.deep.equal({ items: 100_000, blocks: 2 });
  });

  /** Nothing moves until `mend`: the source is asked for no more than fits, and goes on when it drains. */
  async function heldAt(most: number, mend: () => void): Promise<void> {
    const stop = new AbortController();
    const { asked, statements: endless } = source();
    const read = reader(issuer, endless, stop.signal);
    while (issuer.pressure().state !== "holding") await settled();
    for (let look = 0; look < 100; look += 1) {
      await settled();
      expect(await inNoBlock()).to.be.at.most(most);
      expect((await store.batches(["planned", "signed"])).length).to.be.at.most(48);
    }
    const held = read.count;
    expect(held).to.be.at.least(1);
    expect(asked()).to.be.at.most(held + AHEAD);
    mend();
    while (read.count < 3 * held) {
      await settled();
      expect(await inNoBlock()).to.be.at.most(most);
    }
    stop.abort();
    await read.ended;
  }

  it("has a lone statement on an idle system in the next block, unless it is to linger for company", async () => {
    await open({ pollMs: 60_000 });
    // The submitter has looked and rests: nothing but the statement itself can wake it.
    for (let asked = -1; asked !== world.faults.asked.length; await settled())
      asked = world.faults.asked.length;
    // Only what is handed in gets a block: so nobody looks at the head for a minute, and it is sent all the same.
    world.faults.always("eth_sendRawTransaction", async (forward) => {
      const answer = await forward();
      await world.mine();
      return answer;
    });
    const from = await world.head();
    await issuer.add(statement());
    while ((await announced()).length === 0) await settled();
    expect(await world.head()).to.equal(from + 1);
    await issuer.close();

    mineAtEachLook(world);
    await open({ name: "company", lingerMs: 10_000 });
    const first = await issuer.add(statement());
    for (let look = 0; look < 50; look += 1) await settled();
    const { id } = (await store.jobs()).find(({ name }) => name === "company")!;
    expect(await store.counts(id)).to.include({ waiting: 1 });
    const [more] = await Promise.all(statements(400).map((one) => issuer.add(one)));
    expect(more!.ordinal).to.equal(first.ordinal + 1);
    while ((await store.counts(id)).waiting > 100) await settled();
    const lead = (
      await store.batches(["planned", "signed", "included", "safe", "final", "verified"], id)
    )[0]!;
    expect(lead.count).to.be.greaterThan(100);
  });

  describe("closes a transaction before it is full", () => {
    const onTheirWay = () => store.unmined();
    const waiting = async () => (await store.counts((await store.jobs())[0]!.id)).waiting;
    async function addOne(): Promise<void> {
      await issuer.add(statement());
      const looks = () => world.faults.asked.filter(({ params }) => params[0] === "latest").length;
      for (const from = looks(); looks() < from + 3 || (await store.batches(["planned"])).length > 0;)
        await settled();
    }

    it("only while the next block has room for it beside what is on its way", async () => {
      const block = 450_000;
      await open({ limits: { share: block / 30_000_000 } });
      while ((await waiting()) === 0) await addOne();
      const small = await onTheirWay();
      expect(small.length).to.be.within(2, 7);
      const gasOf = (all: typeof small) =>
        all.reduce((sum, { attempts }) => sum + Number(attempts[0]!.gasLimit), 0);
      expect(gasOf(small)).to.be.at.most(block);
      expect(gasOf(small) + Number(small[0]!.attempts[0]!.gasLimit)).to.be.greaterThan(block);
      for (let more = 0; more < 3; more += 1) await addOne();
      expect(await onTheirWay()).to.have.length(small.length);

      // What fills one goes at once, whatever the next block has room for.
      while ((await onTheirWay()).length === small.length) await addOne();
      const full = (await onTheirWay()).slice(small.length);
      expect(gasOf(full)).to.be.within(0.85 * block, block);
      while ((await waiting()) === 0) await addOne();
      await world.mine();
      while ((await waiting()) > 0) await settled();
    });

    it("eight times at most, for slots are few, and one more for each that comes into a block", async () => {
      await open();
      while ((await waiting()) === 0) await addOne();
      expect(await onTheirWay()).to.have.length(8);
      for (let more = 0; more < 3; more += 1) await addOne();
      expect(await waiting()).to.equal(4);
      await world.mine();
      while ((await waiting()) > 0 || (await onTheirWay()).length !== 1) await settled();
    });

    it("three times at most where each is an anchor, for what waits can all go in one", async () => {
      await open({ level: "anchor" });
      for (let one = 0; one < 5; one += 1) await addOne();
      expect(await onTheirWay()).to.have.length(3);
      expect(await waiting()).to.equal(2);
    });
  });

  it("refuses what comes after it is closed, and goes on with what was acknowledged when it is opened again", async () => {
    await open();
    const said = await Promise.all(statements(20).map((one) => issuer.add(one)));
    await issuer.close();
    const late = await issuer.add(statement()).catch((error: unknown) => error);
    expect(late).to.be.instanceOf(WaybillError).with.property("code", "E_ISSUER_CLOSED");
    mineAtEachLook(world);
    await open();
    const after = 4;
    const outcomes: StatementOutcome[] = [];
    for await (const outcome of issuer.outcomes({ after })) if (outcomes.push(outcome) === 15) break;
    expect(outcomes.map(({ uid }) => uid)).to.deep.equal(said.slice(after + 1).map(({ uid }) => uid));
    expect((await announced()).sort()).to.deep.equal(said.map(({ uid }) => uid).sort());
    const other = await openIssuer({ ...options, level: "seal" }).catch((error: unknown) => error);
    expect(other).to.be.instanceOf(WaybillError).with.property("code", "E_FLOW");
  });

  it("shares what blocks have room for between two flows that both bring too much, and a hold of one is none of the other", async () => {
    await open({
      ...COURSE,
      maxWaiting: 100_000,
      maxBlocks: 4,
      tenant: "a",
      limits: { share: 0.1, transactionGas: 1_000_000 },
    });
    const other = await issuer.flow({ name: "others", tenant: "b" });
    const quiet = await issuer.flow({ name: "quiet", tenant: "c" });
    const stop = new AbortController();
    const reads = [issuer, other].map((flow) => reader(flow, source().statements, stop.signal));
    while ([issuer, other].some((flow) => flow.pressure().state !== "holding")) await settled();
    expect(await quiet.add(statement())).to.include({ ordinal: 0 });
    mineAtEachLook(world);
    const landed = async () =>
      Promise.all(
        [1, 2].map(async (id) => {
          const { included, safe, final, verified } = await store.counts(id);
          return included + safe + final + verified;
        }),
      );
    while ((await landed()).some((count) => count < 600)) await settled();
    const [a, b] = await landed();
    stop.abort();
    await Promise.all(reads.map(({ ended }) => ended));
    expect(a! / (a! + b!)).to.be.within(0.45, 0.55);
  });
});
