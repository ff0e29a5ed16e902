/**
 * `npm run -s bench:audit`: how many statements of a stream are audited in a second, and the most memory that takes, by
 * how many there are. `--items 10000,100000` names the streams.
 */
import { fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { grouped, jsonText } from "../src/cli/output.js";
import { writeLedger } from "./audit/ledger.js";

type Run = { level: "record" | "seal"; items: number; seconds: number; perSecond: number; peakMiB: number };

/** What `--json` prints; a ratio is that of the last run's peak to the first's; `rowBytes`: of a job, for each row. */
export type Report = { runs: Run[]; ratios: { record: number; seal: number }; rowBytes: number };

/** What the process of a run says when it is done. */
type Said = { seconds: number; bytes: number; rowBytes: number };

const CHILD = fileURLToPath(new URL("audit/child.mjs", import.meta.url));
/** MiB of V8's heap, old and young: less than a stream takes up. Unbounded, it grows as long as there is memory. */
const HEAP = { old: 64, young: 24 };

const { values: options } = parseArgs({
  options: { json: { type: "boolean" }, items: { type: "string", default: "10000,100000" } },
});
const sizes = options.items.split(",").map(Number);
if (!sizes.every((items) => Number.isSafeInteger(items) && items > 0)) {
  process.stderr.write(`--items ${options.items}: name numbers of statements, such as 10000,100000\n`);
  process.exit(2);
}

const runs: Run[] = [];
let rowBytes = 0;
for (const level of ["record", "seal"] as const) {
  for (const items of sizes) {
    const said = await runOf(level, items);
    const { seconds } = said;
    rowBytes = Math.round(said.rowBytes);
    const run = { level, items, seconds: Number(seconds.toFixed(2)), perSecond: Math.round(items / seconds) };
    runs.push({ ...run, peakMiB: Math.round(said.bytes / 2 ** 20) });
    process.stderr.write(`${level} ${grouped(items)}: ${grouped(run.perSecond)} a second\n`);
  }
}
const report: Report = { runs, ratios: { record: ratioOf("record"), seal: ratioOf("seal") }, rowBytes };
process.stdout.write(`${options.json === true ? jsonText(report) : textOf(report)}\n`);

async function runOf(level: Run["level"], items: number): Promise<Said> {
  const folder = await mkdtemp(join(tmpdir(), "waybill-audit-"));
  try {
    await writeLedger(folder, level, items);
    // The built code needs no loader of TypeScript, which takes memory as well.
    const child = fork(CHILD, [folder], {
      // Of the young generation there are three.
      execArgv: [`--max-old-space-size=${HEAP.old}`, `--max-semi-space-size=${HEAP.young / 3}`],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    return await new Promise<Said>((resolve, reject) => {
      child.once("message", (said) => resolve(said as Said));
      child.once("error", reject);
      child.once("exit", (code, signal) => reject(new Error(`the audit ended with ${code ?? signal}`)));
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function ratioOf(level: Run["level"]): number {
  const peaks = runs.filter((run) => run.level === level).map(({ peakMiB }) => peakMiB);
  return Number((peaks.at(-1)! / peaks[0]!).toFixed(2));
}

function textOf({ runs, ratios, rowBytes }: Report): string {
  return [
    "An audit of a stream of statements with 64 B of data, from a node that reads its answers from a disk:",
    `events to uids, uids to the head, the head against a proof. V8's heap is bounded at ${HEAP.old + HEAP.young} MiB.`,
    "",
    ["level", "items", "items/s", "MiB"].map((cell) => cell.padStart(12)).join(""),
    ...runs.map(({ level, items, perSecond, peakMiB }) =>
      [level, grouped(items), grouped(perSecond), grouped(peakMiB)].map((cell) => cell.padStart(12)).join(""),
    ),
    "",
    `memory, the last ÷ the first: ${ratios.record} recorded, ${ratios.seal} sealed`,
    `of a job, ${rowBytes} bytes more for each row`,
  ].join("\n");
}
