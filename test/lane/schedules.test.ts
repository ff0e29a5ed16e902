import fc from "fast-check";
import { seed } from "../support/seed.js";
import { type Action, MOST, play } from "./schedules.js";

const runs = Number(process.env["WAYBILL_SCHEDULES"] ?? 100_000);
const schedules = fc.array(fc.tuple(...MOST.map((most) => fc.nat(most))) as unknown as fc.Arbitrary<Action>, {
  maxLength: 32,
  size: "max",
});

describe("schedules of a lane", function () {
  this.timeout(0);
  it(`${runs} random schedules hold every law`, () => {
    fc.assert(
      fc.property(schedules, (actions) => void play(actions)),
      { seed, numRuns: runs },
    );
  });
});
