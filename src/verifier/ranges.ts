import type { Chain, Log, Topics } from "../chain/chain.js";
import { RpcError } from "../errors.js";
import type { Hex } from "../hex.js";

/** Blocks in one question, at most: more is refused by many providers. */
export const MOST_BLOCKS = 10_000;
/** Logs that an answer should have: some megabytes, and less than the 10,000 at which providers refuse. */
const LOGS = 2_000;

/**
 * All logs of a question in a range of blocks, in order, by questions of a bounded size: twice as many blocks after an
 * answer that is small, half as many after one that is large, or where the node refuses.
 * @param first blocks in the first question: how crowded they are is not known yet
 * @param most blocks in one question
 * @yields what is up to and including block `to`; what was not asked for is left out
 * @throws RpcError if the node refuses even a single block
 */
export async function* logsInRanges(
  chain: Chain,
  question: { address: Hex; topics: Topics },
  { from, to, first = 1, most = MOST_BLOCKS }: { from: number; to: number; first?: number; most?: number },
): AsyncGenerator<{ to: number; logs: Log[] }> {
  let limit = most;
  let span = Math.min(limit, first);
  for (let next = from; next <= to;) {
    const range = { from: next, to: Math.min(to, next + span - 1) };
    let logs: Log[];
    try {
      logs = await chain.logs({ ...question, ...range });
    } catch (error) {
      if (!(error instanceof RpcError) || range.from === range.to) throw error;
      span = limit = Math.floor((range.to - range.from + 1) / 2);
      continue;
    }
    yield { to: range.to, logs: tidied(logs, question.topics, range) };
    next = range.to + 1;
    // What was refused once is tried again after a while: it may have been for one crowded block.
    limit = Math.min(most, Math.ceil(limit * 1.125));
    span = Math.min(
      limit,
      logs.length > 2 * LOGS ? Math.ceil(span / 2) : logs.length < LOGS ? 2 * span : span,
    );
  }
}

/** In order, each once, and only what was asked for: nobody has to believe a node that it kept to the question. */
export function tidied(
  logs: readonly Log[],
  topics: Topics,
  { from, to }: { from: number; to: number },
): Log[] {
  const asked = logs.filter(
    (log) =>
      log.block >= from &&
      log.block <= to &&
      topics.every((topic, place) => topic === null || [topic].flat().includes(log.topics[place]!)),
  );
  asked.sort((a, b) => a.block - b.block || a.index - b.index);
  return asked.filter((log, at) => at === 0 || !isSame(log, asked[at - 1]!));
}

function isSame(a: Log, b: Log): boolean {
  return (
    a.blockHash === b.blockHash &&
    a.index === b.index &&
    a.data === b.data &&
    a.topics.join() === b.topics.join()
  );
}
