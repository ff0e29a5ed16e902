import { expect } from "chai";
import type { Request } from "../../src/chain/http.js";
import { type Hex, ZERO_ADDRESS, ZERO_WORD } from "../../src/hex.js";
import { headerFrom, headerOf } from "../../src/verifier/header.js";
import { startAnvil } from "../support/anvil.js";

type Raw = { [name: string]: unknown };

/** Ethereum's first block, as every node of it gives it. */
const GENESIS: Raw = {
  hash: "0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3",
  parentHash: ZERO_WORD,
  sha3Uncles: "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
  miner: ZERO_ADDRESS,
  stateRoot: "0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544",
  transactionsRoot: "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
  receiptsRoot: "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
  logsBloom: `0x${"0".repeat(512)}`,
  difficulty: "0x400000000",
  number: "0x0",
  gasLimit: "0x1388",
  gasUsed: "0x0",
  timestamp: "0x0",
  extraData: "0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa",
  mixHash: ZERO_WORD,
  nonce: "0x0000000000000042",
  size: "0x21c",
  uncles: [],
  transactions: [],
};

/** With how many fields of a header each fork ends. */
const FORKS = [
  ["berlin", 15],
  ["london", 16],
  ["shanghai", 17],
  ["cancun", 20],
  ["prague", 21],
  ["osaka", 21],
] as const;

describe("a header", () => {
  it("makes the hash of Ethereum's first block", () => {
    const reading = headerOf(GENESIS);
    expect(reading).to.deep.include({ outcome: "pass" });
    expect(reading).to.have.nested.include({ "header.number": 0, "header.stateRoot": GENESIS.stateRoot });
  });

  for (const [fork, fields] of FORKS) {
    it(`makes the hash of a block under ${fork}, and no other field makes it`, async () => {
      const anvil = await startAnvil("--hardfork", fork);
      try {
        const block = await mined(anvil.request);
        const reading = headerOf(block);
        expect(reading.outcome).to.equal("pass");
        let altered = 0;
        for (const name of Object.keys(block)) {
          const value = block[name];
          if (typeof value !== "string" || ["size", "totalDifficulty"].includes(name)) continue;
          const last = parseInt(value.at(-1)!, 16);
          const other = `${value.slice(0, -1)}${((last + 1) % 16).toString(16)}`;
          const forged = headerOf({ ...block, [name]: other });
          expect(forged.outcome, name).to.not.equal("pass");
          altered += 1;
        }
        expect(altered).to.equal(fields + 1);
        const { header } = reading as { header: { encoded: Hex } };
        expect(headerFrom(header.encoded)).to.deep.equal(reading);
      } finally {
        await anvil.stop();
      }
    });
  }

  it("is neither right nor wrong where there is a field that nobody here knows", () => {
    const later = { ...GENESIS, hash: `0x${"12".repeat(32)}` };
    expect(headerOf(later).outcome).to.equal("fail");
    expect(headerOf({ ...later, blockAccessListHash: ZERO_WORD }).outcome).to.equal("unknown");
    // A field beside the header does not matter where the others make the hash.
    expect(headerOf({ ...GENESIS, blockAccessListHash: ZERO_WORD }).outcome).to.equal("pass");
  });

  it("is read whole from its bytes with fields of a later fork, and not with fewer", () => {
    const { header } = headerOf(GENESIS) as { header: { encoded: Hex } };
    expect(headerFrom(header.encoded)).to.have.nested.property("header.hash", GENESIS.hash);
    for (const other of ["0x", "0xc0", "0x80", header.encoded.slice(0, -2), `0x${"c1".repeat(4000)}`]) {
      expect(headerFrom(other as Hex).outcome, other.slice(0, 20)).to.equal("fail");
    }
    expect(headerFrom(`0x${"c1".repeat(9_000_000)}`).outcome).to.equal("fail");
  });

  it("is refused when a field is missing, of another type, or beyond all numbers", () => {
    for (const name of Object.keys(GENESIS).filter(
      (name) => !["size", "uncles", "transactions"].includes(name),
    )) {
      for (const value of [undefined, null, 7, {}, "", "0x", "zz", `0x${"1".repeat(9_000)}`]) {
        if (name === "extraData" && value === "0x") continue;
        expect(headerOf({ ...GENESIS, [name]: value }).outcome, `${name} ${String(value)}`).to.equal("fail");
      }
    }
    for (const other of [null, 7, "0x", []]) expect(headerOf(other).outcome).to.equal("fail");
  });
});

/** A block with a transaction, some logs or none: its roots are not those of an empty one. */
async function mined(node: Request): Promise<Raw> {
  const [from] = (await node("eth_accounts", [])) as Hex[];
  await node("eth_sendTransaction", [{ from, to: from, value: "0x1", gasPrice: "0x77359400" }]);
  await node("evm_mine", []);
  for (let number = 1; ; number += 1) {
    const block = (await node("eth_getBlockByNumber", [`0x${number.toString(16)}`, false])) as Raw;
    if ((block.transactions as Hex[]).length > 0) return block;
  }
}
