import { expect } from "chai";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { JsonRpcProvider, Wallet } from "ethers";
import { AttestationRegistry__factory, SchemaRegistry__factory } from "../../src/bindings/index.js";
import { type Hex, ZERO_ADDRESS, ZERO_WORD } from "../../src/hex.js";
import { schemaId } from "../../src/schema.js";
import { runCli, runJson, stopAll, temporaryFolder } from "../support/cli.js";
import { ACCOUNTS, type LocalChain, startLocalChain } from "../support/localChain.js";

const SCORES = "string name,uint64 score";
const NOTES = "string note";
const [, LANE, ISSUER] = ACCOUNTS;

describe("Revoking by what was issued", () => {
  const folder = temporaryFolder();
  const env = { WAYBILL_ISSUER_KEY: ISSUER!.key, WAYBILL_LANE_KEY: LANE!.key };
  let chain: LocalChain;
  let places = 0;
  let noon: number;
  const uids: { [name: string]: Hex[] } = {};

  before(async () => {
    chain = await startLocalChain();
    for (const schema of [SCORES, NOTES])
      expect((await runCli(["schema", "add", schema, "--rpc-url", chain.url])).code).to.equal(0);
    await issue("early scores", SCORES, 12);
    await issue("early notes", NOTES, 3);
    // Whoever issues as well is none of ours.
    await issue("others", SCORES, 2, [], { WAYBILL_ISSUER_KEY: LANE!.key });
    await chain.anvil.request("evm_increaseTime", [10_000]);
    await chain.anvil.request("evm_mine", []);
    noon = Number(((await chain.anvil.request("eth_getBlockByNumber", ["latest", false])) as any).timestamp);
    await issue("late scores", SCORES, 5);
    await issue("for ever", NOTES, 2, ["--irrevocable"]);
  });

  after(async () => {
    await stopAll();
    await chain?.stop();
    folder.remove();
  });

  afterEach(() => chain?.between(null));

  /** Options that name the node and a store that knows nothing. */
  function at(data = join(folder.path, `data-${(places += 1)}`)): string[] {
    return ["--rpc-url", chain.url, "--data", data];
  }

  async function issue(name: string, schema: string, rows: number, more: string[] = [], who = {}) {
    const file = join(folder.path, `${name}.jsonl`);
    const values = (row: number) =>
      schema === NOTES ? { note: `${name} ${row}` } : { name: `${name} ${row}`, score: row };
    const lines = Array.from({ length: rows }, (_, row) => JSON.stringify(values(row)));
    writeFileSync(file, lines.join("\n"));
    const before = (await chain.attested()).length;
    const ended = await runCli(["submit", file, "--schema", schema, ...more, ...at()], {
      env: { ...env, ...who },
    });
    expect(ended.code, ended.output).to.equal(0);
    uids[name] = (await chain.attested()).slice(before);
    expect(uids[name]).to.have.length(rows);
  }

  function revoke(...args: string[]) {
    return runJson(["revoke", ...args], { env });
  }

  it("lists on a dry run exactly what matches, in the chain's order, and sends nothing", async () => {
    const sent = await chain.sent(LANE!.address);
    for (const [filter, names] of [
      [
        ["--schema", SCORES],
        ["early scores", "late scores"],
      ],
      [["--schema", SCORES, "--before", String(noon)], ["early scores"]],
      [["--since", String(noon)], ["late scores"]],
      [
        ["--before", new Date(noon * 1000).toISOString()],
        ["early scores", "early notes"],
      ],
      [["--since", "2026-01-01", "--before", "2026-01-02"], []],
    ] as const) {
      const { code, output, data } = await revoke(...filter, "--dry-run", ...at());
      expect(code, output).to.equal(0);
      expect(data.wouldRevoke ?? [], filter.join(" ")).to.deep.equal(names.flatMap((name) => uids[name]!));
    }
    const text = await runCli(["revoke", "--schema", SCORES, "--dry-run", ...at()], { env });
    expect(text.stdout.split("\n").slice(0, 12)).to.deep.equal(uids["early scores"]);
    expect(text.stdout).to.include("would revoke 17 attestations");
    expect(await chain.sent(LANE!.address)).to.equal(sent);
  });

  it("revokes all that matches and nothing else, once, whichever store it is run from", async () => {
    const filter = ["--schema", SCORES, "--before", String(noon), "--reason", "wrong unit"];
    const done = await revoke(...filter, ...at());
    expect(done.code, done.output).to.equal(0);
    expect(done.data).to.include({ rows: 12, verified: 12, done: true });
    expect(await chain.revoked()).to.deep.equal(uids["early scores"]);
    const sent = await chain.sent(LANE!.address);
    for (const store of [at(), at(join(folder.path, "data-again"))]) {
      const again = await revoke(...filter, ...store);
      expect([again.code, again.data.revoked, again.data.before]).to.deep.equal([0, 0, 12]);
    }
    expect(await chain.sent(LANE!.address)).to.equal(sent);
  });

  it("counts what can never be revoked, and revokes the others", async () => {
    const { code, data, output } = await revoke("--schema", NOTES, "--dry-run", ...at());
    expect([code, data.wouldRevoke, data.irrevocable], output).to.deep.equal([0, uids["early notes"], 2]);
    expect(data.roots).to.equal(undefined);
    const before = (await chain.revoked()).length;
    expect((await revoke("--schema", NOTES, ...at())).code).to.equal(0);
    expect((await chain.revoked()).slice(before)).to.deep.equal(uids["early notes"]);
  });

  it("counts what was sealed, which it does not touch, and says of a uid how such a one ends", async () => {
    const file = join(folder.path, "sealed.jsonl");
    writeFileSync(file, '{"name":"sealed","score":1}\n{"name":"sealed","score":2}\n');
    const data = join(folder.path, "sealed");
    const sealed = await runCli(["submit", file, "--schema", SCORES, "--level", "seal", ...at(data)], {
      env,
    });
    expect(sealed.code, sealed.output).to.equal(0);
    const filtered = await revoke("--schema", SCORES, "--since", String(noon), "--dry-run", ...at());
    expect([filtered.data.wouldRevoke, filtered.data.roots]).to.deep.equal([uids["late scores"], 1]);
    expect((await revoke("--schema", NOTES, "--dry-run", ...at())).data.roots).to.equal(undefined);
    const { data: report } = await runJson(["report", "--data", data]);
    const { code, data: refused } = await revoke(report.report[0].uid, ...at());
    expect([code, refused.error.code]).to.deep.equal([1, "E_UNKNOWN_UID"]);
    expect(refused.error.mend).to.include("revokeLeaves");
  });

  it("finds the same where the node takes questions about few blocks only", async () => {
    let refused = 0;
    chain.between(async ({ method, params }, forward) => {
      const [range] = params as [{ fromBlock?: string; toBlock?: string }];
      if (method !== "eth_getLogs" || range.fromBlock === undefined) return forward();
      if (Number(range.toBlock) - Number(range.fromBlock) < 4) return forward();
      refused += 1;
      const error = { code: -32005, message: "query exceeds max block range" };
      return JSON.stringify({ jsonrpc: "2.0", id: 1, error });
    });
    const { data, output } = await revoke("--since", String(noon), "--dry-run", ...at());
    expect(data.wouldRevoke, output).to.deep.equal(uids["late scores"]);
    expect(refused).to.be.greaterThan(0);
  });

  it("revokes nothing by an event that is not what its uid names", async () => {
    const sent = await chain.sent(LANE!.address);
    chain.between(async ({ method }, forward) => {
      const answer = await forward();
      if (method !== "eth_getLogs") return answer;
      return answer.replaceAll(uids["late scores"]![0]!, uids["early notes"]![0]!);
    });
    const { code, data } = await revoke("--since", String(noon), ...at());
    expect([code, data.error.code]).to.deep.equal([4, "E_NODE"]);
    expect(await chain.sent(LANE!.address)).to.equal(sent);
  });

  it("refuses a filter that is none, and uids together with one", async () => {
    for (const args of [
      ["--before", "yesterday"],
      ["--since", "2026-02-30"],
      ["--since", "2026-02-02", "--before", "2026-02-01"],
      [uids["others"]![0]!, "--schema", SCORES],
      [],
    ]) {
      const { code, data } = await revoke(...args, ...at());
      expect([code, data.error.code], args.join(" ")).to.deep.equal([2, "E_USAGE"]);
    }
    expect((await revoke("--schema", "string unheardOf", ...at())).data.error.code).to.equal(
      "E_SCHEMA_UNKNOWN",
    );
  });

  it("asks first on every network but the local one, for nobody has named each", async () => {
    const sepolia = await startLocalChain("--chain-id", "11155111");
    try {
      const { registry } = sepolia;
      const wallet = new Wallet(
        ISSUER!.key,
        new JsonRpcProvider(sepolia.url, undefined, { staticNetwork: true, cacheTimeout: -1 }),
      );
      const schemas = SchemaRegistry__factory.connect(registry.schemaRegistry, wallet);
      await (await schemas.register(NOTES, ZERO_ADDRESS, true)).wait();
      const contract = AttestationRegistry__factory.connect(registry.domain.registry, wallet);
      const attestation = { schema: schemaId(NOTES, ZERO_ADDRESS, true), attester: wallet.address };
      const rest = { ref: ZERO_WORD, expiresAt: 0, revocable: true, salt: ZERO_WORD, data: "0x" };
      await (await contract.attest({ ...attestation, ...rest, recipient: ZERO_ADDRESS })).wait();

      const data = join(folder.path, "sepolia");
      const where = ["--network", "sepolia", "--rpc-url", sepolia.url, "--data", data];
      const asked = await revoke("--schema", NOTES, ...where);
      expect([asked.code, asked.data.error.code]).to.deep.equal([2, "E_USAGE"]);
      expect(await sepolia.revoked()).to.deep.equal([]);
      const dry = await revoke("--schema", NOTES, "--dry-run", ...where);
      expect([dry.code, dry.data.wouldRevoke.length], dry.output).to.deep.equal([0, 1]);
    } finally {
      await sepolia.stop();
    }
  });
});
