import type { SendReply } from "../../src/chain/chain.js";
import {
  NOOP_GAS,
  type LaneEvent,
  laneState,
  type LaneState,
  type Policy,
  step,
  type World,
} from "../../src/lane/step.js";
import type { Command, Journaled, Step, Write } from "../../src/lane/step.js";
import {
  messageOf,
  type ModelBlock,
  type ModelChain,
  type ModelNode,
  type Tx,
  Violation,
} from "./modelChain.js";
import { Fenced, type Flaw, LANE, type ModelJournal, type Overspent, type Writer } from "./modelJournal.js";

export const PATIENCE_MS = 30_000;

/** More than any tick needs: one that goes on has come into a circle. */
const MOST_OPERATIONS = 300;

const FAULTS = [
  "nonce too low",
  "nonce too high",
  "underpriced",
  "fee too low",
  "funds",
  "too large",
  "refused",
  "no answer",
] as const;

/** What goes wrong in a tick. `at`: at which command, null for each. */
export type Fault = { kind: number; at: number | null; effect: boolean };

/** Gas of a batch. */
export const gasOf = (items: number) => 50_000n + 50_000n * BigInt(items);

/** A process that drives the lane: what it knows between ticks. */
export type Owner = Writer & {
  transactionGas: number;
  seen: { head: string; world: World } | null;
};

export const ownerOf = (token: number, maxFee: bigint | null): Owner => ({
  token,
  maxFee,
  transactionGas: 1_000_000,
  seen: null,
});

export type Outcome = "done" | "stopped" | "failed";

/**
 * One tick, as src/lane/lane.ts drives it, which can be stopped before each write and each command, and go on later.
 */
export class Run {
  readonly owner: Owner;
  readonly #chain: ModelChain;
  readonly #journal: ModelJournal;
  readonly #node: ModelNode;
  readonly #head: ModelBlock;
  readonly #now: number;
  readonly #fault: Fault | null;
  readonly #flaw: Flaw | null;
  readonly #events: LaneEvent[];
  readonly #bytes = new Map<number, Tx>();
  /** batches that a node has run */
  readonly #passed = new Set<number>();
  #state: LaneState;
  #writes: readonly Write[] = [];
  #written = 0;
  #attempts: Journaled[] = [];
  #overspent: (Overspent & { batch: number | null }) | null = null;
  #journals = false;
  #commands: readonly Command[] = [];
  #commanded = 0;
  #asked = 0;
  #operations = 0;
  #stopped = false;

  constructor(
    chain: ModelChain,
    journal: ModelJournal,
    owner: Owner,
    node: ModelNode,
    now: number,
    fault: Fault | null,
    flaw: Flaw | null,
  ) {
    this.#chain = chain;
    this.#journal = journal;
    this.owner = owner;
    this.#node = node;
    this.#head = node.head;
    this.#now = now;
    this.#fault = fault;
    this.#flaw = flaw;
    const policy: Policy = {
      lane: LANE,
      patienceMs: PATIENCE_MS,
      patienceBlocks: 3,
      misses: now % 5 === 0,
      slots: 4,
      ahead: 1 + (now % 2),
      transactionGas: owner.transactionGas,
      transactionBytes: Infinity,
      signs: true,
    };
    this.#state = laneState(policy, journal.signed(owner.maxFee), journal.planned(owner.maxFee));
    const { number, timestamp, gasLimit, baseFee } = this.#head;
    this.#events = [{ kind: "tick", now, head: { number, timestamp, gasLimit, baseFee } }];
  }

  /** @param most operations until it stops: writes and commands */
  advance(most: number): Outcome {
    let left = most;
    for (;;) {
      if (this.#written < this.#writes.length || this.#commanded < this.#commands.length) {
        if (left === 0) {
          this.#stopped = true;
          return "stopped";
        }
        left -= 1;
        this.#operations += 1;
        if (this.#operations > MOST_OPERATIONS) throw new Violation("liveness", "a tick does not end");
        if (!this.#operate()) return "failed";
        continue;
      }
      if (this.#journals) {
        const [attempts, overspent] = [this.#attempts, this.#overspent];
        this.#events.unshift({ kind: "journaled", attempts, overspent });
        this.#journals = false;
        this.#attempts = [];
        this.#overspent = null;
      }
      const event = this.#events.shift();
      if (event === undefined) {
        if (this.#state.obstacle !== null) this.owner.seen = null;
        return "done";
      }
      const next = flawedStep(this.#state, event, this.#flaw);
      if (event.kind === "replied") checkReply(event.reply, next.writes);
      if (this.#state.obstacle !== null && next.writes.some(({ kind }) => kind === "sign"))
        throw new Violation("law 10", `it signs, and waits: ${this.#state.obstacle.detail}`);
      this.#state = next.state;
      this.#writes = next.writes;
      this.#written = 0;
      this.#commands = next.commands;
      this.#commanded = 0;
    }
  }

  /** @returns whether the tick goes on */
  #operate(): boolean {
    if (this.#written < this.#writes.length) {
      try {
        this.#write(this.#writes[this.#written++]!);
        return true;
      } catch (error) {
        if (error instanceof Violation) throw error;
        // Only while a tick stood still can anything have come to be otherwise than it had read.
        if (this.#stopped) return false;
        if (error instanceof Fenced) throw new Violation("law 11", "the owner of the lane is fenced out");
        throw new Violation("law 5", (error as Error).message);
      }
    }
    const result = this.#command(this.#commands[this.#commanded++]!);
    if (result === null) return false;
    this.#events.push(result);
    return true;
  }

  #write(write: Write): void {
    const journal = this.#journal;
    const { owner } = this;
    if (write.kind === "sent") return journal.onLane(owner, write.batch, { kind: "sent", at: write.at });
    if (write.kind === "void") return journal.onLane(owner, write.batch, { kind: "voided" });
    if (write.kind === "refuse") throw new Violation("law 2", "nothing here is refused for an item");
    const head = this.#head;
    if (write.kind === "sign" && !this.#passed.has(write.batch))
      throw new Violation("law 10", `batch ${write.batch} would fail, and is signed`);
    const written =
      write.kind === "sign"
        ? journal.sign(owner, write.batch, write.mined, head, write.bid, write.gasLimit, this.#node)
        : write.kind === "replace"
          ? journal.replace(owner, write.batch, write.noop, head, write.bid, NOOP_GAS, this.#node)
          : journal.fill(owner, write.nonce, head, write.bid, NOOP_GAS);
    this.#journals = true;
    if (written === null) return;
    if ("kind" in written) {
      this.#overspent = { ...written, batch: "batch" in write ? write.batch : null };
      return;
    }
    const { nonce } = written.tx;
    const batch = journal.byNonce[nonce]!.id;
    this.#bytes.set(batch, written.tx);
    this.#attempts.push({ batch, nonce, attempt: written });
  }

  /** @returns null if the tick fails with it */
  #command(command: Command): LaneEvent | null {
    const hit = this.#fault !== null && (this.#fault.at ?? this.#asked) === this.#asked;
    this.#asked += 1;
    const fault = hit ? this.#fault : null;
    switch (command.kind) {
      case "look":
        return this.#look(fault);
      case "prepare": {
        const items = this.#journal.batches[command.batch]!.items.length;
        const gasLimit = gasOf(items);
        const kind = (["waits", "refused", "unavailable"] as const)[(fault?.kind ?? 3) & 3];
        if (kind === undefined) this.#passed.add(command.batch);
        const passes = kind === undefined || this.#flaw === "signs what would fail";
        const verdict = passes ? ({ kind: "passes" } as const) : { kind, detail: kind };
        return { kind: "prepared", batch: command.batch, items, bytes: 0, gasLimit, verdict };
      }
      case "send":
        return this.#send(command.batch, fault);
    }
  }

  #look(fault: Fault | null): LaneEvent | null {
    if (fault !== null && !fault.effect) return null;
    const head = this.#head;
    const { seen } = this.owner;
    if (seen?.head === head.hash) return { kind: "looked", world: seen.world };
    const { blocks, tip, balance } = this.#chain;
    // A node behind a balancer knows less than the one that named the head.
    const behind = fault === null ? 0 : fault.kind;
    const counting = fault === null ? this.#node.head : blocks[Math.max(0, head.number - behind)];
    const mined = Math.max(counting?.count ?? 0, this.#journal.reached());
    const { number, timestamp, gasLimit, baseFee } = head;
    const world: World = { head: { number, timestamp, gasLimit, baseFee }, tip, mined, balance };
    this.owner.seen = { head: head.hash, world };
    return { kind: "looked", world };
  }

  #send(batch: number, fault: Fault | null): LaneEvent {
    const tx = this.#bytes.get(batch) ?? this.#journal.batches[batch]!.attempts.at(-1)?.tx;
    if (tx === undefined) throw new Violation("law 3", `batch ${batch} is to be sent and has no bytes`);
    this.#bytes.delete(batch);
    let reply: SendReply | null = null;
    if (fault === null || fault.effect) reply = this.#node.receive(tx);
    if (fault !== null) {
      const kind = FAULTS[fault.kind % FAULTS.length]!;
      reply = messageOf(kind);
    }
    // What no block takes now says nothing about what a transaction may use.
    const fits = tx.gasLimit <= this.#head.gasLimit || this.#flaw === "takes a small block for a cap of gas";
    if (reply!.kind === "too large" && fits)
      this.owner.transactionGas = Math.min(this.owner.transactionGas, Number(tx.gasLimit >> 1n));
    if (this.#flaw === "treats an error of sending as a refusal" && reply!.kind === "refused")
      this.#journal.onLane(this.owner, batch, { kind: "stolen", block: this.#head.number });
    return { kind: "replied", batch, reply: reply!, at: this.#now };
  }
}

/** Law 7: no send error changes a nonce or a payload; a fee may rise, and what is too large becomes a no-op. */
function checkReply(reply: SendReply, writes: readonly Write[]): void {
  for (const write of writes) {
    if (write.kind === "sent") continue;
    if (write.kind === "replace" && (reply.kind === "too large" || reply.kind === "underpriced")) continue;
    throw new Violation("law 7", `after "${reply.kind}" it wants to ${write.kind}`);
  }
}

/** The reducer, or what it would be with a flaw. */
function flawedStep(state: LaneState, event: LaneEvent, flaw: Flaw | null): Step {
  switch (flaw) {
    case "signs above the fee cap":
      return step(
        {
          ...state,
          signed: state.signed.map((one) => ({ ...one, cap: null })),
          planned: state.planned.map((one) => ({ ...one, cap: null })),
        },
        event,
      );
    case "signs despite an obstacle": {
      const next = step({ ...state, obstacle: null }, event);
      return { ...next, state: { ...next.state, obstacle: next.state.obstacle ?? state.obstacle } };
    }
    case "never hands in again": {
      const signed = state.signed.map((one) => ({ ...one, sentAt: one.sentAt === null ? null : state.now }));
      const policy = { ...state.policy, misses: false };
      return step(event.kind === "looked" ? { ...state, policy, signed } : state, event);
    }
    case "bumps by one wei": {
      const next = step(state, event);
      const writes = next.writes.map((write) => {
        if (write.kind !== "replace") return write;
        const { maxFee, tip } = state.signed.find(({ id }) => id === write.batch)!.attempts.at(-1)!;
        return { ...write, bid: { maxFee: maxFee + 1n, tip: tip + 1n } };
      });
      return { ...next, writes };
    }
    case "does not fill gaps": {
      const next = step(state, event);
      return { ...next, writes: next.writes.filter((write) => write.kind !== "fill") };
    }
    case "leaves what no longer fits": {
      const next = step(state, event);
      return { ...next, writes: next.writes.filter((write) => write.kind !== "replace" || !write.noop) };
    }
    case "gives the payload back to a no-op's nonce": {
      const next = step(state, event);
      const had = (id: number) =>
        state.signed.find((one) => one.id === id)!.attempts.some((one) => !one.noop);
      const writes = next.writes.map((write) =>
        write.kind === "replace" && event.kind === "looked" && had(write.batch)
          ? { ...write, noop: false }
          : write,
      );
      return { ...next, writes };
    }
    case "hands in the higher nonces first": {
      const next = step(state, event);
      const { queue } = next.state;
      const begins =
        event.kind === "looked" || (event.kind === "replied" && event.reply.kind === "nonce too high");
      if (!begins || queue.length < 2 || next.commands[0]?.kind !== "send") return next;
      const reversed = [...queue].reverse();
      return {
        ...next,
        state: { ...next.state, queue: reversed },
        commands: [{ kind: "send", batch: reversed[0]! }],
      };
    }
    case "fills a nonce that is journaled": {
      const next = step(state, event);
      const nonce = state.signed[0]?.nonce;
      const writes = next.writes.map((write) =>
        write.kind === "fill" && nonce !== undefined ? { ...write, nonce: write.nonce + 1 } : write,
      );
      return { ...next, writes };
    }
    case "fills beyond the gap": {
      const next = step(state, event);
      const above = (state.signed.at(-1)?.nonce ?? 0) + 1;
      const writes = next.writes.flatMap((write): Write[] =>
        write.kind === "fill" ? [write, { ...write, nonce: above }] : [write],
      );
      return { ...next, writes };
    }
    default:
      return step(state, event);
  }
}
