import { grouped } from "../../src/cli/output.js";
import type { Result } from "./contest.js";

/** All that was measured, for people, in at most 100 columns. */
export function tableText(results: readonly Result[], remarks: readonly string[]): string {
  const gases = [...new Set(results.map(({ blockGas }) => blockGas))];
  return [
    "The same items onto one node with blocks of a second: how many a second, and what they take.",
    ...gases.flatMap((blockGas) => [
      "",
      line(`blocks of ${blockGas / 1e6} M gas`, "items", "items/s", "fill", "requests", "CPU ms"),
      line("", "", "", "", "per item", "per item"),
      ...results.filter((result) => result.blockGas === blockGas).map(resultLine),
    ]),
    "",
    ...remarks,
  ].join("\n");
}

export function resultLine({
  name,
  items,
  itemsPerSecond,
  fill,
  requestsPerItem,
  cpuMsPerItem,
}: Result): string {
  return line(
    name,
    grouped(items),
    itemsPerSecond < 10 ? itemsPerSecond.toFixed(1) : grouped(Math.round(itemsPerSecond)),
    `${(100 * fill).toFixed(1)} %`,
    String(Number(requestsPerItem.toPrecision(2))),
    String(Number(cpuMsPerItem.toPrecision(3))),
  );
}

function line(name: string, ...cells: string[]): string {
  return name.padEnd(42) + cells.map((cell) => cell.padStart(11)).join("");
}
