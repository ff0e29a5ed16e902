import { RpcError } from "../errors.js";
import type { Hex } from "../hex.js";
import type { Chain, Log } from "./chain.js";

/** Blocks in the first question: what public nodes allow at least. */
const FIRST = 5_000;

/** Events in an answer above which the next question is about fewer blocks, and a tenth of it below which about more. */
const MANY = 10_000;

/**
 * All logs of a range of blocks in their order, an answer at a time: no answer is larger than memory, and a chain of
 * millions of blocks is not asked for in thousands of questions if nothing is in them. A node that refuses a range is
 * asked for half of it, and for no more than that from then on.
 * @param onAsked told the last block of each answer
 * @throws RpcError if the node refuses a single block
 */
export async function* logsInRanges(
  chain: Chain,
  filter: { address: Hex; topics: readonly (Hex | null)[] },
  { from, to }: { from: number; to: number },
  onAsked: (block: number) => void = () => {},
): AsyncGenerator<Log[]> {
  let most = Infinity;
  let size = FIRST;
  for (let start = from; start <= to;) {
    const end = Math.min(to, start + size - 1);
    let logs: Log[];
    try {
      logs = await chain.logs({ ...filter, from: start, to: end });
    } catch (error) {
      if (!(error instanceof RpcError) || start === end) throw error;
      most = Math.max(1, Math.floor((end - start + 1) / 2));
      size = most;
      continue;
    }
    onAsked(end);
    if (logs.length > 0) yield logs;
    start = end + 1;
    if (logs.length > MANY) size = Math.max(1, Math.floor(size / 4));
    else if (logs.length < MANY / 10) size = Math.min(most, size * 2);
  }
}
