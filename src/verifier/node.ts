import type { Log } from "../chain/chain.js";
import { httpRequest, maskUrl, type Request } from "../chain/http.js";
import { RpcError, WaybillError } from "../errors.js";
import type { Hex } from "../hex.js";
import { type HeaderReading, headerOf } from "./header.js";

/** A node that is asked what the chain holds. What it says is a claim until something else shows it. */
export type NamedNode = {
  /** for people: a masked URL */
  name: string;
  request: Request;
};

/** A block as a node tells it; `reading` is what its own fields make of it. */
export type SeenBlock = { number: number; hash: Hex; timestamp: number; reading: HeaderReading };

/**
 * One node for each place: a URL that is spelt in another way, or has another path or key, is the same node again and
 * has no second vote.
 */
export function nodesAt(
  urls: readonly string[],
  request: (url: string) => Request = httpRequest,
): NamedNode[] {
  const places = new Map<string, NamedNode>();
  for (const url of urls) {
    const { hostname, port } = new URL(url);
    const host = hostname.replace(/\.$/, "");
    const isSelf = host === "localhost" || host === "[::1]" || /^127(\.\d+){3}$/.test(host);
    const place = `${isSelf ? "localhost" : host}:${port}`;
    if (!places.has(place)) places.set(place, { name: maskUrl(url), request: request(url) });
  }
  return [...places.values()];
}

/** What was answered; null if the node is silent, refuses, or says what cannot be read. */
export async function heard<T>(asking: Promise<T>): Promise<T | null> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof WaybillError || error instanceof RpcError) return null;
    throw error;
  }
}

/** @throws WaybillError E_NODE, RpcError */
export async function chainIdOf({ request }: NamedNode): Promise<bigint> {
  const id = await request("eth_chainId", []);
  if (typeof id !== "string" || !/^0x[0-9a-fA-F]{1,64}$/.test(id)) throw unreadable("its chain");
  return BigInt(id);
}

/** Null if the node has no such block. @throws WaybillError E_NODE, RpcError */
export async function blockOf(
  { request }: NamedNode,
  which: number | Hex | "safe" | "finalized" | "latest",
): Promise<SeenBlock | null> {
  const byHash = typeof which === "string" && which.startsWith("0x");
  const method = byHash ? "eth_getBlockByHash" : "eth_getBlockByNumber";
  const block = await request(method, [typeof which === "number" ? quantity(which) : which, false]);
  if (block === null) return null;
  const said = (typeof block === "object" ? block : {}) as { [name: string]: unknown };
  const [number, timestamp] = [countOf(said.number), countOf(said.timestamp)];
  if (number === null || timestamp === null || !isWord(said.hash)) throw unreadable("a block");
  // Asked for one block, a node that names another says nothing about the one.
  if (typeof which === "number" ? number !== which : byHash && said.hash !== which)
    throw unreadable("a block");
  return { number, hash: said.hash, timestamp, reading: headerOf(block) };
}

/** As it came; by number, for the state root says whether it is the right block's. */
export function proofAt(
  { request }: NamedNode,
  address: Hex,
  slots: readonly Hex[],
  block: number,
): Promise<unknown> {
  return request("eth_getProof", [address, slots, quantity(block)]);
}

/** @throws WaybillError E_NODE, RpcError */
export async function wordAt(
  { request }: NamedNode,
  address: Hex,
  slot: Hex,
  block: Hex | number,
): Promise<bigint> {
  const at = typeof block === "number" ? quantity(block) : atHash(block);
  const word = await request("eth_getStorageAt", [address, slot, at]);
  if (typeof word !== "string" || !/^0x[0-9a-fA-F]{1,64}$/.test(word)) throw unreadable("a slot");
  return BigInt(word);
}

/** @throws WaybillError E_NODE, RpcError */
export async function codeAt({ request }: NamedNode, address: Hex, block: Hex): Promise<Hex> {
  const code = await request("eth_getCode", [address, atHash(block)]);
  if (!isBytes(code)) throw unreadable("a contract's code");
  return code;
}

/** Who sent a transaction, and to whom. @throws WaybillError E_NODE, RpcError */
export async function senderOf(
  { request }: NamedNode,
  transaction: Hex,
): Promise<{ from: Hex; to: Hex | null; blockHash: Hex }> {
  const found = await request("eth_getTransactionByHash", [transaction]);
  const said = (typeof found === "object" && found !== null ? found : {}) as { [name: string]: unknown };
  const { from, to = null, blockHash } = said;
  if (!isAccount(from) || !(to === null || isAccount(to)) || !isWord(blockHash))
    throw unreadable("a transaction");
  return { from, to, blockHash };
}

/** What a call returns. @throws WaybillError E_NODE, RpcError also if the call failed */
export async function returned(
  { request }: NamedNode,
  call: { to?: Hex; data: Hex },
  block: Hex,
): Promise<Hex> {
  const data = await request("eth_call", [call, atHash(block)]);
  if (!isBytes(data)) throw unreadable("a call");
  return data;
}

/** @throws WaybillError E_NODE, RpcError */
export async function logsOf(
  { request }: NamedNode,
  filter: { address: Hex; topics: readonly (Hex | null)[]; from: number; to: number },
): Promise<Log[]> {
  const { address, topics, from, to } = filter;
  const asked = { address, topics, fromBlock: quantity(from), toBlock: quantity(to) };
  const logs = await request("eth_getLogs", [asked]);
  if (!Array.isArray(logs)) throw unreadable("its logs");
  return logs.map((log: unknown) => {
    const said = (typeof log === "object" && log !== null ? log : {}) as { [name: string]: unknown };
    const [block, index] = [countOf(said.blockNumber), countOf(said.logIndex)];
    const { blockHash, transactionHash: transaction, topics: words, data } = said;
    if (block === null || index === null || !isWord(blockHash) || !isWord(transaction) || !isBytes(data)) {
      throw unreadable("its logs");
    }
    if (!Array.isArray(words) || words.length > 4 || !words.every(isWord)) throw unreadable("its logs");
    const topics = words as Hex[];
    return { block, blockHash, transaction, index, topics, data };
  });
}

/** EIP-1898: a hash must name a canonical block, or the answer would be about another chain. */
function atHash(block: Hex): object {
  return { blockHash: block, requireCanonical: true };
}

function quantity(value: number): Hex {
  return `0x${value.toString(16)}`;
}

/** Numbers of blocks, times and places: none has more than 40 bits. */
function countOf(said: unknown): number | null {
  return typeof said === "string" && /^0x0*[0-9a-fA-F]{1,10}$/.test(said) ? Number(said) : null;
}

function isWord(said: unknown): said is Hex {
  return typeof said === "string" && /^0x[0-9a-f]{64}$/.test(said);
}

function isAccount(said: unknown): said is Hex {
  return typeof said === "string" && /^0x[0-9a-fA-F]{40}$/.test(said);
}

function isBytes(said: unknown): said is Hex {
  return typeof said === "string" && /^0x(?:[0-9a-f]{2})*$/.test(said);
}

function unreadable(what: string): WaybillError {
  return new WaybillError("E_NODE", `the node's answer about ${what} cannot be read`, {
    mend: "run again later, or name another node with --rpc-url",
  });
}
