import { RLP } from "@ethereumjs/rlp";
import type { Request } from "../../src/chain/http.js";
import { type Hex, hex, keccak } from "../../src/hex.js";
import { headerOf } from "../../src/verifier/header.js";

export type Lie = "storage" | "logs" | "headers" | "proofs" | "tags";
export const LIES: readonly Lie[] = ["storage", "logs", "headers", "proofs", "tags"];

type Fields = { [name: string]: unknown };
type Random = (below: number) => number;

/** A node whose answers are kept: what is asked for a thousand times is asked of the real one once. */
export function remembered(node: Request): Request {
  const answers = new Map<string, Promise<unknown>>();
  return async (method, params) => {
    const key = JSON.stringify([method, params]);
    if (!answers.has(key)) answers.set(key, node(method, params));
    return structuredClone(await answers.get(key));
  };
}

/**
 * A node that lies in these ways, each question anew by the same random numbers.
 * @param options.rehash its headers make the hash that it gives them: nothing but another voice tells
 */
export function lyingNode(
  honest: Request,
  lies: readonly Lie[],
  random: Random,
  options: { rehash: boolean; head: number },
): Request {
  const tells = (lie: Lie) => lies.includes(lie) && random(3) > 0;
  return async (method, params) => {
    const block = async (number: number) => honest("eth_getBlockByNumber", [quantity(number), false]);
    let answer = await honest(method, params);
    if (method === "eth_getBlockByNumber" && !/^0x/.test(String(params[0])) && tells("tags")) {
      answer = [null, "0x", await block(random(options.head + 1)), await block(random(options.head + 1)), {}][
        random(5)
      ];
    }
    if (/^eth_getBlockBy/.test(method) && answer !== null && tells("headers")) {
      return forgedHeader(answer as Fields, random, options.rehash);
    }
    if (method === "eth_getLogs" && tells("logs")) return forgedLogs(answer as Fields[], random);
    if (method === "eth_getStorageAt" && tells("storage")) return word(random);
    if (method === "eth_getProof") {
      if (tells("storage")) answer = forgedValues(answer as Fields, random);
      if (tells("proofs")) {
        const older = quantity(random(options.head + 1));
        const elsewhere = await honest(method, [params[0], params[1], older]);
        return forgedProof(answer as Fields, elsewhere, random);
      }
    }
    return answer;
  };
}

function forgedHeader(block: Fields, random: Random, rehash: boolean): unknown {
  if (random(8) === 0) return [null, {}, "0x", { ...block, number: `0x${"f".repeat(60)}` }][random(4)];
  const names = [
    "stateRoot",
    "timestamp",
    "number",
    "hash",
    "parentHash",
    "receiptsRoot",
    "extraData",
    "gasUsed",
  ];
  const name = names[random(names.length)]!;
  const forged: Fields = { ...block, [name]: altered(String(block[name]), random) };
  if (rehash && name !== "hash") {
    const reading = headerOf({ ...forged, hash: undefined });
    if (reading.outcome === "fail") forged.hash = /0x[0-9a-f]{64}/.exec(reading.evidence)?.[0] ?? forged.hash;
  }
  return forged;
}

function forgedLogs(logs: Fields[], random: Random): unknown {
  if (logs.length === 0) return [[], null, "0x", [{}], [null]][random(5)];
  const index = random(logs.length);
  const log = logs[index]!;
  const change = (more: Fields) => logs.map((one, at) => (at === index ? { ...one, ...more } : one));
  switch (random(8)) {
    case 0:
      return logs.filter((_, at) => at !== index);
    case 1:
      return [...logs, log];
    case 2:
      return [...logs].reverse();
    case 3: {
      const topics = [...(log.topics as string[])];
      const place = random(topics.length);
      topics[place] = altered(topics[place]!, random);
      return change({ topics });
    }
    case 4:
      return change({ data: altered(String(log.data), random) });
    default: {
      const names = ["blockHash", "blockNumber", "transactionHash", "logIndex"];
      const name = names[random(names.length)]!;
      return change({ [name]: altered(String(log[name]), random) });
    }
  }
}

function forgedValues(proof: Fields, random: Random): Fields {
  const slots = (proof.storageProof as Fields[]).map((slot) => ({ ...slot }));
  const name = ["codeHash", "storageHash"][random(2)]!;
  if (slots.length === 0 || random(4) === 0)
    return { ...proof, [name]: altered(String(proof[name]), random) };
  const slot = slots[random(slots.length)]!;
  slot.value = word(random);
  return { ...proof, storageProof: slots };
}

function forgedProof(proof: Fields, elsewhere: unknown, random: Random): unknown {
  const slots = (proof.storageProof as { proof: Hex[]; key: Hex }[]).map((slot) => ({
    ...slot,
    proof: [...slot.proof],
  }));
  const account = [...(proof.accountProof as Hex[])];
  const forged = { ...proof, accountProof: account, storageProof: slots };
  const list = slots.length > 0 && random(2) === 0 ? slots[random(slots.length)]!.proof : account;
  const index = random(Math.max(1, list.length));
  switch (random(8)) {
    case 0:
      return elsewhere;
    case 1:
      return [null, {}, "0x", { accountProof: [], storageProof: [] }][random(4)];
    case 2:
      list.splice(index, 1);
      return forged;
    case 3:
      list.length = 0;
      return forged;
    case 4:
      list.reverse();
      return forged;
    case 5:
      if (slots.length > 1) [slots[0]!.proof, slots[1]!.proof] = [slots[1]!.proof, slots[0]!.proof];
      return forged;
    case 6:
      list[index] = hex(RLP.encode([Uint8Array.of(0x20), keccak(Uint8Array.of(random(256)))]));
      return forged;
    default:
      if (list.length > 0) list[index] = altered(list[index]!, random) as Hex;
      return forged;
  }
}

/** Another digit somewhere. */
function altered(text: string, random: Random): string {
  if (text.length < 3) return `${text}1`;
  const place = 2 + random(text.length - 2);
  const digit = ((parseInt(text[place]!, 16) + 1 + random(15)) % 16).toString(16);
  return `${text.slice(0, place)}${digit}${text.slice(place + 1)}`;
}

function word(random: Random): Hex {
  return random(3) === 0 ? "0x0" : hex(keccak(Uint8Array.of(random(256))));
}

function quantity(value: number): Hex {
  return `0x${value.toString(16)}`;
}
