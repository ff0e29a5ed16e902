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

/** Gas that one transaction may use: EIP-7825, on Ethereum and OP-stack chains. */
export const TRANSACTION_GAS_CAP = 2 ** 24;

/** Bytes of a raw transaction that a node's pool takes: geth's limit. */
export const TRANSACTION_BYTES_CAP = 128 * 1024;

const TRANSACTION = 21_000;

/**
 * Gas of the registry's code, by fork and compiler settings: fitted to mined transactions of 1 to 540 items with 0 to
 * 20,000 bytes of data, and of 1 to 200 uids with reasons of 0 to 2,000 bytes; never below one, and at most 3 % or
 * 3,000 above (test/gas.test.ts). A new slot is 22,100 of an item to record.
 */
const CANCUN = {
  record: {
    batch: 7_600,
    item: 27_505,
    word: 272,
    widest: 4,
    signature: { batch: 5_150, word: 13, widest: 0 },
  },
  revoke: {
    batch: 950,
    item: 7_510,
    word: 264,
    widest: 4,
    signature: { batch: 5_300, word: 158, widest: 13 },
  },
};

/** Calldata of a call without its items: selector, terms, offsets, lengths, and the signature where there is one. */
const FRAME_TOKENS = { direct: 560, signed: 920 };
const FRAME_BYTES = 600;

/** Raw transaction around the calldata: fees, nonce, addresses, signature. */
const ENVELOPE_BYTES = 200;

/** Gas that the transaction needs at most: execution, or the floor of its calldata (EIP-7623). */
export function gasOf(work: Work): number {
  const { batch, item, word, widest, signature } = CANCUN[work.act];
  let execution = batch + item * work.items + word * work.words + widest * work.widest;
  if (work.signed) {
    execution +=
      signature.batch + signature.word * Math.ceil(work.bytes / 32) + signature.widest * work.widest;
  }
  execution += Math.ceil(memoryOf(work) ** 2 / 512);
  return Math.max(TRANSACTION + 4 * work.tokens + execution, TRANSACTION + 10 * work.tokens);
}

/**
 * Words of memory, of which a transaction pays the square over 512; three gas for each are in the constants. Nothing
 * is freed: all that was hashed stays, and behind it one event after the other is built in the same place.
 */
function memoryOf(work: Work): number {
  const signed = work.signed ? Math.ceil(work.bytes / 32) : 0;
  // The data of every item, with its length, to hash it.
  if (work.act === "record") return work.words + work.items + work.widest + signed;
  // The uids as a list and as packed bytes, and the reason.
  return work.widest + 2 * signed + (work.signed ? work.widest : 0);
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
