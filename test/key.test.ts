import { assert } from "chai";
import { getBytes, SigningKey, Transaction } from "ethers";
import { type Hex, hex, keccak, unhex } from "../src/hex.js";
import { keyOf, type UnsignedTransaction } from "../src/key.js";
import { randomOf } from "./contracts/support/random.js";
import { seed } from "./support/seed.js";

const PRIVATE: Hex = `0x${"4c".repeat(32)}`;
const key = keyOf(PRIVATE, "a test");

const PLAIN: UnsignedTransaction = {
  chainId: 1n,
  nonce: 7,
  to: `0x${"ab".repeat(20)}`,
  data: "0x",
  gasLimit: 21_000n,
  maxFee: 30_000_000_000n,
  tip: 1_000_000_000n,
};

/** What ethers makes of the same transaction and the same key. */
function byEthers({ gasLimit, maxFee, tip, ...fields }: UnsignedTransaction): { raw: string; hash: string } {
  const fees = { maxFeePerGas: maxFee, maxPriorityFeePerGas: tip };
  const transaction = Transaction.from({ ...fields, ...fees, gasLimit, type: 2 });
  transaction.signature = new SigningKey(PRIVATE).sign(transaction.unsignedHash);
  return { raw: transaction.serialized, hash: transaction.hash! };
}

function same(transaction: UnsignedTransaction, what: string): Transaction {
  const signed = key.signTransaction(transaction);
  assert.deepEqual(signed, byEthers(transaction) as { raw: Hex; hash: Hex }, what);
  return Transaction.from(signed.raw);
}

describe("A signed transaction", () => {
  const random = randomOf(`key ${seed}`);

  for (const size of [0, 1, 2, 54, 55, 56, 57, 255, 256, 257, 65_534, 65_535, 65_536, 130_000]) {
    it(`is what ethers makes of it with ${size} bytes of data`, () => {
      same({ ...PLAIN, data: hex(random.bytes(size)) }, `${size}`);
    });
  }

  it("is what ethers makes of it with each byte as data alone: from 0x80 on it has a length in front", () => {
    for (let byte = 0; byte < 256; byte += 1) same({ ...PLAIN, data: hex(Uint8Array.of(byte)) }, `${byte}`);
  });

  it("is what ethers makes of it where a number is zero, or at the edge of a length", () => {
    const edges = [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, Number.MAX_SAFE_INTEGER];
    for (const edge of edges) {
      const wide = BigInt(edge);
      same({ ...PLAIN, nonce: edge }, `nonce ${edge}`);
      same({ ...PLAIN, gasLimit: wide }, `gas ${edge}`);
      same({ ...PLAIN, maxFee: wide, tip: 0n }, `fee ${edge}`);
      same({ ...PLAIN, maxFee: wide, tip: wide }, `tip ${edge}`);
      same({ ...PLAIN, value: wide }, `value ${edge}`);
      same({ ...PLAIN, chainId: wide }, `chain ${edge}`);
    }
    same({ ...PLAIN, value: 2n ** 256n - 1n }, "the largest value");
    same({ ...PLAIN, to: `0x${"00".repeat(20)}` }, "to nobody");
    same({ ...PLAIN, to: "0x8ba1f109551bD432803012645Ac136ddd64DBA72" }, "an address with its checksum");
  });

  it("is what ethers makes of it whatever the signature is: zeros in front of r and s, and both parities", () => {
    let [shortR, shortS] = [0, 0];
    const parities = new Set<number>();
    for (let nonce = 0; nonce < 1_500; nonce += 1) {
      const { r, s, yParity } = same({ ...PLAIN, nonce }, `nonce ${nonce}`).signature!;
      if (r.startsWith("0x00")) shortR += 1;
      if (s.startsWith("0x00")) shortS += 1;
      parities.add(yParity);
      assert.isTrue(
        BigInt(s) <= 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n,
        "low s",
      );
    }
    assert.deepEqual([...parities].sort(), [0, 1]);
    assert.isAbove(shortR, 0);
    assert.isAbove(shortS, 0);
  }).timeout(60_000);

  it("is what ethers makes of it for anything", () => {
    const number = (bytes: number) => BigInt(hex(random.bytes(1 + random.below(bytes))));
    for (let run = 0; run < 300; run += 1) {
      const maxFee = number(12);
      const transaction: UnsignedTransaction = {
        chainId: 1n + number(4),
        nonce: random.below(2 ** random.below(48)),
        to: hex(random.bytes(20)),
        data: hex(random.bytes(random.below(2 ** random.below(12)))),
        gasLimit: number(4),
        maxFee,
        tip: random.below(2) === 0 ? 0n : maxFee / 2n,
        ...(random.below(2) === 0 ? {} : { value: number(12) }),
      };
      same(transaction, `run ${run} of seed ${seed}`);
    }
  });

  it("has the hash of its bytes, and comes from the key's address", () => {
    const { raw, hash } = key.signTransaction(PLAIN);
    assert.equal(hash, hex(keccak(unhex(raw))));
    assert.equal(Transaction.from(raw).from, key.address);
    assert.equal(getBytes(raw)[0], 2);
  });

  it("is not made to what is no address, nor of a negative number", () => {
    for (const to of ["0x", `0x${"ab".repeat(19)}`, `0x${"ab".repeat(21)}`, `0x${"zz".repeat(20)}`] as const)
      assert.throws(() => key.signTransaction({ ...PLAIN, to }), /address|hex/);
    assert.throws(() => key.signTransaction({ ...PLAIN, value: -1n }));
    assert.throws(() => key.signTransaction({ ...PLAIN, nonce: 1.5 }));
  });
});
