import { expect } from "chai";
import { Wallet } from "ethers";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { uidOf } from "../../src/attestation.js";
import { registerSchemaCall } from "../../src/chain/registry.js";
import { easItem, readEas } from "../../src/eas.js";
import { type Hex, hex, ZERO_ADDRESS } from "../../src/hex.js";
import { encode, parseSchema, schemaId } from "../../src/schema.js";
import { runCli, runJson, stopAll, temporaryFolder } from "../support/cli.js";
import { easDocument, type EasMessage } from "../support/eas.js";
import { ACCOUNTS, type LocalChain, onceEach, startLocalChain } from "../support/localChain.js";

const DEFINITION = "string name,uint64 score";
const SCHEMA = schemaId(DEFINITION, ZERO_ADDRESS, true);
const FIRM = "string name,uint64 points";
const [ISSUER, , STRANGER, DEPLOYER] = ACCOUNTS;
const CHAIN_ID = 31337n;

describe("What was signed for EAS, on the command line", () => {
  const folder = temporaryFolder();
  const issuer = new Wallet(ISSUER!.key);
  let chain: LocalChain;
  /** EAS as far as it is asked: one that has no revocations, and one that has all. */
  let [eas, revoking]: Hex[] = [];
  let count = 0;

  before(async () => {
    chain = await startLocalChain();
    for (const args of [[DEFINITION], [FIRM, "--irrevocable"]]) {
      const { code, output } = await runCli(["schema", "add", ...args, "--rpc-url", chain.url]);
      expect(code, output).to.equal(0);
    }
    [eas, revoking] = [await deployed(0), await deployed(7)];
  });

  after(async () => {
    await stopAll();
    await chain?.stop();
    folder.remove();
  });

  it("is issued once, whoever's store it comes from, with all that was signed", async () => {
    const files = [
      await file({ name: "Ada" }),
      await file({ name: "Bob" }, { recipient: STRANGER!.address, refUID: `0x${"1".repeat(64)}` }),
      await file({ name: "Cyd" }, { revocable: false, expirationTime: 2 ** 33 }),
    ];
    const options = at();
    const planned = await runJson(["import", ...files, "--dry-run", ...options]);
    expect(planned.code, planned.output).to.equal(0);
    expect(await chain.attested()).to.have.length(0);
    const done = await runJson(["import", ...files, ...options]);
    expect(done.code, done.output).to.equal(0);
    expect(done.data).to.include({ rows: 3, verified: 3, transactions: 1 });
    const uids = done.data.attestations.map(({ uid }: { uid: Hex }) => uid);
    expect(planned.data.attestations).to.deep.equal(done.data.attestations);
    for (const [index, text] of files.map((name) => texts.get(name)!).entries()) {
      const item = easItem(readEas(text, "x"));
      const uid = uidOf(chain.registry.separator, { ...item, schema: SCHEMA, attester: ISSUER!.address });
      expect(uids[index]).to.equal(uid);
    }
    expect([...(await chain.attested())].sort()).to.deep.equal([...uids].sort());
    // Bob's refers to something at EAS, which nobody can look up here.
    for (const [index, code] of [0, 3, 0].entries()) {
      const verified = await runJson(["verify", uids[index], "--rpc-url", chain.url]);
      expect(verified.code, verified.output).to.equal(code);
    }

    const sent = await chain.sent(ACCOUNTS[1]!.address);
    const again = await runJson(["import", ...files, ...options]);
    expect(again.code, again.output).to.equal(0);
    expect(await chain.sent(ACCOUNTS[1]!.address)).to.equal(sent);
    const elsewhere = await runJson(["import", ...files, ...at()]);
    expect(elsewhere.code, elsewhere.output).to.equal(0);
    expect(elsewhere.data.attestations).to.deep.equal(done.data.attestations);
    expect(onceEach(await chain.attested())).to.equal(true);
  });

  it("goes to a level and a stream", async () => {
    const files = [await file({ name: "Dan" }), await file({ name: "Eve" })];
    const options = at();
    const args = ["import", ...files, "--level", "seal", "--stream", "arrivals", ...options];
    const done = await runJson(args);
    expect(done.code, done.output).to.equal(0);
    expect(done.data).to.include({ rows: 2, verified: 2 });
    const exported = await runCli(["export", "1", "--data", options.at(-1)!]);
    const waybills = exported.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(waybills.map(({ stream }) => stream.position)).to.deep.equal(["0", "1"]);
    expect(waybills.map(({ proof }) => proof.level)).to.deep.equal(["seal", "seal"]);
  });

  it("is checked without a node", async () => {
    const good = await file({ name: "Ada" });
    const bad = join(folder.path, "bad.json");
    writeFileSync(bad, texts.get(good)!.replace('"expirationTime":0', '"expirationTime":1'));
    const nowhere = { env: { WAYBILL_RPC_URL: "http://127.0.0.1:1" } };
    const plain = await runJson(["import", good, "--check"], nowhere);
    expect(plain.code, plain.output).to.equal(0);
    expect(plain.data[0]).to.include({ ok: true, version: 2, attester: issuer.address, schema: SCHEMA });
    const known = await runJson(["import", good, "--check", "--schema", DEFINITION], nowhere);
    expect(known.code, known.output).to.equal(0);
    const other = await runJson(["import", good, "--check", "--schema", FIRM], nowhere);
    expect([other.code, other.data[0].error.code]).to.deep.equal([6, "E_EAS_SCHEMA"]);
    const both = await runJson(["import", good, bad, "--check"], nowhere);
    expect([both.code, both.data[0].ok, both.data[1].error.code]).to.deep.equal([6, true, "E_EAS_UID"]);
    expect((await runCli(["import", join(folder.path, "none.json"), "--check"])).code).to.equal(2);
  });

  it("is refused with a reason, and nothing of the others is sent", async () => {
    const good = await file({ name: "good" });
    const before = await chain.attested();
    const bad = {
      E_EAS_ISSUER: await file({ name: "a" }, {}, { by: new Wallet(STRANGER!.key) }),
      E_EAS_CHAIN: await file({ name: "b" }, {}, { chainId: 10n }),
      E_EAS_EXPIRED: await file({ name: "c" }, { expirationTime: 1_700_000_000 }),
      E_EAS_EXPIRY: await file({ name: "d" }, { expirationTime: 2 ** 40 }),
      E_EAS_DATA: await file({ name: "e" }, { data: "0x01" }),
      E_EAS_REVOKED: await file({ name: "f" }, {}, { contract: revoking! }),
    };
    const refused = await runJson(["import", good, ...Object.values(bad), ...at()]);
    expect(refused.code, refused.output).to.equal(6);
    expect(refused.data.faults.map(({ code }: { code: string }) => code)).to.deep.equal(Object.keys(bad));
    for (const [index, name] of Object.values(bad).entries()) {
      expect(refused.data.faults[index].message).to.include(name);
    }
    const firm = schemaId(FIRM, ZERO_ADDRESS, false);
    const data = hex(encode(parseSchema(FIRM), { name: "x", points: 1n }));
    const revocable = await runJson(["import", await file({}, { schema: firm, data }), ...at()]);
    expect(revocable.data.faults[0].code).to.equal("E_EAS_REVOCABLE");
    const mixed = await runCli(["import", good, await file({}, { schema: firm, data }), ...at()]);
    expect(mixed.code, mixed.output).to.equal(2);
    expect(await chain.attested()).to.deep.equal(before);
  });

  it("is refused under a schema that is not here, or has a resolver", async () => {
    const unknown = await file({}, { schema: schemaId(DEFINITION, STRANGER!.address, true) });
    expect((await runJson(["import", unknown, ...at()])).data.error.code).to.equal("E_SCHEMA_UNKNOWN");
    await send(chain.registry.schemaRegistry, registerSchemaCall(DEFINITION, STRANGER!.address, true));
    expect((await runJson(["import", unknown, ...at()])).data.error.code).to.equal("E_RESOLVER");
  });

  it("may come from another chain when that is said, and from a chain without EAS", async () => {
    const away = await file({ name: "far" }, {}, { chainId: 10n });
    const done = await runJson(["import", away, "--from-chain", "10", ...at()]);
    expect(done.code, done.output).to.equal(0);
    expect(done.data).to.include({ rows: 1, verified: 1 });
    const nowhere = await file({ name: "bare" }, {}, { contract: STRANGER!.address });
    expect((await runJson(["import", nowhere, "--dry-run", ...at()])).code).to.equal(0);
  });

  const texts = new Map<string, string>();

  /** Signs one and writes it. */
  async function file(
    { name = "x" }: { name?: string },
    said: Partial<EasMessage> = {},
    {
      by = issuer,
      chainId = CHAIN_ID,
      contract = eas!,
    }: { by?: Wallet; chainId?: bigint; contract?: Hex } = {},
  ): Promise<string> {
    const data = hex(encode(parseSchema(DEFINITION), { name, score: 7n }));
    const document = await easDocument(by, { chainId, contract }, { schema: SCHEMA, data, ...said });
    const path = join(folder.path, `eas-${(count += 1)}.json`);
    texts.set(path, JSON.stringify(document));
    writeFileSync(path, texts.get(path)!);
    return path;
  }

  function at(): string[] {
    return ["--rpc-url", chain.url, "--data", join(folder.path, `data-${(count += 1)}`)];
  }

  /** A contract that answers this word to every question. */
  async function deployed(answer: number): Promise<Hex> {
    const runtime = `60${answer.toString(16).padStart(2, "0")}60005260206000f3`;
    const { contractAddress } = await send(null, `0x69${runtime}600052600a6016f3`);
    return contractAddress;
  }

  async function send(to: Hex | null, data: Hex): Promise<{ contractAddress: Hex }> {
    const transaction = { from: DEPLOYER!.address, ...(to === null ? {} : { to }), data };
    const hash = await chain.anvil.request("eth_sendTransaction", [transaction]);
    for (;;) {
      await chain.anvil.request("evm_mine", []);
      const receipt = await chain.anvil.request("eth_getTransactionReceipt", [hash]);
      if (receipt !== null) return receipt as { contractAddress: Hex };
    }
  }
});
