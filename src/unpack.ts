import { type Item } from "./attestation.js";
import { type Hex, hex, ZERO_ADDRESS, ZERO_WORD } from "./hex.js";

/** Bytes of a packed salt, by the code that the flags have of it. */
const SALT_SIZES = [0, 8, 16, 32] as const;

/**
 * The items of a packed batch, as contracts/types/Items.sol reads them and `packItems` writes them.
 * @throws Error if the bytes are none that the registry would have taken
 */
export function unpackItems(packed: Uint8Array): Item[] {
  if (packed.length < 2) throw malformed(0);
  const items: Item[] = [];
  let at = 2;
  /** The next bytes. They share memory with `packed`. */
  const take = (length: number): Uint8Array => {
    if (at + length > packed.length) throw malformed(items.length);
    at += length;
    return packed.subarray(at - length, at);
  };
  for (let left = (packed[0]! << 8) | packed[1]!; left > 0; left -= 1) {
    const flags = take(1)[0]!;
    if (flags >= 64) throw malformed(items.length);
    const recipient = (flags & 2) === 0 ? ZERO_ADDRESS : hex(take(20));
    const ref = (flags & 4) === 0 ? ZERO_WORD : hex(take(32));
    const expiresAt = (flags & 8) === 0 ? 0 : numberOf(take(5));
    const salt = hex(take(SALT_SIZES[(flags >> 4) as 0 | 1 | 2 | 3])).padEnd(ZERO_WORD.length, "0") as Hex;
    const data = take(numberOf(take(3)));
    items.push({ recipient, ref, expiresAt, revocable: (flags & 1) === 1, salt, data });
  }
  if (at !== packed.length) throw malformed(items.length);
  return items;
}

/** Of up to 6 bytes, big-endian. */
function numberOf(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

function malformed(item: number): Error {
  return new Error(`the packed items end, or go wrong, at item ${item}`);
}
