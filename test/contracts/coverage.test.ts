import { expect } from "chai";
import { start, stopAll } from "../support/cli.js";

describe("The Solidity tests", () => {
  after(stopAll);

  it("take every line and every branch of contracts/", async () => {
    const { code, stdout, output } = await start(["scripts/coverage.mjs"]).ended;
    expect(code, output).to.equal(0);
    expect(stdout).to.match(/^contracts\/AttestationRegistry\.sol .* all taken$/m);
    expect(stdout).to.match(/\d+ lines and \d+ branches in \d+ files, 0 not taken\n$/);
  }).timeout(300_000);
});
