import { FINAL_DEPTH, type ModelBlock, ModelChain, type Source, type Tx, Violation } from "./modelChain.js";
import { type Flaw, ModelJournal } from "./modelJournal.js";
import { type Fault, gasOf, type Owner, ownerOf, PATIENCE_MS, Run } from "./modelLane.js";
import { ModelTracker } from "./modelTracker.js";

/**
 * What is done to a lane, one thing after the other: what it is, and three small numbers whose meaning depends on that.
 * 0 is always the harmless choice, so that what fast-check shrinks reads well.
 */
export type Action = readonly [kind: number, a: number, b: number, c: number];

/** A kind of action stands here as often as it is to come up. */
export const KINDS = [
  "round",
  "round",
  "round",
  "round",
  "round",
  "round",
  "tick",
  "tick",
  "tick",
  "tick",
  "tick",
  "tick",
  "tick",
  "tick",
  "mine",
  "mine",
  "mine",
  "reorg",
  "reorg",
  "reorg",
  "reorg",
  "reorg",
  "gap",
  "foreign",
  "foreign",
  "foreign",
  "base fee",
  "base fee",
  "time",
  "track",
  "gas limit",
  "gas limit",
  "drop",
  "come back",
  "budget",
  "cap",
  "resume",
  "resume",
  "take over",
  "lag",
  "balance",
] as const;

export const MOST: Action = [KINDS.length - 1, 31, 255, 31];

const ITEMS = 9;
const BASE_FEES = [10n, 14n, 25n, 60n, 200n, 35n];
const TIPS = [2n, 3n, 0n, 7n];
/** the smallest takes no batch at all, the next ones one item */
const GAS_LIMITS = [1_000_000n, 210_000n, 160_000n, 110_000n, 120_000n, 90_000n];
const CAPS = [null, 30n, 60n, 130n, null];
const BUDGETS = [null, 30_000_000n, 8_000_000n, 12_000_000n, 60_000_000n];

/** Rounds in which everything must have come to its end once nothing goes wrong any more. */
const MOST_ROUNDS = 120;

export type Told = { rounds: number; attempts: number; stolen: number; noops: number; unwound: number };

/** What is still as it was when the rest is well again. */
export type Rest = {
  /** the node through which the lane goes on: the first takes what it cannot use yet, the second does not */
  through: 0 | 1;
  keepsPools: boolean;
  keepsBaseFee: boolean;
  keepsGasLimit: boolean;
};

export const MOST_REST = 15;

/** @param bits 0 is the mildest */
export const restOf = (bits: number): Rest => ({
  through: (bits & 1) as 0 | 1,
  keepsGasLimit: (bits & 2) !== 0,
  keepsPools: (bits & 4) !== 0,
  keepsBaseFee: (bits & 8) !== 0,
});

/** @throws Violation as soon as a law is broken */
export function play(actions: readonly Action[], rest: Rest, flaw: Flaw | null = null): Told {
  const schedule = new Schedule(flaw);
  for (const action of actions) schedule.act(action);
  return schedule.heal(rest);
}

class Schedule {
  readonly #flaw: Flaw | null;
  readonly #chain = new ModelChain(ITEMS);
  readonly #journal: ModelJournal;
  readonly #tracker: ModelTracker;
  #owner: Owner;
  /** ticks that stand still, of this owner or of earlier ones */
  #asleep: Run[] = [];
  #now = 1_000_000;
  #cap: bigint | null = null;
  #foreign = 0;

  constructor(flaw: Flaw | null) {
    this.#flaw = flaw;
    this.#journal = new ModelJournal(this.#chain, ITEMS, flaw);
    this.#tracker = new ModelTracker(this.#chain, this.#journal, flaw);
    this.#owner = this.#take();
  }

  #take(): Owner {
    this.#journal.token += 1;
    return ownerOf(this.#journal.token, this.#cap);
  }

  act([kind, a, b, c]: Action): void {
    const chain = this.#chain;
    const node = chain.nodes[c & 1]!;
    switch (KINDS[kind]!) {
      case "round":
        // Nothing goes wrong by itself; what did before shows.
        this.#tick(0, 0, c & 13);
        for (let made = 0; made <= (a & 3); made++) chain.mine((c & 1) as 0 | 1, 1 + (b & 3));
        this.#now += PATIENCE_MS / 2;
        break;
      case "tick":
        this.#tick(a, b, c);
        break;
      case "mine":
        for (let made = 0; made <= (b & 3); made++)
          chain.mine(sourceOf(c), a === 31 ? 0 : 1 + (a & 3), b > 240);
        break;
      case "track":
        this.#tracker.tick(node, a === 0 ? Infinity : a >> 2);
        break;
      case "time":
        this.#now += ((a & 7) + 1) * (PATIENCE_MS / 3) * (b > 240 ? -1 : 1);
        break;
      case "reorg": {
        const undone = chain.undo(1 + (a & 3), (a & 4) === 0);
        for (let made = 0; made < undone + ((a >> 3) & 1); made++)
          chain.mine(sourceOf(c >> 1), (b >> (2 * made)) & 3);
        break;
      }
      case "foreign":
        this.#foreignTransaction(a, b, c);
        break;
      case "gap":
        // A nonce that was somebody's when the lane signed above it, and is nobody's now.
        for (let made = 0; made <= (a & 1); made++) this.#foreignTransaction(0, 4, 0);
        this.#tick(a >> 1, 0, c & 29);
        for (let undone = chain.undo(1 + (a & 1), false); undone > 0; undone--) chain.mine(0, b & 1);
        break;
      case "base fee":
        chain.baseFee = BASE_FEES[a % BASE_FEES.length]!;
        chain.tip = TIPS[b % TIPS.length]!;
        if ((c & 2) !== 0) for (const one of chain.nodes) one.evictCheap();
        if ((c & 4) === 0) chain.mine(0, 0);
        break;
      case "gas limit":
        chain.gasLimit = GAS_LIMITS[a % GAS_LIMITS.length]!;
        if ((c & 4) === 0) chain.mine(0, 0);
        break;
      case "drop":
        if (a === 0) node.dropAll();
        else node.drop(chain.head.count + (a & 7));
        break;
      case "come back": {
        const all = chain.seen[chain.head.count + (a & 3)];
        if (all !== undefined) node.take(all[b % all.length]!);
        break;
      }
      case "budget":
        this.#journal.budget = BUDGETS[a % BUDGETS.length]!;
        break;
      case "cap":
        this.#cap = CAPS[a % CAPS.length]!;
        this.#owner = this.#take();
        break;
      case "resume": {
        const run = this.#asleep.pop();
        if (run?.advance(a === 0 ? Infinity : a) === "stopped") this.#asleep.push(run);
        break;
      }
      case "take over":
        this.#owner = this.#take();
        break;
      case "lag":
        node.lag = a % 4;
        break;
      case "balance":
        chain.balance = (a & 1) === 0 ? 10n ** 15n : 5_000_000n;
        break;
    }
    this.#journal.checkLaws();
  }

  /** @param a where it is stopped: 0 nowhere. @param b what goes wrong: 0 nothing. @param c who, and what is planned */
  #tick(a: number, b: number, c: number): void {
    const node = this.#chain.nodes[c & 1]!;
    // A process does one tick at a time. Another one goes on when it was killed, or while it stands still.
    if (this.#asleep.some((run) => run.owner === this.#owner)) this.#owner = this.#take();
    if (b < 208) this.#tracker.tick(node, Infinity);
    if ((c & 2) === 0) this.#plan(1 + ((c >> 2) % 3), 2, node.head);
    const fault: Fault | null =
      b === 0 || b >= 96
        ? null
        : {
            kind: b & 7,
            at: b >> 5 === 0 ? null : (b >> 5) + ((b >> 3) & 1) * 2 - 1,
            effect: (b & 16) !== 0,
          };
    const run = new Run(this.#chain, this.#journal, this.#owner, node, this.#now, fault, this.#flaw);
    const stops = a !== 0 && a < 12;
    if (run.advance(stops ? a - 1 : Infinity) !== "stopped") return;
    if ((c & 16) !== 0) this.#asleep.push(run);
    else this.#owner = this.#take();
  }

  #plan(size: number, batches: number, head: ModelBlock): void {
    const most = Math.min(this.#owner.transactionGas, Number(head.gasLimit));
    let fits = size;
    while (fits > 1 && gasOf(fits) > most) fits -= 1;
    let planned = 0;
    let group: number[] = [];
    for (const [item, holder] of this.#journal.holders.entries()) {
      if (holder !== null) continue;
      group.push(item);
      if (group.length < fits) continue;
      this.#journal.assign(this.#owner, group);
      group = [];
      if (++planned === batches) return;
    }
    if (group.length > 0) this.#journal.assign(this.#owner, group);
  }

  /** The lane's key is used elsewhere: at the next nonce, at one that waits, or behind all. */
  #foreignTransaction(a: number, b: number, c: number): void {
    const chain = this.#chain;
    const { count } = chain.head;
    const nonce =
      (a & 7) === 3 ? Math.max(count, this.#journal.byNonce.length) : count + ((a & 4) === 0 ? a & 3 : 0);
    const maxFee = BASE_FEES[b % BASE_FEES.length]! * 2n + 5n;
    this.#foreign += 1;
    const tx: Tx = {
      hash: `0xf${this.#foreign}`,
      nonce,
      maxFee,
      tip: 5n,
      gasLimit: 21_000n,
      items: [],
      noop: false,
      foreign: true,
      journaled: false,
    };
    chain.remember(tx);
    if ((c & 1) === 0 && nonce === count) {
      chain.mine(tx, 1);
      return;
    }
    for (const node of chain.nodes) node.take(tx);
  }

  /** From here on nothing goes wrong: everything must come to its end. */
  heal({ through, keepsPools, keepsBaseFee, keepsGasLimit }: Rest): Told {
    const chain = this.#chain;
    const journal = this.#journal;
    // What no longer fits or pays must give way, if it has attempts left for that; but one item must fit.
    const worn = journal.signed().some(({ attempts }) => attempts.length >= 5);
    if (worn || !keepsBaseFee) {
      chain.baseFee = BASE_FEES[0]!;
      chain.tip = TIPS[0]!;
    }
    if (worn || !keepsGasLimit || chain.gasLimit < gasOf(1)) chain.gasLimit = GAS_LIMITS[0]!;
    chain.balance = 10n ** 15n;
    journal.budget = null;
    this.#cap = null;
    for (const node of chain.nodes) {
      node.lag = 0;
      if (!keepsPools) node.dropAll();
    }
    for (const run of this.#asleep) run.advance(Infinity);
    journal.checkLaws();
    this.#owner = this.#take();
    let rounds = 0;
    while (!this.#isDone()) {
      if (++rounds > MOST_ROUNDS) throw new Violation("liveness", this.#describe());
      const node = chain.nodes[through];
      this.#tracker.tick(node, Infinity);
      this.#plan(3, Infinity, chain.head);
      new Run(chain, journal, this.#owner, node, this.#now, null, this.#flaw).advance(Infinity);
      journal.checkLaws();
      this.#now += PATIENCE_MS / 2;
      chain.mine(through, 16);
      // Nothing but time is missing then.
      const waits = journal.batches.every(
        ({ batch }) => batch.state !== "planned" && batch.state !== "signed",
      );
      for (let made = 1; waits && made < FINAL_DEPTH; made++) chain.mine(through, 16);
    }
    for (const [item, runs] of chain.runs.entries())
      if (runs !== 1) throw new Violation("exactly once", `item ${item} is on the chain ${runs} times`);
    const told = { rounds, attempts: 0, stolen: 0, noops: 0, unwound: 0 };
    for (const { batch, attempts, events } of journal.batches) {
      told.attempts = Math.max(told.attempts, attempts.length);
      if (batch.state === "stolen") told.stolen += 1;
      if (attempts.at(-1)?.noop === true) told.noops += 1;
      if (events.some(({ kind }) => kind === "unwound")) told.unwound += 1;
    }
    return told;
  }

  #isDone(): boolean {
    const { holders, batches } = this.#journal;
    if (holders.includes(null)) return false;
    return batches.every(
      ({ batch }) => !["planned", "signed", "included", "safe", "final"].includes(batch.state),
    );
  }

  #describe(): string {
    const { head, nodes } = this.#chain;
    const open = this.#journal.batches
      .filter(({ batch }) => ["planned", "signed", "included", "safe", "final"].includes(batch.state))
      .map(({ id, nonce, batch, attempts }) => `${id}@${nonce} ${batch.state} ${attempts.length} attempts`);
    const pools = nodes.map(({ pool }) => pool.map((tx) => tx?.nonce ?? "-").join(" "));
    return `stuck at count ${head.count}: ${open.join(", ")}; pools ${pools.join(" | ")}`;
  }
}

function sourceOf(c: number): Source {
  return ([0, 1, "newest", "oldest"] as const)[c & 3]!;
}
