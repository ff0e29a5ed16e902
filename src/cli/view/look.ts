import type { BatchEvent } from "../../batch.js";
import { networkOf } from "../../chain/networks.js";
import { WaybillError } from "../../errors.js";
import type { Counts, Job, Overview, Refusal, Store, StreamOverview } from "../../store/store.js";
import { isDone } from "../../submitter/submitter.js";
import { counted, grouped } from "../output.js";
import { type Notes, readNotes } from "../../submitter/notes.js";
import { drainOf } from "./drain.js";
import { type Gate, type HoldView, inTheirPlaces, type LaneView, sumOf, type View } from "./view.js";

/** Events that are read: as many as it takes to tell how fast blocks take items. */
const EVENTS = 200;
/** Events that are shown. */
const SHOWN = 20;
/** Streams that are shown. */
const STREAMS = 12;
/** Refused rows of a job that are looked at. */
const REFUSALS = 20;

/**
 * Looks at a store that another process may be writing to, and asks no node. What is done is counted once; streams keep
 * their places from one look to the next.
 * @param isAlive whether there is a process of this id
 */
export function createWatcher(store: Store, isAlive: (pid: number) => boolean = isProcess) {
  const done = new Map<number, Counts>();
  let places: string[] = [];

  async function countsOf(job: Job): Promise<Counts> {
    const known = done.get(job.id);
    if (known !== undefined) return known;
    const counts = await store.counts(job.id);
    if (job.state === "open" && isDone(counts, "final")) done.set(job.id, counts);
    return counts;
  }

  return {
    async look(now: number): Promise<View> {
      const { chainId } = await store.chain();
      const jobs = await store.jobs();
      const counts = await Promise.all(jobs.map(countsOf));
      const overview = await store.overview(EVENTS);
      const notes = await readNotes(store);
      const unmined = await store.unmined();
      const refusals: (Refusal & { attester: string })[] = [];
      for (const job of jobs.filter(({ id }) => !done.has(id)))
        for (const one of await store.refusals(job.id, REFUSALS))
          refusals.push({ ...one, attester: job.attester });

      const items = sumOf(counts);
      const isAtWork = notes !== null && notes.working && isAlive(notes.pid);
      const shown = inTheirPlaces(
        places,
        overview.streams.map((stream) => streamView(stream, refusals)),
        STREAMS,
      );
      places = shown.map(({ key }) => key);
      const names = new Map(jobs.map(({ id, name }) => [id, name]));
      return {
        at: now,
        network: nameOf(chainId),
        block: latest(notes?.block ?? null, overview.block),
        note: noteOf(items, isAtWork, notes),
        gate: gateOf(items, isAtWork, notes),
        items,
        jobs: jobs.map(({ id, name, tenant, priority }, index) => {
          return { id, name, counts: counts[index]!, tenant: tenant === "" ? null : tenant, priority };
        }),
        lanes: overview.lanes.map(({ lane, next }): LaneView => {
          const open = unmined.filter((one) => one.lane === lane);
          const lowest = open[0]?.attempts.at(-1);
          return {
            address: lane,
            nonce: next,
            inFlight: open.length,
            fee: lowest?.maxFee ?? null,
            cap: capOf(jobs, counts, open[0]?.cap),
            hold: isAtWork ? (notes.lanes.find(({ address }) => address === lane)?.hold ?? null) : null,
          };
        }),
        streams: shown,
        otherStreams: overview.streams.length - shown.length,
        drain: drainOf(items.waiting + items.assigned, overview.events),
        events: byBlock(overview.events)
          .slice(-SHOWN)
          .map(({ at, job, count, event }) => ({
            at,
            text: eventText(event, count, names.get(job) ?? `job ${job}`),
          })),
      };
    },
  };
}

/** Of a lane with nothing in flight, what the first job that is not done may pay. */
function capOf(
  jobs: readonly Job[],
  counts: readonly Counts[],
  cap: bigint | null | undefined,
): bigint | null {
  if (cap !== undefined) return cap;
  return jobs.find((_, index) => !isDone(counts[index]!, "included"))?.terms.maxFee ?? null;
}

function streamView(of: StreamOverview, refusals: readonly (Refusal & { attester: string })[]) {
  const { attester, stream, landed, end, waiting } = of;
  const refused = refusals.find((one) => one.stream === stream && one.attester === attester);
  const hold: HoldView | null =
    refused === undefined
      ? null
      : { why: "refused", detail: `line ${refused.line}: ${refused.reason}`, since: null };
  const name = `${stream.slice(0, 6)}…${stream.slice(-4)}`;
  return { key: `${attester} ${stream}`, name, position: landed, signedTo: end, waiting, hold };
}

/** Transactions of a job that came into the same block, as one event: they were seen together. */
function byBlock(events: Overview["events"]): Overview["events"] {
  const merged: Overview["events"] = [];
  for (const one of events) {
    const last = merged.findLastIndex((other) => other.job === one.job);
    const before = merged[last];
    if (before === undefined || !isSameBlock(before.event, one.event)) merged.push(one);
    else merged[last] = { ...before, count: before.count + one.count };
  }
  return merged;
}

function isSameBlock(a: BatchEvent, b: BatchEvent): boolean {
  if (a.kind !== "included" || b.kind !== "included") return false;
  return a.blockHash === b.blockHash && a.succeeded === b.succeeded;
}

function latest(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.max(a, b);
}

function isLeft(items: Counts): boolean {
  return !isDone(items, "final");
}

function gateOf(items: Counts, isAtWork: boolean, notes: Notes | null): Gate {
  if (isAtWork) return notes!.gate;
  if (!isLeft(items)) return { state: "accepting", why: null, since: null };
  return {
    state: "holding",
    why: "nobody is at work on it; run the command again",
    since: notes?.at ?? null,
  };
}

function noteOf(items: Counts, isAtWork: boolean, notes: Notes | null): string | null {
  if (isAtWork || !isLeft(items)) return null;
  return notes?.block == null ? "as it was left" : `as of block ${grouped(notes.block)}`;
}

function nameOf(chainId: bigint): string {
  try {
    return networkOf(chainId.toString()).name;
  } catch (error) {
    if (error instanceof WaybillError) return `chain ${chainId}`;
    throw error;
  }
}

function eventText(event: BatchEvent, count: number, job: string): string {
  const items = `${counted(count, "item")} of ${job}`;
  switch (event.kind) {
    case "included":
      return `block ${grouped(event.block)}: ${items}${event.succeeded ? "" : " failed"}`;
    case "found":
      return `block ${grouped(event.block)}: ${items}, sent by somebody else`;
    case "unwound":
      return `block ${grouped(event.block)} was undone: ${items} go again`;
    case "stolen":
      return `another transaction has their nonce: ${items} go again`;
    case "verified":
      return `read back: of ${items} ${grouped(event.mismatched)} differ`;
    default:
      return `${event.kind}: ${items}`;
  }
}

/** Signal 0 asks and sends nothing. What is there and another user's is alive as well. */
function isProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
