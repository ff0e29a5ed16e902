import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { createMPT, createMerkleProof } from "@ethereumjs/mpt";
import { RLP } from "@ethereumjs/rlp";
import { concatBytes } from "@noble/hashes/utils.js";
import { domainSeparator, type Item, packItems, uidOf } from "../../src/attestation.js";
import { APPENDED, ATTESTED, SEALED, sealedData } from "../../src/chain/registry.js";
import { addressWord, type Hex, hex, keccak, numberWord, unhex, ZERO_WORD } from "../../src/hex.js";
import { appendUids, EMPTY_STREAM, streamKey } from "../../src/stream.js";
import { rootOf } from "../../src/tree.js";
import { headSlots } from "../../src/verifier/slots.js";
import { topicOf } from "../../src/verifier/readBack.js";
import { itemsOf } from "../items.js";

/** What a node that has a stream would answer, on a disk: nobody has to hold it, and to read it is what it costs. */
export type Ledger = {
  domain: { chainId: string; registry: Hex };
  stream: { attester: Hex; key: Hex };
  /** where the answer of each block begins, of the links and of what they announce; one more for the end */
  links: number[];
  bodies: number[];
  /** the newest block, as it is asked for, and the proof of the stream's head under it */
  block: { [field: string]: unknown };
  proof: object;
  items: number;
};

/** Statements in a block: of a recorded one about all that fit 30 M gas. */
export const PER_BLOCK = { record: 1_000, seal: 2_000 };

const CHAIN_ID = 31337n;
const REGISTRY: Hex = `0x${"a1".repeat(20)}`;
const ATTESTER: Hex = `0x${"b2".repeat(20)}`;
const SCHEMA: Hex = `0x${"c3".repeat(32)}`;

/** Writes a stream of so many statements of 64 B into `folder`, as events that the codec makes. */
export async function writeLedger(folder: string, level: "record" | "seal", items: number): Promise<Ledger> {
  const domain = { chainId: CHAIN_ID, registry: REGISTRY };
  const separator = domainSeparator(domain);
  const key = streamKey("bench: audit");
  const [linkFile, bodyFile] = ["links", "bodies"].map((name) => openSync(`${folder}/${name}`, "w"));
  const [links, bodies] = [[0], [0]];
  const append = (file: number, offsets: number[], logs: readonly object[]) => {
    offsets.push(offsets.at(-1)! + writeSync(file, `${JSON.stringify(logs)}\n`));
  };
  let head = EMPTY_STREAM;
  let number = 0;
  for (let written = 0; written < items; number += 1) {
    const batch = itemsOf(`audit ${number}`, Math.min(PER_BLOCK[level], items - written));
    const uids = batch.map((item) => uidOf(separator, { ...item, schema: SCHEMA, attester: ATTESTER }));
    const position = head.count;
    head = appendUids(head, uids);
    written += batch.length;
    const place = {
      ...{ address: REGISTRY, blockNumber: `0x${number.toString(16)}`, blockHash: wordOf(`block ${number}`) },
      transactionHash: wordOf(`transaction ${number}`),
    };
    const announced =
      level === "record"
        ? batch.map((item, index) => ({
            topics: [ATTESTED, uids[index], topicOf(ATTESTER), topicOf(item.recipient)],
            data: recorded(item),
          }))
        : [{ topics: [SEALED, topicOf(ATTESTER), SCHEMA, rootOf(uids)], data: sealedData(packItems(batch)) }];
    append(
      bodyFile!,
      bodies,
      announced.map((log, index) => ({ ...place, ...log, logIndex: `0x${index.toString(16)}` })),
    );
    const data = hex(concatBytes(numberWord(position), numberWord(BigInt(batch.length)), unhex(head.hash)));
    const topics = [APPENDED, topicOf(ATTESTER), key];
    append(linkFile!, links, [{ ...place, topics, data, logIndex: `0x${announced.length.toString(16)}` }]);
  }
  closeSync(linkFile!);
  closeSync(bodyFile!);
  const { block, proof } = await sealedState(number - 1, headSlots(ATTESTER, key), [
    head.count,
    BigInt(head.hash),
  ]);
  const ledger: Ledger = {
    domain: { chainId: CHAIN_ID.toString(), registry: REGISTRY },
    stream: { attester: ATTESTER, key },
    ...{ links, bodies, block, proof, items },
  };
  writeFileSync(`${folder}/ledger.json`, JSON.stringify(ledger));
  return ledger;
}

/** The data of an Attested event, as the ABI specification has them. */
function recorded({ ref, expiresAt, revocable, salt, data }: Item): Hex {
  const words = [unhex(SCHEMA), unhex(ref), numberWord(BigInt(expiresAt)), numberWord(BigInt(revocable))];
  const tail = new Uint8Array(Math.ceil(data.length / 32) * 32);
  tail.set(data);
  return hex(concatBytes(...words, unhex(salt), numberWord(192n), numberWord(BigInt(data.length)), tail));
}

/** A block whose state has one account with these slots in it, and what proves them. */
async function sealedState(number: number, slots: readonly Hex[], values: readonly bigint[]) {
  const storage = await createMPT();
  for (const [index, slot] of slots.entries()) {
    await storage.put(keccak(unhex(slot)), RLP.encode(values[index]!));
  }
  const codeHash = keccak(new Uint8Array(0));
  const state = await createMPT();
  const account = keccak(unhex(REGISTRY));
  await state.put(account, RLP.encode([1n, 0n, storage.root(), codeHash]));
  const shown = async (trie: typeof state, key: Uint8Array) =>
    (await createMerkleProof(trie, key)).map((node) => hex(node));
  const storageProof = [];
  for (const [index, key] of slots.entries()) {
    const value = `0x${values[index]!.toString(16)}`;
    storageProof.push({ key, value, proof: await shown(storage, keccak(unhex(key))) });
  }
  const fields: [name: string, value: Hex][] = [
    ["parentHash", ZERO_WORD],
    ["sha3Uncles", ZERO_WORD],
    ["miner", hex(addressWord(ATTESTER).subarray(12))],
    ["stateRoot", hex(state.root())],
    ["transactionsRoot", ZERO_WORD],
    ["receiptsRoot", ZERO_WORD],
    ["logsBloom", `0x${"00".repeat(256)}`],
    ["difficulty", "0x0"],
    ["number", `0x${number.toString(16)}`],
    ["gasLimit", "0x1c9c380"],
    ["gasUsed", "0x0"],
    ["timestamp", "0x67748580"],
    ["extraData", "0x"],
    ["mixHash", ZERO_WORD],
    ["nonce", "0x0000000000000000"],
  ];
  const quantities = new Set(["difficulty", "number", "gasLimit", "gasUsed", "timestamp"]);
  const encoded = RLP.encode(
    fields.map(([name, value]) => (quantities.has(name) ? BigInt(value) : unhex(value))),
  );
  const block = { ...Object.fromEntries(fields), hash: hex(keccak(encoded)), transactions: [] };
  return { block, proof: { accountProof: await shown(state, account), storageProof } };
}

function wordOf(name: string): Hex {
  return hex(keccak(new TextEncoder().encode(name)));
}
