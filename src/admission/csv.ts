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
 * csv-parse's stream stays empty: to read records out of it one by one takes as long as to parse them.
 *
 * csv-parse 7.0.3 counts a CRLF inside a cell as two lines, and drops a record with a stray quote together with its
 * line breaks. Lines are therefore counted here, from the cells, and the record is kept (`recordHasError`).
 */
async function* recordsOf(input: Input): AsyncGenerator<Record[]> {
  let line = 1;
  let blanks = 0;
  let stray: number[] = [];
  let records: Record[] = [];
  let failure: WaybillError | undefined;

  function take(cells: string[], info: InfoRecord): null {
    if (failure !== undefined) return null;
    const record = {
      line: line + info.empty_lines - blanks,
      blanks: info.empty_lines - blanks,
      stray,
      cells,
    };
    line = record.line + 1;
    for (const cell of cells)
      for (let at = cell.indexOf("\n"); at >= 0; at = cell.indexOf("\n", at + 1)) line++;
    blanks = info.empty_lines;
    stray = [];
    records.push(record);
    return null;
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

  try {
    for await (const chunk of utf8(input)) {
      parser.write(chunk);
      yield taken();
      if (failure !== undefined) break;
    }
  } catch (error) {
    // The parser looks three bytes ahead: with these it gives up a row that was complete when the input failed.
    parser.write("....");
    yield taken();
    throw error;
  }
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
