import { MAX_ITEMS, type PackedSize } from "../attestation.js";
import type { Manner } from "../gas.js";
import { type Limits, slotOf, split } from "./split.js";

/** Blocks of work that are kept planned or on their way: more would only age in the pool. */
const BLOCKS_AHEAD = 3;

/** Arbitrum's header names 2^50 gas for a block; whatever a chain says, no more is planned ahead than this. */
const MOST_AHEAD = 32;

/** How many more batches may be planned now. */
export function roomFor(limits: Limits, unfinished: number): number {
  return Math.max(0, Math.min(MOST_AHEAD, BLOCKS_AHEAD * slotOf(limits).perBlock) - unfinished);
}

/** Gas that an item takes at least, for items whose number is limited by gas. */
const LEAST_GAS = { record: 25_000, seal: 1_150, revoke: 5_000 };

/** Items that are worth looking at to fill this many batches: somewhat more than can go in. */
export function pageFor(limits: Limits, act: Manner["act"], batches: number): number {
  // Two anchors hold more than is worth planning ahead, and all of it is in memory.
  if (act === "anchor") return 2 * MAX_ITEMS;
  return Math.ceil((batches + 1) * Math.min(MAX_ITEMS, slotOf(limits).gas / LEAST_GAS[act]));
}

/**
 * Groups waiting items into at most `room` batches.
 * @param waiting in order, from the first that waits
 */
export function plan<T extends PackedSize & { id: number }>(
  manner: Manner,
  waiting: readonly T[],
  limits: Limits,
  room: number,
): number[][] {
  let start = 0;
  return split(manner, waiting, limits)
    .slice(0, room)
    .map((count) => {
      const group = waiting.slice(start, start + count).map((item) => item.id);
      start += count;
      return group;
    });
}
