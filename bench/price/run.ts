import { tipOf } from "../../src/fees.js";
import { type Goal, type Moment, pace, raisedAfter } from "../../src/pace.js";
import { type PriceHistory, remember } from "../../src/prices.js";
import { BLOCK_GAS, BLOCK_S, type Demand } from "./demand.js";
import type { Job } from "./job.js";
import { type Made, simulatedChain } from "./simulatedChain.js";

/** What became of a job. */
export type Ran = {
  /** wei */
  cost: number;
  /** the dearest base fee that was paid, wei per gas */
  highest: bigint;
  /** Unix seconds of the block with its last item; null if it is not done when the trace ends */
  end: number | null;
};

/** What was seen of a chain before the job came: blocks without us. */
export type Past = { from: number; baseFee: bigint; history: PriceHistory; recent: readonly Made[] };

/** Gas of the next block that is asked for. @param offer wei per gas that the first transaction offered */
export type Policy = (left: number, moment: Moment, offer: bigint) => number;

/** Blocks whose tips an offer is made by. */
const RECENT = 10;

export function pastOf(demand: Demand, blocks: number): Past {
  const chain = simulatedChain(demand);
  let history: PriceHistory = [];
  const recent: Made[] = [];
  for (let t = 0; t < blocks; t += 1) {
    const made = chain.make(0n, 0n);
    history = remember(history, made.timestamp, Number(made.baseFee));
    recent.push(made);
  }
  return { from: blocks, baseFee: chain.coming().baseFee, history, recent: recent.slice(-RECENT) };
}

export function paced(goal: Goal): Policy {
  return (left, moment) => pace(goal, left, moment).gas;
}

/** Everything into the next blocks, at whatever they ask. */
export const atOnce: Policy = () => BLOCK_GAS;

/** The same into half of each block, as a script does that sends as many at a time. */
export const atOnceByHalves: Policy = () => BLOCK_GAS / 2;

/** Everything is handed in with the offer of the first moment, and what that does not pay for waits in the pool. */
export const neverOutbid: Policy = (_, { baseFee }, offer) => (baseFee <= offer ? BLOCK_GAS : 0);

/** Runs a job to its end, or to that of the trace. Tips are offered as the product offers them. */
export function run(demand: Demand, job: Job, past: Past, policy: Policy, cap: bigint | null = null): Ran {
  const chain = simulatedChain(demand, past.from, past.baseFee);
  let { history } = past;
  const recent = [...past.recent];
  let left = job.items;
  let cost = 0n;
  let highest = 0n;
  let raised = 0;
  const offer = 2n * past.baseFee + tipBy(recent);
  for (let t = past.from; t < demand.wanted.length; t += 1) {
    const { timestamp, baseFee } = chain.coming();
    const moment = { now: timestamp - BLOCK_S, baseFee, gasLimit: BLOCK_GAS, blockS: BLOCK_S, history, cap };
    const items = Math.min(left, job.itemsIn(policy(job.gasFor(left), moment, offer)));
    const tip = tipBy(recent);
    const made = chain.make(BigInt(job.gasFor(items)), tip);
    left -= job.itemsIn(Number(made.ours));
    if (made.ours > 0n && made.baseFee > highest) highest = made.baseFee;
    cost += made.ours * (made.baseFee + tip);
    if (left === 0) return { cost: Number(cost), highest, end: made.timestamp };
    recent.push(made);
    recent.shift();
    history = remember(history, made.timestamp, Number(made.baseFee) / Math.exp(raised));
    raised = raisedAfter(raised, Number(made.ours), BLOCK_GAS);
  }
  return { cost: Number(cost), highest, end: null };
}

function tipBy(recent: readonly Made[]): bigint {
  const blocks = recent.map((one) => ({
    fullness: Number(one.gasUsed) / BLOCK_GAS,
    medianTip: one.crowdTip,
  }));
  return tipOf(blocks) ?? 0n;
}
