import { assert } from "chai";
import { type Item, packItems, uidOf } from "../../src/attestation.js";
import { type Hex, ZERO_WORD } from "../../src/hex.js";
import { appendRoot, appendUids, EMPTY_STREAM, type Head } from "../../src/stream.js";
import { rootOf } from "../../src/tree.js";
import { seed } from "../support/seed.js";
import { type Chain, deploy, register } from "./support/deploy.js";
import { type Random, randomItem, randomOf } from "./support/random.js";

const CASES = 10_000;
/** One, two, three, odd, and around powers of two. */
const SIZES = [1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17];
const LARGE = [31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257];

type Step = { level: number; items: Uint8Array; root: Hex; count: number };

describe("packed batches, trees and streams are the chain's own, byte for byte", function () {
  this.timeout(300_000);
  let chain: Chain;
  let schema: Hex;
  let attester: Hex;
  let probe: Awaited<ReturnType<Chain["ethers"]["deployContract"]>>;

  before(async () => {
    chain = await deploy();
    schema = await register(chain.schemas, "bytes anything");
    probe = await chain.ethers.deployContract("Probe");
    attester = (await probe.getAddress()) as Hex;
  });

  it(`in ${CASES.toLocaleString("en")} random cases of one to three batches`, async () => {
    const random = randomOf(`levels ${seed}`);
    for (let run = 0; run < CASES; run += 1) {
      const steps = Array.from({ length: 1 + random.below(3) }, () => randomStep(random, SIZES));
      await agrees(steps, `case ${run}`);
    }
  });

  it("in batches of every size around the powers of two up to 257", async () => {
    const random = randomOf(`large levels ${seed}`);
    for (const size of [...SIZES, ...LARGE]) await agrees([randomStep(random, [size], 1)], `${size} items`);
  });

  async function agrees(steps: readonly Made[], context: string): Promise<void> {
    const call = {
      to: attester,
      data: probe.interface.encodeFunctionData("run", [chain.address, schema, steps]),
    };
    const answer = (await chain.provider.request({ method: "eth_call", params: [call, "latest"] })) as Hex;
    const [roots, head] = probe.interface.decodeFunctionResult("run", answer) as unknown as [Hex[], Head];
    let expected = EMPTY_STREAM;
    for (const [index, { level, uids, root, count }] of steps.entries()) {
      assert.equal(roots[index], level === 1 ? rootOf(uids) : ZERO_WORD, context);
      expected = level === 2 ? appendRoot(expected, root, count) : appendUids(expected, uids);
    }
    assert.deepEqual({ count: head.count, hash: head.hash }, expected, context);
  }

  type Made = Step & { uids: Hex[] };

  /** Mostly seals: what an item costs to record, it costs also when nothing is left behind. */
  function randomStep(random: Random, sizes: readonly number[], fixed?: number): Made {
    const level = fixed ?? [0, 1, 1, 1, 1, 2][random.below(6)]!;
    const size = level === 0 ? 1 + random.below(3) : sizes[random.below(sizes.length)]!;
    // A salt for each, since one that is there already cannot be appended again.
    const items: Item[] = Array.from({ length: size }, () => ({
      ...randomItem(random, 140),
      salt: `0x${Buffer.from(random.bytes(32)).toString("hex")}` as Hex,
    }));
    if (size > 1) items[0] = { ...items[0]!, salt: ZERO_WORD, data: random.bytes(33) };
    const uids = items.map((item) => uidOf(chain.separator, { ...item, schema, attester }));
    return level === 2
      ? { level, items: new Uint8Array(), root: rootOf(uids), count: size, uids }
      : { level, items: packItems(items), root: ZERO_WORD, count: 0, uids };
  }
});
