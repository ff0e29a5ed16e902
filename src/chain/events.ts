import type { Attestation, Item } from "../attestation.js";
import { WaybillError } from "../errors.js";
import { type Hex, unhex } from "../hex.js";
import { unpackItems } from "../unpack.js";
import type { Log } from "./chain.js";

/**
 * The fields of an Attested event, addresses in lower case. ethers takes 60 µs for one, and an audit reads them by the
 * hundred thousand; this takes 2.
 * @throws WaybillError E_NODE if it is no such event: the registry cannot have made it, so the node did
 */
export function statementOf(log: Log): Attestation {
  const [, , attester, recipient] = log.topics;
  return read(log, () => {
    const { data } = log;
    const tail = bytesAt(data, 5, 6);
    return {
      schema: wordAt(data, 0),
      attester: addressIn(attester!),
      recipient: addressIn(recipient!),
      ref: wordAt(data, 1),
      expiresAt: numberIn(wordAt(data, 2), 2 ** 40),
      revocable: numberIn(wordAt(data, 3), 2) === 1,
      salt: wordAt(data, 4),
      data: tail,
    };
  });
}

/** The items of a Sealed event. @throws WaybillError E_NODE if it is none */
export function sealedItems(log: Log): Item[] {
  return read(log, () => unpackItems(bytesAt(log.data, 0, 1)));
}

/** How many leaves the root of an Anchored event has, as its attester says. @throws WaybillError E_NODE if it is none */
export function anchoredCount(log: Log): number {
  return read(log, () => numberIn(only(log.data, 1), 2 ** 40));
}

/** What an Appended event says. @throws WaybillError E_NODE if it is none */
export function appendOf(log: Log): { position: bigint; count: bigint; hash: Hex } {
  return read(log, () => {
    only(log.data, 3);
    return {
      position: bigIn(wordAt(log.data, 0)),
      count: bigIn(wordAt(log.data, 1)),
      hash: wordAt(log.data, 2),
    };
  });
}

/** Hex digits of a word. */
const WORD = 64;

function wordAt(data: Hex, index: number): Hex {
  const word = data.slice(2 + index * WORD, 2 + (index + 1) * WORD);
  if (word.length !== WORD) throw new Error("the data end early");
  return `0x${word}`;
}

/** The one word, or the words, that the data consist of; the first of them. */
function only(data: Hex, words: number): Hex {
  if (data.length !== 2 + words * WORD) throw new Error(`not ${words} words`);
  return wordAt(data, 0);
}

/** `bytes` behind a head of so many words, whose word `index` says where they are: right there, as Solidity writes them. */
function bytesAt(data: Hex, index: number, head: number): Uint8Array {
  if (numberIn(wordAt(data, index), 2 ** 20) !== head * 32) throw new Error("the bytes are elsewhere");
  const length = numberIn(wordAt(data, head), 2 ** 32);
  const start = 2 + (head + 1) * WORD;
  if (data.length !== start + Math.ceil(length / 32) * WORD) throw new Error("the bytes end elsewhere");
  return unhex(`0x${data.slice(start, start + 2 * length)}`);
}

function addressIn(topic: Hex): Hex {
  if (!/^0x0{24}[0-9a-f]{40}$/.test(topic)) throw new Error("not an address");
  return `0x${topic.slice(26)}`;
}

function numberIn(word: Hex, end: number): number {
  const number = Number(BigInt(word));
  if (!(number < end)) throw new Error("a number that its type cannot hold");
  return number;
}

function bigIn(word: Hex): bigint {
  if (!word.startsWith(`0x${"0".repeat(48)}`)) throw new Error("a number that its type cannot hold");
  return BigInt(word);
}

function read<T>(log: Log, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    throw new WaybillError(
      "E_NODE",
      `the node hands out an event in block ${log.block} that no registry made`,
      { mend: "ask another node with --rpc-url", cause },
    );
  }
}
