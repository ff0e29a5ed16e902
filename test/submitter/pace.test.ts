import { expect } from "chai";
import { GAS_PRICE_ORACLE } from "../../src/chain/l1Fee.js";
import type { Hex } from "../../src/hex.js";
import { ECONOMY_PATIENCE_S, type Goal } from "../../src/pace.js";
import type { JobTerms } from "../../src/store/store.js";
import type { Outcome, Progress } from "../../src/submitter/submitter.js";
import {
  type Desk,
  type DeskOptions,
  freshKey,
  mineAtEachLook,
  openDesk,
  openWorld,
  type World,
} from "../support/stage.js";

const GWEI = 10n ** 9n;
const NO_LIMITS: JobTerms = { maxFee: null, budget: null };

/** Answers every call with 10^12 wei for each byte that is asked about. */
const ORACLE = "0x6004356500e8d4a510000260005260206000f3";
const WEI_PER_BYTE = 10n ** 12n;

describe("the pace of a job", function () {
  this.timeout(60_000);
  let world: World;
  let desk: Desk;
  /** wei per gas of every block from now on; null for the chain's own */
  let price: bigint | null = null;

  before(async () => {
    world = await openWorld();
  });
  after(() => world.close());
  afterEach(async () => {
    price = null;
    world.faults.heal();
    await world.node("anvil_setCode", [GAS_PRICE_ORACLE, "0x"]);
    await desk.close();
  });

  async function open(options: DeskOptions, wei?: bigint): Promise<void> {
    desk = await openDesk(world, {
      issuer: await freshKey(world),
      lane: await freshKey(world, wei),
      ...options,
    });
  }

  async function mineAt(fee: bigint, blocks: number): Promise<void> {
    for (let block = 0; block < blocks; block += 1) {
      await world.node("anvil_setNextBlockBaseFeePerGas", [`0x${fee.toString(16)}`]);
      await world.mine();
    }
  }

  /** A block at each look, and each at the price that is set. */
  function mineAtPrice(): void {
    world.faults.always("eth_getBlockByNumber", async (forward, [which]) => {
      if (which === "latest") {
        if (price !== null) await world.node("anvil_setNextBlockBaseFeePerGas", [`0x${price.toString(16)}`]);
        await world.mine();
      }
      return forward();
    });
    // What a block behind the newest asks is not known to a node that is told its fees.
    world.faults.always("eth_feeHistory", async (forward, [, , percentiles]) => {
      const answer = (await forward()) as { baseFeePerGas: string[] };
      if (price === null || (percentiles as unknown[]).length > 0) return answer;
      return { ...answer, baseFeePerGas: [...answer.baseFeePerGas.slice(0, -1), `0x${price.toString(16)}`] };
    });
  }

  const now = async () => (await world.chain.block("latest"))!.timestamp;

  async function run(
    terms: JobTerms,
    onProgress: (progress: Progress) => void = () => {},
    signal?: AbortSignal,
  ): Promise<Outcome> {
    const submitter = await desk.submitter({ fees: terms, finalDepth: 2 });
    return submitter.run(desk.job.id, {
      until: "final",
      onProgress,
      ...(signal === undefined ? {} : { signal }),
    });
  }

  for (const mode of ["economy", "deadline"] as const) {
    it(`waits in mode ${mode} while gas is dear, says for what, and goes on by itself when it is cheap again`, async () => {
      await open({ rows: 40 });
      await mineAt(2n * GWEI, 40);
      price = 10n * GWEI;
      mineAtPrice();
      const from = await now();
      const goal: Goal = mode === "economy" ? { mode, since: from } : { mode, by: from + 1_000_000 };
      const waited: string[] = [];
      const outcome = await run({ ...NO_LIMITS, goal }, ({ counts, hold }) => {
        if (counts.waiting === 0) return;
        if (hold !== null) waited.push(`${hold.why}: ${hold.detail}`);
        if (waited.length === 10) price = 2n * GWEI;
      });
      expect(outcome).to.deep.equal({ kind: "done" });
      expect(waited.length).to.be.within(10, 12);
      expect(waited[0]).to.match(/^fee: /);
      expect(waited[0]).to.include(`${10n * GWEI}`);
      expect((await desk.store.counts(desk.job.id)).verified).to.equal(40);
      for (const { gasPrice } of await receipts()) expect(gasPrice < 10n * GWEI).to.equal(true);
    });
  }

  it("waits no longer than its patience or its deadline lets it, however dear gas is", async () => {
    for (const goalAt of [
      (at: number): Goal => ({ mode: "economy", since: at - ECONOMY_PATIENCE_S }),
      (at: number): Goal => ({ mode: "deadline", by: at + 3 }),
    ]) {
      await open({ rows: 40 });
      await mineAt(2n * GWEI, 20);
      price = 10n * GWEI;
      mineAtPrice();
      const goal = goalAt(await now());
      const outcome = await run({ ...NO_LIMITS, goal });
      expect(outcome, goal.mode).to.deep.equal({ kind: "done" });
      for (const { gasPrice } of await receipts()) expect(gasPrice >= 10n * GWEI, goal.mode).to.equal(true);
      price = null;
      world.faults.heal();
      if (goal.mode === "economy") await desk.close();
    }
  });

  it("takes half of a block at most in mode economy, and more of it in mode max", async () => {
    const fullest = new Map<string, number>();
    for (const mode of ["economy", "max"] as const) {
      await open({ rows: 1_500 });
      mineAtEachLook(world);
      const from = await world.head();
      const goal: Goal = mode === "economy" ? { mode, since: await now() } : { mode };
      expect(await run({ ...NO_LIMITS, goal })).to.deep.equal({ kind: "done" });
      world.faults.heal();
      let most = 0;
      for (let number = from; number <= (await world.head()); number += 1) {
        const block = (await world.chain.block(number))!;
        most = Math.max(most, Number(block.gasUsed) / Number(block.gasLimit));
      }
      fullest.set(mode, most);
      if (mode === "economy") await desk.close();
    }
    expect(fullest.get("economy")).to.be.within(0.4, 0.5);
    expect(fullest.get("max")).to.be.greaterThan(0.6);
  });

  it("is remembered with the job: another process goes on at the same pace", async () => {
    await open({ rows: 1 });
    for (const goal of [
      { mode: "economy", since: 1_800_000_000 },
      { mode: "deadline", by: 1_900_000_000 },
    ] as const) {
      await desk.store.setTerms(desk.job.id, { ...NO_LIMITS, goal });
      await desk.reopen();
      expect((await desk.store.job(desk.job.id))!.terms).to.deep.equal({ ...NO_LIMITS, goal });
    }
    await desk.store.setTerms(desk.job.id, { ...NO_LIMITS, goal: { mode: "max" } });
    expect((await desk.store.job(desk.job.id))!.terms).to.deep.equal(NO_LIMITS);
  });

  describe("where the chain takes a fee for data", () => {
    beforeEach(async () => {
      await world.node("anvil_setCode", [GAS_PRICE_ORACLE, ORACLE]);
      mineAtEachLook(world);
      for (const method of ["eth_getBlockReceipts", "eth_getTransactionReceipt"]) {
        world.faults.always(method, async (forward) => {
          const answer = (await forward()) as RawReceipt | RawReceipt[] | null;
          return Array.isArray(answer) ? Promise.all(answer.map(withL1Fee)) : answer && withL1Fee(answer);
        });
      }
    });

    it("law 10: no gas costs more than the cap and the job no more than its budget, by its receipts", async () => {
      await open({ rows: 600 });
      const budget = 7n * 10n ** 16n;
      const maxFee = 20n * GWEI;
      const terms = { maxFee, budget };
      const limits = { transactionGas: 2_000_000 };
      const submitter = await desk.submitter({ fees: terms, finalDepth: 2, limits });
      const outcome = await submitter.run(desk.job.id, { until: "final" });
      expect(outcome.kind === "held" && outcome.hold.why).to.equal("budget");
      const all = await receipts();
      expect(all.length).to.be.greaterThan(2);
      const paid = all.reduce((sum, one) => sum + one.gasUsed * one.gasPrice + one.l1Fee!, 0n);
      const forData = all.reduce((sum, one) => sum + one.l1Fee!, 0n);
      expect(all.every((one) => one.gasPrice <= maxFee)).to.equal(true);
      expect(paid <= budget, `${paid} of ${budget}`).to.equal(true);
      // Without what data costs it would not have been spent.
      expect(2n * (paid - forData) < budget).to.equal(true);
      expect((await desk.store.spending(desk.job.id)).paid).to.equal(paid);

      // More budget, and the rest of it goes.
      const more = await desk.submitter({ fees: { maxFee, budget: 10n ** 18n }, finalDepth: 2, limits });
      expect(await more.run(desk.job.id, { until: "final" })).to.deep.equal({ kind: "done" });
      expect((await desk.store.counts(desk.job.id)).verified).to.equal(600);
    });

    it("nothing is signed that the lane's balance does not cover with its data", async () => {
      await open({ rows: 50 }, 10n ** 16n);
      const outcome = await run(NO_LIMITS);
      expect(outcome.kind === "held" && outcome.hold.why).to.equal("funds");
      expect(await receipts()).to.deep.equal([]);
    });
  });

  type RawReceipt = { transactionHash: Hex };

  async function withL1Fee(receipt: RawReceipt): Promise<object> {
    const { input } = (await world.node("eth_getTransactionByHash", [receipt.transactionHash])) as {
      input: Hex;
    };
    const bytes = BigInt(input.length / 2 - 1);
    return { ...receipt, l1Fee: `0x${(bytes * WEI_PER_BYTE).toString(16)}` };
  }

  /** Of all transactions of the job that are in blocks. */
  async function receipts() {
    const all = [];
    for (const { batch } of await desk.store.batches(
      ["included", "safe", "final", "verified"],
      desk.job.id,
    )) {
      if ("inclusion" in batch) all.push((await world.chain.receipt(batch.inclusion.transaction))!);
    }
    return all;
  }
});
