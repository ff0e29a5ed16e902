import type { Block, Chain } from "../chain/chain.js";

/**
 * The blocks of a time, found by interpolating over block times: a handful of headers, no index. Usually one block;
 * chains that make several in a second have a few.
 * @param time Unix seconds
 * @param newest search no further than this
 * @returns null if no block up to `newest` has exactly this time
 */
export async function blocksAt(
  chain: Chain,
  time: number,
  newest: Block,
): Promise<{ from: number; to: number } | null> {
  const seen = new Map<number, number>([[newest.number, newest.timestamp]]);
  const timeOf = async (number: number): Promise<number> => {
    const known = seen.get(number);
    if (known !== undefined) return known;
    const block = await chain.block(number);
    if (block === null) throw new Error(`the node has block ${newest.number} and no block ${number}`);
    seen.set(number, block.timestamp);
    return block.timestamp;
  };

  /** The first block that is at `limit` or later; one after `newest` if none is. */
  async function first(limit: number): Promise<number> {
    if (newest.timestamp < limit) return newest.number + 1;
    let low = 0;
    let high = newest.number;
    for (let guess = 0; low < high; guess += 1) {
      const [from, to] = [await timeOf(low), await timeOf(high)];
      if (from >= limit) return low;
      // Every third guess halves, so that a chain whose block time changed does not make the steps tiny.
      const share = guess % 3 === 2 || to === from ? 0.5 : (limit - from) / (to - from);
      const middle = Math.min(high - 1, Math.max(low, low + Math.floor((high - low) * share)));
      if ((await timeOf(middle)) >= limit) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  const from = await first(time);
  if (from > newest.number || (await timeOf(from)) !== time) return null;
  return { from, to: (await first(time + 1)) - 1 };
}
