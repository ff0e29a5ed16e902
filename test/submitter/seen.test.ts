import { expect } from "chai";
import type { Seen } from "../../src/submitter/seen.js";
import { freshKey, mineAtEachLook, openDesk, openWorld, type World } from "../support/stage.js";

describe("what the running process sees", function () {
  this.timeout(60_000);
  let world: World;

  before(async () => {
    world = await openWorld();
  });
  after(() => world.close());

  it("is written at most once a block: the head, each lane with its lowest nonce, and what holds it", async () => {
    const desk = await openDesk(world, {
      rows: 40,
      issuer: await freshKey(world),
      lane: await freshKey(world),
    });
    mineAtEachLook(world);
    const written: Seen[] = [];
    const { setSeen } = desk.store;
    desk.store.setSeen = async (text) => {
      written.push(JSON.parse(text) as Seen);
      await setSeen.call(desk.store, text);
    };
    const fees = { maxFee: 7_000_000_000_000n, budget: null };
    const submitter = await desk.submitter({ fees, limits: { transactionGas: 300_000 } });
    expect(await submitter.run(desk.job.id, { until: "final" })).to.deep.equal({ kind: "done" });
    const told = written.map(({ head, hold }) => `${head!.number} ${hold?.detail}`);
    expect(new Set(told).size).to.equal(told.length);
    const busy = written.find(({ lanes }) => lanes[0]!.inFlight > 1)!;
    expect(busy.lanes).to.have.length(1);
    expect(busy.lanes[0]).to.include({ address: desk.token.lane, cap: "7000000000000", hold: null });
    expect(BigInt(busy.lanes[0]!.fee!) > 0n).to.equal(true);
    expect(busy.lanes[0]!.nonce).to.be.at.least(0);
    expect(busy).to.deep.include({ gates: [], hold: null });
    expect(BigInt(busy.head!.baseFee) > 0n).to.equal(true);
    expect(JSON.parse((await desk.store.seen())!)).to.deep.equal(written.at(-1));
    expect(written.at(-1)!.lanes[0]).to.include({ nonce: null, inFlight: 0, fee: null, cap: null });
    await desk.close();
    world.faults.heal();
  });
});
