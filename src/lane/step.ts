import type { SendReply } from "../chain/chain.js";
import { isDue } from "../batch.js";
import { bid, type Bid, type FeeDecision, outbid, rebid } from "../fees.js";
import type { Hex } from "../hex.js";

/**
 * A lane's decisions, pure: `step` takes an event and says what the state is then, what is to be written down, and what
 * is to be done once that is on the disk. What was not written is not done. The state is loaded from the store at the
 * start of each tick, so a restart is a tick like any other (law 9).
 */
export type LaneState = {
  policy: Policy;
  /** signed and in no block, by nonce */
  signed: readonly SignedBatch[];
  /** planned, in the order in which they are to be signed */
  planned: readonly PlannedBatch[];
  /** of those, what is being made; the answers come in the same order */
  preparing: readonly number[];
  /** Unix milliseconds */
  now: number;
  world: World | null;
  /** signed batches that are to be handed in (again) in this tick, by nonce */
  queue: readonly number[];
  /** of those, what waits for another attempt to be journaled */
  withheld: readonly number[];
  /** all that is signed has been handed in again in this tick, for the node missed something below */
  handedInAll: boolean;
  obstacle: Obstacle | null;
  /** what is odd, and keeps nothing from going on */
  notice: Obstacle | null;
  /** jobs whose own limits let nothing more of them go, while the lane goes on with others */
  held: ReadonlyMap<number, Obstacle>;
  moved: boolean;
};

export type Policy = {
  lane: Hex;
  /** how long a sent transaction may be missing before its bytes are handed in again */
  patienceMs: number;
  /** blocks that an attempt is given before it is outbid */
  patienceBlocks: number;
  /** the lowest nonce has been the lowest for so long that its bytes are handed in again: a pool may have lost them */
  misses: boolean;
  /** transactions that a pool surely keeps of one account */
  slots: number;
  /** batches that are made at a time; one where it begins where another ends */
  ahead: number;
  /** gas that one transaction may use */
  transactionGas: number;
  /** bytes that one transaction may have */
  transactionBytes: number;
  /** whether the key is here: without it, bytes can be handed in and nothing else */
  signs: boolean;
};

/** Batches that go in one transaction, by the one that leads. `cap`: wei per gas that its job pays at most. */
export type PlannedBatch = {
  id: number;
  job: number;
  cap: bigint | null;
  /** appends to a stream: it begins where what is signed before it ends */
  ordered: boolean;
};

export type SignedBatch = {
  id: number;
  job: number;
  cap: bigint | null;
  nonce: number;
  sentAt: number | null;
  /** oldest first, at least one */
  attempts: readonly Attempt[];
};

/** `head`: the newest block when it was signed; `l1Fee`: wei that the chain may take for data, where it takes any */
export type Attempt = Bid & {
  gasLimit: bigint;
  l1Fee?: bigint;
  noop: boolean;
  head: { number: number; timestamp: number };
};

/** What a node says of the chain and of the lane's account, all of one moment. */
export type World = {
  head: { number: number; timestamp: number; gasLimit: bigint; baseFee: bigint };
  /** wei per gas */
  tip: bigint;
  /** transactions of the account that are in blocks */
  mined: number;
  /** wei */
  balance: bigint;
};

/** Why a lane does nothing. It keeps its nonce and goes on by itself. */
export type HoldReason =
  "fee" | "budget" | "funds" | "nonce" | "refused" | "node" | "stream" | "order" | "early";
export type Obstacle = { why: HoldReason; detail: string };

export type LaneEvent =
  | { kind: "tick"; now: number; head: World["head"] }
  | { kind: "looked"; world: World }
  /** a batch's payload is made, and a node has run it */
  | {
      kind: "prepared";
      batch: number;
      items: number;
      bytes: number;
      gasLimit: bigint;
      /** wei that the chain may take for those bytes besides gas */
      l1Fee?: bigint;
      verdict: Verdict;
    }
  /** what became of the attempts of one step: all that were written down, and whether one was too much for a budget */
  | {
      kind: "journaled";
      attempts: readonly Journaled[];
      /** `batch`: the one that was not to be signed or outbid; null for a no-op at a nonce that nobody holds */
      overspent: { batch: number | null; needed: bigint; left: bigint } | null;
    }
  | { kind: "replied"; batch: number; reply: SendReply; at: number };

export type Journaled = { batch: number; nonce: number; attempt: Attempt };

export type Verdict =
  | { kind: "passes" }
  /** `waits`: its place in a stream is not settled; `refused`: for what no item of it is at fault */
  /** `early`: what it is about is on its way here */
  | { kind: "waits" | "early" | "refused" | "unavailable"; detail: string }
  /** the registry refuses these items, and would take the others */
  | { kind: "poisoned"; refused: readonly RefusedItem[] };

/** `item`: its id; `reason`: the registry's error, decoded */
export type RefusedItem = { item: number; reason: string };

/** Before any command of its step. What is journaled comes back as one event for all attempts of the step. */
export type Write =
  | { kind: "sign"; batch: number; bid: Bid; gasLimit: bigint; l1Fee?: bigint; mined: number }
  | { kind: "replace"; batch: number; bid: Bid; l1Fee?: bigint; noop: boolean }
  | { kind: "fill"; job: number; nonce: number; bid: Bid; l1Fee?: bigint }
  | { kind: "sent"; batch: number; at: number }
  | { kind: "void"; batch: number }
  | { kind: "refuse"; batch: number; refused: readonly RefusedItem[] };

export type Command =
  | { kind: "look" }
  | { kind: "prepare"; batch: number }
  /** hands in the newest attempt of a batch */
  | { kind: "send"; batch: number };

export type Step = { state: LaneState; writes: Write[]; commands: Command[] };

/** Attempts at one nonce: eight eighths more are two and a half times the first, and whoever needs more needs a person. */
const MOST_ATTEMPTS = 8;

/** Gas of a no-op: a transfer of nothing to oneself. */
export const NOOP_GAS = 21_000n;

/** Nonces that are filled in one go. */
const MOST_FILLED = 16;

export function laneState(
  policy: Policy,
  signed: readonly SignedBatch[],
  planned: readonly PlannedBatch[],
): LaneState {
  return {
    policy,
    signed: [...signed].sort((a, b) => a.nonce - b.nonce),
    planned,
    preparing: [],
    now: 0,
    world: null,
    queue: [],
    withheld: [],
    handedInAll: false,
    obstacle: null,
    notice: null,
    held: new Map(),
    moved: false,
  };
}

export function step(state: LaneState, event: LaneEvent): Step {
  switch (event.kind) {
    case "tick":
      return begin({ ...state, now: event.now }, event.head);
    case "looked":
      return survey({ ...state, world: event.world });
    case "prepared":
      return decide(state, event);
    case "journaled":
      return handIn(state, event);
    case "replied":
      return replied(state, event);
  }
}

/** Looks at the chain if there is anything to do there; most ticks end here. */
function begin(state: LaneState, head: World["head"]): Step {
  const { policy, signed, planned } = state;
  const due = signed.some((batch) => isDue(batch.sentAt, state.now, policy.patienceMs));
  const late = signed.some((batch) => isLate(batch, head, policy));
  const missed = policy.misses && signed.length > 0;
  if (due || late || missed || (policy.signs && planned.length > 0))
    return { state, writes: [], commands: [{ kind: "look" }] };
  return { state, writes: [], commands: [] };
}

/**
 * What stands first in the way of the lane: a nonce below all of ours that nobody holds; a transaction that no longer
 * fits a block; one that pays too little. All of them keep their nonce (law 4), whatever is found.
 */
function survey(state: LaneState): Step {
  const { policy, signed } = state;
  const world = state.world!;
  // What is below the count is used up, by what the tracker will find out; the chain asks for the next.
  const lowest = lowestOpen(signed, world);
  const writes: Write[] = [];
  let { obstacle } = state;
  if (lowest !== undefined && world.mined < lowest.nonce) {
    // Somebody's transaction was there when ours was signed, and was undone. It may come back until this is late.
    obstacle = {
      why: "nonce",
      detail: `nonce ${world.mined} of ${policy.lane} is free, and what waits begins at nonce ${lowest.nonce}`,
    };
    if (policy.signs && isLate(lowest, world.head, policy)) writes.push(...fills(world, lowest));
  } else {
    const unfit = signed.filter(({ attempts }) => attempts.at(-1)!.gasLimit > world.head.gasLimit);
    const replaced = unfit.map((batch) => cancel(state, batch));
    if (lowest !== undefined && !unfit.includes(lowest) && world.mined === lowest.nonce)
      replaced.push(raise(state, lowest));
    for (const one of replaced) {
      if (one !== null && "kind" in one) writes.push(one);
      else obstacle ??= one;
    }
  }
  const written = new Set(writes.map((one) => ("batch" in one ? one.batch : null)));
  const due = signed
    .filter(
      (batch) =>
        isDue(batch.sentAt, state.now, policy.patienceMs) ||
        // What is above the lowest waits for it, wherever it is.
        (batch === lowest && policy.misses),
    )
    .map((batch) => batch.id);
  const queue = due.filter((id) => !written.has(id));
  const next = { ...state, obstacle, queue, withheld: due.filter((id) => written.has(id)) };
  const [first] = signed;
  if (first !== undefined && world.mined > first.nonce && isLate(first, world.head, policy)) {
    next.notice = {
      why: "nonce",
      detail: `nonce ${first.nonce} of ${policy.lane} is used up, and by what will be known when that is final`,
    };
  }
  // What is written comes back journaled, and is handed in then.
  if (writes.length > 0) return { state: next, writes, commands: [] };
  return goOn(next);
}

/** The next thing of a tick, unless something is in the way: hand in what is due, then make what is planned. */
function goOn(state: LaneState): Step {
  const [first] = state.queue;
  if (first !== undefined) return { state, writes: [], commands: [{ kind: "send", batch: first }] };
  const { world, planned, obstacle } = state;
  if (obstacle !== null || world === null) return prepareNext(state);
  // Nobody need be asked what a batch does that cannot be paid for.
  const dear = planned.flatMap(({ job, cap }) => {
    const decision = bid(quoteOf(world), cap, NOOP_GAS);
    return decision.kind === "bid" ? [] : [{ job, obstacle: tooDear(decision) }];
  });
  return prepareNext(dear.reduce((next, one) => holdJob(next, one.job, one.obstacle), state));
}

/** Nothing more of a job goes in this tick. What is planned of others on the lane does not wait for it. */
function holdJob(state: LaneState, job: number, obstacle: Obstacle): LaneState {
  const planned = state.planned.filter((one) => one.job !== job);
  return { ...state, planned, held: new Map([...state.held, [job, state.held.get(job) ?? obstacle]]) };
}

function prepareNext(state: LaneState): Step {
  const { policy, planned, preparing, signed, obstacle, world } = state;
  // A node that does not answer what is handed in gets no more to sign.
  const unsent = signed.filter((batch) => batch.sentAt === null).length;
  const free =
    Math.min(policy.ahead, policy.ahead + 1 - unsent, policy.slots - signed.length) - preparing.length;
  if (obstacle !== null || world === null || !policy.signs || free <= 0)
    return { state, writes: [], commands: [] };
  const open = planned.filter(({ id }) => !preparing.includes(id)).slice(0, free);
  // Where a batch begins is known once what comes before it is signed.
  const first = planned.find(({ id }) => preparing.includes(id)) ?? open[0];
  if (first?.ordered === true && preparing.length > 0) return { state, writes: [], commands: [] };
  const ordered = open.findIndex((one) => one.ordered);
  const next = open
    .slice(0, ordered === -1 ? open.length : ordered === 0 && preparing.length === 0 ? 1 : ordered)
    .map(({ id }) => id);
  return {
    state: { ...state, preparing: [...preparing, ...next] },
    writes: [],
    commands: next.map((batch) => ({ kind: "prepare", batch })),
  };
}

function decide(before: LaneState, event: Extract<LaneEvent, { kind: "prepared" }>): Step {
  const state = { ...before, preparing: before.preparing.filter((id) => id !== event.batch) };
  const { policy } = state;
  const world = state.world!;
  const { verdict, gasLimit, batch } = event;
  const planned = state.planned.find(({ id }) => id === batch);
  // Something has come in between; the batch is made again in its turn.
  if (state.obstacle !== null || state.queue.length > 0 || planned === undefined)
    return { state, writes: [], commands: [] };
  const { cap, job } = planned;
  // In a stream nothing may go before what gives way: what is planned behind it waits for the planner.
  const others = planned.ordered
    ? state.planned.filter((one) => !one.ordered)
    : state.planned.filter(({ id }) => id !== batch);
  const giveUp = (write: Write): Step => {
    const next = prepareNext({ ...state, planned: others, moved: true });
    return { ...next, writes: [write] };
  };
  if (verdict.kind === "waits") return giveUp({ kind: "void", batch });
  if (verdict.kind === "unavailable") return stop(state, { why: "node", detail: verdict.detail });
  const most = Math.min(policy.transactionGas, Number(world.head.gasLimit));
  if (gasLimit > most || event.bytes > policy.transactionBytes) {
    if (event.items <= 1) {
      const size = gasLimit > most ? `${gasLimit} gas` : `${event.bytes} bytes`;
      const detail = `${size} are more than a transaction may have`;
      return prepareNext(holdJob(state, job, { why: "refused", detail }));
    }
    // The chain takes less than when it was planned: what is not signed is split again.
    return giveUp({ kind: "void", batch });
  }
  if (verdict.kind === "poisoned") return giveUp({ kind: "refuse", batch, refused: verdict.refused });
  if (verdict.kind === "early")
    return prepareNext(holdJob(state, job, { why: "early", detail: verdict.detail }));
  // It is about what the job says, and others say something else.
  if (verdict.kind === "refused")
    return prepareNext(holdJob(state, job, { why: "refused", detail: verdict.detail }));

  const decision = bid(quoteOf(world), cap, gasLimit);
  if (decision.kind !== "bid") return prepareNext(holdJob(state, job, tooDear(decision)));
  const cost = decision.bid.maxFee * gasLimit + (event.l1Fee ?? 0n);
  const inFlight = costOf(state.signed);
  if (world.balance < cost + inFlight) {
    return stop(state, {
      why: "funds",
      detail: `${policy.lane} has ${world.balance} wei; what is on its way may cost ${inFlight} and the next batch ${cost}`,
    });
  }
  return {
    state,
    writes: [
      { kind: "sign", batch, bid: decision.bid, gasLimit, ...l1FeeOf(event.l1Fee), mined: world.mined },
    ],
    commands: [],
  };
}

/** They are on disk: now they may leave (law 3). What comes after a new one is made meanwhile. */
function handIn(state: LaneState, { attempts, overspent }: Extract<LaneEvent, { kind: "journaled" }>): Step {
  const added = new Set(attempts.map((one) => one.batch));
  const isNew = state.planned.find(({ id }) => added.has(id));
  const signed = new Map(state.signed.map((one) => [one.id, one]));
  for (const { batch, nonce, attempt } of attempts) {
    const before = signed.get(batch) ?? state.planned.find(({ id }) => id === batch);
    // A gap is filled for what waits behind it.
    const { job, cap } = before ?? state.signed.find((one) => one.nonce > nonce) ?? { job: 0, cap: null };
    const earlier = signed.get(batch)?.attempts ?? [];
    signed.set(batch, { id: batch, job, cap, nonce, sentAt: null, attempts: [...earlier, attempt] });
  }
  let next: LaneState = {
    ...state,
    moved: state.moved || attempts.length > 0,
    signed: [...signed.values()].sort((a, b) => a.nonce - b.nonce),
    planned: state.planned.filter(({ id }) => !added.has(id)),
    withheld: [],
  };
  if (overspent !== null) {
    const obstacle: Obstacle = {
      why: "budget",
      detail: `the next transaction may cost ${overspent.needed} wei and ${overspent.left} wei are left`,
    };
    const refused = state.planned.find(({ id }) => id === overspent.batch);
    if (refused === undefined) next.obstacle = obstacle;
    else {
      next = holdJob(next, refused.job, obstacle);
      return prepareNext(next);
    }
  }
  if (isNew !== undefined) {
    const on = prepareNext(next);
    return { ...on, commands: [{ kind: "send", batch: isNew.id }, ...on.commands] };
  }
  // What was replaced or filled takes its turn among what is due.
  // What the budget does not allow to be replaced goes out as it was.
  const turn = new Set([...added, ...state.queue, ...state.withheld]);
  const queue = next.signed.map((one) => one.id).filter((id) => turn.has(id));
  return goOn({ ...next, queue });
}

/** Nothing that a node answers changes a nonce or a payload (law 7). */
function replied(state: LaneState, { batch, reply, at }: Extract<LaneEvent, { kind: "replied" }>): Step {
  const wasQueued = state.queue[0] === batch;
  const rest = { ...state, queue: state.queue.filter((id) => id !== batch) };
  const on = (next: LaneState, writes: Write[]): Step => ({
    ...(wasQueued ? goOn(next) : prepareNext(next)),
    writes,
  });
  const refused = state.signed.find((one) => one.id === batch);

  if (reply.kind === "nonce too high" && !state.handedInAll) {
    // The pool lacks what comes before: a node that was started again, or that dropped it.
    const queue = state.signed.map((one) => one.id);
    return goOn({ ...rest, queue, handedInAll: true });
  }
  if (reply.kind === "too large" && refused !== undefined) {
    const cancelled = cancel(state, refused);
    // What comes after it is as large.
    const obstacle: Obstacle = { why: "refused", detail: reply.message };
    if (cancelled !== null && "kind" in cancelled)
      return { state: { ...rest, obstacle }, writes: [cancelled], commands: [] };
  }
  const dearer = reply.kind === "underpriced" && refused !== undefined ? outdo(state, refused) : null;
  if (dearer !== null) return { state: rest, writes: [dearer], commands: [] };
  const problem = problemOf(reply);
  if (problem !== null) {
    const detail = "message" in reply ? reply.message : reply.kind;
    const obstacle = state.obstacle ?? { why: problem, detail };
    return { state: { ...rest, queue: [], obstacle }, writes: [], commands: [] };
  }
  // What was handed in before is new to the pool: it has lost it, and maybe all above it.
  const lost = reply.kind === "accepted" && refused?.sentAt != null && refused === state.signed[0];
  if (lost && !state.handedInAll) {
    rest.queue = state.signed.slice(1).map((one) => one.id);
    rest.handedInAll = true;
  }
  const sent = {
    ...rest,
    moved: true,
    signed: rest.signed.map((one) => (one.id === batch ? { ...one, sentAt: at } : one)),
  };
  return on(sent, [{ kind: "sent", batch, at }]);
}

/** Answers after which the lane has to wait; null for those after which it only watches. */
function problemOf(reply: SendReply): HoldReason | null {
  switch (reply.kind) {
    case "accepted":
    case "known":
    // Something of this nonce is in the chain. Whose it is, the tracker finds out, and nothing is decided here.
    case "nonce too low":
    // An older attempt lives on in the pool.
    case "underpriced":
      return null;
    case "funds":
      return "funds";
    case "fee too low":
      return "fee";
    case "nonce too high":
    case "no answer":
      return "node";
    case "too large":
    case "refused":
      return "refused";
  }
}

/**
 * Waiting is counted in the chain's own blocks and in their time: a chain that stands still makes nobody pay more, and
 * neither does a clock that is wrong.
 */
function isLate(batch: SignedBatch, head: World["head"], policy: Policy): boolean {
  const since = batch.attempts.at(-1)!.head;
  return (
    head.number - since.number >= policy.patienceBlocks &&
    (head.timestamp - since.timestamp) * 1000 >= policy.patienceMs
  );
}

type Replacement = Extract<Write, { kind: "replace" }>;

/**
 * Outbids the lowest nonce if it has waited long and pays too little: whatever is above it waits for it.
 * @returns what stands against that, or null if nothing is to be done
 */
function raise(state: LaneState, lowest: SignedBatch): Replacement | Obstacle | null {
  const { policy } = state;
  const world = state.world!;
  if (!isLate(lowest, world.head, policy)) return null;
  const { gasLimit, maxFee, noop } = lowest.attempts.at(-1)!;
  const decision = rebid(quoteOf(world), lowest.cap, gasLimit, lowest.attempts);
  switch (decision.kind) {
    case "enough":
      return null;
    case "hold":
      return world.head.baseFee > maxFee ? tooDear(decision) : null;
    case "bid": {
      if (lowest.attempts.length >= MOST_ATTEMPTS)
        return { why: "fee", detail: `nonce ${lowest.nonce} has been offered ${MOST_ATTEMPTS} times` };
      return unable(state, lowest, gasLimit, decision.bid) ?? replacement(lowest, decision.bid, noop);
    }
  }
}

/**
 * Above what is in the pool at our lowest nonce and does not move: an attempt of ours that the journal knows, or one that
 * somebody else sent with this key.
 */
function outdo(state: LaneState, batch: SignedBatch): Replacement | null {
  const { policy, world, signed } = state;
  if (world === null || lowestOpen(signed, world) !== batch || !isLate(batch, world.head, policy))
    return null;
  if (batch.attempts.length >= MOST_ATTEMPTS) return null;
  const { gasLimit, noop } = batch.attempts.at(-1)!;
  const decision = outbid(quoteOf(world), batch.cap, gasLimit, batch.attempts);
  if (decision.kind !== "bid" || unable(state, batch, gasLimit, decision.bid) !== null) return null;
  return replacement(batch, decision.bid, noop);
}

function lowestOpen(signed: readonly SignedBatch[], world: World): SignedBatch | undefined {
  return signed.find((batch) => batch.nonce >= world.mined);
}

/** No-ops at the nonces below one that nobody holds, at the cost of the job that waits for them. */
function fills(world: World, { nonce: below, job, cap, attempts }: SignedBatch): Write[] {
  const decision = bid(quoteOf(world), cap, NOOP_GAS);
  if (decision.kind !== "bid") return [];
  const count = Math.min(below - world.mined, MOST_FILLED);
  return Array.from({ length: count }, (_, index) => ({
    kind: "fill",
    job,
    nonce: world.mined + index,
    bid: decision.bid,
    // Its data is less than that of any of ours.
    ...l1FeeOf(dearestData(attempts)),
  }));
}

/**
 * A no-op in place of a payload that the chain no longer takes: once that is final, the items are planned again.
 * @returns what stands against that, or null if it is one already
 */
function cancel(state: LaneState, batch: SignedBatch): Replacement | Obstacle | null {
  if (batch.attempts.at(-1)!.noop) return null;
  const decision = outbid(quoteOf(state.world!), batch.cap, NOOP_GAS, batch.attempts);
  if (decision.kind === "hold") {
    return {
      why: "fee",
      detail: `nonce ${batch.nonce} fits no block any more, and to give it up takes an eighth more than it offers; the cap is ${decision.maxFee} wei`,
    };
  }
  if (decision.kind !== "bid") return null;
  return unable(state, batch, NOOP_GAS, decision.bid) ?? replacement(batch, decision.bid, true);
}

function replacement(batch: SignedBatch, offer: Bid, noop: boolean): Replacement {
  return { kind: "replace", batch: batch.id, bid: offer, ...l1FeeOf(dearestData(batch.attempts)), noop };
}

/** Why another attempt cannot be made; null if it can. */
function unable(state: LaneState, batch: SignedBatch, gasLimit: bigint, offer: Bid): Obstacle | null {
  const { policy } = state;
  const { balance } = state.world!;
  if (!policy.signs) {
    return {
      why: "nonce",
      detail: `nonce ${batch.nonce} of ${policy.lane} pays too little or fits no block, and the key to replace it is not here`,
    };
  }
  const others = costOf(state.signed.filter((one) => one.id !== batch.id));
  const cost = others + offer.maxFee * gasLimit + (dearestData(batch.attempts) ?? 0n);
  if (balance >= cost) return null;
  return {
    why: "funds",
    detail: `${policy.lane} has ${balance} wei; to outbid nonce ${batch.nonce} takes ${cost}`,
  };
}

/** Wei: of each batch, its dearest attempt. */
function costOf(signed: readonly SignedBatch[]): bigint {
  return signed
    .map(({ attempts }) =>
      attempts
        .map((one) => one.maxFee * one.gasLimit + (one.l1Fee ?? 0n))
        .reduce((most, cost) => (cost > most ? cost : most)),
    )
    .reduce((sum, cost) => sum + cost, 0n);
}

/** What the data of a nonce may cost: the payload is one, and a no-op has less. */
function dearestData(attempts: readonly Attempt[]): bigint | undefined {
  return attempts
    .map((one) => one.l1Fee)
    .reduce((most, one) => (one !== undefined && (most === undefined || one > most) ? one : most), undefined);
}

function l1FeeOf(l1Fee: bigint | undefined): { l1Fee?: bigint } {
  return l1Fee === undefined ? {} : { l1Fee };
}

function tooDear(decision: FeeDecision): Obstacle {
  if (decision.kind !== "hold") throw new Error(`${decision.kind} is no reason to hold`);
  return { why: "fee", detail: `the base fee is ${decision.baseFee} wei and the cap ${decision.maxFee} wei` };
}

function quoteOf({ head, tip }: World): { baseFee: bigint; tip: bigint } {
  return { baseFee: head.baseFee, tip };
}

function stop(state: LaneState, obstacle: Obstacle): Step {
  return { state: { ...state, obstacle }, writes: [], commands: [] };
}
