import { assert } from "chai";
import fc from "fast-check";
import hre from "hardhat";
import {
  batchDigest,
  type BatchTerms,
  domainSeparator,
  type Item,
  packedSize,
  type PackedSize,
  packItems,
  revocationDigest,
  tokensOf,
  uidOf,
} from "../src/attestation.js";
import { AttestationRegistry__factory } from "../src/bindings/index.js";
import { bytesOf, gasOf, type Work, workOf } from "../src/gas.js";
import { hex, type Hex, unhex, ZERO_ADDRESS, ZERO_WORD } from "../src/hex.js";
import { type Key, keyOf } from "../src/key.js";
import { schemaId } from "../src/schema.js";
import { seed } from "./support/seed.js";

const CAP = 2 ** 24;
const DEADLINE = 2 ** 40 - 1;
const contract = AttestationRegistry__factory.createInterface();

/** Shapes of batches: how many items, and what each may hold. */
type Shape = {
  items: number;
  /** bytes of data of an item, at most */
  data: number;
  signed: boolean;
  /** that an item has a recipient, a ref, an expiry, a salt */
  odds: number;
};

describe("the gas model, against mined transactions", function () {
  this.timeout(120_000);
  let separator: Uint8Array;
  let registry: Hex;
  let schema: Hex;
  let lane: Key;
  let issuer: Key;
  let send: (data: Hex, gasLimit: number) => Promise<number>;

  before(async () => {
    const { ethers } = await hre.network.create();
    const [funder] = await ethers.getSigners();
    const schemas = await ethers.deployContract("SchemaRegistry");
    const deployed = await ethers.deployContract("AttestationRegistry", [await schemas.getAddress()]);
    registry = (await deployed.getAddress()) as Hex;
    await schemas.getFunction("register")("bytes data", ZERO_ADDRESS, true);
    schema = schemaId("bytes data", ZERO_ADDRESS, true);
    lane = keyOf(`0x${"11".repeat(32)}`, "the test");
    issuer = keyOf(`0x${"22".repeat(32)}`, "the test");
    const { chainId } = await ethers.provider.getNetwork();
    separator = domainSeparator({ chainId, registry });
    await funder!.sendTransaction({ to: lane.address, value: 10n ** 21n });
    let nonce = 0;
    send = async (data, gasLimit) => {
      const { raw } = lane.signTransaction({
        chainId,
        nonce,
        to: registry,
        data,
        gasLimit: BigInt(gasLimit),
        maxFee: 10n ** 11n,
        tip: 1n,
      });
      nonce += 1;
      const receipt = await (await ethers.provider.broadcastTransaction(raw)).wait();
      return Number(receipt!.gasUsed);
    };
  });

  const attesterOf = (signed: boolean) => (signed ? issuer : lane).address;

  function recordCall(items: readonly Item[], signed: boolean): { data: Hex; packed: Uint8Array } {
    const packed = packItems(items);
    const terms: BatchTerms = {
      attester: attesterOf(signed),
      schema,
      stream: ZERO_WORD,
      position: 0n,
      deadline: signed ? DEADLINE : 0,
    };
    const signature = signed ? issuer.signDigest(batchDigest(separator, terms, "record", packed)) : "0x";
    return { data: contract.encodeFunctionData("record", [terms, packed, signature]) as Hex, packed };
  }

  function revokeCall(uids: readonly Hex[], reason: string, signed: boolean): Hex {
    if (!signed) return contract.encodeFunctionData("revoke", [uids, reason]) as Hex;
    const attester = issuer.address;
    const digest = revocationDigest(separator, { attester, uids, reason, deadline: DEADLINE });
    const call = [attester, uids, reason, DEADLINE, issuer.signDigest(digest)] as const;
    return contract.encodeFunctionData("revokeSigned", call) as Hex;
  }

  /** Sends with exactly the gas of the model: too little would fail, and too much is measured. */
  async function check(planned: Work, data: Hex, context: string): Promise<string | null> {
    const exact = { ...planned, tokens: tokensOf(unhex(data)) };
    const gas = gasOf(exact);
    const used = await send(data, gas);
    if (process.env["GAS_FIT"]) console.log(JSON.stringify({ ...exact, gas, used, planned: gasOf(planned), c: data.length / 2 - 1, b: bytesOf(planned) }));
    return null;
  }

  it("x", async () => {
    const shapes: Shape[] = [];
    for (const signed of [false, true]) {
      for (const [items, data] of [[1,0],[1,32],[1,320],[1,2000],[1,20000],[2,20000],[4,20000],[10,5000],[50,500],[100,320],[100,64],[300,96],[300,0],[420,64],[540,0],[20,3000],[5,1]] as const)
        for (const odds of [0, 0.5, 1]) shapes.push({ items, data, signed, odds });
    }
    let n = 0;
    for (const shape of shapes) {
      const list = fc.sample(fc.array(itemOf(shape), { minLength: shape.items, maxLength: shape.items }), { seed: seed + n++, numRuns: 1 })[0]!;
      const sizes = list.map(packedSize);
      const planned = workOf("record", shape.signed, sizes);
      if (gasOf(planned) > CAP || bytesOf(planned) > 131072) continue;
      const { data } = recordCall(list, shape.signed);
      await check(planned, data, "");
      const uids = list.map((item) => uidOf(separator, { ...item, schema, attester: attesterOf(shape.signed) }));
      const reason = shape.odds === 0 ? "" : shape.odds === 1 ? "x".repeat(300) : "superseded by a later one";
      const rev = workOf("revoke", shape.signed, uids.slice(0, 200).map(() => ({ bytes: 32, tokens: 128, words: 0 })));
      if (process.env["GAS_FIT"]) console.log("reason", reason.length);
      await check(rev, revokeCall(uids.slice(0, 200), reason, shape.signed), "").catch((e) => console.log("FAIL revoke", reason.length, uids.length, String(e).slice(0, 80)));
    }
  });

  function itemOf({ data, odds }: Shape): fc.Arbitrary<Item> {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length }).map((b) => hex(b));
    const maybe = <T,>(value: fc.Arbitrary<T>, absent: T) =>
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }).chain((roll) => (roll < odds ? value : fc.constant(absent)));
    return fc.record({
      recipient: maybe(bytes(20), ZERO_ADDRESS),
      ref: maybe(bytes(32), ZERO_WORD),
      expiresAt: maybe(fc.integer({ min: 2 ** 33, max: 2 ** 34 }), 0),
      revocable: fc.constant(true),
      salt: fc.tuple(fc.constantFrom(8, 16, 32), bytes(32)).map(([n, w]): Hex => `0x${w.slice(2, 2 + 2 * n).padEnd(64, "0")}`),
      data: fc.uint8Array({ minLength: data, maxLength: data }).map((d) => new Uint8Array(d)),
    });
  }
});
