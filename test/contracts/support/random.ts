import { createCipheriv, createHash } from "node:crypto";
import type { Attestation, Item } from "../../../src/attestation.js";
import { type Hex, hex, ZERO_ADDRESS, ZERO_WORD } from "../../../src/hex.js";

/** A stream of bytes that depends on nothing but its name: AES in counter mode, for megabytes in no time. */
export type Random = { bytes(length: number): Uint8Array; below(limit: number): number };

export function randomOf(name: string): Random {
  const key = createHash("sha256").update(name).digest();
  const cipher = createCipheriv("aes-256-ctr", key, Buffer.alloc(16));
  const bytes = (length: number) => new Uint8Array(cipher.update(Buffer.alloc(length)));
  const below = (limit: number) => Buffer.from(bytes(6)).readUIntBE(0, 6) % limit;
  return { bytes, below };
}

/** An item in which every extreme of every field is common. */
export function randomItem(random: Random, maxData: number): Item {
  return {
    recipient: pick<Hex>(random, [
      () => ZERO_ADDRESS,
      () => `0x${"f".repeat(40)}`,
      () => hex(random.bytes(20)),
      () => hex(random.bytes(20)),
    ]),
    ref: pick<Hex>(random, [() => ZERO_WORD, () => `0x${"f".repeat(64)}`, () => hex(random.bytes(32))]),
    expiresAt: pick(random, [
      () => 0,
      () => 1,
      () => 2 ** 40 - 1,
      () => random.below(2 ** 40),
      () => random.below(2 ** 32),
    ]),
    revocable: random.below(2) === 0,
    salt: randomSalt(
      random,
      pick(
        random,
        [0, 1, 8, 9, 16, 17, 32].map((size) => () => size),
      ),
    ),
    data: random.bytes(
      pick(random, [
        // Around a word, around the 136 bytes that keccak takes at a time, and anything.
        ...[0, 1, 31, 32, 33, 135, 136, 137, maxData].map((size) => () => Math.min(size, maxData)),
        ...Array.from({ length: 3 }, () => () => random.below(maxData + 1)),
      ]),
    ),
  };
}

export function randomStatement(random: Random, maxData: number): Attestation {
  return { schema: hex(random.bytes(32)), attester: hex(random.bytes(20)), ...randomItem(random, maxData) };
}

/** `size` bytes, the last of them not zero, and zeros behind. */
function randomSalt(random: Random, size: number): Hex {
  const salt = new Uint8Array(32);
  salt.set(random.bytes(size));
  if (size > 0) salt[size - 1] = 1 + random.below(255);
  return hex(salt);
}

function pick<T>(random: Random, choices: readonly (() => T)[]): T {
  const choice = choices[random.below(choices.length)];
  if (choice === undefined) throw new Error("nothing to pick from");
  return choice();
}
