import { assert, expect } from "chai";
import fc from "fast-check";
import { MAX_ITEMS, type PackedSize } from "../../src/attestation.js";
import { bytesOf, gasOf, type Work, workOf } from "../../src/gas.js";
import { pageFor, plan, roomFor } from "../../src/planner/planner.js";
import { ETHEREUM_LIMITS, fitsAlone, type Limits, slotOf, split } from "../../src/planner/split.js";
import { seed } from "../support/seed.js";

const CAP = 2 ** 24;
const limits = (blockGas: number, more: Partial<Limits> = {}): Limits => ({
  ...ETHEREUM_LIMITS,
  share: 1,
  blockGas,
  ...more,
});

/** An item with a salt, a recipient and `words` words of data, none of them zero. */
const sizeOf = (words: number): PackedSize => ({
  bytes: 32 + 32 * words,
  tokens: 4 * (32 + 32 * words),
  words,
});

describe("the share of a block", () => {
  it("is even: as few transactions as the cap allows, of the same gas each", () => {
    expect(slotOf(limits(30_000_000))).to.deep.equal({ perBlock: 2, gas: 15_000_000 });
    expect(slotOf(limits(60_000_000))).to.deep.equal({ perBlock: 4, gas: 15_000_000 });
    expect(slotOf(limits(CAP))).to.deep.equal({ perBlock: 1, gas: CAP });
    expect(slotOf(limits(CAP + 1))).to.deep.equal({ perBlock: 2, gas: CAP / 2 });
    expect(slotOf(limits(60_000_000, { share: 0.5 }))).to.deep.equal({ perBlock: 2, gas: 15_000_000 });
  });

  it("leaves nothing over where filling to the cap wastes 44 % of 30 M and 16 % of 60 M", () => {
    for (const [blockGas, wasted] of [
      [30_000_000, 44],
      [60_000_000, 16],
    ] as const) {
      const filled = Math.floor(blockGas / CAP) * CAP;
      expect(Math.floor(100 * (1 - filled / blockGas))).to.be.oneOf([wasted, wasted - 1]);
      const { perBlock, gas } = slotOf(limits(blockGas));
      expect(perBlock * gas).to.equal(blockGas);
    }
  });

  it("is n = ⌈G / cap⌉ transactions within the cap that lose less than one gas each", () => {
    fc.assert(
      fc.property(limitsOf(), (chain) => {
        const { perBlock, gas } = slotOf(chain);
        const usable = Math.floor(chain.blockGas * chain.share);
        assert.equal(perBlock, Math.max(1, Math.ceil(usable / chain.transactionGas)));
        assert.isAtMost(gas, chain.transactionGas);
        assert.isBelow(usable - perBlock * gas, perBlock);
      }),
      { seed },
    );
  });
});

describe("the split", () => {
  it("fills blocks of 30 M to more than 98 %, with equal items", () => {
    const chain = limits(30_000_000);
    // As many as six transactions of the model take to the brim, and a bit less.
    const perSlot = countWithin(slotOf(chain).gas, 2);
    const counts = split(
      { act: "record", signed: true, stream: "none" },
      Array(6 * perSlot).fill(sizeOf(2)),
      chain,
    );
    expect(counts).to.deep.equal(Array(6).fill(perSlot));
    const gas = gasOf(
      workOf({ act: "record", signed: true, stream: "none" }, Array(perSlot).fill(sizeOf(2))),
    );
    expect((2 * gas) / chain.blockGas).to.be.above(0.98);
  });

  it("makes sizes even within one item, where rounding would add up to the last batch", () => {
    const chain = limits(60_000_000);
    const perSlot = countWithin(slotOf(chain).gas, 2);
    for (const batches of [2, 3, 7, 20]) {
      for (const items of [batches * perSlot - 1, Math.ceil((batches - 0.5) * perSlot)]) {
        const counts = split(
          { act: "record", signed: true, stream: "none" },
          Array(items).fill(sizeOf(2)),
          chain,
        );
        expect(counts, `${items} items`).to.have.length(batches);
        expect(Math.max(...counts) - Math.min(...counts), counts.join()).to.be.at.most(1);
      }
    }
    // Few and large: 10 in 4 were 3, 3, 3 and 1, and 12 in 5 were 6 times 2.
    const large = (gas: number) => limits(gas, { transactionGas: gas });
    const wide = (count: number) =>
      gasOf(workOf({ act: "record", signed: false, stream: "none" }, Array(count).fill(sizeOf(100))));
    expect(
      split({ act: "record", signed: false, stream: "none" }, Array(10).fill(sizeOf(100)), large(wide(3))),
    ).to.deep.equal([3, 2, 3, 2]);
    expect(
      split(
        { act: "record", signed: false, stream: "none" },
        Array(12).fill(sizeOf(100)),
        large(wide(3) - 1),
      ),
    ).to.deep.equal(Array(6).fill(2));
  });

  it("makes one batch of what fits one, and none of nothing", () => {
    expect(split({ act: "record", signed: true, stream: "none" }, [], limits(30_000_000))).to.deep.equal([]);
    expect(
      split({ act: "record", signed: true, stream: "none" }, [sizeOf(0)], limits(30_000_000)),
    ).to.deep.equal([1]);
    expect(
      split(
        { act: "revoke", signed: false, stream: "none" },
        Array(200).fill({ bytes: 32, tokens: 128, words: 0 }),
        limits(30_000_000),
      ),
    ).to.deep.equal([200]);
  });

  it("lets an item that is larger than its share of a block go alone", () => {
    const chain = limits(30_000_000, { share: 0.04 });
    const large = sizeOf(1_000);
    expect(gasOf(workOf({ act: "record", signed: true, stream: "none" }, [large])))
      .to.be.above(slotOf(chain).gas)
      .and.below(CAP);
    expect(fitsAlone({ act: "record", signed: true, stream: "none" }, large, chain)).to.equal(true);
    const counts = split(
      { act: "record", signed: true, stream: "none" },
      [sizeOf(1), sizeOf(1), large, large, sizeOf(1)],
      chain,
    );
    expect(counts).to.deep.equal([2, 1, 1, 1]);
  });

  it("splits by bytes where gas would allow more: a pool takes 128 KiB", () => {
    const chain = limits(60_000_000, { transactionGas: 60_000_000 });
    const zeros: PackedSize = { bytes: 20_000, tokens: 20_000, words: 625 };
    expect(
      split({ act: "record", signed: true, stream: "none" }, Array(12).fill(zeros), chain),
    ).to.deep.equal([6, 6]);
    expect(
      split({ act: "record", signed: true, stream: "none" }, Array(13).fill(zeros), chain),
    ).to.deep.equal([4, 5, 4]);
  });

  it("splits by the two bytes that count the items", () => {
    const chain = { blockGas: 10 ** 12, transactionGas: 10 ** 12, transactionBytes: 10 ** 9, share: 1 };
    const uids = Array(MAX_ITEMS + 1).fill({ bytes: 32, tokens: 128, words: 0 });
    const counts = split({ act: "revoke", signed: false, stream: "none" }, uids.slice(1), chain);
    expect(counts).to.deep.equal([MAX_ITEMS]);
    expect(split({ act: "revoke", signed: false, stream: "none" }, uids, chain)).to.deep.equal([
      MAX_ITEMS / 2 + 0.5,
      MAX_ITEMS / 2 + 0.5,
    ]);
  });

  it("takes the reason of a revocation into account, once in the calldata and once for every uid", () => {
    const chain = limits(30_000_000);
    const uids = (words: number) => Array(4_000).fill({ bytes: 32, tokens: 128, words });
    const [short, long] = [
      split({ act: "revoke", signed: true, stream: "none" }, uids(0), chain),
      split({ act: "revoke", signed: true, stream: "none" }, uids(30), chain),
    ];
    expect(long.length).to.be.above(short.length);
    expect(bytesOf(workOf({ act: "revoke", signed: true, stream: "none" }, uids(10)))).to.equal(
      bytesOf(workOf({ act: "revoke", signed: true, stream: "none" }, uids(0))) + 320,
    );
  });

  it("loses and doubles nothing, and every batch is within the gas, the cap and the bytes", () => {
    fc.assert(
      fc.property(works(), limitsOf(), ({ act, signed, sizes }, chain) => {
        fc.pre(sizes.every((size) => fitsAlone({ act, signed, stream: "none" }, size, chain)));
        const waiting = sizes.map((size, id) => ({ ...size, id }));
        const groups = plan({ act, signed, stream: "none" }, waiting, chain, Number.MAX_SAFE_INTEGER);
        assert.deepEqual(
          groups.flat(),
          waiting.map(({ id }) => id),
        );
        const { gas } = slotOf(chain);
        for (const group of groups) {
          assert.isNotEmpty(group);
          const work = workOf(
            { act, signed, stream: "none" },
            group.map((id) => sizes[id]!),
          );
          assert.isAtMost(gasOf(work), chain.transactionGas);
          assert.isAtMost(bytesOf(work), chain.transactionBytes);
          if (group.length > 1) assert.isAtMost(gasOf(work), gas);
        }
      }),
      { seed, numRuns: 400 },
    );
  });

  it("is nowhere further from the mean than the largest item, unless bytes or one item decide", () => {
    fc.assert(
      fc.property(works(), limitsOf(), ({ act, signed, sizes }, chain) => {
        const { gas } = slotOf(chain);
        const alone = (size: PackedSize) => gasOf(workOf({ act, signed, stream: "none" }, [size]));
        // Bytes never decide here, nor does the square of the memory.
        fc.pre(sizes.every((size) => size.words < 100 && alone(size) <= gas / 4));
        const counts = split({ act, signed, stream: "none" }, sizes, { ...chain, transactionBytes: 10 ** 9 });
        fc.pre(counts.length > 1);
        let start = 0;
        const costs = counts.map((count) =>
          gasOf(workOf({ act, signed, stream: "none" }, sizes.slice(start, (start += count)))),
        );
        const mean = costs.reduce((a, b) => a + b, 0) / costs.length;
        const largest = Math.max(...sizes.map(alone));
        for (const cost of costs) assert.isAtMost(Math.abs(cost - mean), largest, costs.join());
      }),
      { seed, numRuns: 400 },
    );
  });

  it("takes at most one batch more than filling each to the brim would", () => {
    fc.assert(
      fc.property(works(), limitsOf(), ({ act, signed, sizes }, chain) => {
        fc.pre(sizes.every((size) => fitsAlone({ act, signed, stream: "none" }, size, chain)));
        assert.isAtMost(
          split({ act, signed, stream: "none" }, sizes, chain).length,
          brimful(act, signed, sizes, chain) + 1,
        );
      }),
      { seed, numRuns: 400 },
    );
  });
});

describe("the plan", () => {
  it("keeps three blocks of batches under way and no more", () => {
    const chain = limits(60_000_000);
    expect(roomFor(chain, 0)).to.equal(12);
    expect(roomFor(chain, 11)).to.equal(1);
    expect(roomFor(chain, 12)).to.equal(0);
    expect(roomFor(chain, 40)).to.equal(0);
  });

  it("takes the first batches of a split, up to the room there is", () => {
    const waiting = Array.from({ length: 2_000 }, (_, index) => ({ ...sizeOf(2), id: 7 + index }));
    const groups = plan({ act: "record", signed: true, stream: "none" }, waiting, limits(30_000_000), 2);
    expect(groups).to.have.length(2);
    expect(groups.flat()).to.deep.equal(groups.flat().map((_, index) => 7 + index));
  });

  it("looks at more items than the room can take, even the smallest", () => {
    const chain = limits(60_000_000);
    for (const act of ["record", "revoke"] as const) {
      const smallest =
        act === "record" ? { bytes: 4, tokens: 4, words: 0 } : { bytes: 32, tokens: 32, words: 0 };
      for (const room of [1, 3, 12]) {
        const sizes = Array.from({ length: pageFor(chain, act, room) }, (_, id) => ({ ...smallest, id }));
        expect(split({ act, signed: false, stream: "none" }, sizes, chain).length).to.be.above(room);
      }
    }
  });
});

function countWithin(gas: number, words: number): number {
  let count = 0;
  while (
    gasOf(workOf({ act: "record", signed: true, stream: "none" }, Array(count + 1).fill(sizeOf(words)))) <=
    gas
  )
    count += 1;
  return count;
}

/** Batches if each is filled until the next item does not fit: no order-keeping split takes fewer. */
function brimful(act: Work["act"], signed: boolean, sizes: readonly PackedSize[], chain: Limits): number {
  const { gas } = slotOf(chain);
  let batches = 0;
  for (let start = 0; start < sizes.length; batches += 1) {
    let end = start + 1;
    for (; end < sizes.length; end += 1) {
      const work = workOf({ act, signed, stream: "none" }, sizes.slice(start, end + 1));
      if (gasOf(work) > gas || bytesOf(work) > chain.transactionBytes) break;
    }
    start = end;
  }
  return batches;
}

function limitsOf(): fc.Arbitrary<Limits> {
  return fc.record({
    blockGas: fc.integer({ min: 4_000_000, max: 120_000_000 }),
    transactionGas: fc.constantFrom(CAP, 32_000_000, 10 ** 9),
    transactionBytes: fc.constantFrom(95_000, 128 * 1024),
    share: fc.double({ min: 0.05, max: 1, noNaN: true }),
  });
}

function works(): fc.Arbitrary<{ act: Work["act"]; signed: boolean; sizes: PackedSize[] }> {
  const item = (most: number) =>
    fc
      .tuple(
        fc.integer({ min: 4, max: 97 }),
        fc.integer({ min: 0, max: most }),
        fc.integer({ min: 1, max: 4 }),
      )
      .map(([header, words, density]): PackedSize => {
        const bytes = header + 32 * words;
        return { bytes, tokens: density * bytes, words };
      });
  const recorded = fc
    .constantFrom(3, 30, 600)
    .chain((most) => fc.array(item(most), { minLength: 1, maxLength: 120 }));
  const revoked = fc
    .tuple(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 0, max: 20 }))
    .map(([count, words]): PackedSize[] => Array(count).fill({ bytes: 32, tokens: 128, words }));
  return fc.oneof(
    fc.record({ act: fc.constant("record" as const), signed: fc.boolean(), sizes: recorded }),
    fc.record({ act: fc.constant("revoke" as const), signed: fc.boolean(), sizes: revoked }),
  );
}
