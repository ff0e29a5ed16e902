import { readFile, stat } from "node:fs/promises";
import type { Value } from "../../abi.js";
import { deployments } from "../../chain/deployment.js";
import { networkOf } from "../../chain/networks.js";
import { WaybillError } from "../../errors.js";
import type { Hex } from "../../hex.js";
import { type Read, readWaybills, unreadable as unreadableReport } from "../../verifier/file.js";
import { type Policy, readPolicy } from "../../verifier/policy.js";
import { LADDER, type Report, reportData, type Verdict } from "../../verifier/report.js";
import { verifyAll, type VerifyOptions } from "../../verifier/verify.js";
import type { Waybill } from "../../waybill.js";
import { readAddress, readUid, unreadable, usage } from "../arguments.js";
import { type ExitCode, quoted, type Result, table } from "../output.js";
import { type CommonOptions, nodesFor } from "../session.js";

export type VerifyFlags = CommonOptions & {
  want: string;
  policy?: string;
  at?: string;
  proof?: boolean;
  headerHash?: string;
};

const EXIT: { [verdict in Verdict]: ExitCode } = { accept: 0, reject: 1, undecided: 3 };

/**
 * Checks attestations by uid or by waybill, with nothing but a node, or with nothing but a header's hash. `-` reads
 * uids, one a line, or waybills from standard input.
 */
export async function verify(names: string[], options: VerifyFlags): Promise<Result> {
  const want = options.proof === true ? LADDER.indexOf("proven") : levelOf(options.want);
  const policy =
    options.policy === undefined ? null : readPolicy(await textOf(options.policy), options.policy);
  const headerHash = hashOf(options.headerHash);
  const subjects: (Hex | Read)[] = [];
  for (const name of names) subjects.push(...(await subjectsOf(name)));
  const isOffline = headerHash !== null && options.rpcUrl === undefined && options.network !== "embedded";
  const { nodes, close } = isOffline ? { nodes: [], close: async () => {} } : await nodesFor(options);
  try {
    const genuine = subjects.filter(
      (one): one is Hex | { ok: true; waybill: Waybill } => typeof one === "string" || one.ok,
    );
    const whole: VerifyOptions = {
      nodes,
      registry:
        options.registry === undefined
          ? deployments()[1].address
          : readAddress(options.registry, "--registry"),
      want,
      policy,
      at: blockOf(options.at),
      headerHash,
      now: Math.floor(Date.now() / 1000),
    };
    requireNetwork(genuine, options);
    const reports = await verifyAll(
      genuine.map((one) => (typeof one === "string" ? one : one.waybill)),
      whole,
    );
    return resultOf(
      subjects.map((one) =>
        typeof one === "string" || one.ok ? reports.shift()! : rejected(one.problem, want, policy),
      ),
    );
  } finally {
    await close();
  }
}

function rejected(problem: string, want: number, policy: Policy | null): Report {
  return unreadableReport(problem, want, policy);
}

function resultOf(reports: readonly Report[]): Result {
  const verdicts = reports.map(({ verdict }) => verdict);
  const worst = verdicts.includes("reject")
    ? "reject"
    : verdicts.includes("undecided")
      ? "undecided"
      : "accept";
  return {
    text: reports.map(reportText).join("\n\n"),
    data: reports.length === 1 ? reportData(reports[0]!) : { reports: reports.map(reportData) },
    exit: EXIT[worst],
  };
}

function levelOf(text: string): number {
  const level = LADDER.findIndex((name, index) => name === text || String(index) === text);
  if (level < 1) throw usage(`--want ${text} is not a level`, `use ${LADDER.slice(1).join(", ")} or 1 to 5`);
  return level;
}

function blockOf(text: string | undefined): NonNullable<VerifyOptions["at"]> | null {
  if (text === undefined) return null;
  if (text === "safe" || text === "finalized" || text === "latest") return text;
  if (/^(0|[1-9][0-9]{0,11})$/.test(text)) return Number(text);
  throw usage(`--at ${JSON.stringify(text)} is not a block`, "use its number, safe, finalized or latest");
}

function hashOf(text: string | undefined): Hex | null {
  if (text === undefined) return null;
  if (/^0x[0-9a-fA-F]{64}$/.test(text)) return text.toLowerCase() as Hex;
  throw usage(
    `--header-hash ${JSON.stringify(text)} is not a hash`,
    "a block's hash is 0x and 64 hex digits",
  );
}

/** A waybill says itself which chain it is of; a network that is named as well has to be that one. */
function requireNetwork(subjects: readonly (Hex | { waybill: Waybill })[], { network }: VerifyFlags): void {
  if (network === undefined) return;
  const named = networkOf(network === "embedded" ? "local" : network);
  const foreign = subjects.find((one) => typeof one !== "string" && one.waybill.chainId !== named.chainId);
  if (foreign === undefined || typeof foreign === "string") return;
  throw new WaybillError(
    "E_CHAIN_ID",
    `a waybill is of chain ${foreign.waybill.chainId}, and ${named.name} is chain ${named.chainId}`,
    { mend: "name the network of the waybill, or none" },
  );
}

async function subjectsOf(name: string): Promise<(Hex | Read)[]> {
  if (name === "-") return subjectsIn(await input());
  if (/^0x[0-9a-fA-F]*$/.test(name)) return [readUid(name)];
  return readWaybills(await textOf(name), name);
}

function subjectsIn(text: string): (Hex | Read)[] {
  if (/^\s*[{[]/.test(text)) return readWaybills(text, "standard input");
  const uids = Array.from(text.matchAll(/\S.*/g), ([line]) => readUid(line.trim()));
  // Of nothing, everything is accepted.
  if (uids.length === 0) throw usage("there is neither a uid nor a waybill in standard input");
  return uids;
}

const LARGEST = 2 ** 28; // bytes

async function textOf(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size <= LARGEST) return await readFile(file, "utf8");
  } catch (cause) {
    throw unreadable(file, cause);
  }
  throw new WaybillError("E_WAYBILL", `${file}: it is larger than ${LARGEST} bytes`, {
    mend: "hand in its waybills in parts",
  });
}

async function input(): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size > LARGEST) throw usage(`standard input is larger than ${LARGEST} bytes`);
  }
  return Buffer.concat(chunks).toString("utf8");
}

const MARKS = { pass: "✓", fail: "✗", unknown: "?", "n/a": "–" };

function reportText(report: Report): string {
  const { attestation, asOf, flags } = report;
  const lines: [string, string][] = [
    ["uid", report.uid ?? "-"],
    ["level", `${report.level} ${report.levelName}`],
    ["flags", `current ${flags.current}, complete ${flags.complete}, accepted ${flags.accepted}`],
  ];
  if (attestation !== null) {
    lines.push(["attester", attestation.attester]);
    if (!/^0x0{40}$/.test(attestation.recipient)) lines.push(["recipient", attestation.recipient]);
    lines.push(["schema", quoted(report.definition ?? attestation.schema)]);
    for (const [name, value] of Object.entries(report.values ?? {})) {
      lines.push([`  ${name}`, valueText(value)]);
    }
  }
  if (report.recordedIn !== null) {
    const { block, transaction } = report.recordedIn;
    lines.push(["recorded", `block ${block}, transaction ${transaction}, as is told`]);
  }
  if (asOf !== null) {
    const { block, tag, chainId, headerTrust } = asOf;
    lines.push(["as of", `block ${block} (${tag}) of chain ${chainId}, header: ${headerTrust}`]);
  }
  if (report.policy !== null) lines.push(["policy", report.policy]);
  return [
    `${report.verdict}: ${quoted(report.because)}`,
    table(lines),
    ...report.checks.map(
      ({ name, outcome, evidence, source }) => `  ${MARKS[outcome]} ${name}: ${quoted(evidence)} (${source})`,
    ),
  ].join("\n");
}

/** What an issuer wrote must not be able to move the cursor or reorder a line of the reader's terminal. */
function valueText(value: Value): string {
  const text = JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "bigint" ? inner.toString() : inner,
  );
  return quoted(text);
}
