import { parse, type CsvError, type InfoRecord, type Options } from "csv-parse";
import { WaybillError } from "../errors.js";
import { readText, type Schema } from "../schema.js";
import {
  columnsOf,
  emptyFile,
  LONGEST_ROW,
  quote,
  readRow,
  targetOf,
  type Column,
  type Input,
  type RowFault,
  type RowResult,
} from "./rows.js";
import { utf8 } from "./utf8.js";

/** `blanks`: how many blank lines precede it; `stray`: the cells that have a quote where none may be. */
type Record = { line: number; blanks: number; stray: number[]; cells: string[] };

const LF = 10;
const CR = 13;
const QUOTE = 34;

const WIDTH = { column: "", code: "E_ROW_WIDTH" } as const;

/**
 * Rows of CSV as RFC 4180 has it, with a header row. In a row with too many cells or
 * too few no cell is read, for none can be told from its neighbour.
 * @throws WaybillError E_FILE_UTF8, E_FILE_EMPTY, E_FILE_CSV, E_FILE_LINE, E_COLUMN_MISSING, E_COLUMN_UNKNOWN,
 *   E_COLUMN_TWICE
 */
export async function* readCsv(input: Input, schema: Schema): AsyncGenerator<RowResult> {
  let columns: readonly Column[] | undefined;
  for await (const records of recordsOf(input)) {
    for (const record of records) {
      if (columns === undefined) {
        columns = headerOf(record, schema, input);
        continue;
      }
      for (let blank = record.blanks; blank > 0; blank--) {
        input.signal?.throwIfAborted();
        const line = record.line - blank;
        yield { ok: false, line, faults: [{ line, ...WIDTH, problem: "a blank line between rows" }] };
      }
      input.signal?.throwIfAborted();
      yield rowOf(record, columns);
    }
  }
  if (columns === undefined) throw emptyFile(input);
}

function rowOf({ line, cells, stray }: Record, columns: readonly Column[]): RowResult {
  const faults: RowFault[] = stray.map((i) => ({
    line,
    column: columns[i]?.name ?? "",
    code: "E_ROW_QUOTE",
    problem: 'a quote inside a cell: put the cell in quotes and write "" for each quote in it',
  }));
  if (cells.length !== columns.length) {
    faults.push({ line, ...WIDTH, problem: `${cells.length} cells where the header has ${columns.length}` });
    return { ok: false, line, faults };
  }
  const sound: { column: Column; raw: string | null }[] = [];
  for (const [i, column] of columns.entries()) {
    if (stray.length > 0 && stray.includes(i)) continue;
    sound.push({ column, raw: "meta" in column && cells[i] === "" ? null : cells[i]! });
  }
  return readRow(line, sound, (field, text) => readText(field, text!), faults);
}

/**
 * The records of a file, those of one chunk at a time. The next chunk is taken from the input only when they are
 * consumed: that is the back-pressure.
 *
 * Until the first quote a record is a line and a cell ends at a comma, so that they are cut here: 6 µs of
 * CPU time a row, all of the reading, where it was 14. csv-parse has all from the chunk with the first quote on. Its stream stays empty: to read records
 * out of it one by one takes as long as to parse them.
 *
 * csv-parse 7.0.3 counts a CRLF inside a cell as two lines, and drops a record with a stray quote together with its
 * line breaks. Lines are therefore counted here, from the cells, and the record is kept (`recordHasError`).
 */
async function* recordsOf(input: Input): AsyncGenerator<Record[]> {
  let line = 1;
  /** Blank lines that csv-parse has counted and a record has told; below zero, what were cut and none has told. */
  let blanks = 0;
  let stray: number[] = [];
  let records: Record[] = [];
  let failure: WaybillError | undefined;

  /** @param empty blank lines in front of it */
  function add(cells: string[], empty: number): void {
    const record = { line: line + empty, blanks: empty, stray, cells };
    line = record.line + 1;
    records.push(record);
    stray = [];
  }

  function take(cells: string[], { empty_lines }: InfoRecord): null {
    if (failure !== undefined) return null;
    add(cells, empty_lines - blanks);
    for (const cell of cells)
      for (let at = cell.indexOf("\n"); at >= 0; at = cell.indexOf("\n", at + 1)) line++;
    blanks = empty_lines;
    return null;
  }

  /** Records of whole lines without a quote. */
  function cut(text: string): void {
    for (let start = 0, end; start < text.length; start = end + 1) {
      end = text.indexOf("\n", start);
      const last = text.charCodeAt(end - 1) === CR && end > start ? end - 1 : end;
      if (last === start) {
        blanks--;
        continue;
      }
      add(text.slice(start, last).split(","), -blanks);
      blanks = 0;
    }
  }

  function skip(error: CsvError | undefined): undefined {
    const { code, column, empty_lines } = error as CsvError & { column: number; empty_lines: number };
    if (code === "INVALID_OPENING_QUOTE") {
      // csv-parse comes back for the same cell at once, never later.
      if (stray.at(-1) !== column) stray.push(column);
      state.recordHasError = false;
    } else failure ??= broken(code, input, line + empty_lines - blanks, column);
  }

  const options: Options<null, string[]> = {
    record_delimiter: ["\n", "\r\n"],
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: LONGEST_ROW,
    on_record: take,
    on_skip: skip,
  };
  const parser = parse(options as unknown as Options);
  const { state } = parser as unknown as { state: { recordHasError: boolean } };
  parser.on("error", (error) => (failure ??= broken(error.message, input, line, 0)));

  function taken(): Record[] {
    const all = records;
    records = [];
    return all;
  }

  /** What begins a line that has not come to its end; null once csv-parse has it all. */
  let held: Buffer | null = Buffer.alloc(0);
  try {
    for await (const chunk of utf8(input)) {
      const bytes: Buffer = held === null || held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      const end =
        held === null || chunk.includes(QUOTE) || bytes.length > LONGEST_ROW ? 0 : bytes.lastIndexOf(LF) + 1;
      if (end === 0) {
        held = null;
        parser.write(bytes);
      } else {
        held = bytes.subarray(end);
        cut(bytes.toString("utf8", 0, end));
      }
      yield taken();
      if (failure !== undefined) break;
    }
  } catch (error) {
    // The parser looks three bytes ahead: with these it gives up a row that was complete when the input failed.
    parser.write("....");
    yield taken();
    throw error;
  }
  if (held !== null && held.length > 0) parser.write(held);
  parser.end();
  for await (const none of parser) throw new Error(`csv-parse made a record: ${String(none)}`);
  yield taken();
  if (failure !== undefined) throw failure;
}

function broken(code: string, input: Input, line: number, column: number): WaybillError {
  const place = `${input.name}:${line}`;
  const mend = 'Write "" for each quote inside a quoted cell, and close the cell with one before the comma.';
  switch (code) {
    case "CSV_MAX_RECORD_SIZE":
      return new WaybillError("E_FILE_LINE", `${place} begins a row of more than ${LONGEST_ROW} bytes.`, {
        mend,
      });
    case "CSV_QUOTE_NOT_CLOSED":
      return new WaybillError("E_FILE_CSV", `${place} cell ${column + 1} of this row is never closed.`, {
        mend,
      });
    case "CSV_INVALID_CLOSING_QUOTE":
      return new WaybillError(
        "E_FILE_CSV",
        `${place} cell ${column + 1} of this row goes on after its quote.`,
        {
          mend,
        },
      );
    case "INVALID_OPENING_QUOTE":
      return new WaybillError("E_FILE_CSV", `${place} cell ${column + 1} of the header has a quote inside.`, {
        mend,
      });
    default:
      return new WaybillError("E_FILE_CSV", `${place} cannot be read as CSV: ${code}.`);
  }
}

function headerOf({ line, stray, cells }: Record, schema: Schema, input: Input): Column[] {
  if (stray.length > 0) throw broken("INVALID_OPENING_QUOTE", input, line, stray[0]!);
  const known = columnsOf(schema);
  const columns = cells.flatMap((cell) => known.get(cell) ?? []);
  const targets = columns.map(targetOf);
  const place = `${input.name}:${line}`;
  const found = cells.map(quote).join(", ");

  const twice = columns.find((_, i) => targets.indexOf(targets[i]!) < i);
  if (twice !== undefined)
    throw new WaybillError("E_COLUMN_TWICE", `${place} has the column ${twice.name} twice, among ${found}.`, {
      mend: `Keep one of them; a meta column can be written with or without @.`,
    });

  const missing = schema.fields.map((field) => field.name).filter((name) => !targets.includes(name));
  if (missing.length > 0)
    throw new WaybillError(
      "E_COLUMN_MISSING",
      `${place} lacks the columns ${missing.join(", ")}; found ${found}.`,
      {
        mend: /[;\t]/.test(cells[0]!)
          ? "Save the file with commas between the cells."
          : `Add ${missing.join(", ")} to the header row and to every row.`,
      },
    );

  const unknown = cells.filter((cell) => !known.has(cell));
  if (unknown.length > 0)
    throw new WaybillError(
      "E_COLUMN_UNKNOWN",
      `${place} has unknown columns: ${unknown.map(quote).join(", ")}.`,
      {
        mend: `Rename or remove them. Known are ${[...known.keys()].join(", ")}.`,
      },
    );
  return columns;
}
