import { type Hex, hex, numberWord } from "./hex.js";

/** The one word that the registry keeps of a statement; contracts/types/Record.sol. */
export type Record = {
  attester: Hex;
  /** Unix seconds; 0: revoked before it was recorded */
  recordedAt: number;
  expiresAt: number;
  revocable: boolean;
  revoked: boolean;
};

/** The one word that the registry keeps of a root; contracts/types/Root.sol. */
export type Root = {
  level: "seal" | "anchor";
  /** when it was first kept, at whatever level, Unix seconds */
  since: number;
  /** when it came to its level */
  committedAt: number;
  count: number;
  /** nothing bypassed the schema's resolver */
  judged: boolean;
  revocable: boolean;
  /** at least one leaf is revoked */
  thinned: boolean;
};

/** Null if nothing is kept. */
export function recordIn(word: bigint): Record | null {
  if (word === 0n) return null;
  return {
    attester: hex(numberWord(bits(word, 0n, 160n)).subarray(12)),
    recordedAt: Number(bits(word, 160n, 40n)),
    expiresAt: Number(bits(word, 200n, 40n)),
    revocable: bits(word, 240n, 1n) === 1n,
    revoked: bits(word, 241n, 1n) === 1n,
  };
}

/** Null if nothing is kept, or at no level that a registry knows. */
export function rootIn(word: bigint): Root | null {
  const level = ([null, "seal", "anchor"] as const)[Number(bits(word, 80n, 8n))] ?? null;
  if (level === null) return null;
  return {
    level,
    since: Number(bits(word, 96n, 40n)),
    committedAt: Number(bits(word, 0n, 40n)),
    count: Number(bits(word, 40n, 40n)),
    judged: bits(word, 88n, 1n) === 1n,
    revocable: bits(word, 89n, 1n) === 1n,
    thinned: bits(word, 90n, 1n) === 1n,
  };
}

function bits(word: bigint, from: bigint, count: bigint): bigint {
  return (word >> from) & ((1n << count) - 1n);
}
