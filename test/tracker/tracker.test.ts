import { expect } from "chai";
import type { BatchState } from "../../src/batch.js";
import type { Block } from "../../src/chain/chain.js";
import { createTracker } from "../../src/tracker/tracker.js";
import type { Hex } from "../../src/hex.js";
import { type Key } from "../../src/key.js";
import { altering, answering, dropped, type Fault, refusing, staleHead } from "../support/proxy.js";
import {
  type Desk,
  type DeskOptions,
  freshKey,
  mineAtEachLook,
  openDesk,
  openWorld,
  type World,
} from "../support/stage.js";

const RECEIPTS = ["eth_getBlockReceipts", "eth_getTransactionReceipt"];
const HEADS = "eth_getBlockByNumber";

describe("the tracker", function () {
  this.timeout(120_000);
  let world: World;
  let desk: Desk;
  let key: Key;

  before(async () => {
    world = await openWorld();
  });
  after(() => world.close());
  afterEach(async () => {
    world.faults.heal();
    await world.node("anvil_dropAllTransactions", []);
    await desk.close();
  });

  /** A desk with one batch in the pool. */
  async function open(options: Partial<DeskOptions> = {}): Promise<void> {
    key = await freshKey(world);
    desk = await openDesk(world, { rows: 3, issuer: await freshKey(world), lane: key, ...options });
    await desk.plan(3);
    await desk.tracker().tick();
    await desk.lane().tick(desk.job);
  }

  const one = async () => {
    const all: BatchState[] = ["planned", "signed", "included", "safe", "final", "verified"];
    const [first] = await desk.store.batches([...all, "reverted", "stolen", "voided"]);
    return { ...first!, attempts: await desk.store.attempts(first!.id) };
  };
  const stateOf = async () => (await one()).batch.state;

  async function finish(): Promise<void> {
    world.faults.heal();
    mineAtEachLook(world);
    const submitter = await desk.submitter({ patienceMs: 0 });
    expect(await submitter.run(desk.job.id, { until: "final" })).to.deep.equal({ kind: "done" });
    expect((await world.announced(desk.job.attester)).sort()).to.deep.equal([...desk.uids].sort());
    expect(await desk.store.counts(desk.job.id)).to.include({ verified: desk.uids.length, mismatched: 0 });
  }

  const reorg = (depth: number, transactions: [Hex, number][]) =>
    world.node("anvil_reorg", [depth, transactions]);

  it("law 8: a batch is included, safe and final when the chain's tags say so, and verified when read back", async () => {
    await open();
    const tracker = desk.tracker();
    const seen: [string, number, number][] = [];
    for (let blocks = 0; blocks < 5; blocks += 1) {
      await tracker.tick();
      const [safe, final] = await Promise.all([world.chain.block("safe"), world.chain.block("finalized")]);
      const { batch } = await one();
      seen.push([batch.state, safe!.number, final!.number]);
      if ("inclusion" in batch) {
        const { block } = batch.inclusion;
        expect(batch.state === "final").to.equal(block <= final!.number);
        if (batch.state === "included") expect(block).to.be.greaterThan(safe!.number);
      }
      await world.mine();
    }
    expect(seen.map(([state]) => state)).to.deep.equal(["signed", "included", "safe", "final", "final"]);
    await finish();
    expect(await stateOf()).to.equal("verified");
  });

  it("law 8: a chain that names a final block is not second-guessed by depth when its tag fails once", async () => {
    await open();
    const tracker = desk.tracker(0);
    await tracker.tick();
    await world.mine();
    const tagless: Fault = (forward, [which]) => (which === "finalized" ? Promise.resolve(null) : forward());
    world.faults.always(HEADS, tagless);
    for (let i = 0; i < 3; i += 1) await tracker.tick();
    expect(await stateOf()).to.equal("included");
    world.faults.always(HEADS, (forward, [which]) =>
      which === "finalized" ? refusing("finalized block not found")(forward, []) : forward(),
    );
    for (let i = 0; i < 3; i += 1) await tracker.tick();
    expect(await stateOf()).to.equal("included");
    await finish();
  });

  it("law 8: without tags a batch is final at the depth that is known of the chain, not before", async () => {
    world.faults.always(HEADS, (forward, [which]) =>
      which === "finalized" || which === "safe" ? Promise.resolve(null) : forward(),
    );
    await open();
    const tracker = desk.tracker(4);
    await world.mine();
    for (let depth = 0; depth < 4; depth += 1) {
      await tracker.tick();
      expect(await stateOf(), `depth ${depth}`).to.equal("included");
      await world.mine();
    }
    await tracker.tick();
    expect(await stateOf()).to.equal("final");
  });

  it("law 8: a block that was replaced while nobody followed it makes nothing final", async () => {
    await open();
    const tracker = desk.tracker();
    await world.mine();
    await tracker.tick();
    expect(await stateOf()).to.equal("included");
    await world.mine();
    const { number, hash } = (await world.chain.block("latest"))!;
    await desk.store.follow({ events: [], unwindAbove: -1, append: [{ number, hash }] });
    await reorg(2, []);
    await world.mine(3);
    await tracker.tick();
    expect((await one()).batch).to.deep.include({ state: "signed", sentAt: null });
    await finish();
  });

  it("goes back to signed when its block is unwound and the transaction is gone, and sends the same bytes", async () => {
    await open();
    const tracker = desk.tracker();
    await world.mine();
    await tracker.tick();
    expect(await stateOf()).to.equal("included");
    const before = (await one()).attempts;
    await reorg(1, []);
    await world.mine();
    await tracker.tick();
    const back = await one();
    expect(back.batch).to.deep.include({ state: "signed", nonce: before[0]!.nonce, sentAt: null });
    expect(back.attempts).to.deep.equal(before);

    const start = world.faults.asked.length;
    await desk.lane().tick(desk.job);
    const sent = world.faults.asked.slice(start).filter(({ method }) => method === "eth_sendRawTransaction");
    expect(sent.map(({ params }) => params[0])).to.deep.equal([before[0]!.raw]);
    await world.mine();
    await tracker.tick();
    expect(await stateOf()).to.equal("included");
    await finish();
  });

  it("follows a transaction that a reorg moves into another block", async () => {
    await open();
    const tracker = desk.tracker();
    await world.mine(1);
    await tracker.tick();
    const first = await one();
    if (!("inclusion" in first.batch)) throw new Error("not included");
    const { block, blockHash } = first.batch.inclusion;
    await world.mine(1);
    await reorg(2, [[first.attempts[0]!.raw, 1]]);
    await world.mine(0);
    for (let i = 0; i < 3; i += 1) await tracker.tick();
    const moved = (await one()).batch;
    if (!("inclusion" in moved)) throw new Error(`it is ${moved.state}`);
    expect(moved.inclusion.blockHash).to.not.equal(blockHash);
    expect(moved.inclusion.block).to.equal(block + 1);
    const there = await world.chain.block(moved.inclusion.block);
    expect(there!.hash).to.equal(moved.inclusion.blockHash);
    expect(there!.transactions).to.include(moved.inclusion.transaction);
    await finish();
  });

  it("follows a reorg that it learns of in the middle of a walk by the parent's hash", async () => {
    await open();
    const tracker = desk.tracker();
    const from = await world.head();
    await world.mine(3);
    // The second block of the walk comes from another branch.
    world.faults.always(
      HEADS,
      altering((block: { number: Hex; parentHash: Hex }, [which]) =>
        which === `0x${(from + 2).toString(16)}`
          ? { ...block, parentHash: `0x${"77".repeat(32)}`, hash: `0x${"66".repeat(32)}` }
          : block,
      ),
    );
    await tracker.tick();
    expect((await desk.store.followed()).at(-1)!.number).to.equal(from + 1);
    world.faults.heal();
    await tracker.tick();
    expect((await desk.store.followed()).at(-1)!.number).to.equal(from + 3);
    await finish();
  });

  it("unwinds a whole branch of several blocks, all that was in it, and nothing below", async () => {
    await open({ rows: 8 });
    await finishBatches(2);
    const lane = desk.lane();
    const tracker = desk.tracker();
    await desk.plan(2);
    await lane.tick(desk.job);
    await world.mine(1);
    await tracker.tick();
    const depth = 1;
    await reorg(depth, []);
    await world.mine(1);
    await tracker.tick();
    for (const { batch } of await desk.store.batches(["included", "safe"])) {
      if (!("inclusion" in batch)) continue;
      expect((await world.chain.block(batch.inclusion.block))!.hash).to.equal(batch.inclusion.blockHash);
    }
    await finish();
  });

  async function finishBatches(blocks: number): Promise<void> {
    await world.mine(blocks);
    await desk.tracker().tick();
  }

  describe("a node that lags or keeps silent decides nothing", () => {
    const cases: [name: string, prepare: (head: number) => void][] = [
      ["an older head", (head) => world.faults.always(HEADS, staleHead(world.node, head - 2))],
      [
        "a head, and no block below it",
        () =>
          world.faults.always(HEADS, (forward, [which]) =>
            String(which).startsWith("0x") ? Promise.resolve(null) : forward(),
          ),
      ],
      ["no head at all", () => world.faults.always(HEADS, answering(null))],
      ["no answer", () => world.faults.always(HEADS, dropped)],
      ["an error", () => world.faults.always(HEADS, refusing("unknown block"))],
    ];
    for (const [name, prepare] of cases) {
      it(`keeps a batch that is included when the node gives ${name}`, async () => {
        await open();
        const tracker = desk.tracker();
        await world.mine();
        await tracker.tick();
        const before = await one();
        expect(before.batch.state).to.equal("included");
        prepare(await world.head());
        for (let i = 0; i < 3; i += 1) await tracker.tick().catch(() => {});
        expect(await one()).to.deep.equal(before);
        world.faults.heal();
        await finish();
      });
    }

    it("stays where it is when the node was restarted empty, and goes on when the chain is back", async () => {
      const other = await openWorld();
      await open();
      await world.mine(3);
      const tracker = desk.tracker();
      await tracker.tick();
      const before = await one();
      const lost = createTracker({
        store: desk.store,
        chain: other.chain,
        finalDepth: 0,
        elsewhere: async () => null,
        sameChain: async () => {},
      });
      for (let i = 0; i < 3; i += 1) await lost.tick(await other.chain.block("latest"));
      expect((await one()).batch).to.deep.equal(before.batch);
      await other.close();
      await finish();
    });

    it("does not pass a block by whose receipts the node does not hand out yet", async () => {
      await open();
      const tracker = desk.tracker();
      const from = await world.head();
      for (const method of RECEIPTS) world.faults.always(method, answering(null));
      await world.mine(2);
      await tracker.tick();
      expect(await stateOf()).to.equal("signed");
      expect((await desk.store.followed()).at(-1)!.number).to.equal(from);
      world.faults.heal();
      await tracker.tick();
      expect(["included", "safe"]).to.include(await stateOf());
      await finish();
    });
  });

  it("catches up after a longer absence than it walks, by asking for each open transaction", async () => {
    await open();
    await world.mine(1);
    await world.node("anvil_mine", ["0x46"]);
    const start = world.faults.asked.length;
    await desk.tracker().tick();
    expect(await stateOf()).to.equal("final");
    expect(world.faults.asked.length - start).to.be.lessThan(20);
    await finish();
  });

  it("catches up after an absence in which the included block was unwound", async () => {
    await open();
    await world.mine();
    await desk.tracker().tick();
    await reorg(1, []);
    await world.node("anvil_mine", ["0x50"]);
    await desk.tracker().tick();
    await desk.tracker().tick();
    expect(await stateOf()).to.equal("signed");
    await finish();
  });

  describe("law 6: a nonce is lost only to another transaction of ours in a final block", () => {
    it("law 6: a null receipt, a moved count or a failed call never loses a nonce", async () => {
      await open();
      const before = await one();
      const tracker = desk.tracker();
      const blind = () => {
        for (const method of RECEIPTS) world.faults.always(method, answering(null));
      };
      const stages: [string, () => void][] = [
        ["null receipts", () => {}],
        ["a count that moved", () => world.faults.always("eth_getTransactionCount", answering("0x5"))],
        [
          "a count that moved, and blocks without transactions",
          () => {
            world.faults.always("eth_getTransactionCount", answering("0x5"));
            world.faults.always(
              HEADS,
              altering((block: object | null) => block && { ...block, transactions: [] }),
            );
          },
        ],
        [
          "a failed call",
          () => world.faults.always("eth_getTransactionCount", refusing("missing trie node")),
        ],
        ["silence", () => world.faults.always("eth_getTransactionCount", dropped)],
      ];
      for (const [name, prepare] of stages) {
        world.faults.heal();
        blind();
        prepare();
        for (let i = 0; i < 3; i += 1) {
          await tracker.tick().catch(() => {});
          await desk
            .lane({ patienceMs: 0 })
            .tick(desk.job)
            .catch(() => {});
          expect((await one()).attempts, name).to.deep.equal(before.attempts);
          expect(await stateOf(), name).to.equal("signed");
          await world.mine();
        }
      }
      await finish();
      expect((await one()).attempts).to.deep.equal(before.attempts);
    });

    it("law 6: a node without old states does not stop the tracker, and is believed in nothing", async () => {
      await open();
      const tracker = desk.tracker();
      world.faults.always("eth_getTransactionCount", refusing("missing trie node"));
      await world.node("anvil_dropAllTransactions", []);
      await world.mine(4);
      await tracker.tick();
      expect(await stateOf()).to.equal("signed");
      await finish();
    });

    it("law 6: a foreign transaction takes the nonce only at final depth; then the items are planned again and land once", async () => {
      await open();
      const before = await one();
      if (before.batch.state !== "signed") throw new Error("not signed");
      const tracker = desk.tracker();
      await world.node("anvil_dropAllTransactions", []);
      await foreign(before.batch.nonce);
      await world.mine();
      const stolenAt = await world.head();
      for (;;) {
        await tracker.tick();
        await desk.lane({ patienceMs: 0 }).tick(desk.job);
        const final = (await world.chain.block("finalized"))!.number;
        expect(await stateOf()).to.equal(final < stolenAt ? "signed" : "stolen");
        expect((await one()).attempts).to.deep.equal(before.attempts);
        if (final >= stolenAt) break;
        await world.mine();
      }
      expect((await one()).batch).to.include({ block: stolenAt });
      expect(await desk.store.counts(desk.job.id)).to.include({ waiting: 3, assigned: 0 });
      await finish();
    });

    it("law 6: a foreign transaction that is unwound before it is final takes nothing", async () => {
      await open();
      const before = await one();
      if (before.batch.state !== "signed") throw new Error("not signed");
      const tracker = desk.tracker();
      await world.node("anvil_dropAllTransactions", []);
      await foreign(before.batch.nonce);
      await world.mine();
      await tracker.tick();
      await desk.lane({ patienceMs: 0 }).tick(desk.job);
      await reorg(1, []);
      await world.node("anvil_dropAllTransactions", []);
      await desk.lane({ patienceMs: 0 }).tick(desk.job);
      await world.mine();
      await tracker.tick();
      expect(await stateOf()).to.equal("included");
      expect((await one()).attempts).to.deep.equal(before.attempts);
      await finish();
    });

    it("law 6: finds its own transaction at final depth when every sign of it was missed before", async () => {
      await open();
      const tracker = desk.tracker();
      await world.mine();
      // Walked past without a trace: as after a restore of an older copy of the store.
      const head = (await world.chain.block("latest")) as Block;
      await desk.store.follow({
        events: [],
        unwindAbove: -1,
        append: [{ number: head.number, hash: head.hash }],
      });
      await tracker.tick();
      expect(await stateOf()).to.equal("signed");
      await world.mine(3);
      await tracker.tick();
      await tracker.tick();
      expect(await stateOf()).to.equal("final");
      await finish();
    });

    async function foreign(nonce: number): Promise<void> {
      const { raw } = key.signTransaction({
        chainId: 31337n,
        nonce,
        to: key.address,
        data: "0x",
        gasLimit: 21_000n,
        maxFee: 10n ** 10n,
        tip: 10n ** 9n,
      });
      await world.node("eth_sendRawTransaction", [raw]);
    }
  });

  it("gives the items of a reverted transaction back at final depth, not before, and they land once", async () => {
    await open();
    const week = 8 * 24 * 3600;
    const { timestamp } = (await world.chain.block("latest"))!;
    await world.node("evm_setNextBlockTimestamp", [timestamp + week]);
    await world.mine();
    const tracker = desk.tracker();
    for (let i = 0; i < 2; i += 1) {
      await tracker.tick();
      const { batch } = await one();
      expect(["included", "safe"]).to.include(batch.state);
      expect("inclusion" in batch && batch.inclusion.succeeded).to.equal(false);
      expect(await desk.store.counts(desk.job.id)).to.include({ waiting: 0 });
      await world.mine();
    }
    await tracker.tick();
    expect(await stateOf()).to.equal("reverted");
    expect(await desk.store.counts(desk.job.id)).to.include({ waiting: 3 });
    const { paid, inFlight } = await desk.store.spending(desk.job.id);
    expect(paid > 0n && inFlight === 0n).to.equal(true);
    await finish();
    // By halves: whatever it was, it costs no second whole transaction.
    expect(await desk.store.batches(["verified"])).to.have.length(3);
  });
});
