import type { Level, PackedSize } from "./attestation.js";
import { type Hex, ZERO_WORD } from "./hex.js";

/** What a transaction does, and under what terms: all that its gas depends on besides the items. */
export type Manner = {
  act: Level | "revoke";
  /** the issuer's signature is carried and checked */
  signed: boolean;
  /** whether it appends to a stream, and whether to one that is empty: two new slots */
  stream: "none" | "first" | "later";
};

/**
 * @param stream its key; the zero word for none
 * @param position where the batch begins in it; what is only planned is priced as the first, which is the dearest
 */
export function mannerOf(act: Manner["act"], signed: boolean, stream: Hex, position = 0): Manner {
  return { act, signed, stream: stream === ZERO_WORD ? "none" : position === 0 ? "first" : "later" };
}

/** What a batch asks of a transaction. */
export type Work = Manner & {
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
 * Gas of the registry's code, by fork and compiler settings: fitted to mined transactions of 1 to 1,300 items with 0 to
 * 20,000 bytes of data, and of 1 to 200 uids with reasons of 0 to 2,000 bytes; never below one, and at most 3 % or
 * 3,000 above (test/gas.test.ts). A new slot is 22,100 of an item to record.
 */
const CANCUN = {
  record: {
    batch: 8_990,
    item: 27_310,
    word: 269,
    byte: 0,
    widest: 4,
    signature: { batch: 4_985, word: 13, widest: 0 },
    stream: { first: 47_260, later: 13_060, item: 91 },
  },
  seal: {
    batch: 35_100,
    item: 1_115,
    word: 15,
    byte: 8.35,
    widest: 0,
    signature: { batch: 4_950, word: 13, widest: 0 },
    stream: { first: 47_450, later: 13_340, item: 194 },
  },
  anchor: {
    batch: 32_080,
    item: 0,
    word: 0,
    byte: 0,
    widest: 0,
    signature: { batch: 4_690, word: 0, widest: 0 },
    stream: { first: 47_303, later: 13_102, item: 0 },
  },
  revoke: {
    batch: 1_070,
    item: 7_510,
    word: 264,
    byte: 0,
    widest: 4,
    signature: { batch: 5_340, word: 158, widest: 13 },
    stream: { first: 0, later: 0, item: 0 },
  },
};

/** Calldata of a call without its items: selector, terms, offsets, lengths, and the signature where there is one. */
const FRAME_TOKENS = { direct: 560, signed: 920, stream: 120, root: 150 };
const FRAME_BYTES = 600;

/** Raw transaction around the calldata: fees, nonce, addresses, signature. */
const ENVELOPE_BYTES = 200;

/** Of a tree: what every row costs besides its nodes, which are in the constants of the items. */
const ROW = 230;

/**
 * What `multicall` adds, fitted in the same way to transactions of 2 to 40 streams. What the calls before have touched
 * is warm (EIP-2929): the schema registry, and the schema if it is the same.
 */
const SEVERAL = { transaction: 500, call: 1_020, word: 3, registry: -2_500, schema: -2_000 };

/** Calldata of `multicall` around the calls: selector, offset and count once; of each an offset, a length, padding. */
const SEVERAL_TOKENS = { transaction: 90, call: 112 };
/** Of memory: a pointer, a length and the answer, as they are kept and as they are returned. */
const RESULT_WORDS = 6;
const SEVERAL_BYTES = { transaction: 68, call: 64 };

/** Gas that the transaction needs at most: execution, or the floor of its calldata (EIP-7623). */
export function gasOf(work: Work): number {
  return transactionGas(executionOf(work), work.tokens);
}

/**
 * The same for works that share a transaction by `multicall`, in that order; of one, what it takes alone. None of them
 * may append to the stream of another: what is warm by then is not counted.
 * @param schemas how many different ones they are under; if that is not known, each may be under its own
 */
export function gasOfSeveral(works: readonly Work[], schemas = works.length): number {
  if (works.length === 1) return gasOf(works[0]!);
  const { transaction, call, word, registry, schema } = SEVERAL;
  const sizes = works.map((work) => Math.ceil(callBytesOf(work) / 32));
  let tokens = SEVERAL_TOKENS.transaction;
  // Of the frame that makes the calls: what they return, and in front of it the largest call.
  const memory = sizes.reduce((a, b) => Math.max(a, b), 0) + RESULT_WORDS * works.length;
  let execution = transaction + word * memory + Math.ceil(memory ** 2 / 512);
  // A call is given at most 63 of 64 parts of what is left (EIP-150), so some is left over unless later calls use it.
  let withReserve = 0;
  let issuing = 0;
  works.forEach((work, index) => {
    let own = executionOf(work);
    if (work.act !== "revoke") {
      // Revocations look at no schema.
      own += (issuing > 0 ? registry : 0) + (issuing >= schemas ? schema : 0);
      issuing += 1;
    }
    execution += call + word * sizes[index]! + own;
    withReserve = Math.max(withReserve, execution + Math.ceil(own / 63));
    tokens += work.tokens + SEVERAL_TOKENS.call;
  });
  return transactionGas(withReserve, tokens);
}

function transactionGas(execution: number, tokens: number): number {
  return Math.max(TRANSACTION + 4 * tokens + execution, TRANSACTION + 10 * tokens);
}

function executionOf(work: Work): number {
  const { batch, item, word, byte, widest, signature, stream } = CANCUN[work.act];
  let execution =
    batch + item * work.items + word * work.words + Math.ceil(byte * work.bytes) + widest * work.widest;
  if (work.signed) {
    execution +=
      signature.batch + signature.word * Math.ceil(work.bytes / 32) + signature.widest * work.widest;
  }
  if (work.stream !== "none") execution += stream[work.stream] + stream.item * work.items;
  if (work.act === "seal") execution += ROW * Math.ceil(Math.log2(Math.max(work.items, 1)));
  return execution + Math.ceil(memoryOf(work) ** 2 / 512);
}

/**
 * Words of memory, of which a transaction pays the square over 512; three gas for each are in the constants. What is
 * signed stays there, and behind it one item or event after the other is built in the same place.
 */
function memoryOf(work: Work): number {
  const packed = Math.ceil(work.bytes / 32);
  const signed = work.signed ? packed : 0;
  switch (work.act) {
    case "record":
      return work.widest + signed;
    case "seal":
      // The uids and all items, and behind them the first row of the tree, or all items again for the event.
      return work.items + packed + Math.max(work.items / 2, packed) + signed;
    case "anchor":
      return 0;
    case "revoke":
      // The uids as a list and as packed bytes, and the reason.
      return work.widest + 2 * signed + (work.signed ? work.widest : 0);
  }
}

/** The work of a batch that is only planned, from the sizes of its items. */
export function workOf(manner: Manner, sizes: readonly PackedSize[]): Work {
  const tokens =
    (manner.signed ? FRAME_TOKENS.signed : FRAME_TOKENS.direct) +
    (manner.stream === "none" ? 0 : FRAME_TOKENS.stream) +
    (manner.act === "anchor" ? FRAME_TOKENS.root : 0);
  return sizes.reduce(withItem, { ...manner, items: 0, bytes: 0, tokens, words: 0, widest: 0 });
}

/** The work with one more item. */
export function withItem(work: Work, size: PackedSize): Work {
  // The chain sees a root, whatever it is of.
  if (work.act === "anchor") return { ...work, items: work.items + 1, bytes: work.bytes + size.bytes };
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
  return callBytesOf(work) + ENVELOPE_BYTES;
}

/** The same for works that share a transaction by `multicall`; of one, what it has alone. */
export function bytesOfSeveral(works: readonly Work[]): number {
  if (works.length === 1) return bytesOf(works[0]!);
  const calls = works.reduce((sum, work) => sum + callBytesOf(work) + SEVERAL_BYTES.call, 0);
  return SEVERAL_BYTES.transaction + calls + ENVELOPE_BYTES;
}

/** Bytes of the calldata, at most. */
function callBytesOf(work: Work): number {
  if (work.act === "anchor") return FRAME_BYTES;
  const reason = work.act === "revoke" ? 32 * work.widest : 0;
  return work.bytes + reason + FRAME_BYTES;
}
