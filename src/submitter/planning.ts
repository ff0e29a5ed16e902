import type { Block } from "../chain/chain.js";
import { gasOfSeveral, type Manner, mannerOf, workOf } from "../gas.js";
import { type Hex, ZERO_WORD } from "../hex.js";
import type { Hold, Lane } from "../lane/lane.js";
import { bundle } from "../planner/bundle.js";
import { charge, type Flow, newClocks, nextFlow } from "../planner/fair.js";
import { BLOCKS_AHEAD, plan, SAMPLE, type Shares, sharesFor } from "../planner/planner.js";
import { type Limits, usableGas } from "../planner/split.js";
import type { Mode, PriceHold } from "../pace.js";
import type { Pacing } from "./pacing.js";
import type { Job, Priority, Store, StreamState, WaitingItem } from "../store/store.js";

export type PlanningOptions = {
  store: Store;
  /** lanes that can sign */
  signing: () => readonly Lane[];
  /** any lane; one whose key is not here is opened to give up what is planned on it */
  laneAt: (address: Hex) => Promise<Lane>;
  limitsAt: (head: Block) => Limits;
  /** milliseconds that what does not fill a transaction waits for more of its kind, while more may come */
  lingerMs: number;
  clock: () => number;
  pacing: Pacing;
};

export type Planning = {
  /**
   * Plans what blocks have room for, of all jobs by their shares.
   * @returns whether anything was planned or given up
   */
  tick(jobs: readonly Job[], head: Block): Promise<boolean>;
  /** what keeps streams of a job from going on, the worst first; null for nothing */
  hold(job: number): Hold | null;
};

/** Blocks after which a lane that was held up is tried again, if there is another one. */
const HELD_BLOCKS = 10;

/** Pages of a job that are read in one tick, past streams that cannot go on just now. */
const MOST_PAGES = 4;

/** Transactions of a job that may be closed before they are full, for each block. */
const PARTIAL_PER_BLOCK = 4;

/** Of its share of gas, what makes a transaction full. */
const FULL = 0.9;

/** Of a tenant's share, how much jobs of a priority get against each other. */
const WEIGHTS: { [priority in Priority]: number } = { low: 1, normal: 4, high: 16 };

/** A transaction that is to be planned. */
type Draft = { lane: Lane | null; items: number[]; gas: number };

export function createPlanning(options: PlanningOptions): Planning {
  const { store, signing, laneAt, clock, pacing } = options;
  const clocks = newClocks();
  /** When a lane last held, by the head's number: one that has nothing to do holds for nothing, and is not free for that. */
  const heldAt = new Map<Hex, number>();
  const holds = new Map<number, Map<Hex, Hold>>();
  /** what jobs wait for that are not to go at any price */
  const priced = new Map<number, PricedHold>();
  /** transactions that were closed before they were full, under the newest head */
  const partial = new Map<number, { head: Hex; count: number }>();
  /** since when a job has had less waiting than fills a transaction */
  const lingering = new Map<number, number>();

  function isFree(lane: Lane, head: Block): boolean {
    if (lane.isHeld()) heldAt.set(lane.address, head.number);
    const last = heldAt.get(lane.address);
    return last === undefined || head.number - last >= HELD_BLOCKS;
  }

  /** Lanes that nothing holds up, or all of them. */
  function openLanes(head: Block): readonly Lane[] {
    const free = signing().filter((lane) => isFree(lane, head));
    return free.length > 0 ? free : signing();
  }

  function holdStream(job: Job, stream: Hex, why: Hold["why"], detail: string): void {
    const known = holds.get(job.id) ?? new Map<Hex, Hold>();
    holds.set(job.id, known);
    const before = known.get(stream);
    known.set(stream, { why, detail, since: before?.why === why ? before.since : Date.now() });
  }

  /**
   * Takes back what is planned on a lane that cannot sign it, be it that its key is not here, that it is held up while
   * another is free, or that a stream of it is on another one.
   */
  async function giveUpPlans(job: Job, head: Block, alone: boolean): Promise<boolean> {
    const keep = new Set(openLanes(head).map((lane) => lane.address));
    const planned = await store.batches(["planned"], job.id);
    const keys = [...new Set(planned.map((batch) => batch.stream).filter((key) => key !== ZERO_WORD))];
    const streams = await store.streams(job.attester, keys);
    const goes = new Map<number, Hex>();
    for (const { lead, lane, stream } of planned) {
      const bound = streams.get(stream);
      const isBound =
        bound?.signed === true && bound.lane === lane && signing().some((one) => one.address === lane);
      // Also what is only planned: two lanes that sign at a time would begin at the same place.
      const isElsewhere = bound !== undefined && bound.lane !== null && bound.lane !== lane;
      if (isElsewhere || !(keep.has(lane) || isBound)) goes.set(lead, lane);
    }
    // What its own limits hold back keeps no room from others: one transaction of it waits to be tried.
    const held = !alone && isHeldBack(job);
    const [first] = planned;
    if (held) for (const { lead, lane } of planned) if (lead !== first!.lead) goes.set(lead, lane);
    for (const [lead, lane] of goes) await (await laneAt(lane)).voidPlanned(lead);
    return goes.size > 0;
  }

  function isHeldBack(job: Job): boolean {
    return signing().some((lane) => lane.heldJobs().has(job.id));
  }

  /**
   * In a stream, what waits goes before what comes after it in the input. If a batch has failed, those behind it fail
   * too, for the stream has not come to where they begin: what is signed is waited for, what is planned gives way.
   * @returns streams that wait, and whether anything gave way
   */
  async function makeWay(job: Job): Promise<{ waits: Set<Hex>; gaveWay: boolean }> {
    const waits = new Set<Hex>();
    // Only these give items back: without one, what waits is the end of the input, and all items need not be looked at.
    if ((await store.batches(["voided", "reverted", "stolen"], job.id)).length === 0)
      return { waits, gaveWay: false };
    const given = new Set<number>();
    for (const { lead, lane, stream, batch } of await store.aheadOfWaiting(job.id)) {
      if ("inclusion" in batch && batch.inclusion.succeeded) {
        holdStream(
          job,
          stream,
          "order",
          `somebody else has appended to the stream where rows of ${job.name} were meant to be, and later rows came after that`,
        );
        waits.add(stream);
      } else if (batch.state === "planned") {
        if (!given.has(lead)) await (await laneAt(lane)).voidPlanned(lead);
        given.add(lead);
      } else {
        waits.add(stream);
      }
    }
    return { waits, gaveWay: given.size > 0 };
  }

  async function tick(jobs: readonly Job[], head: Block): Promise<boolean> {
    let moved = false;
    const limits = options.limitsAt(head);
    const waits = new Map<number, Set<Hex>>();
    for (const job of jobs) {
      moved = (await giveUpPlans(job, head, jobs.length === 1)) || moved;
      holds.set(job.id, new Map([...(holds.get(job.id) ?? [])].filter(([, hold]) => hold.why === "order")));
      const way = await makeWay(job);
      moved = way.gaveWay || moved;
      for (const { stream, reason, line } of await store.refusals(job.id, SAMPLE)) {
        // The first of a stream is what has to be mended first.
        if (!way.waits.has(stream)) holdStream(job, stream, "refused", `line ${line}: ${reason}`);
        way.waits.add(stream);
      }
      waits.set(job.id, way.waits);
    }
    const unfinished = await unfinishedOf(jobs);
    const total = [...unfinished.values()].reduce((sum, count) => sum + count, 0);
    const free = jobs.length === 1 ? Infinity : await freeGas(jobs, limits);
    const drafted = await draftsOf(jobs, head, limits, waits, unfinished, total, free);
    const taken = choose(drafted, head, unfinished, free);
    for (const { lane, job, groups } of taken) await store.assign(lane.token, job.id, groups);
    return moved || taken.length > 0;
  }

  /** Transactions that are planned, or signed and in no block, by lane. */
  async function unfinishedOf(jobs: readonly Job[]): Promise<Map<Hex, number>> {
    const unfinished = new Map<Hex, number>();
    const add = (lane: Hex) => unfinished.set(lane, (unfinished.get(lane) ?? 0) + 1);
    const able = new Set(signing().map((lane) => lane.address));
    for (const { lane } of await store.unmined()) if (able.has(lane)) add(lane);
    for (const job of jobs) {
      // What is planned for a job that does not run waits for its own run, and would keep this one from planning for ever.
      for (const { id, lead, lane } of await store.batches(["planned"], job.id)) if (id === lead) add(lane);
    }
    return unfinished;
  }

  /** Of the blocks of work that are to be on their way, the gas that nobody has: jobs fill transactions of unlike sizes. */
  async function freeGas(jobs: readonly Job[], limits: Limits): Promise<number> {
    const usable = usableGas(limits);
    const able = new Set(signing().map((lane) => lane.address));
    let free = BLOCKS_AHEAD * usable;
    for (const { lane, attempts } of await store.unmined())
      if (able.has(lane)) free -= Number(attempts.at(-1)?.gasLimit ?? 0n);
    for (const job of jobs) {
      if (isHeldBack(job)) continue;
      const planned = await store.batches(["planned"], job.id);
      const most = Math.min(usable, limits.transactionGas);
      free -= most * planned.filter(({ id, lead }) => id === lead).length;
    }
    return free;
  }

  type Drafted = { job: Job; flow: Flow; shares: Shares; drafts: Draft[] };

  async function draftsOf(
    jobs: readonly Job[],
    head: Block,
    limits: Limits,
    waits: ReadonlyMap<number, ReadonlySet<Hex>>,
    unfinished: ReadonlyMap<Hex, number>,
    total: number,
    free: number,
  ): Promise<Drafted[]> {
    /** streams that come to a lane in this tick, whichever job they are of */
    const bound = new Map<string, Lane | null>();
    const drafted: Drafted[] = [];
    for (const job of jobs) {
      const sample = await store.waiting(job.id, SAMPLE, [...waits.get(job.id)!]);
      if (sample.length === 0) {
        lingering.delete(job.id);
        priced.delete(job.id);
        continue;
      }
      const signed = signing().some((lane) => lane.address !== job.attester);
      const manner = mannerOf(job.act, signed, ZERO_WORD);
      const own = await pacedShares(job, manner, sample, limits, head);
      const shares = within(
        own ??
          (free === Infinity
            ? sharesFor(manner, sample, limits, total)
            : sharesIn(free, manner, sample, limits)),
        roomOn(openLanes(head), unfinished),
      );
      if (shares.room === 0) continue;
      const all = await draftsIn(job, head, limits, shares, sample, waits.get(job.id)!, bound, unfinished);
      const drafts = closed(job, head, all, shares);
      if (drafts.length === 0 || lingers(job, drafts, shares)) continue;
      if (jobs.length > 1 && isHeldBack(job)) {
        if ((await store.batches(["planned"], job.id)).length > 0) continue;
        drafts.length = 1;
      }
      const flow = { tenant: job.tenant, job: job.id, weight: WEIGHTS[job.priority] };
      drafted.push({ job, flow, shares, drafts });
    }
    return drafted;
  }

  /**
   * What a job may take of the next block by its pace; null for one that takes what there is. A block is decided about
   * when the one before it is known: nothing is planned beyond it as long as there is time.
   */
  async function pacedShares(
    job: Job,
    manner: Manner,
    sample: readonly WaitingItem[],
    limits: Limits,
    head: Block,
  ): Promise<Shares | null> {
    const { goal, maxFee } = job.terms;
    const before = priced.get(job.id);
    priced.delete(job.id);
    if (goal === undefined || goal.mode === "max") return null;
    const { waiting } = await store.counts(job.id);
    const gas = gasOfSeveral([workOf(manner, sample)], 1);
    const left = manner.act === "anchor" ? gas : (gas * waiting) / sample.length;
    const { gas: allowed, hold, late } = await pacing.allowance(goal, left, maxFee, head);
    if (hold !== null) priced.set(job.id, pricedHold(goal.mode, hold, before));
    if (allowed === 0) return NONE;
    if (late && goal.mode === "deadline") return null;
    const own = await unfinishedOfJob(job);
    return sharesFor(manner, sample, { ...limits, share: allowed / limits.blockGas }, own, 1);
  }

  async function unfinishedOfJob(job: Job): Promise<number> {
    const signed = (await store.unmined()).filter((batch) => batch.job === job.id);
    const planned = await store.batches(["planned"], job.id);
    return signed.length + planned.filter(({ id, lead }) => id === lead).length;
  }

  /**
   * Of a job that more comes to, transactions that are closed: the full ones, and a few that are not for each block, so
   * that what comes alone need not wait. All that comes meanwhile would else make a small transaction at each look, and
   * the slots of a lane are soon full of them, while blocks are not.
   */
  function closed(job: Job, head: Block, drafts: readonly Draft[], { slots }: Shares): Draft[] {
    if (job.state === "open") return [...drafts];
    const at = partial.get(job.id)?.head === head.hash ? partial.get(job.id)! : { head: head.hash, count: 0 };
    partial.set(job.id, at);
    const stopped = new Set<Lane>();
    return drafts.filter(({ lane, gas }) => {
      // What is behind a transaction that waits may be of the same stream.
      if (lane !== null && stopped.has(lane)) return false;
      if (gas >= FULL * slots.gas || (at.count += 1) <= PARTIAL_PER_BLOCK) return true;
      if (lane !== null) stopped.add(lane);
      return false;
    });
  }

  /** Whether so little waits that it may wait for more, which would share its transaction. */
  function lingers(job: Job, drafts: readonly Draft[], { slots }: Shares): boolean {
    const [only] = drafts;
    const isSmall = drafts.length === 1 && only!.gas < slots.gas / 2;
    if (job.state === "open" || options.lingerMs === 0 || !isSmall) {
      lingering.delete(job.id);
      return false;
    }
    const since = lingering.get(job.id) ?? clock();
    lingering.set(job.id, since);
    if (clock() - since < options.lingerMs) return true;
    lingering.delete(job.id);
    return false;
  }

  async function draftsIn(
    job: Job,
    head: Block,
    limits: Limits,
    shares: Shares,
    sample: readonly WaitingItem[],
    waits: ReadonlySet<Hex>,
    bound: Map<string, Lane | null>,
    unfinished: ReadonlyMap<Hex, number>,
  ): Promise<Draft[]> {
    const signed = signing().some((lane) => lane.address !== job.attester);
    const except = new Set(waits);
    const states = new Map<Hex, StreamState>();
    const drafts: Draft[] = [];
    const load = new Map(unfinished);
    let anyLoose = false;
    for (let page = 0; page < MOST_PAGES && drafts.length < shares.room; page += 1) {
      const want = Math.max(SAMPLE, shares.page);
      const waiting: readonly WaitingItem[] =
        page === 0 && sample.length < SAMPLE ? sample : await store.waiting(job.id, want, [...except]);
      const more = waiting.length >= want;
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
        drafts.push(...loose(job, signed, waiting, limits, shares, more));
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
        let transactions = bundle(manner, items, limits, shares.slots);
        // What does not fill its transaction is taken up again with what waits behind it.
        if (more && transactions.length > 1) transactions = transactions.slice(0, -1);
        transactions = transactions.slice(0, lane.slots - (load.get(lane.address) ?? 0));
        for (const one of transactions) {
          drafts.push({ lane, items: one.map(({ id }) => id), gas: gasOfRuns(manner, one) });
          load.set(lane.address, (load.get(lane.address) ?? 0) + 1);
        }
        for (const { stream } of items) except.add(stream);
      }
      // Another page only past what could not be taken from this one.
      if (!more || except.size === passed) break;
    }
    return drafts;
  }

  /** Transactions of what is in no stream; after one that failed, no more together than may go with what was in it. */
  function loose(
    job: Job,
    signed: boolean,
    waiting: readonly WaitingItem[],
    limits: Limits,
    shares: Shares,
    more: boolean,
  ): Draft[] {
    const manner = mannerOf(job.act, signed, ZERO_WORD);
    const items = waiting.filter((item) => item.stream === ZERO_WORD);
    const sound = items.filter((item) => item.most === null);
    const gasOfItems = (ids: readonly number[]) => {
      const sizes = new Map(items.map((item) => [item.id, item]));
      return gasOfSeveral(
        [
          workOf(
            manner,
            ids.map((id) => sizes.get(id)!),
          ),
        ],
        1,
      );
    };
    const groups = sound.length === 0 ? [] : plan(manner, sound, limits, shares, more);
    let suspects = items.filter((item) => item.most !== null);
    while (suspects.length > 0) {
      const few = suspects.slice(0, suspects[0]!.most!);
      const [first] = plan(manner, few, limits, { ...shares, room: 1 }, false);
      groups.push(first!);
      suspects = suspects.slice(first!.length);
    }
    return groups.map((ids) => ({ lane: null, items: ids, gas: gasOfItems(ids) }));
  }

  function gasOfRuns(manner: (stream: Hex) => Manner, items: readonly WaitingItem[]): number {
    const runs = new Map<Hex, WaitingItem[]>();
    for (const item of items) pushTo(runs, item.stream, item);
    return gasOfSeveral(
      [...runs].map(([stream, sizes]) => workOf(manner(stream), sizes)),
      1,
    );
  }

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
        holdStream(job, stream, "stream", detail);
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

  /** Gives the room that there is to whoever's turn it is, until nobody wants any or there is none. */
  function choose(
    drafted: readonly Drafted[],
    head: Block,
    unfinished: ReadonlyMap<Hex, number>,
    free: number,
  ): { lane: Lane; job: Job; groups: number[][] }[] {
    const load = new Map(unfinished);
    const taken: { lane: Lane; job: Job; groups: number[][] }[] = [];
    let given = 0;
    const wanting = drafted.map((one) => ({
      ...one.flow,
      ...one,
      drafts: one.drafts.slice(0, one.shares.room),
    }));
    for (;;) {
      const open = wanting.filter(({ drafts }) => drafts.length > 0);
      if (open.length === 0 || given >= free) return taken;
      const flow = nextFlow(
        clocks,
        open.map((one) => ({ ...one.flow, of: one })),
      );
      const { drafts, job } = flow.of;
      const { lane: of, items, gas } = drafts.shift()!;
      const lane = of ?? leastLoaded(openLanes(head), load);
      load.set(lane.address, (load.get(lane.address) ?? 0) + 1);
      charge(clocks, flow, gas);
      pacing.took(gas);
      given += gas;
      const last = taken.findLast((one) => one.lane === lane);
      if (last?.job === job) last.groups.push(items);
      else taken.push({ lane, job, groups: [items] });
    }
  }

  return {
    tick,
    hold(job) {
      const found = [...(holds.get(job)?.values() ?? [])];
      return found.find((hold) => hold.why !== "stream") ?? found[0] ?? priced.get(job)?.hold ?? null;
    },
  };
}

/** Whoever has less than a transaction of room gets one all the same: else who fills smaller ones always came first. */
function sharesIn(free: number, manner: Manner, sample: readonly WaitingItem[], limits: Limits): Shares {
  const shares = sharesFor(manner, sample, limits, 0);
  return within(shares, free <= 0 ? 0 : Math.max(1, Math.floor(free / shares.slots.gas)));
}

/** Nothing of a block. */
const NONE: Shares = { slots: { perBlock: 1, gas: 0 }, items: 0, room: 0, page: 0 };

type PricedHold = { hold: Hold; price: PriceHold };

/** A hold is said again when what it waits for is another price by a fourth: else there would be a line for each block. */
const SAME = 1.25;

function pricedHold(mode: Mode, price: PriceHold, before: PricedHold | undefined): PricedHold {
  const since = before?.hold.since ?? Date.now();
  if (before !== undefined && before.price.why === price.why) {
    const ratio = Number(price.below) / Number(before.price.below);
    if (ratio < SAME && ratio > 1 / SAME) return before;
  }
  const { why, baseFee, below, until } = price;
  const asks = `the next block asks ${baseFee} wei`;
  const detail =
    why === "cap" || until === null
      ? `${asks} and the cap is ${below} wei`
      : `${asks}, and mode ${mode} waits for ${below} wei, until ${new Date(until * 1000).toISOString().slice(0, 16)}Z at the latest`;
  return { hold: { why: "fee", detail, since }, price };
}

/** Transactions that lanes can still have on their way. */
function roomOn(lanes: readonly Lane[], load: ReadonlyMap<Hex, number>): number {
  return lanes.reduce((sum, lane) => sum + Math.max(0, lane.slots - (load.get(lane.address) ?? 0)), 0);
}

function within(shares: Shares, most: number): Shares {
  if (shares.room <= most) return shares;
  return { ...shares, room: most, page: Math.ceil((shares.page * most) / shares.room) };
}

function leastLoaded(lanes: readonly Lane[], load: ReadonlyMap<Hex, number>): Lane {
  const of = (lane: Lane) => load.get(lane.address) ?? 0;
  return lanes.reduce((a, b) => (of(b) < of(a) ? b : a));
}

function pushTo<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [value]);
  else known.push(value);
}
