import { expect } from "chai";
import fc from "fast-check";
import type { Block, Chain, Log, Receipt, SendReply } from "../../src/chain/chain.js";
import { chainOf } from "../../src/chain/node.js";
import { type Disagreement, severalNodes } from "../../src/chain/several.js";
import { localKey } from "../../src/cli/keys.js";
import { RpcError, WaybillError } from "../../src/errors.js";
import type { Hex } from "../../src/hex.js";
import { type Anvil, startAnvil } from "../support/anvil.js";
import { lost, refusing, dropped, faultyNode } from "../support/proxy.js";
import { seed } from "../support/seed.js";

const ACCOUNT = localKey(1).address;
const WORD: Hex = `0x${"77".repeat(32)}`;

/** The block at a height of a branch that leaves the main one above a height. */
function blockOn(branch: string, number: number, fork = -1): Block {
  const name = (height: number) =>
    Buffer.from(`${height > fork ? branch : "main"} ${height}`)
      .toString("hex")
      .padStart(64, "0");
  return {
    number,
    hash: `0x${name(number)}`,
    parentHash: `0x${name(number - 1)}`,
    timestamp: number,
    gasLimit: 0n,
    gasUsed: 0n,
    baseFee: 0n,
    transactions: [],
  };
}

type Fake = {
  name: string;
  chain: Chain;
  asked: string[];
  /** one part of it answers otherwise from now on */
  set(parts: Partial<Chain>): void;
};

type Terms = { head?: number; branch?: string; fork?: number; id?: bigint; parts?: Partial<Chain> };

let fakes = 0;

function fake({ head = 10, branch = "main", fork = -1, id = 1n, parts = {} }: Terms = {}): Fake {
  fakes += 1;
  const name = `node ${fakes}`;
  const at = (number: number) => (number > head ? null : blockOn(branch, number, fork));
  let chain: Partial<Chain> = {
    chainId: async () => id,
    async block(which) {
      if (which === "latest") return at(head);
      if (which === "safe") return at(Math.max(0, head - 2));
      if (which === "finalized") return at(Math.max(0, head - 4));
      if (typeof which === "number") return at(which);
      for (let number = 0; number <= head; number += 1) if (at(number)!.hash === which) return at(number);
      return null;
    },
    ...parts,
  };
  const asked: string[] = [];
  return {
    name,
    asked,
    set: (more) => void (chain = { ...chain, ...more }),
    chain: new Proxy({} as Chain, {
      get:
        (_, method: keyof Chain) =>
        async (...args: never[]) => {
          asked.push(method);
          const ask = chain[method] as ((...args: never[]) => unknown) | undefined;
          if (ask === undefined) throw new Error(`nobody expects ${method} to be asked`);
          return ask(...args);
        },
    }),
  };
}

const silence = async (): Promise<never> => {
  throw new WaybillError("E_NODE", "it is silent");
};
const hanging = (): Promise<never> => new Promise(() => {});
const DEAD: Partial<Chain> = Object.fromEntries(
  (
    Object.keys({
      ...{ chainId: 0, block: 0, receipts: 0, receipt: 0, transactionCount: 0, transactionIn: 0, balance: 0 },
      ...{ code: 0, call: 0, logs: 0, logsOf: 0, estimateGas: 0, suggestedTip: 0 },
      ...{ recentBlocks: 0, baseFees: 0 },
    }) as (keyof Chain)[]
  ).map((method) => [method, silence]),
);
const deadNode = () =>
  fake({ parts: { ...DEAD, send: async () => ({ kind: "no answer", message: "it is silent" }) } });

/** A timer that rings when told. */
function timer() {
  const set: { ms: number; ring: () => void }[] = [];
  return {
    set,
    after: (ms: number) => new Promise<void>((ring) => void set.push({ ms, ring })),
    ring: () => set.splice(0).forEach(({ ring }) => ring()),
  };
}

/** Everything that can go on without a timer has gone on. */
const idle = () => new Promise<void>((resolve) => setImmediate(resolve));

function several(nodes: readonly Fake[], after: (ms: number) => Promise<void> = hanging) {
  const disagreements: Disagreement[] = [];
  const chain = severalNodes(nodes, {
    patienceMs: 100,
    after,
    onDisagreement: (found) => disagreements.push(found),
  });
  return { chain, disagreements };
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "it is answered",
    (error: WaybillError) => error.code,
  );

describe("several nodes: a transaction", () => {
  const RANKED: SendReply[] = [
    { kind: "accepted" },
    { kind: "known" },
    ...(["nonce too low", "underpriced", "fee too low", "funds", "nonce too high", "too large"] as const).map(
      (kind): SendReply =>
        kind === "too large" ? { kind, limit: "gas", message: kind } : { kind, message: kind },
    ),
    { kind: "refused", message: "refused" },
    { kind: "no answer", message: "it is silent" },
  ];
  const saying = (reply: SendReply) => fake({ parts: { send: async () => reply } });

  it("goes to all, and the best reply counts, whoever gives it", async () => {
    for (const [index, better] of RANKED.entries()) {
      for (const worse of RANKED.slice(index)) {
        for (const replies of [
          [better, worse],
          [worse, better],
          [worse, better, worse],
        ]) {
          const nodes = replies.map(saying);
          expect(await several(nodes).chain.send("0x00")).to.include({ kind: better.kind });
          for (const { asked } of nodes) expect(asked).to.include("send");
        }
      }
    }
  });

  it("is accepted when one has accepted it, and a node that hangs is not waited for", async () => {
    const clock = timer();
    const nodes = [saying({ kind: "accepted" }), fake({ parts: { send: hanging } })];
    const { chain } = several(nodes, clock.after);
    let reply: SendReply | null = null;
    void chain.send("0x00").then((given) => (reply = given));
    await idle();
    expect(reply).to.equal(null);
    expect(clock.set.map(({ ms }) => ms)).to.deep.equal([100]);
    clock.ring();
    await idle();
    expect(reply).to.deep.equal({ kind: "accepted" });
    // It is known by now: not even the short while.
    expect(await chain.send("0x00")).to.deep.equal({ kind: "accepted" });
    expect(nodes[1]!.asked.filter((method) => method === "send")).to.have.length(2);
  });

  it("waits longer for the others when the first of them refuses it", async () => {
    const clock = timer();
    let accept: (reply: SendReply) => void = () => {};
    const slow = fake({ parts: { send: () => new Promise((resolve) => (accept = resolve)) } });
    const { chain } = several([saying({ kind: "refused", message: "no" }), slow], clock.after);
    const reply = chain.send("0x00");
    await idle();
    expect(clock.set.map(({ ms }) => ms)).to.deep.equal([500]);
    accept({ kind: "accepted" });
    expect(await reply).to.deep.equal({ kind: "accepted" });
  });

  it("has no answer when nobody gives one, and says of each why", async () => {
    const reply = await several([
      deadNode(),
      saying({ kind: "no answer", message: "gone fishing" }),
    ]).chain.send("0x00");
    expect(reply.kind).to.equal("no answer");
    expect((reply as { message: string }).message).to.match(/silent.*fishing/);
  });

  it("throws what is a fault of ours", async () => {
    const ours = new Error("a fault of ours");
    const nodes = [saying({ kind: "accepted" }), fake({ parts: { send: () => Promise.reject(ours) } })];
    expect(
      await several(nodes)
        .chain.send("0x00")
        .catch((error: unknown) => error),
    ).to.equal(ours);
  });
});

describe("several nodes: the head", () => {
  it("is the highest, and a node that lags contradicts nothing", async () => {
    for (const heads of [
      [10, 10],
      [9, 10],
      [3, 10],
      [0, 10, 7, 9, 10],
    ]) {
      const { chain, disagreements } = several(heads.map((head) => fake({ head })));
      expect(await chain.block("latest")).to.deep.equal(blockOn("main", 10));
      expect(disagreements).to.deep.equal([]);
    }
  });

  it("costs one question for each node, also while one is a block behind", async () => {
    const nodes = [fake({ head: 10 }), fake({ head: 9 }), fake({ head: 10 })];
    await several(nodes).chain.block("latest");
    for (const { asked } of nodes) expect(asked).to.deep.equal(["chainId", "block"]);
  });

  for (const [what, other] of [
    ["at the same height", { head: 10, branch: "fork", fork: 5 }],
    ["a block ahead", { head: 11, branch: "fork", fork: 9 }],
    ["far ahead", { head: 900, branch: "fork", fork: 5 }],
    ["behind", { head: 8, branch: "fork", fork: 5 }],
    ["that was started with another first block", { head: 0, branch: "fork" }],
  ] as const) {
    it(`is nobody's while one of two nodes is on another branch, ${what}`, async () => {
      const nodes = [fake({ head: 10 }), fake(other)];
      const { chain, disagreements } = several(nodes);
      expect(await chain.block("latest")).to.equal(null);
      const height = Math.min(10, other.head);
      expect(disagreements).to.deep.include({
        block: height,
        said: disagreements[0]!.said,
      });
      expect(new Set(disagreements[0]!.said.map(({ name }) => name))).to.deep.equal(
        new Set(nodes.map(({ name }) => name)),
      );
    });

    it(`is the head of most while one of three nodes is on another branch, ${what}`, async () => {
      for (const place of [0, 1, 2]) {
        const nodes = [fake({ head: 10 }), fake({ head: 10 })];
        nodes.splice(place, 0, fake(other));
        const { chain, disagreements } = several(nodes);
        expect(await chain.block("latest")).to.deep.equal(blockOn("main", 10));
        expect(disagreements).to.deep.equal([]);
      }
    });
  }

  it("is not that of the liars, though more of them have its height than honest nodes", async () => {
    const liar = { head: 12, branch: "lie", fork: 11 };
    const nodes = [fake({ head: 12 }), fake({ head: 9 }), fake({ head: 9 }), fake(liar), fake(liar)];
    const { chain } = several(nodes);
    expect(await chain.block("latest")).to.equal(null);
    expect(await chain.block(12)).to.equal(null);
    expect(await chain.block(11)).to.deep.equal(blockOn("main", 11));
  });

  it("is not held up by a node that hangs, nor by one that hangs while it is compared", async () => {
    const clock = timer();
    const stuck = fake({ head: 12 });
    stuck.set({ block: (which) => (which === "latest" ? Promise.resolve(blockOn("main", 12)) : hanging()) });
    const nodes = [fake({ head: 8 }), fake({ head: 10 }), fake({ parts: { block: hanging } }), stuck];
    const headOf = async (chain: Chain) => {
      let head: Block | null = null;
      void chain.block("latest").then((found) => (head = found));
      let rings = 0;
      for (; rings < 5; rings += 1) {
        await idle();
        if (head !== null) break;
        clock.ring();
      }
      return [head, rings];
    };
    // A head is nothing without the blocks under it. One while is for the node that says nothing, and one for the
    // node that says no more; the next time the silent one is not waited for.
    const { chain } = several(nodes, clock.after);
    expect(await headOf(chain)).to.deep.equal([blockOn("main", 10), 2]);
    expect(await headOf(chain)).to.deep.equal([blockOn("main", 10), 1]);
    const { chain: two } = several([nodes[0]!, stuck], clock.after);
    expect(await headOf(two)).to.deep.equal([blockOn("main", 8), 1]);
  });
});

describe("several nodes: a block", () => {
  it("by number is nobody's when two say different things, and that of most of three", async () => {
    const other = { branch: "fork", fork: 5 };
    const two = several([fake(), fake(other)]);
    expect(await two.chain.block(5)).to.deep.equal(blockOn("main", 5));
    expect(await two.chain.block(6)).to.equal(null);
    expect(two.disagreements.map(({ block }) => block)).to.deep.equal([6]);
    const three = several([fake(other), fake(), fake()]);
    expect(await three.chain.block(6)).to.deep.equal(blockOn("main", 6));
    expect(three.disagreements).to.deep.equal([]);
  });

  it("by number is known when one knows it, and null when none does", async () => {
    const { chain, disagreements } = several([fake({ head: 3 }), fake({ head: 7 }), deadNode()]);
    expect(await chain.block(6)).to.deep.equal(blockOn("main", 6));
    expect(await chain.block(8)).to.equal(null);
    expect(disagreements).to.deep.equal([]);
  });

  it("by hash is that of the first that has it", async () => {
    const { chain } = several([fake({ head: 3 }), fake({ head: 7 })]);
    const { hash } = blockOn("main", 6);
    expect(await chain.block(hash)).to.include({ number: 6 });
    expect(await chain.block(WORD)).to.equal(null);
  });

  it("that is safe or final is the lowest, as the block that counts there", async () => {
    const { chain } = several([fake({ head: 10 }), fake({ head: 9 })]);
    expect(await chain.block("safe")).to.deep.equal(blockOn("main", 7));
    expect(await chain.block("finalized")).to.deep.equal(blockOn("main", 5));
    const forked = { head: 8, branch: "fork", fork: 3 };
    expect(await several([fake(), fake(forked)]).chain.block("finalized")).to.equal(null);
    expect(await several([fake(), fake(forked), fake()]).chain.block("finalized")).to.deep.equal(
      blockOn("main", 4),
    );
  });

  it("that is safe or final is unknown where no node knows the tag, and one that knows it is enough", async () => {
    const without = fake();
    const { block } = fake().chain;
    without.set({ block: async (which) => (which === "safe" ? null : block(which)) });
    expect(await several([without, without]).chain.block("safe")).to.equal(null);
    expect(await several([without, fake()]).chain.block("safe")).to.deep.equal(blockOn("main", 8));
  });

  it("by number is on the chain of the honest ones, whatever a minority makes up", async () => {
    const node = fc.record({ head: fc.integer({ min: 0, max: 12 }), away: fc.boolean() });
    const liar = fc.record({
      head: fc.integer({ min: 0, max: 20 }),
      branch: fc.constantFrom("lie", "other lie"),
      fork: fc.integer({ min: -1, max: 12 }),
    });
    const cast = fc
      .record({
        honest: fc.array(node, { minLength: 1, maxLength: 4 }),
        liars: fc.array(liar, { maxLength: 3 }),
      })
      .filter(({ honest, liars }) => liars.length < honest.length)
      // Nobody can tell a lie about what no honest node has heard of.
      .filter(({ honest }) => honest.some(({ away }) => !away));
    let decided = 0;
    await fc.assert(
      fc.asyncProperty(cast, fc.integer({ min: 0, max: 12 }), fc.integer(), async (terms, number, turn) => {
        const { honest, liars } = terms;
        const known = Math.max(...honest.map(({ head, away }) => (away ? -1 : head)));
        const nodes = [
          ...honest.map(({ head, away }) => fake({ head, parts: away ? DEAD : {} })),
          ...liars.map((liar) => fake(liar)),
        ];
        nodes.unshift(...nodes.splice(Math.abs(turn) % nodes.length));
        const { chain } = several(nodes);
        for (const block of [await chain.block(number), await chain.block("latest")]) {
          if (block === null || block.number > known) continue;
          decided += 1;
          expect(block).to.deep.equal(blockOn("main", block.number));
        }
        // Nothing is left open that all honest ones know.
        if (honest.every(({ head, away }) => !away && head >= number)) {
          expect(await chain.block(number)).to.deep.equal(blockOn("main", number));
        }
      }),
      { seed, numRuns: 1_000 },
    );
    // A chain that never decides would be right as well.
    expect(decided).to.be.greaterThan(500);
  });
});

describe("several nodes: their chain", () => {
  it("is one, or they are refused and both are named", async () => {
    const nodes = [fake({ id: 5n }), deadNode(), fake({ id: 6n })];
    const error = await several(nodes)
      .chain.chainId()
      .catch((error: WaybillError) => error);
    expect(error).to.be.instanceOf(WaybillError).with.property("code", "E_CHAIN_ID");
    for (const part of [nodes[0]!.name, nodes[2]!.name, "chain 5", "chain 6"]) {
      expect((error as WaybillError).message).to.include(part);
    }
    expect(await several([fake({ id: 5n }), deadNode(), fake({ id: 5n })]).chain.chainId()).to.equal(5n);
  });

  it("is not that of a node that was away when they were asked and comes back with another one", async () => {
    const stranger = fake({ id: 6n, head: 99, branch: "foreign", parts: { chainId: silence } });
    const { chain } = several([stranger, fake({ id: 5n })]);
    expect(await chain.chainId()).to.equal(5n);
    stranger.set({ chainId: async () => 6n });
    expect(await chain.block("latest")).to.deep.equal(blockOn("main", 10));
    expect(await chain.block(3)).to.deep.equal(blockOn("main", 3));
    expect(await chain.block(blockOn("foreign", 3).hash)).to.equal(null);
    expect(stranger.asked).to.not.include("block");
    expect(await codeOf(chain.chainId())).to.equal("E_CHAIN_ID");
  });
});

describe("several nodes: what hangs on a block", () => {
  const block = blockOn("main", 6);
  const receipt = (transaction: Hex): Receipt => ({
    ...{ transaction, block: 6, blockHash: block.hash, succeeded: true },
    ...{ gasUsed: 1n, gasPrice: 1n },
  });
  const log: Log = { block: 6, blockHash: block.hash, transaction: WORD, index: 0, topics: [], data: "0x" };
  const wanted: Hex[] = ["0x01", "0x02", "0x03"];
  const giving = (parts: Partial<Chain>, terms: Terms = {}) => fake({ ...terms, parts });

  it("a receipt that one node does not have is another one's", async () => {
    const found = receipt("0x01");
    const { chain } = several([
      giving({ receipt: async () => null }),
      giving({ receipt: silence }),
      giving({ receipt: async () => found }),
    ]);
    expect(await chain.receipt("0x01")).to.equal(found);
    expect(await several([giving({ receipt: async () => null }), deadNode()]).chain.receipt("0x01")).to.equal(
      null,
    );
  });

  it("receipts are all that are wanted, else the most that one node has", async () => {
    const having = (count: number) => giving({ receipts: async () => wanted.slice(0, count).map(receipt) });
    const count = async (...counts: number[]) =>
      (await several(counts.map(having)).chain.receipts(block, wanted)).length;
    expect(await count(0, 2, 3, 1)).to.equal(3);
    expect(await count(1, 2, 0)).to.equal(2);
    expect(await count(0, 0)).to.equal(0);
  });

  it("code that one node lacks is looked for at the others, and absent when all say so", async () => {
    const having = (code: Hex) => giving({ code: async () => code });
    expect(await several([having("0x"), having("0x60")]).chain.code(ACCOUNT)).to.equal("0x60");
    expect(await several([having("0x"), deadNode(), having("0x")]).chain.code(ACCOUNT)).to.equal("0x");
  });

  it("no logs of a block count only from a node that knows the block", async () => {
    const filter = { address: ACCOUNT, topics: [], block: block.hash };
    const empty = giving({ logsOf: async () => [] }, { head: 2 });
    const full = giving({ logsOf: async () => [log] });
    expect(await several([empty, full]).chain.logsOf(filter)).to.deep.equal([log]);
    const none = giving({ logsOf: async () => [] });
    const { chain } = several([none, full]);
    expect(await chain.logsOf(filter)).to.deep.equal([]);
    expect(full.asked.filter((method) => method === "logsOf")).to.have.length(1);
    expect(await several([empty]).chain.logsOf(filter)).to.deep.equal([]);
  });

  it("logs of a range are those of a node that has come to its end, else the most", async () => {
    const filter = { address: ACCOUNT, topics: [], from: 0, to: 9 };
    const behind = giving({ logs: async () => [] }, { head: 4 });
    const ahead = giving({ logs: async () => [log] });
    const { chain } = several([behind, ahead]);
    await chain.block("latest");
    expect(await chain.logs(filter)).to.deep.equal([log]);
    expect(behind.asked).to.not.include("logs");
    ahead.set({ logs: silence });
    expect(await chain.logs(filter)).to.deep.equal([]);
    expect(await chain.logs({ ...filter, to: 3 })).to.deep.equal([]);
  });

  it("logs of a range are the most that is known, where all that answer lag or have strayed", async () => {
    const filter = { address: ACCOUNT, topics: [], from: 0, to: 9 };
    const nodes = [
      giving({ logs: async () => [] }, { branch: "fork", fork: 3 }),
      giving({ logs: async () => [] }, { head: 4 }),
      giving({ logs: async () => [log] }, { head: 5 }),
      giving({ logs: silence }),
      giving({ logs: silence }),
    ];
    const { chain } = several(nodes);
    await chain.block("latest");
    expect(await chain.logs(filter)).to.deep.equal([log]);
    const { chain: lagging } = several(nodes.slice(1));
    await lagging.block("latest");
    expect(await lagging.logs(filter)).to.deep.equal([log]);
  });

  it("a call that one node cannot run is run by another, and one that fails has failed", async () => {
    const calling = (kind: "returned" | "reverted" | "unavailable") =>
      giving({
        call: async () => (kind === "unavailable" ? { kind, message: "busy" } : { kind, data: "0x12" }),
      });
    const call = { to: ACCOUNT, data: "0x" } as const;
    const run = (...kinds: Parameters<typeof calling>[0][]) =>
      several(kinds.map(calling)).chain.call(call, block.hash);
    expect(await run("unavailable", "returned")).to.deep.equal({ kind: "returned", data: "0x12" });
    expect(await run("unavailable", "reverted", "returned")).to.include({ kind: "reverted" });
    expect(await run("unavailable", "unavailable")).to.include({ kind: "unavailable" });
  });

  it("a call at a number is one at the block that counts there", async () => {
    const asked: unknown[] = [];
    const calling: Partial<Chain> = {
      call: async (_, at) => {
        asked.push(at);
        return { kind: "returned", data: "0x" };
      },
    };
    const forked = giving(calling, { branch: "fork", fork: 5 });
    const call = { to: ACCOUNT, data: "0x" } as const;
    await several([forked, giving(calling), giving(calling)]).chain.call(call, 6);
    expect(asked).to.deep.equal([block.hash]);
    expect(await codeOf(several([forked, giving(calling)]).chain.call(call, 6))).to.equal("E_NODE");
    expect(asked).to.have.length(1);
  });

  it("the count of an account at the head is the highest, also of what waits", async () => {
    const counting = (mined: number) =>
      giving({ transactionCount: async (_, at) => (at === "pending" ? mined + 3 : mined) });
    const { chain } = several([counting(4), counting(7), deadNode(), counting(5)]);
    // One alone, ahead of all others, would make us leave a gap.
    expect(await chain.transactionCount(ACCOUNT, "latest")).to.equal(5);
    expect(await chain.transactionCount(ACCOUNT, "pending")).to.equal(8);
    // Asked of one that has come so far.
    expect(await several([counting(4), counting(7)]).chain.transactionCount(ACCOUNT, block.hash)).to.equal(4);
  });

  it("the transaction of a nonce is looked for in the block that counts, and nowhere else", async () => {
    const holding = (hash: Hex | null, terms: Terms = {}) =>
      giving({ transactionIn: async () => (hash === null ? null : { hash, to: null, data: "0x" }) }, terms);
    const forked = holding("0xbad0", { branch: "fork", fork: 5 });
    const ours = holding("0x900d");
    const { chain } = several([forked, holding(null), ours]);
    expect(await chain.transactionIn(6, ACCOUNT, 0)).to.deep.include({ hash: "0x900d" });
    expect(await several([forked, holding(null), holding(null)]).chain.transactionIn(6, ACCOUNT, 0)).to.equal(
      null,
    );
    expect(forked.asked).to.not.include("transactionIn");
    expect(await several([forked, ours]).chain.transactionIn(6, ACCOUNT, 0)).to.equal(null);
  });
});

describe("several nodes: whom they ask", () => {
  const tipping = () => fake({ parts: { suggestedTip: async () => 1n, estimateGas: async () => 1n } });
  const tips = (node: Fake) => node.asked.filter((method) => method === "suggestedTip").length;

  it("everything goes on while one node is dead, and E_NODE is only for when none answers", async () => {
    const alive = fake({
      parts: {
        ...{ receipts: async () => [], receipt: async () => null, transactionCount: async () => 1 },
        ...{ transactionIn: async () => null, balance: async () => 1n, code: async () => "0x60" as const },
        ...{ call: async () => ({ kind: "returned", data: "0x" }) as const, logs: async () => [] },
        ...{ logsOf: async () => [], estimateGas: async () => 1n, suggestedTip: async () => 1n },
        ...{
          recentBlocks: async () => [],
          baseFees: async () => ({ fees: [], next: null }),
          send: async () => ({ kind: "accepted" }) as const,
        },
      },
    });
    const block = blockOn("main", 6);
    const filter = { address: ACCOUNT, topics: [] };
    const questions: ((chain: Chain) => Promise<unknown>)[] = [
      (chain) => chain.chainId(),
      ...(["latest", "safe", "finalized", 6, block.hash] as const).map(
        (which) => (chain: Chain) => chain.block(which),
      ),
      (chain) => chain.receipts(block, []),
      (chain) => chain.receipt(WORD),
      (chain) => chain.transactionCount(ACCOUNT, "latest"),
      (chain) => chain.transactionCount(ACCOUNT, 6),
      (chain) => chain.transactionIn(6, ACCOUNT, 0),
      (chain) => chain.balance(ACCOUNT),
      (chain) => chain.code(ACCOUNT),
      (chain) => chain.call({ to: ACCOUNT, data: "0x" }, "latest"),
      (chain) => chain.logs({ ...filter, from: 0, to: 6 }),
      (chain) => chain.logsOf({ ...filter, block: block.hash }),
      (chain) => chain.estimateGas({ to: ACCOUNT, data: "0x" }),
      (chain) => chain.suggestedTip(),
      (chain) => chain.recentBlocks(3),
      (chain) => chain.baseFees(6, 3),
    ];
    for (const [index, ask] of questions.entries()) {
      expect(await codeOf(ask(several([deadNode(), alive]).chain)), String(index)).to.equal("it is answered");
      expect(await codeOf(ask(several([deadNode(), deadNode()]).chain)), String(index)).to.equal("E_NODE");
    }
  });

  it("only one node is asked for what all would say alike: the one that answered last", async () => {
    const nodes = [tipping(), tipping(), tipping()];
    const { chain } = several(nodes);
    for (let time = 0; time < 4; time += 1) await chain.suggestedTip();
    expect(nodes.map(tips)).to.deep.equal([4, 0, 0]);
    nodes[0]!.set({ suggestedTip: silence });
    await chain.suggestedTip();
    nodes[0]!.set({ suggestedTip: async () => 1n });
    for (let time = 0; time < 100; time += 1) await chain.suggestedTip();
    expect(nodes.map(tips)).to.deep.equal([5, 101, 0]);
  });

  it("a node that failed is asked last for a while that is measured in questions", async () => {
    for (const [questions, asked] of [
      [20, [0, 1]],
      [40, [1, 0]],
    ] as const) {
      const nodes = [tipping(), tipping(), tipping()];
      const { chain } = several(nodes);
      nodes[0]!.set({ suggestedTip: silence });
      await chain.suggestedTip();
      nodes[0]!.set({ suggestedTip: async () => 1n });
      for (let time = 0; time < questions; time += 1) await chain.suggestedTip();
      const before = nodes.map(tips);
      nodes[1]!.set({ suggestedTip: silence });
      await chain.suggestedTip();
      expect([0, 2].map((index) => tips(nodes[index]!) - before[index]!)).to.deep.equal(asked);
    }
  });

  it("a node on another branch than most is asked last until it is back", async () => {
    const nodes = [tipping(), tipping(), tipping()];
    const { chain } = several(nodes);
    const { block } = fake({ branch: "fork", fork: 5 }).chain;
    const straight = fake().chain.block;
    nodes[0]!.set({ block });
    await chain.block("latest");
    await chain.suggestedTip();
    expect(nodes.map(tips)).to.deep.equal([0, 1, 0]);
    nodes[0]!.set({ block: straight });
    nodes[1]!.set({ suggestedTip: silence });
    await chain.block("latest");
    await chain.suggestedTip();
    expect(nodes.map(tips)).to.deep.equal([1, 2, 0]);
  });

  it("for the head, a node that is known to lag is asked last", async () => {
    const having = (head: number, wei: bigint) => fake({ head, parts: { balance: async () => wei } });
    const { chain } = several([having(9, 1n), having(10, 2n)]);
    expect(await chain.balance(ACCOUNT)).to.equal(1n);
    await chain.block("latest");
    expect(await chain.balance(ACCOUNT)).to.equal(2n);
  });

  it("for what is about a height, a node that has not come so far is asked last", async () => {
    const parts: Partial<Chain> = {
      ...{ receipts: async () => [], transactionCount: async () => 1, code: async () => "0x60" as const },
      ...{ call: async () => ({ kind: "returned", data: "0x" }) as const, estimateGas: async () => 1n },
    };
    const call = { to: ACCOUNT, data: "0x" } as const;
    const questions: ((chain: Chain) => Promise<unknown>)[] = [
      (chain) => chain.receipts(blockOn("main", 10), []),
      (chain) => chain.transactionCount(ACCOUNT, 10),
      (chain) => chain.code(ACCOUNT),
      (chain) => chain.call(call, "latest"),
      (chain) => chain.estimateGas(call),
    ];
    for (const ask of questions) {
      const behind = fake({ head: 9, parts });
      const { chain } = several([behind, fake({ head: 10, parts })]);
      await chain.block("latest");
      await ask(chain);
      expect(behind.asked).to.deep.equal(["chainId", "block"]);
    }
  });

  it("a refusal is told when no other node answers, and a transaction's refusal is no reason to leave a node alone", async () => {
    const refusal = new RpcError(-32000, "query returned more than 10000 results", undefined);
    const refusing = fake({ parts: { logs: () => Promise.reject(refusal) } });
    const filter = { address: ACCOUNT, topics: [], from: 0, to: 6 };
    expect(
      await several([deadNode(), refusing])
        .chain.logs(filter)
        .catch((error: unknown) => error),
    ).to.equal(refusal);
    const nodes = [tipping(), tipping()];
    const no = () => Promise.reject(new WaybillError("E_REFUSED", "no"));
    for (const node of nodes) node.set({ estimateGas: no });
    const { chain } = several(nodes);
    expect(await codeOf(chain.estimateGas({ to: ACCOUNT, data: "0x" }))).to.equal("E_REFUSED");
    await chain.suggestedTip();
    expect(nodes.map(tips)).to.deep.equal([1, 0]);
  });

  it("what is a fault of ours is thrown, and no other node is asked", async () => {
    const ours = new Error("a fault of ours");
    const nodes = [fake({ parts: { suggestedTip: () => Promise.reject(ours) } }), tipping()];
    expect(
      await several(nodes)
        .chain.suggestedTip()
        .catch((error: unknown) => error),
    ).to.equal(ours);
    expect(tips(nodes[1]!)).to.equal(0);
  });
});

describe("several nodes: two anvils of one genesis", function () {
  this.timeout(120_000);
  const START = 1_800_000_000;
  const begin = () => startAnvil("--no-mining", "--timestamp", String(START));
  let left: Anvil;
  let right: Anvil;
  beforeEach(async () => {
    [left, right] = await Promise.all([begin(), begin()]);
  });
  afterEach(() => Promise.all([left.stop(), right.stop()]));

  /** With the same time on the same branch, blocks are the same, hash for hash. */
  const mine = (node: Anvil, time: number) => node.request("evm_mine", [START + time]);
  const signed = (nonce: number) =>
    localKey(1).signTransaction({
      ...{ chainId: 31337n, nonce, to: localKey(2).address, data: "0x" },
      ...{ gasLimit: 21_000n, maxFee: 10n ** 10n, tip: 1n },
    });
  const named = (...nodes: Anvil[]) =>
    nodes.map(({ request }, index) => ({ name: `anvil ${index}`, chain: chainOf(request) }));

  it("agree while one lags, decide nothing while they are on two branches, and go on after it", async () => {
    const disagreements: number[] = [];
    const onDisagreement = ({ block }: Disagreement) => disagreements.push(block);
    const chain = severalNodes(named(left, right), { onDisagreement });
    expect(await chain.block("latest")).to.include({ number: 0 });
    for (let time = 1; time <= 3; time += 1) await mine(left, time);
    expect(await chain.block("latest")).to.include({ number: 3 });
    await mine(right, 1);
    const common = await chain.block(1);
    expect(common).to.include({ number: 1 });
    expect(disagreements).to.deep.equal([]);

    const snapshot = await right.request("evm_snapshot", []);
    for (let time = 20; time <= 24; time += 1) await mine(right, time);
    expect(await chain.block("latest")).to.equal(null);
    expect(await chain.block(2)).to.equal(null);
    expect(await chain.block(1)).to.deep.equal(common);
    expect(new Set(disagreements)).to.deep.equal(new Set([3, 2]));
    const third = severalNodes(named(right, left, left));
    expect(await third.block("latest")).to.deep.equal(await chainOf(left.request).block("latest"));

    await right.request("evm_revert", [snapshot]);
    expect(await chain.block("latest")).to.include({ number: 3 });
  });

  it("take a transaction of which one lost the reply and the other had never heard", async () => {
    const faults = faultyNode(left.request);
    const chain = severalNodes([{ name: "left", chain: chainOf(faults.request) }, ...named(right)]);
    const { raw, hash } = signed(0);
    faults.next("eth_sendRawTransaction", lost);
    expect(await chain.send(raw)).to.deep.equal({ kind: "accepted" });
    faults.next("eth_sendRawTransaction", dropped);
    expect(await chain.send(raw)).to.deep.equal({ kind: "known" });
    faults.next("eth_sendRawTransaction", refusing("txpool is full"));
    expect(await chain.send(raw)).to.deep.equal({ kind: "known" });

    // Only one has it in a block: its receipt is there, and so is the count.
    await mine(right, 1);
    expect(await chain.receipt(hash)).to.include({ transaction: hash, block: 1 });
    expect(await chain.transactionCount(ACCOUNT, "latest")).to.equal(1);
    const block = await chain.block("latest");
    expect(block).to.include({ number: 1 });
    expect(await chain.receipts(block!, [hash])).to.have.length(1);
    expect(await chain.transactionIn(1, ACCOUNT, 0)).to.deep.include({ hash });
    expect(await chain.send(raw)).to.deep.equal({ kind: "known" });
  });

  it("go on while one is dead, and when it comes back empty", async () => {
    const faults = faultyNode((method, params) => left.request(method, params));
    const chain = severalNodes([{ name: "left", chain: chainOf(faults.request) }, ...named(right)]);
    const { raw, hash } = signed(0);
    await chain.send(raw);
    for (const node of [left, right]) await mine(node, 1);
    await mine(right, 2);
    const head = await chain.block("latest");
    expect(head).to.include({ number: 2 });
    await left.stop();
    expect(await chain.block("latest")).to.deep.equal(head);
    expect(await chain.receipt(hash)).to.include({ block: 1 });
    left = await begin();
    expect(await chain.block("latest")).to.deep.equal(head);
    expect(await chain.block(1)).to.include({ number: 1 });
    expect(await chain.receipt(hash)).to.include({ block: 1 });
    expect(await chain.transactionCount(ACCOUNT, "latest")).to.equal(1);
    expect(await chain.send(raw)).to.include({ kind: "accepted" });
  });
});
