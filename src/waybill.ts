import { type Attestation, domainSeparator, MAX_DATA, uidOf } from "./attestation.js";
import { type AccountProof, proofOf } from "./accountProof.js";
import { WaybillError } from "./errors.js";
import { type Hex, hex, unhex, ZERO_ADDRESS } from "./hex.js";
import { isObject, parsedJson } from "./json.js";
import { parseSchema, schemaId } from "./schema.js";
import { rootFrom } from "./tree.js";

/** What travels with an attestation, so that a stranger can check it: a `*.waybill.json` file. */
export type Waybill = {
  chainId: bigint;
  registry: Hex;
  uid: Hex;
  attestation: Attestation;
  schema: { definition: string; resolver: Hex; revocable: boolean };
  /** the issuer's over the uid, of one that was signed without a chain */
  signature: Hex | null;
  /** where it stands in a tree, of one that is sealed or anchored */
  proof: { level: "seal" | "anchor"; root: Hex; count: number; index: number; path: Hex[] } | null;
  /** where it stands in a stream */
  stream: { key: Hex; position: bigint } | null;
  /** what put it on the chain, as the issuer's own store says */
  location: { block: number; blockHash: Hex; transaction: Hex } | null;
  /** what the chain keeps of it at one block, for a reader who has that block's hash from elsewhere and asks no node */
  state: StateEvidence | null;
};

export type StateEvidence = {
  /** RLP of the block's header, whose keccak256 is the block's hash */
  header: Hex;
  /** of the registry's slots under the header's state root */
  registry: AccountProof;
  /** of the code of the schema's resolver */
  resolver: AccountProof | null;
};

/** Of the layout; docs/waybill.schema.json has it. Version 1 is the same without `state`, and is read as before. */
const VERSION = 2;
const KNOWN_VERSIONS: readonly unknown[] = [1, VERSION];

const KEYS: readonly string[] = [
  "waybill",
  "chainId",
  "registry",
  "uid",
  "attestation",
  "schema",
  "signature",
  "proof",
  "stream",
  "location",
  "state",
];

/** Characters: twice the longest data, and all else. */
const LONGEST = 2 * MAX_DATA + 2 ** 20;
/** Ids of chains; EIP-2294 stays below half of it. */
const MOST_CHAINS = 2n ** 63n;
const LONGEST_SIGNATURE = 65_536; // bytes
const LONGEST_HEADER = 4_096;

/** A waybill as plain values for JSON: numbers that may pass 2^53 are decimal strings. */
export function waybillData({ attestation, stream, ...waybill }: Waybill): object {
  return {
    waybill: VERSION,
    chainId: waybill.chainId.toString(),
    registry: waybill.registry,
    uid: waybill.uid,
    attestation: {
      schema: attestation.schema,
      attester: attestation.attester,
      recipient: attestation.recipient,
      ref: attestation.ref,
      expiresAt: attestation.expiresAt,
      revocable: attestation.revocable,
      salt: attestation.salt,
      data: hex(attestation.data),
    },
    schema: waybill.schema,
    signature: waybill.signature,
    proof: waybill.proof,
    stream: stream === null ? null : { ...stream, position: stream.position.toString() },
    location: waybill.location,
    state: waybill.state,
  };
}

/**
 * Reads a waybill and checks all that can be checked without a chain: its form, that the content makes the uid, the
 * definition the schema's id, and the path the root. Whether any of it is on a chain it does not say.
 * @param name of the file, for messages
 * @throws WaybillError E_WAYBILL
 */
export function readWaybill(text: string, name: string): Waybill {
  const refuse = (problem: string) =>
    new WaybillError("E_WAYBILL", `${name}: ${problem}`, {
      mend: "take the file again from whoever issued it",
    });
  if (text.length > LONGEST) throw refuse(`it is longer than ${LONGEST} characters`);
  const document = parsedJson(text);
  if (!isObject(document)) throw refuse("it is not a JSON object");
  if (!KNOWN_VERSIONS.includes(document.waybill)) {
    const newer = Number.isInteger(document.waybill) && (document.waybill as number) > VERSION;
    if (!newer) throw refuse(`its version, "waybill", is not ${KNOWN_VERSIONS.join(" or ")}`);
    throw new WaybillError("E_WAYBILL_VERSION", `${name}: its version is newer than ${VERSION}`, {
      mend: "read it with a newer waybill",
    });
  }
  const stranger = Object.keys(document).find((key) => !KEYS.includes(key));
  if (document.waybill === VERSION && stranger !== undefined) {
    throw refuse(`it says ${JSON.stringify(stranger.slice(0, 40))}, which no waybill has`);
  }

  const field = <T>(of: unknown, path: string, read: (value: unknown) => T | null): T => {
    const value = isObject(of) ? read(of[path.split(".").at(-1)!]) : null;
    if (value === null) throw refuse(`${path} is missing or malformed`);
    return value;
  };
  const optional = <T>(key: string, read: (value: object) => T): T | null => {
    const value = document[key];
    if (value === null || value === undefined) return null;
    if (!isObject(value)) throw refuse(`${key} is malformed`);
    return read(value);
  };
  const said = document.attestation;
  const under = document.schema;
  const waybill: Waybill = {
    chainId: field(document, "chainId", decimal(MOST_CHAINS)),
    registry: field(document, "registry", hexOf(20)),
    uid: field(document, "uid", hexOf(32)),
    attestation: {
      schema: field(said, "attestation.schema", hexOf(32)),
      attester: field(said, "attestation.attester", hexOf(20)),
      recipient: field(said, "attestation.recipient", hexOf(20)),
      ref: field(said, "attestation.ref", hexOf(32)),
      expiresAt: field(said, "attestation.expiresAt", whole(2 ** 40)),
      revocable: field(said, "attestation.revocable", flag),
      salt: field(said, "attestation.salt", hexOf(32)),
      data: unhex(field(said, "attestation.data", bytesOf(MAX_DATA))),
    },
    schema: {
      definition: field(under, "schema.definition", (value) => (typeof value === "string" ? value : null)),
      resolver: field(under, "schema.resolver", hexOf(20)),
      revocable: field(under, "schema.revocable", flag),
    },
    signature:
      document.signature === null || document.signature === undefined
        ? null
        : field(document, "signature", bytesOf(LONGEST_SIGNATURE)),
    proof: optional("proof", (proof) => ({
      level: field(proof, "proof.level", (value) => (value === "seal" || value === "anchor" ? value : null)),
      root: field(proof, "proof.root", hexOf(32)),
      count: field(proof, "proof.count", whole(2 ** 40)),
      index: field(proof, "proof.index", whole(2 ** 40)),
      path: field(proof, "proof.path", pathOf),
    })),
    stream: optional("stream", (stream) => ({
      key: field(stream, "stream.key", hexOf(32)),
      position: field(stream, "stream.position", decimal(2n ** 64n)),
    })),
    location: optional("location", (location) => ({
      block: field(location, "location.block", whole(2 ** 40)),
      blockHash: field(location, "location.blockHash", hexOf(32)),
      transaction: field(location, "location.transaction", hexOf(32)),
    })),
    state: optional("state", (state) => ({
      header: field(state, "state.header", bytesOf(LONGEST_HEADER)),
      registry: field(state, "state.registry", proofOf),
      resolver:
        "resolver" in state && state.resolver !== null ? field(state, "state.resolver", proofOf) : null,
    })),
  };

  const { attestation, schema, proof } = waybill;
  const uid = uidOf(domainSeparator(waybill), attestation);
  if (uid !== waybill.uid) throw refuse(`the content makes the uid ${uid}, not ${waybill.uid}`);
  if (schemaId(schema.definition, schema.resolver, schema.revocable) !== attestation.schema) {
    throw refuse("the schema's definition is not what its id names");
  }
  try {
    parseSchema(schema.definition);
  } catch (error) {
    if (!(error instanceof WaybillError)) throw error;
    throw refuse(`its definition is none: ${error.message}`);
  }
  if (proof !== null && rootFrom(uid, proof.index, proof.path, proof.count) !== proof.root) {
    throw refuse("the path does not lead to the root");
  }
  return waybill;
}

/** The schema of a job or of a definition: it has no resolver, and the id says whether it is revocable. */
export function plainSchema(definition: string, id: Hex): Waybill["schema"] {
  const revocable = schemaId(definition, ZERO_ADDRESS, true) === id;
  return { definition, resolver: ZERO_ADDRESS, revocable };
}

/** Reads lower-case hex of so many bytes; an address also with its checksum, which is not looked at. */
function hexOf(bytes: number): (value: unknown) => Hex | null {
  const digits = bytes === 20 ? /^0x[0-9a-fA-F]*$/ : /^0x[0-9a-f]*$/;
  return (value) =>
    typeof value === "string" && value.length === 2 + 2 * bytes && digits.test(value) ? (value as Hex) : null;
}

/** Reads lower-case hex of at most so many bytes. */
function bytesOf(most: number): (value: unknown) => Hex | null {
  return (value) =>
    typeof value === "string" &&
    value.length <= 2 + 2 * most &&
    value.length % 2 === 0 &&
    /^0x[0-9a-f]*$/.test(value)
      ? (value as Hex)
      : null;
}

function pathOf(value: unknown): Hex[] | null {
  if (!Array.isArray(value) || value.length > 40) return null;
  const path = value.map((word) => hexOf(32)(word));
  return path.every((word) => word !== null) ? path : null;
}

/** Reads a whole number from 0 up to, and not including, `end`. */
function whole(end: number): (value: unknown) => number | null {
  return (value) =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) < end ? (value as number) : null;
}

function flag(value: unknown): boolean | null {
  return typeof value === "boolean" ? value : null;
}

/** Reads a whole number as decimal text, up to, and not including, `end`. */
function decimal(end: bigint): (value: unknown) => bigint | null {
  return (value) => {
    if (typeof value !== "string" || !/^(0|[1-9][0-9]{0,19})$/.test(value)) return null;
    const number = BigInt(value);
    return number < end ? number : null;
  };
}
