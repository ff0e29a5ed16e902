import { assert } from "chai";
import { Interface } from "ethers";
import type { BatchTerms } from "../../src/attestation.js";
import { AttestationRegistry__factory } from "../../src/bindings/index.js";
import type { Chain } from "../../src/chain/chain.js";
import { openRegistry, type Registry } from "../../src/chain/registry.js";
import { type Hex, hex } from "../../src/hex.js";
import { type Random, randomOf } from "../contracts/support/random.js";
import { seed } from "../support/seed.js";

const ethers = new Interface(AttestationRegistry__factory.abi);

const SIZES = [0, 1, 31, 32, 33, 63, 64, 65, 1_000, 65_535, 65_536, 131_071];

describe("The calldata of a batch", () => {
  const random = randomOf(`calldata ${seed}`);
  let registry: Registry;

  before(async () => {
    const word: Hex = `0x${"00".repeat(12)}${"ab".repeat(20)}`;
    const chain: Pick<Chain, "chainId" | "code" | "call"> = {
      chainId: async () => 1n,
      code: async () => "0x60",
      call: async () => ({ kind: "returned", data: word }),
    };
    registry = await openRegistry(chain as Chain, `0x${"cd".repeat(20)}`);
  });

  it("is what ethers makes of it, for items and signatures of every length around a word", () => {
    for (const size of SIZES) {
      for (const signature of [0, 64, 65]) {
        const terms = termsOf(random);
        const [items, signed] = [random.bytes(size), hex(random.bytes(signature))];
        const args = [terms, items, signed];
        assert.equal(registry.sealCall(terms, items, signed), ethers.encodeFunctionData("seal", args));
        assert.equal(registry.recordCall(terms, items, signed), ethers.encodeFunctionData("record", args));
      }
    }
  });

  it("is what ethers makes of it, for a root", () => {
    for (const count of [1, 2, 255, 256, 65_535, 2 ** 40 - 1]) {
      const [terms, root, signed] = [termsOf(random), hex(random.bytes(32)), hex(random.bytes(65))];
      const expected = ethers.encodeFunctionData("anchor", [terms, root, count, signed]);
      assert.equal(registry.anchorCall(terms, root, count, signed), expected);
    }
  });

  it("is what ethers makes of it, for a revocation, signed or not", () => {
    for (const reason of ["", "x", "a".repeat(32), "ä€😀".repeat(50)]) {
      for (const count of [0, 1, 2, 500]) {
        const uids = Array.from({ length: count }, () => hex(random.bytes(32)));
        const signed = { attester: hex(random.bytes(20)), deadline: 1, signature: hex(random.bytes(65)) };
        const plain = ethers.encodeFunctionData("revoke", [uids, reason]);
        assert.equal(registry.revokeCall(uids, reason, null), plain);
        const { attester, deadline, signature } = signed;
        const expected = ethers.encodeFunctionData("revokeSigned", [
          attester,
          uids,
          reason,
          deadline,
          signature,
        ]);
        assert.equal(registry.revokeCall(uids, reason, signed), expected);
      }
    }
  });

  it("is what ethers makes of it, for several calls of every length around a word", () => {
    for (const count of [0, 1, 2, 40]) {
      const calls = Array.from({ length: count }, () => hex(random.bytes(random.below(100))));
      assert.equal(registry.multicallCall(calls), ethers.encodeFunctionData("multicall", [calls]));
    }
    const calls = SIZES.map((size) => hex(random.bytes(size)));
    assert.equal(registry.multicallCall(calls), ethers.encodeFunctionData("multicall", [calls]));
  });

  it("is not made of a word or an address of another size", () => {
    const [terms, items] = [termsOf(random), random.bytes(10)];
    for (const wrong of ["0x", `0x${"ab".repeat(31)}`, `0x${"ab".repeat(33)}`] as const) {
      for (const field of ["attester", "schema", "stream"] as const)
        assert.throws(
          () => registry.sealCall({ ...terms, [field]: wrong }, items, "0x"),
          "of the right size",
        );
      assert.throws(() => registry.anchorCall(terms, wrong, 1, "0x"), "of the right size");
      assert.throws(() => registry.revokeCall([wrong], "", null), "of the right size");
    }
  });
});

function termsOf(random: Random): BatchTerms {
  const extreme = random.below(3);
  return {
    attester: hex(random.bytes(20)),
    schema: hex(random.bytes(32)),
    stream: extreme === 0 ? `0x${"00".repeat(32)}` : hex(random.bytes(32)),
    position: [0n, 2n ** 64n - 1n, BigInt(random.below(2 ** 40))][extreme]!,
    deadline: [0, 2 ** 40 - 1, random.below(2 ** 40)][extreme]!,
  };
}
