import { assert } from "chai";
import type { TransactionResponse } from "ethers";
import { type Attestation, type Item, packItems, tokensOf, uidOf } from "../../src/attestation.js";
import { rootFrom, rootOf } from "../../src/tree.js";
import { type Hex, hex, unhex, ZERO_WORD } from "../../src/hex.js";
import { type Chain, deploy, register, typesOf } from "./support/deploy.js";
import { agreesWithSnapshot } from "./support/gasSnapshot.js";
import { type Random, randomOf } from "./support/random.js";
import { pricesOfReading } from "./support/readers.js";

const LAST_SECOND = 2 ** 40 - 1;

/** Gas of whole transactions: 21,000 and calldata included, which snapshots of a call in Solidity leave out. */
describe("gas ceilings", () => {
  let chain: Chain;
  let schema: Hex;
  let attester: Hex;

  before(async () => {
    chain = await deploy();
    schema = await register(chain.schemas, "bytes anything");
    attester = chain.issuer.address as Hex;
  });

  it("records a single attestation of 64 bytes for at most 60,000", async () => {
    const random = randomOf("ceiling: single");
    for (let i = 0; i < 10; i++) assert.isAtMost(await attest(typicalItem(random, 64)), 60_000);
  });

  it("records a batch of 100 for at most 30,000 an item", async () => {
    assert.isAtMost((await record(typicalItems("ceiling: batch", 100))) / 100, 30_000);
  });

  it("revokes 50 for at most 8,500 each", async () => {
    const items = typicalItems("ceiling: revoke", 50);
    await record(items);
    assert.isAtMost((await revoke(items)) / 50, 8_500);
  });

  it("revokes at the same price whatever the size of the data", async () => {
    const prices = new Set<number>();
    for (const size of [0, 64, 10_000]) {
      const item = await withUidOfNoZeroBytes(typicalItem(randomOf(`ceiling: revoke ${size}`), size));
      await attest(item);
      prices.add(await revoke([item]));
    }
    assert.equal(prices.size, 1);
  });

  it("attests at the same price whatever the length of the schema's text", async () => {
    const item = typicalItem(randomOf("ceiling: text"), 64);
    const short = await registerWithoutZeroBytes(33);
    const long = await registerWithoutZeroBytes(4_000);
    assert.notEqual(short, long);
    assert.equal(await attest(item, short), await attest(item, long));
  });

  it("seals a batch of 100 for at most 4,500 an item and 1.05 × the floor of that very transaction", async () => {
    const { gas, floor } = await seal(typicalItems("ceiling: seal", 100));
    assert.isAtMost(gas / 100, 4_500);
    assert.isAtMost(gas, 1.05 * floor);
  });

  it("anchors a root for at most 60,000, whatever its size", async () => {
    for (const count of [1, 100, 2 ** 20]) {
      assert.isAtMost(await anchor(hex(randomOf(`ceiling: anchor ${count}`).bytes(32)), count), 60_000);
    }
  });

  // The registry and two slots are cold at first: 6,800 of the price. In plain Solidity the rest does not fit 3,200.
  it("checks a proof at 2^20 leaves inside a consumer for at most 12,400, and each further one for 10,000", async () => {
    const { first, further } = await proofPrices("ceiling: proof");
    assert.isAtMost(first, 12_400);
    assert.isAtMost(further, 10_000);
  });

  it("revokes 50 leaves by their places for at most 4,000 each", async () => {
    const items = typicalItems("ceiling: leaves", 100);
    await seal(items);
    assert.isAtMost((await revokeLeaves(items, 50)) / 50, 4_000);
  });

  it("appends 100 to a stream for at most 300 an item more than without", async () => {
    await record(typicalItems("ceiling: stream, first", 1), { stream: STREAM });
    const without = await record(typicalItems("ceiling: no stream", 100));
    const within = await record(typicalItems("ceiling: stream", 100), { stream: STREAM, position: 1n });
    assert.isAtMost((within - without) / 100, 300);
  });

  it("records 50 that the issuer signed for at most 400 an item more than the issuer itself", async () => {
    const direct = await record(typicalItems("ceiling: direct", 50));
    assert.isAtMost(((await recordSigned(typicalItems("ceiling: signed", 50))) - direct) / 50, 400);
  });

  it("appends one each to 40 streams in one transaction, for at most 60,000 where they go on", async () => {
    assert.isAtMost((await recordToStreams("ceiling: several", 40, 0n)) / 40, 95_000);
    assert.isAtMost((await recordToStreams("ceiling: several", 40, 1n)) / 40, 60_000);
  });

  // Cold are the registry and the slot of the statement, 4,700, and the two slots of a stream's end, 4,200.
  it("reads a recorded statement inside a consumer for at most 8,000, and the newest of a stream for 13,500", async () => {
    const prices = await pricesOfReading(chain, schema);
    assert.isAtMost(prices["read a recorded statement of 64 B"]!, 8_000);
    assert.isAtMost(prices["read the newest of a stream, recorded"]!, 13_500);
    assert.isAtMost(prices["read the newest of a stream, sealed with 99 others"]!, 20_000);
    assert.isAtMost(prices["read the newest of a stream, anchored with 99 others"]!, 20_000);
  });

  it("costs what the snapshot says", async () => {
    // A chain of its own: what a test before did would show in the price.
    chain = await deploy();
    schema = await register(chain.schemas, "bytes anything");
    const gas: Record<string, number> = {};
    gas["register 33 B"] = await gasOf(chain.schemas.register("x".repeat(33), `0x${"0".repeat(40)}`, true));
    for (const size of [32, 64, 256, 1024])
      gas[`attest ${size} B`] = await attest(typicalItem(randomOf(`snapshot: attest ${size}`), size));
    for (const count of [1, 10, 50, 100])
      gas[`record ${count} × 64 B`] = await record(typicalItems(`snapshot: record ${count}`, count));
    gas["record 50 × 64 B, signed by the issuer"] = await recordSigned(typicalItems("snapshot: signed", 50));
    gas["revoke 1"] = await revoke(typicalItems("snapshot: record 1", 1));
    gas["revoke 50"] = await revoke(typicalItems("snapshot: record 50", 50));
    const sealed = typicalItems("snapshot: seal", 100);
    const { gas: sealing, floor } = await seal(sealed);
    gas["seal 100 × 64 B"] = sealing;
    gas["seal 100 × 64 B, floor of its calldata"] = floor;
    gas["revoke 50 leaves of 100"] = await revokeLeaves(sealed, 50);
    gas["anchor"] = await anchor(hex(randomOf("snapshot: anchor").bytes(32)), 2 ** 20);
    const prices = await proofPrices("snapshot: proof");
    gas["check a proof in 2^20 leaves"] = prices.first;
    gas["check a further proof in 2^20 leaves"] = prices.further;
    gas["check a proof in 2^20 leaves, by the registry's function"] = prices.call;
    const first = await record(typicalItems("snapshot: stream, first", 100), { stream: STREAM });
    gas["record 100 × 64 B, first of a stream"] = first;
    const later = typicalItems("snapshot: stream, later", 100);
    gas["record 100 × 64 B, later in a stream"] = await record(later, { stream: STREAM, position: 100n });
    const several = "snapshot: several";
    gas["record to 40 streams × 64 B in one transaction, first"] = await recordToStreams(several, 40, 0n);
    gas["record to 40 streams × 64 B in one transaction, later"] = await recordToStreams(several, 40, 1n);
    agreesWithSnapshot({ ...gas, ...(await pricesOfReading(chain, schema)) });
  });

  async function attest(item: Item, under = schema): Promise<number> {
    const statement: Attestation = { ...item, schema: under, attester };
    return gasOf(chain.registry.connect(chain.issuer).attest(statement));
  }

  async function record(items: readonly Item[], place: Place = {}): Promise<number> {
    const batch = { ...terms(), ...place };
    return gasOf(chain.registry.connect(chain.issuer).record(batch, packItems(items), "0x"));
  }

  /** One item each, in one transaction. @param position where all of the streams end */
  async function recordToStreams(name: string, count: number, position: bigint): Promise<number> {
    const calls = typicalItems(`${name} ${position}`, count).map((item, index) => {
      const batch = { ...terms(), stream: hex(randomOf(`${name} ${index}`).bytes(32)), position };
      return chain.registry.interface.encodeFunctionData("record", [batch, packItems([item]), "0x"]);
    });
    return gasOf(chain.registry.connect(chain.issuer).multicall(calls));
  }

  async function seal(items: readonly Item[]): Promise<{ gas: number; floor: number }> {
    const sent = chain.registry.connect(chain.issuer).seal(terms(), packItems(items), "0x");
    return { gas: await gasOf(sent), floor: 21_000 + 10 * tokensOf(unhex((await sent).data)) };
  }

  async function anchor(root: Hex, count: number): Promise<number> {
    return gasOf(chain.registry.connect(chain.issuer).anchor(terms(), root, count, "0x"));
  }

  async function revokeLeaves(items: readonly Item[], count: number): Promise<number> {
    const root = rootOf(items.map(itemUid));
    const indices = Array.from({ length: count }, (_, index) => 2 * index);
    const { registry, issuer } = chain;
    return gasOf(registry.connect(issuer).revokeLeaves(attester, schema, root, indices, "", 0, "0x"));
  }

  /** Of the check inside a consumer, each in a root of its own: the first, a further one, and by the registry's call. */
  async function proofPrices(name: string): Promise<{ first: number; further: number; call: number }> {
    const random = randomOf(name);
    const statements: Attestation[] = [];
    const proofs: { index: number; path: Hex[] }[] = [];
    for (const index of [0x5a5a5, 0xa5a5a]) {
      const statement: Attestation = { ...typicalItem(random, 64), schema, attester };
      const path = Array.from({ length: 20 }, () => hex(random.bytes(32)));
      await anchor(rootFrom(uidOf(chain.separator, statement), index, path, 2 ** 20)!, 2 ** 20);
      statements.push(statement);
      proofs.push({ index, path });
    }
    const gate = await chain.ethers.deployContract("Gate", [chain.address]);
    const [first, further] = (await gate.getFunction("pricesOfChecks")(statements, proofs)) as bigint[];
    const call = (await gate.getFunction("priceOfCall")(statements[0], proofs[0])) as bigint;
    return { first: Number(first), further: Number(further), call: Number(call) };
  }

  async function recordSigned(items: readonly Item[]): Promise<number> {
    const packed = packItems(items);
    const message = { ...terms(), level: 0, items: packed, value: 0n };
    const signature = await chain.issuer.signTypedData(chain.domain, typesOf("Batch"), message);
    return gasOf(chain.registry.connect(chain.relayer).record(terms(), packed, signature));
  }

  async function revoke(items: readonly Item[]): Promise<number> {
    return gasOf(chain.registry.connect(chain.issuer).revoke(items.map(itemUid), ""));
  }

  function itemUid(item: Item): Hex {
    return uidOf(chain.separator, { ...item, schema, attester });
  }

  function terms() {
    return { attester, schema, stream: ZERO_WORD, position: 0n, deadline: LAST_SECOND };
  }

  /** A zero byte of calldata costs less than another: two prices only compare without them. */
  async function registerWithoutZeroBytes(length: number): Promise<Hex> {
    for (let tail = 0; ; tail++) {
      const definition = `bytes ${String(tail).padStart(length - 6, "x")}`;
      const id = await chain.schemas.idOf(definition, `0x${"0".repeat(40)}`, true);
      if (!hasZeroByte(id as Hex)) return register(chain.schemas, definition);
    }
  }

  async function withUidOfNoZeroBytes(item: Item): Promise<Item> {
    for (let last = 1; ; last++) {
      const salted = { ...item, salt: hex(Uint8Array.of(...new Uint8Array(31).fill(7), last)) };
      if (!hasZeroByte(itemUid(salted))) return salted;
    }
  }
});

type Place = { stream?: Hex; position?: bigint };

const STREAM: Hex = `0x${"5".repeat(64)}`;

async function gasOf(sent: Promise<TransactionResponse>): Promise<number> {
  const receipt = await (await sent).wait();
  if (!receipt) throw new Error("no receipt");
  return Number(receipt.gasUsed);
}

/** A fresh recipient, random data, a salt of 8 bytes as the tooling derives it. */
function typicalItem(random: Random, size: number): Item {
  return {
    recipient: hex(random.bytes(20)),
    ref: ZERO_WORD,
    expiresAt: 0,
    revocable: true,
    salt: `${hex(random.bytes(8))}${"0".repeat(48)}`,
    data: random.bytes(size),
  };
}

function typicalItems(name: string, count: number): Item[] {
  const random = randomOf(name);
  return Array.from({ length: count }, () => typicalItem(random, 64));
}

function hasZeroByte(word: Hex): boolean {
  return unhex(word).includes(0);
}
