import type { Gate } from "../../submitter/notes.js";

export type { Gate };
import type { Hex } from "../../hex.js";
import type { Counts } from "../../store/store.js";

/**
 * What somebody who watches is shown, all of one moment. Times are Unix milliseconds, fees wei per gas; texts may be a
 * stranger's, so whoever shows them escapes them.
 */
export type View = {
  at: number;
  network: string;
  /** newest block that is known; null before the first */
  block: number | null;
  /** what has to be said about all that is below, such as who is looked at; null for nothing */
  note: string | null;
  gate: Gate;
  /** of all jobs together */
  items: Counts;
  /** in the order in which they were opened; the first ones may be left out */
  jobs: readonly JobView[];
  lanes: readonly LaneView[];
  /** those that lag most, each in the place that it had before */
  streams: readonly StreamView[];
  /** streams that are not among them */
  otherStreams: number;
  /** what is left to do and how long it may take; null if there is nothing to go by yet */
  drain: { items: number; blocks: number; seconds: number } | null;
  /** newest last */
  events: readonly { at: number; text: string }[];
};

/** `since`: null if nobody has written it down */
export type HoldView = { why: string; detail: string; since: number | null };

export type LaneView = {
  address: Hex;
  /** the next one that it will take */
  nonce: number;
  /** transactions that are signed and in no block */
  inFlight: number;
  /** highest that it offers now; null if nothing is on its way */
  fee: bigint | null;
  /** most that it may offer; null for no limit */
  cap: bigint | null;
  hold: HoldView | null;
};

export type StreamView = {
  /** by which it is told from all others */
  key: string;
  name: string;
  /** statements that are in blocks */
  position: number;
  /** statements that are in blocks or signed */
  signedTo: number;
  /** statements that are neither */
  waiting: number;
  hold: HoldView | null;
};

export type JobView = {
  id: number;
  name: string;
  counts: Counts;
  tenant: string | null;
  priority: string | null;
};

/** What is admitted, and in no block. */
export function lagOf(stream: StreamView): number {
  return stream.waiting + stream.signedTo - stream.position;
}

/**
 * The streams to show: the most lagging ones, each in the place that it had. One leaves its place only when it is among
 * the `room` most lagging no longer, and the next takes it: nothing else moves.
 * @param before keys in the order in which they were shown
 */
export function inTheirPlaces(
  before: readonly string[],
  streams: readonly StreamView[],
  room: number,
): StreamView[] {
  const byLag = [...streams].sort((a, b) => lagOf(b) - lagOf(a) || (a.key < b.key ? -1 : 1));
  const chosen = new Map(byLag.slice(0, room).map((stream) => [stream.key, stream]));
  const places = before.slice(0, room).map((key) => chosen.get(key) ?? null);
  for (const one of places) if (one !== null) chosen.delete(one.key);
  const newcomers = [...chosen.values()];
  return [...places.map((one) => one ?? newcomers.shift() ?? null), ...newcomers].filter(
    (one) => one !== null,
  );
}

/** Law 12: of a sum of jobs as of each of them, `rows` is all the others. */
export function sumOf(counts: readonly Counts[]): Counts {
  const sum: Counts = {
    rows: 0,
    rejected: 0,
    duplicate: 0,
    waiting: 0,
    assigned: 0,
    included: 0,
    safe: 0,
    final: 0,
    verified: 0,
    mismatched: 0,
  };
  for (const one of counts) for (const name of Object.keys(sum) as (keyof Counts)[]) sum[name] += one[name];
  return sum;
}

/** Items of which something is left to do here or on the chain. */
export function movingOf(counts: Counts): number {
  return counts.assigned + counts.included + counts.safe + counts.final;
}

/** Items with which nothing more will happen. */
export function endedOf(counts: Counts): number {
  return counts.verified + counts.mismatched + counts.rejected + counts.duplicate;
}
