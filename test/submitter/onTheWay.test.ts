import { expect } from "chai";
import type { Hex } from "../../src/hex.js";
import type { StoredBatch, UnminedBatch } from "../../src/store/store.js";
import { onTheWay } from "../../src/submitter/onTheWay.js";

describe("what is on its way", () => {
  const [mine, held, gone]: Hex[] = ["0xa1", "0xa2", "0xa3"];
  const signed = (job: number, lane: Hex, ...gas: bigint[]) =>
    ({ job, lane, attempts: gas.map((gasLimit) => ({ gasLimit })) }) as UnminedBatch;
  const planned = (job: number, lane: Hex, id: number, lead = id) => ({ job, lane, id, lead }) as StoredBatch;

  const way = onTheWay(
    [signed(1, mine!, 100n, 200n), signed(2, mine!, 30n), signed(1, held!, 5n), signed(1, gone!, 1_000n)],
    [planned(1, mine!, 7), planned(1, mine!, 8, 7), planned(2, held!, 9)],
    10_000,
    new Set([mine!, held!]),
    new Set([mine!]),
  );

  it("is a transaction for each that leads, by lane, of those that can sign", () => {
    expect([...way.load]).to.have.deep.members([
      [mine, 3],
      [held, 2],
    ]);
    expect(way.count).to.equal(5);
  });

  it("takes the gas of the newest attempt, and the most for what is not signed yet", () => {
    expect(way.gas).to.equal(200 + 30 + 5 + 2 * 10_000);
  });

  it("is, of a job, all of it on any lane, and near where nothing holds it up", () => {
    expect([1, 2, 3].map((job) => way.countOf(job))).to.deep.equal([4, 2, 0]);
    expect(way.nearOf(1)).to.deep.equal({ count: 2, gas: 10_200 });
    expect(way.nearOf(2)).to.deep.equal({ count: 1, gas: 30 });
  });
});
