import { WaybillError } from "../errors.js";
import { readWaybill, type Waybill } from "../waybill.js";
import type { Policy } from "./policy.js";
import type { Report } from "./report.js";

/** A waybill, or why what was handed in is none. */
export type Read = { ok: true; waybill: Waybill } | { ok: false; problem: string };

/** Waybills in one file: `export` of a large job is to be checked in parts. */
const MOST = 10_000;
const LONGEST = 2 ** 28; // characters
/** Commas and opened brackets: a waybill has a few hundred. What is read takes up to 60 bytes for each. */
const MOST_MARKS = 2 ** 24;

/**
 * The waybills of a file: one document, one with a list `waybills` as `export --json` prints it, or one a line.
 * @param name of the file, for messages
 * @throws WaybillError E_WAYBILL if there is none or there are too many, E_WAYBILL_VERSION
 */
export function readWaybills(text: string, name: string): Read[] {
  const refuse = (problem: string) =>
    new WaybillError("E_WAYBILL", `${name}: ${problem}`, {
      mend: "hand in one waybill, or up to 10,000 of them",
    });
  if (text.length > LONGEST) throw refuse(`it is longer than ${LONGEST} characters`);
  if (marksIn(text) > MOST_MARKS) throw refuse("there is more in it than in so many waybills");
  const texts = documentsIn(text);
  if (texts.length === 0) throw refuse("there is no waybill in it");
  if (texts.length > MOST) throw refuse(`there are more than ${MOST} waybills in it`);
  return texts.map((one, index) => read(one, texts.length === 1 ? name : `${name}, waybill ${index + 1}`));
}

function marksIn(text: string): number {
  let marks = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === COMMA || code === BRACKET || code === BRACE) marks += 1;
  }
  return marks;
}

const COMMA = 0x2c;
const BRACKET = 0x5b;
const BRACE = 0x7b;

function documentsIn(text: string): string[] {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return linesOf(text);
  }
  const list = (document as { waybills?: unknown } | null)?.waybills;
  if (!Array.isArray(list)) return [text];
  // What is nested too deeply to be written again is no waybill either.
  return list.slice(0, MOST + 1).map((one: unknown) => (isFlat(one, 8) ? JSON.stringify(one) : "null"));
}

/** The first lines that are not empty: a file may have more of them than an array can hold. */
function linesOf(text: string): string[] {
  const lines: string[] = [];
  for (const [line] of text.matchAll(/\S[^\n]*/g)) {
    lines.push(line);
    if (lines.length > MOST) break;
  }
  return lines;
}

function read(text: string, name: string): Read {
  try {
    return { ok: true, waybill: readWaybill(text, name) };
  } catch (error) {
    if (error instanceof WaybillError && error.code === "E_WAYBILL")
      return { ok: false, problem: error.message };
    throw error;
  }
}

function isFlat(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return depth > 0 && Object.values(value).every((inner) => isFlat(inner, depth - 1));
}

/** The report of what is no waybill, or has been altered: level 0, whoever it is said to be from. */
export function unreadable(problem: string, want: number, policy: Policy | null): Report {
  return {
    uid: null,
    verdict: "reject",
    because: problem,
    level: 0,
    levelName: "unreadable",
    want: Math.max(want, policy?.minimumLevel ?? 1),
    flags: { current: "unknown", complete: "unknown", accepted: "unknown" },
    asOf: null,
    policy: policy?.hash ?? null,
    checks: [{ name: "content", outcome: "fail", evidence: problem, source: "offline" }],
    attestation: null,
    definition: null,
    values: null,
    recordedIn: null,
  };
}
