import { expect } from "chai";
import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { runCli, runJson, start, startCli, stopAll, temporaryFolder } from "../support/cli.js";
import { ACCOUNTS, type LocalChain, onceEach, startLocalChain } from "../support/localChain.js";

const SCHEMA = "string name,uint64 score";
const [ISSUER, LANE] = ACCOUNTS;

describe("A program that issues one by one, and a file that is sent while it is read", () => {
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
  afterEach(() => chain?.between(null));

  function issue(data: string, from: number, to: number, last?: number) {
    const lines = Array.from({ length: to - from }, (_, index) =>
      JSON.stringify({ name: `row ${from + index}`, score: from + index, id: `order ${from + index}` }),
    );
    const env = {
      ...{ URL: chain.url, SCHEMA, ISSUER_KEY: ISSUER!.key, LANE_KEY: LANE!.key },
      ...(last === undefined ? {} : { LAST: String(last) }),
    };
    return start(["examples/issuer.ts", join(folder.path, data)], { env, input: `${lines.join("\n")}\n` });
  }

  const said = (output: string, what: string) =>
    [...output.matchAll(new RegExp(`^${what} (\\d+) (0x\\w{64})$`, "gm"))].map(([, ordinal, uid]) => ({
      ordinal: Number(ordinal),
      uid: uid!,
    }));

  it("acknowledges each statement in order and tells what became of each", async () => {
    const ended = await issue("one", 0, 30).ended;
    expect(ended.code, ended.output).to.equal(0);
    const admitted = said(ended.stdout, "admitted");
    expect(admitted.map(({ ordinal }) => ordinal)).to.deep.equal(Array.from({ length: 30 }, (_, i) => i));
    expect(said(ended.stdout, "verified")).to.deep.equal(admitted);
    expect(await chain.attested()).to.include.members(admitted.map(({ uid }) => uid));
  });

  it("law 1: what was acknowledged before a kill -9 is issued by the next run, once", async () => {
    // Nothing is sent until it is killed: no node runs what would be signed.
    let killed = false;
    chain.between(async (question, forward) =>
      !killed && question.method === "eth_sendRawTransaction" ? null : forward(),
    );
    const first = issue("killed", 100, 140);
    await first.printed(/^admitted 39 /m);
    first.child.kill("SIGKILL");
    const before = said((await first.ended).stdout, "admitted");
    killed = true;
    const next = await issue("killed", 140, 141, 40).ended;
    expect(next.code, next.output).to.equal(0);
    const uids = await chain.attested();
    expect(onceEach(uids)).to.equal(true);
    expect(uids).to.include.members(before.map(({ uid }) => uid));
    expect(said(next.stdout, "verified").slice(0, 40)).to.deep.equal(before);
  });

  it("sends a file that is longer than --max-waiting while it is read, and the next run goes on after a kill -9", async () => {
    const data = ["--rpc-url", chain.url, "--data", join(folder.path, "long")];
    const file = join(folder.path, `long-${(places += 1)}.csv`);
    const rows = Array.from({ length: 3_000 }, (_, index) => `long ${index},${index}`);
    writeFileSync(file, `name,score\n${rows.join("\n")}\n`);
    const submit = ["submit", file, "--schema", SCHEMA, "--max-waiting", "500", ...data];
    const before = await chain.sent(LANE!.address);
    const killed = startCli(submit);
    let sends = 0;
    const sent = new Promise<void>((resolve) => {
      chain.between((question, forward) => {
        if (question.method === "eth_sendRawTransaction" && (sends += 1) === 2) resolve();
        return forward();
      });
    });
    await sent;
    killed.child.kill("SIGKILL");
    await killed.ended;
    const { data: cut } = await runJson(["status", "--data", join(folder.path, "long")]);
    // Something was sent, and not all was read: at most the bound waited in front of the chain.
    expect(cut.jobs[0].rows).to.be.lessThan(3_000);
    expect(cut.jobs[0].waiting + cut.jobs[0].assigned).to.be.at.most(1_500);
    expect(await chain.sent(LANE!.address)).to.be.at.least(before);
    const done = await runJson(submit);
    expect([done.code, done.data.rows, done.data.verified], done.output).to.deep.equal([0, 3_000, 3_000]);
    expect(onceEach(await chain.attested())).to.equal(true);
  });
});
