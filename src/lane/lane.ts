import {
  type BatchTerms,
  batchDigest,
  packItems,
  packRoot,
  revocationDigest,
  tokensOf,
} from "../attestation.js";
import { nextStep } from "../batch.js";
import type { Chain, SendReply } from "../chain/chain.js";
import type { Registry } from "../chain/registry.js";
import { WaybillError } from "../errors.js";
import { bid, type FeeLimits, tipOf } from "../fees.js";
import {
  gasOf,
  type Manner,
  mannerOf,
  TRANSACTION_BYTES_CAP,
  TRANSACTION_GAS_CAP,
  type Work,
} from "../gas.js";
import { type Hex, unhex, ZERO_WORD } from "../hex.js";
import type { Key } from "../key.js";
import type { Job, LaneToken, Store, StoredAttempt, StoredBatch, StoredItem } from "../store/store.js";
import { rootOf } from "../tree.js";

/** Why a lane does nothing, and since when (Unix milliseconds). It keeps its nonce and goes on by itself. */
export type Hold = { why: HoldReason; detail: string; since: number };
export type HoldReason = "fee" | "budget" | "funds" | "nonce" | "refused" | "node" | "stream";

export type LaneOptions = {
  store: Store;
  chain: Chain;
  registry: Registry;
  token: LaneToken;
  /** pays gas */
  lane: Key;
  /** speaks; the same key as the lane's where one account does both */
  issuer: Key;
  limits: FeeLimits;
  /** how long a sent transaction may be missing before its bytes are handed in again */
  patienceMs: number;
  now?: () => number;
};

export type Lane = {
  /** Moves every batch one step: all that are signed, and those planned for the job. @returns whether anything moved */
  tick(job: Job): Promise<boolean>;
  /**
   * Gives up what was planned for the job by a lane of an earlier run. Nothing of it was signed, so its items are free
   * to go another way.
   */
  voidOthers(job: Job): Promise<void>;
  /** Gives up a planned batch. */
  voidPlanned(batch: StoredBatch): Promise<void>;
  hold(): Hold | null;
};

/** A signature over a batch counts for a week: longer than any wait for a fee, short enough to be forgotten. */
const SIGNATURE_LIFE_S = 7 * 24 * 3600;

export function createLane(options: LaneOptions): Lane {
  const { store, chain, registry, token, lane, issuer } = options;
  const now = options.now ?? Date.now;
  let hold: Hold | null = null;

  /** What this tick found in the way. */
  let obstacle: Omit<Hold, "since"> | null = null;

  const holdFor = (why: HoldReason, detail: string): false => {
    obstacle = { why, detail };
    return false;
  };

  // Bytes that another lane signed are handed in as well: a key that is no longer here is not needed for that.
  const tokens = new Map<Hex, LaneToken>([[token.lane, token]]);
  async function tokenOf(address: Hex): Promise<LaneToken> {
    const known = tokens.get(address);
    if (known !== undefined) return known;
    const taken = await store.takeLane(address);
    tokens.set(address, taken);
    return taken;
  }

  /** Hands journaled bytes to the node. Nothing that it answers changes a nonce or a payload (law 7). */
  async function send(attempt: StoredAttempt): Promise<boolean> {
    const reply = await chain.send(attempt.raw);
    const problem = problemOf(reply);
    if (problem !== null) return holdFor(problem, "message" in reply ? reply.message : reply.kind);
    await store.applyOnLane(await tokenOf(attempt.lane), attempt.batch, {
      kind: "sent",
      transaction: attempt.transaction,
      at: now(),
    });
    return true;
  }

  async function resend(batch: StoredBatch): Promise<boolean> {
    const attempt = (await store.attempts(batch.id)).at(-1);
    if (attempt === undefined) throw new Error(`batch ${batch.id} is signed and has no bytes`);
    const sent = await send(attempt);
    if (!sent || batch.batch.state !== "signed" || batch.batch.sentAt === null) return sent;
    return noGapBelow(attempt);
  }

  /**
   * A transaction that somebody else sent with this key may have been undone, and its nonce is free again: nothing
   * after it can be mined, and only a person knows what that transaction was.
   */
  async function noGapBelow({ lane: account, nonce }: StoredAttempt): Promise<boolean> {
    const mined = await chain.transactionCount(account, "latest");
    const lowest = (await store.batches(["signed"]))
      .filter((batch) => batch.lane === account)
      .reduce((least, { batch }) => (batch.state === "signed" ? Math.min(least, batch.nonce) : least), nonce);
    if (mined >= lowest) return true;
    return holdFor("nonce", `nonce ${mined} of ${account} is free, and what waits begins at nonce ${lowest}`);
  }

  async function signAndSend(job: Job, batch: StoredBatch): Promise<boolean> {
    const items = await store.items(batch.id);
    const head = await chain.block("latest");
    if (head === null) return holdFor("node", "the node has no head block");
    if (job.stream !== ZERO_WORD && (await store.streamHasFailed(job.attester, job.stream))) {
      return holdFor(
        "stream",
        "a batch of the stream has failed, and until that is final nothing can follow it",
      );
    }
    const position = await positionIn(job);
    const call = callOf(job, items, position ?? 0, head.timestamp + SIGNATURE_LIFE_S);
    const gasLimit = BigInt(gasOf(call.work));

    const mostGas = Math.min(TRANSACTION_GAS_CAP, Number(head.gasLimit));
    if (gasLimit > mostGas) return holdFor("refused", `${gasLimit} gas are more than a transaction may use`);

    const simulated = await chain.call(
      { from: lane.address, to: registry.domain.registry, data: call.data, gas: gasLimit },
      "latest",
    );
    if (simulated.kind === "reverted" && !waitsForOthers(registry.refusalOf(simulated.data))) {
      const why =
        simulated.data === "0x" ? `out of gas with ${gasLimit}?` : registry.refusalText(simulated.data);
      return holdFor("refused", why);
    }
    if (simulated.kind === "unavailable") return holdFor("node", simulated.message);

    const tip = tipOf(await chain.recentBlocks(10), await chain.suggestedTip());
    const spending = await store.spending(job.id);
    const decision = bid({ baseFee: head.baseFee, tip }, options.limits, gasLimit, spending.committed);
    if (decision.kind === "hold") {
      return decision.why === "budget spent"
        ? holdFor(
            "budget",
            `the next batch may cost ${decision.needed} wei and ${decision.left} wei are left`,
          )
        : holdFor("fee", `the base fee is ${decision.baseFee} wei and the cap ${decision.maxFee} wei`);
    }
    const cost = decision.bid.maxFee * gasLimit;
    const balance = await chain.balance(lane.address);
    if (balance < cost + spending.inFlight) {
      return holdFor(
        "funds",
        `${lane.address} has ${balance} wei; what is on its way may cost ${spending.inFlight} and the next batch ${cost}`,
      );
    }

    const mined = await chain.transactionCount(lane.address, "latest");
    const attempt = await store.sign(token, batch.id, { mined, position }, (nonce) => {
      const { raw, hash } = lane.signTransaction({
        chainId: registry.domain.chainId,
        nonce,
        to: registry.domain.registry,
        data: call.data,
        gasLimit,
        ...decision.bid,
      });
      // Journaled, it would be in the way of all that follows, for no pool takes it.
      if (raw.length / 2 - 1 > TRANSACTION_BYTES_CAP) {
        throw new WaybillError(
          "E_REFUSED",
          `a transaction of ${raw.length / 2 - 1} bytes is more than a pool takes`,
        );
      }
      return { raw, transaction: hash, gasLimit, ...decision.bid };
    });
    return send(attempt);
  }

  /**
   * Where in its stream the next batch begins: behind all that this store has signed for it, or where the chain is, if
   * somebody else has appended.
   */
  async function positionIn({ attester, stream }: Job): Promise<number | null> {
    if (stream === ZERO_WORD) return null;
    const { count } = await registry.head(attester, stream, "latest");
    return Math.max(await store.streamEnd(attester, stream), Number(count));
  }

  function callOf(
    job: Job,
    items: readonly StoredItem[],
    position: number,
    deadline: number,
  ): { data: Hex; work: Work } {
    // For the job's attester, always: another issuer's key is then refused, where its own address in this place would
    // put other attestations on the chain than were admitted.
    const { act, attester } = job;
    const signed = lane.address !== attester;
    const manner = mannerOf(act, signed, job.stream, position);
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
      stream: job.stream,
      position: BigInt(position),
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

  async function voidPlanned(batch: StoredBatch): Promise<void> {
    await store.applyOnLane(await tokenOf(batch.lane), batch.id, { kind: "voided" });
  }

  return {
    hold: () => hold,
    async voidOthers(job) {
      for (const batch of await store.batches(["planned"], job.id)) {
        if (batch.lane !== token.lane) await voidPlanned(batch);
      }
    },
    voidPlanned,
    async tick(job) {
      let moved = false;
      obstacle = null;
      // Signed batches of every job first, in order of their nonces: a pool takes one only after the one before it.
      // What is planned for another lane is not this one's to sign: its nonces are others.
      const planned = await store.batches(["planned"], job.id);
      const batches = [
        ...(await store.batches(["signed"])),
        ...planned.filter((batch) => batch.lane === token.lane),
      ];
      batches.sort((a, b) => nonceOf(a) - nonceOf(b) || a.id - b.id);
      const stuck = new Set<Hex>();
      for (const batch of batches) {
        if (stuck.has(batch.lane)) continue;
        const step = nextStep(batch.batch, now(), options.patienceMs);
        if (step !== "send" && step !== "sign") continue;
        const done = step === "send" ? await resend(batch) : await signAndSend(job, batch);
        // What follows on this lane waits for its nonce; other lanes do not.
        if (done) moved = true;
        else stuck.add(batch.lane);
      }
      hold = sinceFirst(hold, obstacle, now());
      return moved;
    },
  };
}

function sinceFirst(before: Hold | null, found: Omit<Hold, "since"> | null, now: number): Hold | null {
  if (found === null) return null;
  return { ...found, since: before?.why === found.why ? before.since : now };
}

/** Answers after which the lane has to wait; null for those after which it only watches. */
function problemOf(reply: SendReply): HoldReason | null {
  switch (reply.kind) {
    case "accepted":
    case "known":
    // Below: something of this nonce is in the chain. Whose it is, the tracker finds out, and nothing is decided here.
    case "nonce too low":
    // The older attempt lives on in the pool.
    case "underpriced":
      return null;
    case "funds":
      return "funds";
    case "fee too low":
      return "fee";
    case "nonce too high":
    case "no answer":
      return "node";
    case "refused":
      return "refused";
  }
}

function nonceOf({ batch }: StoredBatch): number {
  return batch.state === "signed" ? batch.nonce : Number.MAX_SAFE_INTEGER;
}

/** Batches of its stream that are on their way are not yet there for a simulation; what it says of them is no fault. */
function waitsForOthers(refusal: ReturnType<Registry["refusalOf"]>): boolean {
  if (refusal?.name !== "StreamMoved") return false;
  const [, expected, actual] = refusal.args as [Hex, bigint, bigint];
  return actual < expected;
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
