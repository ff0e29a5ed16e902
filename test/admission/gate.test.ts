import { expect } from "chai";
import { createDoor } from "../../src/admission/door.js";
import { learn, pressureOf, UNKNOWN_DRAIN } from "../../src/admission/gate.js";

const BOUNDS = { items: 100, blocks: 4 };

describe("the gate of a flow", () => {
  it("holds at whichever bound comes first, and opens again only below a lower mark", () => {
    const states = [0, 49, 50, 99, 100, 76, 75, 99].reduce<string[]>(
      (all, waiting) => [
        ...all,
        pressureOf(waiting, 1_000, BOUNDS, (all.at(-1) ?? "accepting") as "accepting").state,
      ],
      [],
    );
    expect(states).to.deep.equal([
      ...["accepting", "accepting", "slowing", "slowing"],
      ...["holding", "holding", "slowing", "slowing"],
    ]);
    expect(pressureOf(39, 10, BOUNDS, "accepting")).to.include({ state: "slowing", blocks: 3.9, room: 1 });
    expect(pressureOf(40, 10, BOUNDS, "accepting")).to.include({ state: "holding", room: 0 });
  });

  it("takes one item into an idle system, however little a block has room for", () => {
    expect(pressureOf(0, 0.001, BOUNDS, "holding")).to.include({ state: "accepting", room: 1 });
    expect(pressureOf(1, 0.001, BOUNDS, "accepting")).to.include({ state: "holding", room: 0 });
  });

  it("learns from blocks that could have been full that it gets less", () => {
    let drain = UNKNOWN_DRAIN;
    for (let block = 0; block < 30; block += 1)
      drain = learn(drain, { blocks: 1, ready: 300, taken: 50, perBlock: 100 });
    expect(drain.share).to.be.within(0.49, 0.51);
  });

  it("learns nothing from blocks that it did not fill, for it would let in less and less and close itself", () => {
    let drain = UNKNOWN_DRAIN;
    for (let block = 0; block < 1_000; block += 1)
      drain = learn(drain, { blocks: 1, ready: 3, taken: 3, perBlock: 100 });
    expect(drain).to.deep.equal(UNKNOWN_DRAIN);
  });

  it("learns from any block that it gets more, and comes back from a chain that took nothing", () => {
    let drain = UNKNOWN_DRAIN;
    for (let block = 0; block < 100; block += 1)
      drain = learn(drain, { blocks: 1, ready: 300, taken: 0, perBlock: 100 });
    expect(drain.share).to.be.greaterThan(0);
    let blocks = 0;
    // What is let in is all that it can show: no more than its bound.
    for (; drain.share < 0.9; blocks += 1) {
      const { room } = pressureOf(0, 100 * drain.share, { items: 1e6, blocks: 4 }, "accepting");
      drain = learn(drain, { blocks: 1, ready: room, taken: Math.min(100, room), perBlock: 100 });
      expect(blocks).to.be.lessThan(30);
    }
  });

  it("learns no less than a 64th and no more than four times, from where it comes back", () => {
    let drain = UNKNOWN_DRAIN;
    for (let block = 0; block < 100; block += 1)
      drain = learn(drain, { blocks: 1, ready: 300, taken: 0, perBlock: 100 });
    expect(drain.share).to.equal(1 / 64);
    for (let block = 0; block < 100; block += 1)
      drain = learn(drain, { blocks: 1, ready: 300, taken: 10_000, perBlock: 100 });
    expect(drain.share).to.equal(4);
  });

  it("counts rows that came in and landed between two looks as taken", () => {
    const door = createDoor(
      { items: 10_000, blocks: 4 },
      { rows: 100, waiting: 0, assigned: 100, perBlock: 100 },
    );
    door.enter(Array(100).fill(null));
    for (const [head, rows] of [
      [1, 100],
      [2, 200],
    ] as const)
      door.measured({ head, rows, waiting: 0, assigned: 100, perBlock: 100 });
    expect(door.pressure()).to.include({ waiting: 100, blocks: 1 });
  });

  it("is idle until something waits, and again when nothing does", () => {
    const door = createDoor(BOUNDS, { rows: 0, waiting: 0, assigned: 0, perBlock: 5 });
    const idle = [door.isIdle()];
    for (const waiting of [3, 0]) {
      door.measured({ head: 1, rows: 3, waiting, assigned: 0, perBlock: 5 });
      idle.push(door.isIdle());
    }
    expect(idle).to.deep.equal([true, false, true]);
  });

  it("counts what came in since it was measured, and lets nobody through twice for the same room", async () => {
    const door = createDoor(
      { items: 10, blocks: Infinity },
      { rows: 0, waiting: 0, assigned: 0, perBlock: 5 },
    );
    door.enter(Array(10).fill(null));
    expect(door.pressure()).to.include({ state: "holding", waiting: 10, room: 0 });
    door.measured({ head: 1, rows: 6, waiting: 2, assigned: 0, perBlock: 5 });
    // Four of the six that were counted are in blocks; four more had not been counted yet.
    expect(door.pressure()).to.include({ waiting: 6, room: 4 });
    door.leave(1);
    expect(door.pressure()).to.include({ waiting: 5, room: 5 });
    const stop = new AbortController();
    door.enter(Array(5).fill(null));
    const waits = door.opened(stop.signal).catch((error: unknown) => error);
    stop.abort("enough");
    expect(await waits).to.equal("enough");
  });
});
