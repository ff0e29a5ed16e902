import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { headOf } from "../chain/head.js";
import { admit } from "../admission/admit.js";
import type { Frame } from "../admission/statement.js";
import type { Level } from "../attestation.js";
import type { RegisteredSchema, Registry } from "../chain/registry.js";
import { WaybillError } from "../errors.js";
import type { Manner } from "../gas.js";
import { type Hex, hex, keccak, ZERO_ADDRESS, ZERO_WORD } from "../hex.js";
import { holdError } from "../lane/lane.js";
import { ETHEREUM_LIMITS, fitsAlone, type Limits } from "../planner/split.js";
import type {
  Act,
  AdmittedRow,
  Counts,
  Job,
  JobTerms,
  NewJob,
  Priority,
  Refusal,
  Store,
} from "../store/store.js";
import { createSubmitter, isDone, type Progress, type Until } from "../submitter/submitter.js";
import { streamKey } from "../stream.js";
import { readLevel, unreadable, usage } from "./arguments.js";
import type { Keys } from "./keys.js";
import { counted, ether, type ExitCode, grouped, type ProgressLine, table } from "./output.js";
import { createNotes } from "./notes.js";
import type { Connection } from "./session.js";

/** What one run of a job came to. */
export type Finished = {
  job: Job;
  counts: Counts;
  paid: bigint;
  transactions: number;
  /** nothing of it was to be sent yet */
  onlyAdmitted: boolean;
  /** rows that the registry refused, the first of them */
  refused: Refusal[];
  exit: ExitCode;
};

/** Refused rows that are printed. */
const SHOWN = 20;

/** The same work has the same key, so that a second run finds the first. */
export function jobKey(parts: readonly string[]): Hex {
  return hex(keccak(new TextEncoder().encode(JSON.stringify(parts))));
}

/** SHA-256 of a file's bytes. @throws WaybillError E_FILE_OPEN */
export async function fileHash(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  } catch (cause) {
    throw unreadable(path, cause);
  }
  return hash.digest("hex");
}

export async function limitsOf(connection: Connection): Promise<Limits> {
  const head = await headOf(connection.chain);
  return { ...ETHEREUM_LIMITS, blockGas: Number(head.gasLimit) };
}

/** @throws WaybillError E_RESOLVER */
export function refuseResolver(schema: RegisteredSchema): void {
  if (schema.resolver === ZERO_ADDRESS) return;
  throw new WaybillError(
    "E_RESOLVER",
    `the schema ${schema.id} names a resolver, and what that costs is not known to the gas model yet`,
    { mend: "call the registry from your own code, or name a schema without a resolver" },
  );
}

/** Whether an item of a size fits a transaction alone. */
export function fitsIn(limits: Limits, manner: Manner): Frame["fits"] {
  return (size) => fitsAlone(manner, size, limits);
}

/** All that a job needs to be run. */
export type Work = {
  connection: Connection;
  registry: Registry;
  store: Store;
  keys: Keys;
  fees: JobTerms;
  until: Until | "admitted";
  signal: AbortSignal;
  progress: ProgressLine;
};

/** How a job shares with others. */
export type FlowOptions = { tenant?: string; priority?: string; onRefused?: string };

/** Of a job that one command makes for one thing. */
export const ALONE = {
  tenant: "",
  priority: "normal",
  refusals: "skip",
  flows: false,
} as const satisfies Partial<NewJob>;

/** @param stream of the whole file; the zero word for none @throws WaybillError E_USAGE */
export function readFlow(
  options: FlowOptions,
  stream: Hex,
): Pick<NewJob, "tenant" | "priority" | "refusals" | "flows"> {
  const { tenant = "", priority = "normal", onRefused = stream === ZERO_WORD ? "skip" : "block" } = options;
  if (!isPriority(priority)) throw usage(`--priority ${priority} is none`, "use low, normal or high");
  if (onRefused !== "skip" && onRefused !== "block")
    throw usage(`--on-refused ${onRefused} is nothing that a job can do`, "use skip or block");
  return { tenant, priority, refusals: onRefused, flows: false };
}

function isPriority(text: string): text is Priority {
  return ["low", "normal", "high"].includes(text);
}

/** Admits what is not admitted yet, and drives the job until every item is as far as asked. */
export async function runJob(
  work: Work,
  newJob: NewJob,
  rows: () => AsyncIterable<AdmittedRow>,
  unchanged?: () => Promise<void>,
): Promise<Finished> {
  const { connection, registry, store, keys, fees, until, signal, progress } = work;
  let job = await store.openJob(newJob);
  await admit(store, job, rows(), {
    onPage: (stored) => progress.show(`admitting  ${counted(stored, "row")}`),
    ...(unchanged === undefined ? {} : { unchanged }),
  });
  job = (await store.job(job.id))!;
  // What has waited for a better price since an earlier run goes on waiting from then.
  const before = job.terms.goal;
  const goal = fees.goal?.mode === "economy" && before?.mode === "economy" ? before : fees.goal;
  await store.setTerms(job.id, { ...fees, ...(goal === undefined ? {} : { goal }) });
  // What is a duplicate here is only as far as its first is, and that may stand in a job that was cut short: it goes on
  // on the terms that it has.
  if (until !== "admitted") {
    const open = await openJobs(store, job.id, until);
    await driveJobs({ connection, registry, store, keys, signal, progress }, open, until);
  }
  return finishedOf(store, job, until);
}

/** Drives jobs, together, until every item of each is as far as asked, or the signal comes. */
export async function driveJobs(
  work: Omit<Work, "fees" | "until">,
  jobs: readonly number[],
  until: Until,
): Promise<void> {
  const { connection, registry, store, keys, signal, progress } = work;
  if (jobs.length === 0) return;
  await requireFunds(connection, keys);
  const submitter = await createSubmitter({
    store,
    chain: connection.chain,
    registry,
    issuer: keys.issuer,
    lanes: keys.lanes,
    pollMs: connection.network.pollMs,
    patienceMs: 30_000,
    finalDepth: connection.network.finalDepth,
    outageMs: 60_000,
  });
  const notes = createNotes(store);
  const outcome = await submitter
    .run(jobs, {
      until,
      signal,
      onAlert: (text) => progress.alert(text),
      onProgress: async (now) => {
        progress.hold(now.hold?.detail ?? null);
        progress.show(progressText(now));
        await notes.take(now);
      },
    })
    .finally(notes.end);
  progress.end();
  if (outcome.kind === "held") throw holdError(outcome.hold);
}

/** What a job has come to by now. */
export async function finishedOf(store: Store, job: Job, until: Until | "admitted"): Promise<Finished> {
  const counts = await store.counts(job.id);
  const { paid } = await store.spending(job.id);
  const batches = await store.batches(["included", "safe", "final", "verified"], job.id);
  const stopped = until !== "admitted" && (await openJobs(store, job.id, until)).length > 0;
  const refused = await store.refusals(job.id, SHOWN, "rejected");
  const differs = (await mismatches(store, job.id)) > 0;
  const exit = stopped ? 130 : differs ? 1 : refused.length > 0 ? 6 : 0;
  const transactions = batches.filter((batch) => batch.id === batch.lead).length;
  return { job, counts, paid, transactions, onlyAdmitted: until === "admitted", refused, exit };
}

/** The job and those that hold the first of its duplicates, as far as they are not done, in the order to run them. */
export async function openJobs(store: Store, job: number, until: Until): Promise<number[]> {
  const open: number[] = [];
  for (const id of [...(await store.originals(job)), job]) {
    if (!isDone(await store.counts(id), until)) open.push(id);
  }
  return open;
}

/** Items whose record differs, of the job or of what it repeats. */
export async function mismatches(store: Store, job: number): Promise<number> {
  let sum = 0;
  for (const id of [...(await store.originals(job)), job]) sum += (await store.counts(id)).mismatched;
  return sum;
}

/** A key that cannot pay for anything is said at once, before there is anything to wait for. */
async function requireFunds(connection: Connection, keys: Keys): Promise<void> {
  const address = keys.lane.address;
  if ((await connection.chain.balance(address)) > 0n) return;
  throw holdError({ why: "funds", detail: `${address} has 0 wei on ${connection.network.name}`, since: 0 });
}

function progressText({ counts, hold }: Progress): string {
  const done = counts.verified + counts.mismatched;
  const live = counts.rows - counts.rejected - counts.duplicate;
  const share = live === 0 ? 100 : Math.floor((100 * done) / live);
  const between = counts.included + counts.safe + counts.final;
  const parts = [`verified ${grouped(done)} of ${grouped(live)} (${share} %)`];
  // A line is cut at the terminal's edge: what holds the work comes before what is well.
  if (hold !== null) parts.push(`holding: ${hold.detail}`);
  if (between > 0) parts.push(`in blocks that are not final yet ${grouped(between)}`);
  if (counts.assigned > 0) parts.push(`on their way ${grouped(counts.assigned)}`);
  return parts.join("  ");
}

export function countLines(counts: Counts): [string, string][] {
  const lines: [string, number][] = [
    ["rows", counts.rows],
    ["verified", counts.verified],
    ["final", counts.final],
    ["safe", counts.safe],
    ["included", counts.included],
    ["on their way", counts.assigned],
    ["waiting", counts.waiting],
    ["duplicates", counts.duplicate],
    ["rejected", counts.rejected],
    ["mismatched", counts.mismatched],
  ];
  return lines
    .filter(([name, count]) => count > 0 || name === "rows" || name === "verified")
    .map(([name, count]) => [name, grouped(count)]);
}

export function finishedText(finished: Finished, next: string): string {
  const { job, counts, paid, transactions, onlyAdmitted, refused, exit } = finished;
  const state = onlyAdmitted
    ? "admitted"
    : exit === 130
      ? "stopped"
      : counts.mismatched > 0
        ? "done, with differences"
        : refused.length > 0
          ? "done, but for rows that the registry refuses"
          : "done";
  return [
    `job ${job.id} ${state}: ${job.name}`,
    ...refused.map(({ line, reason }) => `  line ${line}: ${reason}`),
    table([...countLines(counts), ["transactions", grouped(transactions)], ["paid", ether(paid)]]),
    next,
  ].join("\n");
}

export function finishedData(finished: Finished): object {
  const { job, counts, paid, transactions } = finished;
  const refused = finished.refused.map(({ line, uid, reason }) => ({ line, uid, reason }));
  const done = !finished.onlyAdmitted && (finished.exit === 0 || finished.exit === 6);
  return { job: job.id, name: job.name, ...counts, transactions, paidWei: paid, refused, done };
}

export function actText(act: Act): string {
  return act === "revoke" ? "revocation" : "attestation";
}

/** Whose words are read: the level of a job, and the stream that it goes to. @throws WaybillError E_USAGE */
export function readManner(options: { level?: string; stream?: string }): { act: Level; stream: Hex } {
  const { stream } = options;
  if (stream === "" || stream === ZERO_WORD)
    throw usage("--stream has no name", "leave it out for no stream");
  return { act: readLevel(options.level), stream: stream === undefined ? ZERO_WORD : streamKey(stream) };
}
