/**
 * `npm run -s bench:memory`: the most memory that one process of Waybill takes from a file to its final report, by how
 * many rows the file has. `--rows 100000,1000000` names the files.
 */
import { fork } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { grouped, jsonText } from "../src/cli/output.js";
import { hex } from "../src/hex.js";
import { randomOf } from "../test/contracts/support/random.js";
import { fundedKey, placeWaybill, startNode } from "./throughput/stage.js";
import { DEFINITION } from "./work.js";

/** What `--json` prints; the ratio is that of the last run's peak to the first's. */
export type Report = { runs: { rows: number; peakMiB: number; seconds: number }[]; ratio: number };

/** What the process of a run says when it is done. */
type Peak = { bytes: number; seconds: number; lines: number };

const CHILD = fileURLToPath(new URL("memory/child.mjs", import.meta.url));

const { values: options } = parseArgs({
  options: { json: { type: "boolean" }, rows: { type: "string", default: "100000,1000000" } },
});
const sizes = options.rows.split(",").map(Number);
if (!sizes.every((rows) => Number.isSafeInteger(rows) && rows > 0)) {
  process.stderr.write(`--rows ${options.rows}: name numbers of rows, such as 100000,1000000\n`);
  process.exit(2);
}

const runs: Report["runs"] = [];
for (const rows of sizes) {
  const run = await runOf(rows);
  runs.push(run);
  process.stderr.write(`${grouped(rows)} rows: ${grouped(run.peakMiB)} MiB in ${grouped(run.seconds)} s\n`);
}
const report: Report = { runs, ratio: Number((runs.at(-1)!.peakMiB / runs[0]!.peakMiB).toFixed(2)) };
process.stdout.write(`${options.json === true ? jsonText(report) : textOf(report)}\n`);

/** Each on a node and in a store of its own. */
async function runOf(rows: number): Promise<Report["runs"][number]> {
  // Without a base fee: a long run of full blocks would make gas dear, and then batches are small.
  const node = await startNode("--gas-limit", "60000000", "--block-base-fee-per-gas", "0");
  const directory = await mkdtemp(join(tmpdir(), "waybill-memory-"));
  try {
    const { schema } = await placeWaybill(node.request, DEFINITION);
    const file = join(directory, "rows.csv");
    await pipeline(Readable.from(csvOf(rows)), createWriteStream(file));
    const { privateKey: issuer } = await fundedKey(node.request, "issuer");
    const { privateKey: lane } = await fundedKey(node.request, "lane");
    await node.beat();
    const child = fork(CHILD, [file, schema, node.url, directory], {
      // The built code needs no loader of TypeScript, which takes memory as well.
      execArgv: [],
      env: { ...process.env, WAYBILL_ISSUER_KEY: issuer, WAYBILL_LANE_KEY: lane },
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const peak = await new Promise<Peak>((resolve, reject) => {
      child.once("message", (said) => resolve(said as Peak));
      child.once("error", reject);
      child.once("exit", (code, signal) => reject(new Error(`the submitter ended with ${code ?? signal}`)));
    });
    if (peak.lines !== rows) throw new Error(`the report has ${peak.lines} of ${rows} rows`);
    return { rows, peakMiB: Math.round(peak.bytes / 2 ** 20), seconds: Math.round(peak.seconds) };
  } finally {
    await rm(directory, { recursive: true, force: true });
    await node.stop();
  }
}

/** The same rows in every run: 64 B of random data, and a recipient of its own. */
function* csvOf(rows: number): Generator<string> {
  const random = randomOf("bench: memory");
  yield "recipient,score,evidenceId\n";
  for (let row = 0; row < rows; row += 1) {
    const score = BigInt(hex(random.bytes(32)));
    yield `${hex(random.bytes(20))},${score},${hex(random.bytes(32))}\n`;
  }
}

function textOf({ runs, ratio }: Report): string {
  return [
    "Peak resident memory of one process: submit FILE --level seal --until final, then its report.",
    "",
    ["rows", "MiB", "seconds"].map((cell) => cell.padStart(12)).join(""),
    ...runs.map(({ rows, peakMiB, seconds }) =>
      [grouped(rows), grouped(peakMiB), grouped(seconds)].map((cell) => cell.padStart(12)).join(""),
    ),
    "",
    `the last ÷ the first: ${ratio}`,
  ].join("\n");
}
