import {
  type BatchTerms,
  batchDigest,
  packItems,
  packRoot,
  revocationDigest,
  tokensOf,
} from "../attestation.js";
import type { Block, Chain } from "../chain/chain.js";
import type { Registry } from "../chain/registry.js";
import { WaybillError } from "../errors.js";
import type { Bid } from "../fees.js";
import {
  bytesOfSeveral,
  gasOfSeveral,
  type Manner,
  mannerOf,
  TRANSACTION_BYTES_CAP,
  TRANSACTION_GAS_CAP,
  type Work,
} from "../gas.js";
import { type Hex, unhex, ZERO_WORD } from "../hex.js";
import { type Key, payloadOf } from "../key.js";
import type {
  Job,
  LaneToken,
  Overspent,
  SignedAttempt,
  Store,
  StoredAttempt,
  StoredItem,
  UnminedBatch,
} from "../store/store.js";
import { rootOf } from "../tree.js";
import { createJudgement, type Member } from "./judgement.js";
import {
  type Command,
  type Journaled,
  type LaneEvent,
  laneState,
  type LaneState,
  NOOP_GAS,
  type Obstacle,
  type PlannedBatch,
  type Policy,
  type RefusedItem,
  step,
  type World,
  type Write,
} from "./step.js";

/** What a lane holds for, and since when (Unix milliseconds). */
export type Hold = Obstacle & { since: number };

export type LaneOptions = {
  store: Store;
  chain: Chain;
  registry: Registry;
  token: LaneToken;
  /** pays gas; null if it is not here, and then only what it has signed is handed in */
  lane: Key | null;
  /** speaks; the same key as the lane's where one account does both */
  issuer: Key;
  patienceMs: number;
  patienceBlocks?: number;
  slots?: number;
  transactionGas?: number;
  transactionBytes?: number;
  /** what recent blocks ask as a tip, wei per gas; several lanes may share it */
  tipAt: (head: Block) => Promise<bigint>;
  /** wei that the chain takes for the bytes of a raw transaction besides gas, now */
  l1Fee?: (bytes: number) => Promise<bigint>;
  now?: () => number;
};

export type Lane = {
  address: Hex;
  token: LaneToken;
  /** transactions that may be on their way at a time */
  slots: number;
  /**
   * Moves every batch one step: all that are signed on this lane, and those planned on it for these jobs.
   * @param signal once aborted, nothing more is signed; what is signed is still handed in
   * @returns whether anything moved
   */
  tick(jobs: readonly Job[], head: Block, signal?: AbortSignal): Promise<boolean>;
  /** Gives up planned batches that go together: nothing of them was signed, so their items are free to go another way. */
  voidPlanned(lead: number): Promise<void>;
  /** What the lane itself holds for, or else the first of its jobs. */
  hold(): Hold | null;
  /** Whether the lane itself holds, and not only some job on it. */
  isHeld(): boolean;
  /** Jobs that hold for limits of their own. */
  heldJobs(): ReadonlyMap<number, Hold>;
  /** gas and bytes that one transaction may have: what is known of the chain, and less if a node has refused that */
  taken(): { transactionGas: number; transactionBytes: number };
};

/** A signature over a batch counts for a week: longer than any wait for a fee, short enough to be forgotten. */
const SIGNATURE_LIFE_S = 7 * 24 * 3600;

/** Executable transactions of one account that geth keeps for sure (`--txpool.accountslots`). */
const SLOTS = 16;

const PATIENCE_BLOCKS = 3;

/** What data costs on the chain below may double until a transaction is in a block, as the base fee may. */
const MOST_L1_RISE = 2n;

/** Batches that are made at a time: while a node runs one, the next is read, packed and hashed. */
const AHEAD = 3;

/**
 * Blocks without room for the lowest nonce, or dearer than it pays, after which it is missed all the same. One that had
 * room and left it out is enough: a pool may have lost it unsaid, and what is above it waits for it.
 */
const MISSED_BLOCKS = 2;

/** A transaction's payload, made and not signed yet. */
type Prepared = { data: Hex; positions: (number | null)[] };

export function createLane(options: LaneOptions): Lane {
  const { store, chain, registry, token, issuer, lane: key } = options;
  const address = token.lane;
  const now = options.now ?? Date.now;
  let transactionGas = options.transactionGas ?? TRANSACTION_GAS_CAP;
  let transactionBytes = options.transactionBytes ?? TRANSACTION_BYTES_CAP;
  let hold: Hold | null = null;
  let laneHolds = false;
  let heldJobs: ReadonlyMap<number, Hold> = new Map();
  /** since which block this nonce has been the lowest, and the head at which it was last missed */
  let lowest: { nonce: number; since: number; missed: Hex | null } | null = null;
  const judging = createJudgement();
  /** of one head; what is not as hoped is asked for again */
  let seen: { head: Hex; world: World } | null = null;

  async function look(head: Block): Promise<World> {
    if (seen?.head === head.hash) return seen.world;
    const [tip, mined, balance, reached] = await Promise.all([
      options.tipAt(head),
      chain.transactionCount(address, "latest"),
      chain.balance(address),
      store.reached(address),
    ]);
    const { number, timestamp, gasLimit, baseFee } = head;
    // A node that lags counts less than what has been seen in blocks.
    const world = {
      head: { number, timestamp, gasLimit, baseFee },
      tip,
      mined: Math.max(mined, reached),
      balance,
    };
    seen = { head: head.hash, world };
    return world;
  }

  /** Makes what batches that go together say to the registry, and has a node run it: what would fail is not signed. */
  async function prepare(
    job: Job,
    batch: number,
    head: Block,
    prepared: Map<number, Prepared>,
  ): Promise<LaneEvent> {
    const members: Member[] = [];
    for (const one of await store.together(batch)) {
      const items = await store.items(one.id);
      members.push({ stream: one.stream, position: null, behind: false, items });
    }
    const count = members.reduce((sum, member) => sum + member.items.length, 0);
    const event: Omit<Extract<LaneEvent, { kind: "prepared" }>, "verdict"> = {
      kind: "prepared",
      batch,
      items: count,
      bytes: 0,
      gasLimit: 0n,
    };
    const place = await placeOf(job, members);
    if (place !== null) return { ...event, verdict: { kind: "waits", detail: place } };
    const deadline = head.timestamp + SIGNATURE_LIFE_S;
    const { data, gas, bytes } = callOf(job, members, deadline);
    const gasLimit = BigInt(gas);
    prepared.set(batch, { data, positions: members.map((member) => member.position) });
    const l1Fee = (await options.l1Fee?.(bytes)) ?? 0n;
    if (l1Fee > 0n) event.l1Fee = MOST_L1_RISE * l1Fee;
    // No node would run it; that it is too large is said without one.
    if (gasLimit > head.gasLimit) return { ...event, bytes, gasLimit, verdict: { kind: "passes" } };
    const probe = (what: readonly Member[], at: "latest" | "head") => {
      const made = what === members ? { data, gas } : callOf(job, what, deadline);
      const call = { from: address, to: registry.domain.registry, data: made.data, gas: BigInt(made.gas) };
      return chain.call(call, at === "head" ? head.hash : at);
    };
    const verdict = await judging.judge(registry, members, probe, gasLimit);
    const early = verdict.kind === "poisoned" ? await earlyOf(members, verdict.refused) : null;
    if (early !== null) return { ...event, bytes, gasLimit, verdict: { kind: "early", detail: early } };
    const seenTo = verdict.kind === "poisoned" ? ((await store.followed()).at(-1)?.number ?? 0) : 0;
    if (seenTo <= head.number) return { ...event, bytes, gasLimit, verdict };
    const detail = `the node is at block ${head.number}, and block ${seenTo} has been seen`;
    return { ...event, bytes, gasLimit, verdict: { kind: "unavailable", detail } };
  }

  /** What the registry does not know yet because it is still on its way from here; null if it is nothing of that kind. */
  async function earlyOf(
    members: readonly Member[],
    refused: readonly RefusedItem[],
  ): Promise<string | null> {
    for (const { item: id, reason } of refused) {
      const item = members.flatMap((member) => member.items).find((one) => one.id === id);
      if (item !== undefined && reason.startsWith("NotRecorded") && (await store.isToRecord(item.uid)))
        return `${item.uid} is on its way to being recorded, and can be revoked when it is`;
    }
    return null;
  }

  /**
   * Where in their streams the batches begin: behind all that this store has signed, or where the chain is, if somebody
   * else has appended.
   * @returns why that is not known yet; null if it is, and then the members have it
   */
  async function placeOf(job: Job, members: readonly Member[]): Promise<string | null> {
    const keys = [...new Set(members.map((member) => member.stream).filter((key) => key !== ZERO_WORD))];
    if (keys.length === 0) return null;
    const known = await store.streams(job.attester, keys);
    for (const { lane, signed, failed } of known.values()) {
      if (failed) return "a batch of the stream has failed, and until that is final nothing can follow it";
      if (signed && lane !== address) return `lane ${lane} has batches of the stream that are not safe yet`;
    }
    const heads = await registry.heads(job.attester, keys, "latest");
    const landed = new Map(keys.map((key, index) => [key, Number(heads[index]!.count)]));
    const ends = new Map(keys.map((key) => [key, Math.max(known.get(key)!.end, landed.get(key)!)]));
    for (const member of members) {
      const end = ends.get(member.stream);
      if (end === undefined) continue;
      member.position = end;
      member.behind = end > landed.get(member.stream)!;
      ends.set(member.stream, end + member.items.length);
    }
    return null;
  }

  function signedWith(
    offer: Bid,
    transaction: { nonce: number; to: Hex; data: Hex; gasLimit: bigint },
    { l1Fee }: { l1Fee?: bigint },
  ): SignedAttempt {
    if (key === null) throw new Error(`the key of lane ${address} is not here`);
    const { raw, hash } = key.signTransaction({ chainId: registry.domain.chainId, ...transaction, ...offer });
    // Journaled, it would be in the way of all that follows, for no pool takes it.
    if (raw.length / 2 - 1 > TRANSACTION_BYTES_CAP) {
      throw new WaybillError(
        "E_REFUSED",
        `a transaction of ${raw.length / 2 - 1} bytes is more than a pool takes`,
      );
    }
    const { gasLimit } = transaction;
    return { raw, transaction: hash, gasLimit, ...offer, ...(l1Fee === undefined ? {} : { l1Fee }) };
  }

  const noopWith = (write: { bid: Bid; l1Fee?: bigint }, nonce: number) =>
    signedWith(write.bid, { nonce, to: address, data: "0x", gasLimit: NOOP_GAS }, write);

  /** @returns what was journaled; undefined for a write that journals no attempt, null if there was no need for it */
  async function commit(
    write: Write,
    jobOf: (batch: number) => Job,
    head: Block,
    prepared: Map<number, Prepared>,
  ): Promise<StoredAttempt | Overspent | null | undefined> {
    switch (write.kind) {
      case "sign": {
        const { data, positions } = prepared.get(write.batch)!;
        prepared.delete(write.batch);
        const to = registry.domain.registry;
        return store.sign(token, write.batch, { mined: write.mined, positions, head }, (nonce) =>
          signedWith(write.bid, { nonce, to, data, gasLimit: write.gasLimit }, write),
        );
      }
      case "replace":
        return store.replace(token, write.batch, { noop: write.noop, head }, (nonce, payload) => {
          if (write.noop) return noopWith(write, nonce);
          if (payload === null) throw new Error(`batch ${write.batch} has no payload`);
          // The very payload that is journaled: a nonce carries one for ever (law 4).
          const { to, data } = payloadOf(payload.raw);
          return signedWith(write.bid, { nonce, to, data, gasLimit: payload.gasLimit }, write);
        });
      case "fill":
        return store.fill(token, write.job, { nonce: write.nonce, head }, (nonce) => noopWith(write, nonce));
      case "sent":
        await store.applyOnLane(token, write.batch, { kind: "sent", at: write.at });
        return undefined;
      case "void":
        await store.applyOnLane(token, write.batch, { kind: "voided" });
        return undefined;
      case "refuse":
        await store.refuse(token, write.batch, write.refused, jobOf(write.batch).refusals === "block");
        return undefined;
    }
  }

  async function send(batch: number, head: Block, bytes: Map<number, StoredAttempt>): Promise<LaneEvent> {
    const attempt = bytes.get(batch) ?? (await store.attempts(batch)).at(-1);
    if (attempt === undefined) throw new Error(`batch ${batch} is signed and has no bytes`);
    bytes.delete(batch);
    const reply = await chain.send(attempt.raw);
    if (reply.kind === "too large") {
      // No node says how much it would take, in words that all of them share. What no block takes just now says nothing
      // about what a transaction may use.
      if (reply.limit === "bytes") transactionBytes = Math.min(transactionBytes, attempt.raw.length >> 2);
      else if (attempt.gasLimit <= head.gasLimit)
        transactionGas = Math.min(transactionGas, Number(attempt.gasLimit >> 1n));
    }
    return { kind: "replied", batch, reply, at: now() };
  }

  function callOf(
    job: Job,
    members: readonly Member[],
    deadline: number,
  ): { data: Hex; gas: number; bytes: number } {
    const calls = members.map((member) => batchCall(job, member, deadline));
    const [only] = calls;
    const works = calls.map((call) => call.work);
    const data = calls.length === 1 ? only!.data : registry.multicallCall(calls.map((call) => call.data));
    return { data, gas: gasOfSeveral(works, 1), bytes: bytesOfSeveral(works) };
  }

  function batchCall(
    job: Job,
    { stream, position, items }: Member,
    deadline: number,
  ): { data: Hex; work: Work } {
    // For the job's attester, always: another issuer's key is then refused, where its own address in this place would
    // put other attestations on the chain than were admitted.
    const { act, attester } = job;
    const signed = address !== attester;
    const manner = mannerOf(act, signed, stream, position ?? 0);
    const uids = items.map((item) => item.uid);
    if (act === "revoke") {
      const revocation = { attester, uids, reason: job.reason, deadline };
      const signature = signed ? issuer.signDigest(revocationDigest(registry.separator, revocation)) : null;
      const data = registry.revokeCall(
        uids,
        job.reason,
        signature === null ? null : { attester, deadline, signature },
      );
      return { data, work: workOfCall(manner, data, items, uids.length * 32) };
    }
    const terms: BatchTerms = {
      attester,
      schema: job.schema,
      stream,
      position: BigInt(position ?? 0),
      deadline: signed ? deadline : 0,
    };
    const root = act === "anchor" ? rootOf(uids) : ZERO_WORD;
    const packed = act === "anchor" ? packRoot(root, uids.length) : packItems(items.map(({ item }) => item));
    const signature = signed ? issuer.signDigest(batchDigest(registry.separator, terms, act, packed)) : "0x";
    const data =
      act === "anchor"
        ? registry.anchorCall(terms, root, uids.length, signature)
        : act === "seal"
          ? registry.sealCall(terms, packed, signature)
          : registry.recordCall(terms, packed, signature);
    return { data, work: workOfCall(manner, data, items, packed.length) };
  }

  /**
   * Works off an event and all that follow from it: write, then do, then see what came of it. What is done goes on side
   * by side; what is handed in, and the answers of what is made, keep their order.
   */
  async function run(
    jobOf: (batch: number) => Job,
    head: Block,
    first: LaneState,
    signal: AbortSignal | undefined,
  ): Promise<LaneState> {
    const prepared = new Map<number, Prepared>();
    const bytes = new Map<number, StoredAttempt>();
    const { number, timestamp, gasLimit, baseFee } = head;
    const events: LaneEvent[] = [
      { kind: "tick", now: now(), head: { number, timestamp, gasLimit, baseFee } },
    ];
    const underWay = new Set<Promise<void>>();
    let failure: { error: unknown } | null = null;
    let sending: Promise<unknown> = Promise.resolve();
    let making: Promise<unknown> = Promise.resolve();
    let state = first;

    function perform(command: Command): Promise<LaneEvent> {
      switch (command.kind) {
        case "look":
          return look(head).then((world) => ({ kind: "looked", world }));
        case "prepare": {
          const made = prepare(jobOf(command.batch), command.batch, head, prepared);
          // It is told in its turn; until then nobody listens.
          made.catch(() => {});
          const inTurn = making.then(() => made);
          making = inTurn.catch(() => {});
          return inTurn;
        }
        case "send": {
          const sent = sending.then(() => send(command.batch, head, bytes));
          sending = sent.catch(() => {});
          return sent;
        }
      }
    }

    function start(command: Command): void {
      const done: Promise<void> = perform(command)
        .then(
          (event) => void events.push(event),
          (error: unknown) => void (failure ??= { error }),
        )
        .finally(() => underWay.delete(done));
      underWay.add(done);
    }

    /** @returns whether any of them journals an attempt, and then what became of all of them is an event */
    async function write(writes: readonly Write[]): Promise<LaneEvent | null> {
      const attempts: Journaled[] = [];
      let overspent: Extract<LaneEvent, { kind: "journaled" }>["overspent"] = null;
      let journals = false;
      for (const one of writes) {
        const written = await commit(one, jobOf, head, prepared);
        if (written !== undefined) journals = true;
        if (written === undefined || written === null) continue;
        if ("kind" in written) {
          overspent = { ...written, batch: "batch" in one ? one.batch : null };
          continue;
        }
        bytes.set(written.batch, written);
        attempts.push({ batch: written.batch, nonce: written.nonce, attempt: written });
      }
      return journals ? { kind: "journaled", attempts, overspent } : null;
    }

    for (;;) {
      const event = failure === null ? events.shift() : undefined;
      if (event === undefined) {
        // All have come to rest before an error of one is told: nothing is under way when a tick has ended.
        if (underWay.size === 0) break;
        await Promise.race(underWay);
        continue;
      }
      const next = step(state, event);
      state = next.state;
      try {
        const journaled = await write(next.writes);
        if (journaled !== null) events.unshift(journaled);
      } catch (error) {
        failure ??= { error };
        continue;
      }
      for (const command of next.commands)
        if (command.kind !== "prepare" || signal?.aborted !== true) start(command);
    }
    if (failure !== null) throw (failure as { error: unknown }).error;
    return state;
  }

  /** Whether the lowest nonce is to be handed in again, once a head. */
  function misses(first: UnminedBatch | undefined, head: Block): boolean {
    if (first === undefined) {
      lowest = null;
      return false;
    }
    if (lowest?.nonce !== first.nonce) lowest = { nonce: first.nonce, since: head.number, missed: null };
    const blocks = head.number - lowest.since;
    const isMissed = blocks >= MISSED_BLOCKS || (blocks > 0 && hadRoom(head, first.attempts.at(-1)!));
    if (!isMissed || lowest.missed === head.hash) return false;
    lowest.missed = head.hash;
    return true;
  }

  const slots = options.slots ?? SLOTS;

  return {
    address,
    token,
    slots,
    hold: () => hold,
    isHeld: () => laneHolds,
    heldJobs: () => heldJobs,
    taken: () => ({ transactionGas, transactionBytes }),
    voidPlanned: (lead) => store.applyOnLane(token, lead, { kind: "voided" }),
    async tick(jobs, head, signal) {
      const signed = (await store.unmined()).filter((batch) => batch.lane === address && !batch.partly);
      const planned = new Map<number, PlannedBatch & { of: Job }>();
      for (const job of jobs) {
        for (const { lead, lane, stream } of await store.batches(["planned"], job.id)) {
          if (lane !== address) continue;
          const one = planned.get(lead) ?? {
            id: lead,
            job: job.id,
            cap: job.terms.maxFee,
            ordered: false,
            of: job,
          };
          planned.set(lead, { ...one, ordered: one.ordered || stream !== ZERO_WORD });
        }
      }
      const policy: Policy = {
        lane: address,
        patienceMs: options.patienceMs,
        patienceBlocks: options.patienceBlocks ?? PATIENCE_BLOCKS,
        misses: misses(signed[0], head),
        slots,
        ahead: AHEAD,
        transactionGas,
        transactionBytes,
        signs: key !== null,
      };
      const inOrder = [...planned.values()].sort((a, b) => a.id - b.id);
      const start = laneState(policy, signed, inOrder);
      const ended = await run((batch) => planned.get(batch)!.of, head, start, signal);
      const { obstacle, notice, moved } = ended;
      if (obstacle !== null) seen = null;
      laneHolds = obstacle !== null;
      const before = heldJobs;
      heldJobs = new Map(
        [...ended.held].map(([id, found]) => [id, sinceFirst(before.get(id) ?? null, found, now())!]),
      );
      const [job] = ended.held.values();
      hold = sinceFirst(hold, obstacle ?? job ?? notice, now());
      return moved;
    },
  };
}

function hadRoom(
  { gasUsed, gasLimit, baseFee }: Block,
  attempt: { gasLimit: bigint; maxFee: bigint },
): boolean {
  return gasUsed + attempt.gasLimit <= gasLimit && attempt.maxFee >= baseFee;
}

function sinceFirst(before: Hold | null, found: Obstacle | null, now: number): Hold | null {
  if (found === null) return null;
  return { ...found, since: before?.why === found.why ? before.since : now };
}

function workOfCall(manner: Manner, data: Hex, items: readonly StoredItem[], bytes: number): Work {
  const words = items.map(({ item }) => Math.ceil(item.data.length / 32));
  return {
    ...manner,
    items: items.length,
    bytes,
    tokens: tokensOf(unhex(data)),
    words: words.reduce((a, b) => a + b, 0),
    widest: words.reduce((a, b) => Math.max(a, b), 0),
  };
}

/** What a hold means to somebody who has to do something about it. */
export function holdError(hold: Hold): WaybillError {
  switch (hold.why) {
    case "fee":
      return new WaybillError("E_FEE_CEILING", `the lane holds: ${hold.detail}`, {
        mend: "raise --max-fee, or run again when gas is cheaper; nothing is lost",
      });
    case "budget":
      return new WaybillError("E_BUDGET", `the lane holds: ${hold.detail}`, {
        mend: "raise --budget and run again; what was sent stays sent",
      });
    case "funds":
      return new WaybillError("E_FUNDS", `the lane's key cannot pay: ${hold.detail}`, {
        mend: "send funds to that address and run again; nothing is lost",
      });
    case "nonce":
      return new WaybillError("E_NONCE_GAP", `the lane holds: ${hold.detail}`, {
        mend: "send any transaction with that nonce from that account; the rest goes on by itself",
      });
    case "refused":
      return new WaybillError("E_REFUSED", `the transaction is refused: ${hold.detail}`, {
        mend: "nothing is lost; mend the cause and run again",
      });
    case "order":
      return new WaybillError("E_STREAM_ORDER", hold.detail, {
        mend: "the rows that wait can no longer be in order here: put them into a stream of another name",
      });
    case "early":
    case "stream":
      return new WaybillError("E_STREAM", `the lane holds: ${hold.detail}`, {
        mend: "run again later; nothing is lost",
      });
    case "node":
      return new WaybillError("E_NODE", `the node does not take the transaction: ${hold.detail}`, {
        mend: "run again later or with another node; nothing is lost",
      });
  }
}
