import { WaybillError } from "../errors.js";
import { readJson, type Schema } from "../schema.js";
import { surveyJson } from "./jsonText.js";
import {
  cellsOf,
  columnsOf,
  emptyFile,
  LONGEST_ROW,
  isObject,
  quote,
  readRow,
  targetOf,
  type Column,
  type Input,
  type RowFault,
  type RowResult,
} from "./rows.js";
import { utf8 } from "./utf8.js";

type Line = { number: number; text: string };

/**
 * Rows of JSON lines: one object a line, blank lines ignored.
 * @throws WaybillError E_FILE_UTF8, E_FILE_EMPTY, E_FILE_LINE
 */
export async function* readJsonLines(input: Input, schema: Schema): AsyncGenerator<RowResult> {
  const known = columnsOf(schema);
  let empty = true;
  for await (const lines of linesOf(input)) {
    for (const line of lines) {
      if (/^[ \t\r]*$/.test(line.text)) continue;
      empty = false;
      input.signal?.throwIfAborted();
      yield rowOf(line, schema, known);
    }
  }
  if (empty) throw emptyFile(input);
}

function rowOf({ number: line, text }: Line, schema: Schema, known: ReadonlyMap<string, Column>): RowResult {
  const faults: RowFault[] = [];
  const fault = (code: RowFault["code"], column: string, problem: string) =>
    faults.push({ line, column, code, problem });

  const survey = surveyJson(text);
  if (!survey.ok) fault("E_ROW_JSON", "", `not JSON at character ${survey.at}: ${survey.problem}`);
  const json: unknown = survey.ok ? JSON.parse(text) : null;
  if (survey.ok && !isObject(json)) fault("E_ROW_JSON", "", 'not an object such as {"name": value}');
  if (!survey.ok || !isObject(json)) return { ok: false, line, faults };

  const cells = cellsOf(json, schema, known, fault);

  // JSON.parse has kept the last of the two: neither is right.
  for (const { column, path } of survey.twice) {
    fault("E_ROW_JSON", path, "the key is given twice");
    const twice = known.get(column);
    if (twice !== undefined) cells.delete(targetOf(twice));
  }

  const result = readRow(line, [...cells.values()], readJson, faults);

  // Numbers that JSON.parse may have rounded to whole ones, so that they passed; the same rule as in a cell of CSV.
  const blamed = new Set(faults.map((found) => found.column));
  for (const { column, path, text } of survey.fractions)
    if (known.has(column) && !blamed.has(path))
      fault("E_ROW_INTEGER", path, `${quote(text)}: a whole number has no point and no exponent`);
  return faults.length > 0 ? { ok: false, line, faults } : result;
}

/** The lines that a chunk completes, without LF; a CR before it is white space to JSON. */
async function* linesOf(input: Input): AsyncGenerator<Line[]> {
  let number = 1;
  let held: Buffer[] = [];
  let heldBytes = 0;

  function hold(bytes: Buffer): void {
    held.push(bytes);
    heldBytes += bytes.length;
  }

  function release(): Line {
    const text = Buffer.concat(held).toString();
    held = [];
    heldBytes = 0;
    return { number: number++, text };
  }

  for await (const chunk of utf8(input)) {
    const lines: Line[] = [];
    for (let start = 0, end = 0; end >= 0 && heldBytes <= LONGEST_ROW; start = end + 1) {
      end = chunk.indexOf("\n", start);
      hold(chunk.subarray(start, end < 0 ? chunk.length : end));
      if (end >= 0 && heldBytes <= LONGEST_ROW) lines.push(release());
    }
    if (lines.length > 0) yield lines;
    if (heldBytes > LONGEST_ROW)
      throw new WaybillError("E_FILE_LINE", `${input.name}:${number} is longer than ${LONGEST_ROW} bytes.`, {
        mend: "Write one object a line; an array of all rows has to be split.",
      });
  }
  if (heldBytes > 0) yield [release()];
}
