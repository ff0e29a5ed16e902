import { ContractFactory } from "ethers";
// By its path: the package `hardhat` of this folder is empty (empty/package.json).
import { default as hardhat } from "../node_modules/hardhat/dist/src/index.js";

export { hardhat };

/** Of a contract that depends on a registry, as it is compiled here for both. */
export async function gateFactory(name: "MemberGate" | "EasGate"): Promise<ContractFactory> {
  const { abi, bytecode } = await hardhat.artifacts.readArtifact(name);
  return new ContractFactory(abi, bytecode);
}
