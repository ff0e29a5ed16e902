import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { checksumAddress, decodeFields, encodeFields, fits, typeText } from "./abi.js";
import type { AbiType, Field, Value, Values } from "./abi.js";
import { WaybillError } from "./errors.js";
import { type Hex, hex, keccak, unhex } from "./hex.js";

export type Schema = { definition: string; fields: readonly Field[] };

/** What a cell or a JSON value says, or why it says nothing; `path` is like `items[2].score`. */
export type Reading =
  { ok: true; value: Value } | { ok: false; code: `E_ROW_${string}`; path: string; problem: string };

const LONGEST_DEFINITION = 4096; // bytes
const LONGEST_ARRAY = 1024;
const DEEPEST = 8; // arrays and tuples around a value
const MOST_WORDS = 4096; // spelled out by one definition, a T[] counted as one T
const LETTERS = /[A-Za-z0-9_$]*/y;

/**
 * Reads `type name,type name`. The text is kept as it is, for the id is its hash; one space after a comma is the
 * only freedom, because definitions in use on chain have it.
 * @throws WaybillError E_SCHEMA with the character position, counted from 1, and the cause
 */
export function parseSchema(definition: string): Schema {
  const outcome = parse(definition);
  if (!(outcome instanceof Fault)) return { definition, fields: outcome };

  const meant = respelled(definition);
  throw new WaybillError(
    "E_SCHEMA",
    `schema, character ${outcome.at + 1}: ${outcome.message}`,
    meant === undefined ? {} : { mend: `write ${JSON.stringify(meant)} (another text is another schema id)` },
  );
}

/**
 * EAS's id (SchemaRegistry.sol, `_getUID`): keccak256(abi.encodePacked(definition, resolver, revocable)).
 * @param resolver 0x and 40 hex digits, already checked; the zero address for none
 */
export function schemaId(definition: string, resolver: string, revocable: boolean): Hex {
  if (!/^0x[0-9a-fA-F]{40}$/.test(resolver)) throw new Error(`not an address: ${quote(resolver)}`);
  return hex(keccak(concatBytes(utf8ToBytes(definition), unhex(resolver), Uint8Array.of(revocable ? 1 : 0))));
}

export function encode(schema: Schema, values: Values): Uint8Array {
  return encodeFields(schema.fields, values);
}

/** @throws WaybillError E_DATA unless the bytes are exactly what `encode` makes of the values returned */
export function decode(schema: Schema, data: Uint8Array): Values {
  return decodeFields(schema.fields, data);
}

// ---- definitions

class Fault extends Error {
  readonly at: number;

  constructor(at: number, problem: string) {
    super(problem);
    this.at = at;
  }
}

function fault(at: number, problem: string): never {
  throw new Fault(at, problem);
}

type Source = { text: string; at: number };

function parse(text: string): Field[] | Fault {
  try {
    if (text === "") fault(0, "the definition is empty");
    if (text.length > LONGEST_DEFINITION)
      fault(LONGEST_DEFINITION, `longer than ${LONGEST_DEFINITION} bytes`);
    const foreign = text.search(/[^\x20-\x7e]/);
    if (foreign >= 0) fault(foreign, `${quote(text.slice(foreign, foreign + 1))} is not printable ASCII`);

    const source = { text, at: 0 };
    const fields = parseFields(source, 0);
    if (source.at < text.length) fault(source.at, `${quote(text[source.at]!)} is not expected after a name`);
    return fields;
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

/** The canonical text when only the spelling is wrong, never when the meaning is open. */
function respelled(definition: string): string | undefined {
  if (definition.length > LONGEST_DEFINITION) return undefined;
  const text = definition
    .trim()
    .replace(/\s+/g, " ")
    .replace(/ (?=[,)[\]])/g, "")
    .replace(/(?<=[,([]) /g, "")
    .replace(/(?<=^|[,(])(u?int)(?=[ [])/g, (alias) => `${alias}256`)
    .replace(/(?<=^|[,(])byte(?=[ [])/g, "bytes1")
    .replace(/(?<=^|[,(])tuple ?\(/g, "(")
    .replace(/,(?=\)|$)/g, "");
  const fields = parse(text);
  return fields instanceof Fault ? undefined : typeText({ kind: "tuple", fields }).slice(1, -1);
}

/** @param depth tuples that are open around these fields */
function parseFields(source: Source, depth: number): Field[] {
  const fields: Field[] = [];
  const names = new Set<string>();
  let words = 0;
  for (;;) {
    const start = source.at;
    const type = parseType(source, depth);
    words += wordsOf(type);
    if (words > MOST_WORDS) fault(start, `more than ${MOST_WORDS} words of static size`);

    const name = parseName(source, names);
    names.add(name);
    fields.push({ name, type });

    if (source.text[source.at] !== ",") return fields;
    source.at += source.text[source.at + 1] === " " ? 2 : 1;
  }
}

function parseType(source: Source, depth: number): AbiType {
  const start = source.at;
  let type =
    source.text[start] === "(" ? parseTuple(source, depth) : simpleType(take(source, LETTERS), start);
  for (;;) {
    if (levelsOf(type) > DEEPEST) fault(start, `nested deeper than ${DEEPEST}`);
    if (source.text[source.at] !== "[") return type;
    type = { kind: "array", of: type, length: parseLength(source) };
  }
}

function parseTuple(source: Source, depth: number): AbiType {
  const start = source.at++;
  if (depth === DEEPEST) fault(start, `nested deeper than ${DEEPEST}`);
  if (source.text[source.at] === ")") fault(source.at, "a tuple without fields");
  const fields = parseFields(source, depth + 1);
  if (source.text[source.at] !== ")") fault(source.at, 'a tuple goes on with "," or ends with ")"');
  source.at++;
  return { kind: "tuple", fields };
}

function parseLength(source: Source): number | null {
  const start = source.at;
  const suffix = take(source, /\[[0-9]*\]/y);
  if (suffix === "") fault(start, "an array suffix is [] or [k] with a decimal number");
  if (suffix === "[]") return null;
  const digits = suffix.slice(1, -1);
  if (digits === "0") fault(start, "an array of no elements");
  if (digits.startsWith("0")) fault(start, "an array length has no leading zeros");
  if (Number(digits) > LONGEST_ARRAY) fault(start, `an array has at most ${LONGEST_ARRAY} elements`);
  return Number(digits);
}

function parseName(source: Source, taken: ReadonlySet<string>): string {
  if (source.text[source.at] !== " ") fault(source.at, "a type is followed by one space and a name");
  const start = ++source.at;
  const name = take(source, LETTERS);
  if (name === "") fault(start, "a name belongs here, after exactly one space");
  if (/^[0-9]/.test(name)) fault(start, `a name does not begin with a digit: ${quote(name)}`);
  if (name === "__proto__") fault(start, "__proto__ is not a name: JavaScript reads it as something else");
  if (taken.has(name)) fault(start, `the name ${quote(name)} is already taken`);
  return name;
}

function take(source: Source, pattern: RegExp): string {
  pattern.lastIndex = source.at;
  const text = pattern.exec(source.text)?.[0] ?? "";
  source.at += text.length;
  return text;
}

const ALMOST_TYPES: ReadonlyMap<string, string> = new Map([
  ["", "a type is missing"],
  ["uint", "uint is an alias: its one spelling is uint256"],
  ["int", "int is an alias: its one spelling is int256"],
  ["byte", "byte is an alias: its one spelling is bytes1"],
  ["tuple", "a tuple is written (type name,type name), without the word tuple"],
  ["function", "function is not a type of statements"],
]);

function simpleType(word: string, at: number): AbiType {
  switch (word) {
    case "address":
    case "bool":
    case "bytes":
    case "string":
      return { kind: word };
  }
  const [, base, digits] = /^(uint|int|bytes)([1-9][0-9]*)$/.exec(word) ?? [];
  const size = Number(digits);
  if (base === "bytes") return size <= 32 ? { kind: "fixedBytes", size } : fault(at, "bytes1 to bytes32");
  if (base === "uint" || base === "int")
    return size % 8 === 0 && size <= 256
      ? { kind: base, bits: size }
      : fault(at, `${base}8 to ${base}256 in steps of 8`);
  if (/^u?fixed/.test(word))
    return fault(at, "fixed-point types are not supported: use an integer and a unit");
  return fault(at, ALMOST_TYPES.get(word) ?? `${quote(word)} is not a type`);
}

function levelsOf(type: AbiType): number {
  if (type.kind === "array") return 1 + levelsOf(type.of);
  if (type.kind === "tuple") return 1 + Math.max(...type.fields.map((field) => levelsOf(field.type)));
  return 0;
}

function wordsOf(type: AbiType): number {
  if (type.kind === "array") return (type.length ?? 1) * wordsOf(type.of);
  if (type.kind === "tuple") return type.fields.reduce((words, field) => words + wordsOf(field.type), 0);
  return 1;
}

// ---- values

/** Reads a CSV cell: arrays and tuples are JSON text, everything else is the text itself. */
export function readText(field: Field, text: string): Reading {
  const { name, type } = field;
  switch (type.kind) {
    case "bool":
      return text === "true" || text === "false" ? good(text === "true") : badBool(name, text);
    case "array":
    case "tuple":
      return readCell(type, text, name);
    default:
      return readValue(type, text, name);
  }
}

/** Reads a value as JSON.parse returns it; integers beyond 2^53 have to be strings. */
export function readJson(field: Field, json: unknown): Reading {
  return readValue(field.type, json, field.name);
}

function good(value: Value): Reading {
  return { ok: true, value };
}

function bad(kind: string, path: string, problem: string): Reading {
  return { ok: false, code: `E_ROW_${kind}`, path, problem };
}

function badBool(path: string, json: unknown): Reading {
  return bad("BOOL", path, `${quote(json)} is not true or false`);
}

function readCell(type: AbiType, text: string, path: string): Reading {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return bad("JSON", path, `${quote(text)} is not JSON`);
  }
  const reading = readValue(type, json, path);
  if (!reading.ok) return reading;

  // JSON.parse says nothing when it rounds 1.0000000000000000001 or keeps the last of two equal keys. What was read
  // has only whole numbers and known keys, so the marks outside strings tell.
  const marks = marksOf(text);
  if (marks.fractions > 0) return bad("INTEGER", path, "a whole number has no point and no exponent");
  if (marks.colons !== membersIn(reading.value)) return bad("JSON", path, "a key is given twice");
  return reading;
}

function marksOf(json: string): { colons: number; fractions: number } {
  const marks = { colons: 0, fractions: 0 };
  let quoted = false;
  for (let i = 0; i < json.length; i++) {
    const char = json[i]!;
    if (char === '"') quoted = !quoted;
    else if (quoted) i += char === "\\" ? 1 : 0;
    else if (char === ":") marks.colons++;
    else if (char === "." || (/[eE]/.test(char) && /[0-9]/.test(json[i - 1]!))) marks.fractions++;
  }
  return marks;
}

function membersIn(value: Value): number {
  if (typeof value !== "object") return 0;
  const inside = Array.isArray(value) ? value : Object.values(value);
  return inside.reduce<number>(
    (count, member) => count + membersIn(member),
    Array.isArray(value) ? 0 : inside.length,
  );
}

function readValue(type: AbiType, json: unknown, path: string): Reading {
  switch (type.kind) {
    case "bool":
      return typeof json === "boolean" ? good(json) : badBool(path, json);
    case "uint":
    case "int":
      return readInteger(type, json, path);
    case "address":
      return readAddress(json, path);
    case "fixedBytes":
    case "bytes":
      return readBytes(type, json, path);
    case "string":
      if (typeof json !== "string") return bad("STRING", path, `${quote(json)} is not a string`);
      if (/\p{Surrogate}/u.test(json)) return bad("STRING", path, `${quote(json)} has half a surrogate pair`);
      return good(json);
    case "array":
      return readArray(type, json, path);
    case "tuple":
      return readTuple(type.fields, json, path);
  }
}

function readInteger(type: { kind: "uint" | "int"; bits: number }, json: unknown, path: string): Reading {
  if (Number.isInteger(json) && !Number.isSafeInteger(json))
    return bad("INTEGER", path, `${json} is beyond 2^53: write it as a string`);
  const text = typeof json === "number" && !Object.is(json, -0) ? String(json) : json;
  if (typeof text !== "string" || !/^(0|-?[1-9][0-9]*)$/.test(text))
    return bad("INTEGER", path, `${quote(json)} is not a whole number in plain decimal digits`);
  // 78 digits and a sign are the longest that fit; BigInt takes quadratic time on more.
  const value = text.length <= 79 ? BigInt(text) : undefined;
  if (value === undefined || !fits(type, value))
    return bad("INTEGER", path, `${quote(json)} does not fit ${typeText(type)}`);
  return good(value);
}

function readAddress(json: unknown, path: string): Reading {
  if (typeof json !== "string" || !/^0x[0-9a-fA-F]{40}$/.test(json))
    return bad("ADDRESS", path, `${quote(json)} is not an address: 0x and 40 hex digits`);
  const address = checksumAddress(json);
  if (json !== address && json !== json.toLowerCase())
    return bad("ADDRESS", path, `${quote(json)} has a wrong checksum: a letter or its case is mistaken`);
  return good(address);
}

function readBytes(
  type: { kind: "fixedBytes"; size: number } | { kind: "bytes" },
  json: unknown,
  path: string,
): Reading {
  if (typeof json !== "string" || !json.startsWith("0x") || /[^0-9a-fA-F]/.test(json.slice(2)))
    return bad("BYTES", path, `${quote(json)} is not 0x and hex digits`);
  if (json.length % 2 !== 0) return bad("BYTES", path, `${quote(json)} has an odd number of hex digits`);
  const size = json.length / 2 - 1;
  if (type.kind === "fixedBytes" && size !== type.size)
    return bad("BYTES", path, `${quote(json)} has ${size} bytes and must have ${type.size}`);
  return good(json.toLowerCase());
}

function readArray(type: { of: AbiType; length: number | null }, json: unknown, path: string): Reading {
  if (!Array.isArray(json)) return bad("ARRAY", path, `${quote(json)} is not an array`);
  if (type.length !== null && json.length !== type.length)
    return bad("ARRAY", path, `the array has ${json.length} elements and must have ${type.length}`);
  const elements: Value[] = [];
  for (const [i, element] of json.entries()) {
    const reading = readValue(type.of, element, `${path}[${i}]`);
    if (!reading.ok) return reading;
    elements.push(reading.value);
  }
  return good(elements);
}

function readTuple(fields: readonly Field[], json: unknown, path: string): Reading {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    return bad("TUPLE", path, `${quote(json)} is not an object`);
  const unknown = Object.keys(json).find((key) => !fields.some((field) => field.name === key));
  if (unknown !== undefined) return bad("TUPLE", path, `${quote(unknown)} is not a field`);

  const members: [string, Value][] = [];
  for (const { name, type } of fields) {
    if (!Object.hasOwn(json, name)) return bad("TUPLE", path, `the field ${quote(name)} is missing`);
    const reading = readValue(type, (json as Record<string, unknown>)[name], `${path}.${name}`);
    if (!reading.ok) return reading;
    members.push([name, reading.value]);
  }
  return good(Object.fromEntries(members));
}

/** A value as a person may have written it, in at most 60 characters. */
function quote(value: unknown): string {
  if (typeof value === "string") {
    const text = JSON.stringify(value.slice(0, 60));
    return value.length <= 60 && text.length <= 60 ? text : `${text.slice(0, 58)}…"`;
  }
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  return Object.is(value, -0) ? "-0" : String(value);
}
