import { expect } from "chai";
import { existsSync } from "node:fs";
import hre from "hardhat";
import { type Options, type Result, simulate } from "../../simulation/simulate.js";
import { COUNTER } from "../../simulation/world.js";

/** Fixed: these three runs are the same every time, as far as the machine's speed does not matter. */
const SEED = 20_260_214;

async function run(options: Partial<Options>): Promise<Result> {
  const result = await simulate({
    seed: SEED,
    items: 160,
    kills: 8,
    target: "counter",
    broken: null,
    ...options,
  });
  console.log(`      seed ${SEED}: ${JSON.stringify(result)}`);
  return result;
}

describe("A submitter that is killed again and again, behind a node with faults, on a chain with reorgs", () => {
  before(async () => {
    if (!existsSync(COUNTER)) await hre.tasks.getTask("build").run({ quiet: true });
  });

  it("has every item exactly once on a contract that counts", async () => {
    const result = await run({});
    expect(result).to.include({ exactlyOnce: 160, missing: 0, doubled: 0, end: "done" });
    expect(result.problems).to.deep.equal([]);
    expect(result.kills).to.be.at.least(8);
    expect(result.reorgs).to.be.at.least(1);
  });

  it("does not, if it journals what it has sent after sending it (law 3)", async () => {
    const { doubled, missing } = await run({ items: 100, kills: 6, patience: 1_500, broken: "law3" });
    expect(doubled + missing).to.be.at.least(1);
  });

  it("does not, if it takes a missing receipt for a lost nonce (law 6)", async () => {
    const { doubled, missing } = await run({ items: 100, kills: 6, patience: 1_500, broken: "law6" });
    expect(doubled + missing).to.be.at.least(1);
  });
});
