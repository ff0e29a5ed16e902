import { expect } from "chai";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encryptKeystoreJson } from "ethers";
import { freePort } from "../support/anvil.js";
import { type Ended, runCli, runJson, startCli, stopAll, temporaryFolder } from "../support/cli.js";
import { refusal } from "../support/httpProxy.js";
import { ACCOUNTS, type LocalChain, startLocalChain } from "../support/localChain.js";

const SCHEMA = "string name,uint64 score,bool isHuman,address wallet,bytes32 word,int8[2] pair";
const SMALL = "string name,uint64 score";
const ADDRESS = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
const WORD = `0x${"ab".repeat(32)}`;

describe("What cannot be done", () => {
  const folder = temporaryFolder();
  let chain: LocalChain;
  let places = 0;

  before(async () => {
    chain = await startLocalChain();
    for (const schema of [SCHEMA, SMALL]) {
      const { code, output } = await runCli(["schema", "add", schema, "--rpc-url", chain.url]);
      expect(code, output).to.equal(0);
    }
  });

  after(async () => {
    await stopAll();
    await chain?.stop();
    folder.remove();
  });

  afterEach(() => chain?.between(null));

  const newData = () => join(folder.path, `data-${(places += 1)}`);

  function file(name: string, content: string | Buffer): string {
    const path = join(folder.path, name);
    writeFileSync(path, content);
    return path;
  }

  const foldersIn = (data: string) => readdirSync(data).filter((name) => name.startsWith("chain-31337-"));

  const good = () => file(`good-${(places += 1)}.csv`, `name,score\nAda ${places},1\n`);

  /** Everything that is written in a folder, as text. */
  function textsIn(path: string): string {
    return readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"))
      .join("\n");
  }

  /** Fails with this code and exit code, in one JSON document, and on stderr as code, place, cause and what to do. */
  async function refused(
    args: string[],
    code: string,
    exit: number,
    env: { [name: string]: string } = {},
  ): Promise<Ended & { data: any }> {
    const ended = await runJson(args, { env });
    expect([ended.data.error?.code, ended.code], ended.output).to.deep.equal([code, exit]);
    expect(ended.data.error.message).to.be.a("string").with.length.greaterThan(10);
    expect(ended.output).not.to.include("E_BUG");
    return ended;
  }

  const submit = (path: string, schema: string, data: string, ...more: string[]) => [
    ...["submit", path, "--schema", schema, "--rpc-url", chain.url, "--data", data],
    ...more,
  ];

  it("is refused for a schema that is not registered or does not parse, by id and by text", async () => {
    const path = good();
    for (const [schema, code] of [
      [WORD, "E_SCHEMA_UNKNOWN"],
      ["string neverAdded", "E_SCHEMA_UNKNOWN"],
      ["string name,uint65 score", "E_SCHEMA"],
      ["", "E_SCHEMA"],
    ] as const) {
      const { stderr } = await refused(submit(path, schema, newData()), code, 2);
      expect(stderr).to.match(new RegExp(`^${code} `));
    }
    await refused(["schema", "add", "uint64", "--rpc-url", chain.url], "E_SCHEMA", 2);
    await refused(["schema", "show", "bool never", "--rpc-url", chain.url], "E_SCHEMA_UNKNOWN", 2);
  });

  it("is refused for a file that is no such file, and nothing is stored", async () => {
    const before = (await chain.attested()).length;
    const cases = [
      [file("latin1.csv", Buffer.from("name,score\nJ\xfcrgen,1\n", "latin1")), "E_FILE_UTF8", 6],
      [file("missing.csv", "name\nAda\n"), "E_COLUMN_MISSING", 6],
      [file("unknown.csv", "name,score,shoe\nAda,1,42\n"), "E_COLUMN_UNKNOWN", 6],
      [file("twice.csv", "name,score,score\nAda,1,1\n"), "E_COLUMN_TWICE", 6],
      [file("empty.csv", ""), "E_FILE_EMPTY", 6],
      [file("table.xlsx", "PK"), "E_INPUT_KIND", 2],
      [join(folder.path, "nowhere.csv"), "E_FILE_OPEN", 2],
      [folder.path, "E_FILE_OPEN", 2],
    ] as const;
    await Promise.all(
      cases.map(async ([path, code, exit]) => {
        const data = newData();
        const { stderr } = await refused(submit(path, SMALL, data), code, exit);
        expect(stderr).to.include(path.split("/").at(-1)!);
        expect((await runJson(["status", "--data", data])).data.jobs ?? []).to.deep.equal([]);
      }),
    );
    expect(await chain.attested()).to.have.length(before);
  });

  it("names every bad row by line and column, sends nothing and stores nothing", async () => {
    const header = "name,score,isHuman,wallet,word,pair,recipient,expires,ref,id";
    const row = (changes: { [column: string]: string } = {}) => {
      const cells: { [column: string]: string } = {
        ...{ name: "Ada", score: "1", isHuman: "true", wallet: ADDRESS, word: WORD, pair: '"[1,-1]"' },
        ...{ recipient: "", expires: "", ref: "", id: "" },
        ...changes,
      };
      return header
        .split(",")
        .map((column) => cells[column]!)
        .join(",");
    };
    const bad: [line: string, column: string | null][] = [
      [row({ score: "1.5" }), "score"],
      [row({ score: "-1" }), "score"],
      [row({ score: "18446744073709551616" }), "score"],
      [row({ score: "" }), "score"],
      [row({ isHuman: "no" }), "isHuman"],
      [row({ isHuman: "TRUE" }), "isHuman"],
      [row({ isHuman: "0" }), "isHuman"],
      [row({ wallet: ADDRESS.slice(0, -1) }), "wallet"],
      [row({ wallet: ADDRESS.replace("C", "c") }), "wallet"],
      [row({ word: "0xabcd" }), "word"],
      [row({ pair: '"[1]"' }), "pair"],
      [row({ pair: '"[1,128]"' }), "pair[1]"],
      [row({ recipient: "ada.eth" }), "recipient"],
      [row({ expires: "yesterday" }), "expires"],
      [row({ expires: "2001-01-01" }), "expires"],
      [row({ ref: "0x12" }), "ref"],
      ["Ada,1,true", null],
      ['Ada "the" Countess,1,true,' + row().split(",").slice(3).join(","), "name"],
    ];
    const path = file(
      "bad.csv",
      [header, row(), ...bad.map(([line]) => line), row({ id: "z" }), ""].join("\n"),
    );
    const data = newData();
    const before = (await chain.attested()).length;
    for (const command of [submit(path, SCHEMA, data), submit(path, SCHEMA, data, "--dry-run")]) {
      const { data: answer } = await refused(command, "E_ROWS", 6);
      expect([answer.rows, answer.good, answer.bad]).to.deep.equal([bad.length + 2, 2, bad.length]);
      for (const [index, [, column]] of bad.entries()) {
        const place = `bad.csv:${index + 3}${column === null ? ":" : ` column ${column}:`}`;
        const found = (answer.faults as string[]).filter((fault) => fault.includes(place));
        expect(found, place).to.have.length(1);
        expect(found[0]).to.match(/^E_ROW_[A-Z]+ /);
      }
      expect(answer.faults).to.have.length(bad.length);
    }
    const planned = await runCli(["plan", path, "--schema", SCHEMA, "--rpc-url", chain.url]);
    expect(planned.code).to.equal(6);
    expect(planned.stdout).to.include("bad.csv:7 column isHuman:");
    expect(await chain.attested()).to.have.length(before);
    expect((await runJson(["status", "--data", data])).data.jobs).to.deep.equal([]);

    const lines = file(
      "bad.jsonl",
      '{"name":"Ada","score":1}\n{"name":"Ada","score":9007199254740993}\n{oh no\n',
    );
    const json = await refused(submit(lines, SMALL, data), "E_ROWS", 6);
    expect(json.data.faults).to.have.length(2);
    expect(json.data.faults[0]).to.include("bad.jsonl:2 column score:");
    expect(json.data.faults[1]).to.include("bad.jsonl:3:");
  });

  it("is refused where the node serves another chain, does not answer, or has no registry", async () => {
    const path = good();
    const at = (url: string) => ["submit", path, "--schema", SMALL, "--rpc-url", url, "--data", newData()];
    await refused([...at(chain.url), "--network", "sepolia"], "E_CHAIN_ID", 4);
    await refused([...at(chain.url), "--network", "nowhere"], "E_NETWORK", 2);
    await refused(at(`http://127.0.0.1:${await freePort()}`), "E_NODE", 4);
    await refused(at("ws://127.0.0.1:8545"), "E_USAGE", 2);
    await refused([...at(chain.url), "--registry", ADDRESS], "E_REGISTRY_MISSING", 4);
    await refused([...at(chain.url), "--registry", chain.registry.schemaRegistry], "E_REGISTRY_MISSING", 4);
    await refused(["plan", path, "--schema", SMALL, "--network", "sepolia"], "E_USAGE", 2);
    // A node that answers, and refuses: its fault, not ours.
    chain.between(async ({ method }, forward) =>
      method === "eth_maxPriorityFeePerGas" ? refusal(-32601, "the method is not there") : forward(),
    );
    await refused(["plan", path, "--schema", SMALL, "--rpc-url", chain.url], "E_NODE", 4);
  });

  it("shows no part of a node's URL that may be secret, also where the node repeats it", async () => {
    const secrets = ["s3cr3tpath", "s3cr3tquery", "s3cr3tuser", "s3cr3tword"];
    const path = good();
    const { host } = new URL(chain.url);
    const urls = [
      `http://${host}/v3/s3cr3tpath?key=s3cr3tquery`,
      `http://s3cr3tuser:s3cr3tword@${host}/v3/s3cr3tpath`,
      `http://127.0.0.1:${await freePort()}/v3/s3cr3tpath?key=s3cr3tquery`,
    ];
    chain.between(async ({ method, path: asked }, forward) =>
      method === "eth_maxPriorityFeePerGas"
        ? refusal(-32000, `project ${asked} is over its limit`)
        : forward(),
    );
    const commands = [
      ["submit", path, "--schema", SMALL],
      ["submit", path, "--schema", SMALL, "--network", "sepolia"],
      ["attest", SMALL, "name=a", "score=x"],
    ];
    await Promise.all(
      urls.flatMap((url) =>
        commands.map(async (command) => {
          const data = newData();
          mkdirSync(data);
          const env = { WAYBILL_RPC_URL: url };
          const { output, code } = await runCli([...command, "--data", data], { env });
          expect(code, output).to.be.greaterThan(0);
          for (const secret of secrets) expect(output + textsIn(data)).not.to.include(secret);
        }),
      ),
    );
  });

  it("says that a key has no funds, and goes on once it has", async () => {
    const poor = `0x${"7".repeat(64)}`;
    const env = { WAYBILL_ISSUER_KEY: ACCOUNTS[0]!.key, WAYBILL_LANE_KEY: poor };
    const data = newData();
    const command = submit(good(), SMALL, data);
    const { data: answer } = await refused(command, "E_FUNDS", 1, env);
    const address = /0x[0-9a-fA-F]{40}/.exec(answer.error.message)![0];
    await refused(["schema", "add", "string unpaid", "--rpc-url", chain.url], "E_FUNDS", 1, env);
    // Something, but not enough for one transaction.
    await chain.anvil.request("anvil_setBalance", [address, "0x1"]);
    await refused(command, "E_FUNDS", 1, env);
    await refused(["schema", "add", "string unpaid", "--rpc-url", chain.url], "E_FUNDS", 1, env);
    const status = await runJson(["status", "--data", data]);
    expect(status.data.jobs[0]).to.include({ rows: 1, verified: 0, done: false });

    await chain.anvil.request("anvil_setBalance", [address, `0x${(10n ** 18n).toString(16)}`]);
    const done = await runJson(command, { env });
    expect([done.code, done.data.verified], done.output).to.deep.equal([0, 1]);
  });

  it("never says a key, however wrong it is", async () => {
    const secret = "deadbeefcafe0123456789abcdef0123456789abcdef0123456789abcdef01";
    const data = newData();
    mkdirSync(data);
    const path = good();
    const keyFile = file("short.key", `0x${secret}`);
    const long = file("long.key", `${secret}${secret}`);
    const json = file("broken.json", `{"key":"${secret}"`);
    const zero = file("zero.key", "0".repeat(64));
    const attempts: [string[], { [name: string]: string }][] = [
      [["--issuer-key-file", keyFile], {}],
      [["--lane-key-file", long], {}],
      [["--issuer-key-file", json], { WAYBILL_ISSUER_PASSWORD: secret }],
      [["--issuer-key-file", zero], {}],
      [["--issuer-key-file", join(folder.path, "nowhere.key")], {}],
      [["--issuer-key-file", folder.path], {}],
      // The key itself where its file is meant.
      [["--issuer-key-file", `0x${secret}ab`], {}],
      [["--lane-key-file", `${secret}ab`], {}],
      [[], { WAYBILL_ISSUER_KEY: secret }],
      [[], { WAYBILL_LANE_KEY: `${secret}zz` }],
    ];
    await Promise.all(
      attempts.map(async ([options, env]) => {
        const { output } = await refused(submit(path, SMALL, data, ...options), "E_KEY", 2, env);
        expect(output).not.to.include(secret);
      }),
    );
    const works = { WAYBILL_ISSUER_KEY: ACCOUNTS[2]!.key };
    const done = await runCli(submit(path, SMALL, data), { env: works });
    expect(done.code, done.output).to.equal(0);
    for (const text of [done.output, textsIn(data)]) {
      expect(text).not.to.include(secret);
      expect(text).not.to.include(ACCOUNTS[2]!.key.slice(2));
      expect(text).not.to.include(Buffer.from(ACCOUNTS[2]!.key.slice(2), "hex").toString("latin1"));
    }
  });

  it("opens an encrypted keystore with its password and with no other", async () => {
    const { address, key } = ACCOUNTS[3]!;
    const json = await encryptKeystoreJson({ address, privateKey: key }, "right horse", {
      scrypt: { N: 2, r: 1, p: 1 },
    });
    const keystore = file("keystore.json", json);
    const data = newData();
    const command = submit(good(), SMALL, data, "--issuer-key-file", keystore);
    const wrong = await refused(command, "E_KEY", 2, { WAYBILL_ISSUER_PASSWORD: "wrong horse" });
    expect(wrong.output).not.to.include("horse");
    await refused(command, "E_KEY", 2);
    const done = await runCli(command, { env: { WAYBILL_ISSUER_PASSWORD: "right horse" } });
    expect(done.code, done.output).to.equal(0);
    const { data: report } = await runJson(["report", "--data", data]);
    expect(report.attester).to.equal(address);
    expect(textsIn(data) + done.output).not.to.include("right horse");
  });

  it("is not done on a main network without a person's word or --yes", async () => {
    const main = await startLocalChain("--chain-id", "1");
    try {
      const env = { WAYBILL_ISSUER_KEY: ACCOUNTS[0]!.key, WAYBILL_NETWORK: "mainnet" };
      const data = newData();
      const write = ["--rpc-url", main.url];
      const path = good();
      await refused(["schema", "add", SMALL, ...write], "E_USAGE", 2, env);
      const added = await runCli(["schema", "add", SMALL, "--yes", ...write], { env });
      expect(added.code, added.output).to.equal(0);
      const sent = await main.sent(ACCOUNTS[0]!.address);
      const command = ["submit", path, "--schema", SMALL, ...write, "--data", data];
      const { data: answer } = await refused(command, "E_USAGE", 2, env);
      expect(answer.error.mend).to.include("ETH").and.include("--yes");
      await refused(["attest", SMALL, "name=a", "score=1", ...write], "E_USAGE", 2, env);
      // Without its name, a write goes to no network but the local one; and no key stands in.
      await refused(command, "E_USAGE", 2, { WAYBILL_ISSUER_KEY: ACCOUNTS[0]!.key });
      await refused([...command, "--yes"], "E_KEY", 2, { WAYBILL_NETWORK: "mainnet" });
      expect(await main.sent(ACCOUNTS[0]!.address)).to.equal(sent);

      const done = await runJson([...command, "--yes"], { env });
      expect([done.code, done.data.verified], done.output).to.deep.equal([0, 1]);
    } finally {
      await main.stop();
    }
  });

  it("is not done by two at a time in one store, nor in the store of another chain", async () => {
    const data = newData();
    const first = startCli(submit(good(), SMALL, data, "--max-fee", "1wei"));
    await first.printed(/holding: /);
    const { data: answer } = await refused(submit(good(), SMALL, data), "E_STORE_HELD", 1);
    expect(answer.error.message).to.include(`process ${first.child.pid} `);
    expect((await runJson(["status", "--data", data])).data.jobs).to.have.length(1);
    first.child.kill("SIGTERM");
    expect((await first.ended).code).to.equal(130);

    // Each chain has a folder of its own; a folder that was renamed is found out.
    const [own] = foldersIn(data);
    const other = await startLocalChain();
    try {
      const added = await runCli(["schema", "add", SMALL, "--rpc-url", other.url]);
      expect(added.code, added.output).to.equal(0);
      const path = good();
      const there = ["submit", path, "--schema", SMALL, "--rpc-url", other.url, "--data", data];
      expect((await runCli(there)).code).to.equal(0);
      const [second, ...more] = foldersIn(data).filter((name) => name !== own);
      expect(more).to.deep.equal([]);
      rmSync(join(data, second!), { recursive: true });
      renameSync(join(data, own!), join(data, second!));
      await refused(there, "E_STORE_CHAIN", 1);
    } finally {
      await other.stop();
    }
  });

  it("is told apart from what cannot be revoked", async () => {
    const data = newData();
    const write = ["--rpc-url", chain.url, "--data", data];
    await refused(["revoke", WORD, ...write], "E_UNKNOWN_UID", 1);
    await refused(["revoke", "0x12", ...write], "E_USAGE", 2);
    await refused(["revoke", ...write], "E_USAGE", 2);
    await refused(["revoke", "--from", file("uids.txt", `${WORD}\nnone\n`), ...write], "E_ROW_UID", 6);
    const [uid] = await chain.attested();
    const env = { WAYBILL_ISSUER_KEY: ACCOUNTS[3]!.key };
    await refused(["revoke", uid!, ...write], "E_NOT_YOURS", 1, { ...env });
    const undecided = await runJson(["verify", WORD, "--rpc-url", chain.url]);
    expect([undecided.code, undecided.data.verdict]).to.deep.equal([3, "undecided"]);
    await refused(["status", "7", "--data", newData()], "E_STORE_NONE", 2);
    await refused(["schema", "list", "--from-block", "x", "--rpc-url", chain.url], "E_USAGE", 2);
    await refused(["dev", "--port", "70000", "--data", data], "E_USAGE", 2);
  });
});
