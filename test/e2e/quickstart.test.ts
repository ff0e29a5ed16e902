import { expect } from "chai";
import { join } from "node:path";
import { MAIN, start, stopAll, temporaryFolder } from "../support/cli.js";

describe("The main job", () => {
  const folder = temporaryFolder();
  const quickstart = (...args: string[]) =>
    start(["--import", "tsx", "scripts/quickstart.ts", "--data", folder.path, ...args]).ended;

  after(async () => {
    await stopAll();
    folder.remove();
  });

  it("puts every package of the lock on a chain, and what it prints can be checked", async () => {
    const { code, stdout, stderr } = await quickstart("--json");
    expect([code, stderr]).to.deep.equal([0, ""]);
    const result = JSON.parse(stdout);
    expect(result.rows).to.be.greaterThan(300);
    expect(result).to.include({ recorded: result.rows, verified: result.rows, missing: 0, doubled: 0 });
    expect(result.transactions).to.be.at.least(1);
    expect(result.gasPerItem).to.be.within(22_100, 60_000);
    expect(result.seconds).to.be.greaterThan(0);

    const [npm, args] = (result.verify as string).split(" -- ") as [string, string];
    expect(npm).to.equal("npm run -s waybill");
    expect(args).to.include(join(folder.path, "quickstart"));
    const verified = await start([MAIN, ...args.split(" "), "--json"]).ended;
    expect(verified.code, verified.output).to.equal(0);
    const report = JSON.parse(verified.stdout);
    expect(report).to.include({ uid: result.example, verdict: "accept", levelName: "proven" });
    expect(report.values.package).to.equal("ethers");

    // The second run starts from nothing, whatever the first one left and whatever keys the machine has.
    const person = await start(["--import", "tsx", "scripts/quickstart.ts", "--data", folder.path], {
      env: { WAYBILL_ISSUER_KEY: `0x${"11".repeat(32)}` },
    }).ended;
    expect([person.code, person.stderr], person.output).to.deep.equal([0, ""]);
    for (const name of ["rows", "recorded", "verified"]) {
      expect(person.stdout).to.match(new RegExp(`^${name} +${result.rows}\\b`, "m"));
    }
    for (const name of ["missing", "doubled"])
      expect(person.stdout).to.match(new RegExp(`^${name} +0$`, "m"));
    expect(person.stdout).to.match(new RegExp(`^transactions +${result.transactions}$`, "m"));
    expect(person.stdout).to.match(/waybill -- verify 0x\w{64} --network embedded/);
  });
});
