import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { assert } from "chai";

const FILE = new URL("../../../snapshots/gas.json", import.meta.url);
const UPDATE = "WAYBILL_UPDATE_SNAPSHOTS=1 npx hardhat test mocha test/contracts/ceilings.test.ts";

/**
 * Compares whole transactions' gas with the committed figures, to the unit: data, accounts and addresses are the
 * same in every run. Under WAYBILL_UPDATE_SNAPSHOTS=1 it writes the figures instead.
 */
export function agreesWithSnapshot(gas: Record<string, number>): void {
  if (process.env["WAYBILL_UPDATE_SNAPSHOTS"] === "1") {
    mkdirSync(new URL(".", FILE), { recursive: true });
    writeFileSync(FILE, `${JSON.stringify(gas, null, 2)}\n`);
    return;
  }
  const committed = JSON.parse(readFileSync(FILE, "utf8")) as Record<string, number>;
  const names = new Set([...Object.keys(committed), ...Object.keys(gas)]);
  const changes = [...names]
    .filter((name) => committed[name] !== gas[name])
    .map((name) => `  ${name}: ${committed[name] ?? "new"} -> ${gas[name] ?? "gone"}`);
  assert(
    changes.length === 0,
    `gas differs from snapshots/gas.json:\n${changes.join("\n")}\nIf this is meant: ${UPDATE}`,
  );
}
