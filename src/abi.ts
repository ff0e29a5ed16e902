import { WaybillError } from "./errors.js";
import { keccak } from "./hex.js";

// The rules are those of the Solidity ABI specification, strict mode: one value has one encoding.
// Types come from parseSchema, which bounds nesting and refuses types without content; the code here relies on
// both: recursion follows the type, and every element of an array takes at least one word of data.

export type AbiType =
  | { kind: "uint"; bits: number }
  | { kind: "int"; bits: number }
  | { kind: "address" }
  | { kind: "bool" }
  | { kind: "fixedBytes"; size: number }
  | { kind: "bytes" }
  | { kind: "string" }
  | { kind: "array"; of: AbiType; length: number | null }
  | { kind: "tuple"; fields: readonly Field[] };

export type Field = { name: string; type: AbiType };

/**
 * uint, int: bigint · bool: boolean · address: checksummed string (EIP-55) · bytes, bytesN: lower-case 0x hex ·
 * string: well-formed string · array: array · tuple: object keyed by field names.
 */
export type Value = bigint | boolean | string | Value[] | Values;
export type Values = { [name: string]: Value };

type ArrayType = Extract<AbiType, { kind: "array" }>;

const WORD = 32;

// A JavaScript string holds at most 2^29 - 24 characters, and hex takes two for a byte.
const LONGEST_BYTES = 2 ** 28 - 16;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The one spelling of a type: `uint256`, `bytes32[3][]`, `(uint8 a,string b)[]`. */
export function typeText(type: AbiType): string {
  switch (type.kind) {
    case "uint":
    case "int":
      return `${type.kind}${type.bits}`;
    case "fixedBytes":
      return `bytes${type.size}`;
    case "array":
      return `${typeText(type.of)}[${type.length ?? ""}]`;
    case "tuple":
      return `(${type.fields.map((field) => `${typeText(field.type)} ${field.name}`).join(",")})`;
    default:
      return type.kind;
  }
}

/**
 * The bytes of Solidity's `abi.encode(f1, f2, ...)`.
 * @param values canonical, as readText, readJson and decodeFields return them; anything else is our bug: a plain Error
 */
export function encodeFields(fields: readonly Field[], values: Values): Uint8Array {
  const heads = headsSize(fields);
  const size = heads + fieldTailsSize(fields, values);
  const data = size > draft.length ? new Uint8Array(size) : draft.fill(0, 0, size);
  const view = data === draft ? draftView : new DataView(data.buffer);
  writeFields({ data, view, tail: heads }, fields, values, 0, 0);
  return data === draft ? draft.slice(0, size) : data;
}

/** Most statements are this short, and a view of a new array takes longer than to write it. */
const draft = new Uint8Array(256);
const draftView = new DataView(draft.buffer);

/**
 * The inverse of encodeFields, and of nothing else: whatever it accepts encodes to the very same bytes.
 * @throws WaybillError E_DATA with field path, byte offset and cause
 */
export function decodeFields(fields: readonly Field[], data: Uint8Array): Values {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const reader: Cursor = { data, view, tail: 0 };
  const values = readFields(reader, fields, claim(reader, headsSize(fields), ""), 0, "");
  if (reader.tail !== data.length) refuse("", reader.tail, `${data.length - reader.tail} bytes too many`);
  return values;
}

/** The address with the letter case of EIP-55. @param address 0x and 40 hex digits in any case */
export function checksumAddress(address: string): string {
  encoder.encodeInto(address.toLowerCase(), checksummed);
  const hash = keccak(digits);
  for (let i = 0; i < digits.length; i++) {
    const nibble = (hash[i >> 1]! >> (i % 2 === 0 ? 4 : 0)) & 15;
    if (nibble > 7 && digits[i]! >= LETTER_A) digits[i]! -= LETTER_A - CAPITAL_A;
  }
  return decoder.decode(checksummed);
}

const checksummed = new Uint8Array(42);
const digits = checksummed.subarray(2);

const LETTER_A = 0x61;
const CAPITAL_A = 0x41;

function isDynamic(type: AbiType): boolean {
  switch (type.kind) {
    case "bytes":
    case "string":
      return true;
    case "array":
      return type.length === null || isDynamic(type.of);
    case "tuple":
      return type.fields.some((field) => isDynamic(field.type));
    default:
      return false;
  }
}

/** Bytes in the head of the enclosing sequence: the value itself, or the offset of its tail. */
function headSize(type: AbiType): number {
  if (isDynamic(type)) return WORD;
  if (type.kind === "array") return type.length! * headSize(type.of);
  if (type.kind === "tuple") return headsSize(type.fields);
  return WORD;
}

function headsSize(fields: readonly Field[]): number {
  let size = 0;
  for (const field of fields) size += headSize(field.type);
  return size;
}

function padded(size: number): number {
  return Math.ceil(size / WORD) * WORD;
}

// In a canonical encoding dynamic values follow each other in the order of the fields on every level, so that one
// running position, the tail, is where the next one goes, however deep. Writing and reading both walk it.
type Cursor = { data: Uint8Array; view: DataView; tail: number };

// ---- writing

function tailSize(type: AbiType, value: Value): number {
  if (!isDynamic(type)) return 0;
  switch (type.kind) {
    case "bytes":
      return WORD + padded(hexSize(type, value));
    case "string":
      return WORD + padded(utf8Size(type, value));
    case "array": {
      const elements = elementsOf(type, value);
      let size = (type.length === null ? WORD : 0) + elements.length * headSize(type.of);
      if (isDynamic(type.of)) for (const element of elements) size += tailSize(type.of, element);
      return size;
    }
    case "tuple":
      return headsSize(type.fields) + fieldTailsSize(type.fields, value);
    default:
      throw new Error(`no tail for ${type.kind}`);
  }
}

function fieldTailsSize(fields: readonly Field[], values: Value): number {
  let size = 0;
  for (const field of fields) size += tailSize(field.type, memberOf(values, field));
  return size;
}

function writeFields(
  writer: Cursor,
  fields: readonly Field[],
  values: Value,
  head: number,
  base: number,
): void {
  for (const field of fields) {
    writeValue(writer, field.type, memberOf(values, field), head, base);
    head += headSize(field.type);
  }
}

/** @param head where the value or its offset goes; @param base what the offset counts from */
function writeValue(writer: Cursor, type: AbiType, value: Value, head: number, base: number): void {
  const { data, view } = writer;
  switch (type.kind) {
    case "uint":
    case "int":
      return writeWord(view, head, integerOf(type, value));
    case "bool":
      if (typeof value !== "boolean") misshapen(type, value);
      data[head + WORD - 1] = value ? 1 : 0;
      return;
    case "address":
      if (hexSize(type, value) !== 20) misshapen(type, value);
      return writeHex(data, head + 12, (value as string).toLowerCase());
    case "fixedBytes":
      if (hexSize(type, value) !== type.size) misshapen(type, value);
      return writeHex(data, head, value as string);
    case "bytes": {
      const size = hexSize(type, value);
      const at = openTail(writer, head, base, WORD + padded(size));
      writeSize(view, at, size);
      return writeHex(data, at + WORD, value as string);
    }
    case "string": {
      const size = utf8Size(type, value);
      const at = openTail(writer, head, base, WORD + padded(size));
      writeSize(view, at, size);
      encoder.encodeInto(value as string, data.subarray(at + WORD, at + WORD + size));
      return;
    }
    case "array": {
      const elements = elementsOf(type, value);
      const step = headSize(type.of);
      if (isDynamic(type)) {
        const counter = type.length === null ? WORD : 0;
        const at = openTail(writer, head, base, counter + elements.length * step);
        if (type.length === null) writeSize(view, at, elements.length);
        head = base = at + counter;
      }
      for (const element of elements) {
        writeValue(writer, type.of, element, head, base);
        head += step;
      }
      return;
    }
    case "tuple":
      if (isDynamic(type)) head = base = openTail(writer, head, base, headsSize(type.fields));
      return writeFields(writer, type.fields, value, head, base);
  }
}

function openTail(writer: Cursor, head: number, base: number, size: number): number {
  const at = writer.tail;
  writeSize(writer.view, head, at - base);
  writer.tail += size;
  return at;
}

function writeSize(view: DataView, at: number, size: number): void {
  view.setUint32(at + 24, size / 2 ** 32);
  view.setUint32(at + 28, size);
}

// setBigUint64 takes its argument modulo 2^64, which is two's complement for negative values.
function writeWord(view: DataView, at: number, word: bigint): void {
  view.setBigUint64(at + 24, word);
  const high = word >> 64n;
  if (high === 0n) return;
  view.setBigUint64(at + 16, high);
  view.setBigUint64(at + 8, high >> 64n);
  view.setBigUint64(at, high >> 128n);
}

const NIBBLES = new Uint8Array(256).fill(255);
for (let nibble = 0; nibble < 16; nibble++) NIBBLES[nibble.toString(16).charCodeAt(0)] = nibble;

function writeHex(data: Uint8Array, at: number, text: string): void {
  for (let i = 2; i < text.length; i += 2) {
    const high = NIBBLES[text.charCodeAt(i)] ?? 255;
    const low = NIBBLES[text.charCodeAt(i + 1)] ?? 255;
    if ((high | low) > 15) throw new Error(`not lower-case hex at character ${i + 1}`);
    data[at++] = (high << 4) | low;
  }
}

function hexSize(type: AbiType, value: Value): number {
  if (typeof value !== "string" || !value.startsWith("0x") || value.length % 2 !== 0) misshapen(type, value);
  return value.length / 2 - 1;
}

function utf8Size(type: AbiType, value: Value): number {
  if (typeof value !== "string") misshapen(type, value);
  let size = value.length;
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) size += 1;
    else if (unit < 0xd800 || unit > 0xdfff) size += 2;
    else {
      const low = value.charCodeAt(++i);
      if (unit > 0xdbff || !(low >= 0xdc00 && low <= 0xdfff)) misshapen(type, value);
      size += 2;
    }
  }
  return size;
}

function integerOf(type: { kind: "uint" | "int"; bits: number }, value: Value): bigint {
  if (typeof value !== "bigint" || !fits(type, value)) misshapen(type, value);
  return value;
}

/** Whether an integer is in the range of its type. */
export function fits(type: { kind: "uint" | "int"; bits: number }, value: bigint): boolean {
  return (
    value === (type.kind === "uint" ? BigInt.asUintN(type.bits, value) : BigInt.asIntN(type.bits, value))
  );
}

function elementsOf(type: ArrayType, value: Value): Value[] {
  if (!Array.isArray(value) || (type.length !== null && value.length !== type.length)) misshapen(type, value);
  return value;
}

function memberOf(values: Value, field: Field): Value {
  if (typeof values !== "object" || Array.isArray(values) || !Object.hasOwn(values, field.name))
    throw new Error(`no value for ${typeText(field.type)} ${field.name}`);
  return values[field.name]!;
}

function misshapen(type: AbiType, value: unknown): never {
  throw new Error(`not a canonical value of ${typeText(type)}: ${typeof value}`);
}

// ---- reading

function readFields(
  reader: Cursor,
  fields: readonly Field[],
  head: number,
  base: number,
  path: string,
): Values {
  const members: [string, Value][] = [];
  for (const { name, type } of fields) {
    members.push([name, readValue(reader, type, head, base, path === "" ? name : `${path}.${name}`)]);
    head += headSize(type);
  }
  // Not by assignment: a field called __proto__ would set the prototype.
  return Object.fromEntries(members);
}

function readValue(reader: Cursor, type: AbiType, head: number, base: number, path: string): Value {
  const { data, view } = reader;
  switch (type.kind) {
    case "uint":
    case "int": {
      const word = readWord(view, head);
      const value = type.kind === "int" ? BigInt.asIntN(256, word) : word;
      if (!fits(type, value)) refuse(path, head, `${value} does not fit ${typeText(type)}`);
      return value;
    }
    case "bool": {
      const word = readWord(view, head);
      if (word > 1n) refuse(path, head, `a bool is 0 or 1, not ${word}`);
      return word === 1n;
    }
    case "address":
      requireZeros(data, head, head + 12, path);
      return checksumAddress(hexText(data.subarray(head + 12, head + WORD)));
    case "fixedBytes":
      requireZeros(data, head + type.size, head + WORD, path);
      return hexText(data.subarray(head, head + type.size));
    case "bytes":
      return hexText(readTail(reader, head, base, path));
    case "string": {
      const tail = readTail(reader, head, base, path);
      try {
        return decoder.decode(tail);
      } catch (cause) {
        return refuse(path, tail.byteOffset - data.byteOffset, "not valid UTF-8", cause);
      }
    }
    case "array": {
      const step = headSize(type.of);
      let length = type.length;
      if (isDynamic(type)) {
        requireOffset(reader, head, base, path);
        length ??= readLength(reader, step, path);
        head = base = claim(reader, length * step, path);
      }
      const elements: Value[] = [];
      for (let i = 0; i < length!; i++)
        elements.push(readValue(reader, type.of, head + i * step, base, `${path}[${i}]`));
      return elements;
    }
    case "tuple":
      if (isDynamic(type)) {
        requireOffset(reader, head, base, path);
        head = base = claim(reader, headsSize(type.fields), path);
      }
      return readFields(reader, type.fields, head, base, path);
  }
}

/** The content of a bytes or string, without length and padding. */
function readTail(reader: Cursor, head: number, base: number, path: string): Uint8Array {
  requireOffset(reader, head, base, path);
  const length = readLength(reader, 1, path);
  if (length > LONGEST_BYTES)
    refuse(path, reader.tail - WORD, `${length} bytes are more than a string can hold`);
  const at = claim(reader, padded(length), path);
  requireZeros(reader.data, at + length, at + padded(length), path);
  return reader.data.subarray(at, at + length);
}

function requireOffset(reader: Cursor, head: number, base: number, path: string): void {
  const offset = readWord(reader.view, head);
  const expected = reader.tail - base;
  if (offset !== BigInt(expected)) refuse(path, head, `the offset is ${offset} and must be ${expected}`);
}

/** A length word, believed only as far as the bytes after it reach. @param step bytes for one element */
function readLength(reader: Cursor, step: number, path: string): number {
  const at = claim(reader, WORD, path);
  const length = readWord(reader.view, at);
  const left = reader.data.length - reader.tail;
  if (length > BigInt(Math.floor(left / step))) refuse(path, at, `length ${length} with ${left} bytes left`);
  return Number(length);
}

function claim(reader: Cursor, size: number, path: string): number {
  const at = reader.tail;
  const left = reader.data.length - at;
  if (size > left) refuse(path, at, `${size} bytes are needed and ${left} are left`);
  reader.tail += size;
  return at;
}

function readWord(view: DataView, at: number): bigint {
  const low = view.getBigUint64(at + 24);
  const high = (view.getBigUint64(at) << 64n) | view.getBigUint64(at + 8);
  const middle = view.getBigUint64(at + 16);
  return high === 0n && middle === 0n ? low : (high << 128n) | (middle << 64n) | low;
}

function hexText(bytes: Uint8Array): string {
  const text = new Uint8Array(2 + 2 * bytes.length);
  text[0] = 0x30;
  text[1] = 0x78;
  let at = 2;
  for (const byte of bytes) {
    text[at++] = hexDigit(byte >> 4);
    text[at++] = hexDigit(byte & 15);
  }
  return decoder.decode(text);
}

function hexDigit(nibble: number): number {
  return nibble < 10 ? 0x30 + nibble : 0x57 + nibble;
}

function requireZeros(data: Uint8Array, from: number, to: number, path: string): void {
  for (let at = from; at < to; at++) if (data[at] !== 0) refuse(path, at, "padding is not zero");
}

function refuse(path: string, at: number, problem: string, cause?: unknown): never {
  const place = path === "" ? `byte ${at}` : `${path}, byte ${at}`;
  throw new WaybillError("E_DATA", `${place}: ${problem}`, { cause });
}
