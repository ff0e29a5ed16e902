import { apply, type Batch, type BatchEvent, LIVE, OPEN } from "../../src/batch.js";
import type { Bid } from "../../src/fees.js";
import type { Hex } from "../../src/hex.js";
import type { Attempt, PlannedBatch, SignedBatch } from "../../src/lane/step.js";
import { type ModelBlock, type ModelChain, type ModelNode, type Tx, Violation } from "./modelChain.js";

export const LANE: Hex = "0x1a";

/** All batches are of one. */
const JOB = 1;

export type ModelAttempt = Attempt & { tx: Tx };

export type ModelBatch = {
  id: number;
  items: readonly number[];
  nonce: number | null;
  batch: Batch;
  events: BatchEvent[];
  attempts: ModelAttempt[];
};

export type Overspent = { kind: "overspent"; needed: bigint; left: bigint };

/** What a writer brings along: its token, and the fee cap it was started with. */
export type Writer = { token: number; maxFee: bigint | null };

export class Fenced extends Error {}

/** Ways to do it wrong, each of which the laws must find. */
export type Flaw =
  | "sends before it journals"
  | "takes the nonce from the node alone"
  | "calls a nonce lost when the count moved"
  | "calls a nonce lost when the receipt is null"
  | "replaces with another payload"
  | "bumps by one wei"
  | "journals the bump after it is sent"
  | "signs above the fee cap"
  | "signs above the budget"
  | "signs despite an obstacle"
  | "takes a no-op for success"
  | "fills a nonce that is journaled"
  | "fills beyond the gap"
  | "does not fill gaps"
  | "leaves what no longer fits"
  | "gives the payload back to a no-op's nonce"
  | "hands in the higher nonces first"
  | "never hands in again"
  | "treats an error of sending as a refusal"
  | "writes without looking at the token"
  | "gives back items at the first block"
  | "makes its state without an event"
  | "signs what would fail"
  | "takes a small block for a cap of gas";

/** The journal as src/store/sqlite.ts keeps it, in memory, and what must be true of each thing that is written. */
export class ModelJournal {
  readonly batches: ModelBatch[] = [];
  /** of each item the batch that holds it, null while it waits */
  readonly holders: (number | null)[];
  /** by nonce: a nonce has one batch for ever */
  readonly byNonce: (ModelBatch | undefined)[] = [];
  token = 0;
  budget: bigint | null = null;
  settled = 0n;
  /** written to since the laws were last looked at */
  readonly touched = new Set<ModelBatch>();
  readonly #chain: ModelChain;
  readonly #flaw: Flaw | null;
  #signed = 0;

  constructor(chain: ModelChain, items: number, flaw: Flaw | null) {
    this.#chain = chain;
    this.#flaw = flaw;
    this.holders = new Array<number | null>(items).fill(null);
  }

  assign(writer: Writer, items: readonly number[]): void {
    this.#check(writer);
    const id = this.batches.length;
    for (const item of items) {
      if (this.holders[item] !== null) throw new Error(`item ${item} is in a batch already`);
      this.holders[item] = id;
    }
    this.#add(items);
  }

  #add(items: readonly number[]): ModelBatch {
    const added: ModelBatch = {
      id: this.batches.length,
      items,
      nonce: null,
      batch: { state: "planned" },
      events: [],
      attempts: [],
    };
    this.batches.push(added);
    this.touched.add(added);
    return added;
  }

  sign(
    writer: Writer,
    id: number,
    mined: number,
    head: ModelBlock,
    bid: Bid,
    gasLimit: bigint,
    node: ModelNode,
  ): ModelAttempt | Overspent {
    this.#check(writer);
    const found = this.batches[id]!;
    const nonce =
      this.#flaw === "takes the nonce from the node alone" ? mined : Math.max(this.byNonce.length, mined);
    const tx = this.#transaction(bid, nonce, gasLimit, found.items, false);
    if (this.#flaw === "sends before it journals") node.receive(tx);
    const overspent = this.#overspentBy(found, tx);
    if (overspent !== null) return overspent;
    return this.#journal(writer, found, tx, head);
  }

  replace(
    writer: Writer,
    id: number,
    noop: boolean,
    head: ModelBlock,
    bid: Bid,
    noopGas: bigint,
    node: ModelNode,
  ): ModelAttempt | Overspent {
    this.#check(writer);
    const found = this.batches[id]!;
    const { nonce } = found;
    if (nonce === null) throw new Error(`batch ${id} has no nonce yet`);
    const payload = found.attempts.findLast((attempt) => !attempt.noop);
    const other = this.#flaw === "replaces with another payload" ? found.items.slice(1) : found.items;
    const tx = noop
      ? this.#transaction(bid, nonce, noopGas, [], true)
      : this.#transaction(bid, nonce, payload!.gasLimit, other, false);
    if (this.#flaw === "journals the bump after it is sent") node.receive(tx);
    const overspent = this.#overspentBy(found, tx);
    if (overspent !== null) return overspent;
    return this.#journal(writer, found, tx, head);
  }

  fill(
    writer: Writer,
    nonce: number,
    head: ModelBlock,
    bid: Bid,
    noopGas: bigint,
  ): ModelAttempt | Overspent | null {
    this.#check(writer);
    if (this.byNonce[nonce] !== undefined && this.#flaw !== "fills a nonce that is journaled") return null;
    if (nonce >= this.byNonce.length)
      throw new Violation("law 4", `nonce ${nonce} is filled, and nothing above it waits`);
    const tx = this.#transaction(bid, nonce, noopGas, [], true);
    const found = this.#add([]);
    const overspent = this.#overspentBy(found, tx);
    if (overspent !== null) {
      this.batches.pop();
      this.touched.delete(found);
      return overspent;
    }
    return this.#journal(writer, found, tx, head);
  }

  onLane(writer: Writer, id: number, event: BatchEvent): void {
    this.#check(writer);
    this.apply(this.batches[id]!, event);
  }

  apply(found: ModelBatch, event: BatchEvent): void {
    const before = found.batch;
    const batch = apply(before, event);
    found.batch = batch;
    if (this.#flaw !== "makes its state without an event" || event.kind !== "unwound")
      found.events.push(event);
    this.touched.add(found);
    if (OPEN.includes(before.state) && !OPEN.includes(batch.state)) this.settled += paidFor(batch);
    const early = this.#flaw === "gives back items at the first block" && event.kind === "included";
    if (!LIVE.includes(batch.state) || (early && !event.succeeded)) {
      for (const item of found.items) if (this.holders[item] === found.id) this.holders[item] = null;
    }
    if (event.kind === "stolen") this.#checkStolen(found);
    if (event.kind === "final") this.#checkFinal(found);
  }

  /** Signed and in no block, by nonce. */
  signed(cap: bigint | null = null): (SignedBatch & { attempts: readonly ModelAttempt[] })[] {
    const signed = [];
    for (const found of this.byNonce) {
      if (found?.batch.state !== "signed") continue;
      const { nonce, sentAt } = found.batch;
      signed.push({ id: found.id, job: JOB, cap, nonce, sentAt, attempts: [...found.attempts] });
    }
    return signed;
  }

  planned(cap: bigint | null = null): PlannedBatch[] {
    return this.batches
      .filter(({ batch }) => batch.state === "planned")
      .map(({ id }) => ({ id, job: JOB, cap, ordered: id % 3 === 0 }));
  }

  /** Transactions of the account that have been seen in blocks. */
  reached(): number {
    return this.byNonce.findLastIndex((found) => found !== undefined && found.batch.state !== "signed") + 1;
  }

  #check({ token }: Writer): void {
    if (token === this.token || this.#flaw === "writes without looking at the token") return;
    throw new Fenced();
  }

  #transaction(
    { maxFee, tip }: Bid,
    nonce: number,
    gasLimit: bigint,
    items: readonly number[],
    noop: boolean,
  ): Tx {
    const hash: Hex = `0x7${++this.#signed}`;
    return { hash, nonce, maxFee, tip, gasLimit, items, noop, foreign: false, journaled: false };
  }

  #overspentBy(found: ModelBatch, tx: Tx): Overspent | null {
    if (this.budget === null || this.#flaw === "signs above the budget") return null;
    let others = this.settled;
    for (const one of this.batches)
      if (one !== found && OPEN.includes(one.batch.state)) others += mostOf(one);
    const needed = tx.maxFee * tx.gasLimit;
    const left = this.budget - others;
    return needed <= left ? null : { kind: "overspent", needed, left: left > 0n ? left : 0n };
  }

  #journal(writer: Writer, found: ModelBatch, tx: Tx, head: ModelBlock): ModelAttempt {
    const { nonce, maxFee, tip, gasLimit, noop } = tx;
    const { number, timestamp } = head;
    const event: BatchEvent =
      found.batch.state === "planned"
        ? { kind: "signed", lane: LANE, nonce, block: number, transaction: tx.hash }
        : { kind: "replaced", transaction: tx.hash, noop };
    // What cannot follow throws here, and nothing is written.
    this.apply(found, event);
    this.#checkAttempt(writer, found, tx);
    const attempt = { maxFee, tip, gasLimit, noop, head: { number, timestamp }, tx };
    const before = this.#committed();
    while (this.byNonce.length < nonce) this.byNonce.push(undefined);
    this.byNonce[nonce] = found;
    found.nonce = nonce;
    found.attempts.push(attempt);
    tx.journaled = true;
    const after = this.#committed();
    // A budget that was lowered below what is committed takes nothing back; nothing may be added then.
    if (this.budget !== null && after > this.budget && after > before)
      throw new Violation("law 10", `${after} wei are committed of ${this.budget}`);
    return attempt;
  }

  /** Laws 4, 10 and 11 of what is about to be written. */
  #checkAttempt({ token, maxFee: cap }: Writer, found: ModelBatch, tx: Tx): void {
    const { nonce, maxFee, tip, items, noop } = tx;
    if (token !== this.token)
      throw new Violation("law 11", `token ${token} writes, and ${this.token} is the lane's`);
    const holder = this.byNonce[nonce];
    if (holder !== undefined && holder !== found)
      throw new Violation("law 4", `nonce ${nonce} is of batch ${holder.id}, and now of ${found.id} too`);
    for (const earlier of found.attempts) {
      if (earlier.tx.nonce !== nonce) throw new Violation("law 4", `batch ${found.id} has two nonces`);
      if (earlier.noop && !noop) throw new Violation("law 4", `nonce ${nonce} was given up for a no-op`);
      if (maxFee * 10n < earlier.maxFee * 11n || tip * 10n < earlier.tip * 11n)
        throw new Violation("law 4", `nonce ${nonce} is bumped by less than a tenth`);
    }
    if (!noop && items.join() !== found.items.join())
      throw new Violation("law 4", `nonce ${nonce} has another payload`);
    if (cap !== null && maxFee > cap)
      throw new Violation("law 10", `${maxFee} wei per gas are above the cap ${cap}`);
  }

  #committed(): bigint {
    if (this.budget === null) return 0n;
    let committed = 0n;
    for (const one of this.batches)
      committed += OPEN.includes(one.batch.state) ? mostOf(one) : paidFor(one.batch);
    return committed;
  }

  #checkStolen({ nonce, id }: ModelBatch): void {
    const { blocks, final } = this.#chain;
    for (let number = 0; number <= final; number++) {
      for (const { tx } of blocks[number]!.txs) if (tx.nonce === nonce && tx.foreign) return;
    }
    throw new Violation("law 6", `nonce ${nonce} of batch ${id} is no other's in any final block`);
  }

  #checkFinal({ id, batch, attempts }: ModelBatch): void {
    if (!("inclusion" in batch)) throw new Violation("law 8", `batch ${id} is final in no block`);
    const { block, blockHash, transaction } = batch.inclusion;
    const there = this.#chain.blocks[block];
    const found = there?.txs.find(({ tx }) => tx.hash === transaction);
    const own = attempts.some(({ tx }) => tx === found?.tx);
    if (block > this.#chain.final || there?.hash !== blockHash || !own)
      throw new Violation("law 8", `batch ${id} is final, and the chain does not say so`);
  }

  /** Laws 2, 5 and 12, of all that changed since they were last looked at. */
  checkLaws(): void {
    for (const found of this.touched) {
      const told = stateOf(found.events);
      if (told === null || !sameBatch(told, found.batch))
        throw new Violation(
          "law 5",
          `batch ${found.id} is ${found.batch.state}, its events say ${told?.state ?? "nothing"}`,
        );
    }
    if (this.touched.size === 0) return;
    this.touched.clear();
    const { holders } = this;
    const held = new Array<number>(holders.length).fill(0);
    for (const { id, batch, items } of this.batches) {
      if (!LIVE.includes(batch.state)) continue;
      for (const item of items) {
        held[item]! += 1;
        if (held[item]! > 1) throw new Violation("law 2", `item ${item} is in two live batches`);
        if (holders[item] !== id) throw new Violation("law 12", `item ${item} is not counted where it is`);
      }
    }
    for (let item = 0; item < held.length; item++)
      if ((holders[item] === null ? 0 : 1) !== held[item])
        throw new Violation("law 12", `item ${item} is nowhere`);
  }
}

/** Wei that a batch costs if its dearest attempt pays all that it offers. */
function mostOf({ attempts }: ModelBatch): bigint {
  let most = 0n;
  for (const { maxFee, gasLimit } of attempts) if (maxFee * gasLimit > most) most = maxFee * gasLimit;
  return most;
}

function paidFor(batch: Batch): bigint {
  return "inclusion" in batch ? batch.inclusion.gasUsed * batch.inclusion.gasPrice : 0n;
}

/** Null if they cannot have followed each other. */
function stateOf(events: readonly BatchEvent[]): Batch | null {
  try {
    return events.reduce<Batch>(apply, { state: "planned" });
  } catch {
    return null;
  }
}

function sameBatch(a: Batch, b: Batch): boolean {
  if (a.state !== b.state) return false;
  if ("nonce" in a && "nonce" in b && (a.nonce !== b.nonce || a.block !== b.block || a.sentAt !== b.sentAt))
    return false;
  if (!("inclusion" in a && "inclusion" in b)) return true;
  const [one, other] = [a.inclusion, b.inclusion];
  return one.blockHash === other.blockHash && one.transaction === other.transaction;
}
