import { BLOCK_GAS, type Demand, TARGET_GAS } from "./demand.js";
import { crowdGas, crowdTipOf, roomFor, simulatedChain } from "./simulatedChain.js";
import type { Job } from "./job.js";

/** Prices are tried in steps of 3 %. */
const STEP = 0.03;

/**
 * Above the fee that the crowd alone makes, in logarithms: so far our own gas can push it. Who has little time takes
 * blocks whole, and goes further.
 */
const highestOf = (blocks: number) => (blocks > 600 ? 0.9 : 5.4);

/** Shares of the target that are tried for a block. */
const CHOICES = [0, 1 / 32, 1 / 16, 1 / 8, 3 / 16, 1 / 4, 3 / 8, 1 / 2, 3 / 4, 1, 1.5, 2];

/** What a job costs that knows what everybody will want. */
export type Foreseen = {
  /** wei of the cheapest schedule that was found; it is run on the chain, to the wei */
  cost: number;
  /** wei below which no schedule is, but for the steps in which prices are tried */
  bound: number;
};

/**
 * The cheapest schedule for a job within some blocks, by dynamic programming over time and price: for a worth of each
 * gas, the schedule that makes the most of it; and the worth at which that is all of the job. What one such schedule
 * loses against its worth is a bound for all (weak duality).
 */
export function foresee(demand: Demand, job: Job, from: number, baseFee: bigint, blocks: number): Foreseen {
  const alone = aloneOf(demand, from, baseFee, blocks);
  const points = Math.round(highestOf(blocks) / STEP) + 1;
  const values = new Float64Array((blocks + 1) * points);
  let [low, high] = [Math.min(...alone.fee), 200 * Math.max(...alone.fee)];
  let bound = 0;
  let best = Infinity;
  for (let i = 0; i < 22 && high / low > 1.0005; i += 1) {
    const worth = Math.sqrt(low * high);
    solve(demand, job, alone, worth, values);
    bound = Math.max(bound, worth * job.gas + values[0]!);
    const schedule = follow(demand, job, alone, worth, values);
    const taken = schedule.reduce((a, b) => a + b, 0);
    if (taken >= job.gas) {
      high = worth;
      best = Math.min(best, costOf(demand, job, schedule, from, baseFee));
    } else low = worth;
  }
  return { cost: best, bound };
}

type Alone = { from: number; fee: Float64Array; crowd: Float64Array; tip: Float64Array };

/** The chain without us: the fee with us is never below it. */
function aloneOf(demand: Demand, from: number, baseFee: bigint, blocks: number): Alone {
  const fee = new Float64Array(blocks + 1);
  const crowd = new Float64Array(blocks + 1);
  const tip = new Float64Array(blocks + 1);
  let now = Number(baseFee);
  for (let t = 0; t <= blocks; t += 1) {
    fee[t] = now;
    crowd[t] = t === blocks ? 0 : crowdGas(demand, from + t, now);
    tip[t] = crowdTipOf(demand, crowd[t]!);
    now *= 1 + (Math.min(crowd[t]!, BLOCK_GAS) - TARGET_GAS) / TARGET_GAS / 8;
  }
  return { from, fee, crowd, tip };
}

/** `values[t, y]`: least of cost less worth from block t on, if the fee is e^y above the one without us. */
function solve(demand: Demand, job: Job, alone: Alone, worth: number, values: Float64Array): void {
  const blocks = alone.fee.length - 1;
  const points = values.length / (blocks + 1);
  const raised = Float64Array.from({ length: points }, (_, point) => Math.exp(point * STEP));
  const thinned = raised.map((one) => one ** -demand.elasticity);
  values.fill(0, blocks * points);
  for (let t = blocks - 1; t >= 0; t -= 1) {
    const shift = Math.log(alone.fee[t]! / alone.fee[t + 1]!);
    const next = (t + 1) * points;
    for (let y = 0; y < points; y += 1) {
      values[t * points + y] = bestOf(
        alone.fee[t]! * raised[y]!,
        alone.crowd[t]! * thinned[y]!,
        y * STEP + shift,
        demand,
        job,
        worth,
        values,
        next,
        points,
      ).value;
    }
  }
}

const found = { value: 0, gas: 0 };

/** The best choice for one block. */
function bestOf(
  fee: number,
  crowd: number,
  height: number,
  demand: Demand,
  job: Job,
  worth: number,
  values: Float64Array,
  next: number,
  points: number,
): { value: number; gas: number } {
  const room = roomFor(crowd, true);
  const tip = crowdTipOf(demand, crowd);
  found.value = Infinity;
  for (const choice of CHOICES) {
    const gas = Math.min(choice * TARGET_GAS, room);
    const used = Math.min(BLOCK_GAS, crowd + gas);
    const to = height + Math.log(1 + (used - TARGET_GAS) / TARGET_GAS / 8);
    const at = Math.max(0, Math.min(points - 1.000001, to / STEP));
    const low = Math.floor(at);
    const part = at - low;
    const later = values[next + low]! * (1 - part) + values[next + low + 1]! * part;
    const value = later + gas * (fee + tip) - worth * job.useful(gas);
    if (value < found.value) {
      found.value = value;
      found.gas = gas;
    }
  }
  return found;
}

/** The schedule that the values say, block by block. */
function follow(demand: Demand, job: Job, alone: Alone, worth: number, values: Float64Array): Float64Array {
  const blocks = alone.fee.length - 1;
  const points = values.length / (blocks + 1);
  const schedule = new Float64Array(blocks);
  let height = 0;
  for (let t = 0; t < blocks; t += 1) {
    const raised = Math.exp(height);
    const crowd = alone.crowd[t]! * raised ** -demand.elasticity;
    const shift = Math.log(alone.fee[t]! / alone.fee[t + 1]!);
    const { gas } = bestOf(
      alone.fee[t]! * raised,
      crowd,
      height + shift,
      demand,
      job,
      worth,
      values,
      (t + 1) * points,
      points,
    );
    schedule[t] = job.useful(gas);
    const used = Math.min(BLOCK_GAS, crowd + gas);
    height = Math.max(0, height + shift + Math.log(1 + (used - TARGET_GAS) / TARGET_GAS / 8));
  }
  return schedule;
}

/** Wei, on the chain itself. A schedule that takes too much takes a little less of each block. */
function costOf(demand: Demand, job: Job, schedule: Float64Array, from: number, baseFee: bigint): number {
  const taken = schedule.reduce((a, b) => a + b, 0);
  const chain = simulatedChain(demand, from, baseFee);
  let left = job.items;
  let cost = 0n;
  let owed = 0;
  let last = schedule.length - 1;
  while (last > 0 && schedule[last] === 0) last -= 1;
  for (const [t, useful] of schedule.entries()) {
    owed += (useful * job.items) / taken;
    const items = t === last ? left : useful > 0 ? Math.min(left, Math.round(owed)) : 0;
    owed -= items;
    const { baseFee: fee, ours, crowdTip } = chain.make(BigInt(job.gasFor(items)), 10n ** 30n);
    left -= job.itemsIn(Number(ours));
    cost += ours * (fee + crowdTip);
  }
  return left > 0 ? Infinity : Number(cost);
}
