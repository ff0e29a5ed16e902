import { expect } from "chai";
import { WaybillError } from "../../src/errors.js";
import type { AdmittedRow } from "../../src/store/store.js";
import type { Progress } from "../../src/submitter/submitter.js";
import { readPolicy } from "../../src/verifier/policy.js";
import { verify } from "../../src/verifier/verify.js";
import { dropped, lost, passing, refusing } from "../support/proxy.js";
import { seed } from "../support/seed.js";
import {
  admitJob,
  type Desk,
  type DeskOptions,
  freshKey,
  mineAtEachLook,
  openDesk,
  openWorld,
  randomOf,
  randomRows,
  uidsOf,
  type World,
} from "../support/stage.js";

describe("the submitter", function () {
  this.timeout(120_000);
  let world: World;
  let desk: Desk;

  before(async () => {
    world = await openWorld();
  });
  after(() => world.close());
  afterEach(async () => {
    world.faults.heal();
    await world.node("evm_setAutomine", [false]);
    await world.node("anvil_dropAllTransactions", []);
    await desk.close();
  });

  async function open(options: DeskOptions): Promise<void> {
    desk = await openDesk(world, { issuer: await freshKey(world), lane: await freshKey(world), ...options });
    mineAtEachLook(world);
  }

  const more = (rows: readonly AdmittedRow[]) =>
    admitJob(world, desk.store, rows, { attester: desk.job.attester });

  async function run(job = desk.job.id): Promise<void> {
    const submitter = await desk.submitter();
    expect(await submitter.run(job, { until: "final" })).to.deep.equal({ kind: "done" });
  }

  async function expectOnce(uids = desk.uids): Promise<void> {
    const expected = [...new Set(uids)];
    expect((await world.announced(desk.job.attester)).sort()).to.deep.equal(expected.sort());
  }

  for (const automine of [true, false]) {
    it(`puts 2,000 items on the chain in order, each once, and verifies each, ${automine ? "while the node mines at once" : "a block at each look"}`, async () => {
      await open({ rows: 2_000 });
      await world.node("evm_setAutomine", [automine]);
      let seen: Progress | null = null;
      const submitter = await desk.submitter();
      const outcome = await submitter.run(desk.job.id, {
        until: "final",
        onProgress: (now) => {
          const { rows, ...parts } = now.counts;
          const sum = Object.values(parts).reduce((a, b) => a + b, 0);
          expect(sum, "law 12").to.equal(rows);
          seen = now;
        },
      });
      expect(outcome).to.deep.equal({ kind: "done" });
      expect(seen!.counts).to.include({ rows: 2_000, verified: 2_000, mismatched: 0 });
      expect(await world.announced(desk.job.attester)).to.deep.equal(desk.uids);
      const random = randomOf(`samples ${seed}`);
      for (let i = 0; i < 5; i += 1) {
        const nodes = [{ name: "the node", request: world.node }];
        const { registry } = world.registry.domain;
        // What some of them refer to is made up.
        const policy = readPolicy('{"policy":1,"references":false}', "a policy");
        const report = await verify(desk.uids[random(2_000)]!, { nodes, registry, policy });
        expect(report).to.include({ verdict: "accept", level: 5 });
      }
    });
  }

  it("records what is a duplicate once, and counts it as what it is", async () => {
    await open({ rows: 40 });
    const rejected: AdmittedRow = { kind: "rejected", line: 99, faults: ["E_ROW_BOOL"] };
    const fresh = randomRows(world, desk.job.attester, 20, `fresh ${desk.directory}`);
    const mixed = fresh.flatMap((row, index) => [row, desk.rows[index]!, row, rejected]);
    const second = await more(mixed);
    expect(await desk.store.counts(second.id)).to.include({
      rows: 80,
      duplicate: 40,
      rejected: 20,
      waiting: 20,
    });
    await run(desk.job.id);
    await run(second.id);
    await expectOnce([...desk.uids, ...uidsOf(fresh)]);
    expect(await desk.store.counts(second.id)).to.include({ verified: 20, duplicate: 40, rejected: 20 });
  });

  it("drives one job while what is planned of another waits", async () => {
    await open({ rows: 30 });
    await desk.plan(1); // more batches than are ever kept ahead
    const second = await more(randomRows(world, desk.job.attester, 10, `second ${desk.directory}`));
    await run(second.id);
    expect(await desk.store.counts(second.id)).to.include({ verified: 10 });
    expect(await desk.store.counts(desk.job.id)).to.include({ assigned: 30 });
    await run(desk.job.id);
    expect(await desk.store.counts(desk.job.id)).to.include({ verified: 30 });
  });

  it("plans again what another lane had planned, and hands in what that lane had signed", async () => {
    await open({ rows: 9 });
    await desk.plan(3);
    world.faults.always("eth_sendRawTransaction", dropped);
    await desk.lane({ slots: 1 }).tick(desk.job);
    world.faults.always("eth_sendRawTransaction", null);
    expect(await desk.store.batches(["signed"])).to.have.length(1);
    const lane = await freshKey(world);
    const submitter = await desk.submitter({ lanes: [lane] });
    expect(await submitter.run(desk.job.id, { until: "final" })).to.deep.equal({ kind: "done" });
    expect(await desk.store.batches(["voided"])).to.have.length(2);
    const lanes = (await desk.store.batches(["verified"])).map((batch) => batch.lane);
    expect(lanes).to.deep.equal([desk.token.lane, lane.address]);
    await expectOnce();
  });

  it("keeps hold of its lanes when it goes from job to job that another lane had planned", async () => {
    await open({ rows: 3 });
    const second = await more(randomRows(world, desk.job.attester, 4, `again ${desk.directory}`));
    await desk.plan(3);
    world.faults.always("eth_sendRawTransaction", dropped);
    await desk.lane({ slots: 1 }).tick(desk.job);
    const waiting = (await desk.store.waiting(second.id, 10)).map((item) => item.id);
    await desk.store.assign(desk.token, second.id, [waiting]);
    world.faults.always("eth_sendRawTransaction", refusing("already known"));
    const submitter = await desk.submitter({ lanes: [await freshKey(world)], patienceMs: 0, pollMs: 0 });
    const stop = new AbortController();
    stop.abort();
    await submitter.run(desk.job.id, { until: "final", signal: stop.signal });
    await submitter.run(second.id, { until: "final", signal: stop.signal });
    world.faults.always("eth_sendRawTransaction", null);
    for (const job of [desk.job, second]) {
      expect(await submitter.run(job.id, { until: "final" })).to.deep.equal({ kind: "done" });
    }
    expect(await world.announced(desk.job.attester)).to.have.length(7);
  });

  it("answers an abort with interrupted wherever it comes, and a second run finishes", async () => {
    for (let looks = 1; looks <= 9; looks += 2) {
      await open({ rows: 20 });
      await desk.plan(5);
      const stop = new AbortController();
      let left = looks;
      const first = await desk.submitter();
      const outcome = await first.run(desk.job.id, {
        until: "final",
        signal: stop.signal,
        onProgress: () => {
          left -= 1;
          if (left === 0) stop.abort();
        },
      });
      if (outcome.kind !== "done") expect(outcome).to.deep.equal({ kind: "interrupted" });
      if (looks === 1) expect(outcome.kind).to.equal("interrupted");
      await desk.reopen();
      await run();
      await expectOnce();
      if (looks < 9) await desk.close();
    }
  });

  it("outlives a node that fails, refuses and loses answers in the middle of a run", async () => {
    await open({ rows: 60 });
    await desk.plan(5);
    const random = randomOf(`outage ${seed}`);
    const mining = (forward: () => Promise<unknown>, [which]: readonly unknown[]) =>
      which === "latest" ? world.mine().then(forward) : forward();
    const faults = [dropped, lost, refusing("too many requests", -32005), refusing("limit exceeded", -32005)];
    const methods = [
      "eth_call",
      "eth_getLogs",
      "eth_getTransactionCount",
      "eth_getBlockReceipts",
      "eth_getTransactionReceipt",
      "eth_sendRawTransaction",
      "eth_feeHistory",
      "eth_maxPriorityFeePerGas",
      "eth_getBalance",
    ];
    for (const method of methods) {
      world.faults.always(method, (forward, params) =>
        (random(5) === 0 ? faults[random(faults.length)]! : passing)(forward, params),
      );
    }
    world.faults.always("eth_getBlockByNumber", (forward, params) =>
      random(12) === 0 ? faults[random(faults.length)]!(forward, params) : mining(forward, params),
    );
    const submitter = await desk.submitter({ patienceMs: 0, outageMs: 60_000 });
    expect(await submitter.run(desk.job.id, { until: "final" })).to.deep.equal({ kind: "done" });
    await expectOnce();
    expect(await desk.store.counts(desk.job.id)).to.include({ verified: 60, mismatched: 0 });
  });

  it("gives up with E_NODE after the silence that it was allowed, and loses nothing by it", async () => {
    await open({ rows: 4 });
    for (const fault of [dropped, refusing("we are down for maintenance", -32603)]) {
      const submitter = await desk.submitter({ outageMs: 20 });
      world.faults.always("eth_getBlockByNumber", fault);
      const error = await submitter.run(desk.job.id, { until: "final" }).catch((error: unknown) => error);
      expect(error).to.be.instanceOf(WaybillError).with.property("code", "E_NODE");
    }
    mineAtEachLook(world);
    await run();
    await expectOnce();
  });

  it("law 10: waits for what is on its way to free the budget, and is held only when nothing will", async () => {
    await open({ rows: 2 });
    await desk.plan(2);
    await dear();
    await desk.lane({ slots: 1 }).tick(desk.job);
    const [probe] = await desk.store.batches(["signed"]);
    const [{ maxFee, gasLimit }] = (await desk.store.attempts(probe!.id)) as unknown as [
      { maxFee: bigint; gasLimit: bigint },
    ];
    await desk.close();

    await open({ rows: 4 });
    await desk.plan(2);
    await dear();
    const budget = (maxFee * gasLimit * 14n) / 10n;
    const submitter = await desk.submitter({ fees: { maxFee: null, budget } });
    const holds = new Set<string>();
    const outcome = await submitter.run(desk.job.id, {
      until: "final",
      onProgress: ({ hold }) => hold && holds.add(hold.why),
    });
    expect([...holds]).to.deep.equal(["budget"]);
    expect(outcome).to.deep.equal({ kind: "done" });
    const { committed } = await desk.store.spending(desk.job.id);
    expect(committed > 0n && committed <= budget).to.equal(true);

    const second = await more(randomRows(world, desk.job.attester, 300, `dear ${desk.directory}`));
    await dear();
    const poor = await desk.submitter();
    await desk.store.setTerms(second.id, { maxFee: null, budget: 1_000n });
    const held = await poor.run(second.id, { until: "final" });
    expect(held).to.have.nested.property("hold.why", "budget");
    expect(await desk.store.batches(["signed"])).to.have.length(0);
    await desk.store.setTerms(second.id, { maxFee: null, budget: null });
    await run(second.id);
  });

  it("refuses an account that is delegated to a contract", async () => {
    await open({ rows: 1 });
    await world.node("anvil_setCode", [desk.token.lane, `0xef0100${"11".repeat(20)}`]);
    const submitter = await desk.submitter();
    const error = await submitter.run(desk.job.id, { until: "final" }).catch((error: unknown) => error);
    expect(error).to.be.instanceOf(WaybillError).with.property("code", "E_LANE_DELEGATED");
  });

  /** A base fee of which half of what is offered is paid. */
  async function dear(): Promise<void> {
    await world.node("anvil_setNextBlockBaseFeePerGas", ["0x174876e800"]);
    await world.mine();
  }
});
