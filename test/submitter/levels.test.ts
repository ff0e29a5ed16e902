import { expect } from "chai";
import { Transaction } from "ethers";
import { packItems } from "../../src/attestation.js";
import { APPENDED, appendedOf, SEALED } from "../../src/chain/registry.js";
import { type Hex, hex } from "../../src/hex.js";
import { holdError } from "../../src/lane/lane.js";
import type { StoredBatch } from "../../src/store/store.js";
import { appendRoot, appendUids, EMPTY_STREAM, streamKey } from "../../src/stream.js";
import { rootOf } from "../../src/tree.js";
import { topicOf } from "../../src/verifier/readBack.js";
import { altering, dropped } from "../support/proxy.js";
import {
  admitJob,
  type Desk,
  type DeskOptions,
  freshKey,
  mineAtEachLook,
  openDesk,
  openWorld,
  randomRows,
  uidsOf,
  type World,
} from "../support/stage.js";

const STREAM = streamKey("the board");

describe("levels and streams", function () {
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

  async function open(options: DeskOptions): Promise<void> {
    desk = await openDesk(world, { issuer: await freshKey(world), lane: await freshKey(world), ...options });
    mineAtEachLook(world);
  }

  async function run(job = desk.job.id): Promise<void> {
    const submitter = await desk.submitter();
    expect(await submitter.run(job, { until: "final" })).to.deep.equal({ kind: "done" });
    const { rows, verified } = await desk.store.counts(job);
    expect(verified).to.equal(rows);
  }

  async function batches(job = desk.job.id): Promise<StoredBatch[]> {
    return desk.store.batches(["verified"], job);
  }

  async function uidsIn(batch: StoredBatch): Promise<Hex[]> {
    return (await desk.store.items(batch.id)).map((item) => item.uid);
  }

  async function logs(topics: (Hex | null)[]) {
    const address = world.registry.domain.registry;
    return world.chain.logs({ address, topics, from: 0, to: await world.head() });
  }

  /** The stream holds the uids of these rows in this order, and nothing else. */
  async function expectStream(uids: readonly Hex[]): Promise<void> {
    const head = await world.registry.head(desk.job.attester, STREAM, "latest");
    expect(head).to.deep.equal(appendUids(EMPTY_STREAM, uids));
  }

  it("seals: one root a batch, and every item is in the log as it was packed", async () => {
    await open({ rows: 1_200, job: { act: "seal" } });
    await run();
    const sealed = await batches();
    expect(sealed.length).to.be.greaterThan(0);
    for (const batch of sealed) {
      const items = await desk.store.items(batch.id);
      const root = rootOf(items.map((item) => item.uid));
      const kept = await world.registry.root(desk.job.attester, world.schema, root, "latest");
      expect(kept).to.include({ level: "seal", count: items.length, judged: true });
      const [log] = await logs([SEALED, topicOf(desk.job.attester), world.schema, root]);
      expect(log!.data).to.include(hex(packItems(items.map(({ item }) => item))).slice(2));
    }
    expect((await Promise.all(sealed.map(uidsIn))).flat()).to.deep.equal(desk.uids);
    expect(await world.announced(desk.job.attester)).to.deep.equal([]);
  });

  it("anchors: one root for all, in one transaction, and nothing else", async () => {
    await open({ rows: 3_001, job: { act: "anchor" } });
    await run();
    expect(await batches()).to.have.length(1);
    const kept = await world.registry.root(desk.job.attester, world.schema, rootOf(desk.uids), "latest");
    expect(kept).to.include({ level: "anchor", count: 3_001 });
  });

  it("puts the same statements at every level, one job each, under the same uids", async () => {
    await open({ rows: 20 });
    await run();
    for (const act of ["seal", "anchor"] as const) {
      const job = await admitJob(world, desk.store, desk.rows, { attester: desk.job.attester, act });
      await run(job.id);
      expect(await uidsIn((await batches(job.id))[0]!)).to.deep.equal(desk.uids);
    }
    expect(await world.announced(desk.job.attester)).to.deep.equal(desk.uids);
  });

  for (const act of ["record", "seal"] as const) {
    it(`appends to a stream in the order of the input, many batches under way at once, at level ${act}`, async () => {
      await open({ rows: 60, job: { act, stream: STREAM } });
      await desk.plan(7);
      await run();
      await expectStream(desk.uids);
      expect((await batches()).map((batch) => batch.position)).to.deep.equal([
        0, 7, 14, 21, 28, 35, 42, 49, 56,
      ]);
    });
  }

  it("signs what follows in a stream while what comes before is not in a block yet", async () => {
    await open({ rows: 9, job: { stream: STREAM } });
    world.faults.heal();
    await desk.plan(3);
    await desk.lane().tick(desk.job);
    const signed = await desk.store.batches(["signed"]);
    expect(signed.map((batch) => batch.position)).to.deep.equal([0, 3, 6]);
    mineAtEachLook(world);
    await run();
    await expectStream(desk.uids);
  });

  it("goes on with a stream in a second job, at another level", async () => {
    await open({ rows: 9, job: { stream: STREAM } });
    await desk.plan(4);
    await run();
    const more = randomRows(world, desk.job.attester, 6, `more ${desk.directory}`);
    const job = await admitJob(world, desk.store, more, {
      attester: desk.job.attester,
      act: "anchor",
      stream: STREAM,
    });
    await run(job.id);
    const uids = uidsOf(more);
    const head = await world.registry.head(desk.job.attester, STREAM, "latest");
    expect(head).to.deep.equal(appendRoot(appendUids(EMPTY_STREAM, desk.uids), rootOf(uids), 6));
  });

  it("begins where the chain is when somebody else has appended with the issuer's key", async () => {
    await open({ rows: 4, job: { stream: STREAM } });
    await appendElsewhere(3);
    await run();
    const appended = (await logs([APPENDED, topicOf(desk.job.attester), STREAM])).map(appendedOf);
    expect(appended.map(({ position, count }) => [position, count])).to.deep.equal([
      [0n, 3n],
      [3n, 4n],
    ]);
  });

  it("keeps the order when the stream moved under a batch that was sent: all behind it fail with it and go again", async () => {
    await open({ rows: 12, job: { stream: STREAM } });
    await desk.plan(3);
    world.faults.heal();
    world.faults.always("eth_sendRawTransaction", dropped);
    // The first batch is signed for position 0, and the second behind it.
    const lane = desk.lane();
    await lane.tick(desk.job);
    world.faults.heal();
    const other = await appendElsewhere(2);
    expect((await desk.store.batches(["signed"])).length).to.be.greaterThan(0);
    mineAtEachLook(world);
    await run();
    const head = await world.registry.head(desk.job.attester, STREAM, "latest");
    expect(head).to.deep.equal(appendUids(EMPTY_STREAM, [...other, ...desk.uids]));
    expect((await desk.store.batches(["reverted"])).length).to.be.greaterThan(0);
    expect(await world.announced(desk.job.attester)).to.deep.equal([...other, ...desk.uids]);
  });

  for (const act of ["record", "seal", "anchor"] as const) {
    it(`takes its batches for landed when somebody else has sent them first, at level ${act}`, async () => {
      await open({ rows: 9, job: { act, stream: STREAM } });
      world.faults.heal();
      world.faults.always("eth_sendRawTransaction", dropped);
      await desk.plan(3);
      await desk.lane().tick(desk.job);
      await sendCopies(2);
      world.faults.heal();
      mineAtEachLook(world);
      await run();
      const head = await world.registry.head(desk.job.attester, STREAM, "latest");
      expect(head.count).to.equal(9n);
      if (act !== "anchor") await expectStream(desk.uids);
      expect(await desk.store.batches(["reverted"])).to.deep.equal([]);
    });
  }

  it("says that rows can no longer be in order when somebody else has filled their place exactly", async () => {
    await open({ rows: 12, job: { stream: STREAM } });
    world.faults.heal();
    world.faults.always("eth_sendRawTransaction", dropped);
    await desk.plan(3);
    await desk.lane().tick(desk.job);
    expect((await desk.store.batches(["signed"])).length).to.be.greaterThan(0);
    world.faults.heal();
    const other = await appendElsewhere(3);
    await world.node("evm_setAutomine", [false]);
    await desk.lane({ patienceMs: 0 }).tick(desk.job);
    mineAtEachLook(world);
    const submitter = await desk.submitter({ patienceMs: 0 });
    const outcome = await submitter.run(desk.job.id, { until: "final" });
    expect(outcome).to.have.nested.property("hold.why", "order");
    expect(outcome.kind === "held" && holdError(outcome.hold).code).to.equal("E_STREAM_ORDER");
    const announced = await world.announced(desk.job.attester);
    expect(announced.slice(0, 3)).to.deep.equal(other);
    expect(announced.filter((uid) => desk.uids.slice(0, 3).includes(uid))).to.deep.equal([]);
  });

  it("signs nothing behind a batch that has failed until that is final, and gives way to what waits", async () => {
    await open({ rows: 12, job: { stream: STREAM } });
    world.faults.heal();
    world.faults.always("eth_sendRawTransaction", dropped);
    const waiting = (await desk.store.waiting(desk.job.id, 12)).map((item) => item.id);
    await desk.store.assign(desk.token, desk.job.id, [waiting.slice(0, 3)]);
    await desk.lane().tick(desk.job);
    world.faults.heal();
    const other = await appendElsewhere(2);
    await desk.lane({ patienceMs: 0 }).tick(desk.job);
    await world.mine();
    await desk.tracker().tick();
    await desk.store.assign(desk.token, desk.job.id, [waiting.slice(3, 6)]);
    const lane = desk.lane();
    await lane.tick(desk.job);
    expect(await desk.store.batches(["signed", "planned"])).to.deep.equal([]);
    expect(await desk.store.batches(["voided"])).to.have.length(1);
    mineAtEachLook(world);
    await run();
    await expectStream([...other, ...desk.uids]);
    expect(await desk.store.batches(["reverted"])).to.have.length(1);
    expect(await desk.store.batches(["voided"])).to.not.be.empty;
  });

  it("asks again when the node withholds what a stream's block must hold", async () => {
    await open({ rows: 3, job: { stream: STREAM } });
    world.faults.next(
      "eth_getLogs",
      async () => [],
      async () => [],
    );
    await run();
    await expectStream(desk.uids);
  });

  it("holds, and says why, when a statement of the stream is recorded outside it and nothing may go before it", async () => {
    await open({ rows: 5 });
    await run();
    const job = await admitJob(world, desk.store, desk.rows, {
      attester: desk.job.attester,
      stream: STREAM,
      refusals: "block",
    });
    const outcome = await (await desk.submitter()).run(job.id, { until: "final" });
    expect(outcome.kind).to.equal("held");
    expect(outcome.kind === "held" && outcome.hold.detail).to.equal(`line 1: UidTaken(${desk.uids[0]!})`);
    expect(await desk.store.counts(job.id)).to.include({ waiting: 5, rejected: 0 });
  });

  it("leaves out what is recorded outside the stream where a job says so, and goes on behind it", async () => {
    await open({ rows: 3 });
    await run();
    const more = randomRows(world, desk.job.attester, 4, `more ${desk.directory}`);
    const rows = [more[0]!, desk.rows[1]!, ...more.slice(1)];
    const job = await admitJob(world, desk.store, rows, { attester: desk.job.attester, stream: STREAM });
    await (await desk.submitter()).run(job.id, { until: "final" });
    expect(await desk.store.counts(job.id)).to.include({ rows: 5, verified: 4, rejected: 1 });
    await expectStream(uidsOf(more));
  });

  for (const [what, position] of [
    ["another place", 1],
    ["no place at all", 90],
  ] as const) {
    it(`does not take a batch for verified that the chain has appended at ${what}`, async () => {
      await open({ rows: 3, job: { stream: STREAM } });
      world.faults.always(
        "eth_getLogs",
        altering((logs: { topics: Hex[]; data: Hex }[]) =>
          logs.map((log) =>
            log.topics[0] === APPENDED
              ? { ...log, data: `0x${position.toString(16).padStart(64, "0")}${log.data.slice(66)}` }
              : log,
          ),
        ),
      );
      const submitter = await desk.submitter();
      expect(await submitter.run(desk.job.id, { until: "final" })).to.deep.equal({ kind: "done" });
      expect(await desk.store.counts(desk.job.id)).to.include({ mismatched: 3, verified: 0 });
    });
  }

  /** Somebody else sends the first transactions of ours that are signed, from an account of its own. */
  async function sendCopies(count: number): Promise<void> {
    const stranger = (await freshKey(world)).address;
    await world.node("anvil_impersonateAccount", [stranger]);
    for (const { id } of (await desk.store.batches(["signed"])).slice(0, count)) {
      const { raw } = (await desk.store.attempts(id))[0]!;
      const { data, to } = Transaction.from(raw);
      await world.node("eth_sendTransaction", [{ from: stranger, to, data, gas: "0x400000" }]);
      await world.mine();
    }
  }

  /** The issuer sends this itself, past the store. @returns the uids */
  async function appendElsewhere(count: number): Promise<Hex[]> {
    const rows = randomRows(world, desk.job.attester, count, `elsewhere ${desk.directory}`);
    const items = rows.flatMap((row) => (row.kind === "item" ? [row.item] : []));
    const terms = {
      attester: desk.job.attester,
      schema: world.schema,
      stream: STREAM,
      position: 0n,
      deadline: 0,
    };
    const data = world.registry.recordCall(terms, packItems(items), "0x");
    await world.node("anvil_impersonateAccount", [desk.job.attester]);
    await world.node("eth_sendTransaction", [
      { from: desk.job.attester, to: world.registry.domain.registry, data, gas: "0x400000" },
    ]);
    await world.mine();
    return uidsOf(rows);
  }
});

describe("the key of a stream", () => {
  it("is the hash of its name, or the key itself", () => {
    expect(streamKey(STREAM)).to.equal(STREAM);
    expect(streamKey("the board")).to.not.equal(streamKey("the Board"));
  });
});
