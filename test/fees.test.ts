import { assert, expect } from "chai";
import fc from "fast-check";
import {
  believedTip,
  type Bid,
  bid,
  type FeeDecision,
  MOST_PER_TRANSACTION,
  outbid,
  rebid,
  tipOf,
} from "../src/fees.js";
import { seed } from "./support/seed.js";

const GWEI = 10n ** 9n;

describe("fees", () => {
  it("bids twice the base fee and the tip", () => {
    expect(bid({ baseFee: 10n * GWEI, tip: GWEI }, null, 100_000n)).to.deep.equal({
      kind: "bid",
      bid: { maxFee: 21n * GWEI, tip: GWEI },
    });
  });

  it("law 10: bids the cap and no more when the base fee is just under it", () => {
    expect(bid({ baseFee: 10n * GWEI, tip: GWEI }, 10n * GWEI, 100_000n)).to.deep.equal({
      kind: "bid",
      bid: { maxFee: 10n * GWEI, tip: GWEI },
    });
  });

  it("law 10: holds above the cap and says for what", () => {
    expect(bid({ baseFee: 10n * GWEI + 1n, tip: GWEI }, 10n * GWEI, 100_000n)).to.deep.equal({
      kind: "hold",
      baseFee: 10n * GWEI + 1n,
      maxFee: 10n * GWEI,
    });
  });

  it("offers an ether in all and no more: what a node refuses is journaled and in the way of the rest", () => {
    const gasLimit = 10n ** 7n;
    const most = 100n * GWEI;
    expect(most * gasLimit).to.equal(MOST_PER_TRANSACTION);
    expect(bid({ baseFee: most - 1n, tip: GWEI }, null, gasLimit)).to.deep.include({
      bid: { maxFee: most, tip: GWEI },
    });
    // Whatever the caller allows.
    expect(bid({ baseFee: most + 1n, tip: GWEI }, 10n * most, gasLimit)).to.deep.equal({
      kind: "hold",
      baseFee: most + 1n,
      maxFee: most,
    });
    const earlier = [{ maxFee: most - 1n, tip: GWEI }];
    expect(outbid({ baseFee: 1n, tip: 1n }, null, gasLimit, earlier).kind).to.equal("hold");
  });

  it("believes a node's tip up to twice the base fee, and up to what any chain's pool wants, and no further", () => {
    const tip = 10n ** 18n;
    for (const [baseFee, believed] of [
      [0n, 50n * GWEI],
      [25n * GWEI, 50n * GWEI],
      [26n * GWEI, 52n * GWEI],
    ] as const) {
      expect(believedTip({ baseFee, tip })).to.equal(believed);
      expect(believedTip({ baseFee, tip: believed - 1n })).to.equal(believed - 1n);
      expect(bid({ baseFee, tip }, null, 21_000n)).to.deep.equal({
        kind: "bid",
        bid: { maxFee: 2n * baseFee + believed, tip: believed },
      });
      const earlier = [{ maxFee: baseFee + believed, tip: believed }];
      expect(rebid({ baseFee, tip }, null, 21_000n, earlier)).to.deep.equal({ kind: "enough" });
      expect(outbid({ baseFee, tip }, null, 21_000n, [{ maxFee: 1n, tip: 1n }])).to.deep.include({
        bid: { maxFee: 2n * baseFee + believed, tip: believed },
      });
    }
  });

  it("never offers a tip above the whole fee", () => {
    expect(bid({ baseFee: 1n, tip: 9n }, 5n, 1n)).to.deep.equal({
      kind: "bid",
      bid: { maxFee: 5n, tip: 5n },
    });
  });

  it("law 10: no bid passes the cap, and a hold is never needless", () => {
    fc.assert(
      fc.property(quotes(), cap(), gas(), (quote, most, gasLimit) => {
        const decision = bid(quote, most, gasLimit);
        assert.notEqual(decision.kind, "enough");
        if (decision.kind === "bid") {
          const { maxFee, tip } = decision.bid;
          assert.isTrue(maxFee >= quote.baseFee && maxFee <= 2n * quote.baseFee + quote.tip);
          assert.isTrue(tip <= maxFee && tip <= quote.tip);
          assertWithin(decision.bid, most, gasLimit);
        } else {
          const unpayable = quote.baseFee * gasLimit > MOST_PER_TRANSACTION;
          assert.isTrue(unpayable || (most !== null && quote.baseFee > most));
        }
      }),
      { seed, numRuns: 5_000 },
    );
  });
});

describe("a further attempt", () => {
  const quote = { baseFee: 10n * GWEI, tip: GWEI };

  it("offers an eighth more on both fields than the highest of all earlier ones, and what the chain asks", () => {
    const earlier = [
      { maxFee: 8_000n, tip: 16n },
      { maxFee: 800n, tip: 80n },
    ];
    // The chain asks for less.
    expect(outbid({ baseFee: 1n, tip: 1n }, null, 21_000n, earlier)).to.deep.equal({
      kind: "bid",
      bid: { maxFee: 9_000n, tip: 90n },
    });
    // The chain asks for more.
    expect(outbid(quote, null, 21_000n, earlier)).to.deep.equal({
      kind: "bid",
      bid: { maxFee: 21n * GWEI, tip: GWEI },
    });
  });

  it("rounds up, and offers one wei more than next to nothing", () => {
    const after = (maxFee: bigint, tip: bigint) =>
      outbid({ baseFee: 0n, tip: 0n }, null, 21_000n, [{ maxFee, tip }]);
    expect(after(0n, 0n)).to.deep.include({ bid: { maxFee: 1n, tip: 1n } });
    expect(after(7n, 1n)).to.deep.include({ bid: { maxFee: 8n, tip: 2n } });
    expect(after(17n, 9n)).to.deep.include({ bid: { maxFee: 20n, tip: 11n } });
  });

  it("is not needed while one of them offers what the chain asks now, to the wei", () => {
    const { baseFee, tip } = quote;
    expect(rebid(quote, null, 21_000n, [{ maxFee: baseFee + tip, tip }])).to.deep.equal({ kind: "enough" });
    expect(rebid(quote, null, 21_000n, [{ maxFee: baseFee + tip - 1n, tip }]).kind).to.equal("bid");
    expect(rebid(quote, null, 21_000n, [{ maxFee: 9n * baseFee, tip: tip - 1n }]).kind).to.equal("bid");
    // The fee of one and the tip of another are nobody's offer.
    const apart = [
      { maxFee: 9n * baseFee, tip: tip - 1n },
      { maxFee: baseFee + tip - 1n, tip },
    ];
    expect(rebid(quote, null, 21_000n, apart).kind).to.equal("bid");
    // Not even a cap below the base fee makes it one: it lacks time, not money.
    expect(rebid(quote, GWEI, 21_000n, [{ maxFee: baseFee + tip, tip }])).to.deep.equal({ kind: "enough" });
  });

  it("replaces even what pays well, where it must be replaced", () => {
    const earlier = [{ maxFee: 800n * GWEI, tip: 80n * GWEI }];
    expect(outbid(quote, null, 21_000n, earlier)).to.deep.equal({
      kind: "bid",
      bid: { maxFee: 900n * GWEI, tip: 90n * GWEI },
    });
  });

  it("law 10: holds if the cap does not leave an eighth more, to the wei", () => {
    const earlier = [{ maxFee: 8n * GWEI, tip: GWEI / 2n }];
    expect(rebid(quote, 9n * GWEI, 21_000n, earlier)).to.deep.include({ kind: "bid" });
    expect(rebid(quote, 9n * GWEI - 1n, 21_000n, earlier)).to.deep.equal({
      kind: "hold",
      baseFee: quote.baseFee,
      maxFee: 9n * GWEI - 1n,
    });
  });

  it("is taken by every pool, passes no cap, and is held back only by it", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(
        quotes(),
        cap(),
        gas(),
        fc.array(offers(), { minLength: 1, maxLength: 8 }),
        (now, most, gasLimit, earlier) => {
          const tip = believedTip(now);
          const enough = earlier.some((one) => one.maxFee >= now.baseFee + tip && one.tip >= tip);
          const [asked, forced] = [rebid, outbid].map((of) => of(now, most, gasLimit, earlier)) as [
            FeeDecision,
            FeeDecision,
          ];
          seen.add(asked.kind);
          assert.equal(asked.kind === "enough", enough);
          if (!enough) assert.deepEqual(asked, forced);
          assert.notEqual(forced.kind, "enough");
          if (forced.kind === "bid") {
            assertWithin(forced.bid, most, gasLimit);
            assert.isTrue(forced.bid.tip <= forced.bid.maxFee);
            for (const one of earlier) assertTakenFor(forced.bid, one);
            // No more than it takes: the least that replaces, or what would have been bid in the first place.
            const fees = earlier.map((one) => leastAfter(one.maxFee));
            assert.isTrue([...fees, 2n * now.baseFee + now.tip].some((fee) => forced.bid.maxFee <= fee));
            const tips = earlier.map((one) => leastAfter(one.tip));
            assert.isTrue([...tips, now.tip].some((tip) => forced.bid.tip <= tip));
          } else if (forced.kind === "hold") {
            const least = earlier.map((one) => leastAfter(one.maxFee)).reduce((a, b) => (a > b ? a : b));
            assert.isTrue((most !== null && least > most) || least * gasLimit > MOST_PER_TRANSACTION);
          }
        },
      ),
      { seed, numRuns: 5_000 },
    );
    expect([...seen].sort()).to.deep.equal(["bid", "enough", "hold"]);
  });

  it("can be outbid in its turn, eight times over", () => {
    fc.assert(
      fc.property(quotes(), gas(), (now, gasLimit) => {
        const first = bid(now, null, gasLimit);
        fc.pre(first.kind === "bid");
        const attempts = [first.bid];
        while (attempts.length < 8) {
          const next = outbid(now, null, gasLimit, attempts);
          if (next.kind !== "bid") break;
          for (const one of attempts) assertTakenFor(next.bid, one);
          attempts.push(next.bid);
        }
      }),
      { seed, numRuns: 1_000 },
    );
  });
});

describe("the tip", () => {
  const block = (fullness: number, medianTip: bigint) => ({ fullness, medianTip });

  it("is the median of blocks that are a tenth full, zeros ignored", () => {
    expect(tipOf([block(0.5, 9n), block(0.1, 3n), block(1, 5n)])).to.equal(5n);
    expect(
      tipOf([block(0.09, 100n), block(0.5, 0n), block(0.5, 9n), block(0.5, 3n), block(0.5, 5n)]),
    ).to.equal(5n);
  });

  it("is the higher of two middle ones", () => {
    expect(tipOf([block(1, 10n), block(1, 2n)])).to.equal(10n);
  });

  it("compares as numbers, not as text", () => {
    expect(tipOf([block(1, 9n), block(1, 10n), block(1, 100n)])).to.equal(10n);
  });

  it("is not known when the blocks say nothing", () => {
    expect(tipOf([])).to.equal(null);
    expect(tipOf([block(0.05, 9n), block(1, 0n)])).to.equal(null);
  });

  it("lies between the lowest and the highest, whatever the order", () => {
    const blocks = fc.array(
      fc.record({ fullness: fc.double({ min: 0, max: 1, noNaN: true }), medianTip: fc.bigInt(0n, 50n) }),
    );
    fc.assert(
      fc.property(blocks, (recent) => {
        const tip = tipOf(recent);
        assert.equal(tipOf([...recent].reverse()), tip);
        const said = recent
          .filter((one) => one.fullness >= 0.1 && one.medianTip > 0n)
          .map((one) => one.medianTip);
        if (tip === null) assert.isEmpty(said);
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

function wei(): fc.Arbitrary<bigint> {
  return fc.oneof(fc.bigInt(0n, 100n), fc.bigInt(0n, 1_000n * GWEI));
}

function quotes() {
  return fc.record({ baseFee: wei(), tip: wei() });
}

function cap(): fc.Arbitrary<bigint | null> {
  return fc.option(fc.oneof(wei(), fc.bigInt(0n, 10n ** 20n)));
}

function gas(): fc.Arbitrary<bigint> {
  return fc.bigInt(0n, 2n ** 24n);
}

/** Any that a transaction can carry: its tip is part of its fee. */
function offers(): fc.Arbitrary<Bid> {
  return fc.tuple(wei(), wei()).map(([a, b]) => (a > b ? { maxFee: a, tip: b } : { maxFee: b, tip: a }));
}

function assertWithin(offer: Bid, most: bigint | null, gasLimit: bigint): void {
  assert.isTrue(offer.maxFee * gasLimit <= MOST_PER_TRANSACTION);
  if (most !== null) assert.isTrue(offer.maxFee <= most);
}

/** geth's rule (`--txpool.pricebump` of 10) and our own of an eighth, both on both fields. */
function assertTakenFor(offer: Bid, old: Bid): void {
  for (const field of ["maxFee", "tip"] as const) {
    const [more, less] = [offer[field], old[field]];
    assert.isTrue(more > less, `${field}: ${more} is not above ${less}`);
    assert.isTrue(more >= (less * 110n) / 100n, `${field}: ${more} is no tenth above ${less}`);
    assert.isTrue(8n * more >= 9n * less, `${field}: ${more} is no eighth above ${less}`);
  }
}

/** The lowest whole number that is above and at least an eighth above. */
function leastAfter(fee: bigint): bigint {
  const eighth = (9n * fee + 7n) / 8n;
  return eighth > fee ? eighth : fee + 1n;
}
