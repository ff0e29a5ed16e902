import type { Inclusion } from "../../src/batch.js";
import { FINAL_DEPTH, type ModelBlock, type ModelChain, type ModelNode } from "./modelChain.js";
import type { Flaw, ModelBatch, ModelJournal } from "./modelJournal.js";

const SAFE_DEPTH = 2;

/** Decides as src/tracker/tracker.ts does: on what is there, never on what is missing. */
export class ModelTracker {
  readonly #chain: ModelChain;
  readonly #journal: ModelJournal;
  readonly #flaw: Flaw | null;
  #followed: ModelBlock[];

  constructor(chain: ModelChain, journal: ModelJournal, flaw: Flaw | null) {
    this.#chain = chain;
    this.#journal = journal;
    this.#flaw = flaw;
    this.#followed = [chain.head];
  }

  /** @param most steps until it is stopped */
  tick(node: ModelNode, most: number): void {
    const { blocks } = this.#chain;
    const head = node.head;
    let left = most;
    const gone = new Set<string>();
    for (;;) {
      const last = this.#followed[this.#followed.length - 1]!;
      // A node that lags has no such block yet. That says nothing about the block.
      if (last.number > head.number) return;
      if (blocks[last.number] === last) break;
      gone.add(last.hash);
      this.#followed.pop();
    }
    if (gone.size > 0) {
      for (const found of this.#journal.batches) {
        const { batch } = found;
        if ((batch.state === "included" || batch.state === "safe") && gone.has(batch.inclusion.blockHash))
          this.#unwind(found, batch.inclusion);
      }
      if (--left < 0) return;
    }
    while (this.#followed[this.#followed.length - 1]!.number < head.number) {
      if (--left < 0) return;
      const block = blocks[this.#followed[this.#followed.length - 1]!.number + 1]!;
      for (const at of block.txs.keys()) this.#include(block, at);
      this.#followed.push(block);
    }
    if (--left < 0) return;
    this.#settle(head);
  }

  #unwind(found: ModelBatch, { block, blockHash }: Inclusion): void {
    this.#journal.apply(found, { kind: "unwound", block, blockHash });
  }

  #include({ number, hash, baseFee, txs }: ModelBlock, at: number): void {
    const { tx, ran } = txs[at]!;
    const found = this.#journal.byNonce[tx.nonce];
    if (found?.batch.state !== "signed" || !found.attempts.some((attempt) => attempt.tx === tx)) return;
    this.#journal.apply(found, {
      kind: "included",
      block: number,
      blockHash: hash,
      transaction: tx.hash,
      succeeded: ran && (!tx.noop || this.#flaw === "takes a no-op for success"),
      gasUsed: tx.gasLimit >> 1n,
      gasPrice: tx.maxFee < baseFee + tx.tip ? tx.maxFee : baseFee + tx.tip,
    });
  }

  #settle(head: ModelBlock): void {
    const { blocks } = this.#chain;
    const journal = this.#journal;
    const final = Math.max(0, head.number - FINAL_DEPTH);
    for (const found of journal.batches) {
      const { batch } = found;
      if (batch.state === "final") {
        journal.apply(found, { kind: "verified", mismatched: 0 });
      } else if (batch.state === "included" || batch.state === "safe") {
        const { block } = batch.inclusion;
        if (block <= final) journal.apply(found, { kind: "final" });
        else if (block <= head.number - SAFE_DEPTH && batch.state === "included")
          journal.apply(found, { kind: "safe" });
      } else if (batch.state === "signed") {
        if (this.#flaw === "calls a nonce lost when the receipt is null" && head.number - batch.block > 4) {
          journal.apply(found, { kind: "stolen", block: head.number });
          continue;
        }
        const trusted = this.#flaw === "calls a nonce lost when the count moved" ? head : blocks[final]!;
        if (batch.block > trusted.number || trusted.count <= batch.nonce) continue;
        this.#judge(found, batch.nonce, trusted);
      }
    }
  }

  /** Who holds a nonce that the account has passed. */
  #judge(found: ModelBatch, nonce: number, trusted: ModelBlock): void {
    const { blocks } = this.#chain;
    const block = blocks.find(({ count }) => count > nonce)!;
    const at = block.txs.findIndex(({ tx }) => tx.nonce === nonce);
    if (this.#flaw !== "calls a nonce lost when the count moved" && !block.txs[at]!.tx.foreign)
      this.#include(block, at);
    else this.#journal.apply(found, { kind: "stolen", block: trusted.number });
  }
}
