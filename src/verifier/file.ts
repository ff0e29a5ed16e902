import { WaybillError } from "../errors.js";
import { readWaybill, type Waybill } from "../waybill.js";
import type { Policy } from "./policy.js";
import type { Report } from "./report.js";

/** A waybill, or why what was handed in is none. */
export type Read = { ok: true; waybill: Waybill } | { ok: false; problem: string };

/** Waybills in one file: `export` of a large job is to be checked in parts. */
const MOST = 10_000;
const LONGEST = 2 ** 28; // characters

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
  const texts = documentsIn(text);
  if (texts.length === 0) throw refuse("there is no waybill in it");
  if (texts.length > MOST) throw refuse(`there are more than ${MOST} waybills in it`);
  return texts.map((one, index) => read(one, texts.length === 1 ? name : `${name}, waybill ${index + 1}`));
}

function documentsIn(text: string): string[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return lines.slice(0, MOST + 1);
  }
  const list = (document as { waybills?: unknown } | null)?.waybills;
  if (!Array.isArray(list)) return [text];
  // What is nested too deeply to be written again is no waybill either.
  return list.slice(0, MOST + 1).map((one: unknown) => (isFlat(one, 8) ? JSON.stringify(one) : "null"));
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
