import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { recoverAddress } from "ethers";
import { checksumAddress } from "./abi.js";
import type { Item } from "./attestation.js";
import { WaybillError } from "./errors.js";
import { addressWord, type Hex, hex, keccak, numberWord, unhex, ZERO_ADDRESS } from "./hex.js";
import { type Fields, isObject, parsedJson } from "./json.js";
import { decode, parseSchema, schemaId } from "./schema.js";

/**
 * Attestations that were signed for EAS without a chain, as its SDK 2.10.0 makes and EAS's explorer exports them:
 * `{"sig": …, "signer": …}`. Source of every rule: the SDK's src/offchain/offchain.ts and typed-data-handler.ts.
 */
export type EasStatement = {
  version: EasVersion;
  /** EAS's own, a hash that says neither who signed nor for which chain */
  uid: Hex;
  /** whose signature it is; a key's, for a contract's is not checked here */
  attester: Hex;
  /** for which chain and contract it was signed */
  chainId: bigint;
  contract: Hex;
  schema: Hex;
  recipient: Hex;
  /** Unix seconds, as the attester says */
  time: bigint;
  /** Unix seconds; 0 for never */
  expirationTime: bigint;
  revocable: boolean;
  refUid: Hex;
  data: Uint8Array;
};

export type EasVersion = 0 | 1 | 2;

/** What is wrong with one: each is a check by name, in the order in which they are made. */
export type EasCheck =
  | "FORM" // it is not such a document, or has a field too many
  | "VERSION" // none of 0, 1 and 2, or another one in the message
  | "DOMAIN" // not EAS's name
  | "TYPES" // not what the version signs
  | "UID" // not the hash of the message
  | "SIGNATURE" // not of its shape, or of no key
  | "MALLEABLE" // with the higher s
  | "SIGNER" // somebody else's, or of something else
  | "SCHEMA" // the definition is not what the id names
  | "DATA"; // not what the schema encodes

const DOMAIN_NAME = "EAS Attestation";
const DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
const CONTENT = [
  { name: "schema", type: "bytes32" },
  { name: "recipient", type: "address" },
  { name: "time", type: "uint64" },
  { name: "expirationTime", type: "uint64" },
  { name: "revocable", type: "bool" },
  { name: "refUID", type: "bytes32" },
  { name: "data", type: "bytes" },
];
const NUMBERED = [{ name: "version", type: "uint16" }, ...CONTENT];
const SALTED = [...NUMBERED, { name: "salt", type: "bytes32" }];
const FIELDS = { 0: CONTENT, 1: NUMBERED, 2: SALTED };

/** Characters of a document: no transaction carries the data of a longer one. */
const LONGEST = 2 ** 20;

/** Half of secp256k1's order: of the two values of s that a signature may have, the other one is refused (EIP-2). */
const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;

/**
 * Reads one and checks all that can be checked without a chain and without the schema's text.
 * @param name of the file, for messages
 * @throws WaybillError E_EAS_ and the check that failed
 */
export function readEas(text: string, name: string): EasStatement {
  const refuse = refusalFor(name);
  if (text.length > LONGEST) throw refuse("FORM", `it is longer than ${LONGEST} characters`);
  const all = fieldsOf(parsedJson(text), ["sig", "signer"], refuse, "the document");
  const flat = isObject(all.sig) && "r" in all.sig;
  const sig = fieldsOf(
    all.sig,
    ["uid", "domain", "primaryType", "types", "message", ...(flat ? ["r", "s", "v"] : ["signature"])],
    refuse,
    "sig",
    ["version"],
  );
  const signature = flat ? sig : fieldsOf(sig.signature, ["r", "s", "v"], refuse, "sig.signature");
  const read = <T>(of: Fields, path: string, as: (value: unknown) => T | null): T => {
    const value = as(of[path.split(".").at(-1)!]);
    if (value === null) throw refuse("FORM", `${path} is missing or malformed`);
    return value;
  };

  const version = versionOf(sig, refuse);
  const domain = fieldsOf(
    sig.domain,
    ["name", "version", "chainId", "verifyingContract"],
    refuse,
    "sig.domain",
  );
  const chainId = read(domain, "sig.domain.chainId", whole(256));
  const contract = read(domain, "sig.domain.verifyingContract", address);
  const domainVersion = read(domain, "sig.domain.version", shortText);
  if (domain.name !== DOMAIN_NAME)
    throw refuse("DOMAIN", `sig.domain.name is not ${JSON.stringify(DOMAIN_NAME)}`);

  const typeName = typeNameOf(sig, version, refuse);
  const message = messageOf(sig.message, version, refuse);
  const statement: EasStatement = {
    version,
    uid: read(sig, "sig.uid", word),
    attester: read(all, "signer", address),
    chainId,
    contract,
    schema: read(message, "sig.message.schema", word),
    recipient: read(message, "sig.message.recipient", address),
    time: read(message, "sig.message.time", whole(64)),
    expirationTime: read(message, "sig.message.expirationTime", whole(64)),
    revocable: read(message, "sig.message.revocable", flag),
    refUid: read(message, "sig.message.refUID", word),
    data: read(message, "sig.message.data", bytes),
  };
  const salt = version === 2 ? read(message, "sig.message.salt", word) : null;

  const uid = easUid(statement, message.schema as string, salt);
  if (uid !== statement.uid) throw refuse("UID", `the content makes the uid ${uid}, not ${statement.uid}`);
  const digest = digestOf(statement, salt, typeName, domainVersion);
  const signer = signerOf(digest, signature, read, refuse);
  if (signer.toLowerCase() !== statement.attester.toLowerCase()) {
    throw refuse(
      "SIGNER",
      `the signature is not that of ${statement.attester} over this; a contract's is not checked here`,
    );
  }
  return { ...statement, attester: signer };
}

/**
 * Checks it against the text of its schema, which must have no resolver: then the id is the same in both systems.
 * @throws WaybillError E_EAS_SCHEMA, E_EAS_DATA, E_SCHEMA
 */
export function checkEasData(statement: EasStatement, definition: string, name: string): void {
  const refuse = refusalFor(name);
  const ids = [true, false].map((revocable) => schemaId(definition, ZERO_ADDRESS, revocable));
  if (!ids.includes(statement.schema)) {
    throw refuse(
      "SCHEMA",
      `${JSON.stringify(definition)} is not what the id ${statement.schema} names, or not without a resolver`,
    );
  }
  const schema = parseSchema(definition);
  try {
    decode(schema, statement.data);
  } catch (cause) {
    if (!(cause instanceof WaybillError)) throw cause;
    throw refuse("DATA", `the data is not what the schema encodes: ${cause.message}`);
  }
}

/**
 * The same said again, to be an attestation of Waybill's: all that was signed stands in it but for the time, which EAS
 * takes from the attester and Waybill from the block. Its salt is EAS's uid, so that it is one attestation however often
 * it is imported, and names what it repeats. `ref` stays what was signed: a uid of EAS's.
 */
export function easItem(statement: EasStatement): Item & { expiresAt: number } {
  return {
    recipient: statement.recipient,
    ref: statement.refUid,
    expiresAt: Number(statement.expirationTime),
    revocable: statement.revocable,
    salt: statement.uid,
    data: statement.data,
  };
}

type Refuse = (check: EasCheck, problem: string) => WaybillError;

function refusalFor(name: string): Refuse {
  return (check, problem) =>
    new WaybillError(`E_EAS_${check}`, `${name}: ${problem}`, {
      mend: MENDS[check] ?? "take the file again from where it was signed: what was altered is worth nothing",
    });
}

const MENDS: { [check in EasCheck]?: string } = {
  FORM: 'what can be read is {"sig": …, "signer": …}, as the EAS SDK and its explorer write it',
  VERSION: "versions 0, 1 and 2 can be read",
  SCHEMA: "name the definition as it is registered with EAS, to the letter",
  DATA: "it was not encoded under this schema; sign it again with data that is",
};

/** EAS's number of the layout; the oldest documents have none, and the types say it. */
function versionOf(sig: Fields, refuse: Refuse): EasVersion {
  if ("version" in sig) {
    if (sig.version === 0 || sig.version === 1 || sig.version === 2) return sig.version;
    throw refuse("VERSION", "sig.version is none of 0, 1 and 2");
  }
  const types = isObject(sig.types) ? Object.values(sig.types)[0] : null;
  return Array.isArray(types) && types.length === NUMBERED.length ? 1 : 0;
}

/** The one name of the type that is signed. Of the first layout, there were three spellings. */
function typeNameOf(sig: Fields, version: EasVersion, refuse: Refuse): string {
  const names = isObject(sig.types) ? Object.keys(sig.types) : [];
  const spelling = `${String(sig.primaryType)} ${names.join()}`;
  const known = [
    "Attest Attest",
    ...(version === 0 ? ["Attestation Attestation", "Attestation Attest"] : []),
  ];
  if (!known.includes(spelling)) throw refuse("TYPES", "sig.primaryType and sig.types name no type of EAS's");
  if (!isListOf(FIELDS[version], (sig.types as Fields)[names[0]!])) {
    throw refuse("TYPES", `sig.types.${names[0]!} is not what version ${version} signs`);
  }
  return names[0]!;
}

function isListOf(fields: typeof CONTENT, value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length === fields.length &&
    value.every((entry: unknown, index) => {
      const { name, type } = fields[index]!;
      return isObject(entry) && Object.keys(entry).length === 2 && entry.name === name && entry.type === type;
    })
  );
}

/** What was signed; and the two fields of the SDK's messages that are not, if they say nothing new. */
function messageOf(value: unknown, version: EasVersion, refuse: Refuse): Fields {
  const names = FIELDS[version].map(({ name }) => name);
  const message = fieldsOf(value, names, refuse, "sig.message", ["version", "nonce"]);
  if ("version" in message && whole(16)(message.version) !== BigInt(version)) {
    throw refuse("VERSION", `sig.message.version is not ${version}`);
  }
  if ("nonce" in message && whole(64)(message.nonce) !== 0n) {
    throw refuse("FORM", "sig.message.nonce is not zero, and is not signed");
  }
  return message;
}

/** @param schema as the file spells it: EAS hashes the text of the id, digit by digit */
function easUid(statement: EasStatement, schema: string, salt: Hex | null): Hex {
  const { version, recipient, time, expirationTime, revocable, refUid, data } = statement;
  return hex(
    keccak(
      concatBytes(
        version === 0 ? NOTHING : lastBytes(BigInt(version), 2),
        utf8ToBytes(schema),
        unhex(recipient),
        unhex(ZERO_ADDRESS),
        lastBytes(time, 8),
        lastBytes(expirationTime, 8),
        lastBytes(revocable ? 1n : 0n, 1),
        unhex(refUid),
        data,
        salt === null ? NOTHING : unhex(salt),
        lastBytes(0n, 4),
      ),
    ),
  );
}

/** EIP-712, of the type by its name. */
function digestOf(statement: EasStatement, salt: Hex | null, typeName: string, domainVersion: string): Hex {
  const { version, schema, recipient, time, expirationTime, revocable, refUid, data } = statement;
  const fields = FIELDS[version].map(({ type, name }) => `${type} ${name}`).join(",");
  const domain = keccak(
    concatBytes(
      keccak(utf8ToBytes(DOMAIN_TYPE)),
      keccak(utf8ToBytes(DOMAIN_NAME)),
      keccak(utf8ToBytes(domainVersion)),
      numberWord(statement.chainId),
      addressWord(statement.contract),
    ),
  );
  const content = keccak(
    concatBytes(
      keccak(utf8ToBytes(`${typeName}(${fields})`)),
      version === 0 ? NOTHING : numberWord(BigInt(version)),
      unhex(schema),
      addressWord(recipient),
      numberWord(time),
      numberWord(expirationTime),
      numberWord(revocable ? 1n : 0n),
      unhex(refUid),
      keccak(data),
      salt === null ? NOTHING : unhex(salt),
    ),
  );
  return hex(keccak(concatBytes(Uint8Array.of(0x19, 0x01), domain, content)));
}

function signerOf(
  digest: Hex,
  signature: Fields,
  read: <T>(of: Fields, path: string, as: (value: unknown) => T | null) => T,
  refuse: Refuse,
): Hex {
  const r = read(signature, "sig.signature.r", word);
  const s = read(signature, "sig.signature.s", word);
  const { v } = signature;
  if (v !== 27 && v !== 28) throw refuse("SIGNATURE", "sig.signature.v is neither 27 nor 28");
  if (BigInt(s) > HALF_ORDER) {
    throw refuse("MALLEABLE", "sig.signature.s is the higher of the two: somebody has turned the signature");
  }
  try {
    return recoverAddress(digest, { r, s, v }) as Hex;
  } catch {
    throw refuse("SIGNATURE", "the signature is of no key");
  }
}

const NOTHING = new Uint8Array(0);

function lastBytes(value: bigint, count: number): Uint8Array {
  return numberWord(value).subarray(32 - count);
}

/** An object with these fields and no others: what is not signed and not known may be taken for something that is. */
function fieldsOf(
  value: unknown,
  names: readonly string[],
  refuse: Refuse,
  path: string,
  optional: readonly string[] = [],
): Fields {
  if (!isObject(value)) throw refuse("FORM", `${path} is not a JSON object`);
  const missing = names.find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) throw refuse("FORM", `${path} has no ${missing}`);
  const unknown = Object.keys(value).find((name) => !names.includes(name) && !optional.includes(name));
  if (unknown !== undefined) throw refuse("FORM", `${path} has a field ${JSON.stringify(unknown)}`);
  return value;
}

function word(value: unknown): Hex | null {
  return typeof value === "string" && /^0x[0-9a-fA-F]{64}$/.test(value) ? (value.toLowerCase() as Hex) : null;
}

function bytes(value: unknown): Uint8Array | null {
  return typeof value === "string" && /^0x([0-9a-fA-F]{2})*$/.test(value) ? unhex(value) : null;
}

/** All of one case, or with its checksum. @returns with its checksum */
function address(value: unknown): Hex | null {
  if (typeof value !== "string" || !/^0x[0-9a-fA-F]{40}$/.test(value)) return null;
  const checked = checksumAddress(value.toLowerCase()) as Hex;
  const digits = value.slice(2);
  const oneCase = digits === digits.toLowerCase() || digits === digits.toUpperCase();
  return oneCase || value === checked ? checked : null;
}

/** A number of so many bits: a decimal string, as the SDK writes what it holds as a bigint, or a JSON number. */
function whole(bits: number): (value: unknown) => bigint | null {
  return (value) => {
    const text = Number.isSafeInteger(value) ? String(value) : value;
    if (typeof text !== "string" || !/^(0|[1-9][0-9]{0,77})$/.test(text)) return null;
    return BigInt(text) < 1n << BigInt(bits) ? BigInt(text) : null;
  };
}

function flag(value: unknown): boolean | null {
  return typeof value === "boolean" ? value : null;
}

function shortText(value: unknown): string | null {
  return typeof value === "string" && value.length <= 32 ? value : null;
}
