import { assert, expect } from "chai";
import fc from "fast-check";
import { ECONOMY_PATIENCE_S, type Goal, MODES, type Moment, pace, raisedAfter } from "../src/pace.js";
import { type PriceHistory, remember } from "../src/prices.js";
import { seed } from "./support/seed.js";

const GWEI = 1e9;
const NOW = 1_800_000_000;
const BLOCK_S = 12;
const LIMIT = 60_000_000;
const HALF = LIMIT / 2;

/** Ten gwei all day long, to the wei. */
const FLAT = history(() => 10 * GWEI);

describe("The pace", () => {
  it("waits for nothing on a chain without a base fee", () => {
    for (const baseFee of [0n, 1n]) {
      const of = moment({ baseFee });
      for (const goal of [
        { mode: "economy", since: of.now },
        { mode: "deadline", by: of.now + 86_400 },
      ] as const)
        expect(pace(goal, of.gasLimit, of)).to.include({ hold: null, gas: of.gasLimit / 2 });
    }
  });

  it("takes every block whole in mode max, whatever it asks", () => {
    for (const baseFee of [1n, 10n ** 13n]) {
      expect(pace({ mode: "max" }, 1, moment({ baseFee }))).to.deep.equal({
        gas: LIMIT,
        hold: null,
        late: false,
      });
    }
  });

  it("law 10: takes nothing above the cap in any mode, and says for what it waits", () => {
    const cap = 10n * 10n ** 9n;
    for (const goal of goalsAt(NOW)) {
      const { gas, hold } = pace(goal, LIMIT, moment({ baseFee: cap + 1n, cap }));
      expect(gas, goal.mode).to.equal(0);
      expect(hold).to.deep.equal({ why: "cap", baseFee: cap + 1n, below: cap, until: null });
      expect(pace(goal, LIMIT, moment({ baseFee: cap, cap })).hold?.why, goal.mode).not.to.equal("cap");
    }
  });

  it("takes half of a block when it is as cheap as any that is expected, and does not wait where nothing gets better", () => {
    for (const goal of [economy(), deadline(4 * 3600)]) {
      const { gas, hold } = pace(goal, 1_000_000, moment({ history: FLAT }));
      expect([gas, hold], goal.mode).to.deep.equal([HALF, null]);
    }
  });

  it("waits for the night: it holds at noon, and says up to which price and until when at the latest", () => {
    const waves = history((at) => 10 * GWEI * Math.exp(0.5 * Math.cos((2 * Math.PI * (at - NOW)) / 86_400)));
    const noon = moment({ history: waves, baseFee: 16n * 10n ** 9n });
    const { gas, hold } = pace(economy(), 3e9, noon);
    expect(gas).to.equal(0);
    expect(hold).to.include({ why: "price", baseFee: noon.baseFee, until: NOW + ECONOMY_PATIENCE_S });
    expect(Number(hold!.below) / GWEI).to.be.within(6, 10);
    // What it waits for is what it takes, to the wei.
    expect(pace(economy(), 3e9, { ...noon, baseFee: hold!.below }).gas).to.equal(HALF);
    expect(pace(economy(), 3e9, { ...noon, baseFee: hold!.below + 1n }).gas).to.equal(0);
  });

  it("economy waits no longer than a day, and then takes half of each block at any price", () => {
    const dear = moment({ history: FLAT, baseFee: 10n ** 12n });
    expect(pace(economy(), 3e9, dear).gas).to.equal(0);
    const then = { ...dear, now: NOW + ECONOMY_PATIENCE_S };
    expect(pace(economy(), 3e9, then)).to.deep.equal({ gas: HALF, hold: null, late: true });
  });

  it("a deadline fills whole blocks when there is no time for anything else, and not before", () => {
    // A hundred halves of a block take 20 minutes; a tenth and 25 blocks are kept.
    const needed = (110 + 25) * BLOCK_S;
    const dear = moment({ history: FLAT, baseFee: 10n ** 12n });
    expect(pace(deadline(needed), 100 * HALF, dear)).to.deep.equal({ gas: LIMIT, hold: null, late: true });
    expect(pace(deadline(needed + 1), 100 * HALF, dear)).to.deep.include({ gas: 0, late: false });
    expect(pace(deadline(-1), 1, dear).gas).to.equal(LIMIT);
  });

  it("a deadline under a cap that prices have come near to waits for nothing", () => {
    const under = (gwei: bigint) =>
      pace(deadline(20 * 3600), HALF, moment({ history: FLAT, baseFee: 10n ** 10n, cap: gwei * 10n ** 9n }));
    expect(under(19n)).to.deep.equal({ gas: LIMIT, hold: null, late: true });
    expect(under(30n)).to.deep.include({ gas: HALF, late: false });
  });

  it("knows nothing at first, and begins at the price that it finds", () => {
    expect(pace(economy(), HALF, moment({ history: [] })).gas).to.equal(HALF);
  });

  it("never takes more than a block, and either takes or says why not", () => {
    fc.assert(
      fc.property(goals(), lefts(), moments(), (goal, left, now) => {
        const { gas, hold } = pace(goal, left, now);
        assert.isTrue(gas >= 0 && gas <= now.gasLimit);
        assert.equal(gas === 0, hold !== null);
        if (goal.mode === "economy") assert.isTrue(gas <= now.gasLimit / 2);
        if (now.cap !== null && now.baseFee > now.cap) assert.equal(hold?.why, "cap");
        if (hold?.why === "price") {
          assert.isTrue(hold.below < now.baseFee);
          assert.isTrue(hold.until! > now.now);
        }
      }),
      { seed, numRuns: 2_000 },
    );
  });

  it("a hold for a price ends by itself: at its time nothing but a cap is in the way", () => {
    let held = 0;
    fc.assert(
      fc.property(goals(), lefts(), moments(), (goal, left, now) => {
        const { hold } = pace(goal, left, now);
        fc.pre(hold?.why === "price");
        held += 1;
        const then = pace(goal, left, { ...now, now: hold.until! + 1 });
        assert.isTrue(then.gas > 0 && then.late);
      }),
      { seed, numRuns: 300 },
    );
    expect(held).to.equal(300);
  });

  it("takes no less when gas is cheaper, when more is left, or when time is shorter", () => {
    fc.assert(
      fc.property(
        goals(),
        lefts(),
        moments(),
        fc.double({ min: 1, max: 20, noNaN: true }),
        (goal, left, some, more) => {
          // With an hour unknown the price itself is what is expected of it.
          const now = { ...some, history: remember(some.history, NOW, 1e10) };
          const { gas } = pace(goal, left, now);
          const dearer = { ...now, baseFee: BigInt(Math.ceil(Number(now.baseFee) * more)) };
          assert.isTrue(pace(goal, left, dearer).gas <= gas, "dearer");
          assert.isTrue(pace(goal, left * more, now).gas >= gas, "more");
        },
      ),
      { seed, numRuns: 1_000 },
    );
    const left = 40 * HALF;
    const at = moment({ history: FLAT, baseFee: 11n * 10n ** 9n });
    const within = [200, 120, 60, 20, 12, 4].map((minutes) => pace(deadline(60 * minutes), left, at).gas);
    expect(within).to.deep.equal([...within].sort((a, b) => a - b));
    expect(new Set(within)).to.deep.equal(new Set([0, HALF, LIMIT]));
  });

  it("knows what its own gas has added to the price: an eighth for half a block, and it wears off", () => {
    const after = raisedAfter(0, HALF, LIMIT);
    expect(Math.exp(after)).to.be.within(1.125 - 1e-9, 1.125 + 1e-9);
    // A full block adds no more, whosever it is.
    expect(raisedAfter(0, LIMIT, LIMIT)).to.equal(after);
    const faded = (after * 7) / 8;
    expect(raisedAfter(after, 0, LIMIT)).to.be.within(faded - 1e-12, faded + 1e-12);
    let raised = after;
    for (let block = 0; block < 60; block += 1) raised = raisedAfter(raised, 0, LIMIT);
    expect(raised).to.be.lessThan(1e-4);
  });
});

function economy(): Goal {
  return { mode: "economy", since: NOW };
}

function deadline(seconds: number): Goal {
  return { mode: "deadline", by: NOW + seconds };
}

function goalsAt(now: number): Goal[] {
  return [{ mode: "economy", since: now }, { mode: "deadline", by: now + 40_000 }, { mode: "max" }];
}

function moment(more: Partial<Moment>): Moment {
  return {
    now: NOW,
    baseFee: 10n ** 10n,
    gasLimit: LIMIT,
    blockS: BLOCK_S,
    history: FLAT,
    cap: null,
    ...more,
  };
}

/** A day up to now, a block every quarter of an hour. */
function history(priceAt: (at: number) => number): PriceHistory {
  let found: PriceHistory = [];
  for (let at = NOW - 86_400; at <= NOW; at += 900) found = remember(found, at, priceAt(at));
  return found;
}

function goals(): fc.Arbitrary<Goal> {
  return fc.oneof(
    fc.constantFrom(...MODES).map((mode): Goal => goalsAt(NOW).find((one) => one.mode === mode)!),
    fc.integer({ min: -90_000, max: 1_000 }).map((ago): Goal => ({ mode: "economy", since: NOW + ago })),
    fc.integer({ min: -1_000, max: 200_000 }).map((ahead): Goal => deadline(ahead)),
  );
}

function lefts(): fc.Arbitrary<number> {
  return fc.double({ min: 21_000, max: 1e12, noNaN: true });
}

function moments(): fc.Arbitrary<Moment> {
  const price = fc.double({ min: 0, max: 30, noNaN: true }).map((log) => Math.exp(log));
  return fc.record({
    now: fc.constant(NOW),
    baseFee: price.map((wei) => BigInt(Math.ceil(wei))),
    gasLimit: fc.constantFrom(2 ** 50, 30_000_000, LIMIT),
    blockS: fc.constantFrom(0.25, 2, 12),
    history: fc
      .array(fc.tuple(fc.integer({ min: -90_000, max: 0 }), price), { maxLength: 40 })
      .map((seen) => seen.reduce<PriceHistory>((all, [at, wei]) => remember(all, NOW + at, wei), [])),
    cap: fc.option(price.map((wei) => BigInt(Math.ceil(wei)))),
  });
}
