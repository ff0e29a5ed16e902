import { assert, expect } from "chai";
import fc from "fast-check";
import { bid, MOST_PER_TRANSACTION, tipOf } from "../src/fees.js";
import { seed } from "./support/seed.js";

const GWEI = 10n ** 9n;
const NO_LIMITS = { maxFee: null, budget: null };

describe("fees", () => {
  it("bids twice the base fee and the tip", () => {
    expect(bid({ baseFee: 10n * GWEI, tip: GWEI }, NO_LIMITS, 100_000n, 0n)).to.deep.equal({
      kind: "bid",
      bid: { maxFee: 21n * GWEI, tip: GWEI },
    });
  });

  it("law 10: bids the cap and no more when the base fee is just under it", () => {
    const limits = { maxFee: 10n * GWEI, budget: null };
    expect(bid({ baseFee: 10n * GWEI, tip: GWEI }, limits, 100_000n, 0n)).to.deep.equal({
      kind: "bid",
      bid: { maxFee: 10n * GWEI, tip: GWEI },
    });
  });

  it("law 10: holds above the cap and says for what", () => {
    const limits = { maxFee: 10n * GWEI, budget: null };
    expect(bid({ baseFee: 10n * GWEI + 1n, tip: GWEI }, limits, 100_000n, 0n)).to.deep.equal({
      kind: "hold",
      why: "base fee above cap",
      baseFee: 10n * GWEI + 1n,
      maxFee: 10n * GWEI,
    });
  });

  it("law 10: spends a budget to the last wei and holds for one more", () => {
    const quote = { baseFee: 2n, tip: 1n };
    const limits = (budget: bigint) => ({ maxFee: null, budget });
    expect(bid(quote, limits(1_500n), 100n, 1_000n).kind).to.equal("bid");
    expect(bid(quote, limits(1_499n), 100n, 1_000n)).to.deep.equal({
      kind: "hold",
      why: "budget spent",
      needed: 500n,
      left: 499n,
    });
    expect(bid(quote, limits(900n), 100n, 1_000n)).to.deep.include({ why: "budget spent", left: 0n });
  });

  it("never offers a tip above the whole fee", () => {
    const limits = { maxFee: 5n, budget: null };
    expect(bid({ baseFee: 1n, tip: 9n }, limits, 1n, 0n)).to.deep.equal({
      kind: "bid",
      bid: { maxFee: 5n, tip: 5n },
    });
  });

  it("law 10: no bid passes the cap or the budget, and a hold is never needless", () => {
    const wei = fc.oneof(fc.bigInt(0n, 100n), fc.bigInt(0n, 1_000n * GWEI));
    const limit = fc.option(fc.oneof(wei, fc.bigInt(0n, 10n ** 20n)));
    const quotes = fc.record({ baseFee: wei, tip: wei });
    fc.assert(
      fc.property(
        quotes,
        fc.record({ maxFee: limit, budget: limit }),
        fc.bigInt(0n, 2n ** 24n),
        wei,
        (quote, limits, gasLimit, committed) => {
          const { maxFee: cap, budget } = limits;
          const decision = bid(quote, limits, gasLimit, committed);
          if (decision.kind === "bid") {
            const { maxFee, tip } = decision.bid;
            assert.isTrue(maxFee >= quote.baseFee && maxFee <= 2n * quote.baseFee + quote.tip);
            assert.isTrue(tip <= maxFee && tip <= quote.tip);
            assert.isTrue(maxFee * gasLimit <= MOST_PER_TRANSACTION);
            if (cap !== null) assert.isTrue(maxFee <= cap);
            if (budget !== null) assert.isTrue(committed + maxFee * gasLimit <= budget);
          } else if (decision.why === "base fee above cap") {
            const unpayable = quote.baseFee * gasLimit > MOST_PER_TRANSACTION;
            assert.isTrue(unpayable || (cap !== null && quote.baseFee > cap));
          } else {
            assert.isTrue(budget !== null && committed + decision.needed > budget);
          }
        },
      ),
      { seed, numRuns: 5_000 },
    );
  });
});

describe("the tip", () => {
  const block = (fullness: number, medianTip: bigint) => ({ fullness, medianTip });

  it("is the median of blocks that are a tenth full, zeros ignored", () => {
    expect(tipOf([block(0.5, 9n), block(0.1, 3n), block(1, 5n)], 77n)).to.equal(5n);
    expect(
      tipOf([block(0.09, 100n), block(0.5, 0n), block(0.5, 9n), block(0.5, 3n), block(0.5, 5n)], 77n),
    ).to.equal(5n);
  });

  it("is the higher of two middle ones", () => {
    expect(tipOf([block(1, 10n), block(1, 2n)], 77n)).to.equal(10n);
  });

  it("compares as numbers, not as text", () => {
    expect(tipOf([block(1, 9n), block(1, 10n), block(1, 100n)], 77n)).to.equal(10n);
  });

  it("is the node's suggestion when the blocks say nothing", () => {
    expect(tipOf([], 77n)).to.equal(77n);
    expect(tipOf([block(0.05, 9n), block(1, 0n)], 77n)).to.equal(77n);
  });

  it("lies between the lowest and the highest, whatever the order", () => {
    const blocks = fc.array(
      fc.record({ fullness: fc.double({ min: 0, max: 1, noNaN: true }), medianTip: fc.bigInt(0n, 50n) }),
    );
    fc.assert(
      fc.property(blocks, (recent) => {
        const tip = tipOf(recent, 77n);
        assert.equal(tipOf([...recent].reverse(), 77n), tip);
        const said = recent
          .filter((one) => one.fullness >= 0.1 && one.medianTip > 0n)
          .map((one) => one.medianTip);
        if (said.length === 0) assert.equal(tip, 77n);
        else {
          assert.include(said, tip);
          assert.isTrue(said.filter((one) => one <= tip).length * 2 >= said.length);
          assert.isTrue(said.filter((one) => one >= tip).length * 2 >= said.length);
        }
      }),
      { seed, numRuns: 1_000 },
    );
  });
});
