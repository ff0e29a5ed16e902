import type { Block, Chain, Log } from "../chain/chain.js";

/** Answers kept at once: logs of a full block are some megabytes. */
const KEPT = 4;

/**
 * The same chain, of which each block and its logs are asked for once: batches of one block are read back together.
 * For one look around, not for longer: what it says of the head grows old.
 */
export function remembering(chain: Chain, head: Block): Chain {
  const blocks = new Map<string | number, Promise<Block | null>>([["latest", Promise.resolve(head)]]);
  const logs = new Map<string, Promise<Log[]>>();
  return {
    ...chain,
    block: (which) => kept(blocks, which, () => chain.block(which)),
    logsOf: (filter) => kept(logs, JSON.stringify(filter), () => chain.logsOf(filter)),
  };
}

function kept<K, T>(answers: Map<K, Promise<T>>, key: K, ask: () => Promise<T>): Promise<T> {
  const known = answers.get(key);
  if (known !== undefined) return known;
  const answer = ask();
  answers.set(key, answer);
  for (const oldest of answers.keys()) {
    if (answers.size <= KEPT) break;
    answers.delete(oldest);
  }
  return answer;
}
