import { assert } from "chai";
import { Interface } from "ethers";
import hre from "hardhat";
import {
  batchDigest,
  type BatchTerms,
  domainSeparator,
  type Item,
  type Level,
  packedSize,
  packItems,
  packRoot,
  revocationDigest,
  tokensOf,
  uidOf,
} from "../src/attestation.js";
import { AttestationRegistry__factory } from "../src/bindings/index.js";
import {
  bytesOf,
  bytesOfSeveral,
  gasOf,
  gasOfSeveral,
  type Manner,
  withItem,
  type Work,
  workOf,
} from "../src/gas.js";
import { hex, type Hex, unhex, ZERO_ADDRESS, ZERO_WORD } from "../src/hex.js";
import { keyOf } from "../src/key.js";
import { ETHEREUM_LIMITS } from "../src/planner/split.js";
import { schemaId } from "../src/schema.js";
import { streamKey } from "../src/stream.js";
import { rootOf } from "../src/tree.js";
import { seed } from "./support/seed.js";

/** What the model may ask for too much: 3 %, or 3,000 gas where that is more. */
const SLACK = { share: 0.03, gas: 3_000 };
const DEADLINE = 2 ** 40 - 1;
const RANDOM_BATCHES = 5;
const MIXED_ROUNDS = 5;

const contract = new Interface(AttestationRegistry__factory.abi);
const lane = keyOf("11".repeat(32), "the test");
const issuer = keyOf("22".repeat(32), "the test");
const random = randomFrom(seed);

describe("the gas model, against mined transactions", function () {
  this.timeout(120_000);
  let chainId: bigint;
  let separator: Uint8Array;
  let registry: Hex;
  let schema: Hex;
  let otherSchema: Hex;
  let mine: (raw: Hex) => Promise<number>;
  let nonce = 0;

  before(async () => {
    const { ethers } = await hre.network.create();
    const [funder] = await ethers.getSigners();
    const schemas = await ethers.deployContract("SchemaRegistry");
    const deployed = await ethers.deployContract("AttestationRegistry", [await schemas.getAddress()]);
    await schemas.getFunction("register")("bytes data", ZERO_ADDRESS, true);
    await schemas.getFunction("register")("bytes other", ZERO_ADDRESS, true);
    await funder!.sendTransaction({ to: lane.address, value: 10n ** 21n });
    registry = (await deployed.getAddress()) as Hex;
    schema = schemaId("bytes data", ZERO_ADDRESS, true);
    otherSchema = schemaId("bytes other", ZERO_ADDRESS, true);
    chainId = (await ethers.provider.getNetwork()).chainId;
    separator = domainSeparator({ chainId, registry });
    mine = async (raw) => {
      const { hash } = await ethers.provider.broadcastTransaction(raw);
      return Number((await ethers.provider.getTransactionReceipt(hash))!.gasUsed);
    };
  });

  for (const act of ["record", "seal", "anchor"] as const) {
    for (const signed of [false, true]) {
      for (const stream of ["none", "first", "later"] as const) {
        const manner: Manner = { act, signed, stream };
        it(`covers every batch to ${act} and is at most 3 % above, ${said(manner)}`, async () => {
          let key = `${act} ${String(signed)}`;
          let position = 0;
          for (const items of batchesOf(manner)) {
            if (stream === "first") key += "+";
            if (stream === "later" && position === 0) {
              const one = [itemOf(8, 1)];
              await check(workFor({ ...manner, stream: "first" }, one), callFor(manner, one, key, 0));
              position = 1;
            }
            await check(workFor(manner, items), callFor(manner, items, key, position));
            if (stream === "later") position += items.length;
          }
        });
      }
    }
  }

  for (const signed of [false, true]) {
    const speaker = signed ? "signed by the issuer" : "direct";

    it(`covers every batch to revoke and is at most 3 % above, whatever the reason, ${speaker}`, async () => {
      const plain = Array.from({ length: 200 }, () => itemOf(8, 0.5));
      await check(workFor(recording(signed), plain), callFor(recording(signed), plain));
      const attester = attesterOf(signed);
      const uids = plain.map((item) => uidOf(separator, { ...item, schema, attester }));
      // 200 in all: revoking again costs less, so each is revoked once.
      for (const [count, reason] of [
        [1, ""],
        [1, "x"],
        [1, "x".repeat(500)],
        [1, "x".repeat(2_000)],
        [2, "issued in error"],
        [5, "x".repeat(33)],
        [10, "x".repeat(100)],
        [20, ""],
        [20, "x".repeat(64)],
        [40, "issued in error"],
        [99, "x".repeat(300)],
      ] as const) {
        await check(revokeWork(signed, count, reason), revokeCall(uids.splice(0, count), reason, signed));
      }
      assert.lengthOf(uids, 0);

      const more = Array.from({ length: 200 }, () => itemOf(8, 0.5));
      await check(workFor(recording(signed), more), callFor(recording(signed), more));
      const all = more.map((item) => uidOf(separator, { ...item, schema, attester }));
      await check(revokeWork(signed, 200, ""), revokeCall(all, "", signed));
    });
  }

  for (const act of ["record", "seal", "anchor"] as const) {
    for (const signed of [false, true]) {
      it(`covers several streams in one transaction to ${act}, ${signed ? "signed by the issuer" : "direct"}`, async () => {
        for (const [name, list] of [...severalOf(act, signed)].entries()) {
          await checkSeveral(list, `${act} ${String(signed)} ${name}`);
        }
      });
    }
  }

  it("covers several streams of all kinds in one transaction", async () => {
    for (let round = 0; round < MIXED_ROUNDS; round++) {
      const one = () => {
        const acts = ["record", "seal", "anchor"] as const;
        const [list] = severalOf(acts[Math.floor(random() * 3)]!, random() < 0.5, 1);
        return list![0]!;
      };
      await checkSeveral(Array.from({ length: 2 + Math.floor(random() * 20) }, one), `mixed ${round}`);
    }
  });

  it("covers revocations among them, which look at no schema", async () => {
    const plain = Array.from({ length: 42 }, () => itemOf(8, 0.5));
    await check(workFor(recording(false), plain), callFor(recording(false), plain));
    const uids = plain.map((item) => uidOf(separator, { ...item, schema, attester: lane.address }));
    const more = [itemOf(64, 1)];
    const parts = [
      [revokeWork(false, 1, ""), revokeCall(uids.splice(0, 1), "", false)],
      [revokeWork(false, 1, "x"), revokeCall(uids.splice(0, 1), "x", false)],
      [workFor(recording(false), more), callFor(recording(false), more)],
      [revokeWork(false, 40, "issued in error"), revokeCall(uids.splice(0, 40), "issued in error", false)],
    ] as const;
    for (const some of [parts.slice(0, 2), parts.slice(2)]) {
      const works = some.map(([work, data]) => ({ ...work, tokens: tokensOf(unhex(data)) }));
      const data = contract.encodeFunctionData("multicall", [some.map(([, data]) => data)]) as Hex;
      await mined(data, gasOfSeveral(works), `${some.length} with revocations`);
    }
  });

  it("asks of several that are one what it asks of one", () => {
    for (const act of ["record", "seal", "anchor", "revoke"] as const) {
      const work = workFor({ act, signed: true, stream: "first" }, [itemOf(64, 1), itemOf(500, 0.5)]);
      assert.equal(gasOfSeveral([work]), gasOf(work));
      assert.equal(bytesOfSeveral([work]), bytesOf(work));
    }
  });

  async function checkSeveral(list: readonly Several[], name: string): Promise<void> {
    // What goes on needs a stream that has begun.
    const begun = list.flatMap(({ manner }, index) =>
      manner.stream === "later" ? [{ ...list[index]!, key: `${name} ${index}` }] : [],
    );
    for (const { manner, key } of begun) {
      const one = [itemOf(8, 1)];
      await check(workFor({ ...manner, stream: "first" }, one), callFor(manner, one, key, 0));
    }
    const calls = list.map(({ manner, items, isUnderTheOther }, index) =>
      callFor(
        manner,
        items,
        `${name} ${index}`,
        manner.stream === "later" ? 1 : 0,
        isUnderTheOther ? otherSchema : schema,
      ),
    );
    const planned = list.map(({ manner, items }) => workFor(manner, items));
    const works = planned.map((work, index) => ({ ...work, tokens: tokensOf(unhex(calls[index]!)) }));
    const schemas = new Set(list.map(({ isUnderTheOther }) => isUnderTheOther)).size;
    const context = `${name}: ${list.length} streams`;
    const gas = gasOfSeveral(works, schemas);
    const data = contract.encodeFunctionData("multicall", [calls]) as Hex;
    const raw = await mined(data, gas, context);
    assert.isAtLeast(gasOfSeveral(planned, schemas), gas, context);
    assert.isAtLeast(gasOfSeveral(works), gas, context);
    assert.isAtLeast(bytesOfSeveral(planned), raw.length / 2 - 1, context);
  }

  /**
   * Mines a call with exactly the gas of the model, so that a model that asks for too little fails here as it would
   * there. What was only planned must not ask for less than the call that comes of it.
   */
  async function check(planned: Work, data: Hex): Promise<void> {
    const work = { ...planned, tokens: tokensOf(unhex(data)) };
    const gas = gasOf(work);
    const context = JSON.stringify(work);
    const raw = await mined(data, gas, context);
    assert.isAtLeast(gasOf(planned), gas, context);
    assert.isAtLeast(bytesOf(planned), raw.length / 2 - 1, context);
  }

  /** Sends it with exactly that much gas, of which nearly all must be used. @returns the raw transaction */
  async function mined(data: Hex, gas: number, context: string): Promise<Hex> {
    const { raw } = lane.signTransaction({
      chainId,
      nonce: nonce++,
      to: registry,
      data,
      gasLimit: BigInt(gas),
      maxFee: 10n ** 11n,
      tip: 1n,
    });
    const used = await mine(raw).catch((error: Error) => assert.fail(`${error.message}: ${context}`));
    assert.isAtMost(gas - used, Math.max(SLACK.gas, SLACK.share * used), `above ${used} by ${context}`);
    return raw;
  }

  function attesterOf(signed: boolean): Hex {
    return signed ? issuer.address : lane.address;
  }

  function callFor(
    { act, signed, stream }: Manner,
    items: readonly Item[],
    name = "",
    position = 0,
    under = schema,
  ): Hex {
    const attester = attesterOf(signed);
    const uids = items.map((item) => uidOf(separator, { ...item, schema: under, attester }));
    const root = rootOf(uids);
    const packed = act === "anchor" ? packRoot(root, uids.length) : packItems(items);
    const terms: BatchTerms = {
      attester,
      schema: under,
      stream: stream === "none" ? ZERO_WORD : streamKey(name),
      position: BigInt(position),
      deadline: signed ? DEADLINE : 0,
    };
    const level = act === "revoke" ? "record" : act;
    const signature = signed ? issuer.signDigest(batchDigest(separator, terms, level, packed)) : "0x";
    return act === "anchor"
      ? (contract.encodeFunctionData("anchor", [terms, root, uids.length, signature]) as Hex)
      : (contract.encodeFunctionData(act, [terms, packed, signature]) as Hex);
  }

  function revokeCall(uids: readonly Hex[], reason: string, signed: boolean): Hex {
    if (!signed) return contract.encodeFunctionData("revoke", [uids, reason]) as Hex;
    const attester = issuer.address;
    const signature = issuer.signDigest(
      revocationDigest(separator, { attester, uids, reason, deadline: DEADLINE }),
    );
    return contract.encodeFunctionData("revokeSigned", [attester, uids, reason, DEADLINE, signature]) as Hex;
  }
});

function said({ signed, stream }: Manner): string {
  const place = { none: "", first: ", first of a stream", later: ", later in a stream" }[stream];
  return `${signed ? "signed by the issuer" : "direct"}${place}`;
}

function recording(signed: boolean): Manner {
  return { act: "record", signed, stream: "none" };
}

function workFor(manner: Manner, items: readonly Item[]): Work {
  return workOf(manner, items.map(packedSize));
}

/** As the store has the sizes of a revocation: the words are those of the reason. */
function revokeWork(signed: boolean, count: number, reason: string): Work {
  const size = { bytes: 32, tokens: 128, words: Math.ceil(reason.length / 32) };
  return workOf({ act: "revoke", signed, stream: "none" }, Array(count).fill(size));
}

/** Batches from the smallest to the largest that a transaction takes, plain, full, and in between. */
function* batchesOf(manner: Manner): Generator<Item[]> {
  const corners: [items: number, data: number, odds: number][] = [
    [1, 0, 0],
    [1, 1, 1],
    [1, 20_000, 0],
    [6, 20_000, 1],
    [30, 320, 0.5],
    [550, 0, 0],
    [550, 0, 1],
    [550, 64, 0.5],
    [1_300, 64, 0.9],
  ];
  const between = Array.from({ length: RANDOM_BATCHES }, (): [number, number, number] => [
    Math.round(550 ** random()),
    Math.round(20_000 ** random()) - 1,
    random(),
  ]);
  for (const [count, data, odds] of [...corners, ...between]) {
    const items: Item[] = [];
    let work = workFor(manner, items);
    while (items.length < count) {
      const item = itemOf(data, odds);
      work = withItem(work, packedSize(item));
      if (!fits(work)) break;
      items.push(item);
    }
    yield items;
  }
}

/** A batch among several. */
type Several = { manner: Manner; items: Item[]; isUnderTheOther: boolean };

/** From two streams of one small item each to 40, even and uneven, that begin or go on, under one schema or two. */
function* severalOf(act: Level, signed: boolean, streams = 0): Generator<Several[]> {
  const shapes: [streams: number, items: number, data: number, odds: number][] = [
    [2, 1, 0, 0],
    [2, 1, 20_000, 1],
    [40, 1, 64, 0],
    [40, 3, 64, 1],
    [12, 30, 64, 0.5],
  ];
  for (const [most, items, data, odds] of streams === 0 ? shapes : [[streams, 20, 500, 0.5] as const]) {
    for (const stream of ["first", "later", "none"] as const) {
      const even = streams === 0 && random() < 0.5;
      yield Array.from({ length: most }, () => ({
        manner: { act, signed, stream },
        items: Array.from({ length: even ? items : 1 + Math.floor(random() * items) }, () =>
          itemOf(data, odds),
        ),
        isUnderTheOther: random() < 0.3,
      }));
    }
  }
}

function fits(work: Work): boolean {
  return gasOf(work) <= ETHEREUM_LIMITS.transactionGas && bytesOf(work) <= ETHEREUM_LIMITS.transactionBytes;
}

/** @param data bytes of data, at most @param odds that the item has each of the fields it may have */
function itemOf(data: number, odds: number): Item {
  return {
    recipient: random() < odds ? bytes(20) : ZERO_ADDRESS,
    ref: random() < odds ? bytes(32) : ZERO_WORD,
    expiresAt: random() < odds ? 2 ** 33 + Math.floor(random() * 2 ** 33) : 0,
    revocable: true,
    // Never without one, or two items that are otherwise plain would be the same.
    salt: `0x${bytes(random() < odds ? 32 : 8)
      .slice(2)
      .padEnd(64, "0")}`,
    data: unhex(bytes(random() < 0.5 ? data : Math.floor(random() * (data + 1)), random())),
  };
}

/** @param density share of bytes that are not zero */
function bytes(length: number, density = 1): Hex {
  return hex(Uint8Array.from({ length }, () => (random() < density ? 1 + Math.floor(random() * 255) : 0)));
}

/** mulberry32: numbers from 0 up to 1, the same for the same seed. */
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
