import { expect } from "chai";
import { Transaction } from "ethers";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { AttestationRegistry__factory } from "../../src/bindings/index.js";
import type { Hex } from "../../src/hex.js";
import { runCli, runJson, startCli, stopAll, temporaryFolder } from "../support/cli.js";
import { type Death, runUntil } from "../support/death.js";
import { ACCOUNTS, type LocalChain, onceEach, startLocalChain } from "../support/localChain.js";

const SCHEMA = "string name,uint64 score";
const [, LANE, ISSUER] = ACCOUNTS;

const REVOKE_SIGNED = AttestationRegistry__factory.createInterface().getFunction("revokeSigned").selector;

type Pair = { old: Hex; new: Hex };

describe("Replacing", () => {
  const folder = temporaryFolder();
  const env = { WAYBILL_ISSUER_KEY: ISSUER!.key, WAYBILL_LANE_KEY: LANE!.key };
  let chain: LocalChain;
  let places = 0;

  /** Valid statements of the issuer; each test takes some that no other has taken. */
  let issued: Hex[];

  before(async () => {
    chain = await startLocalChain();
    expect((await runCli(["schema", "add", SCHEMA, "--rpc-url", chain.url])).code).to.equal(0);
    const file = jsonLines(Array.from({ length: 150 }, (_, score) => ({ name: "old", score })));
    const ended = await runCli(["submit", file, "--schema", SCHEMA, ...at()], { env });
    expect(ended.code, ended.output).to.equal(0);
    issued = await chain.attested();
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

  function at(data = join(folder.path, `data-${(places += 1)}`)): string[] {
    return ["--rpc-url", chain.url, "--data", data];
  }

  function jsonLines(rows: readonly object[]): string {
    const file = join(folder.path, `rows-${(places += 1)}.jsonl`);
    writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    return file;
  }

  function taken(count: number): Hex[] {
    expect(issued.length).to.be.at.least(count);
    return issued.splice(0, count);
  }

  function renewed(olds: readonly Hex[], more: object = {}): object[] {
    places += 1;
    return olds.map((replaces, score) => ({ name: `new ${places}`, score, replaces, ...more }));
  }

  function replace(file: string, ...more: string[]) {
    return runJson(["replace", file, "--schema", SCHEMA, ...more], { env });
  }

  async function head(): Promise<number> {
    return Number(await chain.anvil.request("eth_blockNumber", []));
  }

  /** Of both statements of each pair, at every block from one on: that one is valid; and at the end, that it is the new one. */
  async function expectNoGap(pairs: readonly Pair[], from: number): Promise<void> {
    const newest = await head();
    let valid: boolean[] = [];
    for (let block = from; block <= newest; block += 1) {
      const records = await chain.registry.records(
        pairs.flatMap((pair) => [pair.old, pair.new]),
        block,
      );
      valid = records.map((record) => record !== null && !record.revoked);
      const gaps = pairs.filter((_, index) => !valid[2 * index]! && !valid[2 * index + 1]!);
      expect(gaps, `block ${block}`).to.deep.equal([]);
    }
    expect(valid).to.deep.equal(pairs.flatMap(() => [false, true]));
  }

  async function pairsOf(olds: readonly Hex[], data: string): Promise<Pair[]> {
    const { data: report } = await runJson(["report", "1", "--data", data]);
    const uids = (report.report as { uid: Hex }[]).map(({ uid }) => uid);
    return olds.map((old, index) => ({ old, new: uids[index]! }));
  }

  it("issues the new ones and then revokes the old ones, so that at every block one of the two is valid", async () => {
    const olds = taken(40);
    const file = jsonLines(renewed(olds));
    const data = join(folder.path, "plain");
    const from = await head();
    const planned = await replace(file, "--dry-run", ...at(data));
    expect([planned.code, planned.data.good], planned.output).to.deep.equal([0, 40]);
    expect((await runCli(["status", "--data", data])).code).to.equal(2);

    const done = await replace(file, "--reason", "renewed", ...at(data));
    expect(done.code, done.output).to.equal(0);
    expect(done.data.issued).to.include({ rows: 40, verified: 40, done: true });
    expect(done.data.revoked).to.include({ rows: 40, verified: 40, done: true });
    await expectNoGap(await pairsOf(olds, data), from);

    const sent = await chain.sent(LANE!.address);
    const again = await replace(file, "--reason", "renewed", ...at(data));
    expect([again.code, again.data.done]).to.deep.equal([0, true]);
    expect(await chain.sent(LANE!.address)).to.equal(sent);
  });

  it("waits until the chain calls the block of the new ones safe, and revokes the old ones only then", async () => {
    const olds = taken(10);
    const before = (await chain.attested()).length;
    const safeWhenRevoked: boolean[] = [];
    let looks = 0;
    chain.mining(false);
    chain.between(async ({ method, params }, forward) => {
      const news = (await chain.attested()).slice(before);
      // Nothing makes blocks until it has looked in vain for a while.
      if (method === "eth_getBlockByNumber" && news.length > 0 && (looks += 1) === 8) chain.mining(true);
      const { data } =
        method === "eth_sendRawTransaction" ? Transaction.from(String(params[0])) : { data: "" };
      if (data.startsWith(REVOKE_SIGNED)) {
        const records = await chain.registry.records(news, "safe");
        safeWhenRevoked.push(news.length === olds.length && records.every((record) => record !== null));
      }
      return forward();
    });
    const done = await replace(jsonLines(renewed(olds)), ...at());
    expect(done.code, done.output).to.equal(0);
    expect(safeWhenRevoked).to.deep.equal([true]);
  });

  it("goes on wherever it was killed, and at every block one of the two is valid", async () => {
    const olds = taken(40);
    const file = jsonLines(renewed(olds));
    const data = join(folder.path, "killed");
    const command = ["replace", file, "--schema", SCHEMA, ...at(data)];
    const from = await head();
    const deaths: Death[] = [
      // The new ones are sent, or not; their fate is asked for; the old ones' revocation is sent, or not.
      { method: "eth_sendRawTransaction", nth: 1, heard: false },
      { method: "eth_sendRawTransaction", nth: 1, heard: true },
      { method: "eth_getBlockReceipts", nth: 1, heard: true },
      { method: "eth_sendRawTransaction", nth: 1, heard: false },
      { method: "eth_sendRawTransaction", nth: 1, heard: true },
      { method: "eth_getBlockReceipts", nth: 1, heard: false },
    ];
    for (const death of deaths) {
      const ended = await runUntil(chain, death, command, env);
      expect(ended.signal, ended.output).to.equal("SIGKILL");
    }
    const done = await runJson(command, { env });
    expect([done.code, done.data.done], done.output).to.deep.equal([0, true]);
    await expectNoGap(await pairsOf(olds, data), from);
    expect(onceEach(await chain.attested())).to.equal(true);
    expect(onceEach(await chain.revoked())).to.equal(true);
  });

  it("leaves no old one out if it was killed while their list was written", async () => {
    const olds = taken(40);
    // More rows than are stored at a time; most of them say the same, so that the chain has little to do.
    const file = jsonLines([
      ...renewed(Array<Hex>(5_000).fill(olds[0]!)).map((row) => ({ ...row, score: 0 })),
      ...renewed(olds),
    ]);
    const data = join(folder.path, "listing");
    const command = ["replace", file, "--schema", SCHEMA, ...at(data)];
    // The first 5,000 rows of the list are stored, each but the first in two steps: tried, and noted as a repeat. Then it
    // dies, with the others on their way.
    const preload = join(folder.path, "dies.mjs");
    writeFileSync(
      preload,
      `import { StatementSync } from "node:sqlite";
       const { run } = StatementSync.prototype;
       let rows = 0;
       StatementSync.prototype.run = function (...values) {
         if (values.includes("revoke") && (rows += 1) === 1 + 2 * 4_999 + 20) process.kill(process.pid, "SIGKILL");
         return run.apply(this, values);
       };`,
    );
    const killed = await startCli(command, { env, node: ["--import", preload] }).ended;
    expect(killed.signal, killed.output).to.equal("SIGKILL");
    const { data: status } = await runJson(["status", "--data", data]);
    expect(status.jobs.map(({ state, rows }: any) => [state, rows])).to.deep.equal([
      ["open", 5_040],
      ["admitting", 5_000],
    ]);
    expect(new Set(await chain.revoked())).not.to.include(olds[39]);

    const done = await runJson(command, { env });
    expect([done.code, done.data.done], done.output).to.deep.equal([0, true]);
    const records = await chain.registry.records(olds, "latest");
    expect(records.map((record) => record!.revoked)).to.deep.equal(olds.map(() => true));
  });

  it("revokes nothing if a new one is not valid when all are safe", async () => {
    const olds = taken(3);
    const { timestamp } = (await chain.anvil.request("eth_getBlockByNumber", ["latest", false])) as {
      timestamp: Hex;
    };
    const rows = renewed(olds);
    const file = jsonLines([...rows.slice(0, 2), { ...rows[2], expires: Number(timestamp) + 3_000 }]);
    chain.between(async ({ method }, forward) => {
      // It is sent in time, and has expired when it is safe.
      if (method === "eth_sendRawTransaction") await chain.anvil.request("evm_increaseTime", [3_600]);
      return forward();
    });
    const before = (await chain.revoked()).length;
    const { code, data } = await replace(file, ...at());
    expect([code, data.error.code]).to.deep.equal([1, "E_REPLACE_INVALID"]);
    expect(data.error.message).to.match(/line 3$/);
    expect(await chain.revoked()).to.have.length(before);
  });

  it("names every row that cannot take the place of another, and sends nothing", async () => {
    const [mine] = taken(1);
    const file = jsonLines([
      { name: "a", score: 1, replaces: `0x${"1".repeat(64)}` },
      { name: "b", score: 1 },
      { name: "c", score: 1, replaces: "0x12" },
      { name: "fine", score: 1, replaces: mine },
    ]);
    const sent = await chain.sent(LANE!.address);
    const { code, data } = await replace(file, ...at());
    expect([code, data.error.code]).to.deep.equal([6, "E_ROWS"]);
    expect(data).to.include({ rows: 4, good: 1, bad: 3 });
    expect(
      data.faults.map((fault: string) => /^E_ROW_\w+ \S+:(\d) column replaces/.exec(fault)?.[1]),
    ).to.deep.equal([...["1", "2", "3"]]);
    expect(await chain.sent(LANE!.address)).to.equal(sent);
  });

  it("takes the place of one with a single attestation, and says so again without sending anything", async () => {
    const [old] = taken(1);
    const data = join(folder.path, "single");
    const from = await head();
    const said = [
      "attest",
      SCHEMA,
      "name=renewed",
      "score=1",
      "--expires",
      "90d",
      "--replaces",
      old!,
      ...at(data),
    ];
    const done = await runJson(said, { env });
    expect([done.code, done.data.revoked], done.output).to.deep.equal([0, old]);
    await expectNoGap([{ old: old!, new: done.data.uid }], from);
    const sent = await chain.sent(LANE!.address);
    const again = await runJson(said, { env });
    expect([again.code, again.data.uid], again.output).to.deep.equal([0, done.data.uid]);
    expect(await chain.sent(LANE!.address)).to.equal(sent);
    expect((await runJson([...said, "--level", "seal"], { env })).data.error.code).to.equal("E_USAGE");
  });

  it("is what submit does not do: there a row that replaces is bad", async () => {
    const [old] = taken(1);
    const { code, data } = await runJson(
      ["submit", jsonLines(renewed([old!])), "--schema", SCHEMA, ...at()],
      { env },
    );
    expect([code, data.bad]).to.deep.equal([6, 1]);
    expect(data.faults[0]).to.match(/^E_ROW_REPLACES /);
  });
});
