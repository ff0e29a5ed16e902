import { expect } from "chai";
import type { Request } from "../../src/chain/http.js";
import type { Hex } from "../../src/hex.js";
import { LANES } from "../../simulation/items.js";
import { poolRule } from "../../simulation/pool.js";
import { chanceOf } from "../../simulation/random.js";

const LANE = LANES[0]!;

function signed(nonce: number, more: { maxFee?: bigint; tip?: bigint; bytes?: number } = {}) {
  const { maxFee = 100n, tip = 10n, bytes = 0 } = more;
  const data: Hex = `0x${"01".repeat(bytes)}`;
  return LANE.signTransaction({ chainId: 1n, nonce, to: LANE.address, data, gasLimit: 21_000n, maxFee, tip });
}

/** A pool with one transaction of the lane at each of these nonces, at 100 and 10 wei. */
function poolWith(pending: readonly number[], queued: readonly number[] = []): Request {
  const at = (nonces: readonly number[]) => ({
    [LANE.address]: Object.fromEntries(
      nonces.map((nonce) => [nonce, { maxFeePerGas: "0x64", maxPriorityFeePerGas: "0xa" }]),
    ),
  });
  return async () => ({ pending: at(pending), queued: at(queued) });
}

const first = (count: number) => Array.from({ length: count }, (_, nonce) => nonce);

describe("The pool of the simulation", () => {
  const chance = chanceOf(1, "pool");

  it("refuses what is larger than 128 KiB, and not what is just as large", async () => {
    const frame = signed(0, { bytes: 131_000 }).raw.length / 2 - 1 - 131_000;
    expect(await poolRule(poolWith([]), signed(0, { bytes: 131_072 - frame }).raw, chance)).to.equal(null);
    expect(await poolRule(poolWith([]), signed(0, { bytes: 131_073 - frame }).raw, chance)).to.include({
      kind: "refusal",
      message: "oversized data: transaction size 131073, limit 131072",
    });
  });

  it("refuses a replacement that does not raise both fees by a tenth", async () => {
    const pool = poolWith([3]);
    for (const fees of [
      { maxFee: 109n, tip: 11n },
      { maxFee: 110n, tip: 10n },
    ]) {
      expect(await poolRule(pool, signed(3, fees).raw, chance)).to.include({
        kind: "refusal",
        message: "replacement transaction underpriced",
      });
    }
    expect(await poolRule(pool, signed(3, { maxFee: 110n, tip: 11n }).raw, chance)).to.equal(null);
    expect(await poolRule(pool, signed(4, { maxFee: 1n, tip: 1n }).raw, chance)).to.equal(null);
  });

  it("takes what is beyond 16 slots, and sometimes forgets it at once; never what is within", async () => {
    const { raw, hash } = signed(20);
    const fate = async (pool: Request) =>
      Promise.all(Array.from({ length: 50 }, () => poolRule(pool, raw, chance)));
    expect((await fate(poolWith(first(15)))).every((answer) => answer === null)).to.equal(true);
    const beyond = await fate(poolWith(first(16)));
    expect(beyond).to.include(null);
    expect(beyond).to.deep.include({ kind: "result", result: hash });
  });

  it("forgets all that is beyond 64 queued", async () => {
    const { raw, hash } = signed(100);
    const answer = await poolRule(poolWith([], first(64)), raw, chance);
    expect(answer).to.deep.equal({ kind: "result", result: hash });
  });
});
