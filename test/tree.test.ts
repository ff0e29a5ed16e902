import { assert } from "chai";
import fc from "fast-check";
import { type Hex, hex, keccak, unhex, ZERO_WORD } from "../src/hex.js";
import { rootFrom, rootOf, treeOf } from "../src/tree.js";
import { seed } from "./support/seed.js";

const SIZES = [
  1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 1_000, 1_023, 1_025,
];

describe("the tree of seals and anchors", () => {
  for (const size of SIZES) {
    it(`is the tree of ${size} leaves and zeros up to the next power of two`, () => {
      const uids = uidsOf(size);
      assert.equal(rootOf(uids), plainRoot(uids));
    });
  }

  it("leads from every leaf to the root, by its own path and by no other's", () => {
    for (const size of [1, 2, 3, 5, 8, 13, 33]) {
      const uids = uidsOf(size);
      const tree = treeOf(uids);
      for (const [index, uid] of uids.entries()) {
        for (let other = 0; other < size; other += 1) {
          const found = rootFrom(uid, other, tree.path(index), size);
          if (other === index) assert.equal(found, tree.root);
          else assert.notEqual(found, tree.root, `${index} of ${size} at ${other}`);
        }
      }
    }
  });

  it("knows no leaf beyond the count, and no path of another height", () => {
    const uids = uidsOf(5);
    const { path, root } = treeOf(uids);
    const [uid, way] = [uids[4]!, path(4)];
    assert.equal(rootFrom(uid, 4, way, 5), root);
    for (const [index, siblings, count] of [
      [4, way, 4],
      [4, way, 9],
      [12, way, 13],
      [4, way.slice(1), 5],
      [4, [...way, ZERO_WORD], 5],
      [-1, way, 5],
      [4.5, way, 5],
      [4 + 2 ** 32, way, 2 ** 40],
    ] as const) {
      assert.isNull(rootFrom(uid, index, siblings, count), `${index} ${siblings.length} ${count}`);
    }
  });

  it("has no root without leaves, and no path from a leaf that is not there", () => {
    assert.throws(() => treeOf([]), "at least one leaf");
    for (const index of [-1, 3, 1.5, Number.NaN])
      assert.throws(() => treeOf(uidsOf(3)).path(index), "no leaf");
  });

  it("tells apart trees that differ in one bit of one leaf, in order, or in number", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 70 }), fc.nat(), fc.nat(255), (size, pick, bit) => {
        const uids = uidsOf(size);
        const root = rootOf(uids);
        const at = pick % size;
        const changed = unhex(uids[at]!);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        assert.notEqual(rootOf(uids.with(at, hex(changed))), root);
        assert.notEqual(rootOf([...uids].reverse()), root);
        assert.notEqual(rootOf(uids.slice(0, -1)), root);
        assert.notEqual(rootOf([...uids, hex(changed)]), root);
      }),
      { seed },
    );
  });
});

function uidsOf(size: number): Hex[] {
  return Array.from({ length: size }, (_, index) => hex(keccak(Uint8Array.of(index >> 8, index & 255))));
}

/** From the definition: a perfect tree, each node the hash of its two halves. */
function plainRoot(leaves: readonly Hex[]): Hex {
  let width = 1;
  while (width < leaves.length) width *= 2;
  const node = (from: number, size: number): Uint8Array => {
    if (size === 1) return unhex(leaves[from] ?? ZERO_WORD);
    const both = new Uint8Array(64);
    both.set(node(from, size / 2), 0);
    both.set(node(from + size / 2, size / 2), 32);
    return keccak(both);
  };
  return hex(node(0, width));
}
