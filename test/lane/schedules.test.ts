import { expect } from "chai";
import fc from "fast-check";
import { seed } from "../support/seed.js";
import { Violation } from "./modelChain.js";
import type { Flaw } from "./modelJournal.js";
import { type Action, KINDS, MOST, MOST_REST, play, restOf, type Told } from "./schedules.js";

/** WAYBILL_SCHEDULES asks for more of them, or fewer. */
const count = Number(process.env["WAYBILL_SCHEDULES"] ?? 100_000);

const [kind, a, b, c] = MOST;
const action: fc.Arbitrary<Action> = fc.tuple(fc.nat(kind), fc.nat(a), fc.nat(b), fc.nat(c));
const schedules = fc.array(action, { maxLength: 32, size: "max" });
const rests = fc.nat(MOST_REST).map(restOf);

const act = (name: (typeof KINDS)[number], a = 0, b = 0, c = 0): Action => [KINDS.indexOf(name), a, b, c];

const MILD = restOf(0);

/** What breaks with each of them, and where the reducer, the journal or the tracker would have to be wrong for it. */
const FLAWS: readonly (readonly [Flaw, ...string[]])[] = [
  ["sends before it journals", "law 3"],
  ["journals the bump after it is sent", "law 3"],
  ["takes the nonce from the node alone", "law 4"],
  ["replaces with another payload", "law 4"],
  ["bumps by one wei", "law 4"],
  ["gives the payload back to a no-op's nonce", "law 4"],
  ["fills a nonce that is journaled", "law 4"],
  ["fills beyond the gap", "law 4"],
  ["makes its state without an event", "law 5"],
  ["calls a nonce lost when the count moved", "law 6"],
  ["calls a nonce lost when the receipt is null", "law 6"],
  ["treats an error of sending as a refusal", "law 6"],
  ["signs above the fee cap", "law 10"],
  ["signs above the budget", "law 10"],
  ["signs despite an obstacle", "law 10"],
  ["signs what would fail", "law 10"],
  ["writes without looking at the token", "law 11"],
  ["gives back items at the first block", "law 12"],
  ["takes a no-op for success", "exactly once"],
  ["does not fill gaps", "liveness"],
  ["leaves what no longer fits", "liveness"],
  ["never hands in again", "liveness"],
  ["hands in the higher nonces first", "liveness"],
  ["takes a small block for a cap of gas", "liveness"],
];

describe("any schedule of a lane", function () {
  this.timeout(600_000);

  it(`holds every law and ends with each item on the chain once: ${count} at random`, () => {
    const seen = { stolen: 0, noops: 0, unwound: 0, attempts: 0 };
    const property = fc.property(schedules, rests, (actions, rest) => {
      const told = play(actions, rest);
      if (told.stolen > 0) seen.stolen += 1;
      if (told.noops > 0) seen.noops += 1;
      if (told.unwound > 0) seen.unwound += 1;
      if (told.attempts > 1) seen.attempts += 1;
    });
    fc.assert(property, { seed, numRuns: count });
    // Schedules that come nowhere near what they are to test would hold every law, too.
    for (const often of Object.values(seen)) expect(often).to.be.greaterThan(count / 20);
  });

  describe("finds within 20,000 schedules a lane that", () => {
    for (const [flaw, law] of FLAWS) {
      it(`${flaw}: ${law}`, () => {
        const property = fc.property(schedules, rests, (actions, rest) => void play(actions, rest, flaw));
        const found = fc.check(property, { seed, numRuns: 20_000, endOnFailure: true });
        expect(found.errorInstance).to.be.instanceOf(Violation);
        expect((found.errorInstance as Violation).law).to.equal(law);
        console.log(`        after ${found.numRuns}`);
      });
    }
  });

  describe("that found something, or nearly did", () => {
    const notable: readonly [string, readonly Action[], number, Partial<Told>][] = [
      [
        // The pool said "underpriced", for the other one's tip was higher, and the lane thought its own offer enough.
        "outbids a transaction of another that keeps it out of the pool and pays too little for a block",
        [act("foreign", 1, 0, 1), act("base fee", 3)],
        12,
        { stolen: 0 },
      ],
      [
        // "too large" was taken for a cap on what a transaction may use, until the process ended.
        "puts single items into blocks that have become small while a gap was below what was signed",
        [act("gap", 0, 0, 4), act("gas limit", 3)],
        2,
        {},
      ],
      [
        "fills a nonce whose holder was undone after the lane had signed above it",
        [act("gap")],
        0,
        { noops: 1 },
      ],
      [
        "gives up nothing when the other one comes back after its nonce was filled",
        [
          act("gap"),
          act("round", 3),
          act("round", 3),
          act("come back"),
          act("mine", 0, 0, 3),
          act("round", 3),
        ],
        0,
        {},
      ],
    ];
    for (const [title, actions, rest, expected] of notable) {
      it(title, () => {
        expect(play(actions, restOf(rest))).to.include(expected);
      });
    }

    it("stopped before each write and each command of a tick, and frozen there while another goes on", () => {
      for (let stop = 1; stop < 12; stop++) {
        for (const frozen of [0, 16]) {
          play([act("tick", stop, 0, 4 + frozen), act("round"), act("resume"), act("round")], MILD);
        }
      }
    });
  });
});
