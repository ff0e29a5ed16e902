import { MAX_ITEMS, type PackedSize } from "../attestation.js";
import { bytesOf, gasOf, withItem, type Work, workOf } from "../gas.js";

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
  const empty = workOf(act, signed, []);
  const overhead = gasOf(empty);
  const counts: number[] = [];
  for (let start = 0; start < sizes.length;) {
    // An even share of what is left, so that neither rounding nor a batch that a limit cut short adds up to the end.
    const rest = workOf(act, signed, sizes.slice(start));
    const batches = Math.max(
      Math.ceil((gasOf(rest) - overhead) / Math.max(1, slot.gas - overhead)),
      Math.ceil(bytesOf(rest) / limits.transactionBytes),
      Math.ceil(rest.items / MAX_ITEMS),
    );
    const target = (gasOf(rest) - overhead) / batches;

    let work = withItem(empty, sizes[start]!);
    for (const size of sizes.slice(start + 1)) {
      const more = withItem(work, size);
      const itemGas = gasOf(more) - gasOf(work);
      if (!fits(more, slot.gas, limits) || gasOf(more) - overhead > target + itemGas / 2) break;
      work = more;
    }
    counts.push(work.items);
    start += work.items;
  }
  return counts;
}

function fits(work: Work, gas: number, limits: Limits): boolean {
  return gasOf(work) <= gas && bytesOf(work) <= limits.transactionBytes && work.items <= MAX_ITEMS;
}
