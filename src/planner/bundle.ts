import { MAX_ITEMS, type PackedSize } from "../attestation.js";
import { bytesOfSeveral, gasOfSeveral, type Manner, withItem, type Work, workOf } from "../gas.js";
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
  const close = () => {
    if (runs.size > 0) transactions.push([...runs.values()].flatMap((run) => run.items));
    runs = new Map();
  };
  for (const item of items) {
    const fits = () => {
      const mine = runs.get(item.stream);
      const work = withItem(mine?.work ?? workOf(mannerOf(item.stream), []), item);
      const works = [...runs].map(([stream, run]) => (stream === item.stream ? work : run.work));
      if (mine === undefined) works.push(work);
      const count = works.reduce((sum, one) => sum + one.items, 0);
      const isSmall =
        gasOfSeveral(works, 1) <= slots.gas &&
        bytesOfSeveral(works) <= limits.transactionBytes &&
        count <= MAX_ITEMS;
      return isSmall || runs.size === 0 ? work : null;
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
}
