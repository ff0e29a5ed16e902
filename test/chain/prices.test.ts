import { expect } from "chai";
import { Interface } from "ethers";
import type { Block, CallResult, Chain } from "../../src/chain/chain.js";
import { GAS_PRICE_ORACLE, l1FeeOf } from "../../src/chain/l1Fee.js";
import { chainOf } from "../../src/chain/node.js";
import { blockSecondsOf, priceHistoryOf } from "../../src/chain/priceHistory.js";
import { RpcError, WaybillError } from "../../src/errors.js";
import { spreadOf, wave } from "../../src/prices.js";

const ORACLE = new Interface(["function getL1FeeUpperBound(uint256)", "function getL1Fee(bytes)"]);
const word = (value: bigint) => `0x${value.toString(16).padStart(64, "0")}` as const;

describe("What a node says of fees", () => {
  it("is told of blocks that it knows the fullness of, and of no others", async () => {
    const answers: [unknown, object[]][] = [
      [{ gasUsedRatio: null, reward: null }, []],
      [{}, []],
      [
        { gasUsedRatio: [0.5, null, 1], reward: null },
        [
          { fullness: 0.5, medianTip: 0n },
          { fullness: 1, medianTip: 0n },
        ],
      ],
      [{ gasUsedRatio: [null, 1], reward: [["0x1"], ["0x2"]] }, [{ fullness: 1, medianTip: 2n }]],
    ];
    for (const [answer, blocks] of answers) {
      expect(await chainOf(async () => answer).recentBlocks(3)).to.deep.equal(blocks);
    }
  });

  it("is a base fee for each block, and none for the one that is not there yet", async () => {
    const asked: unknown[] = [];
    const chain = chainOf(async (...question) => {
      asked.push(question);
      return { oldestBlock: "0x8", baseFeePerGas: ["0x7", "0x8", "0x9"], gasUsedRatio: null };
    });
    expect(await chain.baseFees(9, 2)).to.deep.equal({ fees: [7n, 8n], next: 9n });
    expect(asked).to.deep.equal([["eth_feeHistory", ["0x2", "0x9", []]]]);
    expect(await chainOf(async () => ({ baseFeePerGas: null })).baseFees(9, 2)).to.deep.equal({
      fees: [],
      next: null,
    });
  });
});

describe("The prices of the day before", () => {
  const head = block(50_000, 1_800_000_000);

  it("are asked for hour by hour, each block at its time", async () => {
    const asked: [number, number][] = [];
    const chain = fake({
      async baseFees(newest, count) {
        asked.push([newest, count]);
        // Twice as dear until six hours ago.
        const fees = Array.from({ length: count }, (_, i) =>
          newest - count + 1 + i > 50_000 - 1_800 ? 10n : 20n,
        );
        return { fees, next: null };
      },
    });
    const history = await priceHistoryOf(chain, head, 12);
    expect(asked).to.have.length(24);
    expect(asked.at(-1)).to.deep.equal([50_000, 300]);
    expect(asked.every(([newest, count]) => count === 300 && (50_000 - newest) % 300 === 0)).to.equal(true);
    expect(history.length).to.be.within(96, 98);
    expect(history.reduce((sum, { count }) => sum + count, 0)).to.equal(7_200);
    expect(Math.exp(history.at(-1)!.log)).to.be.within(9.99, 10.01);
    expect(Math.exp(history[40]!.log)).to.be.within(19.99, 20.01);
    expect(spreadOf(history)).to.be.within(1 - 1e-6, 1 + 1e-6);
    // Those of tomorrow are dear again from then on.
    const prices = wave(history, head.timestamp, 10, 96);
    expect(prices[90]! / prices[40]!).to.be.lessThan(0.7);
  });

  it("are as many as an answer holds, where blocks are frequent, and none before the first block", async () => {
    const counts: number[] = [];
    const often = fake({
      async baseFees(_, count) {
        counts.push(count);
        return { fees: [], next: null };
      },
    });
    expect(await priceHistoryOf(often, block(10_000_000, 1), 0.25)).to.deep.equal([]);
    expect(new Set(counts)).to.deep.equal(new Set([1_024]));
    counts.length = 0;
    await priceHistoryOf(often, block(400, 1), 12);
    expect(counts).to.deep.equal([101, 300]);
  });

  it("are what the others tell if a node keeps no past or is silent, and our own fault is none of that", async () => {
    let asked = 0;
    const failing = (error: Error) =>
      fake({
        async baseFees(_, count) {
          asked += 1;
          if (asked % 2 === 0) throw error;
          return { fees: Array.from({ length: count }, () => 10n), next: null };
        },
      });
    for (const error of [
      new RpcError(-32000, "no such block", null),
      new WaybillError("E_NODE", "it is silent"),
    ]) {
      const history = await priceHistoryOf(failing(error), head, 12);
      expect(history.length).to.be.within(48, 72);
    }
    asked = 1;
    const refused = await priceHistoryOf(failing(new Error("ours")), head, 12).catch((error: Error) => error);
    expect(refused).to.be.instanceOf(Error).with.property("message", "ours");
  });

  it("know how often there is a block, also of a chain that is new or makes them at will", async () => {
    const at = (old: Block | null) => fake({ block: async () => old });
    expect(await blockSecondsOf(at(block(49_900, 1_800_000_000 - 200)), head)).to.equal(2);
    expect(await blockSecondsOf(at(block(49_900, head.timestamp)), head)).to.equal(0.05);
    expect(await blockSecondsOf(at(null), head)).to.equal(1);
    expect(await blockSecondsOf(at(null), block(0, 1))).to.equal(1);
  });
});

describe("The L1 data fee", () => {
  const oracle = (answer: (name: string, argument: unknown) => CallResult) =>
    fake({
      code: async (account) => (account === GAS_PRICE_ORACLE ? "0x60" : "0x"),
      async call({ data }) {
        const parsed = ORACLE.parseTransaction({ data })!;
        return answer(parsed.name, parsed.args[0]);
      },
    });

  it("is none where there is no oracle", async () => {
    expect(await l1FeeOf(fake({ code: async () => "0x" }))).to.equal(null);
  });

  it("is what the oracle says of so many bytes", async () => {
    const fee = await l1FeeOf(
      oracle((name, argument) => {
        expect(name).to.equal("getL1FeeUpperBound");
        return { kind: "returned", data: word((argument as bigint) * 7n) };
      }),
    );
    expect(await fee!(1_000)).to.equal(7_000n);
  });

  it("is asked of bytes that are as dear as any, of an oracle from before Fjord", async () => {
    const fee = await l1FeeOf(
      oracle((name, argument) => {
        if (name !== "getL1Fee") return { kind: "reverted", data: "0x" };
        expect(argument).to.equal(`0x${"ff".repeat(100)}`);
        return { kind: "returned", data: word(9n) };
      }),
    );
    expect(await fee!(100)).to.equal(9n);
  });

  it("is not known, E_NODE, if the node runs no calls or the oracle knows neither question", async () => {
    for (const answer of [
      { kind: "unavailable", message: "out of time" },
      { kind: "reverted", data: "0x" },
      { kind: "returned", data: "0x" },
    ] as const) {
      const fee = await l1FeeOf(oracle(() => answer));
      const error = await fee!(1).catch((cause: unknown) => cause);
      expect(error, answer.kind).to.be.instanceOf(WaybillError).with.property("code", "E_NODE");
    }
  });
});

function fake(parts: Partial<Chain>): Chain {
  return parts as Chain;
}

function block(number: number, timestamp: number): Block {
  const hash = word(BigInt(number));
  const gas = { gasLimit: 60_000_000n, gasUsed: 0n, baseFee: 10n };
  return { number, hash, parentHash: hash, timestamp, ...gas, transactions: [] };
}
