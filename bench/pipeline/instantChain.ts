import type { Block, Chain, Receipt } from "../../dist/chain/chain.js";
import type { Hex } from "../../dist/hex.js";

export const CHAIN_ID = 1n;
export const BLOCK_GAS = 60_000_000;
export const REGISTRY: Hex = `0x${"52".repeat(20)}`;
/** Unix seconds of every block */
export const NOW = 1_790_000_000;

const GWEI = 10n ** 9n;

export type InstantChain = Chain & {
  /** Names the hash of bytes that will be handed in: working it out here would be measured. */
  expect(raw: Hex, hash: Hex): void;
};

/** A chain that costs nothing: whatever is handed in is in a new block at the next look at the head, and succeeded. */
export function instantChain(payer: Hex): InstantChain {
  const expected = new Map<Hex, Hex>();
  const blocks: Block[] = [blockOf(0, [])];
  const homes = new Map<Hex, Block>();
  let pool: Hex[] = [];
  let mined = 0;

  function mine(): void {
    if (pool.length === 0) return;
    const block = blockOf(blocks.length, pool);
    blocks.push(block);
    for (const transaction of pool) homes.set(transaction, block);
    mined += pool.length;
    pool = [];
  }

  function receiptOf(transaction: Hex): Receipt | null {
    const block = homes.get(transaction);
    if (block === undefined) return null;
    const { number, hash } = block;
    return { transaction, block: number, blockHash: hash, succeeded: true, gasUsed: 21_000n, gasPrice: GWEI };
  }

  return {
    expect(raw, hash) {
      expected.set(raw, hash);
    },
    chainId: async () => CHAIN_ID,
    async block(which) {
      if (which === "latest") mine();
      if (which === "safe" || which === "finalized") return null;
      return (typeof which === "number" ? blocks[which] : blocks.at(-1)) ?? null;
    },
    receipts: async (_, wanted) => wanted.flatMap((transaction) => receiptOf(transaction) ?? []),
    receipt: async (transaction) => receiptOf(transaction),
    transactionCount: async (account) => (account === payer ? mined : 0),
    transactionIn: async () => null,
    balance: async () => 10n ** 24n,
    code: async (account) => (account === REGISTRY ? "0x60" : "0x"),
    // As the name of the schema registry, and as the outcome of a simulation.
    call: async () => ({ kind: "returned", data: `0x${"00".repeat(12)}${"53".repeat(20)}` }),
    logs: async () => [],
    logsOf: async () => [],
    estimateGas: async () => 21_000n,
    async send(raw) {
      const hash = expected.get(raw);
      if (hash === undefined) throw new Error("what is handed in is not what was signed");
      expected.delete(raw);
      pool.push(hash);
      return { kind: "accepted" };
    },
    suggestedTip: async () => GWEI,
    recentBlocks: async () => [],
    baseFees: async () => ({ fees: [], next: null }),
  };
}

function blockOf(number: number, transactions: Hex[]): Block {
  return {
    number,
    hash: hashOf(number),
    parentHash: hashOf(number - 1),
    timestamp: NOW,
    gasLimit: BigInt(BLOCK_GAS),
    gasUsed: 0n,
    baseFee: GWEI,
    transactions,
  };
}

function hashOf(number: number): Hex {
  return `0x${(number + 1).toString(16).padStart(64, "0")}`;
}
