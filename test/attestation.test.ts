import { assert, expect } from "chai";
import fc from "fast-check";
import {
  type Item,
  MAX_DATA,
  MAX_ITEMS,
  packedSize,
  packItem,
  packItems,
  saltOf,
  tokensOf,
  uidOf,
} from "../src/attestation.js";
import { hex, type Hex, unhex, ZERO_ADDRESS, ZERO_WORD } from "../src/hex.js";
import { seed } from "./support/seed.js";

const PLAIN: Item = {
  recipient: ZERO_ADDRESS,
  ref: ZERO_WORD,
  expiresAt: 0,
  revocable: false,
  salt: ZERO_WORD,
  data: new Uint8Array(),
};
const RECIPIENT: Hex = `0x${"ab".repeat(20)}`;
const REF: Hex = `0x${"cd".repeat(32)}`;

describe("packed items", () => {
  it("packs an item without anything to a flag byte and a length", () => {
    expect(hex(packItem(PLAIN))).to.equal("0x00000000");
  });

  it("packs every field behind its flag, in order", () => {
    const item: Item = {
      recipient: RECIPIENT,
      ref: REF,
      expiresAt: 0x0102030405,
      revocable: true,
      salt: `0x${"ef".repeat(32)}`,
      data: Uint8Array.of(1, 2, 3),
    };
    expect(hex(packItem(item))).to.equal(
      `0x3f${"ab".repeat(20)}${"cd".repeat(32)}0102030405${"ef".repeat(32)}000003010203`,
    );
  });

  it("shortens a salt by the zeros on its right to 0, 8, 16 or 32 bytes", () => {
    const packed = (bytes: number) => {
      const salt = new Uint8Array(32);
      if (bytes > 0) salt[bytes - 1] = 1;
      const item = packItem({ ...PLAIN, salt: hex(salt) });
      return [item[0]! >> 4, item.length - 4];
    };
    expect([0, 1, 8, 9, 16, 17, 32].map(packed)).to.deep.equal([
      [0, 0],
      [1, 8],
      [1, 8],
      [2, 16],
      [2, 16],
      [3, 32],
      [3, 32],
    ]);
  });

  it("counts the items in two bytes in front", () => {
    expect(hex(packItems([]))).to.equal("0x0000");
    expect(hex(packItems(Array<Item>(258).fill(PLAIN)).subarray(0, 6))).to.equal("0x010200000000");
  });

  it("takes as many items and as much data as their counts can say, and not one more", () => {
    expect(packItems(Array<Item>(MAX_ITEMS).fill(PLAIN))).to.have.length(2 + 4 * MAX_ITEMS);
    expect(() => packItems(Array<Item>(MAX_ITEMS + 1).fill(PLAIN))).to.throw(Error);
    const largest = packItem({ ...PLAIN, data: new Uint8Array(MAX_DATA) });
    expect(hex(largest.subarray(0, 4))).to.equal("0x00ffffff");
    expect(() => packItem({ ...PLAIN, data: new Uint8Array(MAX_DATA + 1) })).to.throw(Error);
  });

  it("is read back as it was, item for item", () => {
    fc.assert(
      fc.property(fc.array(items(), { maxLength: 12 }), (list) => {
        assert.deepEqual(unpack(packItems(list)), list);
      }),
      { seed, numRuns: 500 },
    );
  });

  it("is as large as the sizes of its items say, in bytes and tokens", () => {
    fc.assert(
      fc.property(fc.array(items(), { maxLength: 12 }), (list) => {
        const sizes = list.map(packedSize);
        const packed = packItems(list);
        const sum = (of: "bytes" | "tokens") => sizes.reduce((total, size) => total + size[of], 0);
        assert.equal(packed.length, 2 + sum("bytes"));
        assert.equal(tokensOf(packed), tokensOf(packed.subarray(0, 2)) + sum("tokens"));
        assert.deepEqual(
          sizes.map((size) => size.words),
          list.map((item) => Math.ceil(item.data.length / 32)),
        );
      }),
      { seed, numRuns: 300 },
    );
  });
});

describe("tokens of calldata", () => {
  it("counts one for a zero and four for any other byte", () => {
    expect(tokensOf(new Uint8Array())).to.equal(0);
    expect(tokensOf(Uint8Array.of(0, 0, 1, 255))).to.equal(10);
  });
});

describe("a uid", () => {
  it("has nothing of the statement whose uid was taken before", () => {
    const separator = new Uint8Array(32).fill(7);
    const of = (item: Item) => uidOf(separator, { ...item, schema: REF, attester: RECIPIENT });
    const full: Item = {
      recipient: RECIPIENT,
      ref: REF,
      expiresAt: 2 ** 40 - 1,
      revocable: true,
      salt: REF,
      data: new Uint8Array(64).fill(255),
    };
    const plain = of(PLAIN);
    expect(plain).to.equal("0xf14c560bda0b036621eb7378727f952437a5b9aa185dc5ced6fa112465f16847");
    for (const field of ["recipient", "ref", "expiresAt", "revocable", "salt", "data"] as const) {
      const other = of({ ...PLAIN, [field]: full[field] });
      expect(other, field).not.to.equal(plain);
      expect(of(PLAIN), field).to.equal(plain);
      expect(of(full)).not.to.equal(other);
      expect(of({ ...PLAIN, [field]: full[field] }), field).to.equal(other);
    }
  });
});

describe("the salt of an idempotency key", () => {
  it("is the first eight bytes of keccak256 of the key, as UTF-8", () => {
    // keccak256("") and keccak256("abc"), as published
    expect(saltOf("")).to.equal(`0xc5d2460186f7233c${"0".repeat(48)}`);
    expect(saltOf("abc")).to.equal(`0x4e03657aea45a94f${"0".repeat(48)}`);
  });

  it("packs to eight bytes and differs from key to key", () => {
    const salts = Array.from({ length: 2_000 }, (_, index) => saltOf(`${seed}-${index}`));
    expect(new Set(salts)).to.have.property("size", 2_000);
    for (const salt of salts) expect(packItem({ ...PLAIN, salt })).to.have.length(12);
  });
});

function items(): fc.Arbitrary<Item> {
  const bytes = (length: number) =>
    fc.uint8Array({ minLength: length, maxLength: length }).map((array) => hex(array));
  const salt = fc
    .tuple(fc.constantFrom(0, 1, 7, 8, 9, 16, 17, 31, 32), bytes(32))
    .map(([kept, word]): Hex => `0x${word.slice(2, 2 + 2 * kept).padEnd(64, "0")}`);
  return fc.record({
    recipient: fc.oneof(fc.constant(ZERO_ADDRESS), bytes(20)),
    ref: fc.oneof(fc.constant(ZERO_WORD), bytes(32)),
    expiresAt: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 40 - 1 })),
    revocable: fc.boolean(),
    salt,
    data: fc.uint8Array({ maxLength: 300 }).map((data) => new Uint8Array(data)),
  });
}

/** Reads packed items as contracts/types/Items.sol describes them. */
function unpack(packed: Uint8Array): Item[] {
  let at = 0;
  const take = (size: number) => {
    assert.isAtMost(at + size, packed.length);
    return packed.subarray(at, (at += size));
  };
  const number = (size: number) => Number(`0x${Buffer.from(take(size)).toString("hex")}`);
  const list = Array.from({ length: number(2) }, (): Item => {
    const flags = number(1);
    return {
      revocable: (flags & 1) !== 0,
      recipient: (flags & 2) !== 0 ? hex(take(20)) : ZERO_ADDRESS,
      ref: (flags & 4) !== 0 ? hex(take(32)) : ZERO_WORD,
      expiresAt: (flags & 8) !== 0 ? number(5) : 0,
      salt: `0x${hex(take([0, 8, 16, 32][flags >> 4]!))
        .slice(2)
        .padEnd(64, "0")}`,
      data: unhex(hex(take(number(3)))),
    };
  });
  assert.equal(at, packed.length);
  return list;
}
