import { assert, expect } from "chai";
import fc from "fast-check";
import { MAX_ITEMS, type PackedSize } from "../../src/attestation.js";
import { bytesOfSeveral, gasOfSeveral, type Manner, mannerOf, workOf } from "../../src/gas.js";
import type { Hex } from "../../src/hex.js";
import { bundle } from "../../src/planner/bundle.js";
import { ETHEREUM_LIMITS, slotOf } from "../../src/planner/split.js";
import { seed } from "../support/seed.js";

type Sized = PackedSize & { id: number; stream: Hex };

const streamOf = (index: number): Hex => `0x${(index + 1).toString(16).padStart(64, "0")}`;
const manner = (stream: Hex): Manner => mannerOf("record", true, stream);
const sized = (id: number, stream: number, words: number): Sized => {
  const bytes = 32 + 32 * words;
  return { id, stream: streamOf(stream), bytes, tokens: 4 * bytes, words };
};

/** The runs of a transaction, in which each stream is once. */
function worksOf(transaction: readonly Sized[]) {
  const runs = new Map<Hex, Sized[]>();
  for (const item of transaction) runs.set(item.stream, [...(runs.get(item.stream) ?? []), item]);
  return [...runs].map(([stream, items]) => workOf(manner(stream), items));
}

describe("transactions that streams share", () => {
  it("hold every item once, each stream in its order, within gas and bytes, and are as full as that allows", () => {
    const items = fc.array(fc.tuple(fc.nat(7), fc.nat(40)), { minLength: 1, maxLength: 120 });
    const property = fc.property(
      items,
      fc.integer({ min: 150_000, max: 3_000_000 }),
      fc.integer({ min: 2_000, max: 60_000 }),
      (given, gas, transactionBytes) => {
        const all = given.map(([stream, words], id) => sized(id, stream, words));
        const limits = { ...ETHEREUM_LIMITS, blockGas: gas, transactionBytes };
        const slots = { perBlock: 1, gas };
        const found = bundle(manner, all, limits, slots);
        const fits = (transaction: readonly Sized[]) => {
          const works = worksOf(transaction);
          return gasOfSeveral(works, 1) <= gas && bytesOfSeveral(works) <= transactionBytes;
        };
        const ids = (some: readonly Sized[]) => some.map(({ id }) => id);
        assert.sameMembers(ids(found.flat()), ids(all));
        for (let stream = 0; stream < 8; stream += 1) {
          const mine = (some: readonly Sized[]) => ids(some.filter((one) => one.stream === streamOf(stream)));
          assert.deepEqual(mine(found.flat()), mine(all));
        }
        found.forEach((transaction, index) => {
          if (transaction.length > 1) assert.isTrue(fits(transaction));
          const next = all[found.slice(0, index + 1).flat().length];
          if (next !== undefined) assert.isFalse(fits([...transaction, next]));
        });
      },
    );
    fc.assert(property, { seed, numRuns: 300 });
  });

  it("hold no more items than the count of a packed batch can say", () => {
    const many = Array.from({ length: MAX_ITEMS + 1 }, (_, id) => sized(id, id % 2, 0));
    const limits = {
      ...ETHEREUM_LIMITS,
      blockGas: 2 ** 50,
      transactionGas: 2 ** 50,
      transactionBytes: 2 ** 40,
    };
    const found = bundle((stream) => mannerOf("seal", true, stream), many, limits, slotOf(limits));
    expect(found.map((one) => one.length)).to.deep.equal([MAX_ITEMS, 1]);
  });

  it("hold an item alone that nothing has room for, rather than none", () => {
    const limits = { ...ETHEREUM_LIMITS, blockGas: 10_000 };
    const found = bundle(manner, [sized(0, 0, 9), sized(1, 0, 9)], limits, slotOf(limits));
    expect(found.map((one) => one.length)).to.deep.equal([1, 1]);
  });
});
