import { assert, expect } from "chai";
import fc from "fast-check";
import { apply, type Batch, type BatchEvent, type BatchState, isDue, LIVE, nextStep } from "../src/batch.js";
import type { Hex } from "../src/hex.js";
import { seed } from "./support/seed.js";

const LANE: Hex = `0x${"1a".repeat(20)}`;
const HASH: Hex = `0x${"2b".repeat(32)}`;
const BLOCK: Hex = `0x${"3c".repeat(32)}`;
const ELSEWHERE: Hex = `0x${"4d".repeat(32)}`;

const signed = { lane: LANE, nonce: 7, block: 5, sentAt: 1_000 };
const inclusion = (succeeded: boolean) => ({
  block: 12,
  blockHash: BLOCK,
  transaction: HASH,
  succeeded,
  gasUsed: 90_000n,
  gasPrice: 3n,
});

/** One batch of each kind that the design tells apart. */
const BATCHES = {
  planned: { state: "planned" },
  signed: { state: "signed", ...signed },
  included: { state: "included", ...signed, inclusion: inclusion(true) },
  "included, failed": { state: "included", ...signed, inclusion: inclusion(false) },
  safe: { state: "safe", ...signed, inclusion: inclusion(true) },
  "safe, failed": { state: "safe", ...signed, inclusion: inclusion(false) },
  final: { state: "final", ...signed, inclusion: inclusion(true) },
  verified: { state: "verified", ...signed, inclusion: inclusion(true), mismatched: 2 },
  reverted: { state: "reverted", ...signed, inclusion: inclusion(false) },
  stolen: { state: "stolen", ...signed, block: 12 },
  voided: { state: "voided" },
} as const satisfies Record<string, Batch>;

const EVENTS = {
  signed: { kind: "signed", lane: LANE, nonce: 7, block: 5, transaction: HASH },
  replaced: { kind: "replaced", transaction: ELSEWHERE, noop: false },
  "replaced by a no-op": { kind: "replaced", transaction: ELSEWHERE, noop: true },
  sent: { kind: "sent", at: 2_000 },
  included: { kind: "included", ...inclusion(true) },
  "included, failed": { kind: "included", ...inclusion(false) },
  found: { kind: "found", block: 11, blockHash: ELSEWHERE, transaction: ELSEWHERE },
  unwound: { kind: "unwound", block: 12, blockHash: BLOCK },
  safe: { kind: "safe" },
  final: { kind: "final" },
  stolen: { kind: "stolen", block: 12 },
  voided: { kind: "voided" },
  verified: { kind: "verified", mismatched: 2 },
} as const satisfies Record<string, BatchEvent>;

type Kind = keyof typeof BATCHES;

const UNSENT = { ...BATCHES.signed, sentAt: null };
/** What ours took is what was paid, wherever the batch is. */
const FOUND = {
  ...BATCHES.included,
  inclusion: {
    ...inclusion(true),
    block: 11,
    blockHash: ELSEWHERE,
    transaction: ELSEWHERE,
    own: { block: 12, blockHash: BLOCK },
  },
};

/** The whole life: what is not here cannot happen. */
const LIFE: Record<Kind, Partial<Record<keyof typeof EVENTS, Batch>>> = {
  planned: { signed: UNSENT, voided: BATCHES.voided },
  signed: {
    replaced: UNSENT,
    "replaced by a no-op": UNSENT,
    sent: { ...BATCHES.signed, sentAt: 2_000 },
    included: BATCHES.included,
    "included, failed": BATCHES["included, failed"],
    stolen: BATCHES.stolen,
  },
  included: {
    sent: BATCHES.included,
    unwound: UNSENT,
    safe: BATCHES.safe,
    final: BATCHES.final,
  },
  "included, failed": {
    sent: BATCHES["included, failed"],
    found: FOUND,
    unwound: UNSENT,
    safe: BATCHES["safe, failed"],
    final: BATCHES.reverted,
  },
  safe: { sent: BATCHES.safe, unwound: UNSENT, final: BATCHES.final },
  "safe, failed": {
    sent: BATCHES["safe, failed"],
    found: FOUND,
    unwound: UNSENT,
    final: BATCHES.reverted,
  },
  final: { sent: BATCHES.final, verified: BATCHES.verified },
  verified: { sent: BATCHES.verified },
  reverted: { sent: BATCHES.reverted },
  stolen: { sent: BATCHES.stolen },
  voided: {},
};

const KINDS = Object.keys(BATCHES) as Kind[];
const EVENT_KINDS = Object.keys(EVENTS) as (keyof typeof EVENTS)[];

describe("a batch's life", () => {
  it("goes where the design says, from every state by every event", () => {
    for (const kind of KINDS) {
      for (const event of EVENT_KINDS) {
        const after = LIFE[kind][event];
        if (after === undefined) continue;
        const before = frozen(BATCHES[kind]);
        assert.deepEqual(apply(before, frozen(EVENTS[event])), after, `${kind} + ${event}`);
        assert.deepEqual(before, BATCHES[kind], `${kind} + ${event}`);
      }
    }
  });

  it("law 5: an event that the state does not allow throws and leaves the batch untouched", () => {
    for (const kind of KINDS) {
      for (const event of EVENT_KINDS) {
        if (LIFE[kind][event] !== undefined) continue;
        const before = frozen(BATCHES[kind]);
        assert.isNotNull(refusal(before, EVENTS[event]), `${kind} + ${event}`);
        assert.deepEqual(before, BATCHES[kind], `${kind} + ${event}`);
      }
    }
  });

  it("law 4: unwound returns to signed with the same lane and nonce, and is handed in again at once", () => {
    for (const kind of ["included", "included, failed", "safe", "safe, failed"] as const) {
      const back = apply(BATCHES[kind], EVENTS.unwound);
      expect(back).to.deep.equal({ state: "signed", lane: LANE, nonce: 7, block: 5, sentAt: null });
      expect(nextStep(back, 0, 60_000)).to.equal("send");
    }
  });

  it("law 4: another attempt keeps lane, nonce and the block it was taken at, and is handed in at once", () => {
    for (const event of ["replaced", "replaced by a no-op"] as const) {
      const after = apply(BATCHES.signed, EVENTS[event]);
      expect(after).to.deep.equal({ state: "signed", lane: LANE, nonce: 7, block: 5, sentAt: null });
      expect(nextStep(after, 1_000, 60_000)).to.equal("send");
      // Bytes for a nonce that is in a block, or for none yet, are nothing to keep.
      for (const kind of KINDS.filter((one) => one !== "signed")) {
        assert.isNotNull(refusal(BATCHES[kind], EVENTS[event]), kind);
      }
    }
  });

  it("reverts only from a final inclusion that failed", () => {
    const reverting = KINDS.flatMap((kind) =>
      EVENT_KINDS.filter((event) => LIFE[kind][event]?.state === "reverted" && kind !== "reverted").map(
        (event) => `${kind} + ${event}`,
      ),
    );
    expect(reverting).to.deep.equal(["included, failed + final", "safe, failed + final"]);
  });

  it("asks for the next step of every state", () => {
    const steps = Object.fromEntries(KINDS.map((kind) => [kind, nextStep(BATCHES[kind], 1_000, 500)]));
    expect(steps).to.deep.equal({
      planned: "sign",
      signed: "wait",
      included: "wait",
      "included, failed": "wait",
      safe: "wait",
      "safe, failed": "wait",
      final: "verify",
      verified: "done",
      reverted: "done",
      stolen: "done",
      voided: "done",
    });
  });

  it("sends what was never sent, and what has been missing for as long as its patience", () => {
    const at = (now: number, sentAt: number | null) => nextStep({ ...BATCHES.signed, sentAt }, now, 500);
    expect(at(0, null)).to.equal("send");
    expect(at(1_000, 1_000)).to.equal("wait");
    expect(at(1_499, 1_000)).to.equal("wait");
    expect(at(1_500, 1_000)).to.equal("send");
  });

  it("does not keep bytes in for hours when the clock was set back", () => {
    expect(isDue(1_000, 999, 500)).to.equal(false);
    expect(isDue(1_000, 501, 500)).to.equal(false);
    expect(isDue(1_000, 500, 500)).to.equal(true);
    expect(isDue(3_600_000, 1_000, 500)).to.equal(true);
    expect(isDue(null, 0, 500)).to.equal(true);
    // Sent at the time that the clock shows now, it waits for one patience like all others.
    expect(isDue(1_000, 1_000, 500)).to.equal(false);
  });

  it("stays within the states of the design under random events, with one lane and nonce from its signature on", () => {
    const arrows: Record<BatchState, readonly BatchState[]> = {
      planned: ["signed", "voided"],
      signed: ["signed", "included", "stolen"],
      included: ["included", "signed", "safe", "final", "reverted"],
      safe: ["safe", "included", "signed", "final", "reverted"],
      final: ["final", "verified"],
      verified: ["verified"],
      reverted: ["reverted"],
      stolen: ["stolen"],
      voided: [],
    };
    const reached = new Set<BatchState>();
    fc.assert(
      fc.property(fc.array(events(), { maxLength: 60 }), (sequence) => {
        let batch: Batch = { state: "planned" };
        for (const event of sequence) {
          const before = frozen(batch);
          if (refusal(before, event) !== null) continue;
          batch = apply(before, event);
          reached.add(batch.state);
          assert.include(arrows[before.state], batch.state);
          if ("nonce" in before && "nonce" in batch) {
            assert.deepEqual([batch.lane, batch.nonce], [before.lane, before.nonce]);
            if (batch.state !== "stolen") assert.equal(batch.block, before.block);
          }
          if (batch.state === "reverted") assert.isFalse(batch.inclusion.succeeded);
          if (batch.state === "final" || batch.state === "verified") assert.isTrue(batch.inclusion.succeeded);
          // Items go back only when nothing of the batch can get onto the chain any more.
          if (!LIVE.includes(batch.state)) assert.equal(nextStep(batch, 0, 0), "done");
        }
      }),
      { seed, numRuns: 3_000 },
    );
    expect([...reached].sort()).to.deep.equal(
      Object.keys(arrows)
        .filter((state) => state !== "planned")
        .sort(),
    );
  });
});

/** Events of the kind that is likely to be legal somewhere, with values of their own. */
function events(): fc.Arbitrary<BatchEvent> {
  const number = fc.nat(1_000);
  const word = fc.constantFrom(HASH, BLOCK);
  return fc.oneof(
    fc.record({
      kind: fc.constant("signed" as const),
      lane: fc.constantFrom(LANE, `0x${"9f".repeat(20)}` as Hex),
      nonce: number,
      block: number,
      transaction: word,
    }),
    fc.record({ kind: fc.constant("replaced" as const), transaction: word, noop: fc.boolean() }),
    fc.record({ kind: fc.constant("sent" as const), at: number }),
    fc.record({ kind: fc.constant("found" as const), block: number, blockHash: word, transaction: word }),
    fc.record({
      kind: fc.constant("included" as const),
      block: number,
      blockHash: word,
      transaction: word,
      succeeded: fc.boolean(),
      gasUsed: fc.bigInt(0n, 10n ** 7n),
      gasPrice: fc.bigInt(0n, 10n ** 12n),
    }),
    fc.record({ kind: fc.constant("unwound" as const), block: number, blockHash: word }),
    fc.record({ kind: fc.constantFrom("safe" as const, "final" as const, "voided" as const) }),
    fc.record({ kind: fc.constant("stolen" as const), block: number }),
    fc.record({ kind: fc.constant("verified" as const), mismatched: number }),
  );
}

/** What `apply` throws, or null. A batch that it changed in place, being frozen, throws another error. */
function refusal(batch: Batch, event: BatchEvent): string | null {
  try {
    apply(batch, event);
    return null;
  } catch (error) {
    if (error instanceof TypeError) throw error;
    return (error as Error).message;
  }
}

function frozen<T extends object>(value: T): T {
  const copy = structuredClone(value);
  for (const part of Object.values(copy)) if (typeof part === "object" && part !== null) Object.freeze(part);
  return Object.freeze(copy);
}
