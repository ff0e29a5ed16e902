import type { PackedSize } from "./attestation.js";

/** What a batch of one act asks of a transaction. */
export type Work = {
  act: "record" | "revoke";
  /** the issuer's signature is carried and checked */
  signed: boolean;
  items: number;
  /** bytes of the items, packed or as uids */
  bytes: number;
  /** EIP-7623 tokens of the whole calldata */
  tokens: number;
  /** words of data of all items */
  words: number;
  /** words of data of the largest item */
  widest: number;
};

const TRANSACTION = 21_000;

/**
 * Gas of the registry's code, by fork and compiler settings: fitted to mined transactions of 1 to 500 items with 0 to
 * 320 bytes of data, and never below one (test/gas.test.ts). A new slot is 22,100 of an item to record.
 */
const CANCUN = {
  record: { batch: 7_600, item: 27_560, word: 275 },
  revoke: { batch: 4_000, item: 7_950, word: 0 },
  signature: { batch: 6_800, word: 30 },
};

/** Calldata of a call without its items: selector, terms, offsets, lengths, and the signature where there is one. */
const FRAME_TOKENS = { direct: 560, signed: 920 };
const FRAME_BYTES = 600;

/** Raw transaction around the calldata: fees, nonce, addresses, signature. */
const ENVELOPE_BYTES = 200;

/** Gas that the transaction needs at most: execution, or the floor of its calldata (EIP-7623). */
export function gasOf(work: Work): number {
  const { batch, item, word } = CANCUN[work.act];
  let execution = batch + item * work.items + word * work.words;
  // Memory: three gas a word and the square of it over 512; the event of the largest item is built twice as wide.
  execution += Math.ceil(work.widest ** 2 / 256);
  if (work.signed) {
    const words = Math.ceil(work.bytes / 32);
    execution += CANCUN.signature.batch + CANCUN.signature.word * words + Math.ceil(words ** 2 / 256);
  }
  return Math.max(TRANSACTION + 4 * work.tokens + execution, TRANSACTION + 10 * work.tokens);
}

/** The work of a batch that is only planned, from the sizes of its items. */
export function workOf(act: Work["act"], signed: boolean, sizes: readonly PackedSize[]): Work {
  const work: Work = {
    act,
    signed,
    items: sizes.length,
    bytes: 0,
    tokens: signed ? FRAME_TOKENS.signed : FRAME_TOKENS.direct,
    words: 0,
    widest: 0,
  };
  for (const size of sizes) {
    work.bytes += size.bytes;
    work.tokens += size.tokens;
    work.words += size.words;
    work.widest = Math.max(work.widest, size.words);
  }
  return work;
}

/** Bytes of the raw transaction, at most. */
export function bytesOf(work: Work): number {
  return work.bytes + FRAME_BYTES + ENVELOPE_BYTES;
}
