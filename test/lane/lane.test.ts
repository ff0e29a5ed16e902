import { expect } from "chai";
import { Transaction } from "ethers";
import { ATTESTED, attestedOf } from "../../src/chain/registry.js";
import type { Log } from "../../src/chain/chain.js";
import { localKey } from "../../src/cli/keys.js";
import { RpcError, WaybillError } from "../../src/errors.js";
import type { Hex } from "../../src/hex.js";
import type { Key } from "../../src/key.js";
import type { Hold } from "../../src/lane/lane.js";
import type { Store } from "../../src/store/store.js";
import { openSqliteStore } from "../../src/store/sqlite.js";
import { type Fault, lost, passing, refusing, dropped, answering } from "../support/proxy.js";
import { seed } from "../support/seed.js";
import {
  admitJob,
  type Desk,
  type DeskOptions,
  freshKey,
  Killed,
  lifeOf,
  mineAtEachLook,
  openDesk,
  openWorld,
  randomOf,
  randomRows,
  type World,
} from "../support/stage.js";

const GWEI = 10n ** 9n;

describe("the lane", function () {
  this.timeout(120_000);
  let world: World;
  let desk: Desk;

  before(async () => {
    world = await openWorld();
  });
  after(() => world.close());
  afterEach(async () => {
    world.faults.heal();
    await world.node("anvil_dropAllTransactions", []);
    await desk.close();
  });

  /** A desk whose lane and issuer are new to the node. */
  async function open(options: DeskOptions): Promise<Desk> {
    const lane = options.lane ?? (await freshKey(world));
    desk = await openDesk(world, { issuer: await freshKey(world), ...options, lane });
    return desk;
  }

  const sentBytes = (from = 0) =>
    world.faults.asked
      .slice(from)
      .filter(({ method }) => method === "eth_sendRawTransaction")
      .map(({ params }) => params[0] as Hex);

  async function attemptsOf(states: Parameters<Desk["store"]["batches"]>[0] = ["signed"]) {
    const found = [];
    for (const { id } of await desk.store.batches(states)) found.push(...(await desk.store.attempts(id)));
    return found;
  }

  async function finish(): Promise<void> {
    world.faults.heal();
    mineAtEachLook(world);
    const submitter = await desk.submitter();
    expect(await submitter.run(desk.job.id, { until: "final" })).to.deep.equal({ kind: "done" });
    await expectEveryItemOnce();
  }

  /** On the chain and in the store, in one transaction per batch, of nonces from 0 on. */
  async function expectEveryItemOnce(of = desk): Promise<void> {
    expect((await world.announced(of.job.attester)).sort()).to.deep.equal([...of.uids].sort());
    const { verified, mismatched, rows } = await of.store.counts(of.job.id);
    expect({ verified, mismatched }).to.deep.equal({ verified: rows, mismatched: 0 });
    const batches = await of.store.batches(["verified"], of.job.id);
    expect(await world.chain.transactionCount(of.token.lane, "latest")).to.equal(batches.length);
    const nonces = batches.map(({ batch }) => (batch.state === "verified" ? batch.nonce : -1));
    expect(nonces.sort((a, b) => a - b)).to.deep.equal(nonces.map((_, index) => index));
  }

  it("law 3: the signed bytes are in the store before the first byte leaves", async () => {
    await open({ rows: 6 });
    await desk.plan(2);
    let looked = 0;
    world.faults.always("eth_sendRawTransaction", async (forward, [raw]) => {
      const reader = openSqliteStore(desk.directory, { readOnly: true });
      const stored = [];
      for (const { id } of await reader.batches(["signed"])) stored.push(...(await reader.attempts(id)));
      await reader.close();
      expect(stored.map((attempt) => attempt.raw)).to.include(raw);
      const { nonce, hash } = Transaction.from(raw as string);
      expect(stored.find((attempt) => attempt.raw === raw)).to.include({ nonce, transaction: hash });
      looked += 1;
      return forward();
    });
    expect(await desk.lane().tick(desk.job)).to.equal(true);
    expect(looked).to.equal(3);
    await finish();
  });

  it("law 3: sends the recorded bytes again after a kill between record and broadcast", async () => {
    await open({ rows: 4 });
    await desk.plan(2);
    world.faults.next("eth_sendRawTransaction", () => {
      throw new Killed();
    });
    const thrown = await desk
      .lane()
      .tick(desk.job)
      .catch((error: unknown) => error);
    expect(thrown).to.be.instanceOf(Killed);
    const [before] = await attemptsOf();
    await desk.reopen();
    // A higher head, a later clock, another base fee: none of it may enter the bytes.
    await world.node("evm_increaseTime", [60]);
    await world.mine();
    const start = world.faults.asked.length;
    await desk.lane().tick(desk.job);
    expect(sentBytes(start)[0]).to.equal(before!.raw);
    expect(before!.nonce).to.equal(0);
    expect(await attemptsOf()).to.have.length(2);
    await finish();
  });

  it("law 3: nothing is sent when the journal cannot be written", async () => {
    await open({ rows: 2 });
    await desk.plan(2);
    const start = world.faults.asked.length;
    const store = new Proxy(desk.store, {
      get(target, name: keyof Store) {
        if (name === "sign") return () => Promise.reject(new Error("disk full"));
        return target[name].bind(target);
      },
    });
    const thrown = await desk
      .lane({ store })
      .tick(desk.job)
      .catch((error: unknown) => error);
    expect(String(thrown)).to.contain("disk full");
    expect(sentBytes(start)).to.deep.equal([]);
    await finish();
  });

  it("law 4: takes the next nonce from the journal when the node's count is behind it", async () => {
    await open({ rows: 8 });
    await desk.plan(2);
    world.faults.always("eth_getTransactionCount", answering("0x0"));
    await desk.lane().tick(desk.job);
    expect((await attemptsOf()).map((attempt) => attempt.nonce)).to.deep.equal([0, 1, 2, 3]);
    await world.mine();
    world.faults.heal();
    await desk.tracker().tick();
    world.faults.always("eth_getTransactionCount", answering("0x0"));
    const more = await admitJob(world, desk.store, rowsOf(3), { attester: desk.job.attester });
    const waiting = (await desk.store.waiting(more.id, 10)).map((item) => item.id);
    await desk.store.assign(desk.token, more.id, [waiting]);
    await desk.lane().tick(more);
    expect((await attemptsOf()).map((attempt) => attempt.nonce)).to.deep.equal([4]);
  });

  /** A transaction that the lane's key sends without us, in a block. */
  async function sendElsewhere(lane: Key): Promise<{ raw: Hex }> {
    const foreign = lane.signTransaction({
      chainId: 31337n,
      nonce: 0,
      to: lane.address,
      data: "0x",
      gasLimit: 21_000n,
      maxFee: 10n * GWEI,
      tip: GWEI,
    });
    await world.node("eth_sendRawTransaction", [foreign.raw]);
    await world.mine();
    return foreign;
  }

  it("law 4: starts after transactions that the lane's key sent elsewhere", async () => {
    const lane = await freshKey(world);
    await sendElsewhere(lane);
    await open({ rows: 2, lane });
    await desk.plan(1);
    await desk.lane().tick(desk.job);
    expect((await attemptsOf()).map((attempt) => attempt.nonce)).to.deep.equal([1, 2]);
  });

  it("law 4: holds and names the nonce when a transaction sent elsewhere is undone and leaves a gap", async () => {
    const lane = await freshKey(world);
    const foreign = await sendElsewhere(lane);
    await open({ rows: 1, lane });
    await desk.plan(1);
    let now = 0;
    const worker = desk.lane({ now: () => now });
    await worker.tick(desk.job);
    const [attempt] = await attemptsOf();
    await world.node("anvil_reorg", [1, []]);
    now = 3_600_000;
    await worker.tick(desk.job);
    expect(worker.hold()).to.include({ why: "nonce", since: now });
    expect(worker.hold()!.detail).to.match(/nonce 0 of 0x/);

    await world.node("eth_sendRawTransaction", [foreign.raw]);
    await world.mine();
    now += 3_600_000;
    await worker.tick(desk.job);
    expect(worker.hold()).to.equal(null);
    expect((await attemptsOf()).map(({ nonce, raw }) => ({ nonce, raw }))).to.deep.equal([
      { nonce: 1, raw: attempt!.raw },
    ]);
  });

  it("law 4: signs nothing that was planned for another lane", async () => {
    await open({ rows: 4 });
    const other = await freshKey(world);
    const otherToken = await desk.store.takeLane(other.address);
    const waiting = (await desk.store.waiting(desk.job.id, 10)).map((item) => item.id);
    await desk.store.assign(otherToken, desk.job.id, [waiting.slice(0, 2)]);
    await desk.store.assign(desk.token, desk.job.id, [waiting.slice(2)]);
    await desk.lane().tick(desk.job);
    expect((await desk.store.batches(["signed"])).map((batch) => batch.lane)).to.deep.equal([
      desk.token.lane,
    ]);
    expect(await desk.store.batches(["planned"])).to.have.length(1);
    await finish();
  });

  describe("law 7: a send error changes neither nonce nor payload", () => {
    const silent = "node";
    const errors: [name: string, fault: Fault, hold: Hold["why"] | null][] = [
      ["the request is lost", dropped, silent],
      ["the reply is lost", lost, silent],
      ["nonce too low", refusing("nonce too low"), null],
      ["nonce too high", refusing("nonce too high"), silent],
      ["replacement underpriced", refusing("replacement transaction underpriced"), null],
      ["fee too low", refusing("max fee per gas less than block base fee"), "fee"],
      ["already known", refusing("already known"), null],
      ["insufficient funds", refusing("insufficient funds for gas * price + value"), "funds"],
      ["rate limit", refusing("daily request count exceeded, request rate limited", -32005), silent],
      ["unknown text", refusing("the moon is in the wrong house"), "refused"],
    ];
    for (const [name, fault, why] of errors) {
      it(`law 7: ${name}: the same nonce and the same bytes, until they are in a block`, async () => {
        await open({ rows: 4 });
        await desk.plan(2);
        let time = 1_000_000;
        const lane = desk.lane({ now: () => time, patienceMs: 30_000 });
        const start = world.faults.asked.length;
        world.faults.always("eth_sendRawTransaction", fault);
        await lane.tick(desk.job);
        const before = await attemptsOf();
        expect(lane.hold()?.why ?? null).to.equal(why);
        // What was being made meanwhile is signed as well, and nothing after that.
        if (why !== null) expect(before).to.have.length.within(1, 2);
        for (let i = 0; i < 3; i += 1) {
          time += 30_000;
          await lane.tick(desk.job);
        }
        if (name !== "the reply is lost") expect(lane.hold()?.since ?? 1_000_000).to.equal(1_000_000);
        // A batch behind it may have been signed by now; there is still one payload to a nonce.
        const since = await attemptsOf();
        expect(since.slice(0, before.length)).to.deep.equal(before);
        expect(new Set(sentBytes(start))).to.deep.equal(new Set(since.map((attempt) => attempt.raw)));
        expect(since.map((attempt) => attempt.nonce)).to.deep.equal(since.map((_, index) => index));

        world.faults.heal();
        time += 30_000;
        await lane.tick(desk.job);
        expect(lane.hold()).to.equal(null);
        await world.mine();
        await desk.tracker().tick();
        const included = await attemptsOf(["included"]);
        expect(included.slice(0, before.length)).to.deep.equal(before);
        await finish();
      });
    }
  });

  it("law 10: holds above the fee cap, says since when and why, and goes on by itself when fees fall", async () => {
    await open({ rows: 4 });
    await desk.plan(2);
    let time = 5_000;
    const cap = (5n * GWEI) / 2n; // below what would be bid at a base fee of 1 gwei
    const lane = desk.lane({ maxFee: cap, now: () => time });
    await baseFee(10n * GWEI);
    const start = world.faults.asked.length;
    expect(await lane.tick(desk.job)).to.equal(false);
    const first = lane.hold();
    expect(first).to.include({ why: "fee", since: 5_000 });
    expect(first!.detail)
      .to.contain(String(10n * GWEI))
      .and.to.contain(String(cap));
    time = 9_000;
    await lane.tick(desk.job);
    expect(lane.hold()).to.include({ why: "fee", since: 5_000 });
    expect(sentBytes(start)).to.deep.equal([]);

    await baseFee(GWEI);
    expect(await lane.tick(desk.job)).to.equal(true);
    expect(lane.hold()).to.equal(null);
    await world.mine();
    await desk.tracker().tick();
    for (const { batch } of await desk.store.batches(["included"], desk.job.id)) {
      if (batch.state !== "included") continue;
      expect(batch.inclusion.gasPrice <= cap).to.equal(true);
    }
    for (const { maxFee, tip } of await attemptsOf(["included"])) {
      expect(maxFee <= cap && tip <= cap).to.equal(true);
    }
  });

  it("law 10: a signed batch that the base fee overtook keeps its nonce, and the lane says that it holds", async () => {
    await open({ rows: 4 });
    await desk.plan(2);
    let time = 5_000;
    const lane = desk.lane({ maxFee: 2n * GWEI, now: () => time });
    await baseFee(GWEI);
    await lane.tick(desk.job);
    const before = await attemptsOf();
    await baseFee(20n * GWEI); // anvil evicts both
    time += 30_000;
    await lane.tick(desk.job);
    expect(lane.hold()).to.include({ why: "fee", since: 35_000 });
    await world.mine();
    await desk.tracker().tick();
    expect(await attemptsOf()).to.deep.equal(before);
    await baseFee(GWEI);
    time += 30_000;
    await lane.tick(desk.job);
    expect(lane.hold()).to.equal(null);
    await world.mine();
    await desk.tracker().tick();
    expect(await attemptsOf(["included"])).to.deep.equal(before);
  });

  it("law 10: never commits more than the budget, and says what is left", async () => {
    await open({ rows: 6 });
    await desk.plan(2);
    await baseFee(GWEI);
    await desk.store.setTerms(desk.job.id, { maxFee: 4n * GWEI, budget: 1n });
    await desk.lane({ maxFee: 4n * GWEI }).tick(desk.job);
    expect(await desk.store.batches(["signed"])).to.have.length(0);

    await desk.store.setTerms(desk.job.id, { maxFee: 4n * GWEI, budget: 10n ** 18n });
    const probe = desk.lane({ maxFee: 4n * GWEI });
    await desk.plan(2);
    await probe.tick(desk.job);
    const [first] = await attemptsOf();
    const price = first!.maxFee * first!.gasLimit;
    await desk.close();

    await open({ rows: 6 });
    await desk.plan(2);
    const budget = price * 2n;
    await desk.store.setTerms(desk.job.id, { maxFee: 4n * GWEI, budget: budget });
    const lane = desk.lane({ maxFee: 4n * GWEI, now: () => 77 });
    await lane.tick(desk.job);
    const { committed } = await desk.store.spending(desk.job.id);
    expect(committed <= budget).to.equal(true);
    expect(lane.hold()).to.include({ why: "budget", since: 77 });
    expect((await attemptsOf()).length).to.be.within(1, 2);
  });

  it("does not let a lane that is stuck hold up another", async () => {
    const poor = await freshKey(world, 10n ** 12n);
    await open({ rows: 2, lane: poor });
    await desk.plan(2);
    await world.node("anvil_setBalance", [poor.address, "0xde0b6b3a7640000"]);
    world.faults.next("eth_sendRawTransaction", () => {
      throw new RpcError(-32000, "insufficient funds for gas * price + value", undefined);
    });
    await desk.lane().tick(desk.job);
    const own = localKey(1);
    const job = await admitJob(world, desk.store, randomRows(world, desk.job.attester, 2, "own lane"), {
      attester: desk.job.attester,
    });
    const token = await desk.store.takeLane(own.address);
    const waiting = await desk.store.waiting(job.id, 9);
    await desk.store.assign(token, job.id, [waiting.map((item) => item.id)]);
    await world.node("anvil_setBalance", [poor.address, "0x0"]);
    const stuck = desk.lane();
    await Promise.all([stuck.tick(job), desk.lane({ lane: own, token }).tick(job)]);
    expect(stuck.hold()).to.include({ why: "funds" });
    const sent = (await desk.store.batches(["signed"], job.id)).map(({ batch }) => batch);
    expect(sent).to.have.length(1);
    expect(sent[0]).to.have.property("sentAt").that.is.a("number");
  });

  it("law 10: holds without funds and goes on when they come", async () => {
    const lane = await freshKey(world, 10n ** 12n);
    await open({ rows: 2, lane });
    await desk.plan(2);
    const worker = desk.lane();
    const start = world.faults.asked.length;
    await worker.tick(desk.job);
    expect(worker.hold()).to.include({ why: "funds" });
    expect(sentBytes(start)).to.deep.equal([]);
    await world.node("anvil_setBalance", [lane.address, "0xde0b6b3a7640000"]);
    await worker.tick(desk.job);
    expect(worker.hold()).to.equal(null);
    expect(sentBytes(start)).to.have.length(1);
  });

  it("law 9: a kill before any call of store or chain, then everything anew: every item once, nonces without a gap", async () => {
    desk = await openDesk(world, { rows: 2 });
    mineAtEachLook(world);
    const calls = await dieAt(Infinity);
    expect(calls).to.be.greaterThan(40);
    let next = 1;
    let kills = 0;
    const worker = async () => {
      for (let k = next++; k <= calls; k = next++) if ((await dieAt(k)) >= k) kills += 1;
    };
    await Promise.all([worker(), worker(), worker(), worker()]);
    // Stages beside each other make their calls in no fixed order: the last few lives may end before they are killed.
    expect(kills).to.be.greaterThan(0.6 * calls);
  });

  it("law 9: lives of random length, one after the other, end with every item once", async () => {
    const random = randomOf(`lives ${seed}`);
    await open({ rows: 12 });
    mineAtEachLook(world);
    for (let done = false; !done;) {
      await desk.plan(2);
      done = await live(desk, lifeOf(15 + random(50)));
      if (!done) await desk.reopen();
    }
    await expectEveryItemOnce();
  });

  /** Runs a job into its death before the k-th call, builds everything anew and finishes. @returns calls until then */
  async function dieAt(k: number): Promise<number> {
    const lane = await freshKey(world);
    const mortal = await openDesk(world, { rows: 3, issuer: await freshKey(world), lane });
    await mortal.plan(2);
    const life = lifeOf(k);
    if (!(await live(mortal, life))) {
      await mortal.reopen();
      expect(await live(mortal, lifeOf(Infinity))).to.equal(true);
    }
    await expectEveryItemOnce(mortal);
    await mortal.close();
    return life.calls;
  }

  /** @returns whether the job was done before the process died */
  async function live(mortal: Desk, life: ReturnType<typeof lifeOf>): Promise<boolean> {
    try {
      const submitter = await mortal.submitter({
        store: life.share(mortal.store),
        chain: life.share(world.chain),
        pollMs: 0,
      });
      const outcome = await submitter.run(mortal.job.id, { until: "final" });
      return outcome.kind === "done";
    } catch (error) {
      if (error instanceof Killed) return false;
      throw error;
    }
  }

  it("law 11: a newer token fences the older lane out before it signs", async () => {
    await open({ rows: 4 });
    await desk.plan(2);
    const older = desk.lane();
    const token = await desk.store.takeLane(desk.token.lane);
    const start = world.faults.asked.length;
    const thrown = await older.tick(desk.job).catch((error: unknown) => error);
    expect(thrown).to.be.instanceOf(WaybillError).with.property("code", "E_LANE_TAKEN");
    expect(sentBytes(start)).to.deep.equal([]);
    expect(await desk.store.batches(["signed"])).to.have.length(0);
    await desk.lane({ token }).tick(desk.job);
    expect((await attemptsOf()).map((attempt) => attempt.nonce)).to.deep.equal([0, 1]);
  });

  it("law 11: a lane that froze while it signed finds itself fenced inside the transaction", async () => {
    await open({ rows: 2 });
    await desk.plan(2);
    const older = desk.lane();
    let newer = desk.token;
    // The last question before the journal: while its answer is on the way, another process takes over.
    world.faults.next("eth_getTransactionCount", async (forward) => {
      newer = await desk.store.takeLane(desk.token.lane);
      await desk.lane({ token: newer }).tick(desk.job);
      return forward();
    });
    const start = world.faults.asked.length;
    const thrown = await older.tick(desk.job).catch((error: unknown) => error);
    expect(thrown).to.have.property("code", "E_LANE_TAKEN");
    expect(sentBytes(start)).to.have.length(1);
    expect(await attemptsOf()).to.have.length(1);
  });

  it("hands in what another lane signed, and does not fence itself by giving up what that lane had planned", async () => {
    const earlier = await freshKey(world);
    await open({ rows: 2, lane: earlier });
    await desk.plan(2);
    world.faults.always("eth_sendRawTransaction", dropped);
    await desk.lane().tick(desk.job);
    world.faults.heal();
    const jobs = [desk.job];
    for (const count of [2, 3]) {
      const job = await admitJob(world, desk.store, rowsOf(count), { attester: desk.job.attester });
      const waiting = (await desk.store.waiting(job.id, 10)).map((item) => item.id);
      await desk.store.assign(desk.token, job.id, [waiting]);
      jobs.push(job);
    }
    const key = await freshKey(world);
    const token = await desk.store.takeLane(key.address);
    let time = 0;
    const lane = desk.lane({ lane: key, token, now: () => (time += 60_000) });
    const others = desk.lane({ lane: null, now: () => time });
    for (const job of jobs) {
      for (const batch of await desk.store.batches(["planned"], job.id)) await others.voidPlanned(batch.id);
      await others.tick(job);
      await lane.tick(job);
    }
    expect(others.hold()).to.equal(null);
    expect(await desk.store.batches(["voided"])).to.have.length(2);
    await world.mine();
    await desk.tracker().tick();
    expect(await desk.store.batches(["included"])).to.have.length(1);
  });

  it("records under the issuer, whether it pays itself or another key pays", async () => {
    for (const same of [true, false]) {
      const issuer = await freshKey(world);
      const lane = same ? issuer : await freshKey(world);
      desk = await openDesk(world, { rows: 2, issuer, lane });
      await desk.plan(2);
      await desk.lane({ issuer }).tick(desk.job);
      await world.mine();
      const logs = await world.chain.logs({
        address: world.registry.domain.registry,
        topics: [ATTESTED],
        from: await world.head(),
        to: await world.head(),
      });
      expect(logs.map((log: Log) => attestedOf(log).uid)).to.deep.equal(desk.uids);
      expect(new Set(logs.map((log) => attestedOf(log).attestation.attester))).to.deep.equal(
        new Set([issuer.address]),
      );
      if (same) await desk.close();
    }
  });

  describe("what a pool has lost unsaid is handed in again, once a head, and what is above it", () => {
    const FULL: Fault = async (forward) => {
      const block = (await forward()) as { gasLimit: Hex };
      return { ...block, gasUsed: block.gasLimit };
    };
    const DEAR: Fault = async (forward) => ({
      ...((await forward()) as object),
      baseFeePerGas: "0xffffffffff",
    });
    for (const [when, blocks, head] of [
      ["after a block that had room for it", 1, passing],
      ["after two that had none", 2, FULL],
      ["after two that were dearer than it pays", 2, DEAR],
    ] as const) {
      it(when, async () => {
        await open({ rows: 4 });
        await desk.plan(2);
        const lane = desk.lane({ now: () => 77 });
        // Accepted, and forgotten.
        world.faults.always("eth_sendRawTransaction", answering(`0x${"00".repeat(32)}`));
        await lane.tick(desk.job);
        world.faults.always("eth_sendRawTransaction", null);
        world.faults.always("eth_getBlockByNumber", head);
        const start = world.faults.asked.length;
        await lane.tick(desk.job);
        for (let block = 1; block < blocks; block += 1) {
          await world.mine();
          await lane.tick(desk.job);
        }
        expect(sentBytes(start)).to.deep.equal([]);
        await world.mine();
        for (let look = 0; look < 2; look += 1) await lane.tick(desk.job);
        const bytes = [];
        for (const { id } of await desk.store.batches(["signed"]))
          bytes.push((await desk.store.attempts(id))[0]!.raw);
        expect(bytes).to.have.length(2);
        expect(sentBytes(start)).to.deep.equal(bytes);
        await world.mine();
        expect(await world.announced(desk.job.attester)).to.have.length(4);
      });
    }
  });

  describe("what the registry refuses is a hold with its own words", () => {
    async function refusalOf(options: Parameters<Desk["lane"]>[0] = {}): Promise<Hold> {
      await desk.plan(2);
      const start = world.faults.asked.length;
      const lane = desk.lane(options);
      await lane.tick(desk.job);
      expect(sentBytes(start)).to.deep.equal([]);
      expect(await desk.store.batches(["signed"])).to.have.length(0);
      return lane.hold()!;
    }

    it("refuses the key of another issuer, and puts nothing on the chain under it", async () => {
      await open({ rows: 2 });
      const hold = await refusalOf({ issuer: await freshKey(world) });
      expect(hold.why).to.equal("refused");
      expect(hold.detail).to.equal(`InvalidSignature(${desk.job.attester})`);
    });

    it("refuses the key of another issuer also when it pays itself", async () => {
      const stranger = await freshKey(world);
      await open({ rows: 2, lane: stranger });
      const hold = await refusalOf({ issuer: stranger });
      expect(hold.detail).to.equal(`InvalidSignature(${desk.job.attester})`);
    });

    it("refuses a schema that nobody registered", async () => {
      const schema: Hex = `0x${"ab".repeat(32)}`;
      await open({ rows: 2, job: { schema } });
      expect((await refusalOf()).detail).to.equal(`UnknownSchema(${schema})`);
    });

    it("leaves out what is not recorded of a revocation, by the registry's word for each, and holds for nothing", async () => {
      await open({ rows: 2, job: { act: "revoke" } });
      expect(await refusalOf()).to.equal(null);
      const report = await desk.store.report(desk.job.id, -1, 10);
      expect(report.map(({ state, faults }) => [state, faults])).to.deep.equal(
        desk.uids.map((uid) => ["rejected", [`NotRecorded(${uid})`]]),
      );
    });

    it("blames the node and not the batch when the simulation does not run", async () => {
      await open({ rows: 2 });
      await desk.plan(2);
      const lane = desk.lane();
      for (const fault of [dropped, refusing("header not found"), refusing("execution timeout")]) {
        world.faults.next("eth_call", fault);
        await lane.tick(desk.job);
        expect(lane.hold()?.why).to.equal("node");
      }
      world.faults.next("eth_call", passing);
      await lane.tick(desk.job);
      expect(lane.hold()).to.equal(null);
    });
  });

  function rowsOf(count: number) {
    return randomRows(world, desk.job.attester, count, `more ${count} ${desk.directory}`);
  }

  async function baseFee(wei: bigint): Promise<void> {
    await world.node("anvil_setNextBlockBaseFeePerGas", [`0x${wei.toString(16)}`]);
    await world.mine();
  }
});
