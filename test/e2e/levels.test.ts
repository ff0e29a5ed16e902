import { expect } from "chai";
import { Contract, JsonRpcProvider } from "ethers";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AttestationRegistry__factory } from "../../src/bindings/index.js";
import { type Hex, ZERO_ADDRESS } from "../../src/hex.js";
import { appendUids, EMPTY_STREAM, streamKey } from "../../src/stream.js";
import { readWaybill, type Waybill } from "../../src/waybill.js";
import { runCli, runJson, stopAll, temporaryFolder } from "../support/cli.js";
import { ACCOUNTS, type LocalChain, startLocalChain } from "../support/localChain.js";

const SCHEMA = "string name,uint64 score";
const [ISSUER, , STRANGER] = ACCOUNTS;

describe("Levels, streams and waybills on the command line", () => {
  const folder = temporaryFolder();
  let chain: LocalChain;
  let registry: Contract;
  let places = 0;

  before(async () => {
    chain = await startLocalChain();
    const { code, output } = await runCli(["schema", "add", SCHEMA, "--rpc-url", chain.url]);
    expect(code, output).to.equal(0);
    const provider = new JsonRpcProvider(chain.url, undefined, { staticNetwork: true });
    registry = new Contract(chain.registry.domain.registry, AttestationRegistry__factory.abi, provider);
  });

  after(async () => {
    await stopAll();
    await chain?.stop();
    folder.remove();
  });

  function at(data = join(folder.path, `data-${(places += 1)}`)): string[] {
    return ["--rpc-url", chain.url, "--data", data];
  }

  function csv(rows: number): string {
    const file = join(folder.path, `file-${(places += 1)}.csv`);
    const lines = Array.from({ length: rows }, (_, i) => `row ${places}-${i},${i}\n`);
    writeFileSync(file, `name,score\n${lines.join("")}`);
    return file;
  }

  function isValid({ attestation, proof }: Waybill): Promise<boolean> {
    const { index, path } = proof!;
    const call = registry.getFunction(
      "isValid((bytes32,address,address,bytes32,uint40,bool,bytes32,bytes),(uint256,bytes32[]))",
    );
    return call(Object.values(attestation), [index, path]) as Promise<boolean>;
  }

  async function exported(what: string, data: string): Promise<Waybill[]> {
    const { code, stdout, output } = await runCli(["export", what, "--data", data]);
    expect(code, output).to.equal(0);
    return stdout
      .trimEnd()
      .split("\n")
      .map((line) => readWaybill(line, "stdout"));
  }

  for (const level of ["seal", "anchor"] as const) {
    it(`submits a file at level ${level}, once, and its waybills are what the registry takes for valid`, async () => {
      const file = csv(300);
      const options = at();
      const submit = ["submit", file, "--schema", SCHEMA, "--level", level, ...options];
      const planned = await runJson([
        "plan",
        file,
        "--schema",
        SCHEMA,
        "--level",
        level,
        "--rpc-url",
        chain.url,
      ]);
      const done = await runJson(submit);
      expect(done.code, done.output).to.equal(0);
      expect(done.data).to.include({ rows: 300, verified: 300, transactions: planned.data.transactions });
      expect(BigInt(done.data.paidWei) > 0n).to.equal(true);
      const again = await runJson(submit);
      expect([again.code, again.data.transactions]).to.deep.equal([0, done.data.transactions]);

      const waybills = await exported("1", options.at(-1)!);
      expect(waybills).to.have.length(300);
      for (const waybill of [waybills[0]!, waybills[150]!, waybills[299]!]) {
        expect(waybill.proof).to.include({ level, count: 300 });
        expect(await isValid(waybill)).to.equal(true);
        const other = { ...waybill, attestation: { ...waybill.attestation, recipient: ISSUER!.address } };
        expect(await isValid(other)).to.equal(false);
      }
      const [one] = await exported(waybills[7]!.uid, options.at(-1)!);
      expect(one).to.deep.equal(waybills[7]);
      expect((await runCli(["export", `0x${"1".repeat(64)}`, "--data", options.at(-1)!])).code).to.equal(2);
    });
  }

  it("appends a file to a stream in its order, and what is said after it behind it", async () => {
    const options = at();
    const data = options.at(-1)!;
    const stream = ["--stream", "the board"];
    const done = await runJson(["submit", csv(120), "--schema", SCHEMA, ...stream, ...options]);
    expect(done.code, done.output).to.equal(0);
    const said = await runJson([
      "attest",
      SCHEMA,
      "name=last",
      "score=1",
      "--level",
      "seal",
      ...stream,
      ...options,
    ]);
    expect(said.code, said.output).to.equal(0);
    const waybills = [...(await exported("1", data)), ...(await exported("2", data))];
    const key = streamKey("the board");
    expect(waybills.map(({ stream }) => stream)).to.deep.equal(
      waybills.map((_, index) => ({ key, position: BigInt(index) })),
    );
    expect(waybills[120]!.uid).to.equal(said.data.uid);
    const head = await chain.registry.head(ISSUER!.address, key, "latest");
    expect(head).to.deep.equal(
      appendUids(
        EMPTY_STREAM,
        waybills.map(({ uid }) => uid),
      ),
    );
  });

  it("writes a file for each waybill, or all as one document", async () => {
    const options = at();
    const data = options.at(-1)!;
    await runCli(["submit", csv(5), "--schema", SCHEMA, ...options]);
    const out = join(folder.path, "waybills");
    const { code, stdout } = await runCli(["export", "1", "--data", data, "--out", out]);
    expect([code, stdout]).to.deep.equal([0, `5 waybills in ${out}\n`]);
    const files = readdirSync(out).map((name) => readWaybill(readFileSync(join(out, name), "utf8"), name));
    const document = await runJson<{ waybills: object[] }>(["export", "1", "--data", data]);
    expect(document.data.waybills).to.have.length(5);
    expect(files.map(({ uid }) => uid).sort()).to.deep.equal(
      document.data.waybills.map((waybill) => (waybill as { uid: string }).uid).sort(),
    );
    expect(files[0]!.proof).to.equal(null);
  });

  it("says by its exit code that a job is not all there yet", async () => {
    const options = at();
    const data = options.at(-1)!;
    const submit = ["submit", csv(3), "--schema", SCHEMA, ...options];
    const held = await runCli([...submit, "--budget", "1wei"]);
    expect(held.code, held.output).to.equal(5);
    expect(await runCli(["export", "1", "--data", data])).to.include({ code: 3, stdout: "" });
    expect((await runCli(submit)).code).to.equal(0);
    expect((await runCli(["export", "1", "--data", data])).code).to.equal(0);
  });

  it("signs without a chain, and a stranger puts it on one at every level, under the same uid", async () => {
    const file = join(folder.path, "off.waybill.json");
    const env = { WAYBILL_RPC_URL: "http://127.0.0.1:1", WAYBILL_ISSUER_KEY: ISSUER!.key };
    const words = ["attest", SCHEMA, "name=Ada", "score=3", "--to", STRANGER!.address, "--offline"];
    const signed = await runCli(words, { env });
    expect([signed.code, signed.stderr]).to.deep.equal([0, ""]);
    writeFileSync(file, signed.stdout);
    const { uid, attestation } = readWaybill(signed.stdout, "stdout");
    expect((await runJson([...words], { env })).data.uid).to.equal(uid);

    const stranger = { env: { WAYBILL_LANE_KEY: STRANGER!.key } };
    const carry = (...more: string[]) => runJson(["attest", "--from", file, ...more, ...at()], stranger);
    const looked = await carry("--level", "anchor", "--dry-run");
    expect([looked.code, looked.data.sent]).to.deep.equal([0, false]);
    for (const level of ["anchor", "seal", "record"]) {
      const done = await carry("--level", level);
      expect(done.code, done.output).to.equal(0);
      expect(done.data).to.include({ uid, level, sent: true });
      const again = await carry("--level", level);
      expect(again.data).to.include({ uid, sent: false });
    }
    expect(await isValid({ ...readWaybill(signed.stdout, "x"), proof: alone(uid) })).to.equal(true);
    const [record] = await chain.registry.records([uid], "latest");
    expect(record!.attester.toLowerCase()).to.equal(attestation.attester.toLowerCase());
    expect((await runCli(["verify", uid, "--want", "included", "--rpc-url", chain.url])).code).to.equal(0);
  });

  it("refuses a waybill that was altered, is for another chain, or was signed by somebody else", async () => {
    const env = { WAYBILL_ISSUER_KEY: ISSUER!.key };
    const offline = (...more: string[]) =>
      runJson(["attest", SCHEMA, "name=Eve", "score=3", "--offline", ...more], { env });
    const { data: mine } = await offline();
    const { data: elsewhere } = await offline("--network", "sepolia");
    const { data: stranger } = await runJson(["attest", SCHEMA, "name=Eve", "score=3", "--offline"], {
      env: { WAYBILL_ISSUER_KEY: STRANGER!.key },
    });
    for (const [what, document, code] of [
      [
        "altered",
        { ...mine, attestation: { ...mine.attestation, recipient: ZERO_ADDRESS.replace(/0$/, "1") } },
        "E_WAYBILL",
      ],
      ["elsewhere", elsewhere, "E_WAYBILL"],
      ["unsigned", { ...mine, signature: null }, "E_WAYBILL"],
      ["forged", { ...mine, signature: stranger.signature }, "E_REFUSED"],
    ] as const) {
      const file = join(folder.path, `${what}.waybill.json`);
      writeFileSync(file, JSON.stringify(document));
      for (const level of ["record", "seal", "anchor"]) {
        const ended = await runJson(["attest", "--from", file, "--level", level, ...at()]);
        expect(ended.data.error?.code, `${what}: ${ended.output}`).to.equal(code);
      }
    }
  });

  it("says what is wrong with a level, a stream, and with options that exclude each other", async () => {
    for (const [args, said] of [
      [["attest", SCHEMA, "name=a", "score=1", "--level", "gold"], "--level gold"],
      [["submit", csv(1), "--schema", SCHEMA, "--level", "gold"], "--level gold"],
      [["submit", csv(1), "--schema", SCHEMA, "--level", "toString"], "--level toString"],
      [["submit", csv(1), "--schema", SCHEMA, "--stream", ""], "--stream has no name"],
      [["attest", SCHEMA, "name=a", "score=1", "--offline", "--stream", "x"], "--stream"],
      [["attest", SCHEMA, "--from", "x"], "takes no schema"],
      [["attest", "--from", "x", "--to", ZERO_ADDRESS], "takes no --to"],
      [["attest", "--from", "x", "--max-fee", "1gwei"], "takes no --max-fee"],
      [["attest", "--from", "x", "--stream", "s"], "takes no --stream"],
      [["attest"], "no schema is named"],
      [["attest", `0x${"1".repeat(64)}`, "--offline"], "write the definition itself"],
      [["attest", "--from", join(folder.path, "nothing")], "cannot be read"],
    ] as const) {
      const { code, stderr } = await runCli([...args, ...at()]);
      expect(code, stderr).to.equal(2);
      expect(stderr).to.include(said);
    }
  });

  function alone(uid: Hex): NonNullable<Waybill["proof"]> {
    return { level: "seal", root: uid, count: 1, index: 0, path: [] };
  }
});
