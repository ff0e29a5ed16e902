import type { Counts } from "../../store/store.js";
import { counted, grouped, quoted } from "../output.js";
import { endedOf, type HoldView, type JobView, type LaneView, type StreamView, type View } from "./view.js";
import { spanText, timeOf } from "./render.js";

/**
 * What is new in a view, for whoever is no terminal: a line for each change and none for the time that passes.
 * @param previous null for the first one, of which everything that counts is said
 */
export function linesOf(view: View, previous: View | null): string[] {
  const said: string[] = [];
  if (previous === null) said.push([view.network, ...(view.note === null ? [] : [view.note])].join(", "));
  else if (view.note !== previous.note && view.note !== null) said.push(view.note);

  const { gate } = view;
  if (previous === null || gate.state !== previous.gate.state || gate.since !== previous.gate.since) {
    said.push(gate.why === null ? gate.state : `${gate.state}: ${gate.why}`);
  }
  said.push(...holdLines(view.lanes, previous?.lanes ?? [], ({ address }) => `lane ${address}`));
  said.push(...holdLines(view.streams, previous?.streams ?? [], ({ name }) => `stream ${name}`));
  said.push(...jobLines(view, previous));
  if (previous === null || hasMoved(view.items, previous.items)) said.push(itemsText(view));
  return [
    ...view.events.filter((event) => isNew(event, previous)),
    ...said.map((text) => ({ at: view.at, text })),
  ].map(({ at, text }) => `${timeOf(at)}  ${quoted(text)}`);
}

function jobLines({ jobs }: View, previous: View | null): string[] {
  const before = new Map((previous?.jobs ?? []).map((job) => [job.id, job]));
  return jobs.flatMap((job) => {
    const known = before.get(job.id);
    if (isEnded(job))
      return known !== undefined && isEnded(known) ? [] : [`job ${job.id} has ended: ${job.name}`];
    return known === undefined ? [`job ${job.id} is under way: ${job.name}`] : [];
  });
}

function isEnded({ counts }: JobView): boolean {
  return endedOf(counts) === counts.rows;
}

function hasMoved(now: Counts, before: Counts): boolean {
  return (Object.keys(now) as (keyof Counts)[]).some((state) => now[state] !== before[state]);
}

/** One line for all states together: a block moves several of them at once. */
function itemsText({ items, block, drain, gate }: View): string {
  const states = [
    ["waiting", items.waiting],
    ["on the way", items.assigned],
    ["included", items.included],
    ["safe", items.safe],
    ["final", items.final],
    ["verified", items.verified],
    ["duplicates", items.duplicate],
    ["rejected", items.rejected],
    ["mismatched", items.mismatched],
  ] as const;
  const parts = states.filter(([, count]) => count > 0).map(([name, count]) => `${name} ${grouped(count)}`);
  const left =
    drain === null || gate.state === "holding" || items.waiting + items.assigned === 0
      ? []
      : [`about ${counted(drain.blocks, "block")} and ${spanText(drain.seconds)} left`];
  const all = `${counted(items.rows, "row")}${parts.length === 0 ? "" : `: ${parts.join(", ")}`}`;
  return [...(block === null ? [] : [`block ${grouped(block)}`]), all, ...left].join("  ");
}

function holdLines<T extends LaneView | StreamView>(
  now: readonly T[],
  before: readonly T[],
  nameOf: (of: T) => string,
): string[] {
  const held = new Map(before.map((one) => [nameOf(one), one.hold]));
  return now.flatMap((one) => {
    const name = nameOf(one);
    const { hold } = one;
    if (isSame(hold, held.get(name) ?? null)) return [];
    return [hold === null ? `${name} goes on` : `${name} holds: ${hold.why}, ${hold.detail}`];
  });
}

/** Of the same hold the detail may differ with every block: the base fee is in it. */
function isSame(a: HoldView | null, b: HoldView | null): boolean {
  return a?.why === b?.why && a?.since === b?.since;
}

function isNew(event: View["events"][number], previous: View | null): boolean {
  return previous === null || !previous.events.some(({ at, text }) => at === event.at && text === event.text);
}
