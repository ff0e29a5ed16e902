import { assert, expect } from "chai";
import { AbiCoder, hexlify, keccak256, toBeHex, toUtf8Bytes, ZeroAddress, ZeroHash } from "ethers";
import { type Attestation, packItems, saltOf, uidOf } from "../../src/attestation.js";
import { type Hex, hex, unhex, ZERO_WORD } from "../../src/hex.js";
import { type Chain, deploy, register, typesOf } from "./support/deploy.js";

const IS_VALID_BY_UID = "isValid(bytes32)";
const IS_VALID_WHOLE = "isValid((bytes32,address,address,bytes32,uint40,bool,bytes32,bytes))";
const DEFINITION = "uint64 score,string note";

/** What a dApp does, through the typed bindings. */
describe("the registries, as a dApp sees them", () => {
  let chain: Chain;
  let schema: Hex;

  beforeEach(async () => {
    chain = await deploy();
    schema = await register(chain.schemas, DEFINITION);
  });

  it("keeps a schema's text and terms, and says so once", async () => {
    const { schemas } = chain;
    assert.equal(await schemas.definitionOf(schema), DEFINITION);
    assert.deepEqual([...(await schemas.termsOf(schema))], [ZeroAddress, true, true]);
    await expect(schemas.register(DEFINITION, ZeroAddress, true)).not.to.emit(schemas, "SchemaRegistered");
    const resolver = chain.relayer.address;
    const id = await schemas.idOf(DEFINITION, resolver, false);
    await expect(schemas.register(DEFINITION, resolver, false))
      .to.emit(schemas, "SchemaRegistered")
      .withArgs(id, resolver, false, DEFINITION);
    await expect(schemas.register("", ZeroAddress, true)).to.be.revertedWithCustomError(
      schemas,
      "EmptyDefinition",
    );
  });

  it("attests, finds the event by issuer, checks by uid and in whole, and revokes", async () => {
    const { registry, issuer } = chain;
    const statement = statementOf("invoice 17");
    const uid = uidOf(chain.separator, statement);
    assert.equal(await registry.uidOf(statement), uid);
    assert.deepEqual(await validity(statement), [false, false]);

    const sent = await registry.connect(issuer).attest(statement);
    const receipt = await sent.wait();
    assert.deepEqual(await validity(statement), [true, true]);
    const [event, ...more] = await registry.queryFilter(registry.filters.Attested(undefined, issuer));
    assert.lengthOf(more, 0);
    assert.equal(event?.args.uid, uid);
    assert.equal(event?.args.data, hex(statement.data));
    const block = await chain.ethers.provider.getBlock(receipt?.blockNumber ?? -1);
    assert.deepEqual(
      [...(await registry.recordOf(uid))],
      [issuer.address, BigInt(block?.timestamp ?? -1), BigInt(statement.expiresAt), true, false],
    );
    assert.equal(await registry.attesterOf(uid), issuer.address);
    // Where state proofs look: the mapping of slots is the third word of the registry's storage.
    const place = AbiCoder.defaultAbiCoder().encode(["bytes32", "uint256"], [uid, 2n]);
    assert.deepEqual(
      [await chain.ethers.provider.getStorage(registry, keccak256(place))],
      [...(await registry.recordsOf([uid]))].map((word) => toBeHex(word, 32)),
    );

    await expect(registry.connect(issuer).revoke([uid], "typed the wrong sum"))
      .to.emit(registry, "Revoked")
      .withArgs(uid, issuer.address, hexlify(toUtf8Bytes("typed the wrong sum")));
    assert.deepEqual(await validity(statement), [false, false]);
  });

  it("answers false for an attestation with any field changed", async () => {
    const { registry, issuer } = chain;
    const statement = statementOf("invoice 17");
    await registry.connect(issuer).attest(statement);
    const changes: Partial<Attestation>[] = [
      { attester: chain.relayer.address as Hex },
      { recipient: chain.relayer.address as Hex },
      { ref: hex(new Uint8Array(32).fill(1)) },
      { expiresAt: statement.expiresAt + 1 },
      { revocable: false },
      { salt: saltOf("invoice 18") },
      { data: statement.data.slice(0, -1) },
    ];
    for (const change of changes)
      assert.isFalse(await registry[IS_VALID_WHOLE]({ ...statement, ...change }), Object.keys(change)[0]);
  });

  it("is no longer valid from the second of its expiry on", async () => {
    const { registry, issuer, networkHelpers } = chain;
    const statement = statementOf("invoice 17");
    await registry.connect(issuer).attest(statement);
    await networkHelpers.time.increaseTo(statement.expiresAt - 1);
    assert.deepEqual(await validity(statement), [true, true]);
    await networkHelpers.time.increaseTo(statement.expiresAt);
    assert.deepEqual(await validity(statement), [false, false]);
  });

  it("refuses to attest in another's name", async () => {
    const { registry, issuer, relayer } = chain;
    await expect(registry.connect(relayer).attest(statementOf("invoice 17")))
      .to.be.revertedWithCustomError(registry, "NotAttester")
      .withArgs(issuer.address, relayer.address);
  });

  it("records a batch that another account sends under the issuer's signature, and once", async () => {
    const { registry, issuer, relayer } = chain;
    const statements = ["a", "b", "c"].map(statementOf);
    const items = packItems(statements);
    const { timestamp } = (await chain.ethers.provider.getBlock("latest")) ?? { timestamp: 0 };
    const terms = {
      attester: issuer.address,
      schema,
      stream: ZERO_WORD,
      position: 0n,
      deadline: timestamp + 600,
    };
    const signature = await issuer.signTypedData(chain.domain, typesOf("Batch"), {
      ...terms,
      level: 0,
      items,
      value: 0n,
    });
    const carried = registry.connect(relayer);
    assert.equal(await carried.record.staticCall(terms, items, signature), 3n);
    await (await carried.record(terms, items, signature)).wait();
    assert.equal(await carried.record.staticCall(terms, items, signature), 0n);
    await expect(carried.record(terms, items, signature)).not.to.emit(registry, "Attested");
    for (const statement of statements) assert.deepEqual(await validity(statement), [true, true]);

    const tampered = packItems(statements.slice(0, 2));
    await expect(carried.record(terms, tampered, signature))
      .to.be.revertedWithCustomError(registry, "InvalidSignature")
      .withArgs(issuer.address);
  });

  it("records and revokes single statements that another account carries", async () => {
    const { registry, issuer, relayer } = chain;
    const statement = statementOf("invoice 17");
    const uid = uidOf(chain.separator, statement);
    const signature = await issuer.signTypedData(chain.domain, typesOf("Attestation"), statement);
    const carried = registry.connect(relayer);
    assert.equal(await carried.attestSigned.staticCall(statement, signature), uid);
    await (await carried.attestSigned(statement, signature)).wait();
    assert.deepEqual(await validity(statement), [true, true]);

    const deadline = 2 ** 40 - 1;
    const revocation = { attester: issuer.address, uids: [uid], reason: "paid", deadline };
    const revoking = await issuer.signTypedData(chain.domain, typesOf("Revocation"), revocation);
    await (await carried.revokeSigned(issuer, [uid], "paid", deadline, revoking)).wait();
    assert.deepEqual(await validity(statement), [false, false]);
  });

  it("revokes what is not recorded, so that its signature is worth nothing", async () => {
    const { registry, issuer, relayer } = chain;
    const statement = statementOf("invoice 17");
    const uid = uidOf(chain.separator, statement);
    const signature = await issuer.signTypedData(chain.domain, typesOf("Attestation"), statement);
    const bodiless = { ...statement, dataHash: chain.ethers.keccak256(statement.data) };
    await (await registry.connect(issuer).revokeUnrecorded([bodiless], "", 0, "0x")).wait();
    await (await registry.connect(relayer).attestSigned(statement, signature)).wait();
    assert.deepEqual(await validity(statement), [false, false]);
    assert.deepEqual(
      [...(await registry.recordOf(uid))],
      [issuer.address, 0n, BigInt(statement.expiresAt), true, true],
    );
  });

  it("reads many slots in one call, laid out as documented", async () => {
    const { registry, issuer } = chain;
    const statement = statementOf("invoice 17");
    const uid = uidOf(chain.separator, statement);
    await (await registry.connect(issuer).attest(statement)).wait();
    const [, recordedAt] = await registry.recordOf(uid);
    const [slot, unknown] = await registry.recordsOf([uid, ZeroHash]);
    assert.equal(unknown, 0n);
    assert.equal(
      slot,
      BigInt(issuer.address) | (recordedAt << 160n) | (BigInt(statement.expiresAt) << 200n) | (1n << 240n),
    );
  });

  it("takes no ETH", async () => {
    const { registry, schemas, issuer } = chain;
    for (const to of [registry, schemas]) {
      await expect(issuer.sendTransaction({ to, value: 1n })).to.be.revertedWithoutReason(chain.ethers);
      assert.equal(await chain.ethers.provider.getBalance(to), 0n);
    }
  });

  function statementOf(key: string): Attestation {
    return {
      schema,
      attester: chain.issuer.address as Hex,
      recipient: toBeHex(0xb0b, 20) as Hex,
      ref: ZERO_WORD,
      expiresAt: 4_000_000_000,
      revocable: true,
      salt: saltOf(key),
      data: unhex(AbiCoder.defaultAbiCoder().encode(["uint64", "string"], [7n, "seven"])),
    };
  }

  /** By uid and in whole. */
  async function validity(statement: Attestation): Promise<[boolean, boolean]> {
    const uid = uidOf(chain.separator, statement);
    return [await chain.registry[IS_VALID_BY_UID](uid), await chain.registry[IS_VALID_WHOLE](statement)];
  }
});
