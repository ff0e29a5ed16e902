import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { WaybillError } from "../errors.js";

/**
 * Holds a data directory for one process. The lock is the operating system's, taken through an exclusive transaction
 * on a file of its own, so it ends with the process however the process ends; a file with a process id would not.
 * @returns release
 * @throws WaybillError E_STORE_HELD that says who holds it
 */
export function lockDirectory(directory: string): () => void {
  const holder = join(directory, "holder.json");
  const lock = new DatabaseSync(join(directory, "lock.sqlite"), { timeout: 0 });
  try {
    lock.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    lock.close();
    if (!/locked|busy/i.test(String(cause))) throw cause;
    throw new WaybillError("E_STORE_HELD", `${directory} is in use by ${holderText(holder)}`, {
      mend: "wait for it to end, or stop it; `waybill status` and `waybill report` can be asked meanwhile",
    });
  }
  writeFileSync(holder, JSON.stringify({ pid: process.pid, since: new Date().toISOString() }));
  return () => lock.close();
}

function holderText(file: string): string {
  if (!existsSync(file)) return "another process";
  try {
    const { pid, since } = JSON.parse(readFileSync(file, "utf8")) as { pid: number; since: string };
    return `process ${pid} since ${since}`;
  } catch {
    // The holder may be writing the file at this moment; that it holds the lock is all that matters.
    return "another process";
  }
}
