import type { Item, Level, PackedSize } from "../attestation.js";
import type { Batch, BatchEvent, BatchState } from "../batch.js";
import type { Hex } from "../hex.js";
import type { Goal } from "../pace.js";

/**
 * What is on disk. Every method is one transaction: it happens whole or not at all, and when its promise resolves it
 * has been synced. Nothing else of Waybill writes down anything.
 */
export type Store = {
  /** Refuses a store that was filled for another chain. @throws WaybillError E_STORE_CHAIN */
  bind(chain: ChainIdentity): Promise<void>;
  /** The chain that it was filled for. @throws Error if none is bound */
  chain(): Promise<ChainIdentity>;

  /** The job of this key: the one that exists, or a new one that is `admitting`. */
  openJob(job: NewJob): Promise<Job>;
  job(id: number): Promise<Job | null>;
  jobs(): Promise<Job[]>;
  /** Stores the next rows of a job that is `admitting`, in order; only then are they admitted (law 1). */
  admit(job: number, rows: readonly AdmittedRow[]): Promise<Admitted>;
  /** All rows of the job are stored: it may be planned. */
  release(job: number): Promise<void>;
  counts(job: number): Promise<Counts>;
  /** Other jobs that hold the first of what is a duplicate in this one. */
  originals(job: number): Promise<number[]>;
  spending(job: number): Promise<Spending>;
  /** What a job may pay. Holds until it is set again, also for what a later run re-sends. */
  setTerms(job: number, terms: JobTerms): Promise<void>;
  /** Every row of the job once, in order of the input; at most `limit` rows after `after`. */
  report(job: number, after: number, limit: number): Promise<ReportRow[]>;

  /**
   * Items of the job that are in no batch, in order; none of the streams in `except`. What the registry refused waits in
   * its stream, for the planner to hold that; in none, it keeps nothing from going on and is left out.
   */
  waiting(job: number, limit: number, except?: readonly Hex[]): Promise<WaitingItem[]>;
  /** Takes a lane: every token given out before for it is void from now on (law 11). */
  takeLane(lane: Hex): Promise<LaneToken>;
  /**
   * Plans transactions of waiting items, each group in order. A group is a batch for each run of items of one stream;
   * the first of them leads, and has the transaction for all.
   */
  assign(token: LaneToken, job: number, groups: readonly (readonly number[])[]): Promise<void>;
  /** The batches of a transaction, in its order: the one that leads, and those that go with it. */
  together(lead: number): Promise<StoredBatch[]>;
  /**
   * Journals the signed bytes of planned batches that go together. The nonce is the one after the highest in the journal
   * of this lane, or `mined` if that is higher, and is taken in this very transaction (law 4).
   * @param batch the one that leads
   * @param place `mined`: how many transactions of the lane are in the chain, as far as a node said; `positions`: where
   *   in its stream each batch begins, null without a stream; `head`: the newest block
   * @param sign must not wait: it runs inside the transaction
   * @returns `overspent`, with nothing written, if the job could then cost more than its budget (law 10)
   * @throws Error if a position is one that another live batch of the stream has
   */
  sign(
    token: LaneToken,
    batch: number,
    place: { mined: number; positions: readonly (number | null)[]; head: BlockTime },
    sign: (nonce: number) => SignedAttempt,
  ): Promise<StoredAttempt | Overspent>;
  /**
   * Journals another attempt at the nonce of a signed batch: the same payload for a higher fee, or a no-op.
   * @param sign is given the newest attempt that carries the payload; null if there is none, as of a filled gap
   */
  replace(
    token: LaneToken,
    batch: number,
    how: { noop: boolean; head: BlockTime },
    sign: (nonce: number, payload: StoredAttempt | null) => SignedAttempt,
  ): Promise<StoredAttempt | Overspent>;
  /**
   * Journals a no-op at a nonce that is in the way of those after it: a batch without items.
   * @returns null, with nothing written, if the journal has that nonce already
   */
  fill(
    token: LaneToken,
    job: number,
    place: { nonce: number; head: BlockTime },
    sign: (nonce: number) => SignedAttempt,
  ): Promise<StoredAttempt | Overspent | null>;
  /** Applies an event of the lane to the batch that leads, and to those that go with it. */
  applyOnLane(token: LaneToken, batch: number, event: LaneEvent): Promise<void>;
  /**
   * Gives up planned batches that hold items which the registry refuses. Those items are rejected; or, with
   * `blocks`, they wait with what was said of them, and their streams with them.
   * @param batch the one that leads
   */
  refuse(
    token: LaneToken,
    batch: number,
    refused: readonly { item: number; reason: string }[],
    blocks: boolean,
  ): Promise<void>;
  /** Items that the registry refused and that wait all the same, or that are rejected for it; at most `limit`, in order. */
  refusals(job: number, limit: number, which?: "waiting" | "rejected"): Promise<Refusal[]>;
  /** Forgets what the registry said of items that wait: they are tried again. */
  retry(job: number): Promise<void>;

  /** Streams that batches of a job are of, the zero word among them if some are of none. */
  streamsOf(job: number): Promise<Hex[]>;
  /** Where streams of an attester stand; every stream that is asked for is in the answer. */
  streams(attester: Hex, keys: readonly Hex[]): Promise<Map<Hex, StreamState>>;
  /** Live batches of a job in a stream that hold an item which comes after the first of that stream that waits. */
  aheadOfWaiting(job: number): Promise<StoredBatch[]>;

  /** Batches in these states, oldest first; of one job, or of all. */
  batches(states: readonly BatchState[], job?: number): Promise<StoredBatch[]>;
  /** Live batches that hold the attestation of a uid, oldest first: one for each level that it was issued at. */
  batchesOf(uid: Hex): Promise<StoredBatch[]>;
  /** Whether an item here records this uid, or is to: all that is not rejected, however far it has come. */
  isToRecord(uid: Hex): Promise<boolean>;
  /** A batch's items in order of the batch. */
  items(batch: number): Promise<StoredItem[]>;
  /** All transactions that are signed and in no block, by lane and nonce. */
  unmined(): Promise<UnminedBatch[]>;
  /** Nonces of a lane that have come into a block, as far as the journal knows: the lowest that has not. */
  reached(lane: Hex): Promise<number>;
  /** Signed bytes of the batch that leads a transaction, oldest attempt first. */
  attempts(batch: number): Promise<StoredAttempt[]>;

  /** Whether this chain has ever named a final block: from then on only its word counts (law 8). */
  namesFinal(): Promise<boolean>;
  /** The blocks that the tracker has followed, oldest first. */
  followed(): Promise<BlockRef[]>;
  /** What the tracker saw, with the blocks that it saw it in. */
  follow(step: {
    events: readonly { batch: number; event: BatchEvent }[];
    /** forget followed blocks above this number: they are no longer canonical */
    unwindAbove?: number;
    append?: readonly BlockRef[];
    /** forget followed blocks below this number: they are final */
    forgetBelow?: number;
    namesFinal?: true;
  }): Promise<void>;
  /** What the process that writes has last seen, for those that only look: JSON; null if it never was. */
  seen(): Promise<string | null>;
  setSeen(seen: string): Promise<void>;
  /** Where all stands, for those that only look: lanes, streams and the newest `events`. */
  overview(events: number): Promise<Overview>;
  /** Ends a batch that is final: `mismatched` are the items whose record differs from what was meant. */
  verified(batch: number, mismatched: readonly number[]): Promise<void>;

  close(): Promise<void>;
};

export type ChainIdentity = { chainId: bigint; genesis: Hex; registry: Hex };

/** A level: put on the chain at that level; revoke: revoke what is recorded. */
export type Act = Level | "revoke";

export type NewJob = {
  /** the same work has the same key: a second run finds the first */
  key: Hex;
  act: Act;
  /** what it is called to people: a file's name */
  name: string;
  schema: Hex;
  definition: string;
  attester: Hex;
  /** of a revocation; else empty */
  reason: string;
  /** whose work it is: tenants share what blocks have room for, whatever each of them brings */
  tenant: string;
  /** within its tenant */
  priority: Priority;
  /** what a row that the registry refuses does: it is left out, or it holds what comes after it in its stream */
  refusals: "skip" | "block";
  /** its rows go as soon as they are admitted, one by one; else all of them once it is released */
  flows: boolean;
};

/** Of what one tenant has, a job of high priority gets four times as much as a normal one, and that four of a low one. */
export type Priority = "low" | "normal" | "high";

/**
 * Wei; null for no limit. `maxFee` is per gas, `budget` for all of the job (law 10). `goal`: how fast it is to go; as
 * fast as can be if nothing is said.
 */
export type JobTerms = { maxFee: bigint | null; budget: bigint | null; goal?: Goal };

export type Job = NewJob & {
  id: number;
  state: "admitting" | "open";
  /** rows stored so far: the ordinal of the next */
  rows: number;
  createdAt: number;
  terms: JobTerms;
};

/** `stream`: key of the stream that the item is appended to; the zero word for none */
export type AdmittedRow =
  | { kind: "item"; line: number; uid: Hex; item: Item; size: PackedSize; stream: Hex }
  | { kind: "revocation"; line: number; uid: Hex }
  | { kind: "rejected"; line: number; faults: string[] };

/** `first`: ordinal of the first row; `duplicates`: of rows that repeat an item, by their index, the row that they repeat */
export type Admitted = { first: number; duplicates: ReadonlyMap<number, { job: number; line: number }> };

/** `most`: items that may go with it in a transaction, itself included, after one with it has failed in a block */
export type WaitingItem = PackedSize & { id: number; stream: Hex; most: number | null };

export type Refusal = { item: number; line: number; uid: Hex; stream: Hex; reason: string };

export type StreamState = {
  /** where it ends once all that is signed for it has landed; 0 if nothing ever was */
  end: number;
  /** the lane that has batches of it which are not safe yet: signed, else planned; null if none has */
  lane: Hex | null;
  /** whether any of those is signed */
  signed: boolean;
  /** a batch has failed in a block, or is to give way to a no-op, and that is not final yet: those behind it fail too */
  failed: boolean;
};

/** Law 12: `rows` is the sum of all the others, at every moment. What is in a block and failed there is `assigned`. */
export type Counts = {
  rows: number;
  rejected: number;
  duplicate: number;
  waiting: number;
  assigned: number;
  included: number;
  safe: number;
  final: number;
  verified: number;
  mismatched: number;
};

/** Wei of a job. */
export type Spending = {
  /** by batches that are in a block */
  paid: bigint;
  /** the most that signed batches that are in no block can cost */
  inFlight: bigint;
  /** paid for good, and the most that all else can cost: a block may be undone and the next one dearer (law 10) */
  committed: bigint;
};

export type LaneToken = { lane: Hex; token: number };

/** What a lane says of a batch, other than by journaling an attempt. */
export type LaneEvent = Extract<BatchEvent, { kind: "sent" | "voided" }>;

/** A block's number and its time, Unix seconds: how long something waits is counted in blocks and in their time. */
export type BlockTime = { number: number; timestamp: number };

export type SignedAttempt = {
  transaction: Hex;
  raw: Hex;
  maxFee: bigint;
  tip: bigint;
  gasLimit: bigint;
  /** wei that the chain may take for data besides gas, where it takes any */
  l1Fee?: bigint;
};
/** `head`: the newest block when it was signed */
export type StoredAttempt = SignedAttempt & {
  batch: number;
  lane: Hex;
  nonce: number;
  noop: boolean;
  head: BlockTime;
};

/**
 * `id`: the batch that leads; `members`: of those that go together, all that are signed and in no block; `partly`: others
 * of them are in one, so the nonce is used up; `attempts`: oldest first, without their bytes
 */
export type UnminedBatch = {
  id: number;
  members: number[];
  partly: boolean;
  job: number;
  /** wei per gas that the job pays at most; null for no limit */
  cap: bigint | null;
  lane: Hex;
  nonce: number;
  block: number;
  sentAt: number | null;
  attempts: AttemptTerms[];
};
export type AttemptTerms = Omit<StoredAttempt, "raw" | "batch" | "lane" | "nonce">;

/** Wei: what an attempt may cost at most, and what its job may still cost without it. */
export type Overspent = { kind: "overspent"; needed: bigint; left: bigint };

/**
 * `lead`: the batch that has the transaction, itself or another; `lane`: the account whose nonce it takes or has taken;
 * `stream`: the zero word for none; `position`: in its stream, once it is signed
 */
export type StoredBatch = {
  id: number;
  job: number;
  lead: number;
  lane: Hex;
  stream: Hex;
  count: number;
  position: number | null;
  batch: Batch;
};

/** Of a revocation, `item.data` is what its event carries: the reason. */
export type StoredItem = { id: number; line: number; uid: Hex; item: Item };

export type Overview = {
  /** newest block that was followed; null before the first */
  block: number | null;
  /** every lane that was ever taken, by its address; `next`: the nonce after the highest in the journal */
  lanes: { lane: Hex; next: number }[];
  /** every stream that anything was ever signed for, or that something waits in */
  streams: StreamOverview[];
  /** of transactions, oldest first; `count`: items of the transaction; `at`: Unix milliseconds */
  events: { at: number; job: number; count: number; event: BatchEvent }[];
};

/**
 * `landed`: where it ends in blocks; `end`: where it ends once all that is signed has landed; `waiting`: items that are
 * in no transaction yet
 */
export type StreamOverview = { attester: Hex; stream: Hex; landed: number; end: number; waiting: number };

export type BlockRef = { number: number; hash: Hex };

export type ReportRow = {
  ordinal: number;
  line: number;
  state: "rejected" | "duplicate" | "waiting" | BatchState | "mismatched";
  uid: Hex | null;
  /** of a duplicate: the line that it repeats, and the job it is in */
  duplicateOf: { job: number; line: number } | null;
  faults: string[];
  transaction: Hex | null;
  block: number | null;
};
