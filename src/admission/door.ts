import type { PackedSize } from "../attestation.js";
import { type Bounds, type Drain, learn, type Pressure, pressureOf, UNKNOWN_DRAIN } from "./gate.js";

/** What the submitter tells of a flow after each look at the chain. */
export type Measured = {
  /** number of the newest block */
  head: number;
  /** rows that were stored when it was counted; of them, those that wait for a transaction, and those in one that no block has */
  rows: number;
  waiting: number;
  assigned: number;
  /** items like these that a block has room for, by the gas model */
  perBlock: number;
};

/** The one way into a flow: it counts what is in front of the chain, and shuts when that is enough. */
export type Door = {
  /** Items that may come in now; 0 while it holds. */
  room(): number;
  /** Says that rows are about to be stored. */
  enter(sizes: readonly (PackedSize | null)[]): void;
  /** The last ones that entered are not stored after all. */
  leave(count: number): void;
  measured(seen: Measured): void;
  pressure(): Pressure;
  /** sizes of some that came in lately: what the model says of a block is about items like them */
  sample(): readonly PackedSize[];
  /** Whether what comes in now could be on its way at once, so that it is worth waking somebody. */
  isIdle(): boolean;
  /** Waits until there is room. @throws the signal's reason if it is aborted before */
  opened(signal?: AbortSignal): Promise<void>;
};

/** Sizes that are kept: a flow's items are like those before them. */
const SAMPLE = 32;

/** @param known of the flow so far, by the store's counts and the gas model */
export function createDoor(bounds: Bounds, known: Omit<Measured, "head">): Door {
  let entered = known.rows;
  let last: Measured | null = null;
  let drain: Drain = UNKNOWN_DRAIN;
  let pressure = pressureOf(0, known.perBlock, bounds, "accepting");
  let sizes: PackedSize[] = [];
  const waiters = new Set<() => void>();

  /** Stored and in no block, and what is being stored: the count is as old as the last measurement, the rows are not. */
  function waiting(): number {
    const { rows, waiting, assigned } = last ?? known;
    return Math.max(0, entered - rows) + waiting + assigned;
  }

  function look(): void {
    const perBlock = (last ?? known).perBlock * drain.share;
    pressure = pressureOf(waiting(), perBlock, bounds, pressure.state);
    if (pressure.room === 0) return;
    for (const wake of waiters) wake();
    waiters.clear();
  }

  look();
  return {
    room: () => pressure.room,
    enter(coming) {
      entered += coming.length;
      const those = coming.filter((size) => size !== null);
      sizes = [...sizes, ...those.slice(-SAMPLE)].slice(-SAMPLE);
      look();
    },
    leave(count) {
      entered -= count;
      look();
    },
    measured(seen) {
      if (last !== null && seen.head > last.head) {
        // Rows that came in since were waiting too, and are none of what the blocks have taken.
        const taken = last.waiting + last.assigned + (seen.rows - last.rows) - seen.waiting - seen.assigned;
        drain = learn(drain, {
          blocks: seen.head - last.head,
          ready: last.assigned,
          taken: Math.max(0, taken),
          perBlock: seen.perBlock,
        });
      }
      last = seen;
      look();
    },
    pressure: () => pressure,
    sample: () => sizes,
    isIdle: () => last === null || last.waiting === 0,
    opened(signal) {
      if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
      if (pressure.room > 0) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const wake = () => {
          signal?.removeEventListener("abort", stop);
          resolve();
        };
        const stop = () => {
          waiters.delete(wake);
          reject(signal!.reason as Error);
        };
        waiters.add(wake);
        signal?.addEventListener("abort", stop, { once: true });
      });
    },
  };
}
