import { HDNodeWallet } from "ethers";
import { LOCAL_PHRASE } from "../../src/chain/embedded.js";
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
export const ACCOUNTS: readonly { address: Hex; key: Hex }[] = [0, 1, 2, 3].map((index) => {
  const path = `m/44'/60'/0'/0/${index}`;
  const { address, privateKey } = HDNodeWallet.fromPhrase(LOCAL_PHRASE, undefined, path);
  return { address: address as Hex, key: privateKey as Hex };
});

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
