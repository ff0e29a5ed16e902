import { expect } from "chai";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { runJson, type Running, startCli, stopAll, temporaryFolder } from "../support/cli.js";
import { ACCOUNTS, type LocalChain, onceEach, startLocalChain } from "../support/localChain.js";

const SCHEMA = "string name,uint64 score";
const SEND = "eth_sendRawTransaction";

describe("Faults of whole processes", () => {
  const folder = temporaryFolder();
  let chain: LocalChain;
  let places = 0;

  before(async () => {
    chain = await startLocalChain();
    const added = await runJson(["schema", "add", SCHEMA, "--rpc-url", chain.url]);
    expect(added.code, added.output).to.equal(0);
  });

  after(async () => {
    await stopAll();
    await chain?.stop();
    folder.remove();
  });

  afterEach(() => chain?.between(null));

  type Work = {
    data: string;
    command: string[];
    env: { [name: string]: string };
    before: number;
    sent: number;
  };

  /** A file of rows, and the command that puts them on the chain. */
  async function work(rows: number): Promise<Work> {
    places += 1;
    const [file, data] = [join(folder.path, `rows-${places}.csv`), join(folder.path, `data-${places}`)];
    const lines = Array.from({ length: rows }, (_, i) => `person ${places}-${i},${i}\n`);
    writeFileSync(file, `name,score\n${lines.join("")}`);
    return {
      data,
      command: ["submit", file, "--schema", SCHEMA, "--rpc-url", chain.url, "--data", data],
      env: { WAYBILL_ISSUER_KEY: ACCOUNTS[0]!.key, WAYBILL_LANE_KEY: ACCOUNTS[1]!.key },
      before: (await chain.attested()).length,
      sent: await chain.sent(ACCOUNTS[1]!.address),
    };
  }

  /** Runs the command to its end: every row is on the chain once, in order, in as many transactions as were used. */
  async function expectWhole({ data, command, env, before, sent }: Work): Promise<void> {
    const done = await runJson(command, { env });
    expect(done.code, done.output).to.equal(0);
    expect(done.data).to.include({ verified: done.data.rows, duplicate: 0, rejected: 0, mismatched: 0 });
    expect((await chain.sent(ACCOUNTS[1]!.address)) - sent).to.equal(done.data.transactions);
    const { data: report } = await runJson(["report", "--data", data]);
    const uids = (await chain.attested()).slice(before);
    expect(uids).to.deep.equal((report.report as { uid: string }[]).map(({ uid }) => uid));
    expect(uids).to.have.length(done.data.rows);
    expect(onceEach(uids)).to.equal(true);
  }

  it("SIGTERM ends a submit of thousands within a few looks at the chain, and the next one finishes", async () => {
    const job = await work(8_000);
    let running: Running | null = null;
    let after: string[] | null = null;
    chain.between(async ({ method, params }, forward) => {
      after?.push(method === "eth_getBlockByNumber" ? `look at ${String(params[0])}` : method);
      const answer = await forward();
      if (method === SEND && after === null && running !== null) {
        after = [];
        running.child.kill("SIGTERM");
      }
      return answer;
    });
    running = startCli(job.command, { env: job.env });
    const stopped = await running.ended;
    chain.between(null);
    expect(stopped.code, stopped.output).to.equal(130);
    expect(stopped.output).to.include("run the same command to go on");
    const asked = after as string[] | null;
    expect(asked!.filter((what) => what === "look at latest").length, asked!.join()).to.be.at.most(2);
    // What was being made when the signal came is handed in; nothing is begun after that.
    expect(asked!.filter((method) => method === SEND).length).to.be.at.most(16);
    expect((await chain.attested()).length - job.before).to.be.lessThan(8_000);
    await expectWhole(job);
  });

  /**
   * Stops the process with its second simulation unanswered, which is the last question before a batch is signed; the
   * first batch has been handed in.
   */
  async function frozen({ command, env }: Work): Promise<Running & { thaw(): void; asked: string[] }> {
    const asked: string[] = [];
    let thaw = () => {};
    let running: Running | null = null;
    let left = 2;
    let handedIn = () => {};
    const isHandedIn = new Promise<void>((resolve) => (handedIn = resolve));
    const stopped = new Promise<void>((resolve) => {
      chain.between(async ({ method, params }, forward) => {
        asked.push(method);
        if (method === SEND) {
          const reply = await forward();
          handedIn();
          return reply;
        }
        const isSimulation = method === "eth_call" && "from" in (params[0] as object);
        if (!isSimulation || (left -= 1) !== 0) return forward();
        const answer = await forward();
        await isHandedIn;
        running!.child.kill("SIGSTOP");
        resolve();
        await new Promise<void>((go) => (thaw = go));
        asked.length = 0;
        running!.child.kill("SIGCONT");
        return answer;
      });
    });
    running = startCli(command, { env });
    await stopped;
    return { ...running, thaw: () => thaw(), asked };
  }

  it("two processes, one wallet: the store of one that is stopped opens for no other, and it goes on when it is let", async () => {
    const job = await work(900);
    const first = await frozen(job);
    const second = await runJson(job.command, { env: job.env });
    expect([second.code, second.data.error.code]).to.deep.equal([1, "E_STORE_HELD"]);
    expect(second.data.error.message).to.include(`process ${first.child.pid} `);
    first.thaw();
    const ended = await first.ended;
    expect(ended.code, ended.output).to.equal(0);
    await expectWhole(job);
  });

  it("two processes, one wallet: one that was stopped past its lease writes nothing any more", async () => {
    const job = await work(900);
    const first = await frozen(job);
    const [name] = readdirSync(job.data).filter((one) => one.startsWith("chain-"));
    const database = new DatabaseSync(join(job.data, name!, "waybill.sqlite"), { timeout: 5_000 });
    try {
      // As another process would that found the lease run out, on a store that is not bound to one machine.
      expect(database.prepare("UPDATE lanes SET token = token + 1").run().changes).to.equal(1);
      const rows = () =>
        ["batches", "attempts", "events"].map((table) =>
          JSON.stringify(database.prepare(`SELECT * FROM ${table} ORDER BY id`).all(), (_, value: unknown) =>
            value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value,
          ),
        );
      const before = rows();
      first.thaw();
      const ended = await first.ended;
      expect(ended.stderr, ended.output).to.match(/E_LANE_TAKEN/);
      expect(ended.code).to.equal(1);
      expect(rows()).to.deep.equal(before);
      expect(first.asked).to.not.include(SEND);
    } finally {
      database.close();
    }
    chain.between(null);
    await expectWhole(job);
  });
});
