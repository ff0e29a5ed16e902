import type { Block } from "../chain/chain.js";
import { gasOfSeveral, type Manner, mannerOf, workOf } from "../gas.js";
import { type Hex, ZERO_WORD } from "../hex.js";
import type { Hold, Lane } from "../lane/lane.js";
import { charge, type Flow, newClocks, nextFlow } from "../planner/fair.js";
import { BLOCKS_AHEAD, SAMPLE, type Shares, sharesFor } from "../planner/planner.js";
import { type Limits, usableGas } from "../planner/split.js";
import type { Mode, PriceHold } from "../pace.js";
import { createDrafting, type Draft, type DraftingTask, isSigned, leastLoaded } from "./drafting.js";
import { type OnTheWay, onTheWay } from "./onTheWay.js";
import type { Pacing } from "./pacing.js";
import type { Job, Priority, Store, StoredBatch, WaitingItem } from "../store/store.js";

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

/**
 * Transactions of a job that are on their way while another is closed before it is full. Else all that comes within a
 * block makes a transaction at each look, and the slots of a lane are full of small ones while blocks are not.
 */
const MOST_SMALL = 8;

/** Of a tenant's share, how much jobs of a priority get against each other. */
const WEIGHTS: { [priority in Priority]: number } = { low: 1, normal: 4, high: 16 };

export function createPlanning(options: PlanningOptions): Planning {
  const { store, signing, laneAt, clock, pacing } = options;
  const clocks = newClocks();
  /** When a lane last held, by the head's number: one that has nothing to do holds for nothing, and is not free for that. */
  const heldAt = new Map<Hex, number>();
  const holds = new Map<number, Map<Hex, Hold>>();
  /** what jobs wait for that are not to go at any price */
  const priced = new Map<number, PricedHold>();
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
   * @returns the batches that lead what was taken back
   */
  async function giveUpPlans(
    job: Job,
    planned: readonly StoredBatch[],
    head: Block,
    alone: boolean,
  ): Promise<Set<number>> {
    const keep = new Set(openLanes(head).map((lane) => lane.address));
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
    return new Set(goes.keys());
  }

  function isHeldBack(job: Job): boolean {
    return signing().some((lane) => lane.heldJobs().has(job.id));
  }

  /**
   * In a stream, what waits goes before what comes after it in the input. If a batch has failed, those behind it fail
   * too, for the stream has not come to where they begin: what is signed is waited for, what is planned gives way.
   * @returns streams that wait, and the batches that lead what gave way
   */
  async function makeWay(job: Job): Promise<{ waits: Set<Hex>; gone: Set<number> }> {
    const waits = new Set<Hex>();
    const gone = new Set<number>();
    // Only these give items back: without one, what waits is the end of the input, and all items need not be looked at.
    if ((await store.batches(["voided", "reverted", "stolen"], job.id)).length === 0) return { waits, gone };
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
        if (!gone.has(lead)) await (await laneAt(lane)).voidPlanned(lead);
        gone.add(lead);
      } else {
        waits.add(stream);
      }
    }
    return { waits, gone };
  }

  const draft = createDrafting({
    ...{ store, signing, openLanes },
    holdStream: (job, stream, detail) => holdStream(job, stream, "stream", detail),
  });

  async function tick(jobs: readonly Job[], head: Block): Promise<boolean> {
    const limits = options.limitsAt(head);
    const alone = jobs.length === 1;
    const waits = new Map<number, Set<Hex>>();
    const planned = new Map<number, StoredBatch[]>();
    let moved = false;
    for (const job of jobs) {
      const found = await store.batches(["planned"], job.id);
      const gone = await giveUpPlans(job, found, head, alone);
      holds.set(job.id, new Map([...(holds.get(job.id) ?? [])].filter(([, hold]) => hold.why === "order")));
      const way = await makeWay(job);
      for (const lead of way.gone) gone.add(lead);
      moved ||= gone.size > 0;
      planned.set(
        job.id,
        found.filter(({ lead }) => !gone.has(lead)),
      );
      for (const { stream, reason, line } of await store.refusals(job.id, SAMPLE)) {
        // The first of a stream is what has to be mended first.
        if (!way.waits.has(stream)) holdStream(job, stream, "refused", `line ${line}: ${reason}`);
        way.waits.add(stream);
      }
      waits.set(job.id, way.waits);
    }
    const addresses = (lanes: readonly Lane[]) => new Set(lanes.map((lane) => lane.address));
    // What its own limits hold back keeps no room from others.
    const going = jobs.filter((job) => alone || !isHeldBack(job));
    const way = onTheWay(
      await store.unmined(),
      going.flatMap((job) => planned.get(job.id)!),
      Math.min(usableGas(limits), limits.transactionGas),
      addresses(signing()),
      addresses(openLanes(head)),
    );
    const bound: DraftingTask["bound"] = new Map();
    const drafted: Drafted[] = [];
    for (const job of jobs) {
      // Of what is held back, one transaction waits to be tried.
      const isHeld = !going.includes(job);
      if (isHeld && planned.get(job.id)!.length > 0) continue;
      const one = await draftsOf(job, head, limits, waits.get(job.id)!, way, alone, bound);
      if (one === null) continue;
      drafted.push(isHeld ? { ...one, drafts: one.drafts.slice(0, 1) } : one);
    }
    const taken = choose(drafted, head, way, alone ? Infinity : freeGas(way, limits));
    for (const { lane, job, groups } of taken) await store.assign(lane.token, job.id, groups);
    return moved || taken.length > 0;
  }

  type Drafted = { job: Job; flow: Flow; shares: Shares; drafts: Draft[] };

  /** @returns null if nothing of the job is to be planned now */
  async function draftsOf(
    job: Job,
    head: Block,
    limits: Limits,
    waits: ReadonlySet<Hex>,
    way: OnTheWay,
    alone: boolean,
    bound: DraftingTask["bound"],
  ): Promise<Drafted | null> {
    const sample = await store.waiting(job.id, SAMPLE, [...waits]);
    if (sample.length === 0) {
      lingering.delete(job.id);
      priced.delete(job.id);
      return null;
    }
    const manner = mannerOf(job.act, isSigned(job.attester, signing()), ZERO_WORD);
    const paced = await pacedShares(job, manner, sample, limits, head, way);
    const shares = within(
      paced ?? roomBeside(way, alone, manner, sample, limits),
      roomOn(openLanes(head), way.load),
    );
    if (shares.room === 0) return null;
    const all = await draft({ job, head, limits, shares, sample, waits, load: way.load, bound });
    const drafts = job.state === "open" ? all : closed(all, way.nearOf(job.id), usableGas(limits));
    if (drafts.length === 0 || lingers(job, drafts, shares)) return null;
    const flow = { tenant: job.tenant, job: job.id, weight: WEIGHTS[job.priority] };
    return { job, flow, shares, drafts };
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
    way: OnTheWay,
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
    const share = allowed / limits.blockGas;
    return sharesFor(manner, sample, { ...limits, share }, way.countOf(job.id), 1);
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

  /** Gives the room that there is to whoever's turn it is, until nobody wants any or there is none. */
  function choose(
    drafted: readonly Drafted[],
    head: Block,
    way: OnTheWay,
    free: number,
  ): { lane: Lane; job: Job; groups: number[][] }[] {
    const load = new Map(way.load);
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

/** Of the blocks of work that are to be on their way, the gas that nobody has. */
function freeGas(way: OnTheWay, limits: Limits): number {
  return BLOCKS_AHEAD * usableGas(limits) - way.gas;
}

/** Room beside what is on its way, in transactions of items like these. */
function roomBeside(
  way: OnTheWay,
  alone: boolean,
  manner: Manner,
  sample: readonly WaitingItem[],
  limits: Limits,
): Shares {
  const shares = sharesFor(manner, sample, limits, 0);
  if (alone) {
    // Small ones are not as many, but any number of anchors fits a block.
    const taken = manner.act === "anchor" ? way.count : Math.round(way.gas / shares.slots.gas);
    return within(shares, Math.max(0, shares.room - taken));
  }
  // Whoever has less than a transaction of room gets one all the same: else who fills smaller ones always came first.
  const free = freeGas(way, limits);
  return within(shares, free <= 0 ? 0 : Math.max(1, Math.floor(free / shares.slots.gas)));
}

/**
 * Of a job that more comes to, transactions that are closed: the full ones, and one that is not if the next block has
 * room for it beside what the job has on its way. For one that has not, waiting costs nothing, and it fills meanwhile.
 */
function closed(drafts: readonly Draft[], near: { count: number; gas: number }, usable: number): Draft[] {
  let { count, gas } = near;
  return drafts.filter((draft) => {
    const isTime = draft.full || (count < MOST_SMALL && gas + draft.gas <= usable);
    if (!isTime) return false;
    count += 1;
    gas += draft.gas;
    return true;
  });
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
