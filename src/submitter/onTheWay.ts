import type { Hex } from "../hex.js";
import type { StoredBatch, UnminedBatch } from "../store/store.js";

/** Transactions that are planned, or signed and in no block, as one look at the store found them. */
export type OnTheWay = {
  /** their number on each of the lanes that can sign */
  load: ReadonlyMap<Hex, number>;
  /** on all of those lanes */
  count: number;
  gas: number;
  /** of a job, on any lane */
  countOf(job: number): number;
  /** of a job, those that the next block could hold: what a lane holds up is none of them */
  nearOf(job: number): { count: number; gas: number };
};

/**
 * @param signed of every job that is in the store
 * @param planned of the jobs that run, batch by batch: what is planned for another waits for a run of its own, and would
 *   keep this one from planning for ever
 * @param plannedGas what is taken for the gas of one that is planned: it is known when it is signed
 * @param able lanes that can sign
 * @param free those that nothing holds up
 */
export function onTheWay(
  signed: readonly UnminedBatch[],
  planned: readonly StoredBatch[],
  plannedGas: number,
  able: ReadonlySet<Hex>,
  free: ReadonlySet<Hex>,
): OnTheWay {
  const transactions = [
    ...signed.map(({ job, lane, attempts }) => ({ job, lane, gas: Number(attempts.at(-1)?.gasLimit ?? 0n) })),
    ...planned.filter(({ id, lead }) => id === lead).map(({ job, lane }) => ({ job, lane, gas: plannedGas })),
  ];
  const ours = transactions.filter(({ lane }) => able.has(lane));
  const load = new Map<Hex, number>();
  for (const { lane } of ours) load.set(lane, (load.get(lane) ?? 0) + 1);
  return {
    load,
    ...sumOf(ours),
    countOf: (job) => transactions.filter((one) => one.job === job).length,
    nearOf: (job) => sumOf(ours.filter((one) => one.job === job && free.has(one.lane))),
  };
}

function sumOf(transactions: readonly { gas: number }[]): { count: number; gas: number } {
  return { count: transactions.length, gas: transactions.reduce((sum, { gas }) => sum + gas, 0) };
}
