import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readRows } from "../../src/admission/file.js";
import type { Input, Row, RowResult } from "../../src/admission/rows.js";
import { WaybillError } from "../../src/errors.js";
import { parseSchema } from "../../src/schema.js";

/** `error`: what ended the file early, after `rows`. */
export type Outcome = { rows: RowResult[]; error: WaybillError | null };

/** Writes files into a folder that lives as long as the describe block. */
export function folder(): (name: string, content: string | Uint8Array) => Promise<string> {
  let path: string;
  before(async () => {
    path = await mkdtemp(join(tmpdir(), "waybill-admission-"));
  });
  after(() => rm(path, { recursive: true }));
  return async (name, content) => {
    await writeFile(join(path, name), content);
    return join(path, name);
  };
}

export async function outcomeOf(results: AsyncIterable<RowResult>): Promise<Outcome> {
  const rows: RowResult[] = [];
  try {
    for await (const result of results) rows.push(result);
  } catch (error) {
    if (error instanceof WaybillError) return { rows, error };
    throw error;
  }
  return { rows, error: null };
}

export function readFile(path: string, definition: string): Promise<Outcome> {
  return outcomeOf(readRows(path, parseSchema(definition)));
}

/** The rows of a file without any fault. */
export function rowsOf({ rows, error }: Outcome): Row[] {
  if (error !== null) throw error;
  return rows.map((result) => {
    if (!result.ok) throw new Error(`line ${result.line}: ${JSON.stringify(result.faults)}`);
    return result.row;
  });
}

/** `4 E_ROW_BOOL isHuman` for each fault, in the order of the file. */
export function faultsOf({ rows, error }: Outcome): string[] {
  if (error !== null) throw error;
  return rows.flatMap((result) =>
    result.ok ? [] : result.faults.map(({ line, code, column }) => `${line} ${code} ${column}`.trimEnd()),
  );
}

/** An input in chunks of the given sizes, the last of which repeats. */
export function inChunks(content: string | Uint8Array, sizes: readonly number[]): Input {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const size = sizes[Math.min(i, sizes.length - 1)]!;
      yield bytes.subarray(at, at + size);
      at += size;
    }
  }
  return { name: "chunks", bytes: chunks() };
}
