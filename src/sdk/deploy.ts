import type { Chain } from "../chain/chain.js";
import {
  type Deployment,
  deployments,
  FACTORY,
  FACTORY_DEPLOYER,
  FACTORY_FUNDS,
  FACTORY_TRANSACTION,
  factoryCall,
} from "../chain/deployment.js";
import { WaybillError } from "../errors.js";
import { type Hex, hex, keccak, unhex } from "../hex.js";
import { type OneOff, type Payer, priceOf, transact } from "./transact.js";

export type DeploymentStep = Deployment & { present: boolean; codeHash: Hex | null };

/** What is there already. Code at the address is the right code: the address is a hash of it. */
export async function deploymentSteps(chain: Chain): Promise<DeploymentStep[]> {
  return Promise.all(
    deployments().map(async (deployment) => {
      const code = await chain.code(deployment.address);
      return {
        ...deployment,
        present: code !== "0x",
        codeHash: code === "0x" ? null : hex(keccak(unhex(code))),
      };
    }),
  );
}

/** Wei that the missing parts cost at most, at today's fees. */
export async function deploymentCost(chain: Chain, from: Hex): Promise<bigint> {
  let cost = 0n;
  const factory = (await chain.code(FACTORY)) !== "0x";
  if (!factory) cost += FACTORY_FUNDS;
  for (const step of await deploymentSteps(chain)) {
    if (step.present) continue;
    // The second registry's constructor does not call the first, so it is priced alone just as well.
    const transaction = { to: FACTORY, data: factoryCall(step) };
    const { gas, maxFee } = factory
      ? await priceOf(chain, from, transaction)
      : await priceOf(chain, from, { to: from, data: "0x" }).then((fees) => ({ ...fees, gas: 3_000_000n }));
    cost += gas * maxFee;
  }
  return cost;
}

/**
 * Deploys what is missing, and the factory first where the chain lacks it. Safe to run again at any point.
 * @param onStep told after each transaction
 */
export async function deployRegistries(
  chain: Chain,
  payer: Payer,
  pollMs: number,
  onStep: (what: string) => void = () => {},
): Promise<{ schemaRegistry: Hex; attestationRegistry: Hex }> {
  if ((await chain.code(FACTORY)) === "0x") {
    await makeFactory(chain, payer, pollMs);
    onStep("the CREATE2 factory");
  }
  for (const step of await deploymentSteps(chain)) {
    if (step.present) continue;
    const transaction: OneOff = { to: FACTORY, data: factoryCall(step) };
    await transact(chain, payer, transaction, pollMs);
    if ((await chain.code(step.address)) === "0x") {
      throw new WaybillError("E_DEPLOY", `${step.name} is not at ${step.address} after its deployment`, {
        mend: "run again; if it stays so, the node is not telling the truth",
      });
    }
    onStep(step.name);
  }
  const [schemaRegistry, attestationRegistry] = deployments();
  return { schemaRegistry: schemaRegistry.address, attestationRegistry: attestationRegistry.address };
}

async function makeFactory(chain: Chain, payer: Payer, pollMs: number): Promise<void> {
  const balance = await chain.balance(FACTORY_DEPLOYER);
  if (balance < FACTORY_FUNDS) {
    await transact(
      chain,
      payer,
      { to: FACTORY_DEPLOYER, data: "0x", value: FACTORY_FUNDS - balance },
      pollMs,
    );
  }
  const reply = await chain.send(FACTORY_TRANSACTION);
  for (let look = 0; (await chain.code(FACTORY)) === "0x"; look += 1) {
    if (look === 100 || (reply.kind !== "accepted" && reply.kind !== "known")) {
      const why = "message" in reply ? reply.message : "it does not appear";
      throw new WaybillError("E_DEPLOY", `the CREATE2 factory cannot be put on this chain: ${why}`, {
        mend: "chains that refuse transactions without a chain id need the factory from their operator",
      });
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
