import { chainOf } from "../../src/chain/node.js";
import { ATTESTED, openRegistry, type Registry, REVOKED } from "../../src/chain/registry.js";
import type { Hex } from "../../src/hex.js";
import { type Anvil, startAnvil } from "./anvil.js";
import { runCli } from "./cli.js";
import { type Between, type HttpProxy, startHttpProxy } from "./httpProxy.js";

/** Anvil with the registries, behind a proxy. Each look at its head makes a block, so that what waits for blocks ends. */
export type LocalChain = {
  anvil: Anvil;
  proxy: HttpProxy;
  url: string;
  registry: Registry;
  /** what becomes of questions; blocks are made all the same */
  between(what: Between | null): void;
  /** stops or goes on making blocks */
  mining(on: boolean): void;
  /** uids of all Attested events, each as often as it is there */
  attested(): Promise<Hex[]>;
  revoked(): Promise<Hex[]>;
  /** transactions of an account that are in blocks */
  sent(account: Hex): Promise<number>;
  stop(): Promise<void>;
};

/** Public development accounts of every local chain. */
export const ACCOUNTS: readonly { address: Hex; key: Hex }[] = [
  {
    address: "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    key: "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
  },
  {
    address: "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    key: "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
  },
  {
    address: "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
    key: "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
  },
  {
    address: "0x90F79bf6EB2c4f870365E785982E1f101E93b906",
    key: "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
  },
];

export async function startLocalChain(...args: string[]): Promise<LocalChain> {
  const anvil = await startAnvil(...args);
  const proxy = await startHttpProxy(anvil.url);
  let mining = true;
  let between: Between | null = null;
  proxy.between(async (question, forward) => {
    if (mining && question.method === "eth_getBlockByNumber" && question.params[0] === "latest") {
      await anvil.request("evm_mine", []);
    }
    return between === null ? forward() : between(question, forward);
  });
  const network = args.includes("--chain-id") ? args[args.indexOf("--chain-id") + 1]! : "local";
  const deployed = await runCli(["deploy", "--network", network, "--rpc-url", proxy.url, "--yes"], {
    env: { WAYBILL_ISSUER_KEY: ACCOUNTS[0]!.key },
  });
  if (deployed.code !== 0) throw new Error(deployed.output);
  const address = /AttestationRegistry +(0x\w{40})/.exec(deployed.stdout)![1] as Hex;
  const registry = await openRegistry(chainOf(anvil.request), address);
  const uids = async (topic: Hex) => {
    const filter = { address, topics: [topic], fromBlock: "0x0", toBlock: "latest" };
    return ((await anvil.request("eth_getLogs", [filter])) as { topics: Hex[] }[]).map(
      (log) => log.topics[1]!,
    );
  };
  return {
    anvil,
    proxy,
    url: proxy.url,
    registry,
    between: (what) => void (between = what),
    mining: (on) => void (mining = on),
    attested: () => uids(ATTESTED),
    revoked: () => uids(REVOKED),
    sent: async (account) => Number(await anvil.request("eth_getTransactionCount", [account, "latest"])),
    async stop() {
      await proxy.close();
      await anvil.stop();
    },
  };
}

/** Every one exactly once. */
export function onceEach(uids: readonly string[]): boolean {
  return new Set(uids).size === uids.length;
}
