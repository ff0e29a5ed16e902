import { MAX_ITEMS, type PackedSize } from "../attestation.js";
import { bytesOf, gasOf, type Work, workOf } from "../gas.js";

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

export const ETHEREUM_LIMITS = { transactionGas: 2 ** 24, transactionBytes: 128 * 1024, share: 0.5 };

/** Gas and number of the transactions that share out a block evenly: n = ⌈G / cap⌉ of φ·G / n each. */
export function slotOf(limits: Limits): { perBlock: number; gas: number } {
  const usable = Math.floor(limits.blockGas * limits.share);
  const perBlock = Math.max(1, Math.ceil(usable / limits.transactionGas));
  return { perBlock, gas: Math.floor(usable / perBlock) };
}

/** Whether one item alone fits a transaction of the chain at all, whatever share of a block we take. */
export function fitsAlone(act: Work["act"], signed: boolean, size: PackedSize, limits: Limits): boolean {
  return fits(workOf(act, signed, [size]), Math.min(limits.transactionGas, limits.blockGas), limits);
}

/**
 * Splits items into batches of about equal gas, in order, each within the limits. Even, because a last batch that is
 * nearly empty costs a whole transaction, and one that is full to the cap leaves the rest of its block to nobody.
 * @param sizes of items that fit a transaction alone; one that is larger than its share of a block goes alone
 * @returns how many items each batch takes
 */
export function split(
  act: Work["act"],
  signed: boolean,
  sizes: readonly PackedSize[],
  limits: Limits,
): number[] {
  const slot = slotOf(limits);
  const overhead = gasOf(workOf(act, signed, []));
  const whole = workOf(act, signed, sizes);
  const batches = Math.max(
    1,
    Math.ceil((gasOf(whole) - overhead) / Math.max(1, slot.gas - overhead)),
    Math.ceil(bytesOf(whole) / limits.transactionBytes),
    Math.ceil(sizes.length / MAX_ITEMS),
  );
  const target = (gasOf(whole) - overhead) / batches;

  const counts: number[] = [];
  let work = workOf(act, signed, []);
  for (const size of sizes) {
    const more = added(work, size);
    const itemGas = gasOf(more) - gasOf(work);
    const full = !fits(more, slot.gas, limits) || gasOf(more) - overhead > target + itemGas / 2;
    if (work.items > 0 && full) {
      counts.push(work.items);
      work = added(workOf(act, signed, []), size);
    } else {
      work = more;
    }
  }
  if (work.items > 0) counts.push(work.items);
  return counts;
}

function fits(work: Work, gas: number, limits: Limits): boolean {
  return gasOf(work) <= gas && bytesOf(work) <= limits.transactionBytes && work.items <= MAX_ITEMS;
}

function added(work: Work, size: PackedSize): Work {
  return {
    ...work,
    items: work.items + 1,
    bytes: work.bytes + size.bytes,
    tokens: work.tokens + size.tokens,
    words: work.words + size.words,
    widest: Math.max(work.widest, size.words),
  };
}
