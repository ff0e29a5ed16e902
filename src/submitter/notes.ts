import type { Hex } from "../hex.js";
import type { Hold } from "../lane/lane.js";
import type { Store } from "../store/store.js";
import type { Progress } from "./submitter.js";

/** Whether new work is taken on, and if not as fast as ever, why and since when (Unix milliseconds; null if unknown). */
export type Gate = {
  state: "accepting" | "slowing" | "holding";
  why: string | null;
  since: number | null;
};

/**
 * What a process that works leaves in the store for those that watch it: what only it can know. Nothing is decided by
 * it, and all else is in the store anyway. Times are Unix milliseconds.
 */
export type Notes = {
  pid: number;
  /** false once it has come to its end; a process that was killed leaves true behind */
  working: boolean;
  at: number;
  block: number | null;
  gate: Gate;
  lanes: { address: Hex; hold: Hold | null }[];
};

/**
 * Writes notes down, once a block and whenever something begins or ceases to hold: each costs a transaction of the store.
 * `take` and `end` are waited for: the store may be closed afterwards.
 */
export function createNotes(store: Store, now: () => number = Date.now) {
  let last: Notes | null = null;

  async function write(notes: Notes): Promise<void> {
    last = notes;
    await store.setSeen(JSON.stringify(notes));
  }

  return {
    async take(progress: Progress): Promise<void> {
      const lanes = progress.lanes.map(({ address, hold }) => ({ address, hold }));
      const at = now();
      const block = progress.head?.number ?? null;
      const gate = gateOf(progress, last?.gate ?? null, at);
      const isNews =
        last?.block !== block ||
        gate.state !== last.gate.state ||
        gate.since !== last.gate.since ||
        heldBy(lanes) !== heldBy(last.lanes);
      if (isNews) await write({ pid: process.pid, working: true, at, block, gate, lanes });
    },
    async end(): Promise<void> {
      if (last !== null) await write({ ...last, working: false, at: now() });
    },
  };
}

/**
 * Holding: every lane holds, or every job that is not done, or nothing is on its way but what waits for a person. With
 * some of them only, the others have the room: it is slower. One stream that holds is no matter of all.
 */
export function gateOf(
  { hold, lanes, jobs, counts, pressures }: Progress,
  before: Gate | null,
  at: number,
): Gate {
  const held = lanes.flatMap((lane) => lane.hold ?? []);
  const first = held.reduce<Hold | null>((a, b) => (a === null || b.since < a.since ? b : a), null) ?? hold;
  const open = jobs.filter((one) => one.counts.waiting + one.counts.assigned > 0);
  const allJobs =
    open.length > 0 && open.every(({ job }) => lanes.some((lane) => lane.heldJobs.includes(job)));
  const nothingMoves = counts.assigned + counts.included + counts.safe + counts.final === 0;
  if (first === null || (held.length === 0 && !nothingMoves)) {
    const full =
      pressures.find((one) => one.state === "holding") ?? pressures.find((one) => one.state === "slowing");
    const state = full?.state ?? "accepting";
    const why = full === undefined ? null : `${full.waiting} items are in front of the chain`;
    if (before?.state === state) return before.why === why ? before : { ...before, why };
    return { state, why, since: at };
  }
  const isAll = held.length === 0 || allJobs || lanes.every((lane) => lane.isHeld);
  const state = isAll ? "holding" : "slowing";
  return { state, why: first.detail, since: before?.state === state ? before.since : first.since };
}

function heldBy(lanes: Notes["lanes"]): string {
  return lanes.map(({ address, hold }) => `${address} ${hold?.since ?? ""}`).join(",");
}

/** What was left by `createNotes`; null if nothing was. */
export async function readNotes(store: Store): Promise<Notes | null> {
  const seen = await store.seen();
  return seen === null ? null : (JSON.parse(seen) as Notes);
}
