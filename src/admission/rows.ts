import { basename } from "node:path";
import { WaybillError } from "../errors.js";
import type { Field, Value } from "../abi.js";
import type { Reading, Schema } from "../schema.js";
import { METAS, readMeta, type Meta, type MetaParts } from "./meta.js";

/** One statement of an input file, checked. */
export type Row = MetaParts & {
  /** 1-based line on which the row starts; a line ends at LF, also inside a quoted cell. */
  line: number;
  values: { [name: string]: Value };
};

/** `column`: a name, or a path such as `items[2].score`, or "" for the row as a whole. */
export type RowFault = { line: number; column: string; code: `E_ROW_${string}`; problem: string };
export type RowResult = { ok: true; row: Row } | { ok: false; line: number; faults: RowFault[] };

/** The bytes of a file, its name for messages. An abort ends the reading before the next row. */
export type Input = {
  name: string;
  bytes: AsyncIterable<Uint8Array>;
  signal?: AbortSignal | undefined;
};

/** What a column of the file is for; `name` as the file writes it. */
export type Column = { name: string; field: Field } | { name: string; meta: Meta };

/** A byte more than this in one line of JSON, or in one row of CSV, ends the reading: it would all be in memory. */
export const LONGEST_ROW = 2 ** 24;

/**
 * Every name a column may have. A field wins a plain name; with an @ the name always means the meta column, since
 * the name of a field cannot begin with one.
 */
export function columnsOf(schema: Schema): Map<string, Column> {
  const columns = new Map<string, Column>();
  for (const meta of METAS) {
    columns.set(meta, { name: meta, meta });
    columns.set(`@${meta}`, { name: `@${meta}`, meta });
  }
  for (const field of schema.fields) columns.set(field.name, { name: field.name, field });
  return columns;
}

/** The column's one identity: `id` and `@id` have the same unless a field is called id. */
export function targetOf(column: Column): string {
  return "field" in column ? column.field.name : `@${column.meta}`;
}

export function isObject(json: unknown): json is { [key: string]: unknown } {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

/**
 * The cells of a row that is an object, by what each is for; what is in no column, twice or missing is a fault.
 * @param known what columnsOf says of the schema
 */
export function cellsOf(
  object: { [key: string]: unknown },
  schema: Schema,
  known: ReadonlyMap<string, Column>,
  fault: (code: RowFault["code"], column: string, problem: string) => void,
): Map<string, { column: Column; raw: unknown }> {
  const cells = new Map<string, { column: Column; raw: unknown }>();
  for (const [key, raw] of Object.entries(object)) {
    const column = known.get(key);
    const earlier = column && cells.get(targetOf(column));
    if (column === undefined)
      fault("E_ROW_UNKNOWN", key, `${quote(key)} is neither a field nor a meta column`);
    else if (earlier !== undefined) fault("E_ROW_TWICE", key, `the same as ${earlier.column.name}`);
    else cells.set(targetOf(column), { column, raw });
  }
  for (const { name } of schema.fields)
    if (!cells.has(name)) fault("E_ROW_MISSING", name, "the field is missing");
  return cells;
}

/**
 * Checks cells and makes a row of them, or the list of everything wrong with it.
 * @param cells one per column of the row; null is an absent meta cell
 * @param readField readText for cells of CSV, readJson for values of JSON
 * @param faults what is already known to be wrong
 */
export function readRow<Raw>(
  line: number,
  cells: readonly { column: Column; raw: Raw | null }[],
  readField: (field: Field, raw: Raw | null) => Reading,
  faults: RowFault[] = [],
): RowResult {
  // By assignment: no field is called __proto__, see parseName of schema.ts.
  const values: { [name: string]: Value } = {};
  const keys: string[] = [];
  const row: Omit<Row, "values"> = {
    line,
    recipient: null,
    ref: null,
    expiresAt: null,
    salt: null,
    id: null,
    stream: null,
    replaces: null,
  };
  for (const { column, raw } of cells) {
    if ("field" in column) {
      const reading = readField(column.field, raw);
      if (reading.ok) values[column.name] = reading.value;
      else faults.push({ line, column: reading.path, code: reading.code, problem: reading.problem });
    } else if (raw !== null) {
      if (column.meta === "salt" || column.meta === "id") keys.push(column.name);
      const reading = readMeta(column.meta, raw);
      if (reading.ok) Object.assign(row, reading.part);
      else faults.push({ line, column: column.name, code: reading.code, problem: reading.problem });
    }
  }

  if (keys.length === 2)
    faults.push({
      line,
      column: keys[1]!,
      code: "E_ROW_SALT",
      problem: "a row has a salt or an id, which makes the salt, but not both",
    });
  if (faults.length > 0) return { ok: false, line, faults };
  return { ok: true, row: { ...row, values } };
}

/** `E_ROW_BOOL people.csv:4812 column isHuman: "no" is not true or false.` @param file path or name of the file */
export function faultText(file: string, fault: RowFault): string {
  const { line, column, code, problem } = fault;
  // A key of JSON may hold line breaks and terminal codes.
  const name = /^[\w$@.[\]]{1,200}$/.test(column) ? column : quote(column);
  const place = `${basename(file)}:${line}${column === "" ? "" : ` column ${name}`}`;
  return `${code} ${place}: ${problem.endsWith(".") ? problem : `${problem}.`}`;
}

/** Text of a file for a message, at most 60 characters of it: nothing in it can break or reorder a line. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 59)}…` : text).replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`,
  );
}

export function emptyFile(input: Input): WaybillError {
  return new WaybillError("E_FILE_EMPTY", `${input.name} is empty.`, {
    mend: "Check that the file was written completely and that it is the one you mean.",
  });
}
