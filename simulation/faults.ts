import type { Request } from "../src/chain/http.js";
import { RpcError } from "../src/errors.js";
import type { Hex } from "../src/hex.js";
import { poolRule } from "./pool.js";
import type { Answer, Question } from "./proxy.js";
import type { Chance } from "./random.js";

/**
 * What goes wrong between a process and its node.
 *
 * unheard: dropped before the node. lost: the node did it, and the reply is dropped. busy: 429 or 503. blank: what is
 * in a block is said not to be. behind: a node some blocks back. elsewhere: a node of another chain.
 */
export type Fault = "unheard" | "lost" | "late" | "busy" | "blank" | "behind" | "elsewhere";

/** Share of questions with each fault. */
export type Faults = { all: Partial<Record<Fault, number>> } & {
  [method: string]: Partial<Record<Fault, number>>;
};

export const FAULTS: Faults = {
  all: { unheard: 0.006, lost: 0.006, late: 0.03, busy: 0.012 },
  eth_sendRawTransaction: { unheard: 0.05, lost: 0.1, late: 0.05, busy: 0.05 },
  eth_getTransactionReceipt: { blank: 0.3 },
  eth_getBlockReceipts: { blank: 0.2 },
  eth_getTransactionCount: { behind: 0.15 },
  eth_getBlockByNumber: { behind: 0.1 },
  eth_chainId: { elsewhere: 0.03 },
};

const FARTHEST_BEHIND = 3;
const LONGEST_DELAY_MS = 40;

/** A node with faults, for one asker. */
export function faultyNode(node: Request, faults: Faults, chance: Chance) {
  const pass = async (method: string, params: readonly unknown[]): Promise<Answer> => {
    if (method === "eth_sendRawTransaction") {
      const refused = await poolRule(node, params[0] as Hex, chance);
      if (refused !== null) return refused;
    }
    try {
      return { kind: "result", result: await node(method, params) };
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      return { kind: "refusal", code: error.code, message: error.message, data: error.data };
    }
  };

  async function behind({ method, params }: Question): Promise<Answer> {
    const head = Number((await node("eth_blockNumber", [])) as Hex);
    const known = Math.max(0, head - 1 - chance.below(FARTHEST_BEHIND));
    if (method === "eth_getTransactionCount") {
      const [account, at] = params;
      return pass(method, at === "latest" || at === "pending" ? [account, quantity(known)] : params);
    }
    const [which, full] = params;
    if (which === "latest") return pass(method, [quantity(known), full]);
    if (!String(which).startsWith("0x") || Number(which) <= known) return pass(method, params);
    return { kind: "result", result: null };
  }

  function faultOf(method: string): Fault | null {
    const rates = { ...faults.all, ...faults[method] };
    let left = chance.share();
    for (const [fault, rate] of Object.entries(rates) as [Fault, number][]) {
      left -= rate;
      if (left < 0) return fault;
    }
    return null;
  }

  return {
    pass,
    /** @param honest about what chain it is */
    async answer(question: Question, honest: boolean): Promise<Answer> {
      const { method, params } = question;
      switch (faultOf(method)) {
        case null:
          return pass(method, params);
        case "unheard":
          return { kind: "hang up" };
        case "lost":
          await pass(method, params);
          return { kind: "hang up" };
        case "late":
          await new Promise((resolve) => setTimeout(resolve, chance.below(LONGEST_DELAY_MS)));
          return pass(method, params);
        case "busy":
          return busy(chance, question);
        case "blank":
          return { kind: "result", result: method === "eth_getBlockReceipts" ? [] : null };
        case "behind":
          return behind(question);
        case "elsewhere":
          return honest ? pass(method, params) : { kind: "result", result: "0xdead" };
      }
    },
  };
}

function busy(chance: Chance, { id }: Question): Answer {
  const error = { jsonrpc: "2.0", id, error: { code: -32005, message: "too many requests" } };
  return chance.pick<Answer>([
    [{ kind: "http", status: 429, type: "application/json", body: JSON.stringify(error) }, 2],
    [{ kind: "http", status: 429, type: "text/plain", body: "slow down" }, 1],
    [{ kind: "http", status: 503, type: "text/html", body: "<h1>Service Unavailable</h1>" }, 1],
  ]);
}

function quantity(value: number): Hex {
  return `0x${value.toString(16)}`;
}
