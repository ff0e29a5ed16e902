import type { Block, Chain } from "../chain/chain.js";
import { tipOf } from "../fees.js";

/** Of the time between blocks, the part in which none is looked for. */
const QUIET = 0.9;

/** However slowly blocks came, no wait is longer than so many looks. */
const LONGEST_WAIT = 8;

export type Heads = {
  /** the node's newest block, asked for at most once in `pollMs` */
  newest(): Promise<Block | null>;
  /** milliseconds until it is worth asking again */
  wait(): number;
};

/** Learns how often blocks come, so that a node is asked about twice a block and not all the time. */
export function createHeads(chain: Chain, pollMs: number, clock: () => number): Heads {
  let last: { head: Block | null; at: number } | null = null;
  let newSince: number | null = null;
  let gap = 0;
  return {
    async newest() {
      if (last !== null && clock() - last.at < pollMs) return last.head;
      const head = await chain.block("latest");
      const at = clock();
      const blocks = (head?.number ?? 0) - (last?.head?.number ?? 0);
      if (last === null || blocks > 0) {
        if (newSince !== null)
          gap = gap === 0 ? (at - newSince) / blocks : (3 * gap + (at - newSince) / blocks) / 4;
        newSince = at;
      }
      last = { head, at };
      return head;
    },
    wait() {
      const due = newSince === null ? 0 : newSince + QUIET * gap - clock();
      return Math.max(pollMs, Math.min(due, LONGEST_WAIT * pollMs));
    },
  };
}

/** What blocks up to a head ask as a tip, wei per gas; asked once a head, however many lanes there are. */
export function tipsOf(chain: Chain): (head: Block) => Promise<bigint> {
  let asked: { head: string; tip: Promise<bigint> } | null = null;
  const ask = async () => tipOf(await chain.recentBlocks(10)) ?? (await chain.suggestedTip());
  return (head) => {
    if (asked?.head === head.hash) return asked.tip;
    const tip = ask();
    asked = { head: head.hash, tip };
    // What could not be said is asked again.
    tip.catch(() => (asked = null));
    return tip;
  };
}
