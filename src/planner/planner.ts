import { MAX_ITEMS, type PackedSize } from "../attestation.js";
import { bytesOf, gasOf, type Manner, workOf } from "../gas.js";
import { fill, type Limits, type Slots, split, usableGas } from "./split.js";

/** Blocks of work that are kept planned or on their way: more would only age in the pool. */
export const BLOCKS_AHEAD = 3;

/** Arbitrum's header names 2^50 gas for a block; whatever a chain says, no more is planned ahead than this. */
const MOST_AHEAD = 48;

/** Items that say what those after them are like. */
export const SAMPLE = 1_000;

/** How a block is shared out, and how many items the room in it is good for. */
export type Shares = { slots: Slots; room: number; page: number };

/**
 * Shares out blocks evenly among transactions of items like these: as many as it takes of the largest that the chain
 * takes, be it by gas or by bytes, and each as large as the others. Filled to the largest instead, a block of 30 M
 * ends with 44 % of it left to nobody.
 * @param sample some items that wait, at least one
 * @param unfinished batches that are planned or on their way
 * @param ahead blocks of work that are to be: one where each block is decided about by itself
 */
export function sharesFor(
  manner: Manner,
  sample: readonly PackedSize[],
  limits: Limits,
  unfinished: number,
  ahead = BLOCKS_AHEAD,
): Shares {
  const usable = usableGas(limits);
  // All an anchor's items are in memory at once, and a block holds more anchors than anybody has items.
  if (manner.act === "anchor") {
    const room = Math.max(0, ahead - unfinished);
    return {
      slots: { perBlock: 1, gas: Math.min(usable, limits.transactionGas) },
      room,
      page: 2 * MAX_ITEMS,
    };
  }
  const empty = workOf(manner, []);
  const overhead = gasOf(empty);
  const bytes = (bytesOf(workOf(manner, sample)) - bytesOf(empty)) / sample.length;
  const most = Math.min(MAX_ITEMS, (limits.transactionBytes - bytesOf(empty)) / bytes);
  // Memory costs its square: a thousand items of 10 KB, which no transaction carries, said five times the gas of each.
  const carried = spread(sample, Math.max(1, Math.floor(most)));
  const gas = (gasOf(workOf(manner, carried)) - overhead) / carried.length;
  const byBytes = overhead + gas * most;
  const perBlock = Math.max(1, Math.ceil(usable / Math.min(limits.transactionGas, byBytes)));
  const slots = { perBlock, gas: Math.floor(usable / perBlock) };
  const room = Math.max(0, Math.min(MOST_AHEAD, ahead * perBlock) - unfinished);
  return { slots, room, page: Math.ceil(1.05 * room * Math.max(1, slots.gas / gas)) };
}

/** At most `count` of them, evenly from first to last. */
function spread<T>(all: readonly T[], count: number): readonly T[] {
  if (all.length <= count) return all;
  return Array.from({ length: count }, (_, index) => all[Math.floor((index * all.length) / count)]!);
}

/**
 * Groups waiting items into at most `room` batches, in order: full ones as long as more waits behind them, and even ones
 * at the end, where a last one that is nearly empty would cost a whole transaction.
 * @param waiting from the first that waits
 * @param more whether others wait behind these
 */
export function plan<T extends PackedSize & { id: number }>(
  manner: Manner,
  waiting: readonly T[],
  limits: Limits,
  { slots, room }: Pick<Shares, "slots" | "room">,
  more: boolean,
): number[][] {
  const full = fill(manner, waiting, limits, slots);
  let counts = full;
  if (more) {
    // What does not fill its batch is taken up again with what waits behind it.
    if (full.length > 1) counts = full.slice(0, -1);
  } else if (full.length <= room) {
    const even = split(manner, waiting, limits, slots);
    if (even.length <= room) counts = even;
  }
  let start = 0;
  return counts.slice(0, room).map((count) => {
    const group = waiting.slice(start, start + count).map((item) => item.id);
    start += count;
    return group;
  });
}
