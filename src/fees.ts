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

/**
 * A node's word for a tip is believed up to twice the base fee, or this, wei per gas. It is what one has to believe
 * without knowing better: chains whose pools want a tip at all want 25 to 30 gwei at most (Polygon), and what somebody
 * pays who has to be in the next block is a part of the base fee. Beyond it a wrong node would empty the account.
 */
const MOST_TIP = 50n * 10n ** 9n;

/** The tip that is offered and priced, wei per gas: the one that is asked, as far as that can be believed. */
export function believedTip({ baseFee, tip }: FeeQuote): bigint {
  return min(tip, max(2n * baseFee, MOST_TIP));
}

/** wei; `null` means no limit. `maxFee` is per gas, `budget` for all of a job. */
export type FeeLimits = { maxFee: bigint | null; budget: bigint | null };

export type FeeDecision =
  { kind: "bid"; bid: Bid } | { kind: "hold"; baseFee: bigint; maxFee: bigint } | { kind: "enough" };

/**
 * maxFee = min(cap, 2 · base + tip): room for six full blocks in a row. Never above the cap (law 10), which is the
 * caller's or that of nodes: with the base fee above it the lane holds instead.
 * @param maxFee the caller's cap, wei per gas
 */
export function bid(quote: FeeQuote, maxFee: bigint | null, gasLimit: bigint): FeeDecision {
  const cap = capOf(maxFee, gasLimit);
  if (quote.baseFee > cap) return { kind: "hold", baseFee: quote.baseFee, maxFee: cap };
  const tip = believedTip(quote);
  const offer = min(2n * quote.baseFee + tip, cap);
  return { kind: "bid", bid: { maxFee: offer, tip: min(tip, offer) } };
}

/**
 * What an attempt at a nonce must offer that others are known for. Pools take it for a tenth more on both fields than
 * what they hold (geth: `--txpool.pricebump`); an eighth keeps clear of every client's rounding.
 * @param earlier all attempts that are journaled, at least one
 * @returns `enough` if one of them offers what the chain asks now: it lacks time, not money
 */
export function rebid(
  quote: FeeQuote,
  maxFee: bigint | null,
  gasLimit: bigint,
  earlier: readonly Bid[],
): FeeDecision {
  const { baseFee } = quote;
  const tip = believedTip(quote);
  if (earlier.some((one) => one.maxFee >= baseFee + tip && one.tip >= tip)) return { kind: "enough" };
  return outbid(quote, maxFee, gasLimit, earlier);
}

/** As `rebid`, for what must replace the earlier attempts however well they pay. */
export function outbid(
  quote: FeeQuote,
  maxFee: bigint | null,
  gasLimit: bigint,
  earlier: readonly Bid[],
): FeeDecision {
  const cap = capOf(maxFee, gasLimit);
  const least = {
    maxFee: anEighthMore(earlier.map((one) => one.maxFee).reduce(max)),
    tip: anEighthMore(earlier.map((one) => one.tip).reduce(max)),
  };
  if (least.maxFee > cap) return { kind: "hold", baseFee: quote.baseFee, maxFee: cap };
  const tip = believedTip(quote);
  const offer = max(least.maxFee, min(2n * quote.baseFee + tip, cap));
  return { kind: "bid", bid: { maxFee: offer, tip: min(max(least.tip, tip), offer) } };
}

/** Wei per gas that may be offered at most. */
function capOf(maxFee: bigint | null, gasLimit: bigint): bigint {
  const most = MOST_PER_TRANSACTION / max(gasLimit, 1n);
  return maxFee === null ? most : min(maxFee, most);
}

function anEighthMore(fee: bigint): bigint {
  return fee + max(1n, (fee + 7n) / 8n);
}

/**
 * Median of the median tips of recent blocks that are at least a tenth full, zeros ignored; an empty block says
 * nothing about what it takes to get in. Null without any such block: the node's own suggestion has to do.
 */
export function tipOf(blocks: readonly { fullness: number; medianTip: bigint }[]): bigint | null {
  const tips = blocks
    .filter((block) => block.fullness >= 0.1 && block.medianTip > 0n)
    .map((block) => block.medianTip)
    .sort((a, b) => (a < b ? -1 : 1));
  return tips[tips.length >> 1] ?? null;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
