import type { Attestation } from "../attestation.js";
import type { Values } from "../abi.js";
import { type Hex, hex } from "../hex.js";

/** How far a statement can be trusted: each level includes those before it. */
export const LADDER = ["unreadable", "well-formed", "authentic", "included", "settled", "proven"] as const;

export type Answer = "yes" | "no" | "unknown";

export type Source = "offline" | "rpc" | "state proof" | "policy";

export type Check = {
  name: string;
  outcome: "pass" | "fail" | "unknown" | "n/a";
  /** what was seen; never a node's own words */
  evidence: string;
  source: Source;
};

/** All of a report is about this block. */
export type AsOf = {
  chainId: bigint;
  registry: Hex;
  block: number;
  hash: Hex;
  /** Unix seconds */
  timestamp: number;
  /** how the block was chosen: by its tag, by --at, or by the hash that the reader trusts */
  tag: "safe" | "finalized" | "latest" | "block" | "pinned";
  /** whether the chain calls it safe, or the reader named it; if not, the newest that it calls safe, null for none */
  settled: boolean;
  safe: number | null;
  /** whose word it is that this block is in the chain: `one node`, `2 of 3 nodes`, `pinned hash` */
  headerTrust: string;
};

export type Verdict = "accept" | "reject" | "undecided";

export type Report = {
  /** null of a file that says none */
  uid: Hex | null;
  verdict: Verdict;
  /** the reason, and for undecided when or whom to ask again */
  because: string;
  level: number;
  levelName: (typeof LADDER)[number];
  /** the level below which nothing is accepted */
  want: number;
  flags: { current: Answer; complete: Answer; accepted: Answer };
  /** null if nothing was asked of a chain */
  asOf: AsOf | null;
  /** keccak256 of the policy file; null without one */
  policy: Hex | null;
  checks: Check[];
  attestation: Attestation | null;
  definition: string | null;
  values: Values | null;
  /** where its event is, as a node or the file says: told and not proven */
  recordedIn: { block: number; blockHash: Hex; transaction: Hex } | null;
};

/** A report as plain values for JSON, as docs/report.schema.json has it: what may pass 2^53 is a decimal string. */
export function reportData(report: Report): object {
  const { attestation, asOf, values, ...rest } = report;
  return {
    report: 1,
    ...rest,
    asOf: asOf === null ? null : { ...asOf, chainId: asOf.chainId.toString() },
    attestation: attestation === null ? null : { ...attestation, data: hex(attestation.data) },
    values: values === null ? null : (JSON.parse(JSON.stringify(values, decimals)) as object),
  };
}

function decimals(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
