import { type PriceHistory, STEP_S, wave } from "./prices.js";

/**
 * What of the next block a job may fill, so that it is cheap, or in time, or both. Pure: the time is the head's, and what
 * was learned of prices is handed in. What is decided here is when, never how much is offered (`fees.ts`): prices are
 * wei per gas as numbers, for no wei is lost by that.
 */
export type Goal =
  /** cheap, and within a day of when it began (Unix seconds) unless blocks have no room for it */
  | { mode: "economy"; since: number }
  /** certain to be done by then (Unix seconds), and as cheap as that leaves it */
  | { mode: "deadline"; by: number }
  /** as soon as can be */
  | { mode: "max" };

export type Mode = Goal["mode"];
export const MODES: readonly Mode[] = ["economy", "deadline", "max"];

/** What is known when the next block is decided about. */
export type Moment = {
  /** Unix seconds of the newest block */
  now: number;
  /** wei per gas; of the newest block, or of the next where that is known */
  baseFee: bigint;
  /** of a block */
  gasLimit: number;
  /** seconds between blocks, above 0 */
  blockS: number;
  history: PriceHistory;
  /** wei per gas that may be offered at most; null for no limit */
  cap: bigint | null;
};

export type Allowance = {
  /** gas of the next block that we may fill; all of its limit at most */
  gas: number;
  /** why it is none */
  hold: PriceHold | null;
  /** nothing is waited for any more: only the cap can be in the way */
  late: boolean;
};

/**
 * `baseFee` is what a block asks, `below` what it has to fall to, wei per gas. A hold for a price ends at `until` (Unix
 * seconds) whatever a block asks then; one at a cap ends with the price alone: null.
 */
export type PriceHold = { why: "price" | "cap"; baseFee: bigint; below: bigint; until: number | null };

/** The longest that economy waits for a better price: prices have a wave that is a day long, and none that is longer. */
export const ECONOMY_PATIENCE_S = 86_400;

/**
 * How demand answers to a price: if it rises by some of itself, demand falls by as much of itself. What is taken at a
 * price follows from it, and it is good enough for a crowd of 0.7 to 1.5 (bench/price.ts).
 */
const ELASTICITY = 1;

/** Of the target, the least that is worth a transaction of its own: it takes as much gas as an item or two. */
const LEAST = 1 / 32;

/** Of the target, the most that is taken while there is time: what is above it raises the price however few others there are. */
const MOST = 1;

/** Blocks that may be lost to a crowd that leaves no room: from 25 blocks' worth at once it takes 15 to price it out. */
const SPARE_BLOCKS = 25;

/** As much again under a cap, for a price above it lets nothing in: spikes are over in an hour. */
const SPARE_UNDER_CAP_S = 3_600;

/** Of the blocks that a deadline needs at half a block each, so many more are kept. */
const SPARE_SHARE = 0.1;

/** By how much single blocks differ from what is expected of their quarter of an hour: the cheap ones are what is taken. */
const SPREAD = 1.1;

/** @param left gas that is still to be handed in */
export function pace(goal: Goal, left: number, moment: Moment): Allowance {
  const { now, baseFee, gasLimit, blockS, cap } = moment;
  if (cap !== null && baseFee > cap) {
    return { gas: 0, hold: { why: "cap", baseFee, below: cap, until: null }, late: false };
  }
  if (goal.mode === "max") return { gas: gasLimit, hold: null, late: false };
  const target = gasLimit / 2;
  const end = endOf(goal, moment);
  const prices = expectedPrices(moment, end);
  const latest = goal.mode === "economy" ? end : latestStart(end, left / target, moment, prices);
  if (now >= latest) return { gas: goal.mode === "economy" ? target : gasLimit, hold: null, late: true };

  const price = Number(baseFee);
  const worth = worthOf(left / target, prices, (end - now) / blockS);
  const share = takenAt(worth, price);
  if (share >= LEAST) return { gas: Math.floor(target * share), hold: null, late: false };
  const below = BigInt(Math.floor((worth * (ELASTICITY + LEAST)) / (ELASTICITY + 2 * LEAST)));
  return { gas: 0, hold: { why: "price", baseFee, below, until: latest }, late: false };
}

/** When all is to be done that is not late, Unix seconds: what a deadline keeps spare is not planned with. */
function endOf(goal: Exclude<Goal, { mode: "max" }>, { blockS, cap }: Moment): number {
  if (goal.mode === "economy") return goal.since + ECONOMY_PATIENCE_S;
  return goal.by - SPARE_BLOCKS * blockS - (cap === null ? 0 : SPARE_UNDER_CAP_S);
}

/**
 * From when on blocks are filled so that a deadline is met, Unix seconds. Whoever pays what the chain asks gets half of
 * each block at least, and more the longer he does: the crowd leaves. Under a cap it need not, and a cap that prices
 * have come near to may be passed for good in the next block: then nothing is waited for.
 */
function latestStart(end: number, targets: number, moment: Moment, prices: readonly number[]): number {
  if (moment.cap !== null && Number(moment.cap) < 2 * Math.max(...prices)) return -Infinity;
  return end - (1 + SPARE_SHARE) * targets * moment.blockS;
}

/**
 * What one more gas is worth: the price at which all that is left is taken in time, if prices are as expected.
 * @param targets gas that is left, in targets of a block
 * @param prices of equal parts of the time that is left
 * @param blocks that are left, some at least
 */
function worthOf(targets: number, prices: readonly number[], blocks: number): number {
  const each = blocks / prices.length / 2;
  let low = Math.min(...prices) / SPREAD;
  let high = 4 * Math.max(...prices) * SPREAD;
  while (high / low > 1.001) {
    const worth = Math.sqrt(low * high);
    let taken = 0;
    for (const price of prices) taken += takenFrom(worth, price * SPREAD) + takenFrom(worth, price / SPREAD);
    if (taken * each < targets) low = worth;
    else high = worth;
  }
  return high;
}

/**
 * Of the target, what is taken at the price that the crowd makes without us. With a share s of ours it becomes
 * p·(1 + s/ε), so one gas more costs p·(1 + 2s/ε), and is taken while that is below what it is worth.
 */
function takenFrom(worth: number, price: number): number {
  return Math.max(0, Math.min(MOST, (ELASTICITY / 2) * (worth / price - 1)));
}

/** The same at the price as it is, which our own gas has raised already. */
function takenAt(worth: number, price: number): number {
  if (price >= worth) return 0;
  if (2 * price <= worth) return MOST;
  return Math.min(MOST, (ELASTICITY * (worth - price)) / (2 * price - worth));
}

/** For each quarter of an hour until then, and for one at least. */
function expectedPrices({ now, baseFee, history }: Moment, end: number): number[] {
  const steps = Math.max(1, Math.min(ECONOMY_PATIENCE_S / STEP_S, Math.ceil((end - now) / STEP_S)));
  return wave(history, now, Math.max(1, Number(baseFee)), steps);
}
