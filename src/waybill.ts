import { type Attestation, domainSeparator, uidOf } from "./attestation.js";
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
};

/** Of the layout; a reader of version 1 refuses others. */
const VERSION = 1;

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
  const document = parsedJson(text);
  if (!isObject(document)) throw refuse("it is not a JSON object");
  if (document.waybill !== VERSION) throw refuse(`its version is not ${VERSION}, the one that is understood`);

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
    chainId: field(document, "chainId", decimal),
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
      data: unhex(field(said, "attestation.data", hexOf(null))),
    },
    schema: {
      definition: field(under, "schema.definition", (value) => (typeof value === "string" ? value : null)),
      resolver: field(under, "schema.resolver", hexOf(20)),
      revocable: field(under, "schema.revocable", flag),
    },
    signature:
      document.signature === null || document.signature === undefined
        ? null
        : field(document, "signature", hexOf(null)),
    proof: optional("proof", (proof) => ({
      level: field(proof, "proof.level", (value) => (value === "seal" || value === "anchor" ? value : null)),
      root: field(proof, "proof.root", hexOf(32)),
      count: field(proof, "proof.count", whole(2 ** 40)),
      index: field(proof, "proof.index", whole(2 ** 40)),
      path: field(proof, "proof.path", pathOf),
    })),
    stream: optional("stream", (stream) => ({
      key: field(stream, "stream.key", hexOf(32)),
      position: field(stream, "stream.position", decimal),
    })),
    location: optional("location", (location) => ({
      block: field(location, "location.block", whole(2 ** 53)),
      blockHash: field(location, "location.blockHash", hexOf(32)),
      transaction: field(location, "location.transaction", hexOf(32)),
    })),
  };

  const { attestation, schema, proof } = waybill;
  const uid = uidOf(domainSeparator(waybill), attestation);
  if (uid !== waybill.uid) throw refuse(`the content makes the uid ${uid}, not ${waybill.uid}`);
  if (schemaId(schema.definition, schema.resolver, schema.revocable) !== attestation.schema) {
    throw refuse("the schema's definition is not what its id names");
  }
  parseSchema(schema.definition);
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

/** Reads lower-case hex of so many bytes, or of any; an address also with its checksum, which is not looked at. */
function hexOf(bytes: number | null): (value: unknown) => Hex | null {
  const length = bytes === null ? "(?:..)*" : `.{${2 * bytes}}`;
  const shape = new RegExp(`^0x(?=${length}$)${bytes === 20 ? "[0-9a-fA-F]*" : "[0-9a-f]*"}$`);
  return (value) => (typeof value === "string" && shape.test(value) ? (value as Hex) : null);
}

function pathOf(value: unknown): Hex[] | null {
  if (!Array.isArray(value) || value.length > 40) return null;
  const path = value.map(hexOf(32));
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

function decimal(value: unknown): bigint | null {
  return typeof value === "string" && /^(0|[1-9][0-9]{0,77})$/.test(value) ? BigInt(value) : null;
}
