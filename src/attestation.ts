import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { addressWord, type Hex, hex, keccak, numberWord, unhex, ZERO_ADDRESS, ZERO_WORD } from "./hex.js";

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
  const words = new Uint8Array(9 * WORD);
  words.set(ATTESTATION_TYPE_HASH, 0);
  words.set(unhex(attestation.schema), WORD);
  words.set(unhex(attestation.attester), 2 * WORD + 12);
  words.set(unhex(attestation.recipient), 3 * WORD + 12);
  words.set(unhex(attestation.ref), 4 * WORD);
  words.set(numberWord(BigInt(attestation.expiresAt)), 5 * WORD);
  words[7 * WORD - 1] = attestation.revocable ? 1 : 0;
  words.set(unhex(attestation.salt), 7 * WORD);
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
  return `${hex(keccak(utf8ToBytes(key)).subarray(0, 8))}${"0".repeat(48)}`;
}

/** The items of a batch as the registry's library Items reads them. */
export function packItems(items: readonly Item[]): Uint8Array {
  if (items.length > MAX_ITEMS)
    throw new Error(`${items.length} items do not fit one batch: ${MAX_ITEMS} do`);
  return concatBytes(Uint8Array.of(items.length >> 8, items.length & 255), ...items.map(packItem));
}

/** The bytes that an item adds to `packItems`. */
export function packItem(item: Item): Uint8Array {
  const salt = unhex(item.salt);
  const saltCode = [0, 8, 16].findIndex((size) => salt.subarray(size).every((byte) => byte === 0));
  const code = saltCode === -1 ? 3 : saltCode;
  const hasRecipient = item.recipient !== ZERO_ADDRESS;
  const hasRef = item.ref !== ZERO_WORD;
  const hasExpiry = item.expiresAt !== 0;
  const flags =
    Number(item.revocable) |
    (Number(hasRecipient) << 1) |
    (Number(hasRef) << 2) |
    (Number(hasExpiry) << 3) |
    (code << 4);
  if (item.data.length > MAX_DATA)
    throw new Error(`${item.data.length} bytes of data: an item holds ${MAX_DATA}`);
  return concatBytes(
    Uint8Array.of(flags),
    hasRecipient ? unhex(item.recipient) : NOTHING,
    hasRef ? unhex(item.ref) : NOTHING,
    hasExpiry ? numberWord(BigInt(item.expiresAt)).subarray(27) : NOTHING,
    salt.subarray(0, [0, 8, 16, 32][code]),
    Uint8Array.of(item.data.length >> 16, (item.data.length >> 8) & 255, item.data.length & 255),
    item.data,
  );
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
  const packed = packItem(item);
  return { bytes: packed.length, tokens: tokensOf(packed), words: Math.ceil(item.data.length / WORD) };
}

/** EIP-7623 tokens: calldata costs 4 gas each, and no transaction costs less than 21,000 and 10 each. */
export function tokensOf(calldata: Uint8Array): number {
  let tokens = 0;
  for (const byte of calldata) tokens += byte === 0 ? 1 : 4;
  return tokens;
}

/** The count of a packed batch has two bytes. */
export const MAX_ITEMS = 65_535;
/** The length of an item's data has three bytes. */
export const MAX_DATA = 2 ** 24 - 1;

const NOTHING = new Uint8Array(0);

function typeHash(name: keyof typeof TYPES): Uint8Array {
  return keccak(
    utf8ToBytes(`${name}(${TYPES[name].map((field) => `${field.type} ${field.name}`).join(",")})`),
  );
}

const ATTESTATION_TYPE_HASH = typeHash("Attestation");

/** EIP-712: keccak256(0x1901 ‖ domain separator ‖ hash of the struct). */
function digest(separator: Uint8Array, struct: Uint8Array): Uint8Array {
  return keccak(concatBytes(Uint8Array.of(0x19, 0x01), separator, keccak(struct)));
}
