import { ECONOMY_PATIENCE_S } from "../../src/pace.js";
import { foresee } from "./clairvoyant.js";
import { BLOCK_S, DAY_BLOCKS, demandOf } from "./demand.js";
import { jobOf } from "./job.js";
import { atOnce, atOnceByHalves, neverOutbid, paced, pastOf, type Policy, run } from "./run.js";
import { GENESIS_S } from "./simulatedChain.js";

/** One job on one trace. */
export type JobFigures = {
  seed: number;
  mode: string;
  /** seconds that it has: a deadline's, or a day */
  withinS: number;
  /** what it paid ÷ what the clairvoyant pays who has as many seconds */
  cost: number;
  /** what it paid ÷ what sending at once pays */
  ofAtOnce: number;
  /** seconds after its time; 0 if in time */
  late: number;
  /** seconds from its begin to its last block */
  tookS: number;
  /** whether filling every block from the first on, which no schedule outdoes, would have been in time */
  possible: boolean;
};

/** The cheapest that was found for so many seconds, and what no schedule can be below; wei. */
export type Optimum = { seed: number; withinS: number; costWei: number; boundWei: number };

/** What `--json` prints. */
export type PriceReport = { items: number; seeds: number[]; optima: Optimum[]; jobs: JobFigures[] };

/** Deadlines, seconds: one that leaves hardly any choice, and longer ones. */
export const DEADLINES_S: readonly number[] = [20 * 60, 2 * 3600, 8 * 3600];

/** A day that is known, one for the job, and more if it takes longer. */
const TRACE_BLOCKS = 3 * DAY_BLOCKS;

/** The same job by each mode on the trace of a seed. */
export function compare(seed: number, items: number): { optima: Optimum[]; jobs: JobFigures[] } {
  const demand = demandOf(seed, TRACE_BLOCKS);
  const job = jobOf(items);
  const past = pastOf(demand, DAY_BLOCKS);
  const begin = GENESIS_S + past.from * BLOCK_S;
  const optima = [...DEADLINES_S, ECONOMY_PATIENCE_S].map((withinS) => {
    const { cost, bound } = foresee(demand, job, past.from, past.baseFee, withinS / BLOCK_S);
    return { seed, withinS, costWei: cost, boundWei: bound };
  });
  const soonest = run(demand, job, past, atOnce);
  const figures = (mode: string, withinS: number, policy: Policy): JobFigures => {
    const { cost, end } = run(demand, job, past, policy);
    if (end === null || soonest.end === null) throw new Error(`seed ${seed}: ${mode} does not end`);
    return {
      seed,
      mode,
      withinS,
      cost: cost / optima.find((one) => one.withinS === withinS)!.costWei,
      ofAtOnce: cost / soonest.cost,
      late: Math.max(0, end - begin - withinS),
      tookS: end - begin,
      possible: soonest.end <= begin + withinS,
    };
  };
  const day = ECONOMY_PATIENCE_S;
  const jobs = [
    figures("economy", day, paced({ mode: "economy", since: begin })),
    ...DEADLINES_S.map((withinS) =>
      figures("deadline", withinS, paced({ mode: "deadline", by: begin + withinS })),
    ),
    figures("max", day, paced({ mode: "max" })),
    figures("at once", day, atOnce),
    figures("at once, half of each block", day, atOnceByHalves),
    figures("at once, never outbid", day, neverOutbid),
  ];
  return { optima, jobs };
}
