/**
 * What blocks asked, in quarters of an hour: `log` is the mean of the logarithms of wei per gas, for a price is twice or
 * half of another, and `squares` the sum of the squares of what is off it. Oldest first, a day of them and some more.
 */
export type PriceHistory = readonly { step: number; count: number; log: number; squares: number }[];

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

/**
 * The history with one more block, in whatever order they come.
 * @param at Unix seconds
 * @param price wei per gas, without what our own gas has added to it
 */
export function remember(history: PriceHistory, at: number, price: number): PriceHistory {
  const step = Math.floor(at / STEP_S);
  const log = Math.log(Math.max(1, price));
  const added = { step, count: 1, log, squares: 0 };
  const found = history.findLastIndex((one) => one.step <= step);
  const there = history[found];
  if (there?.step === step) {
    const count = there.count + 1;
    const mean = there.log + (log - there.log) / count;
    const squares = there.squares + (log - there.log) * (log - mean);
    return history.with(found, { step, count, log: mean, squares });
  }
  const newest = Math.max(step, history.at(-1)?.step ?? step);
  return history.toSpliced(found + 1, 0, added).filter((one) => one.step >= newest - DAY - AROUND);
}

/** By what factor single blocks are off what is usual in their quarter of an hour; 1 if nothing is known of it. */
export function spreadOf(history: PriceHistory): number {
  const told = history.filter(({ count }) => count >= ENOUGH);
  const spread = Math.exp(Math.sqrt(median(told.map(({ count, squares }) => squares / count)) ?? 0));
  return Math.min(spread, MOST_SPREAD);
}

/** Blocks that differ by more are no noise that comes back, but a price on its way to another one. */
const MOST_SPREAD = 1.2;

/** Blocks of a step that tell how much they differ. */
const ENOUGH = 8;

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
  const current = between(today - AROUND + 1, today) ?? Math.log(Math.max(1, price));
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
