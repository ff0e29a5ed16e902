import type { Block } from "../chain/chain.js";
import { gasOfSeveral, type Manner, mannerOf, workOf } from "../gas.js";
import { type Hex, ZERO_WORD } from "../hex.js";
import type { Lane } from "../lane/lane.js";
import { bundle } from "../planner/bundle.js";
import { plan, SAMPLE, type Shares } from "../planner/planner.js";
import type { Limits } from "../planner/split.js";
import type { Job, Store, StreamState, WaitingItem } from "../store/store.js";

/** A transaction that is to be planned. `lane`: null if any will do; `full`: it is closed, whatever else may come */
export type Draft = { lane: Lane | null; items: number[]; gas: number; full: boolean };

export type DraftingOptions = {
  store: Store;
  /** lanes that can sign */
  signing: () => readonly Lane[];
  /** those of them that nothing holds up, or all */
  openLanes: (head: Block) => readonly Lane[];
  /** says that a stream of a job cannot go on, and why */
  holdStream: (job: Job, stream: Hex, detail: string) => void;
};

/** `waits`: streams that cannot go on; `load`: transactions on each lane */
export type DraftingTask = {
  job: Job;
  head: Block;
  limits: Limits;
  shares: Shares;
  /** the first that wait */
  sample: readonly WaitingItem[];
  waits: ReadonlySet<Hex>;
  load: ReadonlyMap<Hex, number>;
  /** streams that have come to a lane in this tick, whichever job they are of; those of this job are added */
  bound: Map<string, Lane | null>;
};

/** Pages of a job that are read in one tick, past streams that cannot go on just now. */
const MOST_PAGES = 4;

/** Of its share of gas, what makes a transaction full. */
const FULL = 0.9;

/** Shares out what waits among transactions. */
export function createDrafting({ store, signing, openLanes, holdStream }: DraftingOptions) {
  return async function draft(task: DraftingTask): Promise<Draft[]> {
    const { job, head, limits, shares, sample, bound } = task;
    const { slots } = shares;
    const signed = isSigned(job.attester, signing());
    const except = new Set(task.waits);
    const states = new Map<Hex, StreamState>();
    const drafts: Draft[] = [];
    const load = new Map(task.load);
    let anyLoose = false;
    for (let page = 0; page < MOST_PAGES && drafts.length < shares.room; page += 1) {
      const want = Math.max(SAMPLE, shares.page);
      const waiting: readonly WaitingItem[] =
        page === 0 && sample.length < SAMPLE ? sample : await store.waiting(job.id, want, [...except]);
      const more = waiting.length >= want;
      const growing = more || job.state === "admitting";
      const ordered = waiting.filter((item) => item.stream !== ZERO_WORD);
      const keys = [...new Set(ordered.map((item) => item.stream))];
      for (const [key, state] of await store.streams(
        job.attester,
        keys.filter((key) => !states.has(key)),
      ))
        states.set(key, state);
      // Once: what is in no stream is on every page from there on.
      if (!anyLoose && ordered.length < waiting.length) {
        anyLoose = true;
        const items = waiting.filter((item) => item.stream === ZERO_WORD);
        drafts.push(...loose(mannerOf(job.act, signed, ZERO_WORD), items, limits, shares, growing));
      }
      const passed = except.size;
      const lanes = new Map<Lane, WaitingItem[]>();
      for (const item of ordered) {
        if (except.has(item.stream)) continue;
        const lane = laneFor(job, item.stream, states.get(item.stream)!, head, bound, load);
        if (lane === null) except.add(item.stream);
        else pushTo(lanes, lane, item);
      }
      const manner = (stream: Hex): Manner => mannerOf(job.act, signed, stream, states.get(stream)!.end);
      for (const [lane, items] of lanes) {
        const transactions = bundle(manner, items, limits, slots).map((one, index, all) => {
          const gas = gasOfRuns(manner, one);
          return { items: one, gas, full: index < all.length - 1 || gas >= FULL * slots.gas };
        });
        // What does not fill its transaction is taken up again with what comes behind it.
        if (growing && transactions.length > 1) transactions.pop();
        for (const one of transactions.slice(0, Math.max(0, lane.slots - (load.get(lane.address) ?? 0)))) {
          drafts.push({ ...one, lane, items: one.items.map(({ id }) => id) });
          load.set(lane.address, (load.get(lane.address) ?? 0) + 1);
        }
        for (const { stream } of items) except.add(stream);
      }
      // Another page only past what could not be taken from this one.
      if (!more || except.size === passed) break;
    }
    return drafts;
  };

  /** The lane of a stream: as long as a batch of it is not safe, the one that has it. Null if it cannot go on now. */
  function laneFor(
    job: Job,
    stream: Hex,
    state: StreamState,
    head: Block,
    bound: Map<string, Lane | null>,
    load: ReadonlyMap<Hex, number>,
  ): Lane | null {
    const key = `${job.attester} ${stream}`;
    if (bound.has(key)) return bound.get(key)!;
    const find = (): Lane | null => {
      if (state.failed) return null;
      const own = signing().find((lane) => lane.address === state.lane);
      if (state.lane !== null && own === undefined && state.signed) {
        const detail = `the stream is on lane ${state.lane}, whose key is not here, until its batches are safe`;
        holdStream(job, stream, detail);
        return null;
      }
      const hasRoom = (lane: Lane) => (load.get(lane.address) ?? 0) < lane.slots;
      if (own !== undefined) return hasRoom(own) ? own : null;
      const open = openLanes(head).filter(hasRoom);
      return open.length === 0 ? null : leastLoaded(open, load);
    };
    const lane = find();
    bound.set(key, lane);
    return lane;
  }
}

/** Transactions of what is in no stream; after one that failed, no more together than may go with what was in it. */
function loose(
  manner: Manner,
  items: readonly WaitingItem[],
  limits: Limits,
  shares: Shares,
  growing: boolean,
): Draft[] {
  const sizes = new Map(items.map((item) => [item.id, item]));
  const draft = (ids: number[], isClosed: boolean): Draft => {
    const work = workOf(
      manner,
      ids.map((id) => sizes.get(id)!),
    );
    const gas = gasOfSeveral([work], 1);
    return { lane: null, items: ids, gas, full: isClosed || gas >= FULL * shares.slots.gas };
  };
  const sound = items.filter((item) => item.most === null);
  const groups = sound.length === 0 ? [] : plan(manner, sound, limits, shares, growing);
  let behind = sound.length;
  const drafts = groups.map((ids) => draft(ids, (behind -= ids.length) > 0));
  let suspects = items.filter((item) => item.most !== null);
  while (suspects.length > 0) {
    const few = suspects.slice(0, suspects[0]!.most!);
    const [first] = plan(manner, few, limits, { ...shares, room: 1 }, false);
    // No more may go with them.
    drafts.push(draft(first!, true));
    suspects = suspects.slice(first!.length);
  }
  return drafts;
}

function gasOfRuns(manner: (stream: Hex) => Manner, items: readonly WaitingItem[]): number {
  const runs = new Map<Hex, WaitingItem[]>();
  for (const item of items) pushTo(runs, item.stream, item);
  return gasOfSeveral(
    [...runs].map(([stream, sizes]) => workOf(manner(stream), sizes)),
    1,
  );
}

/** Whether what an issuer says needs its signature: some lane that may pay for it is another account. */
export function isSigned(attester: Hex, lanes: readonly { address: Hex }[]): boolean {
  return lanes.some((lane) => lane.address !== attester);
}

export function leastLoaded(lanes: readonly Lane[], load: ReadonlyMap<Hex, number>): Lane {
  const of = (lane: Lane) => load.get(lane.address) ?? 0;
  return lanes.reduce((a, b) => (of(b) < of(a) ? b : a));
}

function pushTo<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [value]);
  else known.push(value);
}
