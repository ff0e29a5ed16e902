import { expect } from "chai";
import fc from "fast-check";
import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { widthOf } from "../../src/cli/view/cells.js";
import { linesOf } from "../../src/cli/view/changes.js";
import { render, shared, spanText } from "../../src/cli/view/render.js";
import {
  endedOf,
  type HoldView,
  inTheirPlaces,
  movingOf,
  type StreamView,
  sumOf,
  type View,
} from "../../src/cli/view/view.js";
import type { Hex } from "../../src/hex.js";
import type { Counts } from "../../src/store/store.js";
import { seed } from "../support/seed.js";

const AT = Date.UTC(2026, 10, 30, 12, 34, 56);
const LANES: Hex[] = [
  "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
  "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
];

function counts(parts: Partial<Counts>): Counts {
  const sum = Object.values(parts).reduce((a, b) => a + b, 0);
  return { ...sumOf([]), ...parts, rows: sum };
}

const HELD: HoldView = {
  why: "fee",
  detail: "the base fee is 41.2 gwei and the cap is 30 gwei",
  since: AT - 120_000,
};

const SLOWING: View["gate"] = { state: "slowing", why: "1,000,000 rows wait for blocks", since: AT - 10_000 };

function viewOf(parts: Partial<View> = {}): View {
  const jobs = [
    {
      id: 1,
      name: "people.csv",
      counts: counts({ waiting: 300, assigned: 200, included: 100, verified: 648, rejected: 2 }),
    },
    {
      id: 2,
      name: "two.csv",
      counts: counts({ waiting: 800_000, assigned: 20_000, safe: 4_000, verified: 176_000 }),
    },
  ].map((job) => ({ ...job, tenant: "acme", priority: "high" }));
  return {
    at: AT,
    network: "local",
    block: 12_345,
    note: null,
    gate: { state: "holding", why: HELD.detail, since: HELD.since },
    items: sumOf(jobs.map((job) => job.counts)),
    jobs,
    lanes: [
      {
        address: LANES[0]!,
        nonce: 1_234,
        inFlight: 3,
        fee: 12_345_678_901n,
        cap: 30_000_000_000n,
        hold: HELD,
      },
      { address: LANES[1]!, nonce: 7, inFlight: 0, fee: null, cap: null, hold: null },
    ],
    streams: [{ key: "a", name: "the board", position: 120, signedTo: 240, waiting: 10_000, hold: null }],
    otherStreams: 48,
    drain: { items: 820_500, blocks: 432, seconds: 5_184 },
    events: [
      { at: AT - 2_000, text: "batch 8 is in block 12,344" },
      { at: AT - 1_000, text: "batch 9 is in block 12,345" },
    ],
    ...parts,
  };
}

/** A view of anything, with numbers of every length and texts of every kind. */
const anyView: fc.Arbitrary<View> = (() => {
  const number = fc.oneof(fc.nat(9), fc.nat(99_999), fc.nat(2 ** 31 - 1), fc.maxSafeNat());
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.constantFrom("名簿".repeat(9), "👩‍🚀🚀é", "\u001b[2J"),
  );
  const time = fc.integer({ min: 0, max: 4_000_000_000_000 });
  const wei = fc.option(fc.bigInt({ min: 0n, max: 10n ** 24n }));
  const hold = fc.option(fc.record({ why: text, detail: text, since: time }));
  const someCounts = fc
    .record({
      ...{ rejected: number, duplicate: number, waiting: number, assigned: number, included: number },
      ...{ safe: number, final: number, verified: number, mismatched: number },
    })
    .map(counts);
  const address = fc.constantFrom(...LANES);
  return fc.record({
    at: time,
    network: text,
    block: fc.option(number),
    note: fc.option(text),
    gate: fc.record({
      state: fc.constantFrom("accepting" as const, "slowing" as const, "holding" as const),
      why: fc.option(text),
      since: fc.option(time),
    }),
    items: someCounts,
    jobs: fc.array(
      fc.record({
        id: number,
        name: text,
        counts: someCounts,
        tenant: fc.option(text),
        priority: fc.option(text),
      }),
    ),
    lanes: fc.array(fc.record({ address, nonce: number, inFlight: number, fee: wei, cap: wei, hold })),
    streams: fc.array(
      fc.record({ key: text, name: text, position: number, signedTo: number, waiting: number, hold }),
    ),
    otherStreams: number,
    drain: fc.option(fc.record({ items: number, blocks: number, seconds: number })),
    events: fc.array(fc.record({ at: time, text })),
  });
})();

/** How many columns Node thinks that a text takes: a second opinion. */
function nodesWidth(text: string): number {
  const lines = createInterface({ input: new PassThrough(), output: new PassThrough(), prompt: "" });
  Object.assign(lines, { line: text, cursor: text.length });
  const { cols, rows } = lines.getCursorPos();
  lines.close();
  expect(rows).to.equal(0);
  return cols;
}

function shown(view: View, columns: number, rows: number): string {
  return render(view, { columns, rows, colour: false }).join("\n");
}

/** The numbers of the grid by their names, as they are shown. */
function gridOf(text: string): { [name: string]: number } {
  const names = "rows|waiting|on the way|included|safe|final|verified|duplicates|rejected|mismatched";
  const cells = text.matchAll(new RegExp(`(?:^|  )(${names}) +([0-9,]+)(?=  |$)`, "gm"));
  return Object.fromEntries(
    [...cells].map(([, name, number]) => [name!, Number(number!.replaceAll(",", ""))]),
  );
}

describe("The view", () => {
  it("says on 60 × 16 all that there is to say", () => {
    expect(shown(viewOf({ gate: SLOWING }), 60, 16)).to.equal(
      [
        "waybill  local  block 12,345                    12:34:56 UTC",
        "slowing    since 12:34:46  1,000,000 rows wait for blocks",
        "rows         1,001,250  final                0",
        "waiting        800,300  verified       176,648",
        "on the way      20,200  duplicates           0",
        "included           100  rejected             2",
        "safe             4,000  mismatched           0",
        "drain      820,500 items in about 432 blocks, 87 min",
        "lane 1/2      nonce in flight fee gwei cap gwei  held since",
        "0x7099…79C8   1,234         3   12.346   30.000 fee 12:32:56",
        "job 1/2             waiting     moving      ended       rows",
        "2    two.csv        800,000     24,000    176,000  1,000,000",
        "stream 1/49      position  signed to        lag  held since",
        "the board             120        240     10,120",
        "last events",
        "12:34:55  batch 9 is in block 12,345",
      ].join("\n"),
    );
  });

  it("shows on 80 × 24 all lanes and jobs", () => {
    expect(shown(viewOf(), 80, 24)).to.equal(
      [
        "waybill  local  block 12,345                                        12:34:56 UTC",
        "holding    since 12:32:56  the base fee is 41.2 gwei and the cap is 30 gwei",
        "",
        "rows         1,001,250  safe             4,000  rejected             2",
        "waiting        800,300  final                0  mismatched           0",
        "on the way      20,200  verified       176,648",
        "included           100  duplicates           0",
        "drain      not as long as it holds",
        "",
        "lane               nonce  in flight   fee gwei   cap gwei  held since",
        "0x7099…79C8        1,234          3     12.346     30.000  fee 12:32:56  the ba…",
        "0x3C44…93BC            7          0          -       none",
        "",
        "job                                     waiting     moving      ended       rows",
        "1    people.csv                             300        300        650      1,250",
        "2    two.csv                            800,000     24,000    176,000  1,000,000",
        "",
        "stream 1/49                  position  signed to        lag  held since",
        "the board                         120        240     10,120",
        "",
        "last events",
        "12:34:54  batch 8 is in block 12,344",
        "12:34:55  batch 9 is in block 12,345",
      ].join("\n"),
    );
  });

  it("never has a line that is wider than the terminal, nor more lines than it has, whatever it shows", () => {
    const size = fc.record({
      columns: fc.integer({ min: 1, max: 200 }),
      rows: fc.integer({ min: 0, max: 80 }),
    });
    fc.assert(
      fc.property(anyView, size, fc.boolean(), (view, { columns, rows }, colour) => {
        const lines = render(view, { columns, rows, colour });
        expect(lines.length).to.be.at.most(rows);
        for (const line of lines) {
          const text = stripVTControlCharacters(line);
          expect(text).not.to.match(/[\p{Cc}\p{Cf}]/u);
          expect(widthOf(text), text).to.be.at.most(columns);
          // Not every version of Unicode calls the same characters wide: one column too many is none over the edge.
          expect(widthOf(text), text).to.be.at.least(nodesWidth(text));
        }
      }),
      { seed, numRuns: 300 },
    );
  });

  it("law 12: shows at every size states that add up to the rows, of all jobs together and of each", () => {
    const count = fc.nat(999_999);
    const states = fc.tuple(...Array.from({ length: 9 }, () => count));
    const names = [
      "rejected",
      "duplicate",
      "waiting",
      "assigned",
      "included",
      "safe",
      "final",
      "verified",
      "mismatched",
    ];
    fc.assert(
      fc.property(
        fc.array(states, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 60, max: 200 }),
        (all, columns) => {
          const jobs = all.map((values, index) => ({
            id: index + 1,
            name: `job${index}`,
            counts: counts(Object.fromEntries(values.map((value, state) => [names[state]!, value]))),
            tenant: null,
            priority: null,
          }));
          const text = shown(viewOf({ items: sumOf(jobs.map((job) => job.counts)), jobs }), columns, 60);
          const { rows, ...states } = gridOf(text);
          expect(Object.keys(states)).to.have.length(9);
          expect(Object.values(states).reduce((a, b) => a + b)).to.equal(rows);
          for (const [, ...numbers] of text.matchAll(/job\d +([\d,]+) +([\d,]+) +([\d,]+) +([\d,]+)/g)) {
            const [waiting, moving, ended, jobRows] = numbers.map((number) =>
              Number(number.replaceAll(",", "")),
            );
            expect(waiting! + moving! + ended!).to.equal(jobRows);
          }
          expect(movingOf(jobs[0]!.counts) + endedOf(jobs[0]!.counts) + jobs[0]!.counts.waiting).to.equal(
            jobs[0]!.counts.rows,
          );
        },
      ),
      { seed, numRuns: 100 },
    );
  });

  it("changes digits and moves nothing while work goes on", () => {
    const lanes = viewOf().lanes.map((lane) => ({ ...lane, hold: null }));
    const early = viewOf({ lanes, items: counts({ waiting: 1_250 }) });
    const late = {
      ...early,
      at: AT + 3_600_000,
      block: 12_999,
      items: counts({ assigned: 12, included: 500, verified: 738 }),
      lanes: lanes.map((lane) => ({ ...lane, nonce: 99_999, inFlight: 16, fee: 9n })),
    };
    const words = (text: string) =>
      [...text.matchAll(/[a-z]{4,}/g)].map(({ 0: word, index }) => [word, index]);
    const [before, after] = [shown(early, 80, 24), shown(late, 80, 24)].map((text) =>
      text.split("\n").filter((line) => !/^(drain|holding)/.test(line)),
    );
    expect(after!.map(words)).to.deep.equal(before!.map(words));
  });

  it("never cuts a number to a smaller one", () => {
    const view = viewOf({
      items: counts({ verified: 12_345_678_901 }),
      lanes: [{ ...viewOf().lanes[0]!, nonce: 12_345_678, fee: 10n ** 21n, cap: 1n }],
    });
    const text = shown(view, 60, 16);
    expect(text).to.include("1.2e+10").and.include("1.2e+7").and.include("1.0e+12").and.include("<0.001");
    expect(text).not.to.match(/\d…( |$)/m);
  });

  it("is the same without colour but for the colour", () => {
    const painted = render(viewOf(), { columns: 100, rows: 30, colour: true });
    expect(painted.join("")).to.include("\u001b[31mholding");
    const plain = render(viewOf(), { columns: 100, rows: 30, colour: false });
    expect(painted.map((line) => stripVTControlCharacters(line).trimEnd())).to.deep.equal(plain);
  });

  it("escapes what strangers wrote, so that it moves no cursor", () => {
    const name = "\u001b[2Jx\u202e.csv";
    const view = viewOf({ jobs: [{ ...viewOf().jobs[0]!, name }], note: name });
    const lines = render(view, { columns: 120, rows: 30, colour: false });
    expect(lines.join("\n")).to.include("\\u{1b}[2Jx\\u{202e}.csv");
    expect(linesOf(view, null).join("\n")).to.include("\\u{1b}[2Jx\\u{202e}.csv");
  });

  it("shares lines in turn, each section no more than it wants", () => {
    expect(shared(7, [1, 9, 2])).to.deep.equal([1, 4, 2]);
    expect(shared(2, [5, 5, 5])).to.deep.equal([1, 1, 0]);
    expect(shared(-3, [5])).to.deep.equal([0]);
    expect(shared(99, [1, 0])).to.deep.equal([1, 0]);
  });

  it("says how long something takes as exactly as anybody can know it", () => {
    expect([0, 12, 89, 90, 5_340, 5_400, 129_600].map(spanText)).to.deep.equal([
      ...["0 s", "12 s", "89 s", "2 min", "89 min", "1 h 30 min", "1 d 12 h"],
    ]);
  });
});

describe("The width of a text", () => {
  it("is two columns for what is wide, none for what sits on another, else one", () => {
    for (const [text, width] of [
      ...[
        ["abc", 3],
        ["…·—é", 4],
        ["e\u0301", 1],
        ["名簿", 4],
        ["한글", 4],
        ["🚀", 2],
        ["ｆ", 2],
        ["ﾊ", 1],
      ],
    ] as [string, number][]) {
      expect([text, widthOf(text), nodesWidth(text)]).to.deep.equal([text, width, width]);
    }
  });
});

describe("Streams in the view", () => {
  const stream = (key: string, waiting: number): StreamView => {
    return { key, name: key, position: 10, signedTo: 10, waiting, hold: null };
  };
  const keys = (streams: readonly StreamView[]) => streams.map(({ key }) => key);

  it("are the most lagging ones first, and equal ones by their keys", () => {
    const streams = [stream("c", 5), stream("a", 5), stream("b", 9), stream("d", 0)];
    expect(keys(inTheirPlaces([], streams, 3))).to.deep.equal(["b", "a", "c"]);
  });

  it("keep their places while their lags pass each other", () => {
    const streams = [stream("a", 9), stream("b", 1), stream("c", 5)];
    expect(keys(inTheirPlaces(["b", "c", "a"], streams, 3))).to.deep.equal(["b", "c", "a"]);
  });

  it("leave their places only to one that lags more, and no other moves", () => {
    const streams = [stream("a", 9), stream("b", 0), stream("c", 5), stream("d", 7)];
    expect(keys(inTheirPlaces(["a", "b", "c"], streams, 3))).to.deep.equal(["a", "d", "c"]);
    expect(keys(inTheirPlaces(["a", "b", "c"], streams.slice(0, 1), 3))).to.deep.equal(["a"]);
  });
});

describe("The view where there is no terminal", () => {
  it("says everything once", () => {
    expect(linesOf(viewOf(), null)).to.deep.equal([
      "12:34:54  batch 8 is in block 12,344",
      "12:34:55  batch 9 is in block 12,345",
      "12:34:56  local",
      "12:34:56  holding: the base fee is 41.2 gwei and the cap is 30 gwei",
      "12:34:56  lane 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 holds: fee, the base fee is 41.2 gwei and the cap is 30 gwei",
      "12:34:56  job 1 is under way: people.csv",
      "12:34:56  job 2 is under way: two.csv",
      "12:34:56  block 12,345  1,001,250 rows: waiting 800,300, on the way 20,200, included 100, safe 4,000, verified 176,648, rejected 2",
    ]);
  });

  it("says nothing while nothing changes but the time, the block and the estimate", () => {
    const later = viewOf({
      at: AT + 60_000,
      block: 12_360,
      drain: { items: 820_500, blocks: 420, seconds: 5_000 },
    });
    const detail = "the base fee is 50 gwei and the cap is 30 gwei";
    const dearer = {
      ...later,
      gate: { ...later.gate, why: detail },
      lanes: [{ ...later.lanes[0]!, hold: { ...HELD, detail } }],
    };
    expect(linesOf(later, viewOf())).to.deep.equal([]);
    expect(linesOf(dearer, viewOf())).to.deep.equal([]);
  });

  it("has a line for each thing that changed", () => {
    const before = viewOf();
    const after = viewOf({
      at: AT + 12_000,
      block: 12_346,
      gate: { state: "accepting", why: null, since: AT + 12_000 },
      items: counts({ waiting: 790_000, verified: 211_250 }),
      lanes: before.lanes.map((lane, index) => ({
        ...lane,
        hold: index === 1 ? { ...HELD, why: "funds" } : null,
      })),
      events: [...before.events.slice(1), { at: AT + 11_000, text: "batch 10 is in block 12,346" }],
    });
    expect(linesOf(after, before)).to.deep.equal([
      "12:35:07  batch 10 is in block 12,346",
      "12:35:08  accepting",
      "12:35:08  lane 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 goes on",
      "12:35:08  lane 0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC holds: funds, the base fee is 41.2 gwei and the cap is 30 gwei",
      "12:35:08  block 12,346  1,001,250 rows: waiting 790,000, verified 211,250  about 432 blocks and 87 min left",
    ]);
  });
});
