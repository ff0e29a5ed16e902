import type { BatchEvent } from "../batch.js";
import type { Block, Chain } from "../chain/chain.js";
import { RpcError, WaybillError } from "../errors.js";
import type { Hex } from "../hex.js";
import type { BlockRef, Store, StoredBatch } from "../store/store.js";
import { eventsOf, type Owner, spanOf } from "./inclusion.js";
import { createJudge } from "./judge.js";

export type TrackerOptions = {
  store: Store;
  chain: Chain;
  /** blocks after which a block counts as final on a chain without finality tags */
  finalDepth: number;
  /** where else a batch that failed has landed: somebody else may have sent it first; null if nowhere */
  elsewhere: (
    batch: StoredBatch,
    within: { from: number; to: number },
  ) => Promise<{ block: number; blockHash: Hex; transaction: Hex } | null>;
  /**
   * Throws if the node serves another chain than the store's. Asked before anything is taken back: on another chain
   * every block of ours is missing, and every nonce may be somebody's.
   */
  sameChain: () => Promise<void>;
  /** told of what a person should know: transactions that somebody else sent with a lane's key */
  alert?: (text: string) => void;
  /** monotonic, milliseconds */
  clock?: () => number;
};

export type Tracker = {
  /**
   * Takes in everything up to a head.
   * @param head the node's; null if it has none
   * @returns whether any batch changed
   */
  tick(head: Block | null): Promise<boolean>;
};

/** A longer way to the head is not walked block by block: receipts of what is open are asked for instead. */
const LONGEST_WALK = 64;

/** Under one head blocks may become final all the same, where another chain says so: asked again after so long. */
const SETTLE_AGAIN_MS = 5_000;

/**
 * Follows the chain for all open batches at once: per block one request for receipts if it holds anything of ours, and
 * two for what is safe and final. Presence decides; absence decides nothing (law 6).
 */
export function createTracker(options: TrackerOptions): Tracker {
  const { store, chain, finalDepth, elsewhere, sameChain } = options;
  const clock = options.clock ?? (() => performance.now());
  let changed = false;
  /** the head up to which everything was taken in, and when */
  let done: { hash: Hex; at: number } | null = null;

  async function follow(step: Parameters<Store["follow"]>[0]): Promise<void> {
    if (step.events.length > 0) changed = true;
    await store.follow(step);
  }

  /** Unwinds followed blocks that are no longer canonical. @returns the newest that still is */
  async function canonicalTip(followed: readonly BlockRef[], head: Block): Promise<BlockRef | null> {
    const newest = followed.at(-1)!;
    if (head.hash === newest.hash || head.parentHash === newest.hash) return newest;
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
    await sameChain();
    const hashes = new Set(gone.map((block) => block.hash));
    const events = (await store.batches(["included", "safe"])).flatMap(({ id, batch }) =>
      "inclusion" in batch &&
      [batch.inclusion, batch.inclusion.own].some(
        (where) => where !== undefined && hashes.has(where.blockHash),
      )
        ? [{ batch: id, event: unwound(batch.inclusion) }]
        : [],
    );
    await follow({ events, unwindAbove: above });
  }

  /** @returns whether it came to the head */
  async function walk(from: BlockRef, head: Block): Promise<boolean> {
    let last = from;
    while (last.number < head.number) {
      const block = last.number + 1 === head.number ? head : await chain.block(last.number + 1);
      // Another branch, or a lagging node: the next tick finds the common block first.
      if (block === null || block.parentHash !== last.hash) return false;
      const events = await inclusionsIn(block);
      if (events === null) return false;
      await follow({ events, append: [refOf(block)] });
      last = refOf(block);
    }
    return true;
  }

  /** @returns null if the node does not hand out all of our receipts yet: this block is not passed by then */
  async function inclusionsIn(block: Block): Promise<{ batch: number; event: BatchEvent }[] | null> {
    const owners = await openTransactions(block.transactions);
    if (owners.size === 0) return [];
    const receipts = await chain.receipts(block, [...owners.keys()]);
    if (receipts.length < owners.size) return null;
    return receipts.flatMap((receipt) => eventsOf(owners.get(receipt.transaction)!, receipt));
  }

  /** Attempts of signed batches among these transactions, or all of them. */
  async function openTransactions(among?: readonly Hex[]): Promise<Map<Hex, Owner>> {
    const owners = new Map<Hex, Owner>();
    if (among?.length === 0) return owners;
    const wanted = among === undefined ? null : new Set(among);
    for (const batch of await store.unmined()) {
      for (const { transaction, noop } of batch.attempts) {
        if (wanted === null || wanted.has(transaction)) owners.set(transaction, { batch, noop });
      }
    }
    return owners;
  }

  /** After a long absence: asks for each open transaction, then follows from the head on. */
  async function catchUp(head: Block): Promise<void> {
    await sameChain();
    const events = new Map<number, { batch: number; event: BatchEvent }[]>();
    for (const [transaction, owner] of await openTransactions()) {
      const receipt = await chain.receipt(transaction);
      if (receipt !== null && receipt.block <= head.number)
        events.set(owner.batch.id, eventsOf(owner, receipt));
    }
    await follow({ events: [...events.values()].flat(), unwindAbove: -1, append: [refOf(head)] });
  }

  /** Batches of streams that have failed and were looked for elsewhere, by the head under which that was first done. */
  const sought = new Map<number, Hex>();

  /**
   * A batch of a stream that failed may be there all the same, and is then not to be sent again.
   * @returns those of which it is not known yet
   */
  async function adopt(head: Block): Promise<Set<number>> {
    const open = new Set<number>();
    for (const stored of await store.batches(["included", "safe"])) {
      const { id, position, batch } = stored;
      if (position === null || !("inclusion" in batch) || batch.inclusion.succeeded) continue;
      const found = await search(stored, spanOf(batch.block, batch.inclusion.block));
      if (found === undefined) open.add(id);
      else if (found !== null) await follow({ events: [{ batch: id, event: { kind: "found", ...found } }] });
      // Finding nothing is no evidence: it is done twice, at two heads, before the items go again.
      if (!sought.has(id)) sought.set(id, head.hash);
      if (sought.get(id) === head.hash) open.add(id);
    }
    return open;
  }

  /** Undefined if the node does not tell: of this batch nothing is decided then, and of all others it is. */
  async function search(
    batch: StoredBatch,
    within: { from: number; to: number },
  ): Promise<Awaited<ReturnType<typeof elsewhere>> | undefined> {
    try {
      return await elsewhere(batch, within);
    } catch (error) {
      if (error instanceof RpcError || (error instanceof WaybillError && error.code === "E_NODE"))
        return undefined;
      throw error;
    }
  }

  /** @returns whether nothing is left to be said of this head */
  async function settle(head: Block, undecided: ReadonlySet<number>): Promise<boolean> {
    const [safe, named] = await Promise.all([chain.block("safe"), chain.block("finalized")]);
    if (named !== null) await rememberNaming();
    const final =
      named ?? ((await namesFinal()) ? null : await chain.block(Math.max(0, head.number - finalDepth)));
    if (final === null) return true;
    const followed = await store.followed();
    const hashes = new Map<number, Hex | null>(followed.map((block) => [block.number, block.hash]));
    // The final block of another branch than the one that was followed says nothing about the blocks of this one.
    if (final.number > head.number || (hashes.get(final.number) ?? final.hash) !== final.hash) return true;
    const hashAt = async (number: number) => {
      if (!hashes.has(number)) hashes.set(number, (await chain.block(number))?.hash ?? null);
      return hashes.get(number) ?? null;
    };
    const events: { batch: number; event: BatchEvent }[] = [];
    const isThere = async (where: BlockRefOfInclusion) => {
      const there = await hashAt(where.block);
      return there === null ? null : there === where.blockHash;
    };
    for (const { id, lead, batch } of await store.batches(["included", "safe"])) {
      if (!("inclusion" in batch) || undecided.has(id)) continue;
      const { inclusion } = batch;
      const last = Math.max(inclusion.block, inclusion.own?.block ?? 0);
      if (last > Math.max(final.number, safe?.number ?? 0)) continue;
      // The inclusion may have been seen on a branch that was never followed: what counts is the block there now.
      const there = [await isThere(inclusion), inclusion.own === undefined || (await isThere(inclusion.own))];
      if (there.includes(false)) events.push({ batch: id, event: unwound(inclusion) });
      else if (there.includes(null)) continue;
      else if (last <= final.number) {
        events.push({ batch: id, event: { kind: "final" } });
        if (id === lead && !inclusion.succeeded && !(await isNoop(id, inclusion.transaction))) {
          alert(
            `transaction ${inclusion.transaction} failed in block ${inclusion.block}, though a node had run it well; its items go again`,
          );
        }
      } else if (batch.state === "included") events.push({ batch: id, event: { kind: "safe" } });
    }
    if (events.some(({ event }) => event.kind === "unwound")) await sameChain();
    if (events.length > 0) await follow({ events });
    const found = await judgeNonces(final);
    const bound = Math.min(final.number, head.number);
    const [oldest] = followed;
    if (oldest !== undefined && oldest.number < bound) await follow({ events: [], forgetBelow: bound });
    return !found;
  }

  async function isNoop(batch: number, transaction: Hex): Promise<boolean> {
    return (await store.attempts(batch)).some((one) => one.noop && one.transaction === transaction);
  }

  const alert = (text: string) => options.alert?.(text);
  const judgeNonces = createJudge({ store, chain, follow, search, sameChain, alert });

  let naming = false;
  async function rememberNaming(): Promise<void> {
    if (!naming) await follow({ events: [], namesFinal: true });
    naming = true;
  }

  /** From the first final block that a chain names on, only its word counts (law 8). */
  async function namesFinal(): Promise<boolean> {
    naming ||= await store.namesFinal();
    return naming;
  }

  /** @returns whether all up to the head is taken in */
  async function advance(head: Block): Promise<boolean> {
    const followed = await store.followed();
    if (followed.length === 0) {
      await catchUp(head);
      return true;
    }
    const tip = await canonicalTip(followed, head);
    if (tip !== null && head.number - tip.number <= LONGEST_WALK) return walk(tip, head);
    if (head.number < followed.at(-1)!.number) {
      // A node that lags, or one of another chain that has not come as far.
      await sameChain();
      return false;
    }
    await catchUp(head);
    return true;
  }

  return {
    async tick(head) {
      changed = false;
      if (head === null) return false;
      const again = done !== null && done.hash === head.hash;
      if (again && clock() - done!.at < SETTLE_AGAIN_MS) return false;
      done = null;
      const reached = again || (await advance(head));
      // What was not followed to the head may lie on another branch than what is final.
      if (!reached) return changed;
      const undecided = await adopt(head);
      const settled = await settle(head, undecided);
      if (settled && undecided.size === 0) done = { hash: head.hash, at: clock() };
      return changed;
    },
  };
}

function refOf(block: Block): BlockRef {
  return { number: block.number, hash: block.hash };
}

function unwound({ block, blockHash }: BlockRefOfInclusion): BatchEvent {
  return { kind: "unwound", block, blockHash };
}

type BlockRefOfInclusion = { block: number; blockHash: Hex };
