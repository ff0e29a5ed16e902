import { assert, expect } from "chai";
import { hexlify, type Result, toUtf8Bytes, TypedDataEncoder, ZeroHash } from "ethers";
import {
  type Attestation,
  batchDigest,
  type BatchTerms,
  type Item,
  packItems,
  revocationDigest,
  uidOf,
} from "../../src/attestation.js";
import { type Hex, hex, ZERO_WORD } from "../../src/hex.js";
import { seed } from "../support/seed.js";
import { type Chain, deploy, register, typesOf } from "./support/deploy.js";
import { randomItem, randomOf, randomStatement } from "./support/random.js";

const LAST_SECOND = 2 ** 40 - 1;

describe("the uid, in TypeScript and on chain", () => {
  let chain: Chain;
  let schema: Hex;
  let attester: Hex;

  before(async () => {
    chain = await deploy();
    schema = await register(chain.schemas, "bytes anything");
    attester = chain.issuer.address as Hex;
  });

  it("is the same for 10,000 random statements", async () => {
    const random = randomOf(`statements ${seed}`);
    const uids = await chain.ethers.deployContract("Uids");
    const distinct = new Set<string>();
    for (let call = 0; call < 40; call++) {
      const statements = Array.from({ length: 250 }, () => randomStatement(random, 2_000));
      const expected = statements.map((statement) => uidOf(chain.separator, statement));
      const got: string[] = await uids.getFunction("uidsOf").staticCall(chain.address, statements);
      assert.deepEqual([...got], expected);
      for (const uid of expected) distinct.add(uid);
    }
    assert.equal(distinct.size, 10_000);
  });

  it("is recorded, with every field in the event, for 2,000 random packed batches", async () => {
    const random = randomOf(`batches ${seed}`);
    const batches = Array.from({ length: 2_000 }, () =>
      Array.from({ length: 1 + random.below(8) }, () => randomItem(random, 300)),
    );
    // A statement that comes up twice is recorded once.
    const fresh = new Map(batches.flat().map((item) => [statementUid(item), item]));

    const from = await chain.ethers.provider.getBlockNumber();
    for (const items of batches) await send(items);
    const events = await chain.registry.queryFilter(chain.registry.filters.Attested(), from + 1);

    const expected = [...fresh].map(([uid, item]) => ({
      uid,
      attester: chain.issuer.address,
      recipient: chain.ethers.getAddress(item.recipient),
      schema,
      ref: item.ref,
      expiresAt: BigInt(item.expiresAt),
      revocable: item.revocable,
      salt: item.salt,
      data: hex(item.data),
    }));
    assert.equal(events.length, expected.length);
    for (const [index, event] of events.entries())
      assert.deepEqual((event.args as unknown as Result).toObject(), expected[index]);
  });

  it("has the domain that the registry announces by ERC-5267", async () => {
    const [fields, name, version, chainId, verifyingContract, salt, extensions] =
      await chain.registry.eip712Domain();
    assert.deepEqual(
      { fields, name, version, chainId, verifyingContract, salt, extensions: [...extensions] },
      { fields: "0x0f", ...chain.domain, verifyingContract, salt: ZeroHash, extensions: [] },
    );
    assert.equal(verifyingContract, await chain.registry.getAddress());
  });

  it("is what a wallet signs as typed data, and the registry accepts it", async () => {
    const random = randomOf(`wallet ${seed}`);
    const types = typesOf("Attestation");
    for (let i = 0; i < 20; i++) {
      const statement: Attestation = { ...randomItem(random, 300), schema, attester };
      const uid = uidOf(chain.separator, statement);
      assert.equal(TypedDataEncoder.hash(chain.domain, types, statement), uid);

      const signature = await chain.issuer.signTypedData(chain.domain, types, statement);
      await (await chain.registry.connect(chain.relayer).attestSigned(statement, signature)).wait();
      assert.equal(await chain.registry.attesterOf(uid), chain.issuer.address);
    }
  });

  it("leads to the batch digest that a wallet signs, and the registry accepts it", async () => {
    const random = randomOf(`wallet batches ${seed}`);
    const types = typesOf("Batch");
    for (let i = 0; i < 20; i++) {
      const items = packItems(Array.from({ length: 3 }, () => randomItem(random, 300)));
      const terms = { ...plainTerms(), deadline: LAST_SECOND - i };
      const message = { ...terms, level: 0, items, value: 0n };
      const digest = batchDigest(chain.separator, terms, "record", items);
      assert.equal(TypedDataEncoder.hash(chain.domain, types, message), digest);

      const signature = await chain.issuer.signTypedData(chain.domain, types, message);
      const carried = chain.registry.connect(chain.relayer);
      assert.equal(await carried.record.staticCall(terms, items, signature), 3n);
    }
  });

  it("leads to the batch digest of every level, stream, position and value", () => {
    const random = randomOf(`digests ${seed}`);
    for (const [level, name] of (["record", "seal", "anchor"] as const).entries()) {
      const terms: BatchTerms = {
        attester: hex(random.bytes(20)),
        schema: hex(random.bytes(32)),
        stream: hex(random.bytes(32)),
        position: 2n ** 64n - 1n,
        deadline: LAST_SECOND,
      };
      const items = random.bytes(100);
      const value = 2n ** 256n - 1n;
      const message = { ...terms, level, items, value };
      assert.equal(
        TypedDataEncoder.hash(chain.domain, typesOf("Batch"), message),
        batchDigest(chain.separator, terms, name, items, value),
      );
    }
  });

  it("leads to the revocation digest that a wallet signs, and the registry accepts it", async () => {
    const random = randomOf(`revocations ${seed}`);
    const types = typesOf("Revocation");
    const items = Array.from({ length: 6 }, () => ({ ...randomItem(random, 40), revocable: true }));
    await send(items);
    for (const [index, reason] of ["", "Left the Company", "Zurückgezogen ✂️"].entries()) {
      const uids = items.slice(index * 2, index * 2 + 2).map(statementUid);
      const message = { attester, uids, reason, deadline: LAST_SECOND };
      const digest = revocationDigest(chain.separator, message);
      assert.equal(TypedDataEncoder.hash(chain.domain, types, message), digest);

      const signature = await chain.issuer.signTypedData(chain.domain, types, message);
      const carried = chain.registry.connect(chain.relayer);
      await expect(carried.revokeSigned(attester, uids, reason, LAST_SECOND, signature))
        .to.emit(chain.registry, "Revoked")
        .withArgs(uids[0], attester, hexlify(toUtf8Bytes(reason)));
    }
  });

  function statementUid(item: Item): Hex {
    return uidOf(chain.separator, { ...item, schema, attester });
  }

  function plainTerms(): BatchTerms {
    return { attester, schema, stream: ZERO_WORD, position: 0n, deadline: 0 };
  }

  /** Without a signer in between, which would ask for gas, fees and a nonce: 2,000 transactions in seconds. */
  async function send(items: readonly Item[]): Promise<void> {
    const { interface: abi } = chain.registry;
    const data = abi.encodeFunctionData("record", [plainTerms(), packItems(items), "0x"]);
    await chain.provider.request({
      method: "eth_sendTransaction",
      params: [{ from: attester, to: chain.address, data, gas: "0xf00000" }],
    });
  }
});
