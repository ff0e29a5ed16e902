import { RpcError, WaybillError } from "../errors.js";
import { type PriceHistory, remember } from "../prices.js";
import type { Block, Chain } from "./chain.js";

/** Blocks that tell how often there is one. */
const SAMPLE_BLOCKS = 100;

/** Blocks that a node tells of in one answer (geth; others as many or more). */
const MOST_AT_ONCE = 1_024;

/** Questions that are under way at a time. */
const AT_ONCE = 4;

const HOUR_S = 3_600;

/**
 * Seconds between the newest blocks; a second where the chain is too young to tell, or makes blocks when it is asked to.
 * @throws WaybillError E_NODE
 */
export async function blockSecondsOf(chain: Chain, head: Block): Promise<number> {
  const count = Math.min(SAMPLE_BLOCKS, head.number);
  const before = count === 0 ? null : await chain.block(head.number - count);
  if (before === null) return 1;
  return Math.min(600, Math.max(0.05, (head.timestamp - before.timestamp) / count));
}

/**
 * What blocks asked in the day up to a head: of each hour as many as fit an answer. What a node does not tell is not in
 * it; how a price is judged then, src/prices.ts says.
 */
export async function priceHistoryOf(chain: Chain, head: Block, blockS: number): Promise<PriceHistory> {
  const perHour = Math.max(1, Math.round(HOUR_S / blockS));
  const newest = Array.from({ length: 24 }, (_, hour) => head.number - (23 - hour) * perHour);
  const seen: { block: number; fees: bigint[] }[] = [];
  for (let start = 0; start < newest.length; start += AT_ONCE) {
    const asked = newest.slice(start, start + AT_ONCE).filter((block) => block >= 0);
    seen.push(
      ...(await Promise.all(
        asked.map(async (block) => {
          const count = Math.min(perHour, MOST_AT_ONCE, block + 1);
          const { fees } = await chain.baseFees(block, count).catch(nothing);
          return { block: block - fees.length + 1, fees };
        }),
      )),
    );
  }
  let history: PriceHistory = [];
  for (const { block, fees } of seen) {
    for (const [index, fee] of fees.entries()) {
      history = remember(history, head.timestamp - (head.number - block - index) * blockS, Number(fee));
    }
  }
  return history;
}

/** A node that does not answer, or keeps no such past. */
function nothing(error: unknown): { fees: bigint[] } {
  if (error instanceof RpcError || (error instanceof WaybillError && error.code === "E_NODE"))
    return { fees: [] };
  throw error;
}
