import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import { assert } from "chai";
import { hex, keccak, loadKeccak, unhex, unhexInto } from "../src/hex.js";
import { randomOf } from "./contracts/support/random.js";
import { seed } from "./support/seed.js";

/** Around a block of keccak256, which is 136 bytes, and around what is hashed piece by piece. */
const SIZES = [
  0, 1, 31, 32, 33, 64, 135, 136, 137, 271, 272, 273, 288, 4_095, 4_096, 16_383, 16_384, 16_385, 100_000,
];

describe("keccak256", () => {
  const random = randomOf(`hex ${seed}`);

  it("is the published one of nothing and of abc, by either code", async () => {
    const [nothing, abc] = [new Uint8Array(), new TextEncoder().encode("abc")];
    for (const hash of [keccak, await loadKeccak()]) {
      assert.equal(hex(hash(nothing)), "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
      assert.equal(hex(hash(abc)), "0x4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
    }
  });

  it("is the same by either code, for every length up to two blocks and around all that is cut", async () => {
    const faster = await loadKeccak();
    const sizes = [...SIZES, ...Array.from({ length: 300 }, (_, size) => size)];
    for (const size of sizes) {
      const bytes = random.bytes(size);
      assert.deepEqual(faster(bytes), keccak_256(bytes), `${size}`);
      // A part of something longer: not what is around it.
      const part = random.bytes(size + 20).subarray(7, 7 + size);
      assert.deepEqual(faster(part), keccak_256(part), `${size} inside`);
    }
  });

  it("goes over to the faster code without a change, and every result is its caller's to keep", async () => {
    const inputs = Array.from({ length: 2_000 }, (_, index) => random.bytes(index % 200));
    const expected = inputs.map((bytes) => keccak_256(bytes));
    const before = inputs.map(keccak);
    await loadKeccak();
    await new Promise((resolve) => setImmediate(resolve));
    const after = inputs.map(keccak);
    assert.deepEqual(before, expected);
    assert.deepEqual(after, expected);
  });
});

describe("hex", () => {
  const random = randomOf(`hex digits ${seed}`);

  it("is what noble makes of bytes, and back, in either case of letters", () => {
    for (const size of [...SIZES, 254, 255, 256, 257]) {
      const bytes = random.bytes(size);
      const digits = bytesToHex(bytes);
      assert.equal(hex(bytes), `0x${digits}`);
      assert.equal(
        hex(
          random
            .bytes(size + 9)
            .fill(0xa5)
            .subarray(4, 4 + size),
        ),
        `0x${"a5".repeat(size)}`,
      );
      for (const text of [digits, digits.toUpperCase()]) {
        const back = unhex(`0x${text}`);
        assert.deepEqual(back, hexToBytes(text), `${size}`);
        assert.equal(Object.getPrototypeOf(back), Uint8Array.prototype);
        const target = new Uint8Array(size + 2).fill(9);
        assert.equal(unhexInto(target, 1, `0x${text}`), size);
        assert.deepEqual(target, Uint8Array.of(9, ...bytes, 9));
      }
    }
  });

  it("is refused if a digit is none, wherever it is and however long the text is", () => {
    for (const size of [1, 20, 32, 250, 254, 255, 256, 300, 5_000]) {
      const digits = bytesToHex(random.bytes(size));
      for (const at of [0, 1, size, 2 * size - 1]) {
        for (const wrong of [
          "g",
          "G",
          "/",
          ":",
          "@",
          "`",
          " ",
          "\n",
          "\0",
          "é",
          "\u0130",
          "\u0141",
          "\ud83d",
        ]) {
          const text = `0x${digits.slice(0, at)}${wrong}${digits.slice(at + 1)}`;
          assert.throws(() => unhex(text), "not hex", `${size} ${at} ${JSON.stringify(wrong)}`);
          assert.throws(() => unhexInto(new Uint8Array(size), 0, text), "not hex");
        }
      }
      for (const text of [digits, `0X${digits}`, `0x${digits}0`, `0x${digits.slice(1)}`, ` 0x${digits}`])
        assert.throws(() => unhex(text), "not hex", text.slice(0, 10));
    }
    for (const text of ["", "0", "x", "0x0"]) assert.throws(() => unhex(text), "not hex");
    assert.deepEqual(unhex("0x"), new Uint8Array());
  });
});
