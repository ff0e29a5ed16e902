import { pause } from "../../submitter/loop.js";
import { plain, type Result } from "../output.js";
import { type CommonOptions, openStoreToRead, stopSignal } from "../session.js";
import { linesOf } from "../view/changes.js";
import { createWatcher } from "../view/look.js";
import { render } from "../view/render.js";
import { openScreen, processTerminal } from "../view/screen.js";
import { endedOf, type View } from "../view/view.js";

export type WatchOptions = CommonOptions & { untilDone?: boolean };

/** Between two looks; what is written lands a block at a time anyway. */
const PERIOD_MS = 500;

/** A look may take this much of a processor's time, however much there is to look at. */
const SHARE = 0.1;

/**
 * Shows where all stands until it is stopped: on the whole screen of a terminal, else a line for each change. Reads the
 * store that another process writes, and needs neither a node nor a key.
 */
export async function watch(options: WatchOptions): Promise<Result> {
  const store = openStoreToRead(options);
  const ended = new AbortController();
  const signal = AbortSignal.any([stopSignal(), ended.signal]);
  const watcher = createWatcher(store);
  const isTerminal = process.stdout.isTTY === true && options.json !== true;
  let view: View = await watcher.look(Date.now());
  const show = isTerminal
    ? onScreen(
        () => view,
        () => ended.abort(),
      )
    : asLines(options.json === true);
  let costMs = 0;
  try {
    for (;;) {
      await show.view(view);
      if (options.untilDone === true && isDone(view)) break;
      await pause(Math.max(PERIOD_MS, costMs / SHARE), signal);
      if (signal.aborted) break;
      const before = process.cpuUsage();
      view = await watcher.look(Date.now());
      const { user, system } = process.cpuUsage(before);
      costMs = (user + system) / 1000;
    }
  } finally {
    show.end();
    await store.close();
  }
  const exit = isDone(view) ? 0 : 3;
  return { text: "", data: undefined, exit };
}

function isDone({ items, jobs }: View): boolean {
  return jobs.every(({ counts }) => endedOf(counts) === counts.rows) && endedOf(items) === items.rows;
}

/** The terminal is given back whatever happens, also to a process that ends in the middle. */
function onScreen(current: () => View, end: () => void) {
  const colour = process.env.NO_COLOR === undefined || process.env.NO_COLOR === "";
  const screen = openScreen(processTerminal(), (size) => render(current(), { ...size, colour }), end);
  process.on("exit", screen.close);
  return {
    view: async () => screen.show(),
    end() {
      screen.close();
      process.off("exit", screen.close);
    },
  };
}

function asLines(json: boolean) {
  let previous: View | null = null;
  return {
    async view(view: View) {
      const lines = json ? jsonLines(view, previous) : linesOf(view, previous);
      previous = view;
      for (const line of lines) await print(json ? line : plain(line));
    },
    end() {},
  };
}

/** A view as one line of JSON, if any of what is said in lines has changed. */
function jsonLines(view: View, previous: View | null): string[] {
  if (linesOf(view, previous).length === 0) return [];
  return [
    JSON.stringify(view, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value)),
  ];
}

function print(line: string): Promise<void> {
  return new Promise((resolve) => void process.stdout.write(`${line}\n`, () => resolve()));
}
