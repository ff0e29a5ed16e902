import { formatEther, formatUnits } from "ethers";
import { RpcError, WaybillError } from "../errors.js";

/**
 * What a command has to say: `text` for people, `data` for `--json`; and how it ends. `lines` go first, as they come:
 * there may be more of them than memory.
 */
export type Result = { text: string; data: unknown; lines?: AsyncIterable<string>; exit?: ExitCode };

/** 0 done, 1 failed or reject, 2 usage, 3 undecided or pending, 4 node or network, 5 limit, 6 bad input, 130 stopped. */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 130;

const EXIT_CODES: readonly [RegExp, ExitCode][] = [
  [
    /^E_(USAGE|NETWORK|KEY|SCHEMA|FILE_OPEN|FILE_EXISTS|INPUT_KIND|STORE_NONE|STORE_VERSION|JOB|WAYBILL|POLICY)/,
    2,
  ],
  [/^E_(NODE|CHAIN_ID|REGISTRY_MISSING)/, 4],
  [/^E_(BUDGET|FEE_CEILING)/, 5],
  [/^E_(ROW|FILE|COLUMN|EAS)/, 6],
  [/^E_INTERRUPTED/, 130],
];

export function exitCodeOf(error: unknown): ExitCode {
  const known = knownOf(error);
  return EXIT_CODES.find(([pattern]) => pattern.test(known?.code ?? ""))?.[1] ?? 1;
}

/** A node's refusal that nobody expected is about the node; null is our own fault. */
function knownOf(error: unknown): WaybillError | null {
  if (error instanceof WaybillError) return error;
  if (!(error instanceof RpcError)) return null;
  return new WaybillError("E_NODE", `the node refuses a question: ${error.message}`, {
    mend: "run again later, or name another node with --rpc-url; nothing is lost",
  });
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
  const known = knownOf(error);
  if (known === null) {
    const cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `E_BUG this is a fault of waybill, not yours: ${cause}`;
  }
  const end = /[.!?]$/.test(known.message) ? "" : ".";
  return `${known.code} ${known.message}${end}${known.mend === undefined ? "" : `\n  ${sentence(known.mend)}`}`;
}

export function errorData(error: unknown): unknown {
  const known = knownOf(error);
  return {
    error: {
      code: known?.code ?? "E_BUG",
      message: known?.message ?? (error instanceof Error ? error.message : String(error)),
      mend: known?.mend ?? null,
    },
  };
}

/**
 * Text that moves no cursor and reorders no line: what issuers and nodes wrote is shown among what we say, and must
 * not be able to stand in its place. Line breaks and tabs stay; who quotes a stranger escapes those as well.
 */
export function plain(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]|[\p{Cf}\p{Zl}\p{Zp}]/gu, escaped);
}

/** The same in one line, for what strangers wrote. */
export function quoted(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escaped);
}

function escaped(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}

/** Takes the secret parts of nodes' URLs out of a text: nodes like to repeat them in their refusals. */
export function hideUrl(urls: readonly string[] = []): (text: string) => string {
  const secrets = urls
    .filter((url) => URL.canParse(url))
    .flatMap((url) => {
      const { username, password, pathname, searchParams } = new URL(url);
      return [username, password, ...pathname.split("/"), ...searchParams.keys(), ...searchParams.values()];
    })
    .flatMap((part) => [part, safeDecode(part)])
    .filter((part) => part.length >= 6)
    // A secret of one URL may be a part of another's, whose rest would be left.
    .sort((a, b) => b.length - a.length);
  return (text) => secrets.reduce((shown, secret) => shown.replaceAll(secret, "…"), text);
}

function safeDecode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
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

/** `24 s`, `7 min`, `3.5 h`, `2 days` */
export function spanText(seconds: number): string {
  if (seconds < 120) return `${Math.max(1, Math.ceil(seconds))} s`;
  if (seconds < 2 * 3_600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3_600) return `${Number((seconds / 3_600).toFixed(1))} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** At most six significant digits after the zeros: a price is read, not copied. */
function trimmed(decimal: string): string {
  const [whole, fraction = ""] = decimal.split(".");
  const zeros = /^0*/.exec(fraction)![0].length;
  const digits = fraction.slice(0, zeros + 6).replace(/0+$/, "");
  return digits === "" ? whole! : `${whole}.${digits}`;
}

/** A line that is written over while a command runs: on a terminal only, and on stderr. */
export type ProgressLine = {
  show(text: string): void;
  /** says why nothing moves, also where there is no terminal: once for each reason */
  hold(text: string | null): void;
  /** what somebody has to know whether or not anybody watches */
  alert(text: string): void;
  end(): void;
};

/** What a command may say while it runs, after --quiet, CI and whether anybody is watching. */
export function progressOf(options: { quiet?: boolean; rpcUrl?: readonly string[] }): ProgressLine {
  const watched = process.stderr.isTTY === true && process.env.CI === undefined;
  return progressLine(watched && options.quiet !== true, options.quiet !== true, hideUrl(options.rpcUrl));
}

export function progressLine(
  enabled: boolean,
  holds = enabled,
  hide: (text: string) => string = (text) => text,
): ProgressLine {
  let shown = "";
  let held: string | null = null;
  const hold = (text: string | null) => {
    if (text !== null && text !== held && holds) process.stderr.write(`holding: ${plain(hide(text))}\n`);
    held = text;
  };
  const alert = (text: string) => void process.stderr.write(`warning: ${plain(hide(text))}\n`);
  if (!enabled) return { show() {}, hold, alert, end() {} };
  return {
    // On a terminal it is part of the line.
    hold() {},
    alert(text) {
      this.end();
      alert(text);
    },
    show(text) {
      const line = plain(hide(text)).slice(0, Math.max(20, (process.stderr.columns || 80) - 1));
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
