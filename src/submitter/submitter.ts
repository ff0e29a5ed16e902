import { type BatchState, nextStep } from "../batch.js";
import type { Block, Chain } from "../chain/chain.js";
import { l1FeesOf } from "../chain/l1Fee.js";
import type { Registry } from "../chain/registry.js";
import type { Door } from "../admission/door.js";
import type { Pressure } from "../admission/gate.js";
import { WaybillError } from "../errors.js";
import { MOST_PER_TRANSACTION } from "../fees.js";
import { mannerOf } from "../gas.js";
import { type Hex, ZERO_WORD } from "../hex.js";
import type { Key } from "../key.js";
import { createLane, type Hold, type Lane } from "../lane/lane.js";
import { itemsPerBlock } from "../planner/planner.js";
import { ETHEREUM_LIMITS, type Limits } from "../planner/split.js";
import type { Counts, Job, Store, StoredBatch } from "../store/store.js";
import { createTracker } from "../tracker/tracker.js";
import { findAppended } from "../verifier/findAppended.js";
import { mismatched } from "../verifier/readBack.js";
import { remembering } from "../verifier/remembering.js";
import { createHeads, tipsOf } from "./heads.js";
import { isSigned } from "./drafting.js";
import { beside, patience, rest } from "./loop.js";
import { createPacing } from "./pacing.js";
import { createPlanning } from "./planning.js";

export type SubmitterOptions = {
  store: Store;
  chain: Chain;
  registry: Registry;
  issuer: Key;
  /** pay gas; one alone fills the blocks, more of them are for pools with few slots, and for one that is held up */
  lanes: readonly Key[];
  /** what differs from Ethereum's */
  limits?: Partial<Omit<Limits, "blockGas">>;
  /** between two looks at the chain, when nothing moves */
  pollMs: number;
  /** how long a sent transaction may be missing before its bytes are handed in again */
  patienceMs: number;
  /** blocks that a transaction is given before it is outbid */
  patienceBlocks?: number;
  /** transactions that a pool surely keeps of one account */
  slots?: number;
  /** how long what fills less than half a transaction waits for more of a job that flows; 0 for not at all */
  lingerMs?: number;
  /** blocks after which a block is final where the chain has no finality tags */
  finalDepth: number;
  /** how long the node may be silent before `run` gives up; nothing is lost by that */
  outageMs: number;
  /** monotonic, milliseconds */
  clock?: () => number;
  /** of the wall, Unix milliseconds: only says when bytes are handed in again */
  now?: () => number;
};

/** Items that are in memory at once while batches are read back; one batch may have more. */
const READ_TOGETHER = 1_000;

/** Gas that one item needs with room to spare: however dear gas is, a batch holds one. */
const LEAST_GAS = 200_000;

export type Until = "included" | "safe" | "final";

export type Outcome =
  | { kind: "done" }
  | { kind: "interrupted" }
  /** nothing is on its way and no lane can go on by itself within this run */
  | { kind: "held"; hold: Hold };

/** `counts`: of all jobs together; `head`: null before the first; `lanes`: those of this run and of earlier ones */
export type Progress = {
  counts: Counts;
  hold: Hold | null;
  jobs: { job: number; counts: Counts }[];
  head: Block | null;
  /** of each flow that rows still come to */
  pressures: Pressure[];
  lanes: LaneProgress[];
};

/** `hold`: its own, or else of the first of its jobs that holds; `isHeld`: it is its own; `heldJobs`: on this lane */
export type LaneProgress = { address: Hex; hold: Hold | null; isHeld: boolean; heldJobs: number[] };

export type RunOptions = {
  until: Until;
  signal?: AbortSignal;
  /** after each turn; a promise is waited for */
  onProgress?: (progress: Progress) => unknown;
  /** what a person should know at once: a transaction that somebody else sent with a lane's key */
  onAlert?: (text: string) => void;
  /** of each wait: aborted when there is something new to do, such as a row of a job that flows */
  nudge?: () => AbortSignal;
  /**
   * Of the jobs that rows still come to from here: how much may be in front of the chain. Another job that is still
   * admitting is driven as far as it has come, and not waited for.
   */
  doors?: ReadonlyMap<number, Door>;
  /** Never ends for what needs a person, as a program that runs for ever does; else it does once no more can come in. */
  outlivesHolds?: boolean;
};

export type Submitter = {
  /**
   * Drives jobs until every item of each is as far as asked; they share what blocks have room for. The loop is the
   * recovery: it makes no difference whether the process ran before (law 9).
   * @param jobs a function is asked at each turn: jobs may join
   * @throws WaybillError E_NODE if the node is silent for too long, E_CHAIN_ID if it serves another chain,
   *   E_LANE_DELEGATED if a lane's account is delegated to a contract
   */
  run(jobs: number | readonly number[] | (() => readonly number[]), options: RunOptions): Promise<Outcome>;
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
  const l1Fee = l1FeesOf(chain);

  const lanes = new Map<Hex, Lane>();
  for (const key of options.lanes) await openLane(key.address, key);

  async function openLane(address: Hex, key: Key | null): Promise<void> {
    const token = await store.takeLane(address);
    lanes.set(address, createLane({ ...options, ...options.limits, token, lane: key, tipAt, l1Fee }));
  }

  async function elsewhere(batch: StoredBatch, within: { from: number; to: number }) {
    const { id, job: jobId, stream, position } = batch;
    const job = await store.job(jobId);
    if (job === null || job.act === "revoke" || position === null) return null;
    const uids = (await store.items(id)).map((item) => item.uid);
    return findAppended(chain, registry, { ...job, act: job.act, stream, position }, uids, within);
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

  const planning = createPlanning({
    store,
    signing,
    laneAt: async (address) => {
      if (!lanes.has(address)) await openLane(address, null);
      return lanes.get(address)!;
    },
    limitsAt,
    lingerMs: options.lingerMs ?? 0,
    clock,
    pacing: createPacing(chain),
  });

  /** Reads back what is final. On its own beside all else: a batch that is read slows none that is sent. */
  async function verifyTick({ head, batches }: { head: Block; batches: readonly Final[] }): Promise<void> {
    const asked = remembering(chain, head);
    const gathering = registry.gathering();
    const failures: unknown[] = [];
    async function readBack({ id, job, stream, position, batch }: Final): Promise<void> {
      if (batch.state !== "final") return;
      try {
        const items = await store.items(id);
        const landed = { ...job, stream, position, inclusion: batch.inclusion };
        await store.verified(id, await mismatched(asked, gathering, landed, items));
      } catch (error) {
        // One that cannot be read now keeps no other from being read.
        failures.push(error);
      }
    }
    // Small ones together: what they ask is asked at once.
    let some: Promise<void>[] = [];
    let items = 0;
    for (const batch of batches) {
      if (some.length > 0 && items + batch.count > READ_TOGETHER) {
        await Promise.all(some);
        [some, items] = [[], 0];
      }
      some.push(readBack(batch));
      items += batch.count;
    }
    await Promise.all(some);
    if (failures.length > 0) throw failures[0];
  }

  /** Lanes of earlier runs whose keys are not here: their bytes are handed in all the same. */
  async function openOthers(): Promise<void> {
    for (const { lane } of await store.unmined()) if (!lanes.has(lane)) await openLane(lane, null);
  }

  async function laneTicks(
    jobs: readonly Job[],
    head: Block,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    await openOthers();
    const moved = await Promise.allSettled([...lanes.values()].map((lane) => lane.tick(jobs, head, signal)));
    // All of them have come to rest before an error of one is told.
    for (const one of moved) if (one.status === "rejected") throw one.reason;
    return moved.some((one) => one.status === "fulfilled" && one.value);
  }

  /** What one has to be told of: what a lane with work cannot get over by itself goes before what it can. */
  function holdOf(jobs: readonly Job[]): Hold | null {
    const named = (job: Job, hold: Hold): Hold =>
      jobs.length === 1 ? hold : { ...hold, detail: `job ${job.id}, ${job.name}: ${hold.detail}` };
    const holds: Hold[] = [];
    for (const lane of lanes.values()) {
      const own = lane.hold();
      const held = [...lane.heldJobs()].flatMap(([id, hold]) => {
        const job = jobs.find((one) => one.id === id);
        return job === undefined ? [] : [named(job, hold)];
      });
      if (own !== null && (lane.isHeld() || held.length === 0)) holds.push(own);
      holds.push(...held);
    }
    for (const job of jobs) {
      const hold = planning.hold(job.id);
      if (hold !== null) holds.push(named(job, hold));
    }
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
  async function onItsWay(jobs: readonly Job[]): Promise<number> {
    const states: BatchState[] = ["signed", "included", "safe", "final"];
    let count = 0;
    for (const { id } of jobs) {
      const batches = await store.batches(states, id);
      count += batches.filter(({ batch }) => nextStep(batch, now(), options.patienceMs) !== "send").length;
    }
    return count;
  }

  async function finalOf(jobs: readonly Job[]): Promise<Final[]> {
    const final: Final[] = [];
    for (const job of jobs)
      for (const batch of await store.batches(["final"], job.id)) final.push({ ...batch, job });
    return final;
  }

  /** Tells a flow's door what is in front of the chain, and how much of that a block has room for. */
  function measure(job: Job, door: Door, counts: Counts, head: Block): void {
    const manner = mannerOf(job.act, isSigned(job.attester, signing()), ZERO_WORD);
    const { rows, waiting, assigned } = counts;
    const perBlock = itemsPerBlock(manner, door.sample(), limitsAt(head));
    door.measured({ head: head.number, rows, waiting, assigned, perBlock });
  }

  async function drive(idsNow: () => readonly number[], how: RunOptions): Promise<Outcome> {
    const { until, signal, onProgress, doors } = how;
    const node = patience(clock, options.outageMs);
    const reading = patience(clock, options.outageMs);
    let allowed = false;
    let head: Block | null = null;
    onAlert = how.onAlert ?? (() => {});
    // What a person has mended since is tried again.
    for (const id of idsNow()) await store.retry(id);
    const verifying = beside(verifyTick);
    try {
      for (;;) {
        // What flows gets more rows while it runs, and a job's terms may be set anew.
        const jobs = await jobsOf(idsNow());
        let moved = false;
        const read = verifying.look();
        if (read !== null && "error" in read) reading.fails(read.error);
        else if (read !== null) reading.works();
        try {
          for (const key of allowed ? [] : options.lanes) await refuseDelegated(chain, key);
          allowed = true;
          head = await heads.newest();
          // What is on the chain first: it may make the rest needless.
          moved = await tracker.tick(head);
          moved = (read !== null && !("error" in read)) || moved;
          const batches = read === null && head !== null ? await finalOf(jobs) : [];
          if (head !== null && batches.length > 0) verifying.begin({ head, batches });
          // Stopped: nothing new is begun, and what is on its way is seen by the next run.
          if (signal?.aborted !== true && head !== null) {
            moved = (await planning.tick(jobs, head)) || moved;
            moved = (await laneTicks(jobs, head, signal)) || moved;
          }
          if (head === null) node.fails(noHead());
          else node.works();
        } catch (error) {
          node.fails(error);
        }
        const each = await Promise.all(
          jobs.map(async (job) => ({ job: job.id, counts: await store.counts(job.id) })),
        );
        const hold = holdOf(jobs);
        if (head !== null)
          jobs.forEach((job, index) => {
            const door = doors?.get(job.id);
            if (door !== undefined) measure(job, door, each[index]!.counts, head!);
          });
        await onProgress?.({
          counts: sumOf(each.map((one) => one.counts)),
          hold,
          jobs: each,
          head,
          pressures: [...(doors?.values() ?? [])].map((door) => door.pressure()),
          lanes: [...lanes.values()].map((lane) => ({
            address: lane.address,
            hold: lane.hold(),
            isHeld: lane.isHeld(),
            heldJobs: [...lane.heldJobs().keys()],
          })),
        });
        const mayGetMore = (job: Job) =>
          job.state === "admitting" && (doors === undefined || doors.has(job.id));
        const isOver = (one: { counts: Counts }, index: number) =>
          !mayGetMore(jobs[index]!) && isDone(one.counts, until);
        if (each.every(isOver)) return { kind: "done" };
        if (signal?.aborted === true) return { kind: "interrupted" };
        const isOpen = (job: Job) => doors === undefined || doors.get(job.id)?.pressure().state !== "holding";
        const flows = how.outlivesHolds === true || jobs.some((job) => mayGetMore(job) && isOpen(job));
        if (!moved && !flows && hold !== null && !waitsItself(hold) && (await onItsWay(jobs)) === 0) {
          return { kind: "held", hold };
        }
        if (!moved) await rest(heads.wait(), [signal, how.nudge?.()], verifying.running());
      }
    } finally {
      await verifying.running();
    }
  }

  async function jobsOf(ids: readonly number[]): Promise<Job[]> {
    const jobs: Job[] = [];
    for (const id of ids) {
      const job = await store.job(id);
      if (job === null) throw new Error(`there is no job ${id}`);
      jobs.push(job);
    }
    return jobs;
  }

  let running = false;

  return {
    async run(jobs, how) {
      if (running) throw new Error("a submitter runs once at a time: hand it all jobs together");
      running = true;
      try {
        return await drive(typeof jobs === "function" ? jobs : () => [jobs].flat(), how);
      } finally {
        running = false;
      }
    },
  };
}

/** A batch whose block is final, to be read back. */
type Final = Omit<StoredBatch, "job"> & { job: Job };

function sumOf(counts: readonly Counts[]): Counts {
  const sum: Counts = {
    ...{ rows: 0, rejected: 0, duplicate: 0, waiting: 0, assigned: 0 },
    ...{ included: 0, safe: 0, final: 0, verified: 0, mismatched: 0 },
  };
  for (const one of counts) for (const key of Object.keys(sum) as (keyof Counts)[]) sum[key] += one[key];
  return sum;
}

/** Whether every item that can get there is as far as asked. */
export function isDone(counts: Counts, until: Until): boolean {
  if (counts.waiting > 0 || counts.assigned > 0) return false;
  if (until === "included") return true;
  return counts.included === 0 && (until === "safe" || (counts.safe === 0 && counts.final === 0));
}

/** A fee falls, a node comes back, a nonce gets filled; a budget, a balance or a refusal needs a person. */
function waitsItself(hold: Hold): boolean {
  return ["fee", "node", "nonce", "stream", "early"].includes(hold.why);
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
