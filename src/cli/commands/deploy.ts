import { deploymentCost, deploymentSteps, deployRegistries } from "../../sdk/deploy.js";
import { payerOf } from "../../sdk/transact.js";
import { loadPayer } from "../keys.js";
import { ether, type Result, table } from "../output.js";
import { type CommonOptions, confirm, connect } from "../session.js";

/** Puts both registries on a chain, where they are not there already. */
export async function deploy(options: CommonOptions & { dryRun?: boolean }): Promise<Result> {
  const connection = await connect(options, "write");
  try {
    const { chain, network } = connection;
    const before = await deploymentSteps(chain);
    const missing = before.filter((step) => !step.present).map((step) => step.name);
    if (missing.length > 0) {
      const payer = await loadPayer(options, connection.chainId);
      const cost = await deploymentCost(chain, payer.address);
      if (options.dryRun === true) {
        return {
          text: `would deploy ${missing.join(" and ")} on ${network.name} for at most ${ether(cost)}; nothing was sent`,
          data: { network: network.name, missing, atMostWei: cost },
        };
      }
      await confirm(connection, options, `deploying ${missing.join(" and ")} for at most ${ether(cost)}`);
      await deployRegistries(chain, payerOf(chain, payer), network.pollMs, (what) => {
        if (options.quiet !== true) process.stderr.write(`deployed ${what}\n`);
      });
    }
    const steps = await deploymentSteps(chain);
    return {
      text: [
        missing.length === 0
          ? `both registries are on ${network.name} already`
          : `deployed on ${network.name}`,
        table(steps.map((step) => [step.name, `${step.address}  code ${step.codeHash}`])),
        "the addresses are hashes of the code (CREATE2): the same on every chain. To publish the source there:",
        ...steps.map(
          (step) =>
            `  npx hardhat verify --network ${network.name} ${step.address}${argumentOf(step.name, steps)}`,
        ),
      ].join("\n"),
      data: {
        network: network.name,
        chainId: Number(connection.chainId),
        deployed: missing,
        contracts: steps.map(({ name, address, codeHash }) => ({ name, address, codeHash })),
      },
    };
  } finally {
    await connection.close();
  }
}

function argumentOf(name: string, steps: readonly { address: string }[]): string {
  return name === "AttestationRegistry" ? ` ${steps[0]!.address}` : "";
}
