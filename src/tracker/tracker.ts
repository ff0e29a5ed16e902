import type { BatchEvent } from "../batch.js";
import type { Block, Chain, Receipt } from "../chain/chain.js";
import { RpcError } from "../errors.js";
import type { Hex } from "../hex.js";
import type { BlockRef, Store, StoredBatch } from "../store/store.js";

export type TrackerOptions = {
  store: Store;
  chain: Chain;
  /** blocks after which a block counts as final on a chain without finality tags */
  finalDepth: number;
  /** where else a batch that failed has landed: somebody else may have sent it first; null if nowhere */
  elsewhere: (batch: StoredBatch) => Promise<{ block: number; blockHash: Hex; transaction: Hex } | null>;
};

export type Tracker = {
  /** Takes in everything up to the node's head. @returns whether any batch changed */
  tick(): Promise<boolean>;
};

/** A longer way to the head is not walked block by block: receipts of what is open are asked for instead. */
const LONGEST_WALK = 64;

/**
 * Follows the chain for all open batches at once: per block one head and, if it holds anything of ours, one request
 * for receipts. Presence decides; absence decides nothing (law 6).
 */
export function createTracker({ store, chain, finalDepth, elsewhere }: TrackerOptions): Tracker {
  let changed = false;
  /** Whether this chain has ever named a final block; from then on only its word counts (law 8). */
  let namesFinal = false;

  async function follow(step: Parameters<Store["follow"]>[0]): Promise<void> {
    if (step.events.length > 0) changed = true;
    await store.follow(step);
  }

  /** Unwinds followed blocks that are no longer canonical. @returns the newest that still is */
  async function canonicalTip(followed: readonly BlockRef[]): Promise<BlockRef | null> {
    const gone: BlockRef[] = [];
    for (const block of [...followed].reverse()) {
      const now = await chain.block(block.number);
      // A node that lags has no such block yet. That says nothing about the block.
      if (now === null) return null;
      if (now.hash === block.hash) {
        if (gone.length > 0) await unwind(gone, block.number);
        return block;
      }
      gone.push(block);
    }
    await unwind(gone, -1);
    return null;
  }

  async function unwind(gone: readonly BlockRef[], above: number): Promise<void> {
    const hashes = new Set(gone.map((block) => block.hash));
    const events = (await store.batches(["included", "safe"])).flatMap(({ id, batch }) =>
      "inclusion" in batch && hashes.has(batch.inclusion.blockHash)
        ? [{ batch: id, event: unwound(batch.inclusion) }]
        : [],
    );
    await follow({ events, unwindAbove: above });
  }

  async function walk(from: BlockRef, head: Block): Promise<void> {
    let last = from;
    while (last.number < head.number) {
      const block = last.number + 1 === head.number ? head : await chain.block(last.number + 1);
      // Another branch, or a lagging node: the next tick finds the common block first.
      if (block === null || block.parentHash !== last.hash) return;
      const events = await inclusionsIn(block);
      if (events === null) return;
      await follow({ events, append: [refOf(block)] });
      last = refOf(block);
    }
  }

  /** @returns null if the node does not hand out all of our receipts yet: this block is not passed by then */
  async function inclusionsIn(block: Block): Promise<{ batch: number; event: BatchEvent }[] | null> {
    const owners = await openTransactions(block.transactions);
    if (owners.size === 0) return [];
    const receipts = await chain.receipts(block, [...owners.keys()]);
    if (receipts.length < owners.size) return null;
    return receipts.map((receipt) => ({ batch: owners.get(receipt.transaction)!, event: included(receipt) }));
  }

  /** Transactions of signed batches among these, or all of them. */
  async function openTransactions(among?: readonly Hex[]): Promise<Map<Hex, number>> {
    const owners = new Map<Hex, number>();
    if (among?.length === 0) return owners;
    const wanted = among === undefined ? null : new Set(among);
    for (const { id } of await store.batches(["signed"])) {
      for (const { transaction } of await store.attempts(id)) {
        if (wanted === null || wanted.has(transaction)) owners.set(transaction, id);
      }
    }
    return owners;
  }

  /** After a long absence: asks for each open transaction, then follows from the head on. */
  async function catchUp(head: Block): Promise<void> {
    const events: { batch: number; event: BatchEvent }[] = [];
    for (const [transaction, batch] of await openTransactions()) {
      const receipt = await chain.receipt(transaction);
      if (receipt !== null && receipt.block <= head.number) events.push({ batch, event: included(receipt) });
    }
    await follow({ events, unwindAbove: -1, append: [refOf(head)] });
  }

  /** A batch of a stream that failed may be there all the same, and is then not to be sent again. */
  async function adopt(): Promise<void> {
    for (const stored of await store.batches(["included", "safe"])) {
      const { id, position, batch } = stored;
      if (position === null || !("inclusion" in batch) || batch.inclusion.succeeded) continue;
      const found = await elsewhere(stored);
      if (found !== null) await follow({ events: [{ batch: id, event: { kind: "found", ...found } }] });
    }
  }

  async function settle(head: Block): Promise<void> {
    const safe = await chain.block("safe");
    const named = await chain.block("finalized");
    if (named !== null) namesFinal = true;
    const final = named ?? (namesFinal ? null : await chain.block(Math.max(0, head.number - finalDepth)));
    if (final === null) return;
    const blocks = new Map<number, Block | null>();
    const blockAt = async (number: number) => {
      if (!blocks.has(number)) blocks.set(number, await chain.block(number));
      return blocks.get(number) ?? null;
    };
    const events: { batch: number; event: BatchEvent }[] = [];
    for (const { id, batch } of await store.batches(["included", "safe"])) {
      if (!("inclusion" in batch) || batch.inclusion.block > Math.max(final.number, safe?.number ?? 0))
        continue;
      // The inclusion may have been seen on a branch that was never followed: what counts is the block there now.
      const there = await blockAt(batch.inclusion.block);
      if (there === null) continue;
      if (there.hash !== batch.inclusion.blockHash)
        events.push({ batch: id, event: unwound(batch.inclusion) });
      else if (batch.inclusion.block <= final.number) events.push({ batch: id, event: { kind: "final" } });
      else if (batch.state === "included") events.push({ batch: id, event: { kind: "safe" } });
    }
    if (events.length > 0) await follow({ events });
    for (const batch of await store.batches(["signed"])) await judgeNonce(batch, final);
    const oldest = (await store.followed())[0];
    const bound = Math.min(final.number, head.number);
    if (oldest !== undefined && oldest.number < bound) await follow({ events: [], forgetBelow: bound });
  }

  /**
   * A nonce is lost only on positive evidence: the very transaction that holds it, in a final block (law 6). A count
   * that moved only says where to look.
   */
  async function judgeNonce({ id, batch }: StoredBatch, final: Block): Promise<void> {
    if (batch.state !== "signed") return;
    const { lane, nonce } = batch;
    let holder: Hex | null;
    let high = final.number;
    try {
      if ((await chain.transactionCount(lane, high)) <= nonce) return;
      // Back from the final block in growing steps: a node that keeps no old states answers for the newest.
      let low = high;
      for (let step = 1; low > 0; step *= 2) {
        low = Math.max(0, high - step);
        if ((await chain.transactionCount(lane, low)) <= nonce) break;
        high = low;
      }
      while (low < high) {
        const middle = Math.floor((low + high) / 2);
        if ((await chain.transactionCount(lane, middle)) > nonce) high = middle;
        else low = middle + 1;
      }
      holder = await chain.transactionIn(high, lane, nonce);
    } catch (error) {
      // The states in question are gone at this node. What it cannot tell decides nothing.
      if (error instanceof RpcError) return;
      throw error;
    }
    if (holder === null) return;
    const ours = (await store.attempts(id)).some((attempt) => attempt.transaction === holder);
    if (!ours) return follow({ events: [{ batch: id, event: { kind: "stolen", block: high } }] });
    const receipt = await chain.receipt(holder);
    if (receipt !== null) await follow({ events: [{ batch: id, event: included(receipt) }] });
  }

  return {
    async tick() {
      changed = false;
      const head = await chain.block("latest");
      if (head === null) return false;
      const followed = await store.followed();
      if (followed.length === 0) {
        await catchUp(head);
      } else {
        const tip = await canonicalTip(followed);
        if (tip === null || head.number - tip.number > LONGEST_WALK) {
          if (head.number >= followed.at(-1)!.number) await catchUp(head);
        } else {
          await walk(tip, head);
        }
      }
      await adopt();
      await settle(head);
      return changed;
    },
  };
}

function refOf(block: Block): BlockRef {
  return { number: block.number, hash: block.hash };
}

function included(receipt: Receipt): BatchEvent {
  const { block, blockHash, transaction, succeeded, gasUsed, gasPrice } = receipt;
  return { kind: "included", block, blockHash, transaction, succeeded, gasUsed, gasPrice };
}

function unwound({ block, blockHash }: BlockRefOfInclusion): BatchEvent {
  return { kind: "unwound", block, blockHash };
}

type BlockRefOfInclusion = { block: number; blockHash: Hex };
