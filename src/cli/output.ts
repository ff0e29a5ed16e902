import { formatEther, formatUnits } from "ethers";
import { WaybillError } from "../errors.js";

/** What a command has to say: `text` for people, `data` for `--json`; and how it ends. */
export type Result = { text: string; data: unknown; exit?: ExitCode };

/** 0 done, 1 failed or reject, 2 usage, 3 undecided or pending, 4 node or network, 5 limit, 6 bad input, 130 stopped. */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 130;

const EXIT_CODES: readonly [RegExp, ExitCode][] = [
  [/^E_(USAGE|NETWORK|KEY|SCHEMA|FILE_OPEN|INPUT_KIND|STORE_NONE|JOB)/, 2],
  [/^E_(NODE|CHAIN_ID|REGISTRY_MISSING)/, 4],
  [/^E_(BUDGET|FEE_CEILING)/, 5],
  [/^E_(ROW|FILE|COLUMN)/, 6],
  [/^E_INTERRUPTED/, 130],
];

export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof WaybillError)) return 1;
  return EXIT_CODES.find(([pattern]) => pattern.test(error.code))?.[1] ?? 1;
}

/** Big numbers are decimal strings in JSON: readers in other languages lose digits above 2^53. */
export function jsonText(data: unknown): string {
  return JSON.stringify(
    data,
    (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value),
    2,
  );
}

export function errorText(error: unknown): string {
  if (!(error instanceof WaybillError)) {
    const cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `E_BUG this is a fault of waybill, not yours: ${cause}`;
  }
  const end = /[.!?]$/.test(error.message) ? "" : ".";
  return `${error.code} ${error.message}${end}${error.mend === undefined ? "" : `\n  ${sentence(error.mend)}`}`;
}

export function errorData(error: unknown): unknown {
  const known = error instanceof WaybillError;
  return {
    error: {
      code: known ? error.code : "E_BUG",
      message: error instanceof Error ? error.message : String(error),
      mend: known ? (error.mend ?? null) : null,
    },
  };
}

function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

/** Two columns, the first padded: what most commands end with. */
export function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join("\n");
}

export function ether(wei: bigint): string {
  return `${trimmed(formatEther(wei))} ETH`;
}

export function gwei(wei: bigint): string {
  return `${trimmed(formatUnits(wei, "gwei"))} gwei`;
}

export function grouped(value: number | bigint): string {
  return value.toLocaleString("en-US");
}

/** `1 row`, `2 rows` */
export function counted(count: number, noun: string): string {
  const plural = noun.endsWith("h") ? `${noun}es` : `${noun}s`;
  return `${grouped(count)} ${count === 1 ? noun : plural}`;
}

/** At most six significant digits after the zeros: a price is read, not copied. */
function trimmed(decimal: string): string {
  const [whole, fraction = ""] = decimal.split(".");
  const zeros = /^0*/.exec(fraction)![0].length;
  const digits = fraction.slice(0, zeros + 6).replace(/0+$/, "");
  return digits === "" ? whole! : `${whole}.${digits}`;
}

/** A line that is written over while a command runs: on a terminal only, and on stderr. */
export type ProgressLine = { show(text: string): void; end(): void };

export function progressLine(enabled: boolean): ProgressLine {
  let shown = "";
  if (!enabled) return { show() {}, end() {} };
  return {
    show(text) {
      const line = text.slice(0, Math.max(20, (process.stderr.columns ?? 80) - 1));
      if (line === shown) return;
      process.stderr.write(`\r${line.padEnd(shown.length)}`);
      shown = line;
    },
    end() {
      if (shown !== "") process.stderr.write(`\r${" ".repeat(shown.length)}\r`);
      shown = "";
    },
  };
}
