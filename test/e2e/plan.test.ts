import { expect } from "chai";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { GAS_PRICE_ORACLE } from "../../src/chain/l1Fee.js";
import type { Pricing, Way } from "../../src/cli/price.js";
import { runCli, runJson, stopAll, temporaryFolder } from "../support/cli.js";
import { type LocalChain, startLocalChain } from "../support/localChain.js";

const SCHEMA = "string name,uint64 score";
const ROWS = 3_000;

/** Code that answers every call with 5,000 wei for each byte that its second word says. */
const BYTES_TIMES_5000 = "0x6004356113880260005260206000f3";

describe("A plan", () => {
  const folder = temporaryFolder();
  const file = join(folder.path, "rows.csv");
  let chain: LocalChain;

  before(async () => {
    chain = await startLocalChain("--gas-limit", "30000000");
    const { code, output } = await runCli(["schema", "add", SCHEMA, "--rpc-url", chain.url]);
    expect(code, output).to.equal(0);
    const rows = Array.from({ length: ROWS }, (_, index) => `person ${index},${index}\n`);
    writeFileSync(file, `name,score\n${rows.join("")}`);
    // Empty blocks bring the base fee down to nothing; from here on it stays.
    chain.mining(false);
  });

  after(async () => {
    await stopAll();
    await chain?.stop();
    folder.remove();
  });

  const command = (...more: string[]) => ["plan", file, "--schema", SCHEMA, "--rpc-url", chain.url, ...more];
  const planned = async (...more: string[]) => {
    const { data, code, output } = await runJson<Pricing & { gas: number; transactions: number }>(
      command(...more),
    );
    expect(code, output).to.equal(0);
    return data;
  };
  const wayOf = (plan: Pricing, mode: string) => plan.modes.find((way) => way.mode === mode)!;
  /** A JSON document has big numbers as text. */
  const wei = (text: unknown) => BigInt(text as string);
  const pathCost = ({ path }: Way) =>
    path.reduce((sum, { baseFeeWei, gas }) => sum + wei(baseFeeWei) * BigInt(gas), 0n);

  it("prices the job in each mode, at each level and twice as fast, without a key", async () => {
    const plan = await planned("--deadline", "2h");
    expect(plan.mode).to.equal("deadline");
    expect(plan.modes.map(({ mode }) => mode)).to.deep.equal(["economy", "deadline", "max"]);
    for (const way of plan.modes) {
      expect(wei(way.costWei), way.mode).to.equal(pathCost(way) + wei(plan.tipWei) * BigInt(plan.gas));
      expect(way.path[0]!.baseFeeWei, way.mode).to.equal(plan.baseFeeWei);
    }
    const max = wayOf(plan, "max");
    expect(max.blocks).to.equal(Math.ceil(plan.gas / 30e6));
    // Each block of ours is full: the next one asks an eighth more.
    for (const [index, { baseFeeWei }] of max.path.entries()) {
      const before = max.path[index - 1];
      if (before !== undefined)
        expect(Number(baseFeeWei) / Number(before.baseFeeWei)).to.be.within(1.125 - 1e-6, 1.125 + 1e-6);
    }
    expect(Number(wayOf(plan, "economy").costWei)).to.be.at.most(Number(max.costWei));
    expect(plan.costWei).to.equal(wayOf(plan, "deadline").costWei);
    expect(wei(plan.atMostWei) > wei(max.costWei) / 2n).to.equal(true);
    expect(plan.l1FeeWei).to.equal(null);

    const levels = plan.levels.map(({ level }) => level);
    expect(levels).to.deep.equal(["record", "seal", "anchor"]);
    const [record, seal, anchor] = plan.levels;
    expect(record).to.include({ gas: plan.gas, transactions: plan.transactions });
    expect(anchor!.transactions).to.equal(1);
    for (const [index, { mode, costWei }] of record!.modes.entries()) {
      expect(costWei, mode).to.equal(wayOf(plan, mode).costWei);
      expect(wei(costWei) > 4n * wei(seal!.modes[index]!.costWei), mode).to.equal(true);
      expect(wei(seal!.modes[index]!.costWei) > wei(anchor!.modes[index]!.costWei), mode).to.equal(true);
    }
  });

  it("says what is not possible: nothing is faster than max, and a deadline has a moment that lies ahead", async () => {
    expect((await planned()).twiceAsFast).to.equal(null);
    const economy = await planned("--mode", "economy");
    expect(economy.twiceAsFast!.seconds).to.be.at.most(wayOf(economy, "economy").seconds / 2);
    for (const more of [
      ["--mode", "deadline"],
      ["--mode", "slow"],
      ["--deadline", "yesterday"],
      ["--deadline", "0h"],
      ["--deadline", "2001-01-01T00:00:00Z"],
    ]) {
      const { code, data } = await runJson(command(...more));
      expect([code, data.error.code], more.join(" ")).to.deep.equal([2, "E_USAGE"]);
    }
    const { data } = await runJson(command(), { env: { WAYBILL_MODE: "economy" } });
    expect(data.mode).to.equal("economy");
  });

  it("is read by people within 100 columns", async () => {
    const { stdout, code } = await runCli(command("--mode", "economy"));
    expect(code).to.equal(0);
    for (const line of stdout.split("\n")) expect(line.length, line).to.be.at.most(100);
    for (const word of ["economy *", "max", "twice as fast", "record *", "seal", "anchor", "base fee"]) {
      expect(stdout).to.include(word);
    }
  });

  it("has in its cost what an OP-stack chain takes for data", async () => {
    const without = await planned();
    await chain.anvil.request("anvil_setCode", [GAS_PRICE_ORACLE, BYTES_TIMES_5000]);
    const plan = await planned();
    const [record, seal, anchor] = plan.levels;
    // All transactions have the mean of their bytes.
    expect(Number(plan.l1FeeWei) / (5_000 * record!.bytes)).to.be.within(1, 1.001);
    expect(wei(plan.costWei) - wei(without.costWei)).to.equal(wei(plan.l1FeeWei));
    expect(wei(plan.atMostWei) - wei(without.atMostWei)).to.equal(wei(plan.l1FeeWei));
    for (const [level, before] of [
      [seal!, without.levels[1]!],
      [anchor!, without.levels[2]!],
    ] as const) {
      const more = wei(level.modes.at(-1)!.costWei) - wei(before.modes.at(-1)!.costWei);
      expect(Number(more) / (5_000 * level.bytes), level.level).to.be.within(1, 1.01);
    }
    await chain.anvil.request("anvil_setCode", [GAS_PRICE_ORACLE, "0x"]);
  });
});
