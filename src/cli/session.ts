import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import type { Chain } from "../chain/chain.js";
import { deployments } from "../chain/deployment.js";
import { type EmbeddedChain, openEmbeddedChain } from "../chain/embedded.js";
import { httpRequest, maskUrl } from "../chain/http.js";
import { type Network, networkOf } from "../chain/networks.js";
import { chainOf } from "../chain/node.js";
import { openRegistry, type Registry } from "../chain/registry.js";
import { type Disagreement, severalNodes } from "../chain/several.js";
import { WaybillError } from "../errors.js";
import type { Hex } from "../hex.js";
import { lockDirectory } from "../store/lock.js";
import { openSqliteStore } from "../store/sqlite.js";
import type { Store } from "../store/store.js";
import { isDone } from "../submitter/submitter.js";
import { type NamedNode, nodesAt } from "../verifier/node.js";
import { openPanel } from "../verifier/view.js";
import type { KeyFiles } from "./keys.js";

/** Options that every command has; each is also WAYBILL_ and its name in capitals. */
export type CommonOptions = KeyFiles & {
  network?: string;
  /** one or more, each once */
  rpcUrl?: readonly string[];
  registry?: string;
  data: string;
  json?: boolean;
  quiet?: boolean;
  yes?: boolean;
};

const LOCAL_URL = "http://127.0.0.1:8545";

export type Connection = {
  chain: Chain;
  network: Network;
  chainId: bigint;
  /** where the node is, or the nodes are, without what might be secret */
  place: string;
  /** each node by itself, for what is not taken from their agreement: state proofs */
  nodes: readonly NamedNode[];
  close(): Promise<void>;
};

/**
 * Reaches the node of a network and checks that it serves the chain that was meant.
 * @param purpose a write names its network unless that is the local one
 */
export async function connect(options: CommonOptions, purpose: "read" | "write"): Promise<Connection> {
  if (options.network === "embedded") return connectEmbedded(options, purpose);
  const named = options.network === undefined ? null : networkOf(options.network);
  const urls = urlsOf(options, named);
  const place = urls.map(maskUrl).join(" and ");
  const nodes = urls.map((url) => ({ name: maskUrl(url), request: httpRequest(url) }));
  const chain = chainAt(nodes, options);
  const chainId = await chain.chainId();
  const network = named ?? networkOf(chainId.toString());
  if (network.chainId !== chainId) {
    throw new WaybillError(
      "E_CHAIN_ID",
      `the node at ${place} serves chain ${chainId}, and ${network.name} is chain ${network.chainId}`,
      { mend: "name the right network with --network, or another node with --rpc-url" },
    );
  }
  if (purpose === "write" && named === null && network.name !== "local") {
    throw new WaybillError("E_USAGE", `the node serves ${network.name}, and a write names its network`, {
      mend: `add --network ${network.name}`,
    });
  }
  return { chain, network, chainId, place, nodes, close: async () => {} };
}

/** @throws WaybillError E_USAGE */
function urlsOf({ rpcUrl }: CommonOptions, named: Network | null): readonly string[] {
  const isLocal = named === null || named.name === "local";
  const urls = rpcUrl ?? (isLocal ? [LOCAL_URL] : []);
  if (urls.length === 0) {
    throw new WaybillError("E_USAGE", `no node is named for ${named?.name ?? "this network"}`, {
      mend: "give its URL with --rpc-url, or in WAYBILL_RPC_URL",
    });
  }
  if (!urls.every((url) => /^https?:\/\//.test(url) && URL.canParse(url))) {
    throw new WaybillError("E_USAGE", "the node's URL is not an http:// or https:// URL");
  }
  return urls;
}

/**
 * The nodes of a network for a verifier, which asks each of them by itself and believes none alone. They have to serve
 * the network that is named.
 */
export async function nodesFor(
  options: CommonOptions,
): Promise<{ nodes: NamedNode[]; close(): Promise<void> }> {
  if (options.network === "embedded") {
    const { request, close } = await openEmbeddedChain({ journal: journalOf(options), readOnly: true });
    return { nodes: [{ name: "the embedded chain", request }], close };
  }
  const named = options.network === undefined ? null : networkOf(options.network);
  const nodes = nodesAt(urlsOf(options, named));
  if (named !== null) await openPanel(nodes, named.chainId);
  return { nodes, close: async () => {} };
}

function chainAt(named: Connection["nodes"], options: CommonOptions): Chain {
  const nodes = named.map(({ name, request }) => ({ name, chain: chainOf(request) }));
  let last = -1;
  const onDisagreement = ({ block, said }: Disagreement) => {
    if (block === last || options.quiet === true) return;
    last = block;
    const each = said.map(({ name, hash }) => `${name} says ${hash}`).join(", ");
    process.stderr.write(`the nodes disagree about block ${block}, so nothing is decided by it: ${each}\n`);
  };
  return nodes.length === 1 ? nodes[0]!.chain : severalNodes(nodes, { onDisagreement });
}

async function connectEmbedded(options: CommonOptions, purpose: "read" | "write"): Promise<Connection> {
  const embedded =
    purpose === "write"
      ? await openOwnChain(options)
      : await openEmbeddedChain({ journal: journalOf(options), readOnly: true });
  const chain = chainOf(embedded.request);
  const network = networkOf("local");
  return {
    chain,
    network,
    chainId: network.chainId,
    place: `the embedded chain in ${options.data}`,
    nodes: [{ name: "the embedded chain", request: embedded.request }],
    close: embedded.close,
  };
}

/**
 * The embedded chain of a data directory, to write to: two processes that go on with one journal would leave a chain
 * behind that never was.
 * @throws WaybillError E_STORE_HELD
 */
export async function openOwnChain(options: CommonOptions): Promise<EmbeddedChain> {
  const folder = join(options.data, "embedded");
  mkdirSync(folder, { recursive: true });
  const release = lockDirectory(folder);
  try {
    const chain = await openEmbeddedChain({ journal: journalOf(options) });
    return {
      ...chain,
      async close() {
        await chain.close();
        release();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}

function journalOf(options: CommonOptions): string {
  return join(options.data, "embedded", "chain.jsonl");
}

/** @throws WaybillError E_REGISTRY_MISSING */
export async function registryOf(connection: Connection, options: CommonOptions): Promise<Registry> {
  const address = options.registry ?? deployments()[1].address;
  if (!/^0x[0-9a-fA-F]{40}$/.test(address)) {
    throw new WaybillError("E_USAGE", "--registry is not an address of 0x and 40 hex digits");
  }
  return openRegistry(connection.chain, address as Hex);
}

/** Whether the store of this chain has a job, or the job of this key, that is not done. Only looks, so that whoever writes is not disturbed. */
export async function hasOpenJobs(
  connection: Connection,
  options: CommonOptions,
  key?: Hex,
): Promise<boolean> {
  const genesis = await connection.chain.block(0);
  if (genesis === null) return false;
  const folder = folderOf(options, connection.chainId, genesis.hash);
  if (!existsSync(join(folder, "waybill.sqlite"))) return false;
  const store = openSqliteStore(folder, { readOnly: true });
  try {
    for (const job of await store.jobs()) {
      if (key !== undefined && job.key !== key) continue;
      if (job.state === "open" && !isDone(await store.counts(job.id), "final")) return true;
    }
    return false;
  } finally {
    await store.close();
  }
}

/** Opens the store of a chain for writing: each chain has a folder of its own, so local chains come and go. */
export async function openStore(
  connection: Connection,
  registry: Registry,
  options: CommonOptions,
): Promise<Store> {
  const genesis = await connection.chain.block(0);
  if (genesis === null) throw new WaybillError("E_NODE", `${connection.place} does not know its first block`);
  const store = openSqliteStore(folderOf(options, connection.chainId, genesis.hash));
  try {
    await store.bind({
      chainId: connection.chainId,
      genesis: genesis.hash,
      registry: registry.domain.registry.toLowerCase() as Hex,
    });
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/**
 * Opens a store to look at, without a node: that of the named network, else the only one or the one written last.
 * @throws WaybillError E_STORE_NONE
 */
export function openStoreToRead(options: CommonOptions): Store {
  const chainId =
    options.network === undefined
      ? ""
      : `${networkOf(options.network === "embedded" ? "local" : options.network).chainId}-`;
  const folders = existsSync(options.data)
    ? readdirSync(options.data).filter((name) => name.startsWith(`chain-${chainId}`))
    : [];
  const files = folders
    .map((name) => join(options.data, name))
    .filter((folder) => existsSync(join(folder, "waybill.sqlite")))
    .sort((a, b) => lastWrite(b) - lastWrite(a));
  return openSqliteStore(files[0] ?? options.data, { readOnly: true });
}

function lastWrite(folder: string): number {
  const wal = join(folder, "waybill.sqlite-wal");
  return Math.max(
    statSync(join(folder, "waybill.sqlite")).mtimeMs,
    existsSync(wal) ? statSync(wal).mtimeMs : 0,
  );
}

function folderOf(options: CommonOptions, chainId: bigint, genesis: Hex): string {
  return join(options.data, `chain-${chainId}-${genesis.slice(2, 10)}`);
}

/**
 * On a main network, shows what a write may cost and waits for the network's name to be typed.
 * @param what the write, and its highest cost
 * @param needed whether it is asked for; not only on a main network, where it cannot be undone and nobody has named each
 */
export async function confirm(
  connection: Connection,
  options: CommonOptions,
  what: string,
  needed = connection.network.main,
): Promise<void> {
  if (!needed || options.yes === true) return;
  if (!process.stdin.isTTY) {
    const { name, main } = connection.network;
    const cause = main ? `${name} is a main network` : "this cannot be undone";
    throw new WaybillError("E_USAGE", `${cause} and nobody is here to confirm`, {
      mend: `${what}; add --yes to go ahead`,
    });
  }
  process.stderr.write(`${what} on ${connection.network.name}.\n`);
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await lines.question(`Type ${connection.network.name} to go on: `);
  lines.close();
  if (answer.trim() !== connection.network.name) {
    throw new WaybillError("E_USAGE", "not confirmed: nothing was sent");
  }
}

/**
 * Aborts on the first ^C or SIGTERM, with E_INTERRUPTED as the reason; the second ends the process at once, which is
 * safe as well.
 */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130);
      if (process.stderr.isTTY === true) process.stderr.write("\nstopping; once more ends it at once\n");
      controller.abort(
        new WaybillError("E_INTERRUPTED", "stopped", {
          mend: "everything is written down: run the same command to go on",
        }),
      );
    });
  }
  return controller.signal;
}
