import { type BatchState, nextStep } from "../batch.js";
import type { Block, Chain } from "../chain/chain.js";
import type { Registry } from "../chain/registry.js";
import { WaybillError } from "../errors.js";
import { type FeeLimits, MOST_PER_TRANSACTION } from "../fees.js";
import { mannerOf } from "../gas.js";
import { type Hex, ZERO_WORD } from "../hex.js";
import type { Key } from "../key.js";
import { createLane, type Hold, type Lane } from "../lane/lane.js";
import { plan, SAMPLE, sharesFor } from "../planner/planner.js";
import { ETHEREUM_LIMITS, type Limits } from "../planner/split.js";
import type { Counts, Job, Store, StoredBatch } from "../store/store.js";
import { createTracker } from "../tracker/tracker.js";
import { findAppended } from "../verifier/findAppended.js";
import { mismatched } from "../verifier/readBack.js";
import { remembering } from "../verifier/remembering.js";
import { createHeads, tipsOf } from "./heads.js";
import { beside, patience, rest } from "./loop.js";

export type SubmitterOptions = {
  store: Store;
  chain: Chain;
  registry: Registry;
  issuer: Key;
  /** pay gas; one alone fills the blocks, more of them are for pools with few slots, and for one that is held up */
  lanes: readonly Key[];
  fees: FeeLimits;
  /** what differs from Ethereum's */
  limits?: Partial<Omit<Limits, "blockGas">>;
  /** between two looks at the chain, when nothing moves */
  pollMs: number;
  /** how long a sent transaction may be missing before its bytes are handed in again */
  patienceMs: number;
  /** blocks that a transaction is given before it is outbid */
  patienceBlocks?: number;
  /** blocks after which a block is final where the chain has no finality tags */
  finalDepth: number;
  /** how long the node may be silent before `run` gives up; nothing is lost by that */
  outageMs: number;
  /** monotonic, milliseconds */
  clock?: () => number;
  /** of the wall, Unix milliseconds: only says when bytes are handed in again */
  now?: () => number;
};

/** Blocks after which a lane that was held up is tried again, if there is another one. */
const HELD_BLOCKS = 10;

/** Gas that one item needs with room to spare: however dear gas is, a batch holds one. */
const LEAST_GAS = 200_000;

export type Until = "included" | "safe" | "final";

export type Outcome =
  | { kind: "done" }
  | { kind: "interrupted" }
  /** nothing is on its way and no lane can go on by itself within this run */
  | { kind: "held"; hold: Hold };

export type Progress = { counts: Counts; hold: Hold | null };

export type RunOptions = {
  until: Until;
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  /** what a person should know at once: a transaction that somebody else sent with a lane's key */
  onAlert?: (text: string) => void;
};

export type Submitter = {
  /**
   * Drives a job until every item is as far as asked. The loop is the recovery: it makes no difference whether the
   * process ran before (law 9).
   * @throws WaybillError E_NODE if the node is silent for too long, E_CHAIN_ID if it serves another chain,
   *   E_LANE_DELEGATED if a lane's account is delegated to a contract
   */
  run(job: number, options: RunOptions): Promise<Outcome>;
};

export async function createSubmitter(options: SubmitterOptions): Promise<Submitter> {
  const { store, chain, registry } = options;
  const clock = options.clock ?? (() => performance.now());
  const now = options.now ?? Date.now;
  const identity = await store.chain();
  let onAlert: (text: string) => void = () => {};
  const tracker = createTracker({ ...options, elsewhere, sameChain, alert: (text) => onAlert(text), clock });
  const heads = createHeads(chain, options.pollMs, clock);
  const tipAt = tipsOf(chain);

  const lanes = new Map<Hex, Lane>();
  for (const key of options.lanes) await openLane(key.address, key);

  async function openLane(address: Hex, key: Key | null): Promise<void> {
    const token = await store.takeLane(address);
    const { maxFee } = options.fees;
    lanes.set(address, createLane({ ...options, ...options.limits, token, lane: key, maxFee, tipAt }));
  }

  async function elsewhere({ id, job: jobId, position }: StoredBatch, within: { from: number; to: number }) {
    const job = await store.job(jobId);
    if (job === null || job.act === "revoke" || position === null) return null;
    const uids = (await store.items(id)).map((item) => item.uid);
    return findAppended(chain, registry, { ...job, act: job.act, position }, uids, within);
  }

  async function sameChain(): Promise<void> {
    const [chainId, genesis] = await Promise.all([chain.chainId(), chain.block(0)]);
    if (chainId === identity.chainId && (genesis === null || genesis.hash === identity.genesis)) return;
    throw new WaybillError(
      "E_CHAIN_ID",
      `the node serves chain ${chainId} (genesis ${genesis?.hash ?? "unknown"}), and this store holds work for chain ${identity.chainId} (genesis ${identity.genesis})`,
      { mend: "nothing is lost: run again with a node of the right chain" },
    );
  }

  /** Lanes that can sign. What is planned for another one is given up: nothing of it was signed. */
  const signing = () => options.lanes.map((key) => lanes.get(key.address)!);

  /** When a lane last held, by the head's number: one that has nothing to do holds for nothing, and is not free for that. */
  const heldAt = new Map<Hex, number>();

  function isFree(lane: Lane, head: Block): boolean {
    if (lane.hold() !== null) heldAt.set(lane.address, head.number);
    const last = heldAt.get(lane.address);
    return last === undefined || head.number - last >= HELD_BLOCKS;
  }

  /** Where a batch goes: to the lane with the least to do among those that nothing holds up, if there are any. */
  function spread(
    groups: readonly number[][],
    unfinished: Map<Hex, number>,
    head: Block,
  ): Map<Lane, number[][]> {
    const free = signing().filter((lane) => isFree(lane, head));
    const open = free.length > 0 ? free : signing();
    const shares = new Map<Lane, number[][]>();
    for (const group of groups) {
      const least = open.reduce((a, b) =>
        (unfinished.get(b.address) ?? 0) < (unfinished.get(a.address) ?? 0) ? b : a,
      );
      unfinished.set(least.address, (unfinished.get(least.address) ?? 0) + 1);
      shares.set(least, [...(shares.get(least) ?? []), group]);
    }
    return shares;
  }

  async function planTick(job: Job, head: Block): Promise<boolean> {
    const streamLane = job.stream === ZERO_WORD ? null : await laneOf(job);
    streamHold = streamLane?.hold ?? null;
    if (streamHold !== null) return false;
    await giveUpPlans(job, streamLane?.lane ?? null, head);
    // What is planned for another job waits for its own run, and would keep this one from planning for ever.
    const planned = await store.batches(["planned"], job.id);
    const signed = (await store.batches(["signed"])).filter(({ lane }) => lanes.has(lane));
    const behind = await makeWay(job);
    if (behind !== "free") return behind === "gave way";

    const manner = mannerOf(
      job.act,
      options.lanes.some((key) => key.address !== job.attester),
      job.stream,
    );
    const sample = await store.waiting(job.id, SAMPLE);
    if (sample.length === 0) return false;
    const limits = limitsAt(head);
    const shares = sharesFor(manner, sample, limits, planned.length + signed.length);
    if (shares.room === 0) return false;
    const waiting =
      sample.length < SAMPLE ? sample : await store.waiting(job.id, Math.max(SAMPLE, shares.page));
    const more = sample.length === SAMPLE && waiting.length >= shares.page;
    const groups = plan(manner, waiting, limits, shares, more);

    const unfinished = new Map<Hex, number>();
    for (const { lane } of [...planned, ...signed]) unfinished.set(lane, (unfinished.get(lane) ?? 0) + 1);
    const onLanes =
      streamLane?.lane == null ? spread(groups, unfinished, head) : new Map([[streamLane.lane, groups]]);
    for (const [lane, share] of onLanes) await store.assign(lane.token, job.id, share);
    return true;
  }

  /**
   * Takes back what is planned on a lane that cannot sign it, be it that its key is not here, that it is held up while
   * another is free, or that the stream is on another one.
   */
  async function giveUpPlans(job: Job, only: Lane | null, head: Block): Promise<void> {
    const able = only === null ? signing() : [only];
    const free = able.filter((lane) => isFree(lane, head));
    const keep = new Set((free.length > 0 ? free : able).map((lane) => lane.address));
    for (const batch of await store.batches(["planned"], job.id)) {
      if (keep.has(batch.lane)) continue;
      if (!lanes.has(batch.lane)) await openLane(batch.lane, null);
      await lanes.get(batch.lane)!.voidPlanned(batch);
    }
  }

  let streamHold: Hold | null = null;

  /** The lane of a stream: as long as a batch of it is not safe, the one that has it. */
  async function laneOf(job: Job): Promise<{ lane: Lane; hold: null } | { lane: null; hold: Hold }> {
    const address = (await store.streamLane(job.attester, job.stream)) ?? (await plannedLane(job));
    const lane = signing().find((one) => one.address === address);
    if (lane !== undefined) return { lane, hold: null };
    if (address === null) return { lane: lanes.get(options.lanes[0]!.address)!, hold: null };
    const detail = `the stream is on lane ${address}, whose key is not here, until its batches are safe`;
    return { lane: null, hold: { why: "stream", detail, since: streamHold?.since ?? Date.now() } };
  }

  async function plannedLane(job: Job): Promise<Hex | null> {
    const planned = await store.batches(["planned"], job.id);
    return planned.find(({ lane }) => signing().some((one) => one.address === lane))?.lane ?? null;
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
        await lanes.get(ahead.lane)?.voidPlanned(ahead);
        if (found === "free") found = "gave way";
      } else {
        found = "waits";
      }
    }
    return found;
  }

  /** Reads back what is final. On its own beside all else: a batch that is read slows none that is sent. */
  async function verifyTick(job: Job, head: Block): Promise<void> {
    const asked = remembering(chain, head);
    let failure: { error: unknown } | null = null;
    for (const { id, position, batch } of await store.batches(["final"], job.id)) {
      if (batch.state !== "final") continue;
      try {
        const items = await store.items(id);
        const landed = { ...job, position, inclusion: batch.inclusion };
        await store.verified(id, await mismatched(asked, registry, landed, items));
      } catch (error) {
        // One that cannot be read now keeps no other from being read.
        failure ??= { error };
      }
    }
    if (failure !== null) throw failure.error;
  }

  /** Lanes of earlier runs whose keys are not here: their bytes are handed in all the same. */
  async function openOthers(): Promise<void> {
    for (const { lane } of await store.unmined()) if (!lanes.has(lane)) await openLane(lane, null);
  }

  async function laneTicks(job: Job, head: Block, signal: AbortSignal | undefined): Promise<boolean> {
    await openOthers();
    const moved = await Promise.allSettled([...lanes.values()].map((lane) => lane.tick(job, head, signal)));
    // All of them have come to rest before an error of one is told.
    for (const one of moved) if (one.status === "rejected") throw one.reason;
    return moved.some((one) => one.status === "fulfilled" && one.value);
  }

  /** What one has to be told of: what a lane with work cannot get over by itself goes before what it can. */
  function holdOf(): Hold | null {
    const holds = [...lanes.values()].flatMap((lane) => lane.hold() ?? []);
    if (streamHold !== null) holds.push(streamHold);
    return holds.find((hold) => !waitsItself(hold)) ?? holds[0] ?? null;
  }

  /** Batches are as large as the chain takes, and when gas is dear no larger than what nodes take at twice its price. */
  function limitsAt(head: Block): Limits {
    const known = { ...ETHEREUM_LIMITS, ...options.limits };
    const affordable =
      head.baseFee === 0n ? MOST_PER_TRANSACTION : MOST_PER_TRANSACTION / (3n * head.baseFee);
    const taken = signing().map((lane) => lane.taken());
    const most = Math.min(...taken.map((one) => one.transactionGas));
    const transactionGas = Math.min(most, Math.max(LEAST_GAS, Number(affordable)));
    const transactionBytes = Math.min(...taken.map((one) => one.transactionBytes));
    return { ...known, transactionGas, transactionBytes, blockGas: Number(head.gasLimit) };
  }

  /** Batches that move without us: what is handed in and not yet missed, and what is in a block. */
  async function onItsWay(job: Job): Promise<number> {
    const states: BatchState[] = ["signed", "included", "safe", "final"];
    const batches = await store.batches(states, job.id);
    return batches.filter(({ batch }) => nextStep(batch, now(), options.patienceMs) !== "send").length;
  }

  async function drive(
    id: number,
    { until, signal, onProgress, onAlert: alert }: RunOptions,
  ): Promise<Outcome> {
    const node = patience(clock, options.outageMs);
    const reading = patience(clock, options.outageMs);
    let allowed = false;
    const job = await store.job(id);
    if (job === null) throw new Error(`there is no job ${id}`);
    onAlert = alert ?? (() => {});
    await store.setBudget(id, options.fees.budget);
    const verifying = beside((head: Block) => verifyTick(job, head));
    try {
      for (;;) {
        let moved = false;
        const read = verifying.look();
        if (read !== null && "error" in read) reading.fails(read.error);
        else if (read !== null) reading.works();
        try {
          for (const key of allowed ? [] : options.lanes) await refuseDelegated(chain, key);
          allowed = true;
          const head = await heads.newest();
          // What is on the chain first: it may make the rest needless.
          moved = await tracker.tick(head);
          moved = (read !== null && !("error" in read)) || moved;
          if (read === null && head !== null && (await store.batches(["final"], job.id)).length > 0)
            verifying.begin(head);
          // Stopped: nothing new is begun, and what is on its way is seen by the next run.
          if (signal?.aborted !== true && head !== null) {
            moved = (await planTick(job, head)) || moved;
            moved = (await laneTicks(job, head, signal)) || moved;
          }
          if (head === null) node.fails(noHead());
          else node.works();
        } catch (error) {
          node.fails(error);
        }
        const counts = await store.counts(job.id);
        const hold = holdOf();
        onProgress?.({ counts, hold });
        if (isDone(counts, until)) return { kind: "done" };
        if (signal?.aborted === true) return { kind: "interrupted" };
        if (!moved && hold !== null && !waitsItself(hold) && (await onItsWay(job)) === 0) {
          return { kind: "held", hold };
        }
        if (!moved) await rest(heads.wait(), signal, verifying.running());
      }
    } finally {
      await verifying.running();
    }
  }

  let running = false;

  return {
    async run(id, how) {
      if (running) throw new Error("one submitter runs one job at a time");
      running = true;
      try {
        return await drive(id, how);
      } finally {
        running = false;
      }
    },
  };
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

function noHead(): WaybillError {
  return new WaybillError("E_NODE", "no newest block is known: the node has none, or the nodes disagree", {
    mend: "run again later or with another node; nothing is lost",
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
