import { formatUnits } from "ethers";
import type { Counts } from "../../store/store.js";
import { counted, grouped, quoted } from "../output.js";
import { left, type Line, paint, right, type Span, span, type Style } from "./cells.js";
import {
  endedOf,
  type Gate,
  type HoldView,
  type JobView,
  lagOf,
  type LaneView,
  movingOf,
  type StreamView,
  type View,
} from "./view.js";

/** `colour`: whether the terminal may be painted; without it words alone say everything */
export type Size = { columns: number; rows: number; colour: boolean };

/** From this height on, sections stand apart. Not as long as there is room: a new stream would make all of them jump. */
const AIRY = 24;

/** A space, and a number of eight digits with its separators or ten without. */
const NUMBER = 11;

/** Narrower, what is held says only why and since when. */
const DETAILED = 80;

/**
 * A view as at most `rows` lines of at most `columns` columns. Only the size and the number of lanes, jobs and streams
 * say where something stands, and what is a number stands on the right of its place: while work goes on, digits change
 * and nothing moves. Made for 60 × 16 and more; smaller, the end of lines and the last lines are missing.
 */
export function render(view: View, { columns, rows, colour }: Size): string[] {
  const gap: Line[] = rows >= AIRY ? [[]] : [];
  const top: Line[] = [
    headLine(view, columns),
    gateLine(view.gate),
    ...gap,
    ...grid(view.items, columns),
    drainLine(view),
  ];
  const sections = [
    lanesOf(view.lanes, columns),
    jobsOf(view.jobs, columns),
    ...(view.streams.length === 0 ? [] : [streamsOf(view.streams, view.otherStreams, columns)]),
    eventsOf(view.events),
  ];
  const room = rows - top.length - sections.length * (1 + gap.length);
  const shares = shared(
    room,
    sections.map((section) => section.rows.length),
  );
  const lines = [...top];
  for (const [index, section] of sections.entries()) {
    const share = shares[index]!;
    const shown = section.newestLast ? section.rows.slice(-share) : section.rows.slice(0, share);
    lines.push(...gap, section.title(share), ...(share === 0 ? [] : shown));
  }
  return lines.slice(0, Math.max(0, rows)).map((line) => paint(line, columns, colour));
}

type Section = { title(shown: number): Line; rows: Line[]; newestLast: boolean };

/** Lines for each section: one in turn until it has what it wants or none are left. */
export function shared(room: number, wanted: readonly number[]): number[] {
  const shares = wanted.map(() => 0);
  for (let given = true; given;) {
    given = false;
    for (const [index, want] of wanted.entries()) {
      if (room <= 0 || shares[index]! >= want) continue;
      shares[index]! += 1;
      room -= 1;
      given = true;
    }
  }
  return shares;
}

function headLine({ at, network, block, note }: View, columns: number): Line {
  const time = `${timeOf(at)} UTC`;
  const where = [network, block === null ? "no block yet" : `block ${grouped(block)}`];
  const head = ["waybill", ...where, ...(note === null ? [] : [note])].join("  ");
  return [span(left(head, Math.max(0, columns - time.length - 2)), "strong"), span(`  ${time}`, "faint")];
}

const GATES: { [state in Gate["state"]]: Style } = { accepting: "good", slowing: "slow", holding: "bad" };

function gateLine({ state, why, since }: Gate): Line {
  const words = [since === null ? "" : `since ${timeOf(since)}`, why === null ? "" : quoted(why)];
  return [span(left(state, 11), GATES[state]), span(words.filter((word) => word !== "").join("  "))];
}

/** Every state of an item, and `rows`, which is the sum of all others. */
const STATES: readonly [keyof Counts, name: string][] = [
  ["rows", "rows"],
  ["waiting", "waiting"],
  ["assigned", "on the way"],
  ["included", "included"],
  ["safe", "safe"],
  ["final", "final"],
  ["verified", "verified"],
  ["duplicate", "duplicates"],
  ["rejected", "rejected"],
  ["mismatched", "mismatched"],
];

const CELL = 10 + 1 + NUMBER;

function grid(counts: Counts, columns: number): Line[] {
  const across = Math.max(1, Math.floor((columns + 2) / (CELL + 2)));
  const down = Math.ceil(STATES.length / across);
  return Array.from({ length: down }, (_, row) => {
    const cells = STATES.filter((__, index) => index % down === row);
    return cells.flatMap(([state, name], index): Span[] => [
      span(`${index === 0 ? "" : "  "}${left(name, 11)}`, "faint"),
      span(numberCell(counts[state], NUMBER), styleOf(state, counts[state])),
    ]);
  });
}

function styleOf(state: keyof Counts, count: number): Style {
  if (count === 0) return "faint";
  return state === "mismatched" || state === "rejected" ? "bad" : "plain";
}

function drainLine({ drain, items, gate }: View): Line {
  const name = span(left("drain", 11), "faint");
  if (items.waiting + items.assigned === 0) return [name, span("nothing waits")];
  if (gate.state === "holding") return [name, span("not as long as it holds")];
  if (drain === null) return [name, span("not known yet")];
  const { blocks, seconds } = drain;
  return [
    name,
    span(`${counted(drain.items, "item")} in about ${counted(blocks, "block")}, ${spanText(seconds)}`),
  ];
}

/** `lane`, or `lane 2/5` if not all are seen. */
function titled(name: string, shown: number, all: number): string {
  return shown >= all ? name : `${name} ${shown}/${all}`;
}

function header(names: readonly Span[]): Line {
  return names.map(({ text }) => span(text, "faint"));
}

function lanesOf(lanes: readonly LaneView[], columns: number): Section {
  const [address, nonce, inFlight, gwei] = columns < DETAILED ? [11, 8, 10, 9] : [14, 10, 11, 11];
  return {
    newestLast: false,
    title: (shown) =>
      header([
        span(left(titled("lane", shown, lanes.length), address)),
        span(right("nonce", nonce)),
        span(right("in flight", inFlight)),
        span(right("fee gwei", gwei)),
        span(right("cap gwei", gwei)),
        span("  held since"),
      ]),
    rows: lanes.map((lane) => [
      span(left(shortOf(lane.address), address)),
      span(numberCell(lane.nonce, nonce)),
      span(numberCell(lane.inFlight, inFlight)),
      span(right(gweiOf(lane.fee, "-"), gwei)),
      span(right(gweiOf(lane.cap, "none"), gwei)),
      ...heldSpans(lane.hold, columns),
    ]),
  };
}

function jobsOf(jobs: readonly JobView[], columns: number): Section {
  const terms = columns >= 100;
  const width = Math.min(40, Math.max(11, columns - 5 - 4 * NUMBER - (terms ? 24 : 0)));
  return {
    // The newest jobs are those that somebody waits for.
    newestLast: true,
    title: (shown) =>
      header([
        span(left(titled("job", shown, jobs.length), 5 + width)),
        ...["waiting", "moving", "ended", "rows"].map((name) => span(right(name, NUMBER))),
        ...(terms ? [span(right("priority", 10)), span("  tenant")] : []),
      ]),
    rows: jobs.map(({ id, name, counts, tenant, priority }) => [
      span(left(String(id), 5)),
      span(left(name, width)),
      ...[counts.waiting, movingOf(counts), endedOf(counts), counts.rows].map((count) =>
        span(numberCell(count, NUMBER)),
      ),
      ...(terms ? [span(right(priority ?? "-", 10)), span(`  ${quoted(tenant ?? "-")}`)] : []),
    ]),
  };
}

function streamsOf(streams: readonly StreamView[], others: number, columns: number): Section {
  const name = Math.min(32, Math.max(14, columns - 4 * NUMBER - 10));
  return {
    newestLast: false,
    title: (shown) =>
      header([
        span(left(titled("stream", shown, streams.length + others), name)),
        ...["position", "signed to", "lag"].map((column) => span(right(column, NUMBER))),
        span("  held since"),
      ]),
    rows: streams.map((stream) => [
      span(left(stream.name, name)),
      ...[stream.position, stream.signedTo, lagOf(stream)].map((count) => span(numberCell(count, NUMBER))),
      ...heldSpans(stream.hold, columns),
    ]),
  };
}

function eventsOf(events: View["events"]): Section {
  return {
    newestLast: true,
    title: () => [span("last events", "faint")],
    rows: events.map(({ at, text }) => [span(`${timeOf(at)}  `, "faint"), span(quoted(text))]),
  };
}

function heldSpans(hold: HoldView | null, columns: number): Span[] {
  if (hold === null) return [];
  const since = hold.since === null ? "" : ` ${timeOf(hold.since)}`;
  if (columns < DETAILED) return [span(` ${quoted(hold.why)}`, "bad"), span(since)];
  return [span(`  ${quoted(hold.why)}`, "bad"), span(`${since}  ${quoted(hold.detail)}`)];
}

/**
 * A number behind a space. Where it has no room the separators go, then all but the first digits: never is one cut to a
 * smaller one.
 */
function numberCell(count: number, columns: number): string {
  const ways = [grouped(count), String(count), count.toExponential(1)];
  return right(ways.find((text) => text.length < columns) ?? ways[2]!, columns);
}

/** Three decimals, so that the point stays where it is. @param none what stands for null */
function gweiOf(wei: bigint | null, none: string): string {
  if (wei === null) return none;
  const gwei = Number(formatUnits(wei, "gwei"));
  if (wei !== 0n && gwei < 0.001) return "<0.001";
  return gwei < 10_000 ? gwei.toFixed(3) : gwei < 1e8 ? gwei.toFixed(0) : gwei.toExponential(1);
}

/** `0x1234…cdef` */
function shortOf(address: string): string {
  return `${address.slice(0, 6)}…${address.slice(-4)}`;
}

/** HH:MM:SS of UTC. Not how long ago: that would change every second and say nothing new. */
export function timeOf(at: number): string {
  return new Date(at).toISOString().slice(11, 19);
}

/** `45 s`, `6 min`, `3 h 20 min`, `2 d 4 h`: as exact as an estimate can be. */
export function spanText(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 36) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
