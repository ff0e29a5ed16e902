import { RpcError, WaybillError } from "../errors.js";

/** Runs work beside a loop, one at a time. */
export function beside<T>(work: (of: T) => Promise<void>) {
  let running: Promise<void> | null = null;
  let ended: { error: unknown } | Record<string, never> | null = null;
  return {
    /** what has ended since it was last asked for */
    look(): { error: unknown } | Record<string, never> | null {
      const last = ended;
      ended = null;
      return last;
    },
    begin(of: T): void {
      running ??= work(of)
        .then(
          () => void (ended = {}),
          (error: unknown) => void (ended = { error }),
        )
        .finally(() => (running = null));
    },
    /** null if nothing runs */
    running: () => running,
  };
}

/** Bears what a node fails to say, for as long as that may last without anything said in between. */
export function patience(clock: () => number, outageMs: number) {
  let since: number | null = null;
  return {
    works: () => void (since = null),
    /** @throws what was thrown, if it is no silence, or has lasted too long */
    fails(error: unknown): void {
      const silence = silenceOf(error);
      since ??= clock();
      if (clock() - since > outageMs) throw silence;
    },
  };
}

/**
 * A node that refuses a question (a limit passed, a state that it no longer keeps) is for the time being as good as
 * silent. @throws any other error
 */
function silenceOf(error: unknown): WaybillError {
  if (error instanceof WaybillError && error.code === "E_NODE") return error;
  if (!(error instanceof RpcError)) throw error;
  return new WaybillError("E_NODE", `the node refuses a question: ${error.message}`, {
    mend: "run again later or with another node; nothing is lost",
    cause: error,
  });
}

/** Ends early with any signal, or with what runs beside. */
export async function rest(
  ms: number,
  signals: readonly (AbortSignal | undefined)[],
  beside: Promise<void> | null,
): Promise<void> {
  const ended = new AbortController();
  const stop = () => ended.abort();
  for (const signal of signals) {
    if (signal?.aborted === true) stop();
    else signal?.addEventListener("abort", stop);
  }
  void beside?.then(stop);
  await pause(ms, ended.signal);
  for (const signal of signals) signal?.removeEventListener("abort", stop);
}

/** Ends early if aborted. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
  });
}

/** Wakes whoever waits, also who only begins to when there was something already. */
export function nudger(): { nudge: () => void; next: () => AbortSignal } {
  let next = new AbortController();
  return {
    nudge: () => next.abort(),
    next() {
      const { signal } = next;
      if (signal.aborted) next = new AbortController();
      return signal;
    },
  };
}
