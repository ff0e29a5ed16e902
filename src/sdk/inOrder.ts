/** Calls that are under way at a time: enough that they share a write, and few enough to be in memory. */
const AHEAD = 1_000;

type Settled<T> = { value: T } | { error: unknown };

/**
 * Hands what an iterator brings to a call, many at a time, and gives the answers in its order. The iterator is asked for no
 * more while so many are unanswered. What fails ends all: those behind it are aborted, and the iterator is closed.
 */
export async function* inOrder<T, A>(
  source: AsyncIterable<T> | Iterable<T>,
  call: (one: T, ended: AbortSignal) => Promise<A>,
  signal: AbortSignal | undefined,
): AsyncGenerator<A> {
  const ended = new AbortController();
  // By hand and not by Promise.race: what waits long would hold on to every race that it was in.
  let wake = () => {};
  const stop = () => {
    ended.abort(signal!.reason);
    wake();
  };
  if (signal?.aborted === true) stop();
  signal?.addEventListener("abort", stop, { once: true });
  const track = <R>(promise: Promise<R>): { settled: Settled<R> | null } => {
    const tracked: { settled: Settled<R> | null } = { settled: null };
    const settle = (settled: Settled<R>) => {
      tracked.settled = settled;
      wake();
    };
    promise.then(
      (value) => settle({ value }),
      (error: unknown) => settle({ error }),
    );
    return tracked;
  };
  const iterator =
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  const answers: { settled: Settled<A> | null }[] = [];
  let next: { settled: Settled<IteratorResult<T>> | null } | null = null;
  let more = true;
  try {
    while (more || answers.length > 0) {
      ended.signal.throwIfAborted();
      const first = answers[0]?.settled ?? null;
      if (first !== null) {
        answers.shift();
        yield valueOf(first);
      } else if (next?.settled != null) {
        const brought: IteratorResult<T> = valueOf(next.settled);
        next = null;
        if (brought.done === true) more = false;
        else answers.push(track(call(brought.value, ended.signal)));
      } else if (more && next === null && answers.length < AHEAD) {
        next = track(Promise.resolve(iterator.next()));
      } else {
        await new Promise<void>((resolve) => (wake = resolve));
      }
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    ended.abort(signal?.reason ?? new Error("nobody listens any more"));
    if (more) void iterator.return?.();
  }
}

function valueOf<T>(settled: Settled<T>): T {
  if ("error" in settled) throw settled.error;
  return settled.value;
}
