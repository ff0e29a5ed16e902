import { expect } from "chai";
import fc from "fast-check";
import { charge, type Flow, newClocks, nextFlow } from "../../src/planner/fair.js";
import { seed } from "../support/seed.js";

describe("fair shares", () => {
  const flow = (tenant: string, job: number, weight = 1): Flow => ({ tenant, job, weight });

  /** What each job is given of so many rounds, when all of them always want more. */
  function sharesOf(flows: readonly Flow[], rounds: number, size: (flow: Flow) => number): number[] {
    const clocks = newClocks();
    const given = flows.map(() => 0);
    for (let round = 0; round < rounds; round += 1) {
      const next = nextFlow(clocks, flows);
      const amount = size(next);
      given[flows.indexOf(next)]! += amount;
      charge(clocks, next, amount);
    }
    const all = given.reduce((a, b) => a + b, 0);
    return given.map((one) => one / all);
  }

  it("gives two tenants the same, however many jobs each has and however large what they bring is", () => {
    const flows = [flow("a", 1), flow("b", 2), flow("b", 3), flow("b", 4)];
    const [a, ...b] = sharesOf(flows, 10_000, ({ job }) => (job === 1 ? 7 : job));
    expect(a).to.be.within(0.49, 0.51);
    for (const one of b) expect(one).to.be.within(0.5 / 3 - 0.01, 0.5 / 3 + 0.01);
  });

  it("gives jobs of one tenant by their weights, and none of them nothing", () => {
    const shares = sharesOf([flow("a", 1, 16), flow("a", 2, 4), flow("a", 3, 1)], 10_000, () => 1);
    expect(shares[0]).to.be.within(16 / 21 - 0.01, 16 / 21 + 0.01);
    expect(shares[1]).to.be.within(4 / 21 - 0.01, 4 / 21 + 0.01);
    expect(shares[2]).to.be.within(1 / 21 - 0.01, 1 / 21 + 0.01);
  });

  it("owes nobody anything for the time in which he wanted nothing", () => {
    const clocks = newClocks();
    for (let i = 0; i < 1_000; i += 1) charge(clocks, nextFlow(clocks, [flow("a", 1)]), 1);
    const turns: string[] = [];
    for (let i = 0; i < 100; i += 1) {
      const next = nextFlow(clocks, [flow("a", 1), flow("b", 2)]);
      turns.push(next.tenant);
      charge(clocks, next, 1);
    }
    expect(turns.filter((tenant) => tenant === "b").length).to.be.within(49, 51);
  });

  it("shares by weights whatever comes and goes", () => {
    const anything = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 50 })), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(anything, (wanted) => {
        const flows = wanted.map(([tenant], index) => flow(`tenant ${tenant}`, index));
        const shares = sharesOf(flows, 2_000 * flows.length, ({ job }) => wanted[job]![1]);
        const tenants = new Set(flows.map((one) => one.tenant));
        for (const tenant of tenants) {
          const sum = shares.filter((_, index) => flows[index]!.tenant === tenant).reduce((a, b) => a + b, 0);
          expect(sum).to.be.within(1 / tenants.size - 0.05, 1 / tenants.size + 0.05);
        }
      }),
      { seed, numRuns: 60 },
    );
  });
});
