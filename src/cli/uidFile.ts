import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Hex } from "../hex.js";
import { readUid, unreadable, usage } from "./arguments.js";

/**
 * The uids of a file, one a line, with the line each is on; empty lines and what follows a uid behind a space, tab or
 * comma are passed over.
 * @throws WaybillError E_FILE_OPEN, E_USAGE naming the line
 */
export async function* uidsOf(path: string): AsyncGenerator<{ line: number; uid: Hex }> {
  const stream = createReadStream(path);
  const opened = new Promise<void>((resolve, reject) => {
    stream.once("open", () => resolve());
    stream.once("error", (cause) => reject(unreadable(path, cause)));
  });
  await opened;
  let line = 0;
  for await (const text of createInterface({ input: stream, crlfDelay: Infinity })) {
    line += 1;
    const [word] = text.trim().split(/[\s,]/, 1);
    if (word === "") continue;
    yield { line, uid: uidAt(word!, path, line) };
  }
}

function uidAt(word: string, path: string, line: number): Hex {
  try {
    return readUid(word);
  } catch {
    throw usage(`${path}:${line} is not a uid`, "a line holds a uid, 0x and 64 hex digits, or nothing");
  }
}
