import { expect } from "chai";
import type { BatchEvent } from "../../src/batch.js";
import { createNotes, gateOf } from "../../src/submitter/notes.js";
import { drainOf } from "../../src/cli/view/drain.js";
import { createWatcher } from "../../src/cli/view/look.js";
import { sumOf } from "../../src/cli/view/view.js";
import { type Hex, ZERO_WORD } from "../../src/hex.js";
import type { Counts, Job, Overview, Store } from "../../src/store/store.js";
import type { Progress } from "../../src/submitter/submitter.js";

const LANES: Hex[] = [`0x${"1a".repeat(20)}`, `0x${"2b".repeat(20)}`];
const STREAM: Hex = `0x${"7e".repeat(32)}`;
const NOW = 1_800_000_000_000;

function job(id: number, parts: Partial<Job> = {}): Job {
  return {
    ...{ id, key: ZERO_WORD, act: "record", name: `file${id}.csv`, schema: ZERO_WORD, definition: "" },
    ...{ attester: LANES[0]!, reason: "", tenant: "", priority: "normal", refusals: "skip", flows: false },
    ...{ state: "open", rows: 0, createdAt: 0, terms: { maxFee: 30n, budget: null } },
    ...parts,
  } as Job;
}

function counts(parts: Partial<Counts>): Counts {
  return { ...sumOf([]), ...parts, rows: Object.values(parts).reduce((a, b) => a + b, 0) };
}

function included(block: number, succeeded = true): BatchEvent {
  const inclusion = {
    blockHash: `0x${block}` as Hex,
    transaction: ZERO_WORD,
    succeeded,
    gasUsed: 1n,
    gasPrice: 1n,
  };
  return { kind: "included", block, ...inclusion };
}

/** A store that answers what a watcher asks, and keeps notes. */
function storeOf(parts: {
  jobs?: Job[];
  counts?: Counts[];
  overview?: Partial<Overview>;
  unmined?: object[];
  refusals?: object[];
}) {
  const asked: number[] = [];
  let seen: string | null = null;
  let writes = 0;
  const store = {
    chain: async () => ({ chainId: 31337n, genesis: ZERO_WORD, registry: LANES[0] }),
    jobs: async () => parts.jobs ?? [],
    counts: async (id: number) => {
      asked.push(id);
      return parts.counts![id - 1]!;
    },
    overview: async () => ({ block: null, lanes: [], streams: [], events: [], ...parts.overview }),
    unmined: async () => parts.unmined ?? [],
    refusals: async () => parts.refusals ?? [],
    seen: async () => seen,
    setSeen: async (text: string) => {
      seen = text;
      writes += 1;
    },
  };
  return { store: store as unknown as Store, asked, writes: () => writes };
}

/** Of one job that has work on one lane, which may hold. */
function progress(block: number, hold: Progress["hold"] = null, parts: Partial<Progress> = {}): Progress {
  const head = { number: block } as Progress["head"];
  const left = counts({ waiting: 5, assigned: 2, included: 1 });
  const lanes = [laneProgress(0, hold)];
  return { counts: left, hold, jobs: [{ job: 1, counts: left }], head, lanes, pressures: [], ...parts };
}

function laneProgress(
  index: number,
  hold: Progress["hold"],
  heldJobs: number[] = [],
): Progress["lanes"][number] {
  return { address: LANES[index]!, hold, isHeld: hold !== null && heldJobs.length === 0, heldJobs };
}

const HOLD = { why: "fee", detail: "the base fee is above the cap", since: NOW - 5_000 } as const;

describe("What a process at work notes for those that watch", () => {
  it("is written once a block, and when something begins or ceases to hold, and not each turn", async () => {
    const { store, writes } = storeOf({});
    const notes = createNotes(store, () => NOW);
    for (const [now, expected] of [
      [progress(1), 1],
      [progress(1), 1],
      [progress(2), 2],
      [progress(2, HOLD), 3],
      [progress(2, { ...HOLD, detail: "dearer" }), 3],
      [progress(2), 4],
    ] as const) {
      await notes.take(now);
      expect(writes()).to.equal(expected);
    }
  });

  it("is nothing if it never had a turn", async () => {
    const { store, writes } = storeOf({});
    await createNotes(store).end();
    expect(writes()).to.equal(0);
  });
});

describe("The gate", () => {
  const left = counts({ waiting: 5, assigned: 2 });
  const jobs = [
    { job: 1, counts: left },
    { job: 2, counts: left },
  ];
  const states: [name: string, now: Progress, state: string][] = [
    ["accepts while nothing holds", progress(1), "accepting"],
    ["holds if the only lane does", progress(1, HOLD), "holding"],
    [
      "is slower if one of two lanes holds",
      progress(1, HOLD, { lanes: [laneProgress(0, HOLD), laneProgress(1, null)] }),
      "slowing",
    ],
    [
      "holds if both lanes do",
      progress(1, HOLD, { lanes: [0, 1].map((index) => laneProgress(index, HOLD)) }),
      "holding",
    ],
    [
      "holds if the only job may not pay",
      progress(1, HOLD, { lanes: [laneProgress(0, HOLD, [1]), laneProgress(1, null)] }),
      "holding",
    ],
    [
      "is slower if one of two jobs may not pay",
      progress(1, HOLD, { jobs, lanes: [laneProgress(0, HOLD, [1])] }),
      "slowing",
    ],
    [
      "holds if both jobs may not pay",
      progress(1, HOLD, { jobs, lanes: [laneProgress(0, HOLD, [1, 2])] }),
      "holding",
    ],
    ["accepts while one stream holds", progress(1, HOLD, { lanes: [laneProgress(0, null)] }), "accepting"],
    [
      "holds if a stream does and nothing else is left",
      progress(1, HOLD, { lanes: [laneProgress(0, null)], counts: counts({ waiting: 3, verified: 9 }) }),
      "holding",
    ],
  ];
  for (const [name, now, state] of states) {
    it(name, () => {
      expect(gateOf(now, null, NOW).state).to.equal(state);
    });
  }

  it("says since when, and goes on saying so while the reason changes its words or its lane", () => {
    const first = gateOf(progress(1, HOLD), null, NOW);
    expect(first.since).to.equal(HOLD.since);
    const later = gateOf(progress(2, { ...HOLD, since: NOW + 9 }), first, NOW + 10);
    expect([later.state, later.since]).to.deep.equal(["holding", HOLD.since]);
    const free = gateOf(progress(3), later, NOW + 20);
    expect(free).to.deep.equal({ state: "accepting", why: null, since: NOW + 20 });
    expect(gateOf(progress(4), free, NOW + 30)).to.equal(free);
  });
});

describe("A look at a store", () => {
  const under = { jobs: [job(1)], counts: [counts({ waiting: 5, verified: 5 })] };

  it("says that the process at work accepts, or holds and since when, on which lane", async () => {
    const lanes = LANES.map((lane, index) => ({ lane, next: 7 + index }));
    const { store } = storeOf({ ...under, overview: { lanes, block: 3 } });
    const notes = createNotes(store, () => NOW);
    await notes.take(progress(9));
    const accepting = await createWatcher(store).look(NOW);
    expect(accepting.gate).to.deep.equal({ state: "accepting", why: null, since: NOW });
    expect([accepting.network, accepting.block, accepting.note]).to.deep.equal(["local", 9, null]);
    await notes.take(progress(9, HOLD));
    const holding = await createWatcher(store).look(NOW);
    expect(holding.gate).to.deep.equal({ state: "holding", why: HOLD.detail, since: HOLD.since });
    expect(holding.lanes.map(({ address, nonce, hold }) => [address, nonce, hold])).to.deep.equal([
      [LANES[0], 7, HOLD],
      [LANES[1], 8, null],
    ]);
  });

  it("says that nobody is at work if its process has ended, or is gone, and something is left", async () => {
    const { store } = storeOf(under);
    const notes = createNotes(store, () => NOW);
    await notes.take(progress(9, HOLD));
    const gone = await createWatcher(store, () => false).look(NOW);
    expect(gone.gate.state).to.equal("holding");
    expect(gone.gate.why).to.match(/nobody is at work/);
    expect(gone.note).to.equal("as of block 9");
    await notes.end();
    expect((await createWatcher(store, () => true).look(NOW)).gate.why).to.match(/nobody is at work/);
  });

  it("says nothing of that if all is done", async () => {
    const { store } = storeOf({ jobs: [job(1)], counts: [counts({ verified: 5, rejected: 1 })] });
    const { gate, note } = await createWatcher(store, () => false).look(NOW);
    expect([gate.state, note]).to.deep.equal(["accepting", null]);
  });

  it("law 12: adds up over all jobs, and counts what is done only once", async () => {
    const all = [counts({ verified: 3, rejected: 1 }), counts({ waiting: 2, assigned: 1, included: 4 })];
    const { store, asked } = storeOf({ jobs: [job(1), job(2, { tenant: "acme" })], counts: all });
    const watcher = createWatcher(store, () => false);
    const { items, jobs } = await watcher.look(NOW);
    expect(items).to.deep.equal(sumOf(all));
    expect(jobs.map(({ tenant, priority }) => [tenant, priority])).to.deep.equal([
      [null, "normal"],
      ["acme", "normal"],
    ]);
    await watcher.look(NOW);
    expect(asked).to.deep.equal([1, 2, 2]);
  });

  it("shows what a lane has in flight, and its fee against the cap of what is lowest", async () => {
    const unmined = [
      { lane: LANES[0], nonce: 5, cap: 40n, attempts: [{ maxFee: 10n }, { maxFee: 12n }] },
      { lane: LANES[0], nonce: 6, cap: 50n, attempts: [{ maxFee: 11n }] },
    ];
    const lanes = LANES.map((lane) => ({ lane, next: 7 }));
    const { store } = storeOf({ ...under, unmined, overview: { lanes } });
    const view = await createWatcher(store).look(NOW);
    expect(view.lanes.map(({ inFlight, fee, cap }) => [inFlight, fee, cap])).to.deep.equal([
      [2, 12n, 40n],
      [0, null, 30n],
    ]);
  });

  it("shows the lag of a stream, and the row that the registry refuses in it", async () => {
    const streams = [{ attester: LANES[0]!, stream: STREAM, landed: 10, end: 15, waiting: 20 }];
    const refusals = [{ item: 1, line: 7, uid: ZERO_WORD, stream: STREAM, reason: "UidTaken(0x…)" }];
    const { store } = storeOf({ ...under, overview: { streams }, refusals });
    const view = await createWatcher(store).look(NOW);
    expect(view.streams).to.deep.equal([
      {
        ...{ key: `${LANES[0]} ${STREAM}`, name: "0x7e7e…7e7e", position: 10, signedTo: 15, waiting: 20 },
        hold: { why: "refused", detail: "line 7: UidTaken(0x…)", since: null },
      },
    ]);
  });

  it("tells transactions that came into one block together", async () => {
    const events = [included(4), included(4), included(5, false)].map((event, index) => ({
      at: NOW,
      job: 1,
      count: 100 + index,
      event,
    }));
    const { store } = storeOf({ ...under, overview: { events } });
    const view = await createWatcher(store).look(NOW);
    expect(view.events.map(({ text }) => text)).to.deep.equal([
      "block 4: 201 items of file1.csv",
      "block 5: 102 items of file1.csv failed",
    ]);
  });
});

describe("The estimate of what is left", () => {
  const events = (...blocks: [block: number, count: number][]) =>
    blocks.map(([block, count]) => ({ at: NOW + block * 12_000, job: 1, count, event: included(block) }));

  it("goes on as the last blocks went, empty ones among them", () => {
    expect(drainOf(1_000, events([10, 999], [11, 100], [14, 100]))).to.deep.equal({
      items: 1_000,
      blocks: 20,
      seconds: 240,
    });
  });

  it("does not look back further than thirty blocks", () => {
    expect(drainOf(100, events([1, 10_000], [2, 10_000], [100, 1], [101, 10]))).to.deep.equal({
      items: 100,
      blocks: 10,
      seconds: 120,
    });
  });

  it("is none before two blocks have taken anything", () => {
    expect(drainOf(5, [])).to.equal(null);
    expect(drainOf(5, events([10, 5]))).to.equal(null);
    expect(drainOf(5, events([10, 5], [10, 5]))).to.equal(null);
  });
});
