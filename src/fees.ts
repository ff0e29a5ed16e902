/** What a transaction offers, wei per gas. */
export type Bid = { maxFee: bigint; tip: bigint };

/**
 * Wei that one transaction may offer at most: geth refuses more (`--rpc.txfeecap`, 1 ether), and what it refuses is
 * journaled already and in the way of all that follows.
 */
export const MOST_PER_TRANSACTION = 10n ** 18n;

export type FeeQuote = {
  /** base fee of the newest block, wei per gas */
  baseFee: bigint;
  /** what the node or recent blocks suggest as a tip, wei per gas */
  tip: bigint;
};

/** wei; `null` means no limit */
export type FeeLimits = { maxFee: bigint | null; budget: bigint | null };

export type FeeDecision =
  | { kind: "bid"; bid: Bid }
  | { kind: "hold"; why: "base fee above cap"; baseFee: bigint; maxFee: bigint }
  | { kind: "hold"; why: "budget spent"; needed: bigint; left: bigint };

/**
 * maxFee = min(cap, 2 · base + tip): room for six full blocks in a row. The cap is the caller's, and that of nodes. Never above the cap, and never a transaction
 * whose highest cost the budget does not cover (law 10): the lane holds instead.
 * @param committed wei spent by what is final, plus the highest cost of what is on its way
 */
export function bid(quote: FeeQuote, limits: FeeLimits, gasLimit: bigint, committed: bigint): FeeDecision {
  if (limits.maxFee !== null && quote.baseFee > limits.maxFee) {
    return { kind: "hold", why: "base fee above cap", baseFee: quote.baseFee, maxFee: limits.maxFee };
  }
  const most = gasLimit === 0n ? null : MOST_PER_TRANSACTION / gasLimit;
  if (most !== null && quote.baseFee > most) {
    return { kind: "hold", why: "base fee above cap", baseFee: quote.baseFee, maxFee: most };
  }
  let maxFee = 2n * quote.baseFee + quote.tip;
  if (limits.maxFee !== null) maxFee = min(maxFee, limits.maxFee);
  if (most !== null) maxFee = min(maxFee, most);
  const needed = maxFee * gasLimit;
  if (limits.budget !== null && committed + needed > limits.budget) {
    return { kind: "hold", why: "budget spent", needed, left: max(0n, limits.budget - committed) };
  }
  return { kind: "bid", bid: { maxFee, tip: min(quote.tip, maxFee) } };
}

/**
 * Median of the median tips of recent blocks that are at least a tenth full, zeros ignored; an empty block says
 * nothing about what it takes to get in. Without any such block, the node's own suggestion.
 */
export function tipOf(
  blocks: readonly { fullness: number; medianTip: bigint }[],
  suggestion: bigint,
): bigint {
  const tips = blocks
    .filter((block) => block.fullness >= 0.1 && block.medianTip > 0n)
    .map((block) => block.medianTip)
    .sort((a, b) => (a < b ? -1 : 1));
  return tips[tips.length >> 1] ?? suggestion;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
