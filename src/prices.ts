/**
 * What blocks asked, wei per gas, in quarters of an hour: `log` is the mean of the logarithms, for a price is twice or
 * half of another. Oldest first, a day of them and some more.
 */
export type PriceHistory = readonly { step: number; log: number; count: number }[];

/** Seconds that are one step of a history. */
export const STEP_S = 900;

const DAY = 86_400 / STEP_S;

/** Steps before and after, and of today: what a spike is in, and what is not one. */
const AROUND = 4;

/**
 * Of what an hour of yesterday was above or below the others, the part that is of the hour and will be there again. The
 * rest was of yesterday.
 */
const OF_THE_HOUR = 0.75;

/** Steps in which what is different today wears off to a third. */
const MEMORY = 16;

/** The history with one more block, in whatever order they come. @param at Unix seconds @param baseFee wei per gas */
export function remember(history: PriceHistory, at: number, baseFee: bigint): PriceHistory {
  const step = Math.floor(at / STEP_S);
  const log = Math.log(Math.max(1, Number(baseFee)));
  const last = history.at(-1);
  if (last !== undefined && step <= last.step) {
    const found = history.findIndex((one) => one.step >= step);
    const there = history[found]!;
    if (there.step !== step) return history.toSpliced(found, 0, { step, log, count: 1 });
    const count = there.count + 1;
    return history.with(found, { step, log: there.log + (log - there.log) / count, count });
  }
  const oldest = step - DAY - AROUND;
  return [...history.filter((one) => one.step >= oldest), { step, log, count: 1 }];
}

/**
 * What blocks will ask, for the steps from now on: as the day before at that time, and as much dearer or cheaper as it is
 * today, which wears off. Where nothing is known of the day before, as the median of what is known.
 * @param now Unix seconds
 * @param price of the newest block, wei per gas: what is expected if nothing else is known
 */
export function wave(history: PriceHistory, now: number, price: number, steps: number): number[] {
  const logs = new Map(history.map(({ step, log }) => [step, log]));
  const today = Math.floor(now / STEP_S);
  const between = (from: number, to: number) => {
    const found: number[] = [];
    for (let step = from; step <= to; step += 1) {
      const log = logs.get(step);
      if (log !== undefined) found.push(log);
    }
    return median(found);
  };
  const current = between(today - AROUND + 1, today) ?? Math.log(price);
  const usual = median([...logs.values()]) ?? current;
  const before = (step: number) => {
    const around = between(step - DAY - AROUND, Math.min(step - DAY + AROUND, today)) ?? usual;
    return usual + OF_THE_HOUR * (around - usual);
  };
  const different = current - before(today);
  return Array.from({ length: steps }, (_, ahead) =>
    Math.exp(before(today + ahead) + different * Math.exp(-ahead / MEMORY)),
  );
}

/** The higher of two middle ones; null for none. */
function median(values: number[]): number | null {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? null;
}
