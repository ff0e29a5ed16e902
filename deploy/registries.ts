/**
 * Deploys both registries through Hardhat's own networks and accounts (its keystore, a hardware wallet):
 *
 *     npx hardhat run deploy/registries.ts --network sepolia
 *
 * It is the same deployment as `waybill deploy`, at the same addresses: CREATE2 through the keyless factory. Ignition
 * is not used, because its records are a second truth about what the chain already says, and its create2 strategy
 * needs a factory that local chains lack and fails when the records are lost.
 */
import hre from "hardhat";
import { chainOf } from "../src/chain/node.js";
import { requestOf } from "../src/chain/provider.js";
import type { Hex } from "../src/hex.js";
import { deployRegistries } from "../src/sdk/deploy.js";
import type { Payer } from "../src/sdk/transact.js";

const { ethers, provider } = await hre.network.create();
const [account] = await ethers.getSigners();
if (account === undefined) throw new Error("the network has no account: configure one in hardhat.config.ts");

const chain = chainOf(requestOf(provider));
const payer: Payer = {
  address: account.address as Hex,
  send: async (transaction) => (await account.sendTransaction(transaction)).hash as Hex,
};
const { schemaRegistry, attestationRegistry } = await deployRegistries(chain, payer, 1_000, (what) =>
  console.log(`deployed ${what}`),
);
console.log(`SchemaRegistry       ${schemaRegistry}`);
console.log(`AttestationRegistry  ${attestationRegistry}`);
