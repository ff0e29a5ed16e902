import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import {
  addressWord,
  type Hex,
  hex,
  keccak,
  numberWord,
  unhex,
  unhexInto,
  ZERO_ADDRESS,
  ZERO_WORD,
} from "./hex.js";

/** One statement, as the registry's struct of the same name. */
export type Attestation = {
  schema: Hex;
  attester: Hex;
  /** the zero address for nobody in particular */
  recipient: Hex;
  /** uid of the attestation it refers to; the zero word for none */
  ref: Hex;
  /** Unix seconds, < 2^40; 0 for never */
  expiresAt: number;
  revocable: boolean;
  /** 32 bytes; packs to 0, 8, 16 or 32 by the zeros on its right */
  salt: Hex;
  /** the values, ABI-encoded as the schema says */
  data: Uint8Array;
};

/** What of an attestation differs from item to item of a batch. */
export type Item = Omit<Attestation, "schema" | "attester">;

/** Where a uid holds: the same content has another uid on another chain or registry. */
export type Domain = { chainId: bigint; registry: Hex };

/** What all items of a batch share, as the registry's struct. Without a stream both `stream` and `position` are zero. */
export type BatchTerms = { attester: Hex; schema: Hex; stream: Hex; position: bigint; deadline: number };

export const LEVELS = { record: 0, seal: 1, anchor: 2 } as const;
export type Level = keyof typeof LEVELS;

/** EIP-712 types of everything that an issuer signs: what wallets are shown. */
export const TYPES = {
  Attestation: [
    { name: "schema", type: "bytes32" },
    { name: "attester", type: "address" },
    { name: "recipient", type: "address" },
    { name: "ref", type: "bytes32" },
    { name: "expiresAt", type: "uint40" },
    { name: "revocable", type: "bool" },
    { name: "salt", type: "bytes32" },
    { name: "data", type: "bytes" },
  ],
  Batch: [
    { name: "attester", type: "address" },
    { name: "schema", type: "bytes32" },
    { name: "level", type: "uint8" },
    { name: "stream", type: "bytes32" },
    { name: "position", type: "uint64" },
    { name: "items", type: "bytes" },
    { name: "deadline", type: "uint40" },
    { name: "value", type: "uint256" },
  ],
  LeafRevocation: [
    { name: "attester", type: "address" },
    { name: "schema", type: "bytes32" },
    { name: "root", type: "bytes32" },
    { name: "indices", type: "uint256[]" },
    { name: "reason", type: "string" },
    { name: "deadline", type: "uint40" },
  ],
  Revocation: [
    { name: "attester", type: "address" },
    { name: "uids", type: "bytes32[]" },
    { name: "reason", type: "string" },
    { name: "deadline", type: "uint40" },
  ],
};

const WORD = 32;
const ADDRESS = 20;
const EXPIRY = 5;
const FLAGS = 1;
const DATA_LENGTH = 3;
/** Bytes of a packed salt, by the code that the flags have of it. */
const SALT_SIZES = [0, 8, 16, WORD];

const encoder = new TextEncoder();

/**
 * The EIP-712 domain separator of a registry: name `Waybill`, version `1`.
 * Compute it once and hand it to `uidOf` and the digests.
 */
export function domainSeparator(domain: Domain): Uint8Array {
  const type = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
  return keccak(
    concatBytes(
      keccak(utf8ToBytes(type)),
      keccak(utf8ToBytes("Waybill")),
      keccak(utf8ToBytes("1")),
      numberWord(domain.chainId),
      addressWord(domain.registry),
    ),
  );
}

/** The uid: the EIP-712 digest of the content, equal to the registry's `uidOf`. */
export function uidOf(separator: Uint8Array, attestation: Attestation): Hex {
  writeSized(words, WORD, WORD, attestation.schema);
  writeSized(words, 2 * WORD + 12, ADDRESS, attestation.attester);
  writeSized(words, 3 * WORD + 12, ADDRESS, attestation.recipient);
  writeSized(words, 4 * WORD, WORD, attestation.ref);
  words.set(attestation.expiresAt === 0 ? NO_WORD : numberWord(BigInt(attestation.expiresAt)), 5 * WORD);
  words[7 * WORD - 1] = attestation.revocable ? 1 : 0;
  writeSized(words, 7 * WORD, WORD, attestation.salt);
  words.set(keccak(attestation.data), 8 * WORD);
  return hex(digest(separator, words));
}

/**
 * What the issuer signs for a whole batch at a level, with `value` wei for the resolver.
 * @param items as `packItems` makes them and the call carries them; of an anchor, `packRoot`
 */
export function batchDigest(
  separator: Uint8Array,
  terms: BatchTerms,
  level: Level,
  items: Uint8Array,
  value = 0n,
): Hex {
  return hex(
    digest(
      separator,
      concatBytes(
        typeHash("Batch"),
        addressWord(terms.attester),
        unhex(terms.schema),
        numberWord(BigInt(LEVELS[level])),
        unhex(terms.stream),
        numberWord(terms.position),
        keccak(items),
        numberWord(BigInt(terms.deadline)),
        numberWord(value),
      ),
    ),
  );
}

/** What the issuer signs to let somebody else send a revocation. */
export function revocationDigest(
  separator: Uint8Array,
  revocation: { attester: Hex; uids: readonly Hex[]; reason: string; deadline: number },
): Hex {
  return hex(
    digest(
      separator,
      concatBytes(
        typeHash("Revocation"),
        addressWord(revocation.attester),
        keccak(concatBytes(...revocation.uids.map(unhex))),
        keccak(utf8ToBytes(revocation.reason)),
        numberWord(BigInt(revocation.deadline)),
      ),
    ),
  );
}

/**
 * The salt of a caller's idempotency key: the first 8 bytes of its hash. It only has to tell apart statements that
 * are otherwise equal, and a sealed item pays about 40 gas for each byte.
 */
export function saltOf(key: string): Hex {
  return `${hex(keccak(encoder.encode(key))).slice(0, 2 + 2 * 8) as Hex}${"0".repeat(48)}`;
}

/** The items of a batch as the registry's library Items reads them. */
export function packItems(items: readonly Item[]): Uint8Array {
  if (items.length > MAX_ITEMS)
    throw new Error(`${items.length} items do not fit one batch: ${MAX_ITEMS} do`);
  const packed = new Uint8Array(items.reduce((sum, item) => sum + bytesOf(item), 2));
  packed[0] = items.length >> 8;
  packed[1] = items.length & 255;
  let at = 2;
  for (const item of items) at = writeItem(packed, at, item);
  return packed;
}

/** The bytes that an item adds to `packItems`. */
export function packItem(item: Item): Uint8Array {
  const packed = new Uint8Array(bytesOf(item));
  writeItem(packed, 0, item);
  return packed;
}

function bytesOf(item: Item): number {
  if (item.data.length > MAX_DATA)
    throw new Error(`${item.data.length} bytes of data: an item holds ${MAX_DATA}`);
  return bytesBeforeData(item) + item.data.length;
}

function bytesBeforeData({ recipient, ref, expiresAt, salt }: Item): number {
  return (
    FLAGS +
    (recipient === ZERO_ADDRESS ? 0 : ADDRESS) +
    (ref === ZERO_WORD ? 0 : WORD) +
    (expiresAt === 0 ? 0 : EXPIRY) +
    SALT_SIZES[saltCode(salt)]! +
    DATA_LENGTH
  );
}

/** @returns where the next one begins */
function writeItem(packed: Uint8Array, at: number, item: Item): number {
  const { data } = item;
  const end = writeBeforeData(packed, at, item);
  packed.set(data, end);
  return end + data.length;
}

/** @returns where the data begins */
function writeBeforeData(packed: Uint8Array, at: number, item: Item): number {
  const { recipient, ref, expiresAt, salt, data } = item;
  const code = saltCode(salt);
  const hasRecipient = recipient !== ZERO_ADDRESS;
  const hasRef = ref !== ZERO_WORD;
  const hasExpiry = expiresAt !== 0;
  packed[at++] =
    Number(item.revocable) |
    (Number(hasRecipient) << 1) |
    (Number(hasRef) << 2) |
    (Number(hasExpiry) << 3) |
    (code << 4);
  if (hasRecipient) at = writeSized(packed, at, ADDRESS, recipient);
  if (hasRef) at = writeSized(packed, at, WORD, ref);
  if (hasExpiry) {
    packed.set(numberWord(BigInt(expiresAt)).subarray(WORD - EXPIRY), at);
    at += EXPIRY;
  }
  const saltSize = SALT_SIZES[code]!;
  if (saltSize > 0) at = writeSized(packed, at, saltSize, salt.slice(0, 2 + 2 * saltSize));
  packed[at++] = data.length >> 16;
  packed[at++] = (data.length >> 8) & 255;
  packed[at++] = data.length & 255;
  return at;
}

/** A salt that ends with enough zeros is packed to 0, 8 or 16 of its 32 bytes. */
function saltCode(salt: Hex): number {
  if (salt.length !== ZERO_WORD.length) throw new Error(`not ${WORD} bytes: ${salt}`);
  if (salt === ZERO_WORD) return 0;
  if (!salt.endsWith(ZEROS_16)) return 3;
  return salt.endsWith(ZEROS_24) ? 1 : 2;
}

const ZEROS_16 = "0".repeat(2 * 16);
const ZEROS_24 = "0".repeat(2 * 24);

/** @returns where it ends. @throws Error unless `text` is so many bytes */
function writeSized(bytes: Uint8Array, at: number, size: number, text: string): number {
  if (text.length !== 2 + 2 * size) throw new Error(`not ${size} bytes: ${text}`);
  return at + unhexInto(bytes, at, text);
}

/** What an issuer signs in place of items to have a root anchored. */
export function packRoot(root: Hex, count: number): Uint8Array {
  return concatBytes(unhex(root), numberWord(BigInt(count)).subarray(27));
}

/** What it takes to carry an item: all that the gas model needs to know of it. */
export type PackedSize = {
  /** bytes of the item in the packed batch */
  bytes: number;
  /** EIP-7623 tokens of those bytes: 1 for a zero, 4 for any other */
  tokens: number;
  /** 32-byte words of data, rounded up */
  words: number;
};

export function packedSize(item: Item): PackedSize {
  const bytes = bytesOf(item);
  const end = writeBeforeData(scratch, 0, item);
  const tokens = tokensIn(scratch, end) + tokensIn(item.data, item.data.length);
  return { bytes, tokens, words: Math.ceil(item.data.length / WORD) };
}

/** EIP-7623 tokens: calldata costs 4 gas each, and no transaction costs less than 21,000 and 10 each. */
export function tokensOf(calldata: Uint8Array): number {
  return tokensIn(calldata, calldata.length);
}

function tokensIn(calldata: Uint8Array, end: number): number {
  let zeros = 0;
  for (let at = 0; at < end; at += 1) if (calldata[at] === 0) zeros += 1;
  return 4 * end - 3 * zeros;
}

/** The count of a packed batch has two bytes. */
export const MAX_ITEMS = 65_535;
/** The length of an item's data has three bytes. */
export const MAX_DATA = 2 ** 24 - 1;

/** An item without its data: flags, recipient, ref, expiry, salt, and the length of the data. */
const scratch = new Uint8Array(FLAGS + ADDRESS + WORD + EXPIRY + WORD + DATA_LENGTH);

function typeHash(name: keyof typeof TYPES): Uint8Array {
  return keccak(
    utf8ToBytes(`${name}(${TYPES[name].map((field) => `${field.type} ${field.name}`).join(",")})`),
  );
}

const NO_WORD = new Uint8Array(WORD);

/** The struct of an attestation, of which every uid writes all that differs: a new array takes longer than its hash. */
const words = new Uint8Array(9 * WORD);
words.set(typeHash("Attestation"));

/** EIP-712: keccak256(0x1901 ‖ domain separator ‖ hash of the struct). */
function digest(separator: Uint8Array, struct: Uint8Array): Uint8Array {
  signed.set(separator, 2);
  signed.set(keccak(struct), 2 + WORD);
  return keccak(signed);
}

const signed = new Uint8Array(2 + 2 * WORD);
signed[0] = 0x19;
signed[1] = 0x01;
