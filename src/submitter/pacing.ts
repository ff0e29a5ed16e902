import type { Block, Chain } from "../chain/chain.js";
import { blockSecondsOf, priceHistoryOf } from "../chain/priceHistory.js";
import { type Allowance, type Goal, pace, raisedAfter } from "../pace.js";
import { type PriceHistory, remember } from "../prices.js";

/** What is known of prices while a process runs. Nothing of it is needed: a new process asks the chain again. */
export type Pacing = {
  /**
   * What of the block behind a head a job may fill.
   * @param left gas that waits
   * @param cap wei per gas
   * @throws WaybillError E_NODE
   */
  allowance(goal: Goal, left: number, cap: bigint | null, head: Block): Promise<Allowance>;
  /** Gas that was planned for the next block. */
  took(gas: number): void;
};

/** Blocks after which nothing is left of what our own gas has added to a price. */
const FORGOTTEN = 100;

export function createPacing(chain: Chain): Pacing {
  let known: { head: Block; baseFee: bigint; blockS: number; history: PriceHistory } | null = null;
  let raised = 0;
  let taken = 0;

  async function look(head: Block): Promise<NonNullable<typeof known>> {
    if (known?.head.hash === head.hash) return known;
    const blockS = known?.blockS ?? (await blockSecondsOf(chain, head));
    const history = known?.history ?? (await priceHistoryOf(chain, head, blockS));
    // What was planned is in the first of the blocks since then.
    const blocks = known === null ? 0 : Math.max(0, head.number - known.head.number);
    const { next } = await chain.baseFees(head.number, 1);
    for (let block = 0; block < Math.min(blocks, FORGOTTEN); block += 1) {
      raised = raisedAfter(raised, taken, Number(head.gasLimit));
      taken = 0;
    }
    const baseFee = next ?? head.baseFee;
    const alone = Number(baseFee) / Math.exp(raised);
    known = { head, baseFee, blockS, history: remember(history, head.timestamp, alone) };
    return known;
  }

  return {
    async allowance(goal, left, cap, head) {
      const { baseFee, blockS, history } = await look(head);
      const gasLimit = Number(head.gasLimit);
      return pace(goal, left, { now: head.timestamp, baseFee, gasLimit, blockS, history, cap });
    },
    took(gas) {
      taken += gas;
    },
  };
}
