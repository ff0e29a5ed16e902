import type { Counts, Job, ReportRow, Store } from "../../store/store.js";
import { usage } from "../arguments.js";
import { counted, grouped, jsonText, type Result, table } from "../output.js";
import { type CommonOptions, openStoreToRead } from "../session.js";
import { createWatcher } from "../view/look.js";
import { render } from "../view/render.js";
import type { View } from "../view/view.js";
import { actText, countLines, mismatches, openJobs } from "../work.js";

/** Wide enough for all that there is to say, where nobody says how wide it is. */
const COLUMNS = 100;

/** Where every item stands: of one job; or of all, with lanes, streams and what came last. */
export async function status(id: string | undefined, options: CommonOptions): Promise<Result> {
  const store = openStoreToRead(options);
  try {
    const jobs = id === undefined ? await store.jobs() : [await jobOf(store, id)];
    const found = await Promise.all(
      jobs.map(async (job) => {
        const counts = await store.counts(job.id);
        const open = await openJobs(store, job.id, "final");
        return { job, counts, done: job.state === "open" && open.length === 0 };
      }),
    );
    const view = id === undefined && jobs.length > 0 ? await createWatcher(store).look(Date.now()) : null;
    const text = found.map(({ job, counts, done }) =>
      [
        `job ${job.id}  ${job.name}  ${done ? "done" : job.state === "admitting" ? "reading its input" : "under way"}`,
        table(countLines(counts)),
      ].join("\n"),
    );
    const columns = process.stdout.columns || COLUMNS;
    return {
      text:
        view !== null
          ? render(view, { columns, rows: Infinity, colour: false }).join("\n")
          : text.length === 0
            ? "no jobs yet"
            : text.join("\n\n"),
      data: {
        ...(view === null ? {} : statusData(view)),
        jobs: found.map(({ job, counts, done }) => ({
          job: job.id,
          name: job.name,
          state: job.state,
          done,
          ...counts,
        })),
      },
      exit: found.every(({ done }) => done) ? 0 : 3,
    };
  } finally {
    await store.close();
  }
}

/** What is not of one job. */
function statusData({ network, block, gate, lanes, streams, otherStreams, drain, events }: View): object {
  return { network, block, gate, lanes, streams, otherStreams, drain, events };
}

/** Rows that are read and printed at a time: a report is as long as its file, and is nowhere whole. */
const PAGE = 1_000;

/** Every row of a job once, in order of the input. */
export async function report(id: string | undefined, options: CommonOptions): Promise<Result> {
  const store = openStoreToRead(options);
  try {
    const job = id === undefined ? await onlyJob(store) : await jobOf(store, id);
    const counts = await store.counts(job.id);
    const open = await openJobs(store, job.id, "final");
    const exit = open.length > 0 ? 3 : (await mismatches(store, job.id)) > 0 ? 1 : 0;
    const lines = options.json === true ? documentOf(store, job, counts) : tableOf(store, job, counts);
    return { text: "", data: undefined, lines: closing(lines, store), exit };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Every row of a job, in order, a page at a time. */
export async function* pagesOf(store: Store, job: Job): AsyncGenerator<ReportRow[]> {
  for (let after = -1; ;) {
    const page = await store.report(job.id, after, PAGE);
    if (page.length > 0) yield page;
    if (page.length < PAGE) return;
    after = page.at(-1)!.ordinal;
  }
}

async function* tableOf(store: Store, job: Job, counts: Counts): AsyncGenerator<string> {
  yield ["line", "state", "uid", "block", "transaction"].join("\t");
  let rows = 0;
  for await (const page of pagesOf(store, job)) {
    rows += page.length;
    yield page.map(rowText).join("\n");
  }
  yield `${counted(rows, "row")}, ${grouped(counts.verified)} verified: job ${job.id}, ${actText(job.act)}s of ${job.name}`;
}

/** One JSON document, the rows last and one a line. */
async function* documentOf(store: Store, job: Job, counts: Counts): AsyncGenerator<string> {
  const head = { job: job.id, name: job.name, schema: job.schema, attester: job.attester, ...counts };
  yield `${escaped(jsonText(head)).replace(/\n\}$/, "")},\n  "report": [`;
  let before: string | null = null;
  for await (const page of pagesOf(store, job)) {
    if (before !== null) yield `${before},`;
    before = page.map((row) => `    ${escaped(JSON.stringify(row))}`).join(",\n");
  }
  if (before !== null) yield before;
  yield "  ]\n}";
}

/** JSON's own escapes for what would otherwise be taken out of a line on its way to a terminal. */
function escaped(json: string): string {
  return json.replace(/[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from({ length: character.length }, (_, index) => {
      const unit = character.charCodeAt(index).toString(16);
      return `\\u${unit.padStart(4, "0")}`;
    }).join(""),
  );
}

/** Lines, and the end of what they are read from behind the last. */
export async function* closing(
  lines: AsyncIterable<string>,
  source: { close(): Promise<void> },
): AsyncGenerator<string> {
  try {
    yield* lines;
  } finally {
    await source.close();
  }
}

function rowText(row: ReportRow): string {
  const note =
    row.duplicateOf === null
      ? row.faults.join(" ")
      : `same as line ${row.duplicateOf.line} of job ${row.duplicateOf.job}`;
  const place = row.block === null ? "-" : String(row.block);
  return [row.line, row.state, row.uid ?? "-", place, row.transaction ?? "-", note].join("\t").trimEnd();
}

export async function jobOf(store: Store, id: string): Promise<Job> {
  const job = /^[1-9][0-9]{0,9}$/.test(id) ? await store.job(Number(id)) : null;
  if (job === null) throw usage(`there is no job ${JSON.stringify(id)}`, "`waybill status` lists the jobs");
  return job;
}

export async function onlyJob(store: Store): Promise<Job> {
  const jobs = await store.jobs();
  if (jobs.length === 1) return jobs[0]!;
  throw usage(`there are ${jobs.length} jobs: name one`, "`waybill status` lists them");
}
