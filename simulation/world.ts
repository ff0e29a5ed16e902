import { AbiCoder, getCreate2Address, keccak256 } from "ethers";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { FACTORY, factoryCall } from "../src/chain/deployment.js";
import type { Request } from "../src/chain/http.js";
import { chainOf } from "../src/chain/node.js";
import { openRegistry, type Registry } from "../src/chain/registry.js";
import { localKey } from "../src/cli/keys.js";
import { type Hex, ZERO_ADDRESS, ZERO_WORD } from "../src/hex.js";
import { deployRegistries } from "../src/sdk/deploy.js";
import { registerSchema } from "../src/sdk/schemas.js";
import { payerOf, transact } from "../src/sdk/transact.js";
import { startAnvil } from "../test/support/anvil.js";
import { DEFINITION, LANES } from "./items.js";

export type Target = "registry" | "counter";

/** A real node, past the proxy, with what the process submits to. */
export type World = {
  node: Request;
  target: Target;
  registry: Registry;
  schema: Hex;
  close(): Promise<void>;
};

/** Blocks from the head to the final one, for anvil's two epochs: no reorg may go deeper. */
export const FINALITY = 4;

/** So that a transaction takes about 18 items, and a block two transactions. */
const BLOCK_GAS = 1_300_000;

export const COUNTER = fileURLToPath(
  new URL("../artifacts/test/contracts/support/Counter.sol/Counter.json", import.meta.url),
);

export async function openWorld(target: Target): Promise<World> {
  const anvil = await startAnvil("--slots-in-an-epoch", String(FINALITY / 2));
  try {
    const node = anvil.request;
    const chain = chainOf(node);
    const deployer = payerOf(chain, localKey(9));
    const { attestationRegistry, schemaRegistry } = await deployRegistries(chain, deployer, 5);
    const real = await openRegistry(chain, attestationRegistry);
    const terms = { definition: DEFINITION, resolver: ZERO_ADDRESS, revocable: true };
    const { id: schema } = await registerSchema(chain, real, deployer, terms, 5);
    let registry = real;
    if (target === "counter") {
      const { bytecode } = JSON.parse(readFileSync(COUNTER, "utf8")) as { bytecode: Hex };
      const argument = AbiCoder.defaultAbiCoder().encode(["address"], [schemaRegistry]).slice(2);
      const initCode: Hex = `${bytecode}${argument}`;
      const address = getCreate2Address(FACTORY, ZERO_WORD, keccak256(initCode)) as Hex;
      const data = factoryCall({ name: "Counter", address, initCode });
      await transact(chain, deployer, { to: FACTORY, data }, 5);
      registry = await openRegistry(chain, address);
    }
    for (const { address } of LANES)
      await node("anvil_setBalance", [address, `0x${(10n ** 24n).toString(16)}`]);
    await node("evm_setAutomine", [false]);
    await node("evm_setBlockGasLimit", [`0x${BLOCK_GAS.toString(16)}`]);
    for (let i = 0; i < 2 * FINALITY; i += 1) await node("evm_mine", []);
    return { node, target, registry, schema, close: () => anvil.stop() };
  } catch (error) {
    await anvil.stop();
    throw error;
  }
}
