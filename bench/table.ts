import { grouped } from "../src/cli/output.js";
import { TRANSACTION_GAS_CAP } from "../src/gas.js";
import { QUOTED } from "./quoted.js";
import type { Measured } from "./work.js";

export type Settings = { eas: string; waybill: string; chain: string };

/** All that was measured, for people, in at most 100 columns. */
export function tableText({ work, largest, readCalldata, timestamp }: Measured, settings: Settings): string {
  const overCap = work.filter(({ eas, items }) => (eas ?? 0) * items > TRANSACTION_GAS_CAP);
  const marks = new Map([
    ...overCap.map(({ name }) => [name, "¹"] as const),
    ["anchor", "²"],
    ["read 64 B", "³"],
  ]);
  return [
    "Gas per item: the same work on the same chain, by EAS and by Waybill.",
    "",
    line("", "", "", "EAS ÷ Waybill:"),
    line("work", "EAS", "Waybill", "how many times cheaper"),
    ...work.map(({ name, what, eas, waybill, ratio }) =>
      line(
        label(name, what),
        eas === null ? "–" : grouped(eas),
        grouped(waybill),
        ratio === null ? "–" : times(ratio),
        marks.get(name),
      ),
    ),
    "",
    line("", "", "", "Waybill ÷ EAS:"),
    line("a count of items, not gas", "EAS", "Waybill", "how many times more"),
    line(
      `${largest.name}, ${largest.what}`,
      grouped(largest.eas),
      grouped(largest.waybill),
      times(largest.ratio),
    ),
    "",
    ...overCap.map(({ eas, items }) => overCapRemark(eas! * items)),
    `² The nearest that EAS has is timestamp(bytes32), ${grouped(timestamp)}: a time, without issuer or schema.`,
    `³ Without the 21,000 and the calldata, which is ${grouped(readCalldata.eas)} in EAS and ${grouped(readCalldata.waybill)} here, where the statement`,
    "  is handed in. Both gates are compiled as Waybill is, and check attester, schema, recipient,",
    "  expiry and revocation.",
    "",
    "Per item: the gas that the mined transaction used, its 21,000 and calldata included, divided by its",
    "items. Each has a recipient of its own and random data, of 64 B where no size is said; no resolver,",
    "no reference, no expiry; in Waybill also a salt of 8 bytes. The issuer sends, but for signed 50:",
    "there a relayer does, with the issuer's signatures: 50 for EAS, one for Waybill.",
    "",
    `EAS      ${settings.eas}`,
    `Waybill  ${settings.waybill}`,
    `chain    ${settings.chain}`,
    "",
    `Quoted, not measured here: ${QUOTED.source}.`,
    quotedLine("", QUOTED.work),
    ...QUOTED.of.map(({ name, figures }) => quotedLine(name, figures.map(grouped))),
    QUOTED.remark,
  ].join("\n");
}

function label(name: string, what: string): string {
  return `${name.padEnd(16)}${what}`;
}

function line(label: string, eas: string, waybill: string, ratio: string, mark = " "): string {
  return `${label.padEnd(50)}${eas.padStart(10)} ${mark}${waybill.padStart(11)}${ratio.padStart(25)}`;
}

function quotedLine(name: string, cells: readonly string[]): string {
  return name.padEnd(13) + cells.map((cell) => cell.padStart(12)).join("");
}

function overCapRemark(gas: number): string {
  const cap = `Ethereum gives a transaction ${millions(TRANSACTION_GAS_CAP)} (EIP-7825)`;
  return `¹ ${cap}; this one of EAS needs ${millions(gas)}, and here got it.`;
}

function millions(gas: number): string {
  return `${(gas / 1e6).toFixed(1)} M`;
}

function times(ratio: number): string {
  return `${ratio.toFixed(2)} ×`;
}
