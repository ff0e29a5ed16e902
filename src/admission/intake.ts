import type { Hex } from "../hex.js";
import { WaybillError } from "../errors.js";
import type { Admitted, AdmittedRow, Store } from "../store/store.js";
import { PAGE, PAGE_BYTES } from "./admit.js";
import type { Door } from "./door.js";
import type { Statement } from "./statement.js";

/** `ordinal`: place in the flow, from 0; `duplicate`: the row that it repeats, which is the one that is issued */
export type Acknowledgement = {
  uid: Hex;
  ordinal: number;
  duplicate: { job: number; line: number } | null;
};

export type Intake = {
  /**
   * Stores a statement and says so: when this resolves, it is on the disk (law 1). It waits while the door holds.
   * @param signal aborted while it waits, nothing of it is admitted, and its reason is thrown
   */
  put(statement: Statement, signal?: AbortSignal): Promise<Acknowledgement>;
  /** Lets in nothing more: what waits is refused with this reason, and what is being stored is waited for. */
  close(reason: unknown): Promise<void>;
};

type Waiting = {
  statement: Statement;
  resolve: (said: Acknowledgement) => void;
  reject: (reason: unknown) => void;
};

/**
 * Admission one by one: in the order in which they come, and whatever comes while the disk writes goes with the next
 * write, for a sync takes as long for one as for a thousand.
 * @param stored told after each write
 */
export function createIntake(
  store: Pick<Store, "admit">,
  job: { id: number; rows: number },
  door: Door,
  stored: (admitted: Admitted) => void,
): Intake {
  let queue: Waiting[] = [];
  let rows = job.rows;
  const closing = new AbortController();
  let pumping: Promise<void> | null = null;

  async function pump(): Promise<void> {
    // Whatever is put in the same breath is stored together.
    await Promise.resolve();
    try {
      while (queue.length > 0) {
        await door.opened(closing.signal);
        await write(take());
      }
    } catch (error) {
      if (!closing.signal.aborted) throw error;
    } finally {
      // At once: what is put from now on begins another one.
      pumping = null;
    }
  }

  /** As many as there is room for, and as one write takes. */
  function take(): Waiting[] {
    const most = Math.min(door.room(), PAGE);
    let count = 0;
    for (let bytes = 0; count < Math.min(most, queue.length) && bytes < PAGE_BYTES; count += 1)
      bytes += queue[count]!.statement.size.bytes;
    const page = queue.slice(0, count);
    queue = queue.slice(count);
    return page;
  }

  async function write(page: readonly Waiting[]): Promise<void> {
    if (page.length === 0) return;
    door.enter(page.map(({ statement }) => statement.size));
    try {
      const admitted = await store.admit(
        job.id,
        page.map(({ statement }, index): AdmittedRow => ({
          kind: "item",
          line: rows + index + 1,
          ...statement,
        })),
      );
      rows = admitted.first + page.length;
      page.forEach(({ statement: { uid }, resolve }, index) =>
        resolve({
          uid,
          ordinal: admitted.first + index,
          duplicate: admitted.duplicates.get(index) ?? null,
        }),
      );
      stored(admitted);
    } catch (error) {
      door.leave(page.length);
      const isOfOne = error instanceof WaybillError && error.code === "E_STORE_ADMITTING";
      // Whoever is with it in a write has nothing to do with it.
      if (isOfOne && page.length > 1) for (const one of page) await write([one]);
      else for (const one of page) one.reject(error);
    }
  }

  return {
    put(statement, signal) {
      if (closing.signal.aborted) return Promise.reject(closing.signal.reason as Error);
      if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
      return new Promise((resolve, reject) => {
        const stop = () => {
          // Not in the queue any more: it is being stored, and is said to be when it is.
          if (!queue.includes(one)) return;
          queue = queue.filter((other) => other !== one);
          one.reject(signal!.reason);
        };
        const done = () => signal?.removeEventListener("abort", stop);
        const one: Waiting = {
          statement,
          resolve: (said) => (done(), resolve(said)),
          reject: (reason) => (done(), reject(reason as Error)),
        };
        queue.push(one);
        signal?.addEventListener("abort", stop, { once: true });
        pumping ??= pump();
      });
    },
    async close(reason) {
      closing.abort(reason);
      const refused = queue;
      queue = [];
      for (const one of refused) one.reject(reason);
      await pumping;
    },
  };
}
