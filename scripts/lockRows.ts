import { readFileSync } from "node:fs";

/** These are the packages this build was made from. */
export const LOCK_SCHEMA = "string package,string version,string integrity";

export type LockRow = { package: string; version: string; integrity: string };

/** Every package of an npm lock once, with its version and the hash of its archive, in order of the names. */
export function lockRows(lockFile: string): LockRow[] {
  const { packages } = JSON.parse(readFileSync(lockFile, "utf8")) as {
    packages: { [path: string]: { name?: string; version?: string; integrity?: string } };
  };
  const rows = new Map<string, LockRow>();
  for (const [path, { name, version, integrity }] of Object.entries(packages)) {
    // Links and workspaces are ourselves: no archive, no hash.
    if (version === undefined || integrity === undefined) continue;
    const called = name ?? path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
    rows.set(`${called}@${version}`, { package: called, version, integrity });
  }
  return [...rows.keys()].sort().map((key) => rows.get(key)!);
}

/** RFC 4180, every cell quoted. */
export function lockCsv(rows: readonly LockRow[]): string {
  const line = (cells: readonly string[]) => cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(",");
  return [
    line(["package", "version", "integrity"]),
    ...rows.map((row) => line([row.package, row.version, row.integrity])),
    "",
  ].join("\n");
}
