import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Report as AuditReport } from "../../bench/audit.js";
import type { Report } from "../../bench/gas.js";
import { ROOT, start, stopAll } from "../support/cli.js";

const NAMES = [
  "register",
  ...["attest 32 B", "attest 64 B", "attest 256 B", "attest 1024 B"],
  ...["record 10", "record 50", "record 100"],
  ...["seal 100", "seal 100 floor", "anchor"],
  ...["revoke 1", "revoke 50", "signed 50", "read 64 B"],
  "largest batch under 2^24 gas",
];

/** What EAS has not got. */
const ALONE = ["seal 100", "seal 100 floor", "anchor"];

/** The figures of snapshots/gas.json that are of the same work, and how many items they are for. */
const SNAPSHOTS: { [name: string]: [figure: string, items: number] } = {
  register: ["register 33 B", 1],
  "attest 32 B": ["attest 32 B", 1],
  "attest 64 B": ["attest 64 B", 1],
  "attest 256 B": ["attest 256 B", 1],
  "attest 1024 B": ["attest 1024 B", 1],
  "record 10": ["record 10 × 64 B", 10],
  "record 50": ["record 50 × 64 B", 50],
  "record 100": ["record 100 × 64 B", 100],
  "seal 100": ["seal 100 × 64 B", 100],
  "seal 100 floor": ["seal 100 × 64 B, floor of its calldata", 100],
  anchor: ["anchor", 1],
  "revoke 1": ["revoke 1", 1],
  "revoke 50": ["revoke 50", 50],
  "signed 50": ["record 50 × 64 B, signed by the issuer", 50],
  "read 64 B": ["read a recorded statement of 64 B", 1],
};

describe("The gas benchmark", () => {
  const bench = (...args: string[]) => start(["scripts/bench.mjs", "gas", ...args]).ended;
  let report: Report;

  // What it measures against is a package of its own, and is installed by the first run.
  before(async () => {
    const { code, stdout, output } = await bench("--json");
    expect(code, output).to.equal(0);
    report = JSON.parse(stdout);
  });
  after(stopAll);

  it("measures every work on both sides, and Waybill is the cheaper one", () => {
    expect(report.work.map(({ name }) => name)).to.deep.equal(NAMES);
    for (const { name, eas, waybill, ratio } of report.work) {
      expect(waybill, name).to.be.greaterThan(0);
      if (ALONE.includes(name)) expect([eas, ratio], name).to.deep.equal([null, null]);
      else expect(ratio, name).to.be.greaterThan(1);
    }
  });

  it("agrees with the snapshot of the contracts' tests", () => {
    const snapshot = JSON.parse(readFileSync(join(ROOT, "snapshots", "gas.json"), "utf8"));
    for (const [name, [figure, items]] of Object.entries(SNAPSHOTS)) {
      const expected = snapshot[figure] / items;
      const { waybill } = report.work.find((work) => work.name === name)!;
      expect(Math.abs(Math.round(waybill - expected)), name).to.be.at.most(Math.ceil(expected / 100));
    }
  });

  it("shows people the same figures in a second run, within 100 columns", async () => {
    const { code, stdout, output } = await bench();
    expect(code, output).to.equal(0);
    for (const line of stdout.split("\n")) expect(line.length, line).to.be.at.most(100);
    for (const { name, eas, waybill, ratio } of report.work) {
      const line = stdout.split("\n").find((line) => line.startsWith(name))!;
      for (const figure of [eas, waybill]) {
        if (figure !== null) expect(line).to.include(` ${figure.toLocaleString("en-US")}`);
      }
      if (ratio !== null) expect(line).to.match(new RegExp(` ${ratio.toFixed(2).replace(".", "\\.")} ×$`));
    }
    expect(stdout).to.match(/^Quoted, not measured here:/m);
    for (const settings of Object.values(report.settings)) expect(stdout).to.include(settings);
  });
});

describe("The benchmark of audits", () => {
  after(stopAll);

  it("audits every stream that it writes, whole and proven, and says at which rate and in how much memory", async () => {
    const { code, stdout, output } = await start([
      "scripts/bench.mjs",
      "audit",
      "--items",
      "500,3000",
      "--json",
    ]).ended;
    expect(code, output).to.equal(0);
    const { runs, ratios, rowBytes } = JSON.parse(stdout) as AuditReport;
    expect(runs.map(({ level, items }) => `${level} ${items}`)).to.deep.equal([
      "record 500",
      "record 3000",
      "seal 500",
      "seal 3000",
    ]);
    for (const { perSecond, peakMiB } of runs) {
      expect(perSecond).to.be.greaterThan(0);
      expect(peakMiB).to.be.within(20, 250);
    }
    expect(ratios.record).to.be.within(0.5, 2);
    expect(ratios.seal).to.be.within(0.5, 2);
    expect(rowBytes).to.be.within(20, 40);
  });
});

/** In so short a run nothing is said of speed: they work, and lose nothing. */
describe("The other benchmarks, in short", () => {
  after(stopAll);

  async function reportOf(...args: string[]) {
    const { code, stdout, output } = await start(["scripts/bench.mjs", ...args, "--json"]).ended;
    expect(code, output).to.equal(0);
    return JSON.parse(stdout);
  }

  it("pressure: what is admitted under five times the load is on the chain, once, and no more waits than may", async () => {
    const { offered, admitted, lost, doubled, mostWaiting, bounds } = await reportOf(
      "pressure",
      "--seconds",
      "3",
    );
    expect([lost, doubled]).to.deep.equal([0, 0]);
    expect(admitted).to.be.within(1, offered - 1);
    expect(mostWaiting).to.be.at.most(bounds.items);
  });

  it("pipeline: journals every row of a file", async () => {
    const { levels } = await reportOf("pipeline", "--rows", "2000", "--runs", "1");
    expect(JSON.stringify(levels)).to.include("perNobleHash");
  });

  it("memory: a file from its first row to its report, also on a chain without a base fee", async () => {
    const { runs } = await reportOf("memory", "--rows", "1000,2000");
    expect(runs.map(({ rows }: { rows: number }) => rows)).to.deep.equal([1_000, 2_000]);
  });
});
