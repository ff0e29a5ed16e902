import type { SendReply } from "../../src/chain/chain.js";
import type { Hex } from "../../src/hex.js";

/** A signed transaction of the lane's account: one of the lane, or one that its key signed elsewhere. */
export type Tx = {
  hash: Hex;
  nonce: number;
  maxFee: bigint;
  tip: bigint;
  gasLimit: bigint;
  /** items that it puts on the chain, each time it runs: a no-op and a foreign transaction have none */
  items: readonly number[];
  noop: boolean;
  foreign: boolean;
  /** whether it is on disk, set by the journal */
  journaled: boolean;
};

export type ModelBlock = {
  number: number;
  hash: Hex;
  timestamp: number;
  gasLimit: bigint;
  baseFee: bigint;
  txs: readonly { tx: Tx; ran: boolean }[];
  /** transactions of the account up to here */
  count: number;
};

/** Which transactions a block takes: of a node's pool, or any that ever reached anybody, the oldest or the newest. */
export type Source = 0 | 1 | "oldest" | "newest";

/** Blocks above the final one that may be undone. */
export const FINAL_DEPTH = 5;

const BLOCK_S = 12;

/** What a law of architecture.md forbids has happened. */
export class Violation extends Error {
  readonly law: string;
  constructor(law: string, detail: string) {
    super(`${law}: ${detail}`);
    this.law = law;
  }
}

/** One account's chain and two nodes' pools. What a node knows it may know late; it invents nothing. */
export class ModelChain {
  readonly blocks: ModelBlock[];
  readonly nodes: readonly [ModelNode, ModelNode];
  /** by nonce, all that ever reached a node: any of it may come back */
  readonly seen: Tx[][] = [];
  /** how often each item is on the chain as it is now */
  readonly runs: number[];
  baseFee = 10n;
  tip = 2n;
  gasLimit = 1_000_000n;
  balance = 10n ** 15n;
  /** no block up to this one is ever undone */
  final = 0;
  #made = 0;

  constructor(items: number) {
    this.runs = new Array<number>(items).fill(0);
    const genesis = { number: 0, hash: "0xb0" as Hex, timestamp: 0, txs: [], count: 0 };
    this.blocks = [{ ...genesis, gasLimit: this.gasLimit, baseFee: this.baseFee }];
    this.nodes = [new ModelNode(this, false), new ModelNode(this, true)];
  }

  get head(): ModelBlock {
    return this.blocks[this.blocks.length - 1]!;
  }

  /** @param most transactions. @param failing whether those with items have no effect */
  mine(source: Source | Tx, most: number, failing = false): void {
    const { count, number, timestamp } = this.head;
    const txs: { tx: Tx; ran: boolean }[] = [];
    let room = this.gasLimit;
    while (txs.length < most) {
      const tx = this.#candidate(source, count + txs.length, room);
      if (tx === undefined) break;
      room -= tx.gasLimit;
      txs.push({ tx, ran: !failing });
      if (failing) continue;
      for (const item of tx.items) {
        this.runs[item]! += 1;
        if (this.runs[item]! > 1) throw new Violation("exactly once", `item ${item} is on the chain twice`);
      }
    }
    const { gasLimit, baseFee } = this;
    const hash: Hex = `0xb${++this.#made}`;
    const after = count + txs.length;
    this.blocks.push({
      number: number + 1,
      hash,
      timestamp: timestamp + BLOCK_S,
      gasLimit,
      baseFee,
      txs,
      count: after,
    });
    this.final = Math.max(this.final, number + 1 - FINAL_DEPTH);
    for (const node of this.nodes) node.forgetBelow(after);
  }

  #candidate(source: Source | Tx, nonce: number, room: bigint): Tx | undefined {
    if (source === "oldest" || source === "newest") {
      const all = this.seen[nonce] ?? [];
      for (let i = 0; i < all.length; i++) {
        const tx = all[source === "oldest" ? i : all.length - 1 - i]!;
        if (this.#fits(tx, room)) return tx;
      }
      return undefined;
    }
    const tx = typeof source === "number" ? this.nodes[source].pool[nonce] : source;
    return tx?.nonce === nonce && this.#fits(tx, room) ? tx : undefined;
  }

  #fits(tx: Tx, room: bigint): boolean {
    return tx.maxFee >= this.baseFee && tx.gasLimit <= room;
  }

  /** Takes the newest blocks off. @param back whether what was in them goes back to the pools */
  undo(depth: number, back: boolean): number {
    const undone = Math.min(depth, this.blocks.length - 1 - this.final);
    const blocks = this.blocks.splice(this.blocks.length - undone);
    for (const { txs } of blocks) {
      for (const { tx, ran } of txs) if (ran) for (const item of tx.items) this.runs[item]! -= 1;
    }
    if (back) {
      for (const { txs } of blocks) for (const { tx } of txs) for (const node of this.nodes) node.take(tx);
    }
    return undone;
  }

  remember(tx: Tx): void {
    if (!tx.foreign && !tx.journaled)
      throw new Violation("law 3", `${tx.hash} at nonce ${tx.nonce} left before it was on disk`);
    const all = (this.seen[tx.nonce] ??= []);
    if (!all.includes(tx)) all.push(tx);
  }
}

const POOL_SLOTS = 6;

export const messageOf = (kind: Exclude<SendReply["kind"], "accepted" | "known">): SendReply =>
  kind === "too large" ? { kind, limit: "gas", message: kind } : { kind, message: kind };

const REPLIES = {
  accepted: { kind: "accepted" } as SendReply,
  known: { kind: "known" } as SendReply,
  tooLow: messageOf("nonce too low"),
  tooHigh: messageOf("nonce too high"),
  underpriced: messageOf("underpriced"),
  feeTooLow: messageOf("fee too low"),
  tooLarge: messageOf("too large"),
  refused: messageOf("refused"),
};

/** A node's pool of the account, with the rules of geth's, or of a stricter one. */
export class ModelNode {
  pool: (Tx | undefined)[] = [];
  /** blocks that the node is behind */
  lag = 0;
  readonly #chain: ModelChain;
  /** whether it refuses what cannot go into the next block */
  readonly #strict: boolean;

  constructor(chain: ModelChain, strict: boolean) {
    this.#chain = chain;
    this.#strict = strict;
  }

  get head(): ModelBlock {
    const { blocks } = this.#chain;
    return blocks[Math.max(0, blocks.length - 1 - this.lag)]!;
  }

  receive(tx: Tx): SendReply {
    this.#chain.remember(tx);
    return this.take(tx);
  }

  take(tx: Tx): SendReply {
    const { pool, head } = this;
    const { nonce } = tx;
    if (tx.gasLimit > head.gasLimit) return REPLIES.tooLarge;
    if (nonce < head.count) return REPLIES.tooLow;
    const held = pool[nonce];
    if (held === tx) return REPLIES.known;
    if (this.#strict && tx.maxFee < head.baseFee) return REPLIES.feeTooLow;
    if (held !== undefined) {
      if (tx.maxFee * 10n < held.maxFee * 11n || tx.tip * 10n < held.tip * 11n) return REPLIES.underpriced;
      pool[nonce] = tx;
      return REPLIES.accepted;
    }
    if (this.#strict) {
      for (let below = head.count; below < nonce; below++)
        if (pool[below] === undefined) return REPLIES.tooHigh;
    }
    let size = 0;
    for (const one of pool) if (one !== undefined) size++;
    if (size >= POOL_SLOTS) {
      // A pool that is full gives up the highest nonce for a lower one.
      if (pool.length - 1 < nonce) return REPLIES.refused;
      this.drop(pool.length - 1);
    }
    while (pool.length < nonce) pool.push(undefined);
    pool[nonce] = tx;
    return REPLIES.accepted;
  }

  drop(nonce: number): void {
    const { pool } = this;
    if (nonce >= pool.length) return;
    pool[nonce] = undefined;
    while (pool.length > 0 && pool[pool.length - 1] === undefined) pool.pop();
  }

  dropAll(): void {
    this.pool = [];
  }

  forgetBelow(nonce: number): void {
    for (let below = Math.min(nonce, this.pool.length) - 1; below >= 0; below--) this.drop(below);
  }

  /** What pays less than the base fee leaves a pool that has no room for it. */
  evictCheap(): void {
    for (let nonce = this.pool.length - 1; nonce >= 0; nonce--) {
      const tx = this.pool[nonce];
      if (tx !== undefined && tx.maxFee < this.#chain.baseFee) this.drop(nonce);
    }
  }
}
