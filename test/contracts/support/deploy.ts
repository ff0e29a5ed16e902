import hre from "hardhat";
import { domainSeparator, TYPES } from "../../../src/attestation.js";
import { AttestationRegistry__factory, SchemaRegistry__factory } from "../../../src/bindings/index.js";
import { type Hex, ZERO_ADDRESS } from "../../../src/hex.js";

/** A fresh chain in process with both registries: the same accounts and the same addresses every time. */
export async function deploy() {
  const { ethers, networkHelpers, provider } = await hre.network.create();
  const [deployer, issuer, relayer] = await ethers.getSigners();
  if (!deployer || !issuer || !relayer) throw new Error("the chain has no accounts");
  const schemas = await new SchemaRegistry__factory(deployer).deploy();
  const registry = await new AttestationRegistry__factory(deployer).deploy(schemas);
  const address = (await registry.getAddress()) as Hex;
  const { chainId } = await ethers.provider.getNetwork();
  return {
    ethers,
    networkHelpers,
    provider,
    issuer,
    relayer,
    schemas,
    registry,
    address,
    separator: domainSeparator({ chainId, registry: address }),
    domain: { name: "Waybill", version: "1", chainId, verifyingContract: address },
  };
}

export type Chain = Awaited<ReturnType<typeof deploy>>;

/** Registers a revocable schema without a resolver and returns its id. */
export async function register(schemas: Chain["schemas"], definition: string): Promise<Hex> {
  await (await schemas.register(definition, ZERO_ADDRESS, true)).wait();
  return (await schemas.idOf(definition, ZERO_ADDRESS, true)) as Hex;
}

/** The one type that is signed, of TYPES: ethers refuses types that the message does not use. */
export function typesOf<K extends keyof typeof TYPES>(name: K) {
  return { [name]: TYPES[name] };
}
