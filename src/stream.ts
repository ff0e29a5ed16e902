import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { type Hex, hex, keccak, numberWord, unhex, ZERO_WORD } from "./hex.js";

/**
 * The end of a stream, as contracts/types/Head.sol has it: how many statements were appended, and what they and their
 * order hash to. It is the same whatever the level and wherever one batch ended and the next began.
 */
export type Head = { count: bigint; hash: Hex };

export const EMPTY_STREAM: Head = { count: 0n, hash: ZERO_WORD };

/** Appends uids, in order: hash' = keccak256(hash ‖ uid). */
export function appendUids(head: Head, uids: readonly Hex[]): Head {
  let hash = unhex(head.hash);
  for (const uid of uids) hash = keccak(concatBytes(hash, unhex(uid)));
  return { count: head.count + BigInt(uids.length), hash: hex(hash) };
}

/** Appends an anchored root with all its leaves: hash' = keccak256(hash ‖ root ‖ count). */
export function appendRoot(head: Head, root: Hex, count: number): Head {
  const link = concatBytes(unhex(head.hash), unhex(root), numberWord(BigInt(count)));
  return { count: head.count + BigInt(count), hash: hex(keccak(link)) };
}

/**
 * The key of a stream that people call by a name: the hash of the name. 64 hex digits after 0x are a key already.
 * Key zero means no stream, so that one is no name for a stream.
 */
export function streamKey(name: string): Hex {
  return /^0x[0-9a-f]{64}$/.test(name) ? (name as Hex) : hex(keccak(utf8ToBytes(name)));
}
