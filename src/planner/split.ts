import { MAX_ITEMS, type PackedSize } from "../attestation.js";
import {
  bytesOf,
  gasOf,
  type Manner,
  withItem,
  type Work,
  workOf,
  TRANSACTION_BYTES_CAP,
  TRANSACTION_GAS_CAP,
} from "../gas.js";

/** What a chain allows. Gas limits are re-read with every block; the rest is known of the chain. */
export type Limits = {
  blockGas: number;
  /** EIP-7825 on Ethereum and OP-stack chains */
  transactionGas: number;
  /** raw bytes that a node's pool takes; geth's is 128 KiB */
  transactionBytes: number;
  /** of the block's gas that we may use, above 0, at most 1 */
  share: number;
};

export const ETHEREUM_LIMITS = {
  transactionGas: TRANSACTION_GAS_CAP,
  transactionBytes: TRANSACTION_BYTES_CAP,
  share: 0.5,
};

/** Packed bytes of the items of one anchor: no chain limits them, and they are in memory at once. */
const ANCHOR_BYTES = 2 ** 25;

/** Gas and number of the transactions that share out a block evenly: n = ⌈G / cap⌉ of φ·G / n each. */
export function slotOf(limits: Limits): { perBlock: number; gas: number } {
  const usable = Math.floor(limits.blockGas * limits.share);
  const perBlock = Math.max(1, Math.ceil(usable / limits.transactionGas));
  return { perBlock, gas: Math.floor(usable / perBlock) };
}

/** Whether one item alone fits a transaction of the chain at all, whatever share of a block we take. */
export function fitsAlone(manner: Manner, size: PackedSize, limits: Limits): boolean {
  return fits(workOf(manner, [size]), Math.min(limits.transactionGas, limits.blockGas), limits);
}

/**
 * Splits items into batches of about equal gas, in order, each within the limits. Even, because a last batch that is
 * nearly empty costs a whole transaction, and one that is full to the cap leaves the rest of its block to nobody.
 * @param sizes of items that fit a transaction alone; one that is larger than its share of a block goes alone
 * @returns how many items each batch takes
 */
export function split(manner: Manner, sizes: readonly PackedSize[], limits: Limits): number[] {
  const empty = workOf(manner, []);
  const overhead = gasOf(empty);
  const weights = sizes.map((size) => gasOf(withItem(empty, size)) - overhead);
  const whole = weights.reduce((a, b) => a + b, 0);
  const full = cut(empty, sizes, weights, Infinity, limits);
  // Cutting at the share may leave over what no longer fits the last batch; one more batch, and all are even again.
  for (const batches of [full.length, full.length + 1]) {
    const even = cut(empty, sizes, weights, whole / batches, limits);
    if (even.length <= batches) return even;
  }
  return full;
}

/** Cuts where the weight so far is nearest to a multiple of `share`, or earlier where the limits want it. */
function cut(
  empty: Work,
  sizes: readonly PackedSize[],
  weights: readonly number[],
  share: number,
  limits: Limits,
): number[] {
  const { gas } = slotOf(limits);
  const counts: number[] = [];
  let work = empty;
  let before = 0;
  sizes.forEach((size, index) => {
    const weight = weights[index]!;
    const more = withItem(work, size);
    const full = before + weight / 2 > share * (counts.length + 1) || !fits(more, gas, limits);
    if (work.items > 0 && full) {
      counts.push(work.items);
      work = withItem(empty, size);
    } else {
      work = more;
    }
    before += weight;
  });
  if (work.items > 0) counts.push(work.items);
  return counts;
}

function fits(work: Work, gas: number, limits: Limits): boolean {
  if (work.act === "anchor" && work.items > 1 && work.bytes > ANCHOR_BYTES) return false;
  return gasOf(work) <= gas && bytesOf(work) <= limits.transactionBytes && work.items <= MAX_ITEMS;
}
