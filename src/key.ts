import { SigningKey, Transaction, computeAddress } from "ethers";
import { WaybillError } from "./errors.js";
import { type Hex, hex, keccak, unhex } from "./hex.js";

/** A private key that signs and never shows itself. */
export type Key = {
  /** EIP-55 checksum */
  address: Hex;
  /** 65 bytes r ‖ s ‖ v over a 32-byte digest */
  signDigest(digest: Hex): Hex;
  signTransaction(transaction: UnsignedTransaction): { raw: Hex; hash: Hex };
};

/** EIP-1559. Gas is counted in gas, fees in wei per gas. */
export type UnsignedTransaction = {
  chainId: bigint;
  nonce: number;
  to: Hex;
  data: Hex;
  value?: bigint;
  gasLimit: bigint;
  maxFee: bigint;
  tip: bigint;
};

/** @throws WaybillError E_KEY that does not repeat what it was given */
export function keyOf(privateKey: string, origin: string): Key {
  const text = privateKey.trim();
  const digits = text.startsWith("0x") ? text.slice(2) : text;
  if (!/^[0-9a-fA-F]{64}$/.test(digits)) {
    throw new WaybillError("E_KEY", `the key from ${origin} is not 32 bytes of hex`, {
      mend: "a private key is 64 hex digits, with or without 0x in front",
    });
  }
  const signing = signingKeyOf(`0x${digits}`, origin);
  const address = computeAddress(signing.publicKey) as Hex;
  return {
    address,
    signDigest: (digest) => signing.sign(digest).serialized as Hex,
    signTransaction(transaction) {
      const fields = fieldsOf(transaction);
      const { yParity, r, s } = signing.sign(hex(keccak(typed(fields))));
      const signed = typed([...fields, integer(yParity), integer(r), integer(s)]);
      return { raw: hex(signed), hash: hex(keccak(signed)) };
    },
  };
}

/** What a signed transaction says to whom. */
export function payloadOf(raw: Hex): { to: Hex; data: Hex } {
  const { to, data } = Transaction.from(raw);
  return { to: to as Hex, data: data as Hex };
}

// ethers takes 15 times as long to serialise, sign and hash 100 KB, for it goes through hex at every step.

const EIP_1559 = 2;

/** What EIP-1559 has of a transaction before the signature, each field as RLP. */
function fieldsOf(transaction: UnsignedTransaction): Uint8Array[][] {
  const { chainId, nonce, tip, maxFee, gasLimit, to, value = 0n, data } = transaction;
  const account = unhex(to);
  if (account.length !== 20) throw new Error(`not an address: ${to}`);
  const noAccessList = [Uint8Array.of(LIST)];
  return [
    ...[chainId, nonce, tip, maxFee, gasLimit].map(integer),
    string(account),
    integer(value),
    string(unhex(data)),
    noAccessList,
  ];
}

/** EIP-2718: the type, and the list of the fields. */
function typed(fields: readonly Uint8Array[][]): Uint8Array {
  const parts = fields.flat();
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const header = headerOf(LIST, size);
  const bytes = new Uint8Array(1 + header.length + size);
  bytes[0] = EIP_1559;
  bytes.set(header, 1);
  let at = 1 + header.length;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

// RLP, appendix B of the Yellow Paper. Of two spellings the shorter one is the only one, and a number has no zeros in
// front: a node refuses all others.

const STRING = 0x80;
const LIST = 0xc0;
/** Bytes that the length of is in the first byte. */
const SHORT = 55;

function string(bytes: Uint8Array): Uint8Array[] {
  return bytes.length === 1 && bytes[0]! < STRING ? [bytes] : [headerOf(STRING, bytes.length), bytes];
}

function integer(value: bigint | number | string): Uint8Array[] {
  return string(digitsOf(BigInt(value)));
}

function headerOf(kind: number, size: number): Uint8Array {
  if (size <= SHORT) return Uint8Array.of(kind + size);
  const length = digitsOf(BigInt(size));
  return Uint8Array.of(kind + SHORT + length.length, ...length);
}

/** Big-endian, none for zero. @throws Error if it is negative */
function digitsOf(value: bigint): Uint8Array {
  if (value === 0n) return new Uint8Array(0);
  const text = value.toString(16);
  return unhex(`0x${text.length % 2 === 0 ? "" : "0"}${text}`);
}

function signingKeyOf(privateKey: string, origin: string): SigningKey {
  try {
    const key = new SigningKey(privateKey);
    computeAddress(key.publicKey);
    return key;
  } catch {
    // ethers' message is dropped on purpose: it may quote the key.
    throw new WaybillError("E_KEY", `the key from ${origin} is not a private key of secp256k1`);
  }
}
