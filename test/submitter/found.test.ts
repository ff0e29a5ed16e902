import { expect } from "chai";
import { Transaction } from "ethers";
import { RpcError, WaybillError } from "../../src/errors.js";
import type { Item } from "../../src/attestation.js";
import { type Hex, ZERO_ADDRESS, ZERO_WORD } from "../../src/hex.js";
import type { Key } from "../../src/key.js";
import type { AdmittedRow, Job, JobTerms, StoredBatch } from "../../src/store/store.js";
import type { Outcome, RunOptions, SubmitterOptions } from "../../src/submitter/submitter.js";
import { answering, refusing } from "../support/proxy.js";
import {
  admitJob,
  dataOf,
  type Desk,
  type DeskOptions,
  freshKey,
  openDesk,
  openWorld,
  randomRows,
  rowOf,
  uidsOf,
  type World,
} from "../support/stage.js";

const HEADS = "eth_getBlockByNumber";
const SEND = "eth_sendRawTransaction";
const STREAM: Hex = `0x${"11".repeat(32)}`;

/** More looks at the head than any of these takes. */
const MOST_LOOKS = 300;

describe("what attackers found", function () {
  this.timeout(60_000);
  let world: World;
  let desk: Desk;
  let alerts: string[];
  let holds: string[];

  before(async () => {
    world = await openWorld();
  });
  after(() => world.close());
  beforeEach(() => {
    [alerts, holds] = [[], []];
  });
  afterEach(async () => {
    world.faults.heal();
    await dropAll();
    await desk.close();
  });

  /** A desk whose issuer is new to the node, and so is its lane. */
  async function open(options: DeskOptions & { lane: Key }): Promise<void> {
    desk = await openDesk(world, { issuer: await freshKey(world), ...options });
  }

  /** Called before each look at the head, with how many there were. */
  type Look = (look: number) => Promise<unknown>;
  const mine: Look = () => world.mine();

  async function run(
    options: Partial<SubmitterOptions> & { fees?: JobTerms; look?: Look; job?: Job },
    how: Partial<RunOptions> = {},
  ): Promise<Outcome> {
    const { look = mine, job = desk.job, ...more } = options;
    let looks = 0;
    const chain = {
      ...world.chain,
      block: async (which: Parameters<typeof world.chain.block>[0]) => {
        if (which === "latest") {
          looks += 1;
          if (looks > MOST_LOOKS) throw new Error("no end in sight");
          await look(looks);
        }
        return world.chain.block(which);
      },
    };
    const submitter = await desk.submitter({ chain, pollMs: 0, ...more });
    return submitter.run(job.id, {
      until: "final",
      ...how,
      onProgress: (now) => {
        if (now.hold !== null && now.hold.why !== holds.at(-1)) holds.push(now.hold.why);
      },
      onAlert: (text) => alerts.push(text),
    });
  }

  const batches = (job?: Job): Promise<StoredBatch[]> =>
    desk.store.batches(
      ["planned", "signed", "included", "safe", "final", "verified", "reverted", "stolen", "voided"],
      job?.id,
    );
  const states = async (job?: Job) => (await batches(job)).map(({ batch }) => batch.state);

  /** In this order, each once, and each read back. */
  async function expectInOrder(uids = desk.uids): Promise<void> {
    expect(await world.announced(desk.job.attester)).to.deep.equal(uids);
    const { verified, mismatched, rows } = await desk.store.counts(desk.job.id);
    expect({ verified, mismatched }).to.deep.equal({ verified: rows, mismatched: 0 });
  }

  const errorOf = (ending: Promise<unknown>) =>
    ending.then(
      () => null,
      (error: unknown) => error,
    );

  const countOf = async (key: Key) =>
    Number(await world.node("eth_getTransactionCount", [key.address, "latest"]));
  const fund = (key: Key, wei: bigint) =>
    world.node("anvil_setBalance", [key.address, `0x${wei.toString(16)}`]);

  /** What a batch has signed, signed by a key at another price. */
  async function dearer(batch: number, key: Key, nonce?: number): Promise<{ raw: Hex; hash: Hex }> {
    const [attempt] = await desk.store.attempts(batch);
    const { chainId, to, data, gasLimit, maxFeePerGas, maxPriorityFeePerGas } = Transaction.from(
      attempt!.raw,
    );
    return key.signTransaction({
      chainId,
      nonce: nonce ?? attempt!.nonce,
      to: to as Hex,
      data: data as Hex,
      gasLimit,
      maxFee: maxFeePerGas! * 2n,
      tip: maxPriorityFeePerGas! * 2n,
    });
  }

  for (const [where, stream] of [
    ["", ZERO_WORD],
    [", in a stream too", STREAM],
  ] as const) {
    it(`counts the batch's own payload, sent with the lane's key at another fee, as the batch's${where}`, async () => {
      const lane = await freshKey(world);
      await open({ rows: 5, lane, job: { stream } });
      await desk.plan(5);
      await desk.lane().tick(desk.job);
      const [batch] = await batches();
      const faster = await dearer(batch!.id, lane);
      await world.node(SEND, [faster.raw]);
      expect(await run({ lanes: [lane] })).to.deep.equal({ kind: "done" });
      const [landed, ...rest] = await batches();
      expect(rest).to.deep.equal([]);
      expect(landed!.batch).to.have.nested.property("inclusion.transaction", faster.hash);
      expect(await countOf(lane)).to.equal(1);
      expect(alerts).to.have.length(1);
      expect(alerts[0]).to.contain(faster.hash).and.to.contain("it counts");
      await expectInOrder();
    });
  }

  /** Before each look: no lane holds anything signed of the stream while another does. */
  const onOneLane: Look = async () => {
    const open = (await desk.store.batches(["signed", "included"])).map(({ lane }) => lane);
    expect(new Set(open).size, "lanes with the stream").to.be.at.most(1);
    await world.mine();
  };

  it("keeps a stream on the lane that has planned it when another comes first in the next run", async () => {
    const [poor, rich] = [await freshKey(world, 0n), await freshKey(world)];
    await open({ rows: 400, lane: poor, job: { stream: STREAM } });
    const limits = { share: 0.05, transactionGas: 1_000_000 };
    expect(await run({ lanes: [poor], limits })).to.have.nested.property("hold.why", "funds");
    expect(await states()).to.include("planned");
    expect((await desk.store.counts(desk.job.id)).waiting).to.be.greaterThan(0);
    const again = { lanes: [rich, poor], limits, look: onOneLane };
    expect(await run(again)).to.have.nested.property("hold.why", "funds");
    expect(await countOf(rich)).to.equal(0);
    // Half of it is signed there, and then less fits a transaction.
    await fund(poor, 10n ** 16n);
    const half = new AbortController();
    const look: Look = async (look) => {
      if ((await desk.store.batches(["signed", "included"])).length > 1) half.abort();
      await onOneLane(look);
    };
    await run({ ...again, look }, { signal: half.signal });
    await fund(poor, 10n ** 21n);
    const less = { share: 0.05, transactionGas: 600_000 };
    expect(await run({ ...again, limits: less })).to.deep.equal({ kind: "done" });
    expect(await states()).to.not.include("reverted");
    await expectInOrder();
  });

  it("takes a stream as a whole from a lane that cannot pay, as long as nothing of it is signed there", async () => {
    const [poor, rich] = [await freshKey(world, 0n), await freshKey(world)];
    await open({ rows: 40, lane: poor, job: { stream: STREAM } });
    await desk.plan(10);
    for (const { id } of (await desk.store.batches(["planned"])).slice(2))
      await desk.store.applyOnLane(desk.token, id, { kind: "voided" });
    expect(await run({ lanes: [rich, poor], look: onOneLane })).to.deep.equal({ kind: "done" });
    expect(await countOf(poor)).to.equal(0);
    await expectInOrder();
  });

  it("waits with a stream for what a lane has signed whose key is not here, and signs nothing behind it", async () => {
    const [absent, here] = [await freshKey(world), await freshKey(world)];
    await open({ rows: 40, lane: absent, job: { stream: STREAM } });
    await desk.plan(20);
    const [, second] = await batches();
    await desk.store.applyOnLane(desk.token, second!.id, { kind: "voided" });
    // Accepted, and in no block: nobody builds one with it.
    world.faults.always(SEND, async (forward, [raw]) => {
      const { from, hash } = Transaction.from(raw as Hex);
      return from!.toLowerCase() === absent.address.toLowerCase() ? hash : forward();
    });
    await desk.lane().tick(desk.job);
    const look: Look = async (look) => {
      if (look <= 30) expect(await states()).to.deep.equal(["signed", "voided"]);
      if (look === 30) world.faults.heal();
      await onOneLane(look);
    };
    expect(await run({ lanes: [here], look, patienceMs: 0 })).to.deep.equal({ kind: "done" });
    expect(holds).to.include("stream");
    expect(await states()).to.not.include("reverted");
    expect([await countOf(absent), await countOf(here)]).to.deep.equal([1, 1]);
    await expectInOrder();
  });

  it("puts a second job of a stream onto the lane where the first one is signed and not mined", async () => {
    const [idle, busy] = [await freshKey(world), await freshKey(world)];
    await open({ rows: 20, lane: busy, job: { stream: STREAM } });
    await desk.plan(20);
    world.faults.always(SEND, async (_, [raw]) => Transaction.from(raw as Hex).hash);
    await desk.lane().tick(desk.job);
    const rows: AdmittedRow[] = randomRows(world, desk.job.attester, 20, `behind ${desk.directory}`);
    const second = await admitJob(world, desk.store, rows, { attester: desk.job.attester, stream: STREAM });
    const look: Look = async (look) => {
      if (look === 10) world.faults.heal();
      await onOneLane(look);
    };
    const outcome = await run({ lanes: [idle, busy], job: second, look, patienceMs: 0 });
    expect(outcome).to.deep.equal({ kind: "done" });
    expect(await states(second)).to.deep.equal(["verified"]);
    expect(await countOf(idle)).to.equal(0);
    expect(await run({ lanes: [idle, busy] })).to.deep.equal({ kind: "done" });
    await expectInOrder([...desk.uids, ...uidsOf(rows)]);
  });

  it("signs nothing of a stream before a batch that was taken back because less fits a transaction now", async () => {
    const lane = await freshKey(world);
    await open({ rows: 22, lane, job: { stream: STREAM } });
    const waiting = (await desk.store.waiting(desk.job.id, 100)).map(({ id }) => id);
    const groups = [waiting.slice(0, 1), waiting.slice(1, 21), waiting.slice(21)];
    await desk.store.assign(desk.token, desk.job.id, groups);
    // The node takes its time with the first, until the second one is taken back.
    let voided = () => {};
    const takenBack = new Promise<void>((resolve) => (voided = resolve));
    const store = new Proxy(desk.store, {
      get(target, name) {
        const method = target[name as keyof typeof target] as unknown;
        if (typeof method !== "function") return method;
        return async (...given: unknown[]) => {
          const done = (await method.apply(target, given)) as unknown;
          if (name === "applyOnLane" && (given[2] as { kind: string }).kind === "voided") voided();
          return done;
        };
      },
    });
    world.faults.next(SEND, async (forward) => {
      await takenBack;
      return forward();
    });
    const limits = { transactionGas: 300_000 };
    expect(await run({ lanes: [lane], store, limits })).to.deep.equal({ kind: "done" });
    expect((await states()).slice(0, 3)).to.deep.equal(["verified", "voided", "voided"]);
    expect(await states()).to.not.include("reverted");
    await expectInOrder();
  });

  for (const [why, wei, budget] of [
    ["budget", 10n ** 21n, 1n],
    ["funds", 0n, null],
  ] as const) {
    it(`ends, held, when neither of two lanes gets a batch through for want of ${why}, and does not pass it to and fro`, async () => {
      const [one, other] = [await freshKey(world, wei), await freshKey(world, wei)];
      await open({ rows: 3, lane: one });
      const held = await run({ lanes: [one, other], fees: { maxFee: null, budget } });
      expect(held).to.have.nested.property("hold.why", why);
      expect((await states()).filter((state) => state === "voided").length).to.be.at.most(2);
    });
  }

  /** Two batches in blocks of their own, of which one cannot be read back; a second passes between two looks. */
  async function runUnread(refusals: number): Promise<{ asked: number; outcome: unknown }> {
    const lane = await freshKey(world);
    await open({ rows: 10, lane });
    await desk.plan(5);
    await desk.lane({ slots: 1 }).tick(desk.job);
    let asked = 0;
    let refused: Hex | null = null;
    let time = 0;
    world.faults.always("eth_getLogs", async (forward, [filter]) => {
      const { blockHash } = filter as { blockHash?: Hex };
      refused ??= blockHash ?? null;
      if (blockHash !== refused || asked >= refusals) return forward();
      asked += 1;
      throw new RpcError(4444, "history has been pruned for this block", undefined);
    });
    const look: Look = async () => {
      time += 1_000;
      await world.mine();
    };
    const ending = run({ lanes: [lane], outageMs: 40_000, clock: () => time, look });
    const outcome = await ending.catch((error: unknown) => error);
    return { asked, outcome };
  }

  it("says so when what is on the chain cannot be read back for good, and reads what it can", async () => {
    const { asked, outcome } = await runUnread(Infinity);
    expect(outcome).to.be.instanceOf(WaybillError).with.property("code", "E_NODE");
    expect(asked).to.be.within(2, 60);
    expect(await states()).to.deep.equal(["final", "verified"]);
  });

  it("is done at last when what cannot be read back at first can be read later", async () => {
    const { asked, outcome } = await runUnread(8);
    expect(outcome).to.deep.equal({ kind: "done" });
    expect(asked).to.equal(8);
    await expectInOrder();
  });

  for (const [where, behind] of [
    ["at the newest block that was followed", 0],
    ["before the newest block that was followed", 1],
  ] as const) {
    it(`lets nothing become final by a node's word whose head stands still ${where}`, async () => {
      const lane = await freshKey(world);
      await open({ rows: 5, lane });
      await desk.plan(5);
      await desk.tracker().tick();
      const before = await world.node("evm_snapshot", []);
      await desk.lane().tick(desk.job);
      await world.mine(2);
      await desk.tracker().tick();
      expect((await states())[0]).to.be.oneOf(["included", "safe"]);
      const [tip, old] = [await world.head(), (await world.head()) - behind];
      const stale = await world.node(HEADS, [`0x${old.toString(16)}`, false]);
      // Another branch, without it; its blocks have other times.
      await world.node("evm_revert", [before]);
      await dropAll();
      await world.node("evm_increaseTime", [100]);
      await world.mine(30);
      world.faults.always(HEADS, async (forward, [which]) => {
        if (which === "latest") return stale;
        const lacks = String(which).startsWith("0x") && Number(which) > old && Number(which) <= tip;
        return lacks ? null : forward();
      });
      const look: Look = async (look) => {
        if (look <= 6) expect((await states())[0]).to.be.oneOf(["included", "safe"]);
        if (look === 6) world.faults.heal();
        if (look > 6) await world.mine();
      };
      expect(await run({ lanes: [lane], look })).to.deep.equal({ kind: "done" });
      expect(await states()).to.deep.equal(["verified"]);
      await expectInOrder();
    });
  }

  it("fills the nonce of a batch that somebody copied when its own failed transaction is undone", async () => {
    const [lane, copier] = [await freshKey(world), await freshKey(world)];
    await open({ rows: 5, lane, job: { stream: STREAM } });
    await desk.plan(5);
    world.faults.next(SEND, async () => "0x");
    await desk.lane().tick(desk.job);
    const { id } = (await batches())[0]!;
    const raw = (await desk.store.attempts(id))[0]!.raw;
    const copy = await dearer(id, copier, 0);
    await world.node(SEND, [copy.raw]);
    await world.mine(2);
    const before = await world.node("evm_snapshot", []);
    await world.node(SEND, [raw]);
    await world.mine();
    const look: Look = async (look) => {
      // The copy is final by then, and ours in the newest block.
      if (look === 5) {
        const { batch } = (await batches())[0]!;
        expect(batch).to.have.nested.property("inclusion.transaction", copy.hash);
        expect(batch.state).to.be.oneOf(["included", "safe"]);
        await world.node("evm_revert", [before]);
        await dropAll();
        await world.mine(3);
      }
      if (look > 5) await world.mine();
    };
    expect(await run({ lanes: [lane], look, patienceMs: 0 })).to.deep.equal({ kind: "done" });
    expect(await countOf(lane)).to.equal(1);
    const rows = randomRows(world, desk.job.attester, 5, `behind ${desk.directory}`);
    const second = await admitJob(world, desk.store, rows, { attester: desk.job.attester });
    expect(await run({ lanes: [lane], job: second })).to.deep.equal({ kind: "done" });
    expect(await countOf(lane)).to.equal(2);
    await expectInOrder([...desk.uids, ...uidsOf(rows)]);
  });

  it("finds who had a nonce in a block below the head at which ours was signed", async () => {
    const lane = await freshKey(world);
    await open({ rows: 2, lane, job: { stream: STREAM } });
    await sendForeign(lane);
    await world.mine(6);
    await desk.plan(2);
    world.faults.next("eth_getTransactionCount", answering("0x0"));
    await desk.lane().tick(desk.job);
    expect((await desk.store.unmined()).map(({ nonce }) => nonce)).to.deep.equal([0]);
    world.faults.always("eth_getLogs", async (forward, [filter]) => {
      const { fromBlock, toBlock } = filter as { fromBlock?: Hex; toBlock?: Hex };
      if (Number(fromBlock) > Number(toBlock))
        throw new RpcError(-32000, "invalid block range params", undefined);
      return forward();
    });
    expect(await run({ lanes: [lane] })).to.deep.equal({ kind: "done" });
    expect(await states()).to.deep.equal(["stolen", "verified"]);
    expect(alerts).to.have.length(1);
    await expectInOrder();
  });

  it("finds who has taken a nonce on a node that keeps few states, by looking through the blocks", async () => {
    const lane = await freshKey(world);
    await open({ rows: 5, lane });
    await desk.plan(5);
    world.faults.next(SEND, async () => "0x");
    await desk.lane().tick(desk.job);
    await desk.tracker().tick();
    await dropAll();
    await sendForeign(lane);
    await world.mine(200);
    let refused = 0;
    world.faults.always("eth_getTransactionCount", async (forward, [, at]) => {
      if (!String(at).startsWith("0x") || Number(at) >= (await world.head()) - 127) return forward();
      refused += 1;
      throw new RpcError(-32000, "missing trie node 1234 (path ) state 0x12 is not available", undefined);
    });
    expect(await run({ lanes: [lane], patienceMs: 0 })).to.deep.equal({ kind: "done" });
    expect(refused).to.be.greaterThan(0);
    expect(await states()).to.deep.equal(["stolen", "verified"]);
    expect(alerts).to.have.length(1);
    await expectInOrder();
  });

  it("holds when a node cuts short why a batch is refused", async () => {
    const lane = await freshKey(world);
    await open({ rows: 1, lane });
    world.faults.always("eth_call", refusing("execution reverted", 3, "0x01"));
    expect(await run({ lanes: [lane] })).to.have.nested.property("hold.why", "refused");
    world.faults.heal();
    expect(await run({ lanes: [lane] })).to.deep.equal({ kind: "done" });
    await expectInOrder();
  });

  it("does not wait for ever on a node that has no newest block", async () => {
    const lane = await freshKey(world);
    await open({ rows: 1, lane });
    world.faults.always(HEADS, answering(null));
    let time = 0;
    const look: Look = async () => (time += 1_000);
    const ending = run({ lanes: [lane], look, clock: () => time, outageMs: 10_000 });
    const error = await errorOf(ending);
    expect(error).to.be.instanceOf(WaybillError).with.property("code", "E_NODE");
    expect(time).to.equal(12_000);
  });

  it("pays for no more than one no-op when a pool takes no transaction with an item's bytes", async () => {
    const lane = await freshKey(world);
    await open({ rows: 1, lane });
    const item: Item = {
      recipient: ZERO_ADDRESS,
      ref: ZERO_WORD,
      expiresAt: 0,
      revocable: false,
      salt: ZERO_WORD,
      data: dataOf({ name: "x".repeat(100_000), value: 1n }),
    };
    const row = rowOf(world, desk.job.attester, item, 1);
    const job = await admitJob(world, desk.store, [row], { attester: desk.job.attester });
    world.faults.always(SEND, async (forward, [raw]) => {
      if (String(raw).length / 2 > 95_000) throw new RpcError(-32000, "oversized data", undefined);
      return forward();
    });
    expect(await run({ lanes: [lane], job })).to.have.nested.property("hold.why", "refused");
    expect(await countOf(lane)).to.be.at.most(1);
    expect(await world.announced(desk.job.attester)).to.deep.equal([]);
  });

  const dropAll = () => world.node("anvil_dropAllTransactions", []);

  /** A transaction that somebody else sends with a lane's key, at its first nonce. */
  async function sendForeign(lane: Key): Promise<void> {
    const terms = { chainId: 31337n, nonce: 0, to: lane.address, data: "0x" as Hex, gasLimit: 21_000n };
    await world.node(SEND, [lane.signTransaction({ ...terms, maxFee: 10n ** 11n, tip: 10n ** 9n }).raw]);
  }
});
