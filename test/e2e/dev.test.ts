import { expect } from "chai";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../support/anvil.js";
import { runCli, runJson, type Running, startCli, stopAll, temporaryFolder } from "../support/cli.js";
import { startHttpProxy } from "../support/httpProxy.js";

const SCHEMA = "string name,uint64 score";

describe("A chain of your own", () => {
  const folder = temporaryFolder();
  const data = join(folder.path, "data");
  let url: string;
  let port: number;
  let dev: Running;

  before(async () => {
    port = await freePort();
    url = `http://127.0.0.1:${port}`;
  });

  after(async () => {
    await stopAll();
    folder.remove();
  });

  async function startDev(...more: string[]): Promise<string> {
    dev = startCli(["dev", "--port", String(port), "--data", data, ...more]);
    return dev.printed(/^data +\S+\n|^\{.*\}\n/m);
  }

  async function endDev(): Promise<{ stdout: string }> {
    dev.child.kill("SIGINT");
    const ended = await dev.ended;
    expect([ended.code, ended.signal], ended.output).to.deep.equal([0, null]);
    return ended;
  }

  async function ask(method: string, ...params: unknown[]): Promise<any> {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const answer = (await (await fetch(url, { method: "POST", body })).json()) as any;
    return answer.result ?? answer.error;
  }

  function csv(name: string, rows: number): string {
    const path = join(folder.path, name);
    writeFileSync(
      path,
      `name,score\n${Array.from({ length: rows }, (_, i) => `${name} ${i},${i}\n`).join("")}`,
    );
    return path;
  }

  /** Local addresses on which a process listens for this port, as the kernel has them. */
  function listening(): string[] {
    const hexPort = port.toString(16).toUpperCase().padStart(4, "0");
    return ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) =>
      readFileSync(file, "utf8")
        .split("\n")
        .map((line) => line.trim().split(/\s+/))
        .filter(([, local, , state]) => local?.endsWith(`:${hexPort}`) && state === "0A")
        .map(([, local]) => local!.split(":")[0]!),
    );
  }

  let uid: string;
  let head: { number: string; hash: string };

  it("prints where it is, serves loopback only, and takes a submit", async () => {
    const printed = await startDev();
    expect(printed).to.include(`${url} (chain 31337)`);
    const registry = /^AttestationRegistry +(0x\w{40})$/m.exec(printed)![1]!;
    expect((await ask("eth_getCode", registry, "latest")).length).to.be.greaterThan(100);
    expect(await ask("eth_chainId")).to.equal("0x7a69");
    // 127.0.0.1 in the kernel's order of bytes.
    if (process.platform === "linux") expect(listening()).to.deep.equal(["0100007F"]);

    const added = await runCli(["schema", "add", SCHEMA, "--rpc-url", url]);
    expect(added.code, added.output).to.equal(0);
    const file = csv("first.csv", 20);
    const done = await runJson(["submit", file, "--schema", SCHEMA, "--rpc-url", url, "--data", data]);
    expect([done.code, done.data.verified], done.output).to.deep.equal([0, 20]);
    const { data: report } = await runJson(["report", "--data", data]);
    uid = report.report[7].uid;

    const batch = [1, 2].map((id) => ({ jsonrpc: "2.0", id, method: "eth_chainId", params: [] }));
    const answers = await (await fetch(url, { method: "POST", body: JSON.stringify(batch) })).json();
    expect((answers as { id: number }[]).map((answer) => answer.id)).to.deep.equal([1, 2]);
    expect((await ask("eth_nothing")).code).to.be.a("number");
    // A page asks whether it may, and then asks.
    const { headers } = await fetch(url, { method: "OPTIONS" });
    expect(headers.get("access-control-allow-origin")).to.equal("*");
    expect(headers.get("access-control-allow-headers")).to.equal("content-type");
  });

  it("refuses what its journal cannot keep, and a second one beside it", async () => {
    for (const method of ["eth_sendTransaction", "evm_mine", "hardhat_setBalance"]) {
      expect((await ask(method, {})).code).to.equal(-32601);
    }
    const beside = await runJson(["dev", "--port", "0", "--data", data]);
    expect([beside.code, beside.data.error.code]).to.deep.equal([1, "E_STORE_HELD"]);
    const elsewhere = join(folder.path, "elsewhere");
    const taken = await runJson(["dev", "--port", String(port), "--data", elsewhere]);
    expect([taken.code, taken.data.error.code]).to.deep.equal([2, "E_USAGE"]);
    const verified = await runCli(["verify", uid, "--network", "embedded", "--data", data]);
    expect(verified.code, verified.output).to.equal(0);
  });

  it("ends on ^C, and is where it was when it is started again", async () => {
    head = await ask("eth_getBlockByNumber", "latest", false);
    const { stdout } = await endDev();
    expect(stdout.trimEnd().split("\n").at(-1)).to.equal("stopped");
    expect((await runJson(["verify", uid, "--rpc-url", url])).data.error.code).to.equal("E_NODE");

    const printed = await startDev("--json");
    expect(JSON.parse(printed)).to.include({ url, chainId: 31337 });
    const now = await ask("eth_getBlockByNumber", "latest", false);
    expect([now.number, now.hash]).to.deep.equal([head.number, head.hash]);
    const verified = await runJson(["verify", uid, "--rpc-url", url]);
    expect([verified.code, verified.data.verdict], verified.output).to.deep.equal([0, "accept"]);
  });

  it("finishes a job whose submit was killed", async () => {
    const proxy = await startHttpProxy(url);
    try {
      proxy.between(async ({ method }, forward) => {
        if (method !== "eth_sendRawTransaction") return forward();
        killed.child.kill("SIGKILL");
        return null;
      });
      const file = csv("killed.csv", 30);
      const killed = startCli(["submit", file, "--schema", SCHEMA, "--rpc-url", proxy.url, "--data", data]);
      expect((await killed.ended).signal).to.equal("SIGKILL");
      await dev.printed(/finished job 2: killed\.csv/);
      const status = await runJson(["status", "2", "--data", data]);
      expect([status.code, status.data.jobs[0].verified]).to.deep.equal([0, 30]);
    } finally {
      await proxy.close();
    }
    const { stdout } = await endDev();
    expect(JSON.parse(stdout)).to.include({ url });
  });
});
