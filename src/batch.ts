import type { Hex } from "./hex.js";

/**
 * The life of a batch. Pure: `apply` says what an event makes of a batch, `nextStep` what is to be done with it.
 *
 *     planned ─▶ signed ─▶ included ─▶ safe ─▶ final ─▶ verified
 *        │         │ ▲ ◀── unwound ──┘ ◀─┘
 *        │         │                     at final depth, and only then, the items go back to admitted:
 *        ▼         └─▶ stolen            stolen: another transaction holds the nonce
 *      voided          reverted          reverted: it was included without effect: it failed, or a no-op took its nonce
 *
 * There is no `failed`: what is not known to be refused may have been sent.
 */
export type Batch =
  | { state: "planned" }
  | ({ state: "signed" } & Signed)
  | ({ state: "included" | "safe" } & Signed & { inclusion: Inclusion })
  | ({ state: "final" } & Signed & { inclusion: Inclusion })
  | ({ state: "verified" } & Signed & { inclusion: Inclusion; mismatched: number })
  | ({ state: "reverted" } & Signed & { inclusion: Inclusion })
  | ({ state: "stolen" } & Signed & { block: number })
  | { state: "voided" };

export type BatchState = Batch["state"];

/**
 * `block`: the head when the nonce was taken. `sentAt`: when the newest attempt was last handed to a node, Unix
 * milliseconds; null if never, as far as is known.
 */
export type Signed = { lane: Hex; nonce: number; block: number; sentAt: number | null };

export type Inclusion = {
  block: number;
  blockHash: Hex;
  transaction: Hex;
  /** what was meant has happened; false too if a no-op took the nonce, whatever its receipt says */
  succeeded: boolean;
  gasUsed: bigint;
  /** wei per gas that was paid */
  gasPrice: bigint;
  /** wei that the chain took for data besides, where it does */
  l1Fee?: bigint;
  /** where ours failed, if this is where somebody else's has landed instead; the nonce is settled only with it */
  own?: { block: number; blockHash: Hex };
};

export type BatchEvent =
  | { kind: "signed"; lane: Hex; nonce: number; block: number; transaction: Hex }
  /** another attempt at the same nonce: a higher fee for the same payload, or a no-op in its place (law 4) */
  | { kind: "replaced"; transaction: Hex; noop: boolean }
  | { kind: "sent"; at: number }
  | ({ kind: "included" } & Inclusion)
  /** ours failed, because somebody else had sent the very same batch before */
  | { kind: "found"; block: number; blockHash: Hex; transaction: Hex }
  | { kind: "unwound"; block: number; blockHash: Hex }
  | { kind: "safe" }
  | { kind: "final" }
  | { kind: "stolen"; block: number }
  | { kind: "voided" }
  | { kind: "verified"; mismatched: number };

export type Step = "sign" | "send" | "wait" | "verify" | "done";

/** States in which a batch holds its items: an item is in at most one of these (law 2). */
export const LIVE: readonly BatchState[] = ["planned", "signed", "included", "safe", "final", "verified"];

/** States in which it is not settled what the batch costs: it may still be sent, or undone and sent again. */
export const OPEN: readonly BatchState[] = ["signed", "included", "safe"];

/** @throws Error if the event cannot follow the state: our bug, and nothing has been changed */
export function apply(batch: Batch, event: BatchEvent): Batch {
  switch (event.kind) {
    case "signed":
      if (batch.state !== "planned") break;
      return { state: "signed", lane: event.lane, nonce: event.nonce, block: event.block, sentAt: null };
    case "replaced":
      if (batch.state !== "signed") break;
      return { ...batch, sentAt: null };
    case "sent":
      // The reply to a send may come after its inclusion was seen.
      if (batch.state === "signed") return { ...batch, sentAt: event.at };
      if (batch.state === "planned" || batch.state === "voided") break;
      return batch;
    case "included": {
      if (batch.state !== "signed") break;
      const { kind: _, ...inclusion } = event;
      return { ...batch, state: "included", inclusion };
    }
    case "found": {
      if ((batch.state !== "included" && batch.state !== "safe") || batch.inclusion.succeeded) break;
      const { kind: _, ...where } = event;
      // What was paid is what ours took.
      const { block, blockHash } = batch.inclusion;
      const inclusion = { ...batch.inclusion, ...where, succeeded: true, own: { block, blockHash } };
      return { ...batch, state: "included", inclusion };
    }
    case "unwound":
      if (batch.state !== "included" && batch.state !== "safe") break;
      // sentAt null: the pool may have lost it with the block, so it is handed in again at once.
      return { state: "signed", lane: batch.lane, nonce: batch.nonce, block: batch.block, sentAt: null };
    case "safe":
      if (batch.state !== "included") break;
      return { ...batch, state: "safe" };
    case "final":
      if (batch.state !== "included" && batch.state !== "safe") break;
      return { ...batch, state: batch.inclusion.succeeded ? "final" : "reverted" };
    case "stolen":
      if (batch.state !== "signed") break;
      return { ...batch, state: "stolen", block: event.block };
    case "voided":
      if (batch.state !== "planned") break;
      return { state: "voided" };
    case "verified":
      if (batch.state !== "final") break;
      return { ...batch, state: "verified", mismatched: event.mismatched };
  }
  throw new Error(`a batch that is ${batch.state} cannot be ${event.kind}`);
}

/**
 * What to do with a batch at `now`.
 * @param patienceMs how long a sent transaction may be missing before the same bytes are handed in again
 */
export function nextStep(batch: Batch, now: number, patienceMs: number): Step {
  switch (batch.state) {
    case "planned":
      return "sign";
    case "signed":
      return isDue(batch.sentAt, now, patienceMs) ? "send" : "wait";
    case "included":
    case "safe":
      return "wait";
    case "final":
      return "verify";
    case "verified":
    case "reverted":
    case "stolen":
    case "voided":
      return "done";
  }
}

/** Whether bytes are to be handed in (again). A clock that was set back must not keep them in for hours. */
export function isDue(sentAt: number | null, now: number, patienceMs: number): boolean {
  return sentAt === null || Math.abs(now - sentAt) >= patienceMs;
}
