import type { PackedSize } from "../attestation.js";
import type { Work } from "../gas.js";
import { type Limits, slotOf, split } from "./split.js";

/** Blocks of work that are kept planned or on their way: more would only age in the pool. */
const BLOCKS_AHEAD = 3;

/** Arbitrum's header names 2^50 gas for a block; whatever a chain says, no more is planned ahead than this. */
const MOST_AHEAD = 32;

/** How many more batches may be planned now. */
export function roomFor(limits: Limits, unfinished: number): number {
  return Math.max(0, Math.min(MOST_AHEAD, BLOCKS_AHEAD * slotOf(limits).perBlock) - unfinished);
}

/** Items that are worth looking at to fill this many batches: somewhat more than can go in. */
export function pageFor(limits: Limits, act: Work["act"], batches: number): number {
  const smallest = act === "revoke" ? 5_000 : 25_000;
  return Math.ceil((batches + 1) * (slotOf(limits).gas / smallest));
}

/**
 * Groups waiting items into at most `room` batches.
 * @param waiting in order, from the first that waits
 */
export function plan<T extends PackedSize & { id: number }>(
  act: Work["act"],
  signed: boolean,
  waiting: readonly T[],
  limits: Limits,
  room: number,
): number[][] {
  let start = 0;
  return split(act, signed, waiting, limits)
    .slice(0, room)
    .map((count) => {
      const group = waiting.slice(start, start + count).map((item) => item.id);
      start += count;
      return group;
    });
}
