import { isUtf8 } from "node:buffer";
import { WaybillError } from "../errors.js";
import type { Input } from "./rows.js";

const LF = 10;
const BOM = Buffer.of(0xef, 0xbb, 0xbf);

/**
 * The same bytes, proven to be UTF-8: no chunk is empty, none cuts a character, and a BOM at the start is gone. What
 * precedes a fault is yielded before the fault is thrown.
 * @throws WaybillError E_FILE_UTF8 with the line and the byte offset (from 0) of the first ill-formed sequence
 */
export async function* utf8(input: Input): AsyncGenerator<Buffer> {
  let held = Buffer.alloc(0);
  let offset = 0;
  let line = 1;
  let begun = false;

  function* checked(bytes: Buffer, end: number): Generator<Buffer> {
    const good = isUtf8(bytes.subarray(0, end)) ? end : faultAt(bytes);
    const chunk = bytes.subarray(0, good);
    if (good > 0) yield chunk;
    for (let i = 0; i < good; i++) if (chunk[i] === LF) line++;
    offset += good;
    if (good < end) throw notUtf8(input, bytes.subarray(good), line, offset);
  }

  for await (const chunk of input.bytes) {
    let bytes = Buffer.concat([held, chunk]);
    if (!begun && bytes.length < BOM.length) {
      held = bytes;
      continue;
    }
    if (!begun && bytes.indexOf(BOM) === 0) {
      bytes = bytes.subarray(BOM.length);
      offset = BOM.length;
    }
    begun = true;
    const end = cutAt(bytes);
    held = bytes.subarray(end);
    yield* checked(bytes, end);
  }
  yield* checked(held, held.length);
}

/** Where the last character begins if more bytes could belong to it, else the length. */
function cutAt(bytes: Uint8Array): number {
  for (let at = bytes.length - 1; at >= Math.max(0, bytes.length - 3); at--) {
    if (bytes[at]! >= 0xc0) return at + sizeOf(bytes[at]!) > bytes.length ? at : bytes.length;
    if (bytes[at]! < 0x80) break;
  }
  return bytes.length;
}

function sizeOf(lead: number): number {
  return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/** The Unicode Standard, table 3-7: well-formed UTF-8 byte sequences. @param bytes contain a fault */
function faultAt(bytes: Uint8Array): number {
  let at = 0;
  while (at < bytes.length) {
    const lead = bytes[at]!;
    if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4) return at;
    const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    const size = sizeOf(lead);
    for (let i = 1; i < size; i++) {
      const byte = bytes[at + i] ?? 0;
      if (byte < (i === 1 ? low : 0x80) || byte > (i === 1 ? high : 0xbf)) return at;
    }
    at += size;
  }
  return at;
}

function notUtf8(input: Input, rest: Uint8Array, line: number, offset: number): WaybillError {
  const utf16 =
    offset === 0 && ((rest[0] === 0xff && rest[1] === 0xfe) || (rest[0] === 0xfe && rest[1] === 0xff));
  const found = `byte ${offset} (0x${rest[0]!.toString(16)})`;
  return new WaybillError(
    "E_FILE_UTF8",
    utf16 ? `${input.name}:${line} is UTF-16, not UTF-8.` : `${input.name}:${line} is not UTF-8 at ${found}.`,
    { mend: utf16 ? `Save it again as "UTF-8" or "CSV UTF-8".` : "Save the file as UTF-8." },
  );
}
