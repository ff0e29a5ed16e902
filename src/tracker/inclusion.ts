import type { BatchEvent } from "../batch.js";
import type { Receipt } from "../chain/chain.js";

/** What a transaction is an attempt at. */
export type Owner = { batch: number; noop: boolean };

/** A no-op that succeeds has done nothing of what was meant. */
export function eventOf({ batch, noop }: Owner, receipt: Receipt): { batch: number; event: BatchEvent } {
  const { block, blockHash, transaction, gasUsed, gasPrice } = receipt;
  const succeeded = receipt.succeeded && !noop;
  return {
    batch,
    event: { kind: "included", block, blockHash, transaction, succeeded, gasUsed, gasPrice },
  };
}
