import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { AbiCoder, Interface, type JsonFragment } from "ethers";
import { httpRequest, type Request } from "../../src/chain/http.js";
import { chainOf } from "../../src/chain/node.js";
import { openRegistry } from "../../src/chain/registry.js";
import { type Hex, hex, keccak, ZERO_ADDRESS } from "../../src/hex.js";
import { type Key, keyOf } from "../../src/key.js";
import { deployRegistries } from "../../src/sdk/deploy.js";
import { registerSchema } from "../../src/sdk/schemas.js";
import { payerOf } from "../../src/sdk/transact.js";
import { freePort } from "../../test/support/anvil.js";

const BINARY = fileURLToPath(new URL("../../node_modules/.bin/anvil", import.meta.url));

export type Node = {
  url: string;
  request: Request;
  /** From now on it makes a block every second; before, one for each transaction. */
  beat(): Promise<void>;
  stop(): Promise<void>;
};

/**
 * A node of its own process. It keeps nobody to 2^24 gas a transaction: the SDK of EAS
 * asks for 100 attestations in one, which need more, and here it gets it. It draws up no traces and prints nothing.
 */
export async function startNode(...more: string[]): Promise<Node> {
  const port = await freePort();
  const place = ["--host", "127.0.0.1", "--port", String(port)];
  const settings = ["--slots-in-an-epoch", "1", "--quiet", "--disable-console-log"];
  const args = [...place, ...settings, ...more];
  const child = spawn(BINARY, args, { stdio: "ignore" });
  const ended = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`anvil ended with ${code}`)));
  });
  ended.catch(() => {});
  // Whatever ends this process, none is left behind.
  const kill = () => void child.kill("SIGKILL");
  process.once("exit", kill);
  process.once("SIGTERM", () => process.exit(143));
  const url = `http://127.0.0.1:${port}`;
  const request = httpRequest(url);
  await Promise.race([ended, answering(request)]);
  return {
    url,
    request,
    async beat() {
      await request("evm_setIntervalMining", [1]);
    },
    stop: () =>
      new Promise((resolve) => {
        process.removeListener("exit", kill);
        child.once("exit", () => resolve());
        kill();
      }),
  };
}

async function answering(request: Request): Promise<void> {
  for (;;) {
    try {
      await request("eth_chainId", []);
      return;
    } catch {
      await pause(20);
    }
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A key that is the same in every run, with more than it can spend. */
export async function fundedKey(node: Request, name: string): Promise<{ privateKey: Hex; key: Key }> {
  const privateKey = hex(keccak(new TextEncoder().encode(`waybill bench: ${name}`)));
  const key = keyOf(privateKey, "the benchmark");
  await node("anvil_setBalance", [key.address, `0x${(10n ** 24n).toString(16)}`]);
  return { privateKey, key };
}

/** Where a contender writes to, and under which schema. */
export type Place = { contract: Hex; schema: Hex };

/** Deploys Waybill's registries as its users do. */
export async function placeWaybill(node: Request, definition: string): Promise<Place> {
  const chain = chainOf(node);
  const payer = payerOf(chain, (await fundedKey(node, "deployer")).key);
  const { attestationRegistry } = await deployRegistries(chain, payer, 50);
  const registry = await openRegistry(chain, attestationRegistry);
  const terms = { definition, resolver: ZERO_ADDRESS, revocable: true };
  const { id } = await registerSchema(chain, registry, payer, terms, 50);
  return { contract: attestationRegistry, schema: id };
}

const EAS = new URL("../peers/node_modules/@ethereum-attestation-service/eas-contracts/", import.meta.url);

/** Deploys the bytecode that EAS's package ships. Its schema must be registered before it is attested under. */
export async function placeEas(node: Request, definition: string): Promise<Place> {
  const chain = chainOf(node);
  const [from] = (await node("eth_accounts", [])) as [Hex];
  const send = async (transaction: { to?: Hex; data: string }) => {
    const hash = (await node("eth_sendTransaction", [{ from, gas: "0xe00000", ...transaction }])) as Hex;
    for (;;) {
      const receipt = (await node("eth_getTransactionReceipt", [hash])) as {
        status: Hex;
        contractAddress: Hex;
        logs: { topics: Hex[] }[];
      } | null;
      if (receipt?.status === "0x1") return receipt;
      if (receipt !== null) throw new Error("a deployment of EAS failed");
      await pause(50);
    }
  };
  const [schemas, eas] = [artifactOf("SchemaRegistry"), artifactOf("EAS")];
  const { contractAddress: schemasAt } = await send({ data: schemas.bytecode });
  const coder = AbiCoder.defaultAbiCoder();
  const argument = coder.encode(["address"], [schemasAt]).slice(2);
  const { contractAddress } = await send({ data: eas.bytecode + argument });
  const register = new Interface(schemas.abi).encodeFunctionData("register", [
    definition,
    ZERO_ADDRESS,
    true,
  ]);
  const { logs } = await send({ to: schemasAt, data: register });
  if ((await chain.code(contractAddress)) === "0x") throw new Error("EAS is not there");
  return { contract: contractAddress, schema: logs[0]!.topics[1]! };
}

function artifactOf(name: string): { abi: JsonFragment[]; bytecode: string } {
  const file = new URL(`artifacts/contracts/${name}.sol/${name}.json`, EAS);
  return JSON.parse(readFileSync(file, "utf8")) as { abi: JsonFragment[]; bytecode: string };
}
