import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex } from "@noble/hashes/utils.js";

/** Lower-case unless it is an address, which may carry its checksum. */
export type Hex = `0x${string}`;

export const ZERO_ADDRESS: Hex = `0x${"0".repeat(40)}`;
export const ZERO_WORD: Hex = `0x${"0".repeat(64)}`;

// Node's conversions are C++: 0.4 µs for 32 bytes where noble's takes 0.8, and a third of its time for 100,000. A
// browser has no Buffer and takes the other way.
const buffer = (globalThis as { Buffer?: typeof Buffer }).Buffer;

/** Hex digits from which Buffer is faster than a loop: it is slow to begin. */
const LONG = 512;

export function hex(bytes: Uint8Array): Hex {
  if (buffer === undefined) return `0x${bytesToHex(bytes)}`;
  const place =
    bytes.length > SMALL ? buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) : copied(bytes);
  return `0x${place.toString("hex")}`;
}

/**
 * Bytes up to which V8 keeps an array in its own heap. Whoever asks for its `buffer` has it moved out of there, which
 * takes as long as to hash it; what lies outside already is written over instead.
 */
const SMALL = 64;
const outside = new ArrayBuffer(SMALL);
const places = Array.from({ length: SMALL + 1 }, (_, length) =>
  buffer === undefined ? new Uint8Array(outside, 0, length) : buffer.from(outside, 0, length),
) as Buffer[];

/** @returns what holds until the next call; in a browser no more than an array */
function copied(bytes: Uint8Array): Buffer {
  const place = places[bytes.length]!;
  place.set(bytes);
  return place;
}

/** @throws Error if `text` is not 0x and an even number of hex digits */
export function unhex(text: string): Uint8Array {
  if (!text.startsWith("0x") || text.length % 2 !== 0) throw notHex(text);
  const bytes = new Uint8Array(text.length / 2 - 1);
  if (buffer !== undefined && text.length > LONG) {
    const digits = text.slice(2);
    // Buffer ends at what is no digit without a word, and takes U+0130 for a 0.
    if (/[^0-9a-fA-F]/.test(digits)) throw notHex(text);
    bytes.set(buffer.from(digits, "hex"));
  } else {
    unhexInto(bytes, 0, text);
  }
  return bytes;
}

/**
 * Writes what `text` says into `bytes`, from `at` on.
 * @returns how many bytes
 * @throws Error if `text` is not 0x and an even number of hex digits
 */
export function unhexInto(bytes: Uint8Array, at: number, text: string): number {
  if (!text.startsWith("0x") || text.length % 2 !== 0) throw notHex(text);
  for (let i = 2, to = at; i < text.length; i += 2, to += 1) {
    const high = NIBBLES[text.charCodeAt(i)] ?? 255;
    const low = NIBBLES[text.charCodeAt(i + 1)] ?? 255;
    if ((high | low) > 15) throw notHex(text);
    bytes[to] = (high << 4) | low;
  }
  return text.length / 2 - 1;
}

const NIBBLES = new Uint8Array(128).fill(255);
for (const digit of "0123456789abcdefABCDEF") NIBBLES[digit.charCodeAt(0)] = parseInt(digit, 16);

function notHex(text: string): Error {
  return new Error(`not hex: ${text.slice(0, 20)}`);
}

type Hash = (bytes: Uint8Array) => Uint8Array;

/** Hashes after which the faster code is worth the 50 ms that it takes to load: a `--help` never gets there. */
const MANY = 512;

let hashed = 0;
let faster: Hash | null = null;

export function keccak(bytes: Uint8Array): Uint8Array {
  if (faster !== null) return faster(bytes);
  hashed += 1;
  // Where WebAssembly is forbidden, by the policy of a page, it stays as slow as it is.
  if (hashed === MANY) loadKeccak().then((hash) => (faster = hash), ignore);
  return keccak_256(bytes);
}

/**
 * keccak256 in WebAssembly: 1.0 µs for up to 135 bytes and 0.4 ms for 100,000, where noble's JavaScript takes 6 µs
 * and 4.7 ms. It cannot be made without waiting, and what waits for it must not be all that only hashes a word or two.
 */
export async function loadKeccak(): Promise<Hash> {
  const { createKeccak } = await import("hash-wasm");
  const hasher = await createKeccak(256);
  return (bytes) =>
    hasher
      .init()
      .update(bytes.length > SMALL ? bytes : copied(bytes))
      .digest("binary");
}

function ignore(): void {}

/** A number as a word of 32 bytes, big-endian. */
export function numberWord(value: bigint): Uint8Array {
  return unhex(`0x${value.toString(16).padStart(64, "0")}`);
}

/** An address as a word of 32 bytes. */
export function addressWord(address: Hex): Uint8Array {
  return unhex(`0x${"0".repeat(24)}${address.slice(2)}`);
}

/** Whatever the case of their letters. */
export function sameAddress(a: Hex, b: Hex): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
