import { expect } from "chai";
import { Transaction } from "ethers";
import { renameSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { BatchState } from "../../src/batch.js";
import type { Chain, SendReply } from "../../src/chain/chain.js";
import { openEmbeddedChain } from "../../src/chain/embedded.js";
import { chainOf } from "../../src/chain/node.js";
import { WaybillError } from "../../src/errors.js";
import { type Hex, hex, keccak, unhex } from "../../src/hex.js";
import type { Key } from "../../src/key.js";
import type { JobTerms, Store, StoredAttempt, StoredBatch } from "../../src/store/store.js";
import type { Outcome, RunOptions, SubmitterOptions } from "../../src/submitter/submitter.js";
import { type Anvil, startAnvil } from "../support/anvil.js";
import { altering, answering, dropped, type Fault, lost, passing, refusing } from "../support/proxy.js";
import { seed } from "../support/seed.js";
import {
  admitJob,
  type Desk,
  type DeskOptions,
  freshKey,
  furnish,
  Killed,
  openDesk,
  openWorld,
  randomOf,
  randomRows,
  type World,
} from "../support/stage.js";

const GWEI = 10n ** 9n;
const HEADS = "eth_getBlockByNumber";
const SEND = "eth_sendRawTransaction";

/** The first column of the submitter's fault table. */
const TABLE = [
  "kill -9 before/after plan, sign, persist, send, mark",
  "reply lost after broadcast",
  "already known / imported",
  "nonce too low",
  "nonce too high, dropped transaction, node restarted empty",
  "replacement underpriced",
  "reorged out, or into another block",
  "foreign transaction at our nonce",
  "stale nonce, lagging or disagreeing nodes, null receipt though mined",
  "base fee above cap, balance short, budget spent",
  "block gas limit lowered, transaction cap changed",
  "two processes, one wallet",
  "disk full, database gone",
  "chain halted, clock skewed",
  "wrong chain id or genesis",
  "provider outage during simulation",
] as const;

const LIVE: readonly BatchState[] = ["planned", "signed", "included", "safe", "final", "verified"];
const ALL: readonly BatchState[] = [...LIVE, "reverted", "stolen", "voided"];

/** Between two blocks: the chain's time does not depend on this machine's. */
const BLOCK_S = 2;

/** More looks at the head than any of these takes. */
const MOST_LOOKS = 400;

describe("the fault table", function () {
  this.timeout(120_000);
  let world: World;
  let desk: Desk;
  let lane: Key;
  /** the head when the test began */
  let start: number;
  /** what left, in order, and what the node said to it */
  let sent: { transaction: Hex; nonce: number; reply: string }[];
  /** reasons to hold, one after the other */
  let holds: string[];
  let alerts: string[];
  let readers: DatabaseSync[];
  const desks: Desk[] = [];

  before(async () => {
    world = await openWorld();
    await world.node("anvil_setBlockTimestampInterval", [BLOCK_S]);
  });
  after(() => world.close());
  beforeEach(async () => {
    start = await world.head();
    [sent, holds, alerts, readers] = [[], [], [], []];
  });
  afterEach(async () => {
    world.faults.heal();
    await world.node("anvil_dropAllTransactions", []);
    for (const reader of readers) reader.close();
    for (const one of desks.splice(0)) await one.close();
  });

  const tested = new Set<string>();
  function row(name: (typeof TABLE)[number], what: string, test: () => Promise<void>): void {
    tested.add(name);
    it(`${name}: ${what}`, test);
  }

  it("has a test for each of its rows", () => {
    expect([...tested]).to.have.members([...TABLE]);
  });

  /** A desk whose lane and issuer are new to the node. */
  async function open(options: DeskOptions): Promise<void> {
    lane = options.lane ?? (await freshKey(world));
    desk = await openDesk(world, { issuer: await freshKey(world), ...options, lane });
    desks.push(desk);
    await baseFee(GWEI);
  }

  /** Called before each look at the head, with how many there were. */
  type Look = (look: number) => Promise<unknown>;
  const mine: Look = () => world.mine();

  /** The node through its faults. What leaves is on the disk by then, whatever happens (law 3). */
  function watched(look: Look): Chain {
    const reader = new DatabaseSync(join(desk.directory, "waybill.sqlite"), { readOnly: true });
    readers.push(reader);
    const journaled = reader.prepare("SELECT 1 FROM attempts WHERE raw = ?");
    let looks = 0;
    return chainOf(async (method, params) => {
      if (method === HEADS && params[0] === "latest") {
        looks += 1;
        if (looks > MOST_LOOKS) throw new Error("no end in sight");
        await look(looks);
      }
      if (method !== SEND) return world.faults.request(method, params);
      const raw = params[0] as Hex;
      expect(journaled.get(unhex(raw)), "law 3").to.not.equal(undefined);
      const { hash, nonce } = Transaction.from(raw);
      const one = { transaction: hash as Hex, nonce, reply: "accepted" };
      sent.push(one);
      try {
        return await world.faults.request(method, params);
      } catch (error) {
        one.reply = (error as Error).message;
        throw error;
      }
    });
  }

  type Run = Partial<SubmitterOptions> & { fees?: JobTerms; look?: Look };
  async function run(options: Run = {}, how: Partial<RunOptions> = {}): Promise<Outcome> {
    const { look = mine, ...more } = options;
    const submitter = await desk.submitter({ chain: watched(look), pollMs: 0, finalDepth: 3, ...more });
    return submitter.run(desk.job.id, {
      until: "final",
      ...how,
      onProgress: (now) => {
        const { rows, ...parts } = now.counts;
        const sum = Object.values(parts).reduce((a, b) => a + b, 0);
        expect(sum, "law 12").to.equal(rows);
        if (now.hold !== null && now.hold.why !== holds.at(-1)) holds.push(now.hold.why);
        how.onProgress?.(now);
      },
      onAlert: (text) => alerts.push(text),
    });
  }

  const errorOf = (ending: Promise<unknown>) =>
    ending.then(
      () => null,
      (error: unknown) => error,
    );

  /**
   * Every item once on the chain and verified; every transaction of the lane one that the journal knows at its nonce,
   * in the very block that it names, or a foreign one; and no nonce left out.
   */
  async function expectWhole(foreign: readonly Hex[] = []): Promise<void> {
    expect((await world.announced(desk.job.attester)).sort()).to.deep.equal([...desk.uids].sort());
    const { verified, mismatched, rows } = await desk.store.counts(desk.job.id);
    expect({ verified, mismatched }).to.deep.equal({ verified: rows, mismatched: 0 });
    const known = new Map<number, object>();
    for (const { batch } of await batches()) {
      if (!("inclusion" in batch)) continue;
      const { transaction, block, blockHash } = batch.inclusion;
      expect(known.has(batch.nonce)).to.equal(false);
      known.set(batch.nonce, { transaction, block, blockHash });
    }
    const there = new Map<number, object>();
    for (let block = start; block <= (await world.head()); block += 1) {
      const found = (await world.node(HEADS, [`0x${block.toString(16)}`, true])) as {
        hash: Hex;
        transactions: { hash: Hex; from: Hex; nonce: Hex }[];
      };
      for (const { hash, from, nonce } of found.transactions) {
        if (from.toLowerCase() !== lane.address.toLowerCase()) continue;
        there.set(Number(nonce), { transaction: hash, block, blockHash: found.hash });
        if (foreign.includes(hash)) known.set(Number(nonce), there.get(Number(nonce))!);
      }
    }
    const inOrder = (of: Map<number, object>) => [...of].sort(([a], [b]) => a - b);
    expect(inOrder(there)).to.deep.equal(inOrder(known));
    expect(inOrder(there).map(([nonce]) => nonce)).to.deep.equal([...there.keys()].map((_, index) => index));
  }

  async function batches(states = ALL): Promise<StoredBatch[]> {
    return (await desk.store.batches(states)).filter((batch) => batch.lane === lane.address);
  }

  /** All that was ever signed, by nonce, the oldest attempt at a nonce first. */
  async function attempts(): Promise<StoredAttempt[]> {
    const found = [];
    for (const { id } of await batches()) found.push(...(await desk.store.attempts(id)));
    return found.sort((a, b) => a.nonce - b.nonce);
  }

  /** A hash says all that there is in the bytes, and is read more easily. */
  const hashesOf = (all: readonly { transaction: Hex }[]) => all.map(({ transaction }) => transaction);
  const states = async () => (await batches()).map(({ batch }) => batch.state);

  /** The base fee of a new block. */
  async function baseFee(wei: bigint): Promise<void> {
    await world.node("anvil_setNextBlockBaseFeePerGas", [`0x${wei.toString(16)}`]);
    await world.mine();
  }

  const dropAll = () => world.node("anvil_dropAllTransactions", []);
  const reorg = (depth: number, transactions: [Hex, number][] = []) =>
    world.node("anvil_reorg", [depth, transactions]);

  /** A transaction that somebody else sends with the lane's key. */
  async function sendForeign(nonce: number, maxFee = 10n * GWEI, tip = GWEI) {
    const terms = { chainId: 31337n, nonce, to: lane.address, data: "0x" as Hex, gasLimit: 21_000n };
    const foreign = lane.signTransaction({ ...terms, maxFee, tip });
    await world.node(SEND, [foreign.raw]);
    return foreign;
  }

  /** A process that dies at the second call of a kind, before or after it has happened; there is one plan. */
  function mortal(point: string): { store: Store; chain: (chain: Chain) => Chain } {
    let left = point.endsWith("plan") ? 1 : 2;
    let dead = false;
    const at = (name: string) => {
      if (dead || (name === point && (left -= 1) === 0)) {
        dead = true;
        throw new Killed(name);
      }
    };
    const around = async <T>(name: string, call: () => Promise<T>): Promise<T> => {
      at(`before ${name}`);
      const result = await call();
      at(`after ${name}`);
      return result;
    };
    const overriding = <T extends object>(target: T, methods: Partial<T>): T =>
      new Proxy(target, {
        get(of, name) {
          const method = (methods[name as keyof T] ?? of[name as keyof T]) as unknown;
          if (typeof method !== "function") return method;
          return (...given: unknown[]) => {
            if (dead) throw new Killed("dead");
            return (method as (...given: unknown[]) => unknown).apply(of, given);
          };
        },
      });
    const { store } = desk;
    return {
      store: overriding(store, {
        assign: (...given) => around("plan", () => store.assign(...given)),
        async sign(token, batch, place, sign) {
          at("before sign");
          const signed = await store.sign(token, batch, place, (nonce) => {
            const attempt = sign(nonce);
            at("before persist");
            return attempt;
          });
          at("after persist");
          return signed;
        },
        applyOnLane: (token, batch, event) =>
          around(event.kind === "sent" ? "mark" : event.kind, () => store.applyOnLane(token, batch, event)),
      }),
      chain: (chain) => overriding(chain, { send: (raw) => around("send", () => chain.send(raw)) }),
    };
  }

  const POINTS = ["plan", "sign", "persist", "send", "mark"].flatMap((name) => [
    `before ${name}`,
    `after ${name}`,
  ]);
  for (const point of POINTS) {
    // Bytes that are signed and not yet stored are those of "before persist".
    const name = point === "after sign" ? "before persist" : point;
    row(TABLE[0], `${point}: goes on where it was, with the same bytes`, async () => {
      await open({ rows: 30 });
      const limits = { transactionGas: 700_000 };
      const life = mortal(name);
      const look: Look = () => world.node("evm_increaseTime", [7]).then(() => world.mine());
      const first = run({ store: life.store, chain: life.chain(watched(look)), limits });
      expect(await errorOf(first), "not dead").to.be.instanceOf(Killed);
      await desk.reopen();
      const before = await attempts();
      const left = sent.length;
      // Another head, another base fee, a later clock: none of it may enter the bytes.
      await baseFee(3n * GWEI);
      expect(await run({ limits, now: () => Date.now() + 3_600_000 })).to.deep.equal({ kind: "done" });
      const after = await attempts();
      expect(after.slice(0, before.length)).to.deep.equal(before);
      expect(new Set(after.map(({ nonce }) => nonce)).size, "one attempt to a nonce").to.equal(after.length);
      if (name === "before send" || name === "after persist") {
        const { transaction } = before.at(-1)!;
        expect(hashesOf(sent.slice(0, left))).to.not.include(transaction);
        expect(hashesOf(sent.slice(left))).to.include(transaction);
      }
      await expectWhole();
    });
  }

  row(TABLE[1], "the same bytes again, and never a new nonce", async () => {
    await open({ rows: 12 });
    await desk.plan(3);
    world.faults.next(SEND, lost, passing, lost, lost);
    expect(await run({ look: async (look) => look > 8 && world.mine() })).to.deep.equal({ kind: "done" });
    const all = await attempts();
    expect(all).to.have.length(4);
    // The first was handed in until the node said that it has it.
    const firsts = sent.filter(({ nonce }) => nonce === 0);
    expect(new Set(hashesOf(firsts))).to.deep.equal(new Set([all[0]!.transaction]));
    expect(firsts).to.have.length(2);
    await expectWhole();
  });

  for (const [client, fault] of [
    ["anvil itself", (forward) => forward().then(forward)],
    ["geth", (forward) => forward().then(() => refusing("already known")(forward, []))],
    ["Besu", (forward) => forward().then(() => refusing("Known transaction")(forward, []))],
  ] satisfies [string, Fault][]) {
    row(TABLE[2], `is success in the words of ${client}`, async () => {
      await open({ rows: 4 });
      await desk.plan(2);
      world.faults.always(SEND, fault);
      const outcome = await run({ look: async (look) => look > 4 && world.mine() });
      expect(outcome).to.deep.equal({ kind: "done" });
      expect(holds).to.deep.equal([]);
      expect(sent.map(({ nonce }) => nonce)).to.deep.equal([0, 1]);
      expect(sent[0]!.reply).to.match(/known|imported/i);
      await expectWhole();
    });
  }

  row(TABLE[3], "looks for its own hashes first, and does nothing destructive", async () => {
    await open({ rows: 4 });
    await desk.plan(2);
    let now = 0;
    let mined = -1;
    // The node shows the block that holds both as an empty one: every sign of them is missed.
    world.faults.always(
      HEADS,
      altering((block: { number: Hex } | null, [, full]) =>
        block !== null && full === false && Number(block.number) === mined
          ? { ...block, transactions: [] }
          : block,
      ),
    );
    const seen = new Set<string>();
    const look: Look = async (look) => {
      if (look === 3) {
        mined = (await world.head()) + 1;
        await world.mine();
        now += 60_000;
      }
      if (look > 5) await world.mine();
      for (const state of await states()) seen.add(state);
    };
    expect(await run({ look, now: () => now })).to.deep.equal({ kind: "done" });
    const again = sent.slice(2);
    expect(hashesOf(again)).to.deep.equal(hashesOf(sent.slice(0, 2)));
    for (const { reply } of again) expect(reply).to.match(/nonce too low/);
    expect(alerts).to.deep.equal([]);
    expect(holds).to.deep.equal([]);
    expect([...seen]).to.not.include.members(["stolen"]);
    expect(await attempts()).to.have.length(2);
    await expectWhole();
  });

  row(TABLE[4], "re-sends the journal ascending, the same bytes", async () => {
    await open({ rows: 10 });
    await desk.plan(2);
    let now = 0;
    // At the fourth, the node has lost the three before it, and misses them.
    const restarted: Fault = async (forward) => {
      await dropAll();
      return refusing("nonce too high")(forward, []);
    };
    world.faults.next(SEND, passing, passing, passing, restarted);
    const marks: number[] = [];
    const look: Look = async (look) => {
      if (look === 4 || look === 6) {
        marks.push(sent.length);
        await dropAll();
        now += 30_000;
      }
      if (look > 7) await world.mine();
    };
    expect(await run({ look, now: () => now })).to.deep.equal({ kind: "done" });
    const bytes = hashesOf(await attempts());
    expect(bytes).to.have.length(5);
    const nonces = sent.slice(0, 9).map(({ nonce }) => nonce);
    expect(nonces.slice(0, 4)).to.deep.equal([0, 1, 2, 3]);
    // The fifth was on its way to being signed, and goes before those that are sent again or after them.
    expect(nonces.slice(4).filter((nonce) => nonce !== 4)).to.deep.equal([0, 1, 2, 3]);
    for (const from of marks) expect(hashesOf(sent.slice(from, from + 5))).to.deep.equal(bytes);
    expect(marks).to.deep.equal([9, 14]);
    expect(sent).to.have.length(19);
    await expectWhole();
  });

  describe("a fee that is too low", () => {
    const isHigher = (older: StoredAttempt, newer: StoredAttempt) => {
      expect(newer.maxFee * 8n >= older.maxFee * 9n, `maxFee ${newer.maxFee} over ${older.maxFee}`).to.equal(
        true,
      );
      expect(newer.tip * 8n >= older.tip * 9n, `tip ${newer.tip} over ${older.tip}`).to.equal(true);
    };
    /** A wall clock that goes on by half of the patience whenever somebody looks at it. */
    const ticking = () => {
      let time = 0;
      return () => (time += 500);
    };
    const patient = () => ({ patienceMs: 1_000, patienceBlocks: 3, now: ticking() });

    row(TABLE[5], "the older attempt lives and may be the one that lands", async () => {
      await open({ rows: 4 });
      await desk.plan(2);
      const look: Look = async (look) => {
        // What is newer than the first attempt is refused: this pool wants more for a replacement than others.
        if (sent.every(({ reply }) => !/underpriced/.test(reply))) return look > 2 && baseFee(20n * GWEI);
        const [first] = await attempts();
        await baseFee(GWEI);
        // Anvil has thrown it out meanwhile; the pool that wants more has not.
        if ((await batches(["signed"])).length === 2) await world.node(SEND, [first!.raw]).catch(() => {});
        return world.mine();
      };
      world.faults.always(SEND, (forward, [raw]) =>
        Transaction.from(raw as string).maxFeePerGas! > 10n * GWEI
          ? refusing("replacement transaction underpriced")(forward, [])
          : forward(),
      );
      expect(await run({ look, ...patient() })).to.deep.equal({ kind: "done" });
      const [first, second, ...rest] = await attempts();
      expect([first!.nonce, second!.nonce, rest[0]!.nonce]).to.deep.equal([0, 0, 1]);
      isHigher(first!, second!);
      const [batch] = await batches(["verified"]);
      expect(batch!.batch).to.have.nested.property("inclusion.transaction", first!.transaction);
      await expectWhole();
    });

    row(TABLE[5], "tries again above the highest of its attempts", async () => {
      await open({ rows: 2 });
      await desk.plan(2);
      let refused = 0;
      world.faults.always(SEND, (forward, [raw]) => {
        const fee = Transaction.from(raw as string).maxFeePerGas!;
        if (fee < 10n * GWEI || fee > 60n * GWEI) return forward();
        refused += 1;
        return refusing("replacement transaction underpriced")(forward, []);
      });
      const look: Look = async (look) => {
        const all = await attempts();
        if (all.length === 3) return world.mine();
        return look < 3 ? undefined : baseFee(all.length === 1 ? 20n * GWEI : 60n * GWEI);
      };
      expect(await run({ look, ...patient() })).to.deep.equal({ kind: "done" });
      const all = await attempts();
      expect(all.map(({ nonce }) => nonce)).to.deep.equal([0, 0, 0]);
      isHigher(all[0]!, all[1]!);
      isHigher(all[1]!, all[2]!);
      expect(refused).to.be.greaterThan(0);
      expect(holds).to.not.include("refused");
      await expectWhole();
    });

    row(TABLE[5], "EDR, which wants a tenth more on both fees, takes what outbids", async () => {
      const anvil = world;
      const embedded = await openEmbeddedChain();
      const node = (method: string, params: readonly unknown[]) =>
        embedded.request(method.replace(/^anvil_/, "hardhat_"), params);
      try {
        world = await furnish(node, () => embedded.close());
        await node("evm_setAutomine", [false]);
        start = await world.head();
        await open({ rows: 4 });
        await desk.plan(2);
        // Somebody else's stands in the pool at the first nonce, and pays more.
        const older = await sendForeign(0, 8n * GWEI, (6n * GWEI) / 5n);
        const dear: Look = async (look) => {
          const taken = sent.filter(({ reply, nonce }) => nonce === 0 && reply === "accepted");
          if (taken.length > 0) return world.mine();
          return look < 3 ? undefined : baseFee(20n * GWEI);
        };
        expect(await run({ look: dear, patienceMs: 0, patienceBlocks: 2 })).to.deep.equal({ kind: "done" });
        expect(sent[0]!.reply).to.match(/replacement.*underpriced/i);
        const all = (await attempts()).filter(({ nonce }) => nonce === 0);
        expect(all).to.have.length(4);
        for (const [index, one] of all.slice(1).entries()) isHigher(all[index]!, one);
        expect(sent.find(({ transaction }) => transaction === all.at(-1)!.transaction)!.reply).to.equal(
          "accepted",
        );
        expect(await node("eth_getTransactionReceipt", [older.hash])).to.equal(null);
        await expectWhole();
      } finally {
        await world.close();
        world = anvil;
      }
    });

    row(TABLE[9], "outbids only the lowest nonce, late, and at most to eight attempts", async () => {
      await open({ rows: 6 });
      await desk.plan(2);
      const look: Look = async (look) => {
        if (look < 3) return;
        const all = await attempts();
        const lowest = all.filter(({ nonce }) => nonce === 0);
        if (look < 32) expect(all.filter(({ nonce }) => nonce > 0)).to.have.length(2);
        // Always a little more than the highest attempt offers.
        if (look < 32) await baseFee((lowest.at(-1)!.maxFee * 11n) / 10n);
        else await baseFee(GWEI);
      };
      const outcome = await run({ look, ...patient() }, { until: "included" });
      expect(outcome).to.deep.equal({ kind: "done" });
      const lowest = (await attempts()).filter(({ nonce }) => nonce === 0);
      expect(lowest).to.have.length(8);
      for (const [index, newer] of lowest.slice(1).entries()) {
        const older = lowest[index]!;
        isHigher(older, newer);
        expect(newer.head.number - older.head.number).to.be.at.least(3);
        expect(newer.head.timestamp - older.head.timestamp).to.be.at.least(1);
        expect(newer.gasLimit).to.equal(older.gasLimit);
      }
      const calls = (await attempts()).map(({ raw, nonce }) => `${nonce} ${Transaction.from(raw).data}`);
      expect(new Set(calls).size, "one payload to a nonce").to.equal(3);
      expect(await run()).to.deep.equal({ kind: "done" });
      await expectWhole();
    });

    row(TABLE[9], "outbids neither above the cap nor above the budget", async () => {
      await open({ rows: 4 });
      await desk.plan(2);
      const cap = 4n * GWEI;
      const raised: Look = async (look) => {
        if (look > 2 && look < 14) await baseFee(20n * GWEI);
        if (look >= 14) await baseFee(GWEI);
        now = look < 14 ? 0 : 1_000 * look;
      };
      let now = 0;
      const patience = { ...patient(), now: () => now };
      const fees = { maxFee: cap, budget: null };
      expect(await run({ look: raised, ...patience, fees })).to.deep.equal({ kind: "done" });
      expect(holds).to.deep.equal(["fee"]);
      for (const { maxFee, tip } of await attempts()) expect(maxFee <= cap && tip <= cap).to.equal(true);
      await expectWhole();

      start = await world.head();
      [sent, holds] = [[], []];
      await open({ rows: 4 });
      await desk.plan(2);
      await desk.lane().tick(desk.job);
      const { committed } = await desk.store.spending(desk.job.id);
      const tight = { maxFee: null, budget: committed + committed / 4n };
      expect(await run({ look: raised, ...patience, fees: tight })).to.deep.equal({ kind: "done" });
      // First the pool no longer takes what is offered; and once it is late, more may not be offered.
      expect(holds).to.deep.equal(["fee", "budget"]);
      expect(await attempts()).to.have.length(2);
      await expectWhole();
    });
  });

  for (const stream of [false, true]) {
    row(
      TABLE[6],
      `back to signed, the same bytes, where it lands then${stream ? ", in a stream" : ""}`,
      async () => {
        const named = hex(keccak(new TextEncoder().encode("a stream")));
        await open({ rows: 8, ...(stream ? { job: { stream: named } } : {}) });
        await desk.plan(2);
        const undone: Hex[] = [];
        const moved = new Map<Hex, number>();
        let phase: "at first" | "undone" | "back" | "moved" = "at first";
        const look: Look = async () => {
          const included = await batches(["included"]);
          if (phase === "at first" && included.length > 0) {
            undone.push(
              ...included.flatMap(({ batch }) => ("inclusion" in batch ? batch.inclusion.transaction : [])),
            );
            await reorg(1);
            phase = "undone";
            return;
          }
          if (phase === "undone" && included.length === 0) {
            expect(await states()).to.deep.equal(["signed", "signed", "signed", "signed"]);
            phase = "back";
          } else if (phase === "back" && included.length > 0) {
            const all = await attempts();
            const raws: [Hex, number][] = [];
            for (const { batch } of included) {
              if (!("inclusion" in batch)) continue;
              const { transaction, block } = batch.inclusion;
              moved.set(transaction, block + 1);
              raws.push([all.find((one) => one.transaction === transaction)!.raw, 1]);
            }
            await world.mine();
            await reorg(2, raws);
            phase = "moved";
            return;
          }
          await world.mine();
        };
        expect(await run({ look })).to.deep.equal({ kind: "done" });
        const all = await attempts();
        expect(all.map(({ nonce }) => nonce)).to.deep.equal([0, 1, 2, 3]);
        expect(new Set(hashesOf(sent))).to.deep.equal(new Set(hashesOf(all)));
        expect(undone).to.have.length(4);
        expect(hashesOf(sent).slice(4, 8)).to.deep.equal(undone);
        expect(moved.size).to.equal(4);
        for (const [transaction, block] of moved) {
          expect((await world.chain.receipt(transaction))!.block).to.equal(block);
        }
        const report = await desk.store.report(desk.job.id, -1, 100);
        for (const { transaction, block } of report) {
          const receipt = await world.chain.receipt(transaction!);
          expect(receipt?.block).to.equal(block);
        }
        await expectWhole();
      },
    );
  }

  row(TABLE[7], "only at final depth are its items planned again, and somebody is told", async () => {
    await open({ rows: 6 });
    await desk.plan(3);
    let foreign: Hex | null = null;
    let block = 0;
    const look: Look = async (look) => {
      if (look === 3) {
        await dropAll();
        foreign = (await sendForeign(0)).hash;
        await world.mine();
        block = await world.head();
      } else if (look > 3) {
        const final = (await world.chain.block("finalized"))!.number;
        // The tracker has not seen this head yet, so it may be one step behind and never ahead.
        if (final < block) {
          expect(await states()).to.not.include("stolen");
          expect(alerts).to.deep.equal([]);
        }
        await world.mine();
      }
    };
    expect(await run({ look, patienceMs: 0 })).to.deep.equal({ kind: "done" });
    expect((await states()).filter((state) => state === "stolen")).to.have.length(1);
    expect(alerts).to.have.length(1);
    expect(alerts[0]).to.contain(foreign!).and.to.contain(`block ${block}`).and.to.contain("nonce 0");
    await expectWhole([foreign!]);
  });

  const gaps: [string, boolean, number | null][] = [
    ["is filled with a no-op of its own when it has waited long", true, null],
    ["is told, and left to the transaction, which comes back", false, 4],
    ["that was filled already is lost to the transaction that comes back, and nothing with it", true, 9],
  ];
  for (const [what, filled, back] of gaps) {
    row(TABLE[7], `a gap that one leaves when it is undone ${what}`, async () => {
      lane = await freshKey(world);
      start = await world.head();
      await baseFee(GWEI);
      const foreign = await sendForeign(0);
      await open({ rows: 4, lane });
      const included = await world.head();
      expect((await world.chain.receipt(foreign.hash))?.block).to.equal(included);
      await desk.plan(2);
      let seen = 0;
      let now = 0;
      const look: Look = async (look) => {
        if (back === null || look > 10) now = 1_000 * look;
        if (look === 2) await reorg(1);
        if (look === back) {
          seen = (await attempts()).filter(({ noop }) => noop).length;
          await dropAll();
          await world.node(SEND, [foreign.raw]);
          await world.mine();
        } else if (look > 2 && back === 9 && look < 9) {
          await dropAll();
          await world.mine();
        } else if (look > 2) await world.mine();
      };
      const patience = { patienceMs: 1_000, patienceBlocks: 3, now: () => now };
      expect(await run({ look, ...patience })).to.deep.equal({ kind: "done" });
      expect(holds).to.deep.equal(["nonce"]);
      const all = await attempts();
      const fills = all.filter(({ noop }) => noop);
      expect(fills.map(({ nonce }) => nonce)).to.deep.equal(filled ? [0] : []);
      if (back !== null) expect(seen).to.equal(filled ? 1 : 0);
      for (const fill of fills) expect(fill.head.number).to.be.at.least(included + 3);
      expect(new Set(all.filter(({ noop }) => !noop).map(({ nonce }) => nonce))).to.deep.equal(
        new Set([1, 2]),
      );
      expect(alerts).to.deep.equal([]);
      await expectWhole(back === null ? [] : [foreign.hash]);
    });
  }

  row(TABLE[8], `decides nothing from absence (seed ${seed})`, async () => {
    await open({ rows: 18 });
    await desk.plan(3);
    const random = randomOf(`absence ${seed}`);
    const often =
      (of: number, fault: Fault): Fault =>
      (forward, params) =>
        random(of) === 0 ? fault(forward, params) : forward();
    world.faults.always("eth_getTransactionCount", often(2, answering("0x0")));
    // No receipt at all until the first blocks are final, and so the nonces are judged without any.
    let looks = 0;
    for (const method of ["eth_getBlockReceipts", "eth_getTransactionReceipt"]) {
      world.faults.always(method, (forward, params) =>
        looks < 12 ? Promise.resolve(null) : often(2, answering(null))(forward, params),
      );
    }
    const [other, parent] = ["aa", "bb"].map((byte) => `0x${byte.repeat(32)}`);
    const faults: Fault[] = [
      // Behind.
      async (_, [which, full]) =>
        which === "latest"
          ? world.node(HEADS, [
              `0x${Math.max(start, (await world.head()) - 1 - random(3)).toString(16)}`,
              full,
            ])
          : null,
      // Of another mind.
      altering(
        (block: object | null) => block && { ...block, hash: other, parentHash: parent, transactions: [] },
      ),
    ];
    world.faults.always(HEADS, (forward, params) =>
      params[0] !== "latest" && random(params[1] === true ? 2 : 6) > 0
        ? forward()
        : random(3) === 0
          ? faults[random(faults.length)]!(forward, params)
          : forward(),
    );
    const look: Look = async (look) => {
      looks = look;
      if (look === 40) world.faults.heal();
      await world.mine();
    };
    expect(await run({ look, patienceMs: 0, patienceBlocks: 1_000 })).to.deep.equal({ kind: "done" });
    const all = await attempts();
    expect(all.map(({ nonce }) => nonce)).to.deep.equal(Array.from({ length: 6 }, (_, index) => index));
    expect(await states()).to.deep.equal(all.map(() => "verified"));
    await expectWhole();
  });

  const dear: Look = (look) => baseFee(look < 8 ? 50n * GWEI : GWEI);
  row(TABLE[9], "the lane holds below the base fee, says so, and goes on by itself", async () => {
    await open({ rows: 4 });
    await baseFee(50n * GWEI);
    const fees = { maxFee: 5n * GWEI, budget: null };
    const told: string[] = [];
    const outcome = await run(
      { look: dear, fees },
      {
        onProgress: ({ hold }) => {
          if (hold === null) return;
          told.push(hold.detail);
          expect(sent).to.deep.equal([]);
        },
      },
    );
    expect(outcome).to.deep.equal({ kind: "done" });
    expect(holds).to.deep.equal(["fee"]);
    expect(told[0]).to.contain(String(5n * GWEI));
    expect(told.length).to.be.at.least(5);
    await expectWhole();
  });

  row(TABLE[9], "the lane keeps its nonce while the balance is short, and goes on with it", async () => {
    const poor = await freshKey(world, 10n ** 12n);
    await open({ rows: 4, lane: poor });
    await desk.plan(2);
    const held = await run();
    expect(held).to.have.nested.property("hold.why", "funds");
    expect((held as { hold: { detail: string } }).hold.detail).to.contain(poor.address);
    expect(sent).to.deep.equal([]);
    await world.node("anvil_setBalance", [poor.address, "0x8ac7230489e80000"]);
    // What is signed keeps its nonce when the money goes once more.
    world.faults.next(SEND, refusing("insufficient funds for gas * price + value"));
    holds = [];
    expect(await run()).to.deep.equal({ kind: "done" });
    expect(holds).to.deep.equal(["funds"]);
    // The second may have been made while the first was refused; both go again as they were.
    const bytes = (nonce: number) => sent.filter((one) => one.nonce === nonce).map((one) => one.transaction);
    expect(bytes(0)).to.have.length.of.at.least(2);
    for (const nonce of [0, 1]) expect(new Set(bytes(nonce)).size).to.equal(1);
    expect(new Set(sent.map(({ nonce }) => nonce)).size).to.equal(2);
    await expectWhole();
  });

  row(TABLE[9], "the lane stops at its budget and goes on under a higher one", async () => {
    await open({ rows: 4 });
    await desk.plan(2);
    const held = await run({ fees: { maxFee: null, budget: 1_000n } });
    expect(held).to.have.nested.property("hold.why", "budget");
    expect(sent).to.deep.equal([]);
    expect(await run({ fees: { maxFee: null, budget: 10n ** 18n } })).to.deep.equal({ kind: "done" });
    await expectWhole();
  });

  row(TABLE[10], "what is not signed is split again when the block takes less", async () => {
    await open({ rows: 100 });
    await desk.plan(100);
    try {
      await world.node("evm_setBlockGasLimit", ["0xf4240"]);
      await world.mine();
      expect(await run()).to.deep.equal({ kind: "done" });
      const all = await states();
      expect(all.filter((state) => state === "voided")).to.have.length(1);
      expect(all.filter((state) => state === "verified").length).to.be.greaterThan(1);
      await expectWhole();
    } finally {
      await world.node("evm_setBlockGasLimit", ["0x1c9c380"]);
    }
  });

  row(
    TABLE[10],
    "what is signed gives way to a no-op at its nonce, and is planned again when that is final",
    async () => {
      await open({ rows: 42 });
      await desk.plan(40);
      try {
        const look: Look = async (look) => {
          if (look === 3) {
            await dropAll();
            await world.node("evm_setBlockGasLimit", ["0xf4240"]);
          }
          if (look > 2) await world.mine();
          // Absence of the payload from blocks is no proof; only the final no-op is.
          const [first] = await batches();
          const done = first?.batch.state === "reverted" || first === undefined;
          if (!done) expect((await batches(["planned", "signed", "included"])).length).to.be.at.most(2);
          const { waiting } = await desk.store.counts(desk.job.id);
          if (!done) expect(waiting).to.equal(0);
        };
        expect(await run({ look, patienceMs: 0 })).to.deep.equal({ kind: "done" });
        const [payload, noop, ...rest] = await attempts();
        expect([payload!.nonce, noop!.nonce, noop!.noop, noop!.gasLimit]).to.deep.equal([
          0,
          0,
          true,
          21_000n,
        ]);
        expect(payload!.gasLimit > 1_000_000n).to.equal(true);
        expect(rest.length).to.be.at.least(3);
        const [first] = await batches(["reverted"]);
        expect(first!.batch).to.have.nested.property("inclusion.transaction", noop!.transaction);
        await expectWhole();
      } finally {
        await world.node("evm_setBlockGasLimit", ["0x1c9c380"]);
      }
    },
  );

  row(
    TABLE[10],
    "a node's own cap is learned from its refusal, and the batch gives way at its nonce",
    async () => {
      await open({ rows: 40 });
      const cap = 800_000n;
      const capped = (chain: Chain): Chain => ({
        ...chain,
        send: async (raw): Promise<SendReply> =>
          Transaction.from(raw).gasLimit > cap
            ? { kind: "too large", limit: "gas", message: "exceeds the cap of a transaction" }
            : chain.send(raw),
      });
      expect(await run({ chain: capped(watched(mine)), patienceMs: 0 })).to.deep.equal({ kind: "done" });
      const all = await attempts();
      const large = all.filter(({ gasLimit }) => gasLimit > cap);
      expect(large.length).to.be.greaterThan(0);
      for (const { nonce } of large) {
        expect(all.filter((one) => one.nonce === nonce).map(({ noop }) => noop)).to.deep.equal([false, true]);
      }
      await expectWhole();
    },
  );

  /** Where a process stands still, with the node's answer on its way. */
  for (const [where, method, nth] of [
    ["before it signs", "eth_call", 2],
    ["before it marks what it sent", SEND, 2],
  ] as const) {
    row(TABLE[11], `one that is stopped ${where} is fenced out inside the transaction`, async () => {
      await open({ rows: 12 });
      await desk.plan(2);
      let thaw = () => {};
      const stopped = new Promise<void>((freeze) => {
        const frozen: Fault = async (forward) => {
          const answer = await forward();
          freeze();
          await new Promise<void>((resolve) => (thaw = resolve));
          return answer;
        };
        world.faults.next(method, ...Array.from({ length: nth - 1 }, () => passing), frozen);
      });
      const first = errorOf(run({ look: async () => {} }));
      await stopped;
      const signed = (await attempts()).length;
      expect(await run()).to.deep.equal({ kind: "done" });
      const [after, left, all] = [await eventCount(), sent.length, await attempts()];
      expect(signed).to.be.lessThan(6);
      thaw();
      expect(await first)
        .to.be.instanceOf(WaybillError)
        .with.property("code", "E_LANE_TAKEN");
      expect(await eventCount()).to.equal(after);
      // What was in its hands leaves once more, and it is what the other one has sent.
      for (const { transaction } of sent.slice(left))
        expect(all.map((attempt) => attempt.transaction)).to.include(transaction);
      expect(await attempts()).to.deep.equal(all);
      await expectWhole();
    });
  }

  async function eventCount(): Promise<unknown> {
    const reader = new DatabaseSync(join(desk.directory, "waybill.sqlite"), { readOnly: true });
    try {
      return reader.prepare("SELECT count(*) AS events FROM events").get()!["events"];
    } finally {
      reader.close();
    }
  }

  /** Opens a desk, and hands out the very connection of its store. */
  async function openConnected(options: DeskOptions): Promise<DatabaseSync> {
    const databases = new Set<DatabaseSync>();
    const { exec } = DatabaseSync.prototype;
    DatabaseSync.prototype.exec = function (text) {
      databases.add(this);
      return exec.call(this, text);
    };
    try {
      await open(options);
    } finally {
      DatabaseSync.prototype.exec = exec;
    }
    return [...databases].find((one) => one.location()?.endsWith("waybill.sqlite"))!;
  }

  row(TABLE[12], "no journal, no send, nothing acknowledged, and it goes on when there is room", async () => {
    const database = await openConnected({ rows: 60 });
    await desk.plan(10);
    const full = () => {
      const { page_count } = database.prepare("PRAGMA page_count").get() as { page_count: number };
      database.exec(`PRAGMA max_page_count = ${page_count}`);
    };
    full();
    const error = await errorOf(run({ look: async () => {} }));
    expect(error).to.be.instanceOf(WaybillError).with.property("code", "E_STORE_FULL");
    expect((error as WaybillError).mend).to.match(/room/);
    const journaled = hashesOf(await attempts());
    expect(journaled.length).to.be.lessThan(6);
    for (const hash of hashesOf(sent)) expect(journaled).to.include(hash);

    // Rows that are not stored are not said to be.
    const { rows } = await desk.store.counts(desk.job.id);
    const more = await errorOf(
      admitJob(world, desk.store, randomRows(world, desk.job.attester, 200, "no room"), {
        attester: desk.job.attester,
      }),
    );
    expect(more).to.have.property("code", "E_STORE_FULL");
    expect((await desk.store.jobs()).reduce((sum, job) => sum + job.rows, 0)).to.equal(rows);

    database.exec("PRAGMA max_page_count = 1000000");
    expect(await run()).to.deep.equal({ kind: "done" });
    expect(hashesOf(await attempts()).slice(0, journaled.length)).to.deep.equal(journaled);
    await expectWhole();
  });

  row(
    TABLE[12],
    "a file that was moved away is found missing before anything is said to be in it",
    async () => {
      await open({ rows: 12 });
      await desk.plan(2);
      const file = join(desk.directory, "waybill.sqlite");
      const parts = ["", "-wal", "-shm"].map((end) => file + end);
      // While the node runs a batch, with the first of them in the journal.
      world.faults.next("eth_call", passing, passing, passing, passing, async (forward) => {
        for (const part of parts) renameSync(part, `${part}.moved`);
        return forward();
      });
      const error = await errorOf(run({ look: async () => {} }));
      for (const part of parts) renameSync(`${part}.moved`, part);
      expect(error).to.be.instanceOf(WaybillError).with.property("code", "E_STORE_GONE");
      expect((error as WaybillError).mend).to.be.a("string");
      await desk.reopen();
      const journaled = await attempts();
      expect(journaled).to.have.length.within(1, 4);
      for (const hash of hashesOf(sent)) expect(hashesOf(journaled)).to.include(hash);
      expect(await run()).to.deep.equal({ kind: "done" });
      await expectWhole();
    },
  );

  row(
    TABLE[13],
    "no fee rises while no block comes, and a wall clock moves nothing but the same bytes",
    async () => {
      await open({ rows: 4 });
      await desk.plan(2);
      let now = 1_800_000_000_000;
      const hour = 3_600_000;
      const jumps = [5, 5, -9, 48, -1_000, 30, 0, 0].map((hours) => hours * hour);
      let halted: StoredAttempt[] = [];
      let [from, to] = [0, 0];
      const look: Look = async (look) => {
        if (look < 3) return;
        // Two blocks that take neither, then none for days.
        if (look < 5) return baseFee(20n * GWEI);
        if (look === 5) {
          halted = await attempts();
          from = sent.length;
          world.faults.always(SEND, answering(null));
        }
        if (look < 5 + jumps.length) {
          expect(await attempts()).to.deep.equal(halted);
          now += jumps[look - 5]!;
          return;
        }
        if (look === 5 + jumps.length) {
          to = sent.length;
          world.faults.heal();
          await baseFee(20n * GWEI);
        } else await world.mine();
      };
      const patience = { patienceMs: 2_000, patienceBlocks: 3 };
      expect(await run({ look, now: () => now, ...patience })).to.deep.equal({ kind: "done" });
      // As soon as the third block is there, it outbids.
      expect(halted).to.have.length(2);
      const all = await attempts();
      expect(all.map(({ nonce }) => nonce).slice(0, 2)).to.deep.equal([0, 0]);
      // A jump by more than the patience hands in both again, be it forth or back, and nothing else does.
      const again = jumps.filter((jump) => jump !== 0).flatMap(() => hashesOf(halted));
      expect(hashesOf(sent.slice(from, to))).to.deep.equal(again);
      expect(holds).to.not.include("refused");
      await expectWhole();
    },
  );

  row(TABLE[13], "deadlines are in the chain's time, wherever the wall clock stands", async () => {
    await open({ rows: 4 });
    await desk.plan(2);
    // A month ahead of every clock here; a signature counts for a week.
    const { timestamp } = (await world.chain.block("latest"))!;
    await world.node("evm_setNextBlockTimestamp", [timestamp + 30 * 24 * 3600]);
    await world.mine();
    expect(await run({ now: () => 0 })).to.deep.equal({ kind: "done" });
    expect(await states()).to.deep.equal(["verified", "verified"]);
    await expectWhole();
  });

  describe("a node that is exchanged in the middle of a run", () => {
    let anvil: World;
    let empty: Anvil;
    before(async () => {
      anvil = world;
      await anvil.mine(40);
      world = await openWorld("--timestamp", "1700000000");
      empty = await startAnvil("--timestamp", "1600000000");
    });
    after(async () => {
      await world.close();
      await empty.stop();
      world = anvil;
    });

    const ID = 31_337;
    for (const [what, isAhead, id] of [
      ["of another genesis that is ahead", true, ID],
      ["of another genesis that is behind", false, ID],
      ["of another chain id", true, 1_337],
    ] as const) {
      row(TABLE[14], `refuses one ${what}, and nothing is taken back`, async () => {
        await open({ rows: 6 });
        await desk.plan(2);
        const known = async () =>
          (await batches()).map(({ id, batch }) => ({
            id,
            at: "inclusion" in batch ? batch.inclusion : null,
          }));
        let seen: object[] = [];
        let left = 0;
        const look: Look = async (look) => {
          if (look === 2) await world.mine();
          // Just included, and not safe yet.
          if (look === 3) {
            seen = await known();
            left = sent.length;
            const other = isAhead ? anvil.node : empty.request;
            for (const method of METHODS) {
              world.faults.always(method, (_, params) =>
                method === "eth_chainId" ? Promise.resolve(`0x${id.toString(16)}`) : other(method, params),
              );
            }
          }
          if (look > 40) throw new Error("it believes the other node");
        };
        const error = await errorOf(run({ look, patienceMs: 0 }));
        expect(error).to.be.instanceOf(WaybillError).with.property("code", "E_CHAIN_ID");
        expect((error as WaybillError).mend).to.contain("nothing is lost");
        expect(await known()).to.deep.equal(seen);
        expect(seen).to.have.length(3);
        expect(sent).to.have.length(left);
        expect(alerts).to.deep.equal([]);
        world.faults.heal();
        expect(await run()).to.deep.equal({ kind: "done" });
        await expectWhole();
      });
    }

    row(TABLE[14], "a store is bound to its chain and opens for no other", async () => {
      await open({ rows: 1 });
      const identity = await desk.store.chain();
      for (const wrong of [{ chainId: 1n }, { genesis: `0x${"12".repeat(32)}` as Hex }]) {
        const error = await errorOf(desk.store.bind({ ...identity, ...wrong }));
        expect(error).to.be.instanceOf(WaybillError).with.property("code", "E_STORE_CHAIN");
      }
      expect(await run()).to.deep.equal({ kind: "done" });
    });
  });

  row(TABLE[15], `no item is blamed (seed ${seed})`, async () => {
    await open({ rows: 24 });
    await desk.plan(3);
    const random = randomOf(`simulation ${seed}`);
    const outages: Fault[] = [
      dropped,
      refusing("header not found"),
      refusing("execution timeout"),
      refusing("daily request count exceeded, request rate limited", -32005),
      refusing("internal error", -32603),
    ];
    let asked = 0;
    world.faults.always("eth_call", (forward, params) => {
      asked += 1;
      // Down altogether at first, then now and then.
      return asked <= 20 || random(2) === 0 ? outages[random(outages.length)]!(forward, params) : forward();
    });
    expect(await run()).to.deep.equal({ kind: "done" });
    expect(holds).to.include("node").and.to.not.include("refused");
    const all = await states();
    expect(all).to.deep.equal(Array.from({ length: 8 }, () => "verified"));
    expect((await desk.store.counts(desk.job.id)).rejected).to.equal(0);
    await expectWhole();
  });
});

/** All that a run asks of a node. */
const METHODS = [
  "eth_chainId",
  HEADS,
  "eth_getBlockByHash",
  "eth_getBlockReceipts",
  "eth_getTransactionReceipt",
  "eth_getTransactionCount",
  "eth_getBalance",
  "eth_call",
  "eth_feeHistory",
  "eth_maxPriorityFeePerGas",
  "eth_getLogs",
  SEND,
];
