import type { SendReply } from "./chain.js";

/**
 * All wording of nodes in one table, first match wins. Clients that use a text: geth (core/txpool/errors.go,
 * core/state_transition.go), Nethermind, Besu, Erigon, anvil (crates/anvil/src/eth/error.rs), EDR (Hardhat).
 */
const WORDING: readonly [RegExp, SendReply["kind"]][] = [
  [/already known|already imported|\bknown transaction|ALREADY_EXISTS|AlreadyKnown/i, "known"],
  [/nonce too low|OldNonce|nonce is too low|invalid nonce.*lower/i, "nonce too low"],
  [/nonce too high|NonceGap|nonce is too (distant|high)|nonce gap/i, "nonce too high"],
  [/replacement.*underpriced|ReplacementNotAllowed/i, "underpriced"],
  [
    /underpriced|max fee per gas less than block base fee|FeeTooLow|fee cap.*less than|maxFeePerGas .*too low|gas price below/i,
    "fee too low",
  ],
  [/insufficient funds|InsufficientFunds|doesn't have enough funds|upfront cost exceeds/i, "funds"],
  // Not about the transaction: Infura, Alchemy, QuickNode; a pool that is full for the moment.
  [
    /rate limit|too many requests|limit exceeded|compute units|txpool is full|transaction pool is full/i,
    "no answer",
  ],
];

/** What a node's refusal of a transaction means. */
export function sendReplyOf(message: string): SendReply {
  const kind = WORDING.find(([pattern]) => pattern.test(message))?.[1] ?? "refused";
  if (kind === "known" || kind === "accepted") return { kind };
  return { kind, message };
}

/** Refusals by which a node says that it does not know a method or a tag, rather than that something failed. */
export function isUnsupported(message: string): boolean {
  return /method.*(not found|not supported|does not exist|not available)|unsupported method|unknown block|(safe|finalized) block not found|invalid block tag/i.test(
    message,
  );
}
