import type { Hex } from "../hex.js";

/**
 * What Waybill asks of an EVM node, and nothing more. Absence (`null`, a short list) is an answer about one node at
 * one moment and proves nothing; callers decide from presence.
 *
 * Every method throws WaybillError E_NODE if no answer came, and plain RpcError if the node refused the question.
 */
export type Chain = {
  chainId(): Promise<bigint>;
  /** by number, hash or tag; `latest` is the head */
  block(which: number | Hex | BlockTag): Promise<Block | null>;
  /** of every transaction in the block, in one request where the node can */
  receipts(block: Block, wanted: readonly Hex[]): Promise<Receipt[]>;
  receipt(transaction: Hex): Promise<Receipt | null>;
  /** mined transactions of an account at a block */
  transactionCount(account: Hex, at: number | Hex | BlockTag): Promise<number>;
  /** who has a nonce of an account in a block; null if the block is not known */
  transactionIn(block: number, account: Hex, nonce: number): Promise<Holder | "nobody" | null>;
  /** wei */
  balance(account: Hex): Promise<bigint>;
  code(account: Hex, at?: BlockTag): Promise<Hex>;
  call(call: Call, at: number | Hex | BlockTag): Promise<CallResult>;
  logs(filter: { address: Hex; topics: Topics; from: number; to: number }): Promise<Log[]>;
  logsOf(filter: { address: Hex; topics: Topics; block: Hex }): Promise<Log[]>;
  /** gas; for single transactions of a person only: batches have their own model. @throws WaybillError E_REFUSED */
  estimateGas(call: Call & { value?: bigint }): Promise<bigint>;
  send(raw: Hex): Promise<SendReply>;
  /** wei per gas that the node suggests as a tip */
  suggestedTip(): Promise<bigint>;
  /** fullness and median tip (wei per gas) of the newest blocks, oldest first */
  recentBlocks(count: number): Promise<{ fullness: number; medianTip: bigint }[]>;
  /**
   * base fees (wei per gas) of so many blocks up to a number, oldest first, and of the block behind them; fewer where the
   * node knows no more
   */
  baseFees(newest: number, count: number): Promise<{ fees: bigint[]; next: bigint | null }>;
};

export type BlockTag = "pending" | "latest" | "safe" | "finalized" | "earliest";

export type Block = {
  number: number;
  hash: Hex;
  parentHash: Hex;
  /** Unix seconds */
  timestamp: number;
  gasLimit: bigint;
  gasUsed: bigint;
  /** wei per gas */
  baseFee: bigint;
  transactions: Hex[];
};

/** A transaction that has a nonce. */
export type Holder = { hash: Hex; to: Hex | null; data: Hex };

export type Receipt = {
  transaction: Hex;
  block: number;
  blockHash: Hex;
  succeeded: boolean;
  gasUsed: bigint;
  /** wei per gas that was paid */
  gasPrice: bigint;
  /** wei that the chain took for data besides, where it says so */
  l1Fee?: bigint;
};

/** At each place one topic, any of several, or whatever is there. */
export type Topics = readonly (Hex | readonly Hex[] | null)[];

/** `index`: its place among all logs of its block */
export type Log = {
  block: number;
  blockHash: Hex;
  transaction: Hex;
  index: number;
  topics: Hex[];
  data: Hex;
};

export type Call = { from?: Hex; to: Hex; data: Hex; gas?: bigint };

/** `reverted`: the code ran and said no. `unavailable`: the node did not run it, and nothing is known. */
export type CallResult =
  | { kind: "returned"; data: Hex }
  | { kind: "reverted"; data: Hex }
  | { kind: "unavailable"; message: string };

/**
 * What a node said to a transaction. Only `accepted` and `known` say that it is on its way; nothing here says that it
 * is not (law 7).
 */
export type SendReply =
  | { kind: "accepted" | "known" }
  | {
      /**
       * underpriced: below another one of its nonce, which lives on; fee too low: below what the chain asks now;
       * nonce too high: others of this account have to go first; no answer: nothing was said about the transaction
       */
      kind:
        | "nonce too low"
        | "nonce too high"
        | "underpriced"
        | "fee too low"
        | "funds"
        | "refused"
        | "no answer";
      message: string;
    }
  /** its gas limit is above a block's or the chain's cap for one transaction, or its bytes are above the pool's */
  | { kind: "too large"; limit: "gas" | "bytes"; message: string };
