import { RpcError, WaybillError } from "../errors.js";
import type { Hex } from "../hex.js";
import {
  type Block,
  type BlockTag,
  type Call,
  type CallResult,
  type Chain,
  type Log,
  type Receipt,
  type SendReply,
  type Topics,
} from "./chain.js";
import type { Request } from "./http.js";
import { callResultOf, isUnknownBlock, isUnsupported, sendReplyOf } from "./nodeErrors.js";

type Filter = { address: Hex; topics: Topics };

/** A chain as one node tells it. What it says in a shape that cannot be read counts as not said: E_NODE. */
export function chainOf(request: Request): Chain {
  // What the asking itself throws is about the way to the node, not about the answer.
  const underway = new WeakSet<object>();
  const chain = unguarded(async (method, params) => {
    try {
      return await request(method, params);
    } catch (error) {
      if (error instanceof Error) underway.add(error);
      throw error;
    }
  });
  const guarded = Object.entries(chain).map(([name, ask]) => [
    name,
    async (...parts: never[]) => {
      try {
        return await (ask as (...parts: never[]) => Promise<unknown>)(...parts);
      } catch (cause) {
        if (!(cause instanceof Error) || cause instanceof WaybillError || underway.has(cause)) throw cause;
        throw new WaybillError("E_NODE", `the node's answer about ${name} cannot be read`, {
          mend: "run again later or with another node; nothing is lost",
          cause,
        });
      }
    },
  ]);
  return Object.fromEntries(guarded) as Chain;
}

function unguarded(request: Request): Chain {
  let blockReceipts = true;

  const receipt = async (transaction: Hex): Promise<Receipt | null> => {
    const found = (await request("eth_getTransactionReceipt", [transaction])) as RawReceipt | null;
    return found === null ? null : receiptOf(found);
  };

  const feeHistory = async (count: Hex, newest: Hex | "latest", percentiles: readonly number[]) =>
    (await request("eth_feeHistory", [count, newest, percentiles])) as RawFeeHistory;

  const logs = async (filter: object): Promise<Log[]> =>
    ((await request("eth_getLogs", [filter])) as RawLog[]).map((log) => ({
      block: numberOf(log.blockNumber),
      blockHash: log.blockHash,
      transaction: log.transactionHash,
      index: numberOf(log.logIndex),
      topics: log.topics,
      data: log.data,
    }));

  return {
    chainId: async () => BigInt((await request("eth_chainId", [])) as Hex),

    async block(which) {
      const byHash = typeof which === "string" && which.startsWith("0x");
      try {
        const found = (await request(byHash ? "eth_getBlockByHash" : "eth_getBlockByNumber", [
          typeof which === "number" ? quantity(which) : which,
          false,
        ])) as RawBlock | null;
        return found === null ? null : blockOf(found);
      } catch (error) {
        // Nodes without a finality tag, or before the first finalized block, answer with an error.
        if (error instanceof RpcError && (isUnknownBlock(error) || isUnsupported(error))) return null;
        throw error;
      }
    },

    async receipts(block, wanted) {
      if (blockReceipts) {
        try {
          const all = (await request("eth_getBlockReceipts", [block.hash])) as RawReceipt[] | null;
          if (all !== null) return all.map(receiptOf).filter((one) => wanted.includes(one.transaction));
        } catch (error) {
          if (!(error instanceof RpcError)) throw error;
          // A limit or a hiccup is over the next time; a method that is not there will not come.
          if (isUnsupported(error)) blockReceipts = false;
        }
      }
      const found = await Promise.all(wanted.map(receipt));
      return found.filter((one): one is Receipt => one !== null && one.blockHash === block.hash);
    },

    receipt,

    transactionCount: async (account, at) =>
      numberOf((await request("eth_getTransactionCount", [account, blockParameter(at)])) as Hex),

    async transactionIn(block, account, nonce) {
      const found = (await request("eth_getBlockByNumber", [quantity(block), true])) as {
        transactions: { hash: Hex; from: Hex; nonce: Hex; to: Hex | null; input: Hex }[];
      } | null;
      if (found === null) return null;
      const match = found.transactions.find(
        (one) => one.from.toLowerCase() === account.toLowerCase() && numberOf(one.nonce) === nonce,
      );
      return match === undefined ? "nobody" : { hash: match.hash, to: match.to, data: match.input };
    },

    balance: async (account) => BigInt((await request("eth_getBalance", [account, "latest"])) as Hex),

    code: async (account, at = "latest") => (await request("eth_getCode", [account, at])) as Hex,

    async call(call, at): Promise<CallResult> {
      try {
        const data = (await request("eth_call", [callParameter(call), blockParameter(at)])) as Hex;
        return { kind: "returned", data };
      } catch (error) {
        if (error instanceof WaybillError && error.code === "E_NODE") {
          return { kind: "unavailable", message: error.message };
        }
        if (!(error instanceof RpcError)) throw error;
        return callResultOf(error);
      }
    },

    logs: ({ address, topics, from, to }: Filter & { from: number; to: number }) =>
      logs({ address, topics, fromBlock: quantity(from), toBlock: quantity(to) }),

    logsOf: ({ address, topics, block }: Filter & { block: Hex }) =>
      logs({ address, topics, blockHash: block }),

    async estimateGas(call) {
      const { value, ...rest } = call;
      const parameter = {
        ...callParameter(rest),
        ...(value === undefined ? {} : { value: quantity(value) }),
      };
      try {
        return BigInt((await request("eth_estimateGas", [parameter])) as Hex);
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        throw new WaybillError("E_REFUSED", `the node refuses the transaction: ${error.message}`);
      }
    },

    async send(raw): Promise<SendReply> {
      try {
        await request("eth_sendRawTransaction", [raw]);
        return { kind: "accepted" };
      } catch (error) {
        if (error instanceof WaybillError) return { kind: "no answer", message: error.message };
        if (!(error instanceof RpcError)) throw error;
        return sendReplyOf(error);
      }
    },

    suggestedTip: async () => BigInt((await request("eth_maxPriorityFeePerGas", [])) as Hex),

    async recentBlocks(count) {
      const history = await feeHistory(quantity(count), "latest", [50]);
      // Some nodes know no fullness, of a block or of any: such a block says nothing.
      return (history.gasUsedRatio ?? []).flatMap((fullness, index) =>
        typeof fullness === "number"
          ? [{ fullness, medianTip: BigInt(history.reward?.[index]?.[0] ?? "0x0") }]
          : [],
      );
    },

    async baseFees(newest, count) {
      const history = await feeHistory(quantity(count), quantity(newest), []);
      const fees = (history.baseFeePerGas ?? []).map((fee) => BigInt(fee));
      return { fees: fees.slice(0, -1), next: fees.at(-1) ?? null };
    },
  };
}

/** @throws if it is no quantity: null, undefined and text would be numbers to `Number` */
function numberOf(quantity: Hex): number {
  return Number(BigInt(quantity));
}

function quantity(value: number | bigint): Hex {
  return `0x${value.toString(16)}`;
}

function blockParameter(at: number | Hex | BlockTag): unknown {
  if (typeof at === "number") return quantity(at);
  // EIP-1898: a hash must name a canonical block, or the answer would be about another chain than ours.
  if (at.startsWith("0x")) return { blockHash: at, requireCanonical: true };
  return at;
}

function callParameter(call: Call): object {
  const { gas, ...rest } = call;
  return gas === undefined ? rest : { ...rest, gas: quantity(gas) };
}

type RawBlock = {
  number: Hex;
  hash: Hex;
  parentHash: Hex;
  timestamp: Hex;
  gasLimit: Hex;
  gasUsed: Hex;
  baseFeePerGas?: Hex;
  transactions: Hex[];
};

function blockOf(raw: RawBlock): Block {
  return {
    number: numberOf(raw.number),
    hash: raw.hash,
    parentHash: raw.parentHash,
    timestamp: numberOf(raw.timestamp),
    gasLimit: BigInt(raw.gasLimit),
    gasUsed: BigInt(raw.gasUsed),
    baseFee: BigInt(raw.baseFeePerGas ?? "0x0"),
    transactions: raw.transactions,
  };
}

type RawFeeHistory = {
  baseFeePerGas?: Hex[] | null;
  gasUsedRatio?: (number | null)[] | null;
  reward?: Hex[][] | null;
};

type RawReceipt = {
  transactionHash: Hex;
  blockNumber: Hex;
  blockHash: Hex;
  status: Hex;
  gasUsed: Hex;
  effectiveGasPrice: Hex;
  /** on chains of the OP stack */
  l1Fee?: Hex | null;
};

function receiptOf(raw: RawReceipt): Receipt {
  return {
    transaction: raw.transactionHash,
    block: numberOf(raw.blockNumber),
    blockHash: raw.blockHash,
    succeeded: BigInt(raw.status) === 1n,
    gasUsed: BigInt(raw.gasUsed),
    gasPrice: BigInt(raw.effectiveGasPrice ?? "0x0"),
    ...(raw.l1Fee == null ? {} : { l1Fee: BigInt(raw.l1Fee) }),
  };
}

type RawLog = {
  blockNumber: Hex;
  blockHash: Hex;
  transactionHash: Hex;
  logIndex: Hex;
  topics: Hex[];
  data: Hex;
};
