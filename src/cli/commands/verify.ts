import type { Value, Values } from "../../abi.js";
import type { Hex } from "../../hex.js";
import { LADDER, type Report, verify as verifyUid } from "../../verifier/verify.js";
import { readUid, usage } from "../arguments.js";
import { type ExitCode, quoted, type Result, table } from "../output.js";
import { type CommonOptions, connect, registryOf } from "../session.js";

const EXIT: { [verdict in Report["verdict"]]: ExitCode } = { accept: 0, reject: 1, undecided: 3 };

/** Checks attestations by uid with nothing but a node. `-` reads uids from standard input, one a line. */
export async function verify(names: string[], options: CommonOptions & { want: string }): Promise<Result> {
  const want = LADDER.findIndex((name, index) => name === options.want || String(index) === options.want);
  if (want < 1)
    throw usage(`--want ${options.want} is not a level`, `use ${LADDER.slice(1).join(", ")} or 1 to 4`);
  const uids: Hex[] = [];
  for (const name of names) uids.push(...(name === "-" ? await uidsFromInput() : [readUid(name)]));
  const connection = await connect(options, "read");
  try {
    const registry = await registryOf(connection, options);
    const reports: Report[] = [];
    for (const uid of uids) reports.push(await verifyUid(connection.chain, registry, uid, want));
    const worst =
      reports.find((one) => one.verdict === "reject") ?? reports.find((one) => one.verdict === "undecided");
    return {
      text: reports.map(reportText).join("\n\n"),
      data: reports.length === 1 ? reportData(reports[0]!) : { reports: reports.map(reportData) },
      exit: worst === undefined ? 0 : EXIT[worst.verdict],
    };
  } finally {
    await connection.close();
  }
}

async function uidsFromInput(): Promise<Hex[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  const lines = Buffer.concat(chunks).toString("utf8").split(/\r?\n/);
  return lines.filter((line) => line.trim() !== "").map((line) => readUid(line.trim()));
}

function reportData(report: Report): object {
  const { attestation, values, ...rest } = report;
  return {
    ...rest,
    asOf: { ...report.asOf, chainId: Number(report.asOf.chainId) },
    attestation:
      attestation === null
        ? null
        : { ...attestation, data: `0x${Buffer.from(attestation.data).toString("hex")}` },
    values,
  };
}

const MARKS = { pass: "✓", fail: "✗", unknown: "?", "n/a": "–" };

function reportText(report: Report): string {
  const { attestation, asOf, flags } = report;
  const lines: [string, string][] = [
    ["uid", report.uid],
    ["level", `${report.level} ${report.levelName}`],
    ["flags", `current ${flags.current}, complete ${flags.complete}, accepted ${flags.accepted}`],
  ];
  if (attestation !== null) {
    lines.push(["attester", attestation.attester]);
    if (!/^0x0{40}$/.test(attestation.recipient)) lines.push(["recipient", attestation.recipient]);
    lines.push(["schema", quoted(report.definition ?? attestation.schema)]);
    for (const [name, value] of Object.entries(report.values ?? ({} as Values))) {
      lines.push([`  ${name}`, valueText(value)]);
    }
  }
  if (report.recordedIn !== null) {
    lines.push([
      "recorded",
      `block ${report.recordedIn.block}, transaction ${report.recordedIn.transaction}`,
    ]);
  }
  lines.push([
    "as of",
    `block ${asOf.block} (${asOf.tag}) of chain ${asOf.chainId}, header from ${asOf.headerTrust}`,
  ]);
  return [
    `${report.verdict}: ${quoted(report.because)}`,
    table(lines),
    ...report.checks.map((check) => `  ${MARKS[check.outcome]} ${check.name}: ${quoted(check.evidence)}`),
  ].join("\n");
}

/** What an issuer wrote must not be able to move the cursor or reorder a line of the reader's terminal. */
function valueText(value: Value): string {
  const text = JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "bigint" ? inner.toString() : inner,
  );
  return quoted(text);
}
