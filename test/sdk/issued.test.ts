import { expect } from "chai";
import type { Block, Chain } from "../../src/chain/chain.js";
import { rangeOf } from "../../src/sdk/issued.js";

/** A chain whose blocks have these times. */
function chainOf(times: readonly number[]): { chain: Chain; newest: Block } {
  const block = async (number: number) => ({ number, timestamp: times[number]! }) as Block;
  const newest = { number: times.length - 1, timestamp: times.at(-1)! } as Block;
  return { chain: { block } as unknown as Chain, newest };
}

describe("The blocks of a filter", () => {
  const { chain, newest } = chainOf([10, 20, 20, 30, 40, 40]);
  const range = (since: number | null, before: number | null) =>
    rangeOf(chain, { schema: null, since, before }, newest);

  it("are all of them without a time", async () => {
    expect(await range(null, null)).to.deep.equal({ from: 0, to: 5 });
  });

  it("begin with the first of that time or later", async () => {
    expect(await range(20, null)).to.deep.equal({ from: 1, to: 5 });
    expect(await range(21, null)).to.deep.equal({ from: 3, to: 5 });
    expect(await range(0, null)).to.deep.equal({ from: 0, to: 5 });
    expect(await range(40, null)).to.deep.equal({ from: 4, to: 5 });
  });

  it("end with the last of an earlier time", async () => {
    expect(await range(null, 20)).to.deep.equal({ from: 0, to: 0 });
    expect(await range(null, 21)).to.deep.equal({ from: 0, to: 2 });
    expect(await range(null, 41)).to.deep.equal({ from: 0, to: 5 });
    expect(await range(20, 40)).to.deep.equal({ from: 1, to: 3 });
  });

  it("are none where no block has such a time", async () => {
    for (const [since, before] of [
      [41, null],
      [null, 10],
      [31, 40],
    ] as const)
      expect(await range(since, before), `${since} ${before}`).to.equal(null);
  });
});
