import { expect } from "chai";
import { existsSync } from "node:fs";
import hre from "hardhat";
import { type Options, type Result, simulate } from "../../simulation/simulate.js";
import { COUNTER } from "../../simulation/world.js";

const SEED = 20_260_214;

/** Enough for the lane that keeps the laws: the first run shows it. */
const PATIENCE = 800;

async function run(options: Partial<Options>): Promise<Result> {
  const result = await simulate({
    seed: SEED,
    items: 160,
    kills: 8,
    target: "counter",
    broken: null,
    patience: PATIENCE,
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
    const { doubled } = await run({ items: 100, kills: 6, broken: "law3" });
    expect(doubled).to.be.at.least(1);
  });

  it("does not, if it takes a missing receipt for a lost nonce (law 6)", async () => {
    const { doubled, missing, end } = await run({ items: 100, kills: 6, broken: "law6" });
    // What it sends twice may also keep it from ever ending.
    expect(doubled + missing >= 1 || end === "stalled").to.equal(true);
  });
});
