import { type PriceHistory, spreadOf, STEP_S, wave } from "./prices.js";

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

/** Of a block's limit, where EIP-1559 leaves the base fee as it is, and the most that it adds for a full block. */
const TARGET = 1 / 2;
const MOST_RISE = 1 / 8;

/**
 * How demand answers to a price: if that rises by some of itself, demand falls by as much of itself. So of what our own
 * gas has added to the base fee, each block takes away an eighth. Crowds of 0.7 to 1.5 are near enough (bench/price.ts).
 */
const ELASTICITY = 1;

/** Blocks that may be lost to a crowd that leaves no room: one that wants 25 blocks at once is priced out in 15. */
const SPARE_BLOCKS = 25;

/** As much again under a cap, for a price above it lets nothing in: spikes are over in an hour. */
const SPARE_UNDER_CAP_S = 3_600;

/** Of the blocks that a deadline needs at half a block each, so many more are kept. */
const SPARE_SHARE = 0.1;

/**
 * While there is time, half of a block or nothing: what our gas does to the base fee comes one block later, so it is
 * cheaper to take much at once and to wait until the crowd has brought the price back than to take a little of each.
 * @param left gas that is still to be handed in
 */
export function pace(goal: Goal, left: number, moment: Moment): Allowance {
  const { now, baseFee, gasLimit, blockS, history, cap } = moment;
  if (cap !== null && baseFee > cap) {
    return { gas: 0, hold: { why: "cap", baseFee, below: cap, until: null }, late: false };
  }
  if (goal.mode === "max") return { gas: gasLimit, hold: null, late: false };
  const target = Math.floor(gasLimit * TARGET);
  const end = endOf(goal, moment);
  const prices = expectedPrices(moment, end);
  const latest = goal.mode === "economy" ? end : latestStart(end, left / target, moment, prices);
  if (now >= latest) return { gas: goal.mode === "economy" ? target : gasLimit, hold: null, late: true };

  const limit = priceLimit(left / target, prices, spreadOf(history), (end - now) / blockS);
  // Nothing is worth waiting for on a chain without a base fee.
  if (baseFee <= 1n || Number(baseFee) <= limit) return { gas: target, hold: null, late: false };
  const below = BigInt(Math.floor(limit));
  return { gas: 0, hold: { why: "price", baseFee, below, until: latest }, late: false };
}

/**
 * What our own gas has added to the base fee, as a logarithm, one block later.
 * @param raised what it was in the block
 * @param gas of ours in that block
 */
export function raisedAfter(raised: number, gas: number, gasLimit: number): number {
  const added = Math.log1p((MOST_RISE * gas) / (gasLimit * TARGET));
  return raised * (1 - ELASTICITY * MOST_RISE) + Math.min(added, Math.log1p(MOST_RISE));
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
 * The price up to which blocks are taken, so that all that is left gets in, if prices are as expected.
 * @param targets gas that is left, in targets of a block
 * @param prices of equal parts of the time that is left, without us
 * @param spread by what factor single blocks are off that: the cheap ones are what is taken
 * @param blocks in that time
 * @returns wei per gas
 */
function priceLimit(targets: number, prices: readonly number[], spread: number, blocks: number): number {
  const each = blocks / prices.length / 2;
  let low = Math.min(...prices) / spread;
  let high = MOST_TAKEN * Math.max(...prices) * spread;
  while (high / low > 1.001) {
    const limit = Math.sqrt(low * high);
    let taken = 0;
    for (const price of prices) taken += takenUpTo(limit, price * spread) + takenUpTo(limit, price / spread);
    if (taken * each < targets) low = limit;
    else high = limit;
  }
  return high;
}

/** So far above what is expected, as good as every block is taken. */
const MOST_TAKEN = 16;

/**
 * Of all blocks, those that are taken if half of one is whenever it asks no more than a limit. That makes the next one an
 * eighth dearer, and of what is above the price without us each block takes its part, until the limit is reached again.
 */
function takenUpTo(limit: number, price: number): number {
  const above = limit / price - 1;
  if (above <= 0) return 0;
  const back = Math.log(((1 + MOST_RISE) * (1 + above) - 1) / above);
  return Math.min(1, (ELASTICITY * MOST_RISE) / back);
}

/** For each quarter of an hour until then, and for one at least. */
function expectedPrices({ now, baseFee, history }: Moment, end: number): number[] {
  const steps = Math.max(1, Math.min(ECONOMY_PATIENCE_S / STEP_S, Math.ceil((end - now) / STEP_S)));
  return wave(history, now, Math.max(1, Number(baseFee)), steps);
}
