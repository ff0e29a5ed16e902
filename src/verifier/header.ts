import { RLP } from "@ethereumjs/rlp";
import { type Hex, hex, keccak, unhex } from "../hex.js";

/** A block's header: what its hash is the hash of, and what of it is of use here. */
export type Header = {
  hash: Hex;
  number: number;
  parentHash: Hex;
  /** Unix seconds */
  timestamp: number;
  stateRoot: Hex;
  /** RLP, whose keccak256 is the hash */
  encoded: Hex;
};

/**
 * `fail`: the fields make another hash than the one given with them. `unknown`: they do, but there are fields that this
 * version does not know, of a later fork or another chain; it says nothing, and is no pass either.
 */
export type HeaderReading =
  { outcome: "pass"; header: Header } | { outcome: "fail" | "unknown"; evidence: string };

type Kind = "quantity" | number | "bytes";

/** In the order in which they are hashed; the Yellow Paper, 4.4. A number is a size in bytes. */
const FIELDS: readonly [name: string, kind: Kind][] = [
  ["parentHash", 32],
  ["sha3Uncles", 32],
  ["miner", 20],
  ["stateRoot", 32],
  ["transactionsRoot", 32],
  ["receiptsRoot", 32],
  ["logsBloom", 256],
  ["difficulty", "quantity"],
  ["number", "quantity"],
  ["gasLimit", "quantity"],
  ["gasUsed", "quantity"],
  ["timestamp", "quantity"],
  ["extraData", "bytes"],
  ["mixHash", 32],
  ["nonce", 8],
];

/** What forks have added, each behind the last: EIP-1559, 4895, 4844 (two), 4788, 7685. */
const ADDED: readonly [name: string, kind: Kind][] = [
  ["baseFeePerGas", "quantity"],
  ["withdrawalsRoot", 32],
  ["blobGasUsed", "quantity"],
  ["excessBlobGas", "quantity"],
  ["parentBeaconBlockRoot", 32],
  ["requestsHash", 32],
];

/** What nodes add to a header that is not in it, or in it elsewhere: Arbitrum's three are in its extraData and mixHash. */
const BESIDE = new Set([
  "hash",
  "size",
  "totalDifficulty",
  "transactions",
  "uncles",
  "withdrawals",
  "author",
  "l1BlockNumber",
  "sendCount",
  "sendRoot",
]);

const LONGEST_EXTRA = 1024; // bytes; 32 on most chains, more where signatures of makers are in it
const LONGEST_HEADER = 4096;

/** Reads a block as eth_getBlockByHash and eth_getBlockByNumber give it, and hashes it anew. */
export function headerOf(block: unknown): HeaderReading {
  if (typeof block !== "object" || block === null) return fail("it is no block");
  const said = block as { [name: string]: unknown };
  const present = ADDED.filter(([name]) => said[name] !== undefined && said[name] !== null);
  const fields: Uint8Array[] = [];
  for (const [name, kind] of [...FIELDS, ...present]) {
    const field = fieldOf(said[name], kind);
    if (field === null) return fail(`its ${name} is missing or malformed`);
    fields.push(field);
  }
  const encoded = RLP.encode(fields);
  const hash = hex(keccak(encoded));
  if (hash === said.hash) return readHeader(fields, hash, encoded);
  const known = new Set([...FIELDS, ...ADDED].map(([name]) => name));
  const foreign = Object.keys(said).filter((name) => !known.has(name) && !BESIDE.has(name));
  if (foreign.length === 0) return fail(`its fields make the hash ${hash}`);
  return {
    outcome: "unknown",
    evidence: `its fields make another hash, and ${foreign.length} of them are not known to this version`,
  };
}

/**
 * Reads a header as it is hashed. Fields of later forks stand behind those that are read, and their hash holds all.
 * @param encoded RLP
 */
export function headerFrom(encoded: Hex): HeaderReading {
  let bytes: Uint8Array;
  let fields: unknown;
  try {
    if (encoded.length > 2 + 2 * LONGEST_HEADER) return fail("it is longer than a header");
    bytes = unhex(encoded);
    fields = RLP.decode(bytes);
  } catch {
    return fail("it is not RLP");
  }
  const isHeader =
    Array.isArray(fields) &&
    fields.length >= FIELDS.length &&
    fields.every((field) => field instanceof Uint8Array) &&
    FIELDS.every(([, kind], index) => {
      const { length } = (fields as Uint8Array[])[index]!;
      return typeof kind === "number" ? length === kind : kind === "bytes" || length <= 32;
    });
  if (!isHeader) return fail("it is not the header of a block");
  return readHeader(fields as Uint8Array[], hex(keccak(bytes)), bytes);
}

function readHeader(fields: readonly Uint8Array[], hash: Hex, encoded: Uint8Array): HeaderReading {
  const field = (name: string) => fields[FIELDS.findIndex(([known]) => known === name)]!;
  const number = numberIn(field("number"));
  const timestamp = numberIn(field("timestamp"));
  if (number === null || timestamp === null) return fail("its number or time is beyond all numbers");
  return {
    outcome: "pass",
    header: {
      hash,
      number,
      parentHash: hex(field("parentHash")),
      timestamp,
      stateRoot: hex(field("stateRoot")),
      encoded: hex(encoded),
    },
  };
}

/** Times have 40 bits in the registry, and no chain will ever have as many blocks. */
function numberIn(bytes: Uint8Array): number | null {
  return bytes.length > 5 ? null : bytes.reduce((value, byte) => value * 256 + byte, 0);
}

/** As it is hashed; a quantity without zeros in front. Null if it is none. */
function fieldOf(said: unknown, kind: Kind): Uint8Array | null {
  if (typeof said !== "string" || !/^0x[0-9a-fA-F]*$/.test(said)) return null;
  if (kind === "quantity") {
    const digits = said.slice(2).replace(/^0+/, "");
    if (said.length < 3 || digits.length > 64) return null;
    return unhex(`0x${digits.length % 2 === 0 ? "" : "0"}${digits}`);
  }
  const size = (said.length - 2) / 2;
  if (kind === "bytes" ? !Number.isInteger(size) || size > LONGEST_EXTRA : size !== kind) return null;
  return unhex(said);
}

function fail(evidence: string): HeaderReading {
  return { outcome: "fail", evidence };
}
