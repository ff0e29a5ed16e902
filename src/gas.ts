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
  /** words that the events of all items carry: of data, or of the reason once for every uid */
  words: number;
  /** words that the event of the largest item carries */
  widest: number;
};

const TRANSACTION = 21_000;

/**
 * Gas of the registry's code, by fork and compiler settings: fitted to mined transactions of 1 to 540 items with 0 to
 * 20,000 bytes of data, and of 1 to 200 uids with reasons of 0 to 2,000 bytes; never below one, and at most 3 % or
 * 3,000 above (test/gas.test.ts). A new slot is 22,100 of an item to record.
 */
const CANCUN = {
  record: { batch: 7_600, item: 27_560, word: 275, signature: { batch: 5_100, word: 13 } },
  revoke: { batch: 1_000, item: 7_510, word: 266, signature: { batch: 5_400, word: 158 } },
};

/** The reason of a revocation as the issuer's signature covers it. */
const REASON_WORD = 13;

/** Calldata of a call without its items: selector, terms, offsets, lengths, and the signature where there is one. */
const FRAME_TOKENS = { direct: 560, signed: 920 };
const FRAME_BYTES = 600;

/** Raw transaction around the calldata: fees, nonce, addresses, signature. */
const ENVELOPE_BYTES = 200;

/** Gas that the transaction needs at most: execution, or the floor of its calldata (EIP-7623). */
export function gasOf(work: Work): number {
  const { batch, item, word, signature } = CANCUN[work.act];
  let execution = batch + item * work.items + word * work.words;
  // Memory: three gas a word and the square of it over 512; the event of the largest item is built twice as wide.
  execution += Math.ceil(work.widest ** 2 / 256);
  if (work.signed) {
    const words = Math.ceil(work.bytes / 32);
    execution += signature.batch + signature.word * words + Math.ceil(words ** 2 / 256);
    if (work.act === "revoke") execution += REASON_WORD * work.widest;
  }
  return Math.max(TRANSACTION + 4 * work.tokens + execution, TRANSACTION + 10 * work.tokens);
}

/** The work of a batch that is only planned, from the sizes of its items. */
export function workOf(act: Work["act"], signed: boolean, sizes: readonly PackedSize[]): Work {
  const tokens = signed ? FRAME_TOKENS.signed : FRAME_TOKENS.direct;
  return sizes.reduce(withItem, { act, signed, items: 0, bytes: 0, tokens, words: 0, widest: 0 });
}

/** The work with one more item. */
export function withItem(work: Work, size: PackedSize): Work {
  const widest = Math.max(work.widest, size.words);
  // All uids of a revocation share one reason in the calldata, and every one has it in its event.
  const reason = work.act === "revoke" ? 32 * (widest - work.widest) : 0;
  return {
    ...work,
    items: work.items + 1,
    bytes: work.bytes + size.bytes,
    tokens: work.tokens + size.tokens + 4 * reason,
    words: work.words + size.words,
    widest,
  };
}

/** Bytes of the raw transaction, at most. */
export function bytesOf(work: Work): number {
  const reason = work.act === "revoke" ? 32 * work.widest : 0;
  return work.bytes + reason + FRAME_BYTES + ENVELOPE_BYTES;
}
