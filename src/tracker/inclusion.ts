import type { BatchEvent } from "../batch.js";
import type { Receipt } from "../chain/chain.js";
import type { UnminedBatch } from "../store/store.js";

/** What a transaction is an attempt at. */
export type Owner = { batch: Pick<UnminedBatch, "id" | "members">; noop: boolean };

/**
 * Of all batches in a transaction; the one that leads bears its cost. A no-op that succeeds has done nothing of what was
 * meant.
 */
export function eventsOf(
  { batch, noop }: Owner,
  receipt: Receipt,
): { batch: number; event: BatchEvent & { kind: "included" } }[] {
  const { block, blockHash, transaction, gasPrice, l1Fee } = receipt;
  const succeeded = receipt.succeeded && !noop;
  return batch.members.map((member) => {
    const leads = member === batch.id;
    const paid = {
      gasUsed: leads ? receipt.gasUsed : 0n,
      gasPrice,
      ...(leads && l1Fee !== undefined ? { l1Fee } : {}),
    };
    return {
      batch: member,
      event: { kind: "included", block, blockHash, transaction, succeeded, ...paid },
    };
  });
}

/** A node's word of what is mined may lag by so many blocks behind what is there. */
const LAG = 16;

/** The blocks in which something can be that has to do with what was signed at a head, up to one of them. */
export function spanOf(signedAt: number, to: number): { from: number; to: number } {
  return { from: Math.max(0, Math.min(signedAt, to) - LAG), to };
}
