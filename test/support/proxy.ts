import { RpcError } from "../../src/errors.js";
import type { Request } from "../../src/chain/http.js";
import { WaybillError } from "../../src/errors.js";

/** What becomes of one question: `forward` asks the node. */
export type Fault = (forward: () => Promise<unknown>, params: readonly unknown[]) => Promise<unknown>;

/** A node's `Request` with faults in between, in this process. */
export type FaultyNode = {
  request: Request;
  /** the next questions of this method, one fault each, in order */
  next(method: string, ...faults: Fault[]): void;
  /** all questions of this method from now on; null: none */
  always(method: string, fault: Fault | null): void;
  /** takes back every fault */
  heal(): void;
  /** what was asked since the start, answered or not */
  asked: { method: string; params: readonly unknown[] }[];
};

export function faultyNode(node: Request): FaultyNode {
  const queued = new Map<string, Fault[]>();
  const standing = new Map<string, Fault>();
  const asked: FaultyNode["asked"] = [];
  return {
    asked,
    async request(method, params) {
      asked.push({ method, params });
      const fault = queued.get(method)?.shift() ?? standing.get(method) ?? passing;
      return fault(() => node(method, params), params);
    },
    next: (method, ...faults) => void queued.set(method, [...(queued.get(method) ?? []), ...faults]),
    always: (method, fault) => void (fault === null ? standing.delete(method) : standing.set(method, fault)),
    heal() {
      queued.clear();
      standing.clear();
    },
  };
}

export const passing: Fault = (forward) => forward();

/** The question never reaches the node. */
export const dropped: Fault = () => {
  throw silence();
};

/** The node did what was asked, and its answer is lost. */
export const lost: Fault = async (forward) => {
  await forward();
  throw silence();
};

export const answering =
  (result: unknown): Fault =>
  async () =>
    result;

/** The node's own refusal, which it is not asked for. */
export const refusing =
  (message: string, code = -32000, data?: unknown): Fault =>
  () => {
    throw new RpcError(code, message, data);
  };

export const altering =
  (alter: (reply: never, params: readonly unknown[]) => unknown): Fault =>
  async (forward, params) =>
    alter((await forward()) as never, params);

/** A node that lags: its head is this block, and it knows none after it. For eth_getBlockByNumber. */
export const staleHead =
  (node: Request, head: number): Fault =>
  (forward, [which, full]) =>
    which === "latest"
      ? node("eth_getBlockByNumber", [`0x${head.toString(16)}`, full])
      : String(which).startsWith("0x") && Number(which) > head
        ? Promise.resolve(null)
        : forward();

function silence(): WaybillError {
  return new WaybillError("E_NODE", "the node does not answer: the test says so");
}
