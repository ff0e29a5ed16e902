import { expect } from "chai";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, runCli, runJson, startCli, stopAll, temporaryFolder } from "../support/cli.js";
import { ACCOUNTS, type LocalChain, onceEach, startLocalChain } from "../support/localChain.js";

const PEOPLE = {
  file: "examples/people.csv",
  schema: "string name,uint64 score,bool isHuman,string note,uint256 stake",
};
const MEASUREMENTS = {
  file: "examples/measurements.jsonl",
  schema: "string station,int32 celsiusMilli,uint256[] samples,(string unit,bytes raw) meta,string comment",
};
const SMALL = "string name,uint64 score";
const [ISSUER, LANE, OTHER, THIRD] = ACCOUNTS;

type Row = { ordinal: number; line: number; state: string; uid: string; duplicateOf: unknown };

describe("A file on its way to the chain", () => {
  const folder = temporaryFolder();
  let chain: LocalChain;
  let places = 0;

  before(async () => {
    chain = await startLocalChain();
    for (const schema of [PEOPLE.schema, MEASUREMENTS.schema, SMALL]) {
      const { code, output } = await runCli(["schema", "add", schema, "--rpc-url", chain.url]);
      expect(code, output).to.equal(0);
    }
  });

  after(async () => {
    await stopAll();
    await chain?.stop();
    folder.remove();
  });

  afterEach(() => {
    chain?.between(null);
    chain?.mining(true);
  });

  /** Options that name the node and a store; a new one unless told. */
  function at(data = join(folder.path, `data-${(places += 1)}`)): string[] {
    return ["--rpc-url", chain.url, "--data", data];
  }

  function csv(rows: number, from = 0): string {
    const file = join(folder.path, `file-${(places += 1)}.csv`);
    const lines = Array.from({ length: rows }, (_, i) => `person ${places}-${from + i},${i}\n`);
    writeFileSync(file, `name,score\n${lines.join("")}`);
    return file;
  }

  async function reportOf(data: string, code = 0): Promise<Row[]> {
    const ended = await runJson<{ report: Row[] }>(["report", "1", "--data", data]);
    expect(ended.code, ended.output).to.equal(code);
    return ended.data.report;
  }

  it("finds the registries there the second time it is told to deploy them", async () => {
    const again = await runJson(["deploy", "--network", "local", "--rpc-url", chain.url]);
    expect(again.code).to.equal(0);
    expect(again.data.deployed).to.deep.equal([]);
    expect(again.data.contracts[1].address).to.equal(chain.registry.domain.registry);
  });

  for (const { file, schema } of [PEOPLE, MEASUREMENTS]) {
    it(`puts every row of ${file} on the chain, once and in order, and can revoke them`, async () => {
      const data = join(folder.path, `example-${file.endsWith("csv") ? "csv" : "jsonl"}`);
      const before = await chain.attested();

      const planned = await runJson(["plan", file, "--schema", schema, "--rpc-url", chain.url]);
      expect(planned.code, planned.output).to.equal(0);
      expect(planned.data).to.include({ rows: 1_250, good: 1_250, bad: 0 });

      const done = await runJson(["submit", file, "--schema", schema, ...at(data)]);
      expect(done.code, done.output).to.equal(0);
      expect(done.stderr).to.equal("");
      expect(done.data).to.include({ rows: 1_250, verified: 1_250, waiting: 0, mismatched: 0, done: true });
      expect(done.data.transactions).to.equal(planned.data.transactions);
      expect(done.data.paidWei).to.match(/^[1-9][0-9]*$/);

      const status = await runJson(["status", "--data", data]);
      expect(status.code).to.equal(0);
      expect(status.data.jobs).to.have.length(1);
      expect(status.data.jobs[0]).to.include({ rows: 1_250, verified: 1_250, done: true });

      const rows = await reportOf(data);
      expect(rows.map((row) => row.ordinal)).to.deep.equal([...rows.keys()]);
      expect(rows).to.have.length(1_250);
      expect(rows.every((row, i) => i === 0 || row.line > rows[i - 1]!.line)).to.equal(true);
      expect(new Set(rows.map((row) => row.state))).to.deep.equal(new Set(["verified"]));
      // The chain's own order of the events is that of the rows.
      const events = (await chain.attested()).slice(before.length);
      expect(events).to.deep.equal(rows.map((row) => row.uid));
      expect(onceEach(events)).to.equal(true);

      const some = [0, 2, 624, 1_249].map((i) => rows[i]!.uid);
      const verified = await runJson(["verify", ...some, "--rpc-url", chain.url]);
      expect(verified.code, verified.output).to.equal(0);
      const reports = verified.data.reports as {
        uid: string;
        verdict: string;
        levelName: string;
        values: any;
      }[];
      expect(reports.map((one) => one.uid)).to.deep.equal(some);
      expect(reports.map((one) => [one.verdict, one.levelName])).to.deep.equal(
        some.map(() => ["accept", "proven"]),
      );
      if (file.endsWith(".jsonl")) {
        const lines = readFileSync(join(ROOT, file), "utf8").split("\n");
        expect(reports[2]!.values.comment).to.equal(JSON.parse(lines[624]!).comment);
      }

      const one = await runJson(["revoke", some[0]!, ...at(data)]);
      expect(one.code, one.output).to.equal(0);
      const list = join(folder.path, "uids.txt");
      writeFileSync(list, `${some[2]}\n${some[3]}\r\n\n`);
      const more = await runJson(["revoke", "--from", list, "--reason", "moved away", ...at(data)]);
      expect(more.code, more.output).to.equal(0);
      expect(more.data).to.include({ rows: 2, verified: 2, done: true });
      const gone = [some[0], some[2], some[3]];
      expect((await chain.revoked()).slice(-3)).to.have.members(gone);
      for (const [uid, code, verdict] of [
        [some[0], 1, "reject"],
        [some[3], 1, "reject"],
        [some[1], 0, "accept"],
      ] as const) {
        const ended = await runJson(["verify", uid!, "--rpc-url", chain.url]);
        expect([ended.code, ended.data.verdict]).to.deep.equal([code, verdict]);
      }
      const mixed = await runCli(["verify", "-", "--rpc-url", chain.url], {
        input: `${some[1]}\n${some[2]}\n`,
      });
      expect(mixed.code).to.equal(1);

      const sent = await chain.sent(LANE!.address);
      const again = await runJson(["revoke", "--from", list, "--reason", "moved away", ...at(data)]);
      expect([again.code, again.data.before]).to.deep.equal([0, 2]);
      expect(await chain.sent(LANE!.address)).to.equal(sent);
    });
  }

  it("sends nothing when the same file is submitted again, from the same store or from a new one", async () => {
    const data = join(folder.path, "twice");
    const file = csv(40);
    const submit = (where: string) => runJson(["submit", file, "--schema", SMALL, ...at(where)]);
    const first = await submit(data);
    expect(first.code, first.output).to.equal(0);
    const [sent, events] = [await chain.sent(LANE!.address), await chain.attested()];

    const second = await submit(data);
    expect([second.code, second.data]).to.deep.equal([0, first.data]);
    expect(await chain.sent(LANE!.address)).to.equal(sent);

    // A store that knows nothing sends a transaction, and the registry writes nothing a second time.
    const third = await submit(join(folder.path, "twice-elsewhere"));
    expect([third.code, third.data.verified], third.output).to.deep.equal([0, 40]);
    expect(await chain.attested()).to.deep.equal(events);
  });

  it("lets one key speak and another pay, from files or from the environment", async () => {
    const data = join(folder.path, "keys");
    const files = { issuer: join(folder.path, "issuer.key"), lane: join(folder.path, "lane.key") };
    writeFileSync(files.issuer, `${OTHER!.key}\n`);
    writeFileSync(files.lane, THIRD!.key.slice(2));
    const before = await chain.sent(THIRD!.address);
    const byFile = await runJson([
      ...["submit", csv(3), "--schema", SMALL, ...at(data)],
      ...["--issuer-key-file", files.issuer, "--lane-key-file", files.lane],
    ]);
    expect(byFile.code, byFile.output).to.equal(0);
    const [row] = await reportOf(data);
    const { data: verified } = await runJson(["verify", row!.uid, "--rpc-url", chain.url]);
    expect(verified.attestation.attester).to.equal(OTHER!.address);
    expect(await chain.sent(THIRD!.address)).to.equal(before + 1);

    const env = { WAYBILL_ISSUER_KEY: OTHER!.key, WAYBILL_LANE_KEY: THIRD!.key };
    const byEnv = await runJson(["submit", csv(3), "--schema", SMALL, ...at(`${data}-env`)], { env });
    expect(byEnv.code, byEnv.output).to.equal(0);
    expect(await chain.sent(THIRD!.address)).to.equal(before + 2);

    const alone = await runJson(["submit", csv(3), "--schema", SMALL, ...at(`${data}-one`)], {
      env: { WAYBILL_ISSUER_KEY: THIRD!.key },
    });
    expect(alone.code, alone.output).to.equal(0);
    expect(await chain.sent(THIRD!.address)).to.equal(before + 3);
    expect(await chain.sent(OTHER!.address)).to.equal(0);
  });

  it("reports equal rows as duplicates of the first and issues them once, unless an id tells them apart", async () => {
    const data = join(folder.path, "duplicates");
    const file = join(folder.path, "duplicates.csv");
    writeFileSync(file, "name,score,id\nAda,1,\nAda,1,\nAda,1,second\n");
    const done = await runJson(["submit", file, "--schema", SMALL, ...at(data)]);
    expect(done.code, done.output).to.equal(0);
    expect(done.data).to.include({ rows: 3, verified: 2, duplicate: 1 });
    const rows = await reportOf(data);
    expect(rows.map((row) => row.state)).to.deep.equal(["verified", "duplicate", "verified"]);
    expect(rows[1]!.duplicateOf).to.deep.equal({ job: 1, line: 2 });
    expect(rows[1]!.uid).to.equal(rows[0]!.uid);
  });

  it("issues the good rows with --skip-bad, and names the bad ones in the report", async () => {
    const data = join(folder.path, "skip");
    const file = join(folder.path, "skip.csv");
    writeFileSync(file, "name,score\nAda skips,1\nGrace skips,one\nEdsger skips,3\n");
    const done = await runJson(["submit", file, "--schema", SMALL, "--skip-bad", ...at(data)]);
    expect(done.code, done.output).to.equal(0);
    expect(done.data).to.include({ rows: 3, verified: 2, rejected: 1 });
    const { data: report } = await runJson(["report", "--data", data]);
    expect(report.report[1].state).to.equal("rejected");
    expect(report.report[1].faults[0]).to.match(/^E_ROW_\w+ skip\.csv:3 column score:/);
  });

  it("sends nothing on a dry run, whichever command it is", async () => {
    const data = join(folder.path, "dry");
    const file = csv(5);
    await runCli(["submit", file, "--schema", SMALL, ...at(`${data}-real`)]);
    const [{ uid }] = (await reportOf(`${data}-real`)) as [Row];
    const counts = () => Promise.all(ACCOUNTS.map(({ address }) => chain.sent(address)));
    const before = await counts();
    const commands = [
      ["submit", csv(5), "--schema", SMALL],
      ["attest", SMALL, "name=Dry", "score=1"],
      ["revoke", uid],
      ["schema", "add", "string neverRegistered"],
      ["deploy"],
    ];
    await Promise.all(
      commands.map(async (command) => {
        const ended = await runJson([...command, "--dry-run", ...at(data)]);
        expect(ended.code, ended.output).to.equal(0);
      }),
    );
    expect(await counts()).to.deep.equal(before);
    expect((await runJson(["status", "--data", data])).data.error.code).to.equal("E_STORE_NONE");
    expect((await runCli(["verify", uid, "--rpc-url", chain.url])).code).to.equal(0);
  });

  it("returns at the stage that was asked for, and goes on from there", async () => {
    const data = join(folder.path, "until");
    const file = csv(4);
    const submit = (until: string) =>
      runJson(["submit", file, "--schema", SMALL, "--until", until, ...at(data)]);
    chain.mining(false);
    const included = await submit("included");
    expect([included.code, included.data.included, included.data.verified]).to.deep.equal([0, 4, 0]);
    expect((await runJson(["status", "--data", data])).code).to.equal(3);
    await reportOf(data, 3);
    chain.mining(true);
    const final = await submit("final");
    expect([final.code, final.data.verified, final.data.transactions]).to.deep.equal([0, 4, 1]);
    expect((await submit("tomorrow")).data.error.code).to.equal("E_USAGE");
  });

  it("waits below the base fee, says so, stops on ^C, and finishes when it may pay", async () => {
    const data = join(folder.path, "fee");
    const file = csv(4);
    const command = ["submit", file, "--schema", SMALL, ...at(data)];
    const before = await chain.sent(LANE!.address);
    const waiting = startCli([...command, "--max-fee", "1wei"]);
    await waiting.printed(/holding: .*base fee/);
    waiting.child.kill("SIGINT");
    const stopped = await waiting.ended;
    expect(stopped.code, stopped.output).to.equal(130);
    expect(stopped.stdout).to.include("run the same command to go on");
    expect(await chain.sent(LANE!.address)).to.equal(before);
    const done = await runJson([...command, "--max-fee", "500gwei"]);
    expect([done.code, done.data.verified], done.output).to.deep.equal([0, 4]);
    expect(await chain.sent(LANE!.address)).to.equal(before + 1);
  });

  it("stops at its budget, keeps what it sent, and goes on under a higher one", async () => {
    const data = join(folder.path, "budget");
    const file = csv(900);
    const env = { WAYBILL_ISSUER_KEY: OTHER!.key, WAYBILL_LANE_KEY: LANE!.key };
    const command = ["submit", file, "--schema", SMALL, ...at(data)];
    const before = (await chain.attested()).length;
    const plan = await runJson(["plan", file, "--schema", SMALL, "--rpc-url", chain.url]);
    const half = (BigInt(plan.data.atMostWei) / 2n).toString();
    const short = await runJson([...command, "--budget", `${half}wei`], { env });
    expect(short.code, short.output).to.equal(5);
    expect(short.data.error.code).to.equal("E_BUDGET");
    const sent = (await chain.attested()).length - before;
    expect(sent).to.be.greaterThan(0).and.lessThan(900);
    const { data: status } = await runJson(["status", "1", "--data", data]);
    expect(status.jobs[0].waiting + status.jobs[0].assigned).to.be.greaterThan(0);

    const done = await runJson([...command, "--budget", "1eth"], { env });
    expect([done.code, done.data.verified], done.output).to.deep.equal([0, 900]);
    const events = (await chain.attested()).slice(before);
    expect(events).to.have.length(900);
    expect(onceEach(events)).to.equal(true);
  });

  it("stops on ^C in the middle and goes on later, with nothing lost and nothing doubled", async () => {
    const data = join(folder.path, "interrupted");
    const env = { WAYBILL_ISSUER_KEY: THIRD!.key, WAYBILL_LANE_KEY: LANE!.key };
    const command = ["submit", csv(900), "--schema", SMALL, ...at(data)];
    const before = (await chain.attested()).length;
    let sends = 0;
    chain.between(async ({ method }, forward) => {
      const answer = await forward();
      if (method === "eth_sendRawTransaction" && (sends += 1) === 2) {
        job.child.kill("SIGINT");
      }
      return answer;
    });
    const job = startCli(command, { env });
    const stopped = await job.ended;
    chain.between(null);
    expect(stopped.code, stopped.output).to.equal(130);
    const done = await runJson(command, { env });
    expect([done.code, done.data.verified], done.output).to.deep.equal([0, 900]);
    const events = (await chain.attested()).slice(before);
    expect(events).to.deep.equal((await reportOf(data)).map((row) => row.uid));
    expect(onceEach(events)).to.equal(true);
  });

  it("stops on ^C while it still reads the file, and has sent nothing", async () => {
    const data = join(folder.path, "reading");
    const file = csv(20_000);
    const command = ["submit", file, "--schema", SMALL, "--until", "included", ...at(data)];
    chain.between(async ({ method }, forward) => {
      // What gas costs is asked just before the rows are read for the store.
      if (method === "eth_feeHistory") setImmediate(() => job.child.kill("SIGINT"));
      return forward();
    });
    const before = await chain.sent(LANE!.address);
    const job = startCli(command);
    const stopped = await job.ended;
    chain.between(null);
    expect(stopped.code, stopped.output).to.equal(130);
    expect(stopped.stderr).to.match(/^E_INTERRUPTED/);
    expect(stopped.stderr).to.include("run the same command to go on");
    expect(await chain.sent(LANE!.address)).to.equal(before);
  });

  it("issues a single attestation, and not again when it is said again", async () => {
    const data = join(folder.path, "attest");
    const say = () =>
      runJson([
        "attest",
        SMALL,
        "name=Single",
        "score=18446744073709551615",
        "--to",
        THIRD!.address,
        ...at(data),
      ]);
    const first = await say();
    expect([first.code, first.data.state], first.output).to.deep.equal([0, "verified"]);
    const sent = await chain.sent(LANE!.address);
    const second = await say();
    expect([second.code, second.data.uid]).to.deep.equal([0, first.data.uid]);
    expect(await chain.sent(LANE!.address)).to.equal(sent);
    const { data: report } = await runJson(["verify", first.data.uid, "--rpc-url", chain.url]);
    expect(report.values).to.deep.equal({ name: "Single", score: "18446744073709551615" });
    expect(report.attestation.attester).to.equal(ISSUER!.address);
  });

  it("issues what is said again with --expires 90d once, though the time has moved on", async () => {
    const data = join(folder.path, "attest-again");
    const said = ["attest", SMALL, "name=Ann", "score=7", "--expires", "90d", ...at(data)];
    const first = await runJson(said);
    const again = await runJson(said);
    expect([first.code, again.code]).to.deep.equal([0, 0]);
    expect(again.data.uid).to.equal(first.data.uid);
    const other = await runJson([...said, "--id", "a second one"]);
    expect(other.data.uid).not.to.equal(first.data.uid);
    const uids = await chain.attested();
    expect(uids.filter((uid) => uid === first.data.uid)).to.have.length(1);
  });

  it("does not call a file done whose rows wait in a job that was cut short", async () => {
    const data = join(folder.path, "repeated");
    const file = csv(3);
    const copy = join(folder.path, "copy.csv");
    writeFileSync(copy, `${readFileSync(file, "utf8").trimEnd()}\nlast one,9\n`);
    const submit = (name: string, ...more: string[]) => [
      "submit",
      name,
      "--schema",
      SMALL,
      ...at(data),
      ...more,
    ];
    expect((await runCli(submit(file, "--budget", "1wei"))).code).to.not.equal(0);
    // What the first job may pay is its own: it takes its own command to say that it is more.
    const held = await runCli(submit(copy));
    expect(held.code).to.equal(5);
    expect(held.stderr).to.match(/E_BUDGET .*job 1/);
    for (const command of [
      ["status", "2"],
      ["report", "2"],
    ]) {
      expect((await runCli([...command, "--data", data])).code, command.join(" ")).to.equal(3);
    }
    expect((await runCli(submit(file))).code).to.equal(0);
    expect((await runCli(submit(copy))).code).to.equal(0);
    for (const job of ["1", "2"]) expect((await runCli(["report", job, "--data", data])).code).to.equal(0);
  });
});
