import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";

/** Lower-case unless it is an address, which may carry its checksum. */
export type Hex = `0x${string}`;

export const ZERO_ADDRESS: Hex = `0x${"0".repeat(40)}`;
export const ZERO_WORD: Hex = `0x${"0".repeat(64)}`;

export function hex(bytes: Uint8Array): Hex {
  return `0x${bytesToHex(bytes)}`;
}

/** @throws Error if `text` is not 0x and an even number of hex digits */
export function unhex(text: string): Uint8Array {
  if (!text.startsWith("0x")) throw new Error(`not hex: ${text.slice(0, 20)}`);
  return hexToBytes(text.slice(2));
}

export function keccak(bytes: Uint8Array): Uint8Array {
  return keccak_256(bytes);
}

/** A number as a word of 32 bytes, big-endian. */
export function numberWord(value: bigint): Uint8Array {
  return unhex(`0x${value.toString(16).padStart(64, "0")}`);
}

/** An address as a word of 32 bytes. */
export function addressWord(address: Hex): Uint8Array {
  return unhex(`0x${"0".repeat(24)}${address.slice(2)}`);
}
