import { expect } from "chai";
import { questionCounter } from "../../bench/throughput/proxy.js";
import type { Report } from "../../bench/throughput.js";
import { start, stopAll } from "../support/cli.js";

/**
 * One statement in a transaction, each awaited, fills 0.8 % of such a block. A bound that is nearer to what is measured
 * would be about what else the machine does.
 */
const LEAST_FILL = 0.05;

describe("The throughput benchmark", () => {
  after(stopAll);

  it("counts each question of a batch once, wherever a body is cut", () => {
    const questions = ["eth_call", "eth_chainId", "eth_call"].map((method, id) => ({
      jsonrpc: "2.0",
      method,
      id,
    }));
    const body = Buffer.from(JSON.stringify(questions));
    for (let size = 1; size <= body.length; size += 1) {
      const count = questionCounter();
      let counted = 0;
      for (let at = 0; at < body.length; at += size) counted += count(body.subarray(at, at + size));
      expect(counted, `${size} bytes at a time`).to.equal(3);
    }
  });

  it("measures Waybill in a few blocks, without the packages of those that it is measured against", async () => {
    const { code, stdout, output } = await start(["scripts/bench.mjs", "throughput", "--short", "--json"])
      .ended;
    expect(code, output).to.equal(0);
    const { contenders } = JSON.parse(stdout) as Report;
    expect(contenders.map(({ name }) => name)).to.deep.equal([
      "Waybill record, 4 lanes",
      "Waybill seal, 4 lanes",
    ]);
    for (const one of contenders) {
      const { name, items, blocks, transactions, seconds, itemsPerSecond, fill } = one;
      expect(one.blockGas, name).to.equal(10_000_000);
      expect(seconds, name).to.be.at.least(blocks);
      expect(Math.abs(itemsPerSecond / (items / seconds) - 1), name).to.be.lessThan(0.001);
      expect(fill, name).to.be.within(LEAST_FILL, 1);
      expect(transactions, name).to.be.greaterThan(1);
      // Whatever is asked of the node is asked for a batch or a block: some hundreds of items.
      expect(one.requestsPerItem, name).to.be.within(transactions / items, 0.2);
      expect(one.cpuMsPerItem, name).to.be.within(0.01, 10);
      expect(one.gasPerItem, name).to.be.within(1_000, 60_000);
    }
    const [record, seal] = contenders;
    expect(seal!.gasPerItem).to.be.lessThan(record!.gasPerItem / 4);
  });
});
