import { expect } from "chai";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCli, runJson, stopAll, temporaryFolder } from "../support/cli.js";
import { type LocalChain, startLocalChain } from "../support/localChain.js";
import { heldToSchema, waybillHeld } from "../support/reports.js";

const SCHEMA = "string name,uint64 score";
/** Nobody listens there. */
const NOWHERE = "http://127.0.0.1:1";

describe("verify, on the command line", () => {
  const folder = temporaryFolder();
  let chain: LocalChain;
  let data: string;
  /** an exported waybill of each level, with the chain's state, and the uid of a recorded one */
  const files: { [level: string]: string } = {};
  let uid: string;
  let hash: string;

  before(async () => {
    chain = await startLocalChain();
    data = join(folder.path, "data");
    const at = ["--rpc-url", chain.url, "--data", data];
    const done = async (...args: string[]) => {
      const ended = await runCli([...args, ...at]);
      expect(ended.code, ended.output).to.equal(0);
      return ended.stdout;
    };
    await done("schema", "add", SCHEMA);
    const file = join(folder.path, "rows.csv");
    for (const [index, level] of ["record", "seal", "anchor"].entries()) {
      writeFileSync(file, `name,score\n${[1, 2, 3].map((row) => `${level} ${row},${row}\n`).join("")}`);
      await done("submit", file, "--schema", SCHEMA, "--level", level, "--stream", level);
      const out = join(folder.path, level);
      await done("export", String(index + 1), "--out", out, "--proof");
      files[level] = join(out, readdirSync(out)[0]!);
    }
    uid = (JSON.parse(readFileSync(files.record!, "utf8")) as { uid: string }).uid;
    chain.mining(false);
    const { data: report } = await runJson(["verify", files.seal!, ...at.slice(0, 2)]);
    expect(report.verdict, JSON.stringify(report)).to.equal("accept");
    hash = report.asOf.hash as string;
  });
  after(async () => {
    await stopAll();
    await chain?.stop();
    folder.remove();
  });

  const verify = async (...args: string[]) => {
    const ended = await runJson(["verify", ...args]);
    const reports = (ended.data.reports ?? [ended.data]) as { verdict: string; level: number }[];
    if (ended.data.error === undefined) reports.forEach(heldToSchema);
    return { ...ended, reports };
  };
  const online = (...args: string[]) => verify(...args, "--rpc-url", chain.url);

  it("accepts, rejects and does not decide by its exit code, by uid, by file and from standard input", async () => {
    for (const what of [uid, files.record!, files.seal!, files.anchor!]) {
      const { code, reports, output } = await online(what, "--proof");
      expect([code, reports[0]!.verdict, reports[0]!.level], output).to.deep.equal([0, "accept", 5]);
    }
    const unknown = `0x${"1".repeat(64)}`;
    expect((await online(unknown)).code).to.equal(3);
    const tampered = join(folder.path, "tampered.json");
    const document = JSON.parse(readFileSync(files.seal!, "utf8")) as { attestation: { data: string } };
    document.attestation.data = document.attestation.data.replace("7365616c", "7365616d");
    writeFileSync(tampered, JSON.stringify(document));
    const { code, reports } = await online(tampered);
    expect([code, reports[0]!.level]).to.deep.equal([1, 0]);
    const mixed = await online(uid, unknown, files.anchor!, tampered);
    expect([mixed.code, mixed.reports.map(({ verdict }) => verdict)]).to.deep.equal([
      1,
      ["accept", "undecided", "accept", "reject"],
    ]);
    for (const input of [readFileSync(files.seal!, "utf8"), `${uid}\n`]) {
      const piped = await runJson(["verify", "-", "--rpc-url", chain.url], { input });
      expect([piped.code, piped.data.verdict], piped.output).to.deep.equal([0, "accept"]);
    }
    for (const input of ["", " \n\r\n"]) {
      const nothing = await runJson(["verify", "-", "--rpc-url", chain.url], { input });
      expect([nothing.code, nothing.data.error.code], nothing.output).to.deep.equal([2, "E_USAGE"]);
    }
  });

  it("asks no node where the hash of a header is named, whatever the level", async () => {
    for (const level of ["record", "seal", "anchor"]) {
      waybillHeld(JSON.parse(readFileSync(files[level]!, "utf8")));
      const header = (JSON.parse(readFileSync(files[level]!, "utf8")) as { state: { header: string } }).state
        .header;
      expect(header.length).to.be.greaterThan(1_000);
    }
    const before = chain.proxy.asked.length;
    // The state of each was taken at another block; the seal's is not the one that this hash is of.
    const other = await verify(files.seal!, "--header-hash", `0x${"5".repeat(64)}`);
    expect([other.code, other.data.checks[0].outcome]).to.deep.equal([3, "fail"]);
    const own = /the file's is (0x\w{64})/.exec(other.data.checks[0].evidence as string)![1]!;
    const { code, data: report, output } = await verify(files.seal!, "--header-hash", own, "--proof");
    expect([code, report.level, report.asOf.headerTrust], output).to.deep.equal([0, 5, "pinned hash"]);
    expect(chain.proxy.asked.length).to.equal(before);
    const dead = await verify(files.seal!, "--rpc-url", NOWHERE);
    expect([dead.code, dead.data.error.code]).to.deep.equal([4, "E_NODE"]);
  });

  it("looks at the block that is named, and gives the same bytes for it whenever it is asked", async () => {
    const pinned = await online(uid, "--header-hash", hash);
    expect([pinned.code, pinned.data.asOf.tag], pinned.output).to.deep.equal([0, "pinned"]);
    const block = String(pinned.data.asOf.block);
    const first = await online(uid, "--at", block);
    expect([first.code, first.data.asOf.tag]).to.deep.equal([0, "block"]);
    await chain.anvil.request("anvil_mine", ["0x5"]);
    expect((await online(uid, "--at", block)).stdout).to.equal(first.stdout);
    expect((await online(uid, "--at", "0")).code).to.equal(3);
  });

  it("holds a policy against it, and names it by its hash", async () => {
    const { attestation } = JSON.parse(readFileSync(files.seal!, "utf8")) as {
      attestation: { attester: string };
    };
    const policy = join(folder.path, "policy.json");
    writeFileSync(
      policy,
      JSON.stringify({ policy: 1, issuers: [attestation.attester], minimumLevel: "proven", complete: true }),
    );
    const good = await online(files.seal!, "--policy", policy);
    expect([good.code, good.data.flags.complete], good.output).to.deep.equal([0, "yes"]);
    expect(good.data.policy).to.match(/^0x\w{64}$/);
    writeFileSync(policy, JSON.stringify({ policy: 1, issuers: [`0x${"1".repeat(40)}`] }));
    expect((await online(files.seal!, "--policy", policy)).code).to.equal(1);
    writeFileSync(policy, JSON.stringify({ policy: 1, isuers: [] }));
    const misspelt = await online(files.seal!, "--policy", policy);
    expect([misspelt.code, misspelt.data.error.code]).to.deep.equal([2, "E_POLICY"]);
  });

  it("says in text what each check has seen, and from where", async () => {
    const { stdout, code } = await runCli(["verify", files.anchor!, "--rpc-url", chain.url]);
    expect(code).to.equal(0);
    expect(stdout).to.match(/^accept: proven and current at block \d+\n/);
    for (const line of [
      /✓ header: block \d+/,
      /✓ state proof: 3 slots .*\(state proof\)/,
      /✓ stream: position \d of 3/,
    ]) {
      expect(stdout).to.match(line);
    }
  });

  it("refuses what it does not understand", async () => {
    for (const args of [
      [uid, "--want", "gold"],
      [uid, "--want", "6"],
      [uid, "--at", "-1"],
      [uid, "--at", "99999999999999999999"],
      [uid, "--header-hash", "0x12"],
      ["0x12"],
      [join(folder.path, "nothing.json")],
      [uid, "--header-hash", hash],
    ]) {
      const node = args[1] === "--header-hash" && args[2] === hash ? [] : ["--rpc-url", chain.url];
      const { code, data: said, output } = await runJson(["verify", ...args, ...node]);
      expect(code, output).to.equal(2);
      expect(said.error.code).to.match(/^E_(USAGE|FILE_OPEN)$/);
    }
    const list = join(folder.path, "list.json");
    writeFileSync(list, '{"waybills":[]}');
    expect((await online(list)).code).to.equal(2);
  });
});
