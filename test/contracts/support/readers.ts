import type { Contract } from "ethers";
import { type Attestation, type Item, packItems, tokensOf, uidOf } from "../../../src/attestation.js";
import { type Hex, hex, unhex, ZERO_WORD } from "../../../src/hex.js";
import { appendUids, EMPTY_STREAM } from "../../../src/stream.js";
import { treeOf } from "../../../src/tree.js";
import type { Chain } from "./deploy.js";
import { randomOf } from "./random.js";

const LONG = 10n ** 12n;
const SEALED = 100;
const PRICE_AND_TIME = `${"0".repeat(47)}1${"7".repeat(16)}${"0".repeat(63)}1`;

/**
 * What the example consumers pay to read a statement of 64 bytes that is handed in, as real transactions: their gas
 * without the 21,000 and the calldata, which are the caller's. The chain's accounts have nothing warm but the example.
 */
export async function pricesOfReading(chain: Chain, schema: Hex): Promise<Record<string, number>> {
  const { ethers, registry, issuer, relayer } = chain;
  const attester = issuer.address as Hex;
  const saidAs = (item: Item): Attestation => ({ ...item, schema, attester });
  const uidOfItem = (item: Item) => uidOf(chain.separator, saidAs(item));
  const streams = {
    recorded: `0x${"a".repeat(64)}`,
    sealed: `0x${"b".repeat(64)}`,
    anchored: `0x${"c".repeat(64)}`,
  } as const;

  const batchIn = (stream: Hex) => ({ attester, schema, stream, position: 0n, deadline: 0 });
  const issuing = registry.connect(issuer);
  const [recorded] = itemsOf("recorded", 1) as [Item];
  await (await issuing.record(batchIn(streams.recorded), packItems([recorded]), "0x")).wait();
  const sealed = itemsOf("sealed", SEALED);
  const uids = sealed.map(uidOfItem);
  await (await issuing.seal(batchIn(streams.sealed), packItems(sealed), "0x")).wait();
  const anchored = itemsOf("anchored", SEALED);
  const anchoredTree = treeOf(anchored.map(uidOfItem));
  await (await issuing.anchor(batchIn(streams.anchored), anchoredTree.root, SEALED, "0x")).wait();

  /** Sends what only reads as a transaction. */
  async function priceOf(consumer: Contract, name: string, args: unknown[]): Promise<number> {
    const data = consumer.interface.encodeFunctionData(name, args) as Hex;
    const sent = await relayer.sendTransaction({ to: await consumer.getAddress(), data });
    const receipt = await sent.wait();
    return Number(receipt!.gasUsed) - 21_000 - 4 * tokensOf(unhex(data));
  }

  const last = SEALED - 1;
  const members = (await ethers.deployContract("MemberGate", [
    chain.address,
    attester,
    schema,
  ])) as unknown as Contract;
  const readerOf = async (stream: Hex) =>
    (await ethers.deployContract("PriceReader", [
      chain.address,
      attester,
      schema,
      stream,
      LONG,
    ])) as unknown as Contract;
  const before = appendUids(EMPTY_STREAM, uids.slice(0, last)).hash;
  const READ = "read((bytes32,address,address,bytes32,uint40,bool,bytes32,bytes),bytes32)";
  const READ_PROVEN =
    "read((bytes32,address,address,bytes32,uint40,bool,bytes32,bytes),(uint256,bytes32[]),(bytes32,uint40))";
  return {
    "read a recorded statement of 64 B": await priceOf(members, "requireMember", [
      recorded.recipient,
      saidAs(recorded),
    ]),
    "read the newest of a stream, recorded": await priceOf(await readerOf(streams.recorded), READ, [
      saidAs(recorded),
      ZERO_WORD,
    ]),
    "read the newest of a stream, sealed with 99 others": await priceOf(
      await readerOf(streams.sealed),
      READ_PROVEN,
      [saidAs(sealed[last]!), { index: last, path: treeOf(uids).path(last) }, { previous: before, count: 0 }],
    ),
    "read the newest of a stream, anchored with 99 others": await priceOf(
      await readerOf(streams.anchored),
      READ_PROVEN,
      [
        saidAs(anchored[last]!),
        { index: last, path: anchoredTree.path(last) },
        { previous: ZERO_WORD, count: SEALED },
      ],
    ),
  };
}

/** A price, and a time long ago. */
function itemsOf(name: string, count: number): Item[] {
  const random = randomOf(`readers: ${name}`);
  return Array.from({ length: count }, () => ({
    recipient: hex(random.bytes(20)),
    ref: ZERO_WORD,
    expiresAt: 0,
    revocable: true,
    salt: `${hex(random.bytes(8))}${"0".repeat(48)}`,
    data: unhex(`0x${PRICE_AND_TIME}`),
  }));
}
