import { assert, expect } from "chai";
import fc from "fast-check";
import { type PriceHistory, remember, spreadOf, STEP_S, wave } from "../src/prices.js";
import { seed } from "./support/seed.js";

const NOW = 1_800_000_000;
const DAY_S = 86_400;

describe("What is known of prices", () => {
  it("keeps the mean of each quarter of an hour, for a day and an hour, in whatever order blocks come", () => {
    const block = fc.tuple(
      fc.integer({ min: 0, max: 2 * DAY_S }),
      fc.double({ min: 1, max: 1e13, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(block, { minLength: 1, maxLength: 60 }), (blocks) => {
        const history = blocks.reduce<PriceHistory>((all, [at, price]) => remember(all, at, price), []);
        const steps = history.map(({ step }) => step);
        assert.deepEqual(
          steps,
          [...new Set(steps)].sort((a, b) => a - b),
        );
        assert.isAtMost(steps.at(-1)! - steps[0]!, DAY_S / STEP_S + 4);
        assert.equal(steps.at(-1), Math.floor(Math.max(...blocks.map(([at]) => at)) / STEP_S));
        const last = blocks.filter(([at]) => Math.floor(at / STEP_S) === steps.at(-1));
        const mean = last.reduce((sum, [, price]) => sum + Math.log(price), 0) / last.length;
        assert.isBelow(Math.abs(history.at(-1)!.log - mean), 1e-9);
      }),
      { seed, numRuns: 500 },
    );
  });

  it("expects the day before again, at its hour, and less of what was odd in it", () => {
    let history: PriceHistory = [];
    // Dear in the second half of the day before, and one spike in the first.
    for (let ago = 96; ago >= 0; ago -= 1) {
      const price = ago === 80 ? 1_000 : ago < 48 && ago >= 4 ? 40 : 10;
      history = remember(history, NOW - ago * STEP_S, price);
    }
    const prices = wave(history, NOW, 10, 96);
    expect(prices).to.have.length(96);
    expect(Math.max(...prices.slice(0, 40))).to.be.lessThan(15);
    expect(Math.min(...prices.slice(56, 88))).to.be.greaterThan(25);
  });

  it("is raised by what is different today, and forgets it", () => {
    let history: PriceHistory = [];
    for (let ago = 96; ago >= 0; ago -= 1) history = remember(history, NOW - ago * STEP_S, ago < 4 ? 30 : 10);
    const prices = wave(history, NOW, 30, 96);
    expect(prices[0]).to.be.within(29, 31);
    expect(prices[40]).to.be.within(10, 12);
    for (let ahead = 1; ahead < 90; ahead += 1)
      expect(prices[ahead]).to.be.at.most(prices[ahead - 1]! + 1e-9);
  });

  it("expects the price of now where nothing is known", () => {
    for (const price of wave([], NOW, 7, 3)) expect(price).to.be.within(7 - 1e-9, 7 + 1e-9);
    expect(spreadOf([])).to.equal(1);
  });

  it("knows by how much blocks differ within a quarter of an hour", () => {
    let [quiet, rough]: PriceHistory[] = [[], []];
    for (let block = 0; block < 300; block += 1) {
      quiet = remember(quiet!, NOW + 12 * block, 10);
      rough = remember(rough!, NOW + 12 * block, block % 2 === 0 ? 9 : 10);
    }
    expect(spreadOf(quiet!)).to.equal(1);
    const spread = Math.sqrt(10 / 9);
    expect(spreadOf(rough!)).to.be.within(spread - 0.001, spread + 0.001);
  });

  it("takes nothing from fewer than eight blocks of a quarter, and no more than a fifth from any", () => {
    let history: PriceHistory = [];
    const spreads: number[] = [];
    for (let block = 0; block < 9; block += 1) {
      history = remember(history, NOW + 12 * block, block % 2 === 0 ? 1_000 : 3_000);
      spreads.push(spreadOf(history));
    }
    expect(spreads).to.deep.equal([...Array<number>(7).fill(1), 1.2, 1.2]);
  });
});
