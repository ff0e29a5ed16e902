import { expect } from "chai";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../support/anvil.js";
import { runCli, runJson, stopAll, temporaryFolder } from "../support/cli.js";
import { type HttpProxy, startHttpProxy } from "../support/httpProxy.js";
import { type LocalChain, onceEach, startLocalChain } from "../support/localChain.js";

const SCHEMA = "string name,uint64 score";
const ROWS = 40;

describe("More than one node", () => {
  const folder = temporaryFolder();
  const file = join(folder.path, "rows.csv");
  let chain: LocalChain;
  /** another way to the same node, which a test may break */
  let other: HttpProxy;
  let dead: string;
  let places = 0;

  before(async () => {
    chain = await startLocalChain();
    other = await startHttpProxy(chain.anvil.url);
    dead = `http://127.0.0.1:${await freePort()}`;
    const lines = Array.from({ length: ROWS }, (_, index) => `person ${index},${index}\n`);
    writeFileSync(file, `name,score\n${lines.join("")}`);
  });
  after(async () => {
    await stopAll();
    await other?.close();
    await chain?.stop();
    folder.remove();
  });
  afterEach(() => {
    chain?.between(null);
    other?.between(null);
  });

  const newData = () => join(folder.path, `data-${(places += 1)}`);

  it("may be named by an option that is given again, with commas, or by the environment, and one may be dead", async () => {
    const ways: [string[], { [name: string]: string }][] = [
      [["--rpc-url", dead, "--rpc-url", chain.url], {}],
      [["--rpc-url", `${chain.url},${dead}`], {}],
      [["--rpc-url", `${dead}, ${chain.url},`], {}],
      [[], { WAYBILL_RPC_URL: `${dead},${chain.url}` }],
    ];
    for (const [args, env] of ways) {
      const added = await runJson(["schema", "add", SCHEMA, ...args], { env });
      expect(added.code, added.output).to.equal(0);
    }
    const [args] = ways[0]!;
    const data = newData();
    const done = await runJson(["submit", file, "--schema", SCHEMA, "--data", data, ...args]);
    expect([done.code, done.data.verified], done.output).to.deep.equal([0, ROWS]);
    const uid = (await chain.attested()).at(-1)!;
    // A verifier believes none alone: of two, both have to speak.
    const half = await runJson(["verify", uid, ...args]);
    expect([half.code, half.data.error.code], half.output).to.deep.equal([4, "E_NODE"]);
    const verified = await runJson(["verify", uid, "--rpc-url", chain.url]);
    expect(verified.code, verified.output).to.equal(0);
  });

  it("are one node where all of them are the same", async () => {
    const questions = async (url: string) => {
      const before = chain.proxy.asked.length;
      const { code, output } = await runCli(["schema", "show", SCHEMA, "--rpc-url", url]);
      expect(code, output).to.equal(0);
      return chain.proxy.asked.slice(before);
    };
    expect(await questions(`${chain.url},${chain.url}`)).to.deep.equal(await questions(chain.url));
  });

  it("put every row there once, while one of them loses replies and is then gone for good", async () => {
    const data = newData();
    let sent = 0;
    other.between(async ({ method }, forward) => {
      if (method === "eth_sendRawTransaction") {
        sent += 1;
        await forward();
      }
      return sent > 0 ? null : forward();
    });
    const rows = join(folder.path, "more.csv");
    writeFileSync(rows, `name,score\n${Array.from({ length: ROWS }, (_, i) => `more ${i},${i}\n`).join("")}`);
    const done = await runJson([
      ...["submit", rows, "--schema", SCHEMA, "--data", data],
      ...["--rpc-url", other.url, "--rpc-url", chain.url],
    ]);
    expect([done.code, done.data.verified], done.output).to.deep.equal([0, ROWS]);
    expect(sent).to.be.greaterThan(0);
    expect(onceEach(await chain.attested())).to.equal(true);
  });

  it("are refused when they serve different chains, and both are named without their secrets", async () => {
    other.between(async ({ method }, forward) =>
      method === "eth_chainId" ? '{"jsonrpc":"2.0","id":1,"result":"0x5"}' : forward(),
    );
    const urls = [`${chain.url}/v3/s3cr3tone`, `${other.url}/v3/?key=s3cr3ttwo`];
    const { code, data, output } = await runJson(["schema", "list", "--rpc-url", urls.join(",")]);
    expect([code, data.error.code], output).to.deep.equal([4, "E_CHAIN_ID"]);
    for (const { host } of [new URL(chain.url), new URL(other.url)]) {
      expect(data.error.message).to.include(host);
    }
    expect(output).to.not.match(/s3cr3t/);
  });

  it("show no secret of any URL, also where a node repeats it, and each that is silent is named", async () => {
    const gone = `http://127.0.0.1:${await freePort()}`;
    const silent = [`${dead}/v3/s3cr3tone`, `http://s3cr3tname:s3cr3tword@${gone.slice(7)}/?key=s3cr3ttwo`];
    const none = await runJson(["schema", "list", "--rpc-url", silent.join(",")]);
    expect([none.code, none.data.error.code], none.output).to.deep.equal([4, "E_NODE"]);
    for (const url of [dead, gone]) expect(none.data.error.message).to.include(url.slice(7));
    expect(none.output).to.not.match(/s3cr3t/);

    for (const proxy of [chain, other]) {
      proxy.between(async ({ method, path }, forward) =>
        method === "eth_getCode"
          ? JSON.stringify({ jsonrpc: "2.0", id: 1, error: { code: -32000, message: `no ${path}` } })
          : forward(),
      );
    }
    // The one secret is the beginning of the other.
    const talking = [`${chain.url}/v3/s3cr3t`, `${other.url}/v3/s3cr3ttwo`];
    for (const urls of [talking, [...talking].reverse()]) {
      const told = await runJson(["schema", "list", "--rpc-url", urls.join(",")]);
      expect([told.code, told.data.error.code], told.output).to.deep.equal([4, "E_NODE"]);
      expect(told.output).to.not.match(/s3cr3t|ttwo/);
    }
  });

  it("are refused where one is no URL", async () => {
    for (const wrong of ["ws://127.0.0.1:8545", "nowhere", ""]) {
      const { code, data } = await runJson(["schema", "list", "--rpc-url", chain.url, "--rpc-url", wrong]);
      expect([code, data.error.code]).to.deep.equal([2, "E_USAGE"]);
    }
  });

  it("say which block they disagree about", async () => {
    const head = async (forward: () => Promise<string>) => {
      const answer = JSON.parse(await forward()) as { result: { hash: string; number: string } };
      return JSON.stringify({ ...answer, result: { ...answer.result, hash: `0x${"12".repeat(32)}` } });
    };
    other.between(async ({ method }, forward) =>
      method === "eth_getBlockByNumber" ? head(forward) : forward(),
    );
    const urls = ["--rpc-url", chain.url, "--rpc-url", other.url];
    const [uid] = await chain.attested();
    const verified = await runJson(["verify", uid!, ...urls]);
    expect([verified.code, verified.data.verdict], verified.output).to.deep.equal([3, "undecided"]);
    expect(verified.data.checks[0]).to.include({ name: "header", outcome: "fail" });
    const asking = ["schema", "list", ...urls];
    const { code, stderr, data, output } = await runJson(asking);
    expect([code, data.error?.code], output).to.deep.equal([4, "E_NODE"]);
    expect(stderr).to.match(/disagree about block \d+/);
    for (const { host } of [new URL(chain.url), new URL(other.url)]) expect(stderr).to.include(host);
    expect((await runJson([...asking, "--quiet"])).stderr).to.not.include("disagree about block");
  });
});
