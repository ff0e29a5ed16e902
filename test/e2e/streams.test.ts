import { expect } from "chai";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { streamKey } from "../../src/stream.js";
import { runCli, runJson, stopAll, temporaryFolder } from "../support/cli.js";
import { ACCOUNTS, type LocalChain, startLocalChain } from "../support/localChain.js";

const SCHEMA = "string name,uint64 score";

describe("Streams, lanes and shares on the command line", () => {
  const folder = temporaryFolder();
  let chain: LocalChain;
  let places = 0;

  before(async () => {
    chain = await startLocalChain();
    const { code, output } = await runCli(["schema", "add", SCHEMA, "--rpc-url", chain.url]);
    expect(code, output).to.equal(0);
  });
  after(async () => {
    await stopAll();
    await chain?.stop();
    folder.remove();
  });

  function at(name: string): string[] {
    return ["--rpc-url", chain.url, "--data", join(folder.path, name)];
  }

  function csv(header: string, rows: readonly string[]): string {
    const file = join(folder.path, `file-${(places += 1)}.csv`);
    writeFileSync(file, `${header}\n${rows.join("\n")}\n`);
    return file;
  }

  it("sends each row to the stream of its column, in order, over several lanes, and what has none beside them", async () => {
    const names = ["north", "south", "", "east"];
    const rows = Array.from({ length: 80 }, (_, index) => `row ${index},${index},${names[index % 4]}`);
    const file = csv("name,score,stream", rows);
    const options = ["--schema", SCHEMA, "--lanes", "3", ...at("streams")];
    const done = await runJson(["submit", file, ...options]);
    expect([done.code, done.data.verified], done.output).to.deep.equal([0, 80]);
    const { data } = await runJson(["export", "1", "--data", join(folder.path, "streams")]);
    const placed = data.waybills.map(
      (one: { stream: { key: string; position: string } | null }) => one.stream,
    );
    for (const name of ["north", "south", "east"]) {
      const positions = placed
        .filter((one: { key: string } | null) => one?.key === streamKey(name))
        .map((one: { position: string }) => Number(one.position));
      expect(positions, name).to.deep.equal(Array.from({ length: 20 }, (_, index) => index));
    }
    expect(placed.filter((one: unknown) => one === null)).to.have.length(20);
    const again = await runJson(["submit", file, ...options]);
    expect([again.code, again.data.transactions]).to.deep.equal([0, done.data.transactions]);
  });

  it("keeps what is admitted until it is run, and sends all of it together then", async () => {
    const data = at("shares");
    const admit = (file: string, ...more: string[]) =>
      runJson(["submit", file, "--schema", SCHEMA, "--until", "admitted", ...more, ...data]);
    const sent = await chain.sent(ACCOUNTS[1]!.address);
    const first = await admit(csv("name,score", ["Ann,1", "Bob,2"]), "--tenant", "a", "--priority", "low");
    const second = await admit(csv("name,score", ["Cid,3"]), "--tenant", "b");
    expect([first.code, first.data.waiting, first.data.done], first.output).to.deep.equal([0, 2, false]);
    expect([second.code, second.data.waiting], second.output).to.deep.equal([0, 1]);
    expect(await chain.sent(ACCOUNTS[1]!.address)).to.equal(sent);
    const ran = await runJson(["run", ...data]);
    expect(ran.code, ran.output).to.equal(0);
    expect(ran.data.jobs.map((job: { verified: number }) => job.verified)).to.deep.equal([2, 1]);
    const again = await runCli(["run", ...data]);
    expect([again.code, again.stdout.trim()]).to.deep.equal([0, "nothing is left to send"]);
  });

  it("says which rows the registry refuses, by line and its own word, and ends with 6", async () => {
    const data = at("refused");
    const lone = csv("name,score", ["Dan,4"]);
    expect((await runCli(["submit", lone, "--schema", SCHEMA, ...data])).code).to.equal(0);
    // The same statement, which is recorded outside the stream.
    const file = csv("name,score", ["Eve,5", "Dan,4", "Fay,6"]);
    const submit = ["submit", file, "--schema", SCHEMA, "--stream", "line", ...data];
    const blocked = await runCli(submit);
    expect(blocked.code, blocked.output).to.not.equal(0);
    expect(blocked.stderr).to.match(/E_REFUSED .*line 3: UidTaken\(0x/);
    const skipped = await runCli([
      ...["submit", csv("name,score", ["Gus,7", "Dan,4", "Hal,8"]), "--schema", SCHEMA],
      ...["--stream", "other", "--on-refused", "skip", ...data],
    ]);
    expect(skipped.code, skipped.output).to.equal(6);
    expect(skipped.stdout).to.match(/line 3: UidTaken\(0x/);
    expect(skipped.stdout).to.match(/verified +2\b/);
  });

  it("says what is wrong with a number of lanes, a priority, and what is to be done with refused rows", async () => {
    const file = csv("name,score", ["Ida,9"]);
    for (const [option, value] of [
      ["--lanes", "0"],
      ["--lanes", "many"],
      ["--priority", "urgent"],
      ["--on-refused", "ignore"],
      ["--until", "tomorrow"],
    ] as const) {
      const ended = await runJson(["submit", file, "--schema", SCHEMA, option, value, ...at("wrong")]);
      expect([ended.code, ended.data.error.code], `${option} ${value}`).to.deep.equal([2, "E_USAGE"]);
    }
  });
});
