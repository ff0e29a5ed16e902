import { expect } from "chai";
import type { AdmittedRow, Job, NewJob } from "../../src/store/store.js";
import { streamKey } from "../../src/stream.js";
import { seed } from "../support/seed.js";
import {
  admitJob,
  type Desk,
  freshKey,
  mineAtEachLook,
  openDesk,
  openWorld,
  randomRows,
  type World,
} from "../support/stage.js";

describe("shares of what blocks have room for", function () {
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

  /** Jobs that want far more than so many blocks take. @returns items of each that those blocks took */
  async function taken(blocks: number, rows: number, ...jobs: Partial<NewJob>[]): Promise<number[]> {
    const [issuer, lane] = [await freshKey(world), await freshKey(world)];
    desk = await openDesk(world, { rows: 0, issuer, lane });
    const ids: Job[] = [];
    for (const [index, more] of jobs.entries()) {
      const own = randomRows(world, issuer.address, rows, `share ${index} ${seed}`);
      ids.push(await admitJob(world, desk.store, own, { attester: issuer.address, ...more }));
    }
    const stop = new AbortController();
    const from = await world.head();
    world.faults.always("eth_getBlockByNumber", async (forward, [which]) => {
      if (which === "latest") {
        await world.mine();
        if ((await world.head()) - from >= blocks) stop.abort();
      }
      return forward();
    });
    // Twelve transactions of about 65 items are kept on their way, and a block takes them.
    const limits = { transactionGas: 2_000_000, share: 8_000_000 / 30_000_000 };
    const submitter = await desk.submitter({ limits });
    const how = { until: "final", signal: stop.signal } as const;
    const outcome = await submitter.run(
      ids.map((job) => job.id),
      how,
    );
    expect(outcome).to.deep.equal({ kind: "interrupted" });
    const counts = await Promise.all(ids.map((job) => desk.store.counts(job.id)));
    return counts.map((one) => one.included + one.safe + one.final + one.verified);
  }

  it("are even among tenants at five times what blocks take, however much each brings", async () => {
    // Six blocks take some 4,000 items; 21,000 are offered.
    const [large, small, other] = await taken(6, 7_000, { tenant: "a" }, { tenant: "b" }, { tenant: "a" });
    const all = large! + small! + other!;
    expect(all).to.be.greaterThan(2_500);
    expect(small! / all).to.be.within(0.45, 0.55);
    expect((large! + other!) / all).to.be.within(0.45, 0.55);
  });

  it("are even in gas between tenants whose transactions are of unlike sizes", async () => {
    const [issuer, lane] = [await freshKey(world), await freshKey(world)];
    desk = await openDesk(world, { rows: 0, issuer, lane });
    const jobs: Job[] = [];
    for (const [index, more] of ([{ act: "seal" }, { act: "record" }] as const).entries()) {
      const own = randomRows(
        world,
        issuer.address,
        more.act === "seal" ? 6_000 : 1_500,
        `unlike ${index} ${seed}`,
      );
      jobs.push(
        await admitJob(world, desk.store, own, { attester: issuer.address, tenant: more.act, ...more }),
      );
    }
    const stop = new AbortController();
    const from = await world.head();
    world.faults.always("eth_getBlockByNumber", async (forward, [which]) => {
      if (which === "latest") {
        await world.mine();
        if ((await world.head()) - from >= 10) stop.abort();
      }
      return forward();
    });
    const limits = { transactionBytes: 16_384, share: 4_000_000 / 30_000_000 };
    const submitter = await desk.submitter({ limits });
    await submitter.run(
      jobs.map((job) => job.id),
      { until: "final", signal: stop.signal },
    );
    const gas = [0, 0];
    for (const [index, job] of jobs.entries()) {
      for (const { batch } of await desk.store.batches(["included", "safe", "final", "verified"], job.id))
        if ("inclusion" in batch) gas[index]! += Number(batch.inclusion.gasUsed);
    }
    expect(gas[0]! / (gas[0]! + gas[1]!), `${gas.join(" and ")} gas`).to.be.within(0.35, 0.65);
  });

  it("go by priority within a tenant, and leave nobody without any", async () => {
    const [high, normal, low] = await taken(
      6,
      5_000,
      { priority: "high" },
      { priority: "normal" },
      { priority: "low" },
    );
    const all = high! + normal! + low!;
    expect(high! / all).to.be.within(0.9 * (16 / 21), 1.1 * (16 / 21));
    expect(normal! / all).to.be.within(0.8 * (4 / 21), 1.2 * (4 / 21));
    expect(low).to.be.greaterThan(0);
  });

  it("are not kept from others by a job whose budget is spent, or whose cap is below what gas costs", async () => {
    const [issuer, lane] = [await freshKey(world), await freshKey(world)];
    desk = await openDesk(world, { rows: 0, issuer, lane });
    const jobs: Job[] = [];
    for (const [index, terms] of [
      { maxFee: null, budget: 1n },
      { maxFee: 1n, budget: null },
      { maxFee: null, budget: null },
    ].entries()) {
      const own = randomRows(world, issuer.address, 2_000, `held ${index} ${seed}`);
      const job = await admitJob(world, desk.store, own, { attester: issuer.address });
      await desk.store.setTerms(job.id, terms);
      jobs.push(job);
    }
    const stop = new AbortController();
    world.faults.always("eth_getBlockByNumber", async (forward, [which]) => {
      if (which === "latest") await world.mine();
      return forward();
    });
    const holds = new Set<string>();
    const submitter = await desk.submitter({ finalDepth: 2, limits: { transactionGas: 2_000_000 } });
    await submitter.run(
      jobs.map((job) => job.id),
      {
        until: "final",
        signal: stop.signal,
        onProgress({ jobs: each, hold }) {
          if (hold !== null) holds.add(hold.detail.split(",")[0]!);
          if (each[2]!.counts.verified === 2_000) stop.abort();
        },
      },
    );
    const [spent, capped, free] = await Promise.all(jobs.map((job) => desk.store.counts(job.id)));
    expect(free!.verified).to.equal(2_000);
    // One transaction of each waits to be tried, and no more.
    for (const one of [spent!, capped!]) {
      expect(one.verified + one.included + one.safe + one.final).to.equal(0);
      expect(one.assigned).to.be.lessThan(200);
    }
    expect([...holds].some((text) => text === `job ${jobs[0]!.id}`)).to.equal(true);
  });

  it("are not kept from others by a job that the registry refuses as a whole", async () => {
    const [issuer, lane] = [await freshKey(world), await freshKey(world)];
    desk = await openDesk(world, { rows: 0, issuer, lane });
    const rows = randomRows(world, issuer.address, 2, `roots ${seed}`);
    // Their root can be sealed once, and no item of it is at fault.
    const twice = ["one", "other"].flatMap((name) =>
      rows.map((row) => ({ ...row, stream: streamKey(name) }) as AdmittedRow),
    );
    const of = { attester: issuer.address };
    const refused = await admitJob(world, desk.store, twice, { ...of, act: "seal" });
    const fine = await admitJob(world, desk.store, randomRows(world, issuer.address, 7, `fine ${seed}`), of);
    mineAtEachLook(world);
    const submitter = await desk.submitter({ finalDepth: 2 });
    const outcome = await submitter.run([refused.id, fine.id], { until: "final" });
    expect(outcome).to.have.nested.property("hold.why", "refused");
    expect(await desk.store.counts(fine.id)).to.include({ verified: 7 });
  });
});
