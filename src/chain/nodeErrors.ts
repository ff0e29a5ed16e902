import type { CallResult, SendReply } from "./chain.js";
import type { Hex } from "../hex.js";

/** JSON-RPC's error object, as it came. */
export type Refusal = { code: number; message: string; data?: unknown };

type Meaning =
  | { kind: Exclude<SendReply["kind"], "accepted" | "too large"> }
  | { kind: "too large"; limit: "gas" | "bytes" };

/**
 * What nodes say to a transaction; the first match counts, and what matches nothing is `refused`, which decides
 * nothing. test/chain/nodeErrors.test.ts has the texts of every client with the file that each is from.
 *
 * Most of geth's texts are also those of Reth, op-geth, Nitro and today's Nethermind; an older Nethermind says the name
 * of its enum. A text may begin with more: Erigon's `INTERNAL_ERROR: `, Reth's hash.
 */
const SENT: readonly [RegExp, Meaning][] = [
  // Anchored: that very transaction is there, and not its nonce, its sender or a block.
  [
    /(^|: )(already (known|imported)|(transaction already imported|known transaction|existing txn with same hash)\b)|\bAlreadyKnown\b/i,
    { kind: "known" },
  ],
  // Before the bare "underpriced", which is below what the pool takes at all. Erigon has four texts for one thing.
  [
    /replacement transaction underpriced|could not replace existing|price to replace existing|replaced by transaction with higher tip|\b(ReplacementNotAllowed|OwnNonceAlreadyUsed)\b/i,
    { kind: "underpriced" },
  ],
  [/nonce too low|\bOldNonce\b/i, { kind: "nonce too low" }],
  // Also a wallet that is delegated (EIP-7702): geth, Reth and Nethermind keep one transaction of it at a time.
  [
    /nonce too (high|far in future)|nonce is too distant|with a lower nonce exists|gapped-nonce|for delegated accounts|delegation (nonce gap|authority has pending)|\b(NonceGap|NonceTooFarInFuture|NotCurrentNonceForDelegation|DelegatorHasPendingTx)\b/i,
    { kind: "nonce too high" },
  ],
  // Revm's "intrinsic gas too high" is a gas limit above the block's, and in anvil also one that is too low for the call.
  [
    /exceeds (block|max transaction) gas limit|exceeds transaction gas cap|gas limit (is )?too high|gas limit reached|gas limit cap exceeded|gas limit\b.* is greater than the|\b(Tx)?Gas(LimitExceeded|LimitCapExceeded)\b|intrinsic gas too high(?! -- \w*MoreThanGasLimit)/i,
    { kind: "too large", limit: "gas" },
  ],
  [
    /oversized data|RLPTooLong|calldata of transaction is greater|transaction too large|\bMaxTxSizeExceeded\b/i,
    { kind: "too large", limit: "bytes" },
  ],
  [
    /\bunderpriced|fee too low|less than (the )?(block|current) base ?fee|gas price below|priority fee below|(gasPrice|maxFeePerGas) \(\d+\) is too low|which is below the minimum|\bFeeTooLow/i,
    { kind: "fee too low" },
  ],
  [/insufficient funds|have enough funds|upfront cost exceeds|\bInsufficientFunds\b/i, { kind: "funds" }],
  // About the asker or the node's house, and not about the transaction: a pool that is full, a node that is behind, a
  // sequencer that is away, a provider's plan.
  [
    /pool is full|replace pending|account limit exceeded|spammer|syncing|sync is still in progress|pool not enabled|sequencer (internal error|temporarily)|not accepting transactions|failed to publish|no backend|rate limit|too many requests|requests? (count|limit)|usage limit|capacity|time(d )?out\b|deadline exceeded/i,
    { kind: "no answer" },
  ],
];

/**
 * Codes mean something else in every client (-32005 is Besu's block gas limit and Infura's rate limit, -32007 is Besu's
 * allow list and QuickNode's rate limit), so they speak where the text does not: HTTP's and EIP-1474's "too many".
 */
const LIMITED = [429, -32005];

/** What a node's refusal of a transaction means. */
export function sendReplyOf({ code, message }: Refusal): SendReply {
  const unknown: Meaning = { kind: LIMITED.includes(code) ? "no answer" : "refused" };
  const meaning = SENT.find(([pattern]) => pattern.test(message))?.[1] ?? unknown;
  return meaning.kind === "known" ? { kind: "known" } : { ...meaning, message };
}

/**
 * By which a node says that it ran the call and the call failed. All else is the node's own trouble: a state that it
 * lacks, a plan that is used up, and Besu's "Internal error", which it also says when a call runs out of gas.
 *
 * Whole phrases: Reth cannot "revert to the requested block" either.
 */
const FAILED_CALL = new RegExp(
  [
    // geth, Erigon, Reth, Nitro, Besu, anvil, Nethermind
    /execution reverted/,
    // EDR; older Nethermind
    /^transaction reverted|VM exception while processing|^reverted with|^VM execution error/,
    // geth (core/vm/errors.go) and those who took its texts
    /^(err: )?(out of gas|gas uint64 overflow|invalid opcode|invalid jump|stack (under|over)flow|stack limit reached|write protection|return data out of bounds)/,
    // Nethermind (EvmExceptionExtensions.cs); EDR
    /^invalid instruction|^max call depth|ran out of gas$/,
    // anvil, and Reth with a colon; the first is a database that failed underneath.
    /^EVM error:? (?!FatalExternalError)/,
  ]
    .map(({ source }) => source)
    .join("|"),
  "i",
);

/** What a node's refusal of a call means: that the call failed, or that nothing is known. */
export function callResultOf({ code, message, data }: Refusal): CallResult {
  // 3 is a revert in every client that knows the code. Wallets wrap the node's error in one of their own.
  const inner = data !== null && typeof data === "object" ? (data as Partial<Refusal>) : {};
  const failed =
    code === 3 || inner.code === 3 || FAILED_CALL.test(message) || FAILED_CALL.test(inner.message ?? "");
  return failed ? { kind: "reverted", data: revertData(data) } : { kind: "unavailable", message };
}

/** The bytes that a contract reverted with, wherever the client put them: a string, `Reverted 0x…`, an object. */
function revertData(data: unknown): Hex {
  if (typeof data === "string") return (/0x(?:[0-9a-f]{2})*$/i.exec(data)?.[0] ?? "0x") as Hex;
  if (data === null || typeof data !== "object") return "0x";
  const { data: inner, result } = data as { data?: unknown; result?: unknown };
  return revertData(inner ?? result);
}

/** Whether a node says that it does not know a method, rather than that something failed. */
export function isUnsupported({ code, message }: Refusal): boolean {
  return (
    code === -32601 ||
    /\bmethod\b.*\b(not (found|supported|available|enabled)|does not exist)|unsupported method/i.test(message)
  );
}

/**
 * Whether a node says that it has no such block. Geth, Reth, Erigon and Nethermind answer so for `safe` and `finalized`
 * before there is one; chains without finality take the tag for a number (geth's "hex string", EDR's "block tag").
 */
export function isUnknownBlock({ message }: Refusal): boolean {
  return /\b(block|header)\b.*\bnot (found|available)|unknown block|could not be found|block tag|hex string without 0x prefix/i.test(
    message,
  );
}
