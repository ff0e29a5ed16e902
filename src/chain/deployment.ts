import { AbiCoder, getCreate2Address, keccak256 } from "ethers";
import { AttestationRegistry__factory, SchemaRegistry__factory } from "../bindings/index.js";
import type { Hex } from "../hex.js";
import { ZERO_WORD } from "../hex.js";

/**
 * The registries have one address on every chain: CREATE2 through the keyless factory that most chains carry
 * (github.com/Arachnid/deterministic-deployment-proxy), salt zero. No record of a deployment is kept or needed: the
 * address follows from the code, and code at the address is the deployment.
 */
export const FACTORY: Hex = "0x4e59b44847b379578588920cA78FbF26c0B4956C";

/**
 * How the factory itself comes to a chain that lacks it: a transaction without an owner, signed with r = s = 0x22…22,
 * whose sender first needs 0.01 ether (100 gwei · 100,000 gas).
 */
export const FACTORY_DEPLOYER: Hex = "0x3fAB184622Dc19b6109349B94811493BF2a45362";
export const FACTORY_FUNDS = 10n ** 16n;
export const FACTORY_TRANSACTION: Hex = `0x${[
  "f8a58085174876e800830186a08080b853604580600e600039806000f350fe7f",
  "ff".repeat(31),
  "e03601600081602082378035828234f58015156039578182fd5b808252505050",
  "6014600cf31ba0",
  "22".repeat(32),
  "a0",
  "22".repeat(32),
].join("")}`;

export type Deployment = { name: string; address: Hex; initCode: Hex };

/** What is deployed, in order, and where. */
export function deployments(): [schemaRegistry: Deployment, attestationRegistry: Deployment] {
  const schemaRegistry = deployment("SchemaRegistry", SchemaRegistry__factory.bytecode);
  const argument = AbiCoder.defaultAbiCoder().encode(["address"], [schemaRegistry.address]).slice(2);
  return [
    schemaRegistry,
    deployment("AttestationRegistry", `${AttestationRegistry__factory.bytecode}${argument}`),
  ];
}

/** Calldata by which the factory makes a contract. */
export function factoryCall({ initCode }: Deployment): Hex {
  return `${ZERO_WORD}${initCode.slice(2)}`;
}

function deployment(name: string, initCode: string): Deployment {
  return {
    name,
    initCode: initCode as Hex,
    address: getCreate2Address(FACTORY, ZERO_WORD, keccak256(initCode)) as Hex,
  };
}
