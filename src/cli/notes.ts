import type { Hex } from "../hex.js";
import type { Hold } from "../lane/lane.js";
import type { Store } from "../store/store.js";
import type { Progress } from "../submitter/submitter.js";
import type { Gate } from "./view/view.js";

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
    async take({ hold, head, lanes }: Progress): Promise<void> {
      const at = now();
      const block = head?.number ?? null;
      const gate = gateOf(hold, last?.gate ?? null, at);
      const isNews =
        last?.block !== block || gate.since !== last.gate.since || heldBy(lanes) !== heldBy(last.lanes);
      if (isNews) await write({ pid: process.pid, working: true, at, block, gate, lanes });
    },
    async end(): Promise<void> {
      if (last !== null) await write({ ...last, working: false, at: now() });
    },
  };
}

function gateOf(hold: Hold | null, before: Gate | null, at: number): Gate {
  if (hold !== null) return { state: "holding", why: hold.detail, since: hold.since };
  return before?.state === "accepting" ? before : { state: "accepting", why: null, since: at };
}

function heldBy(lanes: Notes["lanes"]): string {
  return lanes.map(({ address, hold }) => `${address} ${hold?.since ?? ""}`).join(",");
}

/** What was left by `createNotes`; null if nothing was. */
export async function readNotes(store: Store): Promise<Notes | null> {
  const seen = await store.seen();
  return seen === null ? null : (JSON.parse(seen) as Notes);
}
