import type { ContractFactory, TransactionReceipt } from "ethers";
import { hardhat } from "./hardhat.js";

type Connection = Awaited<ReturnType<typeof connect>>;
export type Account = Awaited<ReturnType<Connection["ethers"]["getSigners"]>>[number];

/** A transaction that is not sent yet; `to` nobody makes a contract. */
export type Call = { from: Account; to: string | null; data: string };

export type Chain = {
  id: bigint;
  /** what it is, in words */
  settings: string;
  issuer: Account;
  relayer: Account;
  /** @returns the contract's address */
  deploy(factory: ContractFactory, ...args: unknown[]): Promise<string>;
  /** Sends it, into a block of its own. @throws Error if it fails */
  mine(call: Call): Promise<TransactionReceipt>;
  /** Whether it succeeds with this much gas. Nothing is sent. @throws Error if it fails for another reason */
  fitsIn(gas: number, call: Call): Promise<boolean>;
  close(): Promise<void>;
};

const GENESIS = Date.parse("2025-01-01T00:00:00Z");
const BLOCK_SECONDS = 12;

/** For the one transaction that needs more than Ethereum gives one: 100 attestations of EAS. */
const GAS_LIMIT = 2 ** 25;

/**
 * A chain in this process. It has the same times in every run: EAS hashes the time into its uids, and a zero byte of
 * calldata costs less than another.
 */
export async function openChain(): Promise<Chain> {
  const { ethers, provider, networkConfig, close } = await connect();
  const [deployer, issuer, relayer] = await ethers.getSigners();
  if (!deployer || !issuer || !relayer) throw new Error("the chain has no accounts");
  if (networkConfig.type !== "edr-simulated") throw new Error("the chain is not in this process");
  const { chainId } = await ethers.provider.getNetwork();
  let time = GENESIS / 1000;

  async function mine({ from, to, data }: Call): Promise<TransactionReceipt> {
    time += BLOCK_SECONDS;
    await provider.request({ method: "evm_setNextBlockTimestamp", params: [time] });
    const receipt = await (await from.sendTransaction({ to, data, gasLimit: GAS_LIMIT })).wait();
    if (receipt?.status !== 1) throw new Error("a transaction failed");
    return receipt;
  }

  return {
    id: chainId,
    settings: `Hardhat's, in this process: EVM ${networkConfig.hardfork}, chain id ${chainId}`,
    issuer,
    relayer,
    async deploy(factory, ...args) {
      const { data } = await factory.getDeployTransaction(...args);
      const { contractAddress } = await mine({ from: deployer, to: null, data });
      if (contractAddress === null) throw new Error("no contract was made");
      return contractAddress;
    },
    mine,
    async fitsIn(gas, { from, to, data }) {
      const request = { from: from.address, to, data, gas: `0x${gas.toString(16)}` };
      try {
        await provider.request({ method: "eth_call", params: [request, "latest"] });
        return true;
      } catch (refusal) {
        if (refusal instanceof Error && /out of gas/i.test(refusal.message)) return false;
        throw refusal;
      }
    },
    close,
  };
}

function connect() {
  const override = { transactionGasCap: false as const, initialDate: new Date(GENESIS) };
  return hardhat.network.create({ network: "default", override });
}
