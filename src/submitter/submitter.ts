import { type BatchState, nextStep } from "../batch.js";
import type { Block, Chain } from "../chain/chain.js";
import type { Registry } from "../chain/registry.js";
import { RpcError, WaybillError } from "../errors.js";
import { type FeeLimits, MOST_PER_TRANSACTION } from "../fees.js";
import { mannerOf } from "../gas.js";
import { ZERO_WORD } from "../hex.js";
import type { Key } from "../key.js";
import { createLane, type Hold } from "../lane/lane.js";
import { pageFor, plan, roomFor } from "../planner/planner.js";
import { ETHEREUM_LIMITS, type Limits } from "../planner/split.js";
import type { Counts, Job, Store, StoredBatch } from "../store/store.js";
import { createTracker } from "../tracker/tracker.js";
import { findAppended } from "../verifier/findAppended.js";
import { mismatched } from "../verifier/readBack.js";

export type SubmitterOptions = {
  store: Store;
  chain: Chain;
  registry: Registry;
  issuer: Key;
  lane: Key;
  fees: FeeLimits;
  /** between two looks at the chain, when nothing moves */
  pollMs: number;
  /** how long a sent transaction may be missing before its bytes are handed in again */
  patienceMs: number;
  /** blocks after which a block is final where the chain has no finality tags */
  finalDepth: number;
  /** how long the node may be silent before `run` gives up; nothing is lost by that */
  outageMs: number;
};

/** Gas that one item needs with room to spare: however dear gas is, a batch holds one. */
const LEAST_GAS = 200_000;

export type Until = "included" | "safe" | "final";

export type Outcome =
  | { kind: "done" }
  | { kind: "interrupted" }
  /** nothing is on its way and the lane cannot go on by itself within this run */
  | { kind: "held"; hold: Hold };

export type Progress = { counts: Counts; hold: Hold | null };

export type Submitter = {
  /**
   * Drives a job until every item is as far as asked. The loop is the recovery: it makes no difference whether the
   * process ran before (law 9).
   * @throws WaybillError E_NODE if the node is silent for too long
   */
  run(
    job: number,
    options: { until: Until; signal?: AbortSignal; onProgress?: (progress: Progress) => void },
  ): Promise<Outcome>;
};

export async function createSubmitter(options: SubmitterOptions): Promise<Submitter> {
  const { store, chain, registry } = options;
  await refuseDelegated(chain, options.lane);
  const token = await store.takeLane(options.lane.address);
  const lane = createLane({ ...options, token, limits: options.fees });
  const tracker = createTracker({ ...options, elsewhere });
  const signed = options.issuer.address !== options.lane.address;

  async function elsewhere({ id, job: jobId, position, batch }: StoredBatch) {
    const job = await store.job(jobId);
    if (job === null || job.act === "revoke" || position === null || !("inclusion" in batch)) return null;
    const uids = (await store.items(id)).map((item) => item.uid);
    return findAppended(chain, registry, { ...job, act: job.act, position }, uids, batch.inclusion.block);
  }

  async function planTick(job: Job): Promise<boolean> {
    await lane.voidOthers(job);
    // What is planned for another job waits for its own run, and would keep this one from planning for ever.
    const planned = await store.batches(["planned"], job.id);
    const signedHere = (await store.batches(["signed"])).filter((batch) => batch.lane === token.lane);
    const unfinished = planned.length + signedHere.length;
    const head = await chain.block("latest");
    if (head === null) return false;
    const behind = await makeWay(job);
    if (behind !== "free") return behind === "gave way";
    const limits = limitsAt(head);
    const room = roomFor(limits, unfinished);
    if (room === 0) return false;
    const waiting = await store.waiting(job.id, pageFor(limits, job.act, room));
    if (waiting.length === 0) return false;
    const manner = mannerOf(job.act, signed, job.stream);
    await store.assign(token, job.id, plan(manner, waiting, limits, room));
    return true;
  }

  /**
   * In a stream, what waits goes before what comes after it in the input. If a batch has failed, those behind it fail
   * too, for the stream has not come to where they begin: what is signed is waited for, what is planned gives way.
   * @throws WaybillError E_STREAM_ORDER if one behind it has landed all the same: somebody else has filled the gap
   */
  async function makeWay(job: Job): Promise<"free" | "gave way" | "waits"> {
    if (job.stream === ZERO_WORD) return "free";
    // Only these give items back: without one, what waits is the end of the input, and all items need not be looked at.
    if ((await store.batches(["voided", "reverted", "stolen"], job.id)).length === 0) return "free";
    let found: "free" | "gave way" | "waits" = "free";
    for (const ahead of await store.aheadOfWaiting(job.id)) {
      const { batch } = ahead;
      if ("inclusion" in batch && batch.inclusion.succeeded) {
        throw new WaybillError(
          "E_STREAM_ORDER",
          `somebody else has appended to the stream where rows of ${job.name} were meant to be, and later rows came after that`,
          {
            mend: "the rows that wait can no longer be in order here: put them into a stream of another name",
          },
        );
      }
      if (batch.state === "planned") {
        await lane.voidPlanned(ahead);
        if (found === "free") found = "gave way";
      } else {
        found = "waits";
      }
    }
    return found;
  }

  async function verifyTick(job: Job): Promise<boolean> {
    let moved = false;
    for (const { id, position, batch } of await store.batches(["final"], job.id)) {
      if (batch.state !== "final") continue;
      const items = await store.items(id);
      const landed = { ...job, position, inclusion: batch.inclusion };
      await store.verified(id, await mismatched(chain, registry, landed, items));
      moved = true;
    }
    return moved;
  }

  /** Batches that move without us: what is handed in and not yet missed, and what is in a block. */
  async function onItsWay(job: Job): Promise<number> {
    const states: BatchState[] = ["signed", "included", "safe", "final"];
    const batches = await store.batches(states, job.id);
    return batches.filter(({ batch }) => nextStep(batch, Date.now(), options.patienceMs) !== "send").length;
  }

  return {
    async run(id, { until, signal, onProgress }) {
      const job = await store.job(id);
      if (job === null) throw new Error(`there is no job ${id}`);
      let silentSince: number | null = null;
      for (;;) {
        let moved = false;
        try {
          // What is on the chain first: it may make the rest needless.
          moved = await tracker.tick();
          moved = (await verifyTick(job)) || moved;
          // Stopped: nothing new is begun, and what is on its way is seen by the next run.
          if (signal?.aborted !== true) {
            moved = (await planTick(job)) || moved;
            moved = (await lane.tick(job)) || moved;
          }
          silentSince = null;
        } catch (error) {
          const silence = silenceOf(error);
          silentSince ??= performance.now();
          if (performance.now() - silentSince > options.outageMs) throw silence;
        }
        const counts = await store.counts(job.id);
        const hold = lane.hold();
        onProgress?.({ counts, hold });
        if (isDone(counts, until)) return { kind: "done" };
        if (signal?.aborted === true) return { kind: "interrupted" };
        if (hold !== null && !waitsItself(hold) && (await onItsWay(job)) === 0) {
          return { kind: "held", hold };
        }
        if (!moved) await pause(options.pollMs, signal);
      }
    },
  };
}

/** Batches are as large as the chain takes, and when gas is dear no larger than what nodes take at twice its price. */
function limitsAt(head: Block): Limits {
  const affordable = head.baseFee === 0n ? MOST_PER_TRANSACTION : MOST_PER_TRANSACTION / (3n * head.baseFee);
  const transactionGas = Math.max(LEAST_GAS, Math.min(ETHEREUM_LIMITS.transactionGas, Number(affordable)));
  return { ...ETHEREUM_LIMITS, transactionGas, blockGas: Number(head.gasLimit) };
}

/** Whether every item that can get there is as far as asked. */
export function isDone(counts: Counts, until: Until): boolean {
  if (counts.waiting > 0 || counts.assigned > 0) return false;
  if (until === "included") return true;
  return counts.included === 0 && (until === "safe" || (counts.safe === 0 && counts.final === 0));
}

/** A fee falls, a node comes back, a nonce gets filled; a budget, a balance or a refusal needs a person. */
function waitsItself(hold: Hold): boolean {
  return ["fee", "node", "nonce", "stream"].includes(hold.why);
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

/** An account under EIP-7702 may keep one transaction in a pool, and its code may move its nonce. */
async function refuseDelegated(chain: Chain, lane: Key): Promise<void> {
  if (!(await chain.code(lane.address)).startsWith("0xef0100")) return;
  throw new WaybillError(
    "E_LANE_DELEGATED",
    `the lane ${lane.address} is delegated to a contract (EIP-7702)`,
    {
      mend: "use an account without code to pay for gas",
    },
  );
}

/** Ends early if aborted. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
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
