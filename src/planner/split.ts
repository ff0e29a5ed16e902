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
  share: 1,
};

/** Packed bytes of the items of one anchor: no chain limits them, and they are in memory at once. */
const ANCHOR_BYTES = 2 ** 25;

/** Transactions that share out a block evenly: n of φ·G / n gas each. */
export type Slots = { perBlock: number; gas: number };

/** Gas of a block that we may use. */
export function usableGas(limits: Limits): number {
  return Math.floor(limits.blockGas * limits.share);
}

/** n = ⌈φ·G / cap⌉: for items that fill a transaction by their gas. */
export function slotOf(limits: Limits): Slots {
  const usable = usableGas(limits);
  const perBlock = Math.max(1, Math.ceil(usable / limits.transactionGas));
  return { perBlock, gas: Math.floor(usable / perBlock) };
}

/** Whether one item alone fits a transaction of the chain at all, whatever share of a block we take. */
export function fitsAlone(manner: Manner, size: PackedSize, limits: Limits): boolean {
  return fits(workOf(manner, [size]), Math.min(limits.transactionGas, limits.blockGas), limits);
}

/**
 * Splits items into batches, in order, each within the limits and as full as its slot.
 * @param sizes of items that fit a transaction alone; one that is larger than its share of a block goes alone
 * @returns how many items each batch takes
 */
export function fill(
  manner: Manner,
  sizes: readonly PackedSize[],
  limits: Limits,
  slots: Slots = slotOf(limits),
): number[] {
  return cut(workOf(manner, []), sizes, weightsOf(manner, sizes), Infinity, slots.gas, limits);
}

/**
 * As `fill`, in batches of about equal gas: a last one that is nearly empty costs a whole transaction, and holds up what
 * could be sent at once.
 */
export function split(
  manner: Manner,
  sizes: readonly PackedSize[],
  limits: Limits,
  slots: Slots = slotOf(limits),
): number[] {
  const weights = weightsOf(manner, sizes);
  const whole = weights.reduce((a, b) => a + b, 0);
  const full = fill(manner, sizes, limits, slots);
  // Cutting at the share may leave over what no longer fits the last batch; one more batch, and all are even again.
  for (const batches of [full.length, full.length + 1]) {
    const even = cut(workOf(manner, []), sizes, weights, whole / batches, slots.gas, limits);
    if (even.length <= batches) return even;
  }
  return full;
}

function weightsOf(manner: Manner, sizes: readonly PackedSize[]): number[] {
  const empty = workOf(manner, []);
  const overhead = gasOf(empty);
  return sizes.map((size) => gasOf(withItem(empty, size)) - overhead);
}

/** Cuts where the weight so far is nearest to a multiple of `share`, or earlier where the limits want it. */
function cut(
  empty: Work,
  sizes: readonly PackedSize[],
  weights: readonly number[],
  share: number,
  gas: number,
  limits: Limits,
): number[] {
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
