import { WaybillError } from "../errors.js";
import { hex } from "../hex.js";
import { readJson } from "../schema.js";
import { cellsOf, columnsOf, faultText, isObject, readRow, type RowFault } from "./rows.js";
import { type Frame, type Statement, statementOf } from "./statement.js";

/**
 * A statement as a program has it: what a line of JSON would say, by the schema's field names and `recipient`, `ref`,
 * `expires`, `salt` or `id`, `stream`. Integers may be bigint, bytes may be Uint8Array, and what is undefined is left out.
 */
export type Given = { readonly [column: string]: unknown };

/**
 * Makes statements of what a program hands over, by the rules for a row of a file.
 * @param name what they are called in messages
 * @returns of one statement, by its place in the flow, counted from 1
 * @throws WaybillError with the code of its first fault and the text of all
 */
export function givenReader(name: string, frame: Omit<Frame, "now">) {
  const known = columnsOf(frame.schema);
  return (given: Given, line: number, now: number): Statement => {
    const faults: RowFault[] = [];
    const fault = (code: RowFault["code"], column: string, problem: string) =>
      faults.push({ line, column, code, problem });
    const json = plain(given);
    if (!isObject(json)) fault("E_ROW_JSON", "", "not an object such as {name: value}");
    const cells = isObject(json) ? cellsOf(json, frame.schema, known, fault) : new Map();
    const result = readRow(line, [...cells.values()], readJson, faults);
    const made = result.ok ? statementOf(result.row, { ...frame, now }) : result;
    if (made.ok) return made.statement;
    const [first] = made.faults;
    throw new WaybillError(first!.code, made.faults.map((one) => faultText(name, one)).join("\n"), {
      mend: "mend the statement and add it again; nothing of it was admitted",
    });
  };
}

/** As JSON has it. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return hex(value);
  if (Array.isArray(value)) return value.map(plain);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(entries.map(([key, member]) => [key, plain(member)]));
}
