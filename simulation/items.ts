import { type Item, packedSize, uidOf } from "../src/attestation.js";
import { type Hex, hex, keccak, ZERO_ADDRESS, ZERO_WORD } from "../src/hex.js";
import { type Key, keyOf } from "../src/key.js";
import { encode, parseSchema } from "../src/schema.js";
import type { AdmittedRow } from "../src/store/store.js";
import { chanceOf } from "./random.js";

export const DEFINITION = "string name,uint64 value";

/** Who speaks, and who pays. Worth nothing anywhere. */
export const ISSUER = keyFrom("issuer");
export const LANES: readonly Key[] = [keyFrom("lane 1"), keyFrom("lane 2")];

/** The items of a seed: the same ones in the harness and in every life of the process. */
export function rowsOf(seed: number, count: number, separator: Uint8Array, schema: Hex): AdmittedRow[] {
  const chance = chanceOf(seed, "items");
  const definition = parseSchema(DEFINITION);
  return Array.from({ length: count }, (_, index) => {
    const item: Item = {
      recipient: chance.hit(0.5) ? ZERO_ADDRESS : ISSUER.address,
      ref: ZERO_WORD,
      expiresAt: chance.hit(0.3) ? 4_000_000_000 : 0,
      revocable: chance.hit(0.5),
      salt: ZERO_WORD,
      data: encode(definition, { name: `item ${index}`, value: BigInt(chance.below(2 ** 32)) }),
    };
    const uid = uidOf(separator, { ...item, schema, attester: ISSUER.address });
    return { kind: "item", line: index + 1, uid, item, size: packedSize(item), stream: ZERO_WORD };
  });
}

function keyFrom(name: string): Key {
  return keyOf(hex(keccak(new TextEncoder().encode(`simulation, ${name}`))), "the simulation");
}
