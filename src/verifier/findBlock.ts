import { WaybillError } from "../errors.js";

/** Of a block: Unix seconds. */
export type Timed = { number: number; timestamp: number };

type Times = { block(number: number): Promise<Timed | null> };

/**
 * The blocks of a time, found by interpolating over block times: a handful of headers, no index. Usually one block;
 * chains that make several in a second have a few.
 * @param time Unix seconds
 * @param newest search no further than this
 * @returns null if no block up to `newest` has exactly this time
 * @throws WaybillError E_NODE if the node lacks a block on the way
 */
export async function blocksAt(
  chain: Times,
  time: number,
  newest: Timed,
): Promise<{ from: number; to: number } | null> {
  const { timeOf, first } = searchUpTo(chain, newest);
  if (newest.timestamp < time) return null;
  const from = await first(time, 0, newest.number);
  if ((await timeOf(from)) !== time) return null;
  // Few blocks share a time: the last of them is looked for next to the first.
  let within = from;
  for (let step = 1; ; step *= 2) {
    const beyond = within + step;
    if (beyond > newest.number) {
      if (newest.timestamp === time) return { from, to: newest.number };
      return { from, to: (await first(time + 1, within, newest.number)) - 1 };
    }
    if ((await timeOf(beyond)) > time) return { from, to: (await first(time + 1, within, beyond)) - 1 };
    within = beyond;
  }
}

/**
 * The first block of a time or later.
 * @param time Unix seconds
 * @returns null if all blocks up to `newest` are earlier
 * @throws WaybillError E_NODE if the node lacks a block on the way
 */
export async function firstBlockFrom(chain: Times, time: number, newest: Timed): Promise<number | null> {
  if (newest.timestamp < time) return null;
  return searchUpTo(chain, newest).first(time, 0, newest.number);
}

/** What both searches ask: each header once. */
function searchUpTo(chain: Times, newest: Timed) {
  const seen = new Map<number, number>([[newest.number, newest.timestamp]]);
  const timeOf = async (number: number): Promise<number> => {
    const known = seen.get(number);
    if (known !== undefined) return known;
    const block = await chain.block(number);
    if (block === null) {
      throw new WaybillError("E_NODE", `the node has block ${newest.number} and no block ${number}`, {
        mend: "run again, or name another node with --rpc-url",
      });
    }
    seen.set(number, block.timestamp);
    return block.timestamp;
  };

  /** The first block that is at `limit` or later; `high` is. Nothing below `low` is looked at. */
  async function first(limit: number, low: number, high: number): Promise<number> {
    if ((await timeOf(low)) >= limit) return low;
    // `low` is before `limit` and `high` is not, so every guess lies between them and costs one request.
    for (let guess = 0; high - low > 1; guess += 1) {
      const [from, to] = [await timeOf(low), await timeOf(high)];
      // Every other guess halves: where the block time has changed, interpolating alone comes closer by tiny steps.
      const share = guess % 2 === 1 ? 0.5 : (limit - from) / (to - from);
      const middle = Math.min(high - 1, Math.max(low + 1, low + Math.floor((high - low) * share)));
      if ((await timeOf(middle)) >= limit) high = middle;
      else low = middle;
    }
    return high;
  }

  return { timeOf, first };
}
