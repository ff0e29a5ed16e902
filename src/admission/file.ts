import { open } from "node:fs/promises";
import { basename, extname } from "node:path";
import { WaybillError } from "../errors.js";
import type { Schema } from "../schema.js";
import { readCsv } from "./csv.js";
import { readJsonLines } from "./jsonLines.js";
import type { Input, RowResult } from "./rows.js";

const CHUNK = 2 ** 16; // bytes

/**
 * The rows of a file in their order, good and bad, in memory that does not grow with the file. Ending the iteration
 * closes the file.
 * @param options `signal`: an abort throws its reason instead of the next row
 * @throws WaybillError E_INPUT_KIND at once; while iterating E_FILE_OPEN and what readCsv and readJsonLines throw,
 *   after the rows that precede the fault
 */
export function readRows(
  path: string,
  schema: Schema,
  options: { signal?: AbortSignal } = {},
): AsyncGenerator<RowResult> {
  const input: Input = { name: basename(path), bytes: chunksOf(path), signal: options.signal };
  switch (extname(path).toLowerCase()) {
    case ".csv":
      return readCsv(input, schema);
    case ".jsonl":
    case ".ndjson":
      return readJsonLines(input, schema);
    default:
      throw new WaybillError("E_INPUT_KIND", `${input.name} is neither CSV nor JSON lines by its name.`, {
        mend: "Name the file .csv, .jsonl or .ndjson, after what is in it.",
      });
  }
}

async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path).catch((error: unknown) => unreadable(path, error));
  try {
    for (;;) {
      const { buffer, bytesRead } = await file
        .read(Buffer.allocUnsafe(CHUNK), 0, CHUNK)
        .catch((error: unknown) => unreadable(path, error));
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

function unreadable(path: string, cause: unknown): never {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
  throw new WaybillError("E_FILE_OPEN", `${path} cannot be read: ${code}.`, {
    mend: "Check the path, and that you may read the file.",
    cause,
  });
}
