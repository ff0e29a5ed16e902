import { expect } from "chai";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Hex } from "../../src/hex.js";
import { streamKey } from "../../src/stream.js";
import { ROOT, runCli, runJson, stopAll, temporaryFolder } from "../support/cli.js";
import { ACCOUNTS, type LocalChain, startLocalChain } from "../support/localChain.js";

const SCHEMA = "string name,uint64 score";
const ISSUER = ACCOUNTS[0]!;

describe("waybill audit and report --rebuild", function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  const data = join(folder.path, "issuer");
  let chain: LocalChain;
  let node: string[];

  before(async () => {
    chain = await startLocalChain();
    node = ["--rpc-url", chain.url];
    const added = await runCli(["schema", "add", SCHEMA, ...node]);
    expect(added.code, added.output).to.equal(0);
    // Jobs 1 to 4: three levels in one stream, and one in none.
    for (const [level, rows, stream] of [
      ["record", 60, "board"],
      ["seal", 40, "board"],
      ["anchor", 30, "board"],
      ["record", 25, null],
    ] as const) {
      const file = join(folder.path, `${level}-${rows}.csv`);
      const lines = Array.from({ length: rows }, (_, index) => `${level} ${rows} ${index},${index}\n`);
      // The last one repeats the first.
      writeFileSync(file, `name,score\n${lines.join("")}${lines[0]}`);
      const where = stream === null ? [] : ["--stream", stream];
      const submitted = await runCli([
        ...["submit", file, "--schema", SCHEMA, "--level", level],
        ...[...where, "--data", data, ...node],
      ]);
      expect(submitted.code, submitted.output).to.equal(0);
    }
    chain.mining(false);
  });

  afterEach(() => chain.between(null));
  after(async () => {
    await stopAll();
    await chain?.stop();
    folder.remove();
  });

  /** Logs that the node hides, where this is in them. */
  function hide(text: string): void {
    chain.between(async ({ method }, forward) => {
      const answer = await forward();
      if (method !== "eth_getLogs") return answer;
      const { result, ...rest } = JSON.parse(answer) as { result: object[] };
      return JSON.stringify({ ...rest, result: result.filter((log) => !JSON.stringify(log).includes(text)) });
    });
  }

  async function uidsOf(...jobs: number[]): Promise<Hex[]> {
    const reports = await Promise.all(jobs.map((job) => runJson(["report", `${job}`, "--data", data])));
    return reports.flatMap(({ data }) =>
      data.report
        .filter((row: { state: string }) => row.state === "verified")
        .map((row: { uid: Hex }) => row.uid),
    );
  }

  const stranger = (name: string) => [
    "--data",
    join(folder.path, name),
    ...node,
    "--attester",
    ISSUER.address,
  ];

  it("audits a stranger's stream with nothing but a node, and goes on where it came to", async () => {
    const uids = await uidsOf(1, 2, 3);
    const options = stranger("stranger");
    const first = await runJson(["audit", "board", ...options]);
    expect(first.code, first.output).to.equal(0);
    expect(first.data).to.deep.include({
      verdict: "complete",
      finding: null,
      attester: ISSUER.address,
      stream: streamKey("board"),
    });
    expect(first.data.counts).to.deep.include({ record: "60", seal: "40", anchor: "30" });
    expect(first.data.rebuilt).to.deep.equal(first.data.head);
    expect(first.data.proof.outcome).to.equal("pass");
    expect(readdirSync(join(folder.path, "stranger"))).to.deep.equal(["audits"]);

    const again = await runCli(["audit", streamKey("board"), ...options]);
    expect(again.code, again.output).to.equal(0);
    expect(again.stdout).to.match(/^complete: .*\n(.*\n)*went on from +block \d+$/m);
    expect(again.stdout).to.match(/^read +nothing, in 0 appends$/m);
    expect(again.stderr).to.equal("");

    // A file that says where it came to is not believed on another chain.
    const [file] = readdirSync(join(folder.path, "stranger", "audits"));
    const path = join(folder.path, "stranger", "audits", file!);
    writeFileSync(path, readFileSync(path, "utf8").replace(/"blockHash": "0x../, '"blockHash": "0x00'));
    expect((await runJson(["audit", "board", ...options])).data.counts.record).to.equal("60");

    const list = join(folder.path, "uids.txt");
    writeFileSync(list, `${uids.join("\n")}\n`);
    const expected = await runJson(["audit", "board", ...options, "--expect", list]);
    expect([expected.code, expected.data.verdict], expected.output).to.deep.equal([0, "complete"]);
    writeFileSync(list, `${uids.toSpliced(41, 1).join("\n")}\n`);
    const extra = await runJson(["audit", "board", ...options, "--expect", list]);
    expect(extra.code).to.equal(1);
    expect(extra.data.finding).to.include({ kind: "extra", position: "41", uid: uids[41] });
  });

  it("names what a node hides, and forgets what it came to by its word", async () => {
    const uids = await uidsOf(1);
    const options = stranger("misled");
    hide(uids[17]!.slice(2));
    const { code, stdout } = await runCli(["audit", "board", ...options]);
    expect(code).to.equal(1);
    expect(stdout).to.match(
      /^broken: .*\nstream .*\nfirst +missing, position 17, block \d+, transaction 0x\w{64}$/m,
    );
    chain.between(null);
    expect((await runCli(["audit", "board", ...options])).code).to.equal(0);
  });

  it("audits the rows of a job, in a stream and in none, and names the one that is missing", async () => {
    const both = [2, 3].map((job) => runJson(["audit", `${job}`, "--data", data, ...node]));
    for (const { code, data: report, output } of await Promise.all(both)) {
      expect([code, report.verdict], output).to.deep.equal([0, "complete"]);
      expect(report.found).to.equal(report.rows);
      expect(report.others).to.equal(`${130 - report.rows}`);
    }
    const uids = await uidsOf(4);
    hide(uids[9]!.slice(2));
    const { code, data: report } = await runJson(["audit", "4", "--data", data, ...node]);
    expect(code).to.equal(1);
    expect(report.finding).to.include({ kind: "missing", uid: uids[9] });
    expect(report.because).to.match(/^line 11, /);
  });

  it("rebuilds the report from the chain, as the store has it, row by row", async () => {
    for (const job of ["2", "3", "4"]) {
      const [kept, built] = await Promise.all([
        runCli(["report", job, "--data", data]),
        runCli(["report", job, "--rebuild", "--data", data, ...node]),
      ]);
      expect(built.code, built.output).to.equal(0);
      const columns = (text: string, ...which: number[]) =>
        text
          .trimEnd()
          .split("\n")
          .slice(0, -1)
          .map((line) => which.map((at) => line.split("\t")[at]).join("\t"));
      expect(columns(built.stdout, 0, 1, 2, 3)).to.deep.equal(columns(kept.stdout, 0, 2, 3, 4));
    }
    const document = await runJson(["report", "1", "--rebuild", "--data", data, ...node]);
    const { report } = (await runJson(["report", "1", "--data", data])).data;
    expect(document.data.report).to.deep.equal(
      report.map(({ line, uid, transaction, block }: { [name: string]: unknown }) => ({
        line,
        uid,
        transaction,
        block,
      })),
    );
    const list = join(folder.path, "list.csv");
    const uids = [...(await uidsOf(2)), ...(await uidsOf(4))];
    writeFileSync(list, uids.map((uid) => `${uid},some text\n`).join(""));
    const built = await runJson(["report", list, "--rebuild", ...stranger("nothing")]);
    expect([built.code, built.data.found], built.output).to.deep.equal([0, 65]);
    expect(existsSync(join(folder.path, "nothing"))).to.equal(false);
    writeFileSync(list, `0x${"1".repeat(64)}\n`);
    expect((await runCli(["report", list, "--rebuild", ...stranger("nothing")])).code).to.equal(1);
  });

  it("has a guide whose commands work", async () => {
    const text = readFileSync(join(ROOT, "docs", "audit.md"), "utf8");
    const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block]) =>
      block!.trimEnd().split("\n"),
    );
    const commands = blocks.filter((command) => command.startsWith("npm run -s waybill -- "));
    expect(commands).to.have.length(blocks.length - 1);
    writeFileSync(join(folder.path, "uids.txt"), `${(await uidsOf(1, 2, 3)).join("\n")}\n`);
    writeFileSync(join(folder.path, "sealed.txt"), `${(await uidsOf(2)).join("\n")}\n`);
    const env = { WAYBILL_DATA: data, WAYBILL_RPC_URL: chain.url };
    for (const command of commands) {
      const args = command.split(" ").slice(5);
      const { code, output } = await runCli(args, { env, cwd: folder.path });
      expect(code, `${command}\n${output}`).to.equal(0);
    }
    const shown = /```text\n(.*?)```/s.exec(text)![1]!.trimEnd();
    const { stdout } = await runCli(["audit", "board", ...stranger("guide")]);
    const shape = (said: string) =>
      said
        .replace(/0x[0-9a-fA-F…]+/g, "0x")
        .replace(/\d+/g, "N")
        .trimEnd();
    expect(shape(stdout)).to.equal(shape(shown));
  });

  it("says what it lacks: an issuer, a stream, a block, a uid", async () => {
    const nobody = ["--data", join(folder.path, "nobody"), ...node];
    const list = join(folder.path, "bad.txt");
    writeFileSync(list, "0x12\n");
    const cases = [
      [["audit", "board", ...nobody], 2],
      [["audit", "no such stream", "--data", data, ...node], 2],
      [["audit", "no such stream", ...stranger("x")], 3],
      [["audit", "board", ...stranger("x"), "--at", "noon"], 2],
      [["audit", "board", ...stranger("x"), "--at", "99999999"], 4],
      [["audit", "board", ...stranger("x"), "--attester", "0x12"], 2],
      [["audit", "board", ...stranger("x"), "--expect", list], 2],
      [["audit", "board", ...stranger("x"), "--expect", join(folder.path, "none")], 2],
      [["audit", "9", "--data", data, ...node], 2],
      [["report", list, "--rebuild", ...nobody], 2],
      [["report", join(folder.path, "none"), "--rebuild", ...stranger("x")], 2],
    ] as const;
    const all = await Promise.all(cases.map(([args]) => runCli(args)));
    for (const [index, [args, code]] of cases.entries()) {
      const ended = all[index]!;
      expect([args.join(" "), ended.code], ended.output).to.deep.equal([args.join(" "), code]);
      if (code !== 3) expect(ended.stderr).to.match(/^E_/);
    }
  });

  it("finds in a job's stream what its store has not issued", async () => {
    const elsewhere = ["--data", join(folder.path, "elsewhere")];
    chain.mining(true);
    const said = await runJson([
      "attest",
      SCHEMA,
      "name=x",
      "score=1",
      "--stream",
      "board",
      ...elsewhere,
      ...node,
    ]);
    expect(said.code, said.output).to.equal(0);
    chain.mining(false);
    const { code, data: report } = await runJson(["audit", "1", "--data", data, ...node]);
    expect([code, report.finding.kind, report.finding.uid]).to.deep.equal([1, "extra", said.data.uid]);
  });
});
