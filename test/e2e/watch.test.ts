import { expect } from "chai";
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { MAIN, ROOT, runCli, runJson, startCli, stopAll, temporaryFolder } from "../support/cli.js";
import { ACCOUNTS, type LocalChain, startLocalChain } from "../support/localChain.js";

const SCHEMA = "string name,uint64 score";
const LANE = ACCOUNTS[1]!.address;

/** The numbers behind the names of states in a line of a watcher. */
function statesIn(line: string): { [state: string]: number } {
  const numbers = line.matchAll(
    /(waiting|on the way|included|safe|final|verified|rows?)[ :]*([\d,]+)|([\d,]+) (rows?)/g,
  );
  return Object.fromEntries(
    [...numbers].map(([, state, count, rows]) => [
      state ?? "rows",
      Number((count ?? rows)!.replaceAll(",", "")),
    ]),
  );
}

describe("Watching", () => {
  const folder = temporaryFolder();
  const data = join(folder.path, "data");
  const file = join(folder.path, "rows.csv");
  let chain: LocalChain;

  before(async () => {
    chain = await startLocalChain();
    expect((await runCli(["schema", "add", SCHEMA, "--rpc-url", chain.url])).code).to.equal(0);
    const rows = Array.from({ length: 60 }, (_, i) => `person ${i},${i},${["", "one", "two"][i % 3]}\n`);
    writeFileSync(file, `name,score,stream\n${rows.join("")}`);
  });

  after(async () => {
    await stopAll();
    await chain?.stop();
    folder.remove();
  });

  function submit(...more: string[]): string[] {
    return ["submit", file, "--schema", SCHEMA, "--rpc-url", chain.url, "--data", data, ...more];
  }

  it("has nothing to look at before anything was submitted", async () => {
    const { code, stderr } = await runCli(["watch", "--data", data]);
    expect(code).to.equal(2);
    expect(stderr).to.match(/^E_STORE_NONE /);
  });

  it("says line by line what holds, that nobody is at work, and how all of it ends", async () => {
    const held = startCli(submit("--max-fee", "1wei"));
    await held.printed(/holding: /);
    const watching = startCli(["watch", "--until-done", "--data", data]);
    await watching.printed(/ {2}holding: .*\n/);
    await watching.printed(/ {2}60 rows: /);

    const { code, data: status } = await runJson(["status", "--data", data]);
    expect(code).to.equal(3);
    expect(status.gate.state).to.equal("holding");
    expect(status.lanes).to.have.length(1);
    expect(status.lanes[0]).to.include({ address: LANE, cap: "1" });
    expect(status.lanes[0].hold.why).to.equal("fee");
    expect(status.streams).to.have.length(2);
    expect(status.streams.map((one: any) => [one.position, one.waiting])).to.deep.equal([
      [0, 20],
      [0, 20],
    ]);

    held.child.kill("SIGKILL");
    await held.ended;
    await watching.printed(/ {2}holding: nobody is at work/);

    const done = await runCli(submit("--max-fee", "500gwei"));
    expect(done.code, done.output).to.equal(0);
    const ended = await watching.ended;
    expect([ended.code, ended.stderr]).to.deep.equal([0, ""]);
    const lines = ended.stdout.trimEnd().split("\n");
    expect(
      lines.every((line) => /^\d\d:\d\d:\d\d {2}\S/.test(line)),
      ended.stdout,
    ).to.equal(true);
    expect(ended.stdout)
      .to.match(/ {2}job 1 has ended: rows\.csv\n/)
      .and.match(/ {2}block \d+: \d+ items of rows\.csv\n/);
    const counted = lines
      .filter((line) => / 60 rows/.test(line))
      .map((line) => statesIn(line.slice(line.indexOf(" 60 rows"))));
    for (const { rows, ...states } of counted) {
      expect(rows).to.equal(60);
      expect(
        Object.values(states).reduce((a, b) => a + b),
        JSON.stringify(states),
      ).to.equal(60);
    }
    expect(counted.at(-1)).to.deep.equal({ rows: 60, verified: 60 });
  });

  it("has in the status what it would show, and is done when all is", async () => {
    const { code, stdout } = await runCli(["status", "--data", data]);
    expect(code).to.equal(0);
    expect(stdout)
      .to.match(/^waybill {2}local /)
      .and.match(/^rows +60 /m)
      .and.match(/verified +60\b/);
    expect(stdout).to.match(/^1 +rows\.csv +0 +0 +60 +60/m);
    for (const name of ["lane", "job", "stream", "last events"])
      expect(stdout).to.match(new RegExp(`^${name}\\b`, "m"));
    const ended = await runCli(["watch", "--until-done", "--json", "--data", data]);
    expect(ended.code).to.equal(0);
    expect(JSON.parse(ended.stdout).items).to.include({ rows: 60, verified: 60 });
  });

  it("takes the whole of a terminal, and gives it back when somebody types q", async () => {
    // util-linux's script makes a terminal; its size is that of none, so 80 × 24 is taken.
    const command = [process.execPath, MAIN, "watch", "--data", data].map((part) => `'${part}'`).join(" ");
    const child = spawn("script", ["-qefc", command, "/dev/null"], {
      cwd: ROOT,
      env: { ...process.env, TERM: "xterm", NO_COLOR: "" },
    });
    let output = "";
    const drawn = new Promise<void>((resolve, reject) => {
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        if (output.includes("last events")) resolve();
      });
      child.once("close", () => reject(new Error(`ended: ${output}`)));
    });
    await drawn;
    child.stdin.write("xq");
    const code = await new Promise((resolve) => child.once("close", resolve));
    expect(code, output).to.equal(0);
    expect(output)
      .to.match(/^\u001b\[\?1049h\u001b\[\?25l/)
      .and.match(/\u001b\[\?25h\u001b\[\?1049l$/);
    expect(output).to.include("\u001b[32maccepting");
    expect(stripVTControlCharacters(output)).to.not.include("xq");
  });
});
