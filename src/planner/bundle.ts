import { MAX_ITEMS, type PackedSize } from "../attestation.js";
import {
  bytesOf,
  bytesOfSeveral,
  gasOf,
  gasOfSeveral,
  type Manner,
  withItem,
  type Work,
  workOf,
} from "../gas.js";
import type { Hex } from "../hex.js";
import type { Limits, Slots } from "./split.js";

/**
 * Shares out items of streams among transactions, in the order of the input: a stream's items come in their order,
 * transaction after transaction, and one that has little to say goes with others, for each transaction by itself costs
 * 21,000 gas and what its signature and its calldata's frame cost.
 * @param mannerOf of a stream
 * @returns for each transaction its items, run by run
 */
export function bundle<T extends PackedSize & { stream: Hex }>(
  mannerOf: (stream: Hex) => Manner,
  items: readonly T[],
  limits: Limits,
  slots: Slots,
): T[][] {
  const transactions: T[][] = [];
  let runs = new Map<Hex, { work: Work; items: T[] }>();
  let count = 0;
  /** of all runs as if each went alone: never less than what they take together */
  let apart = { gas: 0, bytes: 0 };
  const close = () => {
    if (runs.size > 0) transactions.push([...runs.values()].flatMap((run) => run.items));
    runs = new Map();
    count = 0;
    apart = { gas: 0, bytes: 0 };
  };
  for (const item of items) {
    const fits = (): Work | null => {
      const mine = runs.get(item.stream);
      const work = withItem(mine?.work ?? workOf(mannerOf(item.stream), []), item);
      const gas = apart.gas + gasOf(work) - (mine === undefined ? 0 : gasOf(mine.work));
      const bytes = apart.bytes + bytesOf(work) - (mine === undefined ? 0 : bytesOf(mine.work));
      const isFirst = runs.size === 0;
      // Exactly, only where it matters: with a hundred runs it is a hundred times the work for every item.
      const isSmall =
        count + 1 <= MAX_ITEMS &&
        ((gas <= slots.gas && bytes <= limits.transactionBytes) || fitTogether(item.stream, work));
      if (!isSmall && !isFirst) return null;
      apart = { gas, bytes };
      count += 1;
      return work;
    };
    let work = fits();
    if (work === null) {
      close();
      work = fits()!;
    }
    const run = runs.get(item.stream);
    if (run === undefined) runs.set(item.stream, { work, items: [item] });
    else {
      run.work = work;
      run.items.push(item);
    }
  }
  close();
  return transactions;

  function fitTogether(stream: Hex, work: Work): boolean {
    const works = [...runs].map(([key, run]) => (key === stream ? work : run.work));
    if (!runs.has(stream)) works.push(work);
    return gasOfSeveral(works, 1) <= slots.gas && bytesOfSeveral(works) <= limits.transactionBytes;
  }
}
