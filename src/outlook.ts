import { type Goal, type Moment, pace } from "./pace.js";
import { remember, STEP_S, wave } from "./prices.js";

/** What a job comes to if the chain goes on as it is expected to. */
export type Outlook = {
  /** false if it would take more than three days; then the rest is about those */
  done: boolean;
  /** blocks that have some of it */
  blocks: number;
  /** from now to its last block */
  seconds: number;
  /** base fee that a gas of it pays on average, at least and at most, wei */
  paid: { mean: bigint; least: bigint; most: bigint };
  /** what blocks ask on the way, at most 50 of them, evenly; wei per gas */
  path: { second: number; baseFee: bigint; gas: number }[];
  /** base fee and tip, wei */
  cost: bigint;
};

/** What is known of a chain, besides the moment. */
export type Market = Omit<Moment, "cap"> & {
  /** wei per gas */
  tip: bigint;
  /** share of the newest blocks that is used */
  fullness: number;
};

/** However long it takes, no more blocks than these are worked through one by one: those of a long time go together. */
const MOST_BLOCKS = 2_400;

/** Days after which a job is not waited for. */
const MOST_DAYS = 3;

/** Blocks that are this full have a fee in balance: more gas of ours is less of others. Emptier ones have it at its floor. */
const BALANCED = 0.4;

const PATH_POINTS = 50;

/** Above this no node takes even the smallest batches, wei per gas: it is an ether for 200,000. */
const MOST_PRICE = 5e12;

/**
 * Works through the blocks to come as the submitter will, with a crowd that wants less when gas is dearer: our own gas
 * makes it dearer, by an eighth for a full block.
 * @param gas a whole number
 */
export function outlook(goal: Goal, gas: number, market: Market): Outlook {
  const horizon = horizonOf(goal, gas, market);
  // As many blocks that are so much larger and rarer move in the same way.
  const together = Math.max(1, Math.ceil(horizon / market.blockS / MOST_BLOCKS));
  const blockS = market.blockS * together;
  const gasLimit = Math.floor(market.gasLimit * together);
  const target = gasLimit / 2;
  const steps = Math.ceil((MOST_DAYS * 86_400) / STEP_S);
  const alone = wave(market.history, market.now, Number(market.baseFee), steps);
  const usual = market.fullness < BALANCED ? market.fullness * gasLimit : target;

  let { history } = market;
  let price = Math.max(1, Number(market.baseFee));
  let left = gas;
  let paid = 0n;
  let [least, most] = [Infinity, 0];
  let blocks = 0;
  const path: Outlook["path"] = [];
  for (let block = 1; left > 0; block += 1) {
    const second = block * blockS;
    const step = Math.floor(second / STEP_S);
    if (step >= steps) break;
    const baseFee = BigInt(Math.max(1, Math.round(price)));
    history = remember(history, market.now + second - blockS, alone[step]!);
    const moment = {
      ...market,
      history,
      now: market.now + second - blockS,
      baseFee,
      gasLimit,
      blockS,
      cap: null,
    };
    const taken = price > MOST_PRICE ? 0 : Math.min(left, pace(goal, left, moment).gas);
    path.push({ second: Number(second.toFixed(2)), baseFee, gas: taken });
    if (taken > 0) {
      blocks += Math.min(together, Math.ceil(taken / market.gasLimit));
      paid += BigInt(taken) * baseFee;
      [least, most] = [Math.min(least, price), Math.max(most, price)];
      left -= taken;
    }
    const crowd = Math.min(gasLimit - taken, (usual * alone[step]!) / price);
    price = Math.max(1, price * (1 + (crowd + taken - target) / target / 8));
  }
  const seconds = path.at(-1)?.second ?? 0;
  const cost = paid + BigInt(gas) * market.tip;
  const used = gas - left;
  const mean = used === 0 ? market.baseFee : paid / BigInt(used);
  const range = used === 0 ? { least: mean, most: mean } : { least: wei(least), most: wei(most) };
  return { done: left <= 0, blocks, seconds, paid: { mean, ...range }, path: thinned(path), cost };
}

/** Seconds that are worth looking at one block after the other. */
function horizonOf(goal: Goal, gas: number, { now, gasLimit, blockS }: Market): number {
  const least = (4 * gas * blockS) / gasLimit;
  if (goal.mode === "max") return least;
  return Math.max(least, goal.mode === "economy" ? 86_400 : goal.by - now);
}

function thinned<T>(path: readonly T[]): T[] {
  if (path.length <= PATH_POINTS) return [...path];
  return Array.from(
    { length: PATH_POINTS },
    (_, point) => path[Math.round((point * (path.length - 1)) / (PATH_POINTS - 1))]!,
  );
}

function wei(price: number): bigint {
  return BigInt(Math.round(price));
}
