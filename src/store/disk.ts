import { statSync } from "node:fs";
import { WaybillError } from "../errors.js";

export function inodeOf(file: string): number | null {
  return statSync(file, { throwIfNoEntry: false })?.ino ?? null;
}

/** What the disk refuses, a person has to mend; nothing of the transaction was written. */
export function diskError(error: unknown): unknown {
  if (!(error instanceof Error) || !("errcode" in error)) return error;
  // The low byte is the kind: https://www.sqlite.org/rescode.html
  switch (Number(error.errcode) & 0xff) {
    case 13:
      return new WaybillError("E_STORE_FULL", `the store cannot be written: ${error.message}`, {
        mend: "make room on the disk and run again; nothing was sent that is not written down",
        cause: error,
      });
    case 8: // read only
    case 10: // input or output
    case 14: // cannot be opened
      return new WaybillError("E_STORE_DISK", `the store cannot be written: ${error.message}`, {
        mend: "see to the disk and the rights of the directory, and run again; nothing was sent that is not written down",
        cause: error,
      });
    default:
      return error;
  }
}
