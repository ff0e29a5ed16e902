import { assert, expect } from "chai";
import fc from "fast-check";
import { MAX_ITEMS, type PackedSize } from "../../src/attestation.js";
import { bytesOf, gasOf, type Manner, withItem, type Work, workOf } from "../../src/gas.js";
import { plan, SAMPLE, type Shares, sharesFor } from "../../src/planner/planner.js";
import {
  ETHEREUM_LIMITS,
  fill,
  fitsAlone,
  type Limits,
  slotOf,
  split,
  usableGas,
} from "../../src/planner/split.js";
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
        const shares = { slots: slotOf(chain), room: Number.MAX_SAFE_INTEGER };
        const groups = plan({ act, signed, stream: "none" }, waiting, chain, shares, false);
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
  const RECORD: Manner = { act: "record", signed: true, stream: "none" };
  const SEAL: Manner = { act: "seal", signed: true, stream: "none" };
  const ANCHOR: Manner = { act: "anchor", signed: true, stream: "none" };
  const REVOKE: Manner = { act: "revoke", signed: true, stream: "none" };

  it("keeps three blocks of batches under way and no more", () => {
    const room = (unfinished: number) => sharesFor(RECORD, [sizeOf(2)], limits(60_000_000), unfinished).room;
    expect([0, 11, 12, 40].map(room)).to.deep.equal([12, 1, 0, 0]);
  });

  it("keeps no more under way than 48, whatever a chain says that a block holds", () => {
    const room = (unfinished: number) => sharesFor(RECORD, [sizeOf(2)], limits(2 ** 50), unfinished).room;
    expect([0, 40, 48, 60].map(room)).to.deep.equal([48, 8, 0, 0]);
  });

  it("shares a block out among records by their gas, as large as a transaction may be", () => {
    for (const blockGas of [20_000_000, 30_000_000, 36_000_000, 60_000_000]) {
      const chain = limits(blockGas);
      expect(sharesFor(RECORD, [sizeOf(2)], chain, 0).slots).to.deep.equal(slotOf(chain));
    }
  });

  it("shares a block out among seals by their bytes: a pool takes no transaction that fills its gas", () => {
    for (const [blockGas, words] of [
      [30_000_000, 2],
      [60_000_000, 2],
      [60_000_000, 9],
    ] as const) {
      const chain = limits(blockGas);
      // The largest that a pool takes.
      let full = workOf(SEAL, []);
      for (let more = full; bytesOf(more) <= chain.transactionBytes; more = withItem(more, sizeOf(words))) {
        full = more;
      }
      const most = gasOf(full);
      const { slots, room } = sharesFor(SEAL, items(SAMPLE, words), chain, 0);
      expect(slots.perBlock)
        .to.equal(Math.ceil(blockGas / most))
        .and.above(slotOf(chain).perBlock);
      expect(slots.gas).to.equal(Math.floor(blockGas / slots.perBlock));
      expect(room).to.equal(Math.min(48, 3 * slots.perBlock));
      // Where bytes are no limit, gas is.
      const roomy = { ...chain, transactionBytes: 10 ** 9 };
      expect(sharesFor(SEAL, items(SAMPLE, words), roomy, 0).slots).to.deep.equal(slotOf(chain));
    }
  });

  it("sees a sample as what transactions carry of it: memory costs its square, and nobody pays for all at once", () => {
    const chain = limits(60_000_000);
    for (const act of ["record", "seal"] as const) {
      for (const words of [32, 96, 320]) {
        const manner: Manner = { act, signed: true, stream: "none" };
        const shares = sharesFor(manner, items(SAMPLE, words), chain, 0);
        const groups = plan(manner, numbered(items(shares.page, words)), chain, shares, true);
        const block = groups
          .slice(0, shares.slots.perBlock)
          .reduce((sum, group) => sum + gasOf(workOf(manner, items(group.length, words))), 0);
        // Seals of 10 KB left two thirds of it to nobody.
        expect(block / usableGas(chain), `${act} of ${words} words`)
          .to.be.above(0.98)
          .and.at.most(1);
      }
    }
  });

  it("takes a sample as a whole: what comes first in it says no more than what comes last", () => {
    const chain = limits(60_000_000);
    // Dear for their size, and cheap: of zeros.
    const small = items(SAMPLE / 2, 1);
    const large = items(SAMPLE / 2, 60).map((size) => ({ ...size, tokens: size.bytes }));
    const alternating = small.flatMap((size, index) => [size, large[index]!]);
    const { perBlock } = sharesFor(SEAL, alternating, chain, 0).slots;
    for (const sample of [
      [...small, ...large],
      [...large, ...small],
    ]) {
      expect(sharesFor(SEAL, sample, chain, 0).slots.perBlock).to.be.within(perBlock - 1, perBlock + 1);
    }
    expect(sharesFor(SEAL, small, chain, 0).slots.perBlock).to.not.be.within(perBlock - 1, perBlock + 1);
  });

  it("keeps three anchors under way and no more: what they are of is in memory at once", () => {
    const room = (unfinished: number) => sharesFor(ANCHOR, items(10, 2), limits(60_000_000), unfinished).room;
    expect([0, 1, 2, 3, 4, 50].map(room)).to.deep.equal([3, 2, 1, 0, 0, 0]);
    const chain = limits(60_000_000);
    const shares = sharesFor(ANCHOR, items(10, 2), chain, 2);
    const groups = plan(ANCHOR, numbered(items(2 * MAX_ITEMS, 0)), chain, shares, true);
    expect(groups.map((group) => group.length)).to.deep.equal([MAX_ITEMS]);
    expect(shares.page).to.be.above(MAX_ITEMS);
  });

  it("fills 99 % of the room in its blocks and more as long as more waits, by gas or by bytes", () => {
    for (const blockGas of [30_000_000, 36_000_000, 45_000_000, 60_000_000]) {
      for (const share of [0.5, 1]) {
        for (const [manner, words] of [
          [RECORD, 0],
          [RECORD, 4],
          [{ ...RECORD, signed: false }, 2],
          [{ ...RECORD, stream: "later" }, 1],
          [SEAL, 0],
          [SEAL, 2],
          [SEAL, 5],
          [SEAL, 9],
          [{ ...SEAL, signed: false, stream: "first" }, 3],
          [REVOKE, 0],
        ] as const) {
          const chain = limits(blockGas, { share });
          const { slots, page, room } = sharesFor(manner, items(SAMPLE, words), chain, 0);
          const groups = plan(manner, numbered(items(page, words)), chain, { slots, room }, true);
          const told = `${manner.act} of ${words} words in ${share} of ${blockGas}`;
          expect(groups, told).to.have.length(room);
          const gas = groups.map((group) => gasOf(workOf(manner, items(group.length, words))));
          expect(Math.min(...gas) / slots.gas, told).to.be.above(0.99);
          const block = gas.slice(0, slots.perBlock).reduce((a, b) => a + b, 0);
          expect(block / usableGas(chain), told)
            .to.be.above(0.99)
            .and.at.most(1);
        }
      }
    }
  });

  it("is even at the end, where what is left over would be a transaction of its own", () => {
    const chain = limits(30_000_000);
    const perSlot = countWithin(slotOf(chain).gas, 2);
    const counts = (count: number, room: number, more: boolean) =>
      plan(RECORD, numbered(items(count, 2)), chain, { slots: slotOf(chain), room }, more).map(
        (group) => group.length,
      );
    expect(counts(2 * perSlot + 2, 6, false)).to.deep.equal(thirds(2 * perSlot + 2));
    // Also in the last of the room.
    expect(counts(2 * perSlot + 2, 3, false)).to.deep.equal(thirds(2 * perSlot + 2));
    // Full as long as something waits behind, be it only until there is room for it.
    expect(counts(2 * perSlot + 2, 6, true)).to.deep.equal([perSlot, perSlot]);
    expect(counts(2 * perSlot + 2, 2, false)).to.deep.equal([perSlot, perSlot]);
    expect(counts(perSlot, 6, false)).to.deep.equal([perSlot]);
    // One that is not full goes all the same if there is no other.
    expect(counts(3, 6, true)).to.deep.equal([3]);
    expect(counts(3, 0, false)).to.deep.equal([]);
  });

  it("works off whatever waits, in order, skipping nothing, within the gas of its blocks", () => {
    fc.assert(
      fc.property(jobs(), limitsOf(), fc.nat(20), ({ manner, sizes }, chain, unfinished) => {
        fc.pre(sizes.every((size) => fitsAlone(manner, size, chain)));
        const done: number[] = [];
        for (const { groups, shares, more, page } of workOff(manner, sizes, chain, unfinished)) {
          assert.isNotEmpty(groups);
          assert.isAtMost(groups.length, shares.room);
          const gas = groups.map((group) => {
            const work = workOf(
              manner,
              group.map((id) => sizes[id]!),
            );
            assert.isAtMost(bytesOf(work), chain.transactionBytes);
            assert.isAtMost(gasOf(work), Math.min(chain.transactionGas, chain.blockGas));
            // One that is larger than its share goes alone, and has more of a block.
            return group.length === 1 ? 0 : gasOf(work);
          });
          for (let first = 0; first < gas.length; first += 1) {
            const block = gas.slice(first, first + shares.slots.perBlock).reduce((a, b) => a + b, 0);
            assert.isAtMost(block, usableGas(chain));
          }
          done.push(...groups.flat());
          if (!more || groups.length < 2) continue;
          // Full: what waits next has no place in it.
          for (const group of groups) {
            const next = sizes[group.at(-1)! + 1]!;
            const one = workOf(manner, [...group.map((id) => sizes[id]!), next]);
            const over =
              gasOf(one) > shares.slots.gas ||
              bytesOf(one) > chain.transactionBytes ||
              one.items > MAX_ITEMS ||
              manner.act === "anchor";
            assert.isTrue(over, `${group.length} items of ${page} could have been one more`);
          }
        }
        assert.deepEqual(
          done,
          sizes.map((_, id) => id),
        );
      }),
      { seed, numRuns: 80 },
    );
  });

  it("looks at more items than the room can take, of any size that the sample is like", () => {
    for (const manner of [RECORD, SEAL, REVOKE, { ...SEAL, signed: false }]) {
      for (const words of [0, 3, 40]) {
        for (const unfinished of [0, 1, 5]) {
          const chain = limits(60_000_000);
          const size =
            manner.act === "revoke" ? { bytes: 32, tokens: 32, words } : { ...sizeOf(words), tokens: 4 };
          const { slots, page, room } = sharesFor(manner, Array(SAMPLE).fill(size), chain, unfinished);
          expect(fill(manner, Array(page).fill(size), chain, slots).length).to.be.above(room);
        }
      }
    }
  });
});

const items = (count: number, words: number): PackedSize[] =>
  Array.from({ length: count }, () => sizeOf(words));

const numbered = (sizes: readonly PackedSize[]) => sizes.map((size, id) => ({ ...size, id }));

/** Within one. */
function thirds(count: number): number[] {
  const least = Math.floor(count / 3);
  return count % 3 === 0
    ? [least, least, least]
    : count % 3 === 1
      ? [least, least + 1, least]
      : [least + 1, least, least + 1];
}

type Turn = { groups: number[][]; shares: Shares; more: boolean; page: number };

/** Plans as a submitter does, as long as something waits, with a block mined whenever there is no room. */
function workOff(manner: Manner, sizes: readonly PackedSize[], chain: Limits, unfinished: number): Turn[] {
  const turns: Turn[] = [];
  let start = 0;
  let ahead = unfinished;
  while (start < sizes.length) {
    const sample = sizes.slice(start, start + SAMPLE);
    const shares = sharesFor(manner, sample, chain, ahead);
    if (shares.room === 0) {
      ahead = Math.max(0, ahead - shares.slots.perBlock);
      continue;
    }
    const first = start;
    const waiting = sizes
      .slice(first, first + Math.max(SAMPLE, shares.page))
      .map((size, index) => ({ ...size, id: first + index }));
    const more = sample.length === SAMPLE && waiting.length >= shares.page;
    const groups = plan(manner, waiting, chain, shares, more);
    turns.push({ groups, shares, more, page: waiting.length });
    if (groups.length === 0) break;
    ahead += groups.length;
    start += groups.flat().length;
  }
  return turns;
}

/** Jobs of a few kinds of item in any order, many enough that more waits than is looked at. */
function jobs(): fc.Arbitrary<{ manner: Manner; sizes: PackedSize[] }> {
  const manner = fc.record({
    act: fc.constantFrom("record" as const, "seal" as const, "anchor" as const, "revoke" as const),
    signed: fc.boolean(),
    stream: fc.constantFrom("none" as const, "first" as const, "later" as const),
  });
  const kinds = fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.constantFrom(1, 4)), {
    minLength: 1,
    maxLength: 4,
  });
  return fc
    .tuple(manner, kinds, fc.integer({ min: 1, max: 4_000 }), fc.nat(2 ** 30))
    .map(([of, some, count, start]) => {
      let random = start;
      const sizes = Array.from({ length: count }, (): PackedSize => {
        random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 1;
        const [words, density] = some[(random >> 8) % some.length]!;
        if (of.act === "revoke") return { bytes: 32, tokens: 128, words: some[0]![0] };
        const { bytes } = sizeOf(words);
        return { bytes, tokens: density * bytes, words };
      });
      return { manner: of.act === "revoke" ? { ...of, stream: "none" } : of, sizes };
    });
}

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
