/**
 * `npm run -s bench:pipeline`: how many items a second go from a CSV file to journaled, signed transactions, with a
 * chain that answers at once. What runs is the built program, as people run it. Options: `--json`, `--rows N`,
 * `--runs N`, `--level seal|record|anchor`, `--variant id|salt|name`.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { nobleKeccak288PerSecond } from "./pipeline/calibration.js";
import { type Profile, profileOf } from "./pipeline/profile.js";
import { pipelineText } from "./pipeline/table.js";
import {
  type Calls,
  type Level,
  runOnce,
  SEED,
  type Speed,
  type Variant,
  VARIANTS,
  writeRows,
} from "./pipeline/work.js";

export type Figures = {
  level: Level;
  batches: number;
  /** in a new process */
  cold: Speed;
  /** in a process that has done it once */
  warm: Speed;
  /** items per CPU second for each hash per second of the calibration */
  perNobleHash: { cold: number; warm: number };
  /** of one more run, which the profiler slows down somewhat */
  profile: Profile;
  /** what was asked of the store in that run; microseconds an item, the wait for the disk included */
  calls: Call[];
};

export type Call = { name: string; count: number; microseconds: number };

/** What `--json` prints. */
export type PipelineReport = {
  rows: number;
  runs: number;
  seed: string;
  variant: Variant;
  schema: string;
  dataBytes: number;
  /** what this machine is worth, measured between the runs: under the same load as they */
  calibration: { nobleKeccak288PerSecond: number };
  levels: Figures[];
};

/** What one process measured. */
type Sample = { batches: number; cold: Speed; warm: Speed; profile: Profile | null; calls: Call[] };

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean" },
    rows: { type: "string", default: "100000" },
    runs: { type: "string", default: "3" },
    level: { type: "string", multiple: true, default: ["seal", "record"] },
    variant: { type: "string", default: "id" },
    /** what each process of its own is told: the file that the rows are in */
    sample: { type: "string" },
    profile: { type: "boolean" },
  },
});
const variant = options.variant as Variant;
const levels = options.level as Level[];
const [rows, runs] = [Number(options.rows), Number(options.runs)];
const valid =
  variant in VARIANTS &&
  levels.every((level) => ["seal", "record", "anchor"].includes(level)) &&
  [rows, runs].every((count) => Number.isSafeInteger(count) && count > 0);
if (!valid) throw new Error("no such benchmark: see the head of bench/pipeline.ts");

if (options.sample !== undefined) {
  process.stdout.write(JSON.stringify(await sample(options.sample)));
} else {
  const { schema, dataBytes } = VARIANTS[variant];
  const file = await writeRows(variant, rows);
  try {
    const hashes: number[] = [];
    const measured = levels.map((level) => figuresOf(level, file.path, hashes));
    const perSecond = medianBy(hashes, (one) => one);
    const report: PipelineReport = {
      ...{ rows, runs, seed: SEED, variant, schema, dataBytes },
      calibration: { nobleKeccak288PerSecond: Math.round(perSecond) },
      levels: measured.map((one) => ({
        ...one,
        perNobleHash: {
          cold: one.cold.perCpuSecond / perSecond,
          warm: one.warm.perCpuSecond / perSecond,
        },
      })),
    };
    process.stdout.write(
      `${options.json === true ? JSON.stringify(report, null, 2) : pipelineText(report)}\n`,
    );
  } finally {
    await file.remove();
  }
}

async function sample(path: string): Promise<Sample> {
  const work = { path, variant, level: levels[0]!, rows };
  const first = await runOnce(work);
  const second = await runOnce(work);
  if (options.profile !== true)
    return { batches: first.batches, cold: first.speed, warm: second.speed, profile: null, calls: [] };
  const calls: Calls = new Map();
  const profile = await profileOf(() => runOnce({ ...work, calls }), rows);
  const asked = [...calls].map(([name, { seconds, count }]) => ({
    name,
    count,
    microseconds: (seconds * 1e6) / rows,
  }));
  asked.sort((a, b) => b.microseconds - a.microseconds);
  return { batches: first.batches, cold: first.speed, warm: second.speed, profile, calls: asked };
}

/**
 * Each run is a process of its own: only the first run of a process is cold.
 * @param hashes where the calibration before each run is noted
 */
function figuresOf(level: Level, path: string, hashes: number[]): Omit<Figures, "perNobleHash"> {
  const samples = Array.from({ length: runs }, (_, run): Sample => {
    hashes.push(nobleKeccak288PerSecond());
    const told = ["--sample", path, "--level", level, "--variant", variant, "--rows", String(rows)];
    const args = [...process.execArgv, fileURLToPath(import.meta.url), ...told];
    const { status, stdout } = spawnSync(process.execPath, run === 0 ? [...args, "--profile"] : args, {
      stdio: ["ignore", "pipe", "inherit"],
      maxBuffer: 2 ** 28,
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`a run at level ${level} failed`);
    return JSON.parse(stdout) as Sample;
  });
  return {
    level,
    batches: samples[0]!.batches,
    cold: medianBy(samples, (one) => one.cold.perCpuSecond).cold,
    warm: medianBy(samples, (one) => one.warm.perCpuSecond).warm,
    profile: samples[0]!.profile!,
    calls: samples[0]!.calls,
  };
}

/** The one of median value, whole: its figures belong together. */
function medianBy<T>(all: readonly T[], valueOf: (one: T) => number): T {
  const sorted = [...all].sort((a, b) => valueOf(a) - valueOf(b));
  return sorted[(sorted.length - 1) >> 1]!;
}
