import { expect } from "chai";
import { RpcError } from "../../src/errors.js";
import type { AdmittedRow } from "../../src/store/store.js";
import { type Fault, refusing, staleHead } from "../support/proxy.js";
import { seed } from "../support/seed.js";
import {
  admitJob,
  type Desk,
  freshKey,
  mineAtEachLook,
  openDesk,
  openWorld,
  randomRows,
  rowOf,
  uidsOf,
  type World,
} from "../support/stage.js";

describe("a row that the registry refuses", function () {
  this.timeout(120_000);
  let world: World;
  let desk: Desk;

  before(async () => {
    world = await openWorld();
  });
  after(() => world.close());
  afterEach(async () => {
    world.faults.heal();
    await desk.close();
  });

  async function open(): Promise<void> {
    desk = await openDesk(world, { rows: 0, issuer: await freshKey(world), lane: await freshKey(world) });
    mineAtEachLook(world);
  }

  const jobOf = (rows: readonly AdmittedRow[], more = {}) =>
    admitJob(world, desk.store, rows, { attester: desk.job.attester, ...more });

  /** @returns blocks that it took, and gas of all that landed */
  async function run(job: number, limits = {}): Promise<{ blocks: number; gas: bigint }> {
    const from = await world.head();
    const submitter = await desk.submitter({ limits, finalDepth: 2 });
    const outcome = await submitter.run(job, { until: "final" });
    expect(outcome).to.deep.equal({ kind: "done" });
    let last = from;
    let gas = 0n;
    for (const { batch } of await desk.store.batches(["verified", "reverted"], job)) {
      if (!("inclusion" in batch)) continue;
      gas += batch.inclusion.gasUsed;
      last = Math.max(last, batch.inclusion.block);
    }
    return { blocks: last - from, gas };
  }

  const revocations = (rows: readonly AdmittedRow[]): AdmittedRow[] =>
    uidsOf(rows).map((uid, index) => ({ kind: "revocation", line: index + 1, uid }));

  async function recorded(count: number, name: string): Promise<AdmittedRow[]> {
    const rows = randomRows(world, desk.job.attester, count, `${name} ${seed}`).map((row) =>
      row.kind === "item" ? { ...row, item: { ...row.item, revocable: true } } : row,
    );
    // The uid is of the item as it is now.
    const said = rows.map((row, index) =>
      row.kind === "item" ? rowOf(world, desk.job.attester, row.item, index + 1) : row,
    );
    await run((await jobOf(said)).id);
    return said;
  }

  it("is left out of 5,000, by the registry's own word, and the others land as if it were not there", async () => {
    await open();
    const rows = await recorded(4_999, "fine");
    const halves = [rows.slice(0, 2_500), rows.slice(2_500)];
    const [stranger] = randomRows(world, desk.job.attester, 1, `stranger ${seed}`);
    const bad = uidsOf([stranger!])[0]!;
    const all = [...revocations(halves[0]!), { kind: "revocation", line: 2_501, uid: bad } as const];
    for (const uid of uidsOf(halves[1]!)) all.push({ kind: "revocation", line: all.length + 1, uid });
    const poisoned = await jobOf(all, { act: "revoke" });
    const took = await run(poisoned.id);
    expect(await desk.store.counts(poisoned.id)).to.include({ rows: 5_000, verified: 4_999, rejected: 1 });
    const report = await desk.store.report(poisoned.id, 2_499, 2);
    expect(report[0]).to.deep.include({ state: "rejected", faults: [`NotRecorded(${bad})`] });
    expect(await desk.store.batches(["reverted"], poisoned.id)).to.deep.equal([]);
    await desk.close();

    await open();
    const clean = await recorded(4_999, "clean");
    const without = await jobOf(revocations(clean), { act: "revoke" });
    const same = await run(without.id);
    expect(Number(took.gas) / Number(same.gas)).to.be.lessThan(1.03);
    expect(took.blocks - same.blocks).to.be.at.most(1);
  });

  it("waits by itself where nothing is in a stream, in a job that blocks", async () => {
    await open();
    const rows = await recorded(40, "around");
    const stranger = uidsOf(randomRows(world, desk.job.attester, 1, `alone ${seed}`))[0]!;
    const job = await jobOf([{ kind: "revocation", line: 900, uid: stranger }, ...revocations(rows)], {
      act: "revoke",
      refusals: "block",
    });
    const submitter = await desk.submitter({ finalDepth: 2 });
    const outcome = await submitter.run(job.id, { until: "final", signal: AbortSignal.timeout(30_000) });
    expect(outcome).to.have.nested.property("hold.why", "refused");
    expect(await desk.store.counts(job.id)).to.include({ verified: 40, waiting: 1, rejected: 0 });
  });

  it("is found among others that are refused as well, each by its own word", async () => {
    await open();
    const rows = await recorded(60, "some");
    const strangers = uidsOf(randomRows(world, desk.job.attester, 40, `strangers ${seed}`));
    const all = revocations(rows).flatMap((row, index): AdmittedRow[] =>
      strangers[index] === undefined
        ? [row]
        : [row, { kind: "revocation", line: 900 + index, uid: strangers[index]! }],
    );
    const job = await jobOf(all, { act: "revoke" });
    await run(job.id);
    expect(await desk.store.counts(job.id)).to.include({ verified: 60, rejected: 40 });
    const faults = (await desk.store.report(job.id, -1, 200)).flatMap((row) => row.faults);
    expect(faults.sort()).to.deep.equal(strangers.map((uid) => `NotRecorded(${uid})`).sort());
  });

  it("is not what can only be revoked once it is recorded, by another job of the same run", async () => {
    await open();
    const rows = randomRows(world, desk.job.attester, 30, `soon ${seed}`).map((row, index) =>
      row.kind === "item"
        ? rowOf(world, desk.job.attester, { ...row.item, revocable: true }, index + 1)
        : row,
    );
    const issuing = await jobOf(rows);
    const [stranger] = uidsOf(randomRows(world, desk.job.attester, 1, `nobody ${seed}`));
    const revoking = await jobOf([...revocations(rows), { kind: "revocation", line: 99, uid: stranger! }], {
      act: "revoke",
    });
    const submitter = await desk.submitter({ finalDepth: 2 });
    // The revocation is older in what is planned: it comes first, and too early.
    const outcome = await submitter.run([revoking.id, issuing.id], { until: "final" });
    expect(outcome).to.deep.equal({ kind: "done" });
    expect(await desk.store.counts(issuing.id)).to.include({ verified: 30, rejected: 0 });
    expect(await desk.store.counts(revoking.id)).to.include({ verified: 30, rejected: 1 });
  });

  it("is nobody while the node fails for reasons of its own", async () => {
    await open();
    const rows = await recorded(50, "outage");
    const job = await jobOf(revocations(rows), { act: "revoke" });
    let calls = 0;
    world.faults.always("eth_call", async (forward, params) => {
      calls += 1;
      // Every other answer is an outage, or a revert that names an innocent item.
      if (calls % 3 === 0) return refusing("execution timeout")(forward, params);
      return forward();
    });
    await run(job.id);
    expect(await desk.store.counts(job.id)).to.include({ verified: 50, rejected: 0 });
  });

  it("is not believed to be one by a word about it that is not said again of it alone", async () => {
    await open();
    const rows = await recorded(20, "innocent");
    const job = await jobOf(revocations(rows), { act: "revoke" });
    const { Interface } = await import("ethers");
    const said = new Interface(["error NotRecorded(bytes32 uid)"]).encodeErrorResult("NotRecorded", [
      uidsOf(rows)[7]!,
    ]);
    let lies = 0;
    world.faults.always("eth_call", async (forward) => {
      if (lies > 0) return forward();
      lies += 1;
      throw new RpcError(3, "execution reverted", said);
    });
    const submitter = await desk.submitter({ finalDepth: 2 });
    const outcome = await submitter.run(job.id, { until: "final" });
    expect(lies).to.equal(1);
    if (outcome.kind === "held") expect(outcome.hold.why).to.equal("refused");
    await run(job.id);
    expect(await desk.store.counts(job.id)).to.include({ verified: 20, rejected: 0 });
  });

  it("is no row whose signature grew old in a pool, and that failed for it once, alone", async () => {
    await open();
    const job = await jobOf(randomRows(world, desk.job.attester, 1, `old ${seed}`));
    let waited = false;
    world.faults.always("eth_sendRawTransaction", async (forward) => {
      if (!waited) {
        waited = true;
        await world.node("evm_increaseTime", [8 * 24 * 3600]);
        await world.mine();
      }
      return forward();
    });
    await run(job.id);
    expect(await desk.store.batches(["reverted"], job.id)).to.have.length(1);
    expect(await desk.store.counts(job.id)).to.include({ verified: 1, rejected: 0 });
  });

  it("is nobody for a node that is behind what has been seen, or that runs calls in an older block", async () => {
    await open();
    const before = await world.head();
    const rows = await recorded(5, "behind");
    const job = await jobOf(revocations(rows), { act: "revoke" });
    const submitter = await desk.submitter({ finalDepth: 2, outageMs: 60_000 });
    const lags: [string, Fault][][] = [
      [["eth_call", (forward, [call, at]) => (at === "latest" ? inBlock(call) : forward())]],
      [
        ["eth_call", (_, [call]) => inBlock(call)],
        ["eth_getBlockByNumber", staleHead(world.node, before)],
      ],
    ];
    const inBlock = (call: unknown) => world.node("eth_call", [call, `0x${before.toString(16)}`]);
    for (const lag of lags) {
      for (const [method, fault] of lag) world.faults.always(method, fault);
      const stop = new AbortController();
      let turns = 0;
      const onProgress = () => void ((turns += 1) > 5 && stop.abort());
      await submitter.run(job.id, { until: "final", signal: stop.signal, onProgress });
      expect(await desk.store.counts(job.id)).to.include({ rejected: 0 });
    }
    world.faults.heal();
    mineAtEachLook(world);
    await run(job.id);
    expect(await desk.store.counts(job.id)).to.include({ verified: 5, rejected: 0 });
  });
});
