import { expect } from "chai";
import type { Chain, Log } from "../../src/chain/chain.js";
import { logsInRanges } from "../../src/chain/ranges.js";
import { RpcError } from "../../src/errors.js";
import { ZERO_ADDRESS, ZERO_WORD } from "../../src/hex.js";

const FILTER = { address: ZERO_ADDRESS, topics: [] };

/** A node with so many logs in each block, which takes questions about so many blocks. */
function node(logsIn: (block: number) => number, most = Infinity) {
  const asked: [from: number, to: number][] = [];
  const chain = {
    async logs({ from, to }: { from: number; to: number }): Promise<Log[]> {
      asked.push([from, to]);
      if (to - from + 1 > most) throw new RpcError(-32005, "too many blocks", undefined);
      const logs: Log[] = [];
      for (let block = from; block <= to; block += 1)
        for (let index = 0; index < logsIn(block); index += 1)
          logs.push({ index, block, blockHash: ZERO_WORD, transaction: ZERO_WORD, topics: [], data: "0x" });
      return logs;
    },
  };
  return { asked, chain: chain as unknown as Chain };
}

async function blocksIn(chain: Chain, range: { from: number; to: number }): Promise<number[]> {
  const blocks: number[] = [];
  for await (const logs of logsInRanges(chain, FILTER, range)) blocks.push(...logs.map(({ block }) => block));
  return blocks;
}

describe("Logs in ranges of blocks", () => {
  it("are all of them, each once and in order, however few blocks the node takes", async () => {
    for (const most of [1, 7, 4_999, Infinity]) {
      const { chain } = node((block) => (block % 1_000 === 0 ? 2 : 0), most);
      const blocks = await blocksIn(chain, { from: 1_000, to: most === 1 ? 3_000 : 20_000 });
      const expected = Array.from({ length: most === 1 ? 3 : 20 }, (_, i) => [
        (i + 1) * 1_000,
        (i + 1) * 1_000,
      ]);
      expect(blocks, String(most)).to.deep.equal(expected.flat());
    }
  });

  it("take a dozen questions of a long chain that has few of them", async () => {
    const { chain, asked } = node((block) => (block === 19_000_000 ? 1 : 0));
    expect(await blocksIn(chain, { from: 0, to: 20_000_000 })).to.deep.equal([19_000_000]);
    expect(asked.length).to.be.lessThan(15);
  });

  it("are asked for in fewer blocks where there are many, so that no answer is too large", async () => {
    const { chain, asked } = node((block) => (block < 10_000 ? 0 : 4));
    await blocksIn(chain, { from: 0, to: 60_000 });
    const sizes = asked.slice(2).map(([from, to]) => to - from + 1);
    expect(Math.max(...sizes)).to.be.at.most(20_000);
    expect(sizes.at(-2)).to.be.at.most(5_000);
  });

  it("fail with the node's own words if it refuses a single block", async () => {
    const { chain } = node(() => 0, 0);
    const error = await blocksIn(chain, { from: 5, to: 9 }).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(RpcError);
  });

  it("are none where there is no block", async () => {
    const { chain, asked } = node(() => 1);
    expect(await blocksIn(chain, { from: 5, to: 4 })).to.deep.equal([]);
    expect(asked).to.deep.equal([]);
  });
});
