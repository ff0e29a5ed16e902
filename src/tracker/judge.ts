import type { BatchEvent } from "../batch.js";
import type { Block, Chain, Holder } from "../chain/chain.js";
import { RpcError } from "../errors.js";
import type { Hex } from "../hex.js";
import { payloadOf } from "../key.js";
import type { Store, StoredBatch, UnminedBatch } from "../store/store.js";
import { eventsOf, spanOf } from "./inclusion.js";

export type JudgeOptions = {
  store: Store;
  chain: Chain;
  follow: (step: { events: { batch: number; event: BatchEvent }[] }) => Promise<void>;
  /** where else a batch has landed; null if nowhere, undefined if the node does not tell */
  search: (
    batch: StoredBatch,
    within: { from: number; to: number },
  ) => Promise<{ block: number; blockHash: Hex; transaction: Hex } | null | undefined>;
  sameChain: () => Promise<void>;
  alert: (text: string) => void;
};

/** Blocks looked through at once for who has a nonce. */
const LOOKED_THROUGH = 32;

/**
 * Says who has a nonce for good: nobody yet, a batch of ours, or somebody else. What it returns takes in a final block
 * and says whether a batch was found in a block.
 */
export function createJudge({ store, chain, follow, search, sameChain, alert }: JudgeOptions) {
  /**
   * One question a lane: while its count has not passed a nonce, nobody has taken that.
   * @returns whether a batch was found in a block
   */
  async function judgeNonces(final: Block): Promise<boolean> {
    let found = false;
    const counts = new Map<Hex, number | null>();
    for (const batch of await store.unmined()) {
      const { lane, nonce } = batch;
      // What was signed above the final block can be in no block up to it, unless somebody else had the nonce: and that
      // will be final as well, later.
      if (batch.block > final.number) continue;
      if (!counts.has(lane)) counts.set(lane, await countAt(lane, final.number));
      const count = counts.get(lane)!;
      const judged =
        count === null ? await judgeUnseen(batch, final) : count > nonce && (await judgeNonce(batch, final));
      found = judged || found;
    }
    return found;
  }

  /** Null if the node does not have that state: what it cannot tell decides nothing. */
  async function countAt(lane: Hex, block: number): Promise<number | null> {
    try {
      return await chain.transactionCount(lane, block);
    } catch (error) {
      if (error instanceof RpcError) return null;
      throw error;
    }
  }

  /**
   * A nonce is lost only on positive evidence: the very transaction that holds it, in a final block (law 6). A count
   * that moved only says where to look.
   */
  async function judgeNonce(batch: UnminedBatch, final: Block): Promise<boolean> {
    const { lane, nonce } = batch;
    let high = final.number;
    // Back from the final block in growing steps: a node that keeps no old states answers for the newest.
    let low = high;
    for (let step = 1; low > 0; step *= 2) {
      low = Math.max(0, high - step);
      const count = await countAt(lane, low);
      if (count === null) return judgeUnseen(batch, final);
      if (count <= nonce) break;
      high = low;
    }
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const count = await countAt(lane, middle);
      if (count === null) return judgeUnseen(batch, final);
      if (count > nonce) high = middle;
      else low = middle + 1;
    }
    const holder = await chain.transactionIn(high, lane, nonce);
    if (holder === null) return false;
    if (holder !== "nobody") return judge(batch, holder, high, final);
    // A body without it is no evidence of anything but that; yet somebody may have to look.
    if (!puzzled.has(batch.id)) {
      alert(
        `nonce ${nonce} of lane ${lane} is used up since block ${high}, which shows no transaction with it. If the key has signed an authorization (EIP-7702), what was signed for that nonce can never land.`,
      );
    }
    puzzled.add(batch.id);
    return false;
  }

  const puzzled = new Set<number>();
  const sought = new Map<number, Hex>();

  /** Blocks that were looked through for who has a nonce, by batch: the next one. */
  const looked = new Map<number, number>();

  /** Where the states are gone, the blocks themselves tell; they are looked through, some at each head. */
  async function judgeUnseen(batch: UnminedBatch, final: Block): Promise<boolean> {
    const { id, lane, nonce, block, attempts } = batch;
    try {
      if ((await chain.transactionCount(lane, "latest")) <= nonce) return false;
      for (const { transaction, noop } of attempts) {
        const receipt = await chain.receipt(transaction);
        if (receipt === null || receipt.block > final.number) continue;
        await follow({ events: eventsOf({ batch, noop }, receipt) });
        return true;
      }
      const from = looked.get(id) ?? spanOf(block, final.number).from;
      const to = Math.min(final.number, from + LOOKED_THROUGH);
      for (let number = from; number <= to; number += 1) {
        const holder = await chain.transactionIn(number, lane, nonce);
        if (holder === null) return false;
        if (holder !== "nobody") return await judge(batch, holder, number, final);
        looked.set(id, number + 1);
      }
    } catch (error) {
      // What the node refuses to tell decides nothing.
      if (!(error instanceof RpcError)) throw error;
    }
    return false;
  }

  /** Who has a nonce, in a final block. @returns whether it is the batch after all */
  async function judge(batch: UnminedBatch, holder: Holder, block: number, final: Block): Promise<boolean> {
    const { id, lane, nonce, attempts } = batch;
    const isFilled = attempts.every((attempt) => attempt.noop);
    const own = attempts.find(({ transaction }) => transaction === holder.hash);
    const same = own === undefined && (await isPayload(id, holder));
    if (own !== undefined || same) {
      const receipt = await chain.receipt(holder.hash);
      if (receipt === null) return false;
      await follow({ events: eventsOf({ batch, noop: own?.noop ?? false }, receipt) });
      if (same) {
        alert(
          `transaction ${holder.hash} in block ${block} is what lane ${lane} had signed, sent at another fee with the same key; it counts. If it was not you, the key is known to somebody else.`,
        );
      }
      return true;
    }
    const members = (await store.together(id)).filter((one) => batch.members.includes(one.id));
    // Their items may have been appended by somebody who copied them.
    const copies: Awaited<ReturnType<typeof search>>[] = [];
    for (const one of members)
      copies.push(one.position === null ? null : await search(one, spanOf(batch.block, block)));
    if (copies.includes(undefined)) return false;
    // Finding nothing is no evidence: it is done twice, at two final blocks.
    const missing = members.some((one, index) => one.position !== null && copies[index] === null);
    if (missing && (sought.get(id) ?? final.hash) === final.hash) {
      sought.set(id, final.hash);
      return false;
    }
    await sameChain();
    const paid = { succeeded: true, gasUsed: 0n, gasPrice: 0n };
    const events = members.map(({ id: member }, index) => {
      const copy = copies[index];
      const event: BatchEvent =
        copy == null ? { kind: "stolen", block } : { kind: "included", ...copy, ...paid };
      return { batch: member, event };
    });
    await follow({ events });
    if (copies.every((copy) => copy !== null)) return true;
    // A gap that was filled for others belongs to whoever had it first.
    if (!isFilled) {
      alert(
        `transaction ${holder.hash} in block ${block}, sent with the lane's key, took nonce ${nonce} of lane ${lane}, which a batch had; its items go again. If it was not you, the key is known to somebody else.`,
      );
    }
    return copies.some((copy) => copy !== null);
  }

  /** Whether a transaction says what the batch was signed to say, whatever it pays. */
  async function isPayload(batch: number, holder: Holder): Promise<boolean> {
    const payload = (await store.attempts(batch)).filter((attempt) => !attempt.noop).at(-1);
    if (payload === undefined) return false;
    const { to, data } = payloadOf(payload.raw);
    return holder.to?.toLowerCase() === to.toLowerCase() && holder.data.toLowerCase() === data.toLowerCase();
  }

  return judgeNonces;
}
