import type { Item } from "../src/attestation.js";
import { hex, ZERO_WORD } from "../src/hex.js";
import { randomOf } from "../test/contracts/support/random.js";

/**
 * Items that depend on nothing but the name: fresh recipients, random data, and a salt of 8 bytes, as the tooling
 * derives it. EAS has no salt and does not get one.
 */
export function itemsOf(name: string, count: number, size = 64): Item[] {
  const random = randomOf(`bench: ${name}`);
  return Array.from({ length: count }, () => ({
    recipient: hex(random.bytes(20)),
    ref: ZERO_WORD,
    expiresAt: 0,
    revocable: true,
    salt: `${hex(random.bytes(8))}${"0".repeat(48)}`,
    data: random.bytes(size),
  }));
}
