import { expect } from "chai";
import { AbiCoder, getCreate2Address, Interface } from "ethers";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Values } from "../../src/abi.js";
import type { Attestation } from "../../src/attestation.js";
import { IssuerAllowList__factory } from "../../src/bindings/index.js";
import { FACTORY } from "../../src/chain/deployment.js";
import { localKey } from "../../src/cli/keys.js";
import { WaybillError } from "../../src/errors.js";
import { type Hex, hex, keccak, unhex, ZERO_ADDRESS, ZERO_WORD } from "../../src/hex.js";
import { encode, parseSchema, schemaId } from "../../src/schema.js";
import { registerSchema } from "../../src/sdk/schemas.js";
import { payerOf } from "../../src/sdk/transact.js";
import { streamKey } from "../../src/stream.js";
import { type Policy, readPolicy } from "../../src/verifier/policy.js";
import type { Report } from "../../src/verifier/report.js";
import type { VerifyOptions } from "../../src/verifier/verify.js";
import { type Waybill, waybillData } from "../../src/waybill.js";
import { ROOT, start, stopAll, temporaryFolder } from "../support/cli.js";
import { type Issuing, openIssuing } from "../support/issuing.js";
import { checked } from "../support/reports.js";
import { openWorld, type World } from "../support/stage.js";

const FOLDER = fileURLToPath(new URL("../../examples/policies", import.meta.url));
const ISSUER = localKey(0);
const ABOUT: Hex = localKey(4).address;

/** The schemas of the examples; the first has a resolver. */
const KYC = "bool passed,uint8 level,bytes2 country";
const PRICE = "string pair,uint256 price,uint64 time";
const RELEASE = "string package,string version,bytes32 sha256";

describe("a policy", function () {
  this.timeout(120_000);
  let world: World & { anvil: { url: string } };
  let desk: Issuing;
  let stranger: Issuing;
  let resolver: Hex;
  let code: Hex;
  const folder = temporaryFolder();

  before(async () => {
    world = await openWorld();
    const payer = payerOf(world.chain, localKey(8));
    await world.node("evm_setAutomine", [true]);
    const words = AbiCoder.defaultAbiCoder().encode(
      ["address", "address"],
      [world.registry.domain.registry, ISSUER.address],
    );
    const init = `${IssuerAllowList__factory.bytecode}${words.slice(2)}`;
    resolver = getCreate2Address(FACTORY, ZERO_WORD, hex(keccak(unhex(init)))) as Hex;
    await payer.send({ to: FACTORY, data: `${ZERO_WORD}${init.slice(2)}` as Hex });
    for (const [definition, of] of [
      [KYC, resolver],
      [KYC, ZERO_ADDRESS],
      [PRICE, ZERO_ADDRESS],
      [RELEASE, ZERO_ADDRESS],
    ] as const) {
      await registerSchema(
        world.chain,
        world.registry,
        payer,
        { definition, resolver: of, revocable: true },
        5,
      );
    }
    code = hex(keccak(unhex((await world.node("eth_getCode", [resolver, "latest"])) as Hex)));
    await world.node("evm_setAutomine", [false]);
    desk = await openIssuing(world, ISSUER);
    stranger = await openIssuing(world);
    const list = new Interface(IssuerAllowList__factory.abi);
    for (const { issuer } of [desk, stranger]) {
      await desk.send(list.encodeFunctionData("allow", [issuer.address]) as Hex, resolver);
    }
  });
  after(async () => {
    await stopAll();
    await world?.close();
    folder.remove();
  });

  const example = (name: string): Policy =>
    readPolicy(readFileSync(join(FOLDER, `${name}.json`), "utf8"), name);
  const rules = (name: string) => JSON.parse(readFileSync(join(FOLDER, `${name}.json`), "utf8")) as object;
  const check = (what: Hex | Waybill, policy: Policy, more: Partial<VerifyOptions> = {}) =>
    checked(what, {
      nodes: [{ name: "a node", request: world.node }],
      registry: world.registry.domain.registry,
      policy,
      ...more,
    });
  const failed = (report: Report) =>
    report.checks.filter(({ outcome }) => outcome === "fail").map(({ name }) => name);

  /** A statement under one of the schemas. */
  function says(
    definition: string,
    values: Values,
    of: Issuing = desk,
    under: Hex = ZERO_ADDRESS,
  ): Attestation {
    return of.statement({
      schema: schemaId(definition, under, true),
      recipient: ABOUT,
      data: encode(parseSchema(definition), values),
    });
  }

  async function record(
    of: Issuing,
    statement: Attestation,
    stream?: { key: Hex; position: bigint },
  ): Promise<Hex> {
    if (stream === undefined) return of.attest(statement);
    await of.record([statement], stream);
    return of.uid(statement);
  }

  async function later(seconds: number): Promise<void> {
    await world.node("evm_increaseTime", [seconds]);
    await world.mine(2);
  }

  describe("for a gate of KYC", () => {
    const passed = (more: Values = {}) => ({ passed: true, level: 2n, country: "0x6368", ...more });

    it("names the resolver and its code as they are made from this repository", () => {
      expect(rules("kyc-gate")).to.deep.include({
        issuers: [ISSUER.address],
        schemas: [schemaId(KYC, resolver, true)],
        resolvers: { [resolver]: code },
      });
    });

    it("takes who passed, by the issuer that is trusted, while it is young and not revoked", async () => {
      const policy = example("kyc-gate");
      const uid = await record(desk, says(KYC, passed(), desk, resolver));
      await world.mine(2);
      const report = await check(uid, policy);
      expect(report).to.include({ verdict: "accept", level: 5, policy: policy.hash });
      expect(report.flags).to.include({ current: "yes", accepted: "yes" });
      await later(364 * 86_400);
      expect(await check(uid, policy)).to.include({ verdict: "accept" });
      await later(2 * 86_400);
      const old = await check(uid, policy);
      expect(old).to.include({ verdict: "reject" });
      expect(failed(old)).to.deep.equal(["age"]);
    });

    it("refuses who did not pass, another issuer, another schema, what is revoked, and a resolver of other code", async () => {
      const policy = example("kyc-gate");
      const cases: [string, Hex][] = [
        ["value", await record(desk, says(KYC, passed({ passed: false }), desk, resolver))],
        ["issuer", await record(stranger, says(KYC, passed(), stranger, resolver))],
        ["trusted schema", await record(desk, says(KYC, passed()))],
      ];
      const revoked = await record(desk, says(KYC, passed({ level: 3n }), desk, resolver));
      await desk.revoke(revoked);
      await world.mine(2);
      for (const [name, uid] of [...cases, ["revocation", revoked] as const]) {
        const report = await check(uid, policy);
        expect(report.verdict, name).to.equal("reject");
        expect(failed(report)).to.include(name);
      }
      const good = await record(desk, says(KYC, passed({ level: 4n }), desk, resolver));
      await world.mine(2);
      const other = { ...rules("kyc-gate"), resolvers: { [resolver]: ZERO_WORD } };
      const report = await check(good, readPolicy(JSON.stringify(other), "other"));
      expect(failed(report)).to.deep.equal(["resolver code"]);
      const unproven: VerifyOptions["nodes"] = [
        {
          name: "a node",
          request: async (method, params) => {
            if (method === "eth_getProof" && params[0] === resolver)
              throw new WaybillError("E_NODE", "silence");
            return world.node(method, params);
          },
        },
      ];
      const told = await check(good, policy, { nodes: unproven });
      expect(told).to.include({ verdict: "undecided" });
      expect(told.flags.accepted).to.equal("unknown");
    });

    it("is what examples/verify.ts opens by", async () => {
      const statement = says(KYC, passed({ level: 9n }), desk, resolver);
      await record(desk, statement);
      await world.mine(2);
      const file = join(folder.path, "kyc.waybill.json");
      const schema = { definition: KYC, resolver, revocable: true };
      writeFileSync(file, JSON.stringify(waybillData(desk.waybill(statement, { schema }))));
      const gate = (who: Hex) =>
        start(["examples/verify.ts", file, who, world.anvil.url], { cwd: ROOT }).ended;
      const open = await gate(ABOUT);
      expect([open.code, open.stdout], open.output).to.deep.equal([0, "come in\n"]);
      const closed = await gate(localKey(5).address);
      expect([closed.code, closed.stdout], closed.output).to.deep.equal([
        1,
        "closed: accept, it is about somebody else\n",
      ]);
      await desk.revoke(desk.uid(statement));
      await world.mine(2);
      expect((await gate(ABOUT)).stdout).to.match(/^closed: reject, revoked/);
      const source = readFileSync(join(ROOT, "examples", "verify.ts"), "utf8");
      expect(source.trim().split("\n").length).to.be.at.most(22);
    });
  });

  describe("for a reader of an oracle", () => {
    const price = (value: bigint) => says(PRICE, { pair: "ETH/USD", price: value, time: value });

    it("takes the newest of the stream while it is an hour old, and nothing else", async () => {
      const policy = example("oracle-reader");
      const key = streamKey("ETH/USD");
      const first = await record(desk, price(1n), { key, position: 0n });
      await world.mine(2);
      const now = async () => (await world.chain.block("safe"))!.timestamp;
      const fresh = async (uid: Hex, lag = 5) => check(uid, policy, { now: (await now()) + lag });
      expect(await fresh(first)).to.include({ verdict: "accept" });
      const second = await record(desk, price(2n), { key, position: 1n });
      await world.mine(2);
      const replaced = await fresh(first);
      expect(replaced).to.include({ verdict: "reject" });
      expect(failed(replaced)).to.deep.equal(["newest"]);
      expect(await fresh(second)).to.include({ verdict: "accept" });
      // A node that shows an old block: another one may do, so it is not rejected.
      const late = await fresh(second, 3_000);
      expect(late).to.include({ verdict: "undecided" });
      await later(3_700);
      expect(failed(await fresh(second))).to.deep.equal(["age"]);
    });

    it("is undecided about what is in no stream, and refuses another issuer", async () => {
      const policy = example("oracle-reader");
      const alone = await record(desk, price(3n));
      await world.mine(2);
      const now = (await world.chain.block("safe"))!.timestamp;
      expect(await check(alone, policy, { now })).to.include({ verdict: "undecided" });
      const foreign = says(PRICE, { pair: "ETH/USD", price: 1n, time: 1n }, stranger);
      const uid = await record(stranger, foreign, { key: streamKey("ETH/USD"), position: 0n });
      await world.mine(2);
      expect(failed(await check(uid, policy, { now: now + 5 }))).to.deep.equal(["issuer"]);
    });
  });

  describe("for a check of releases", () => {
    const release = (name: string) =>
      says(RELEASE, { package: name, version: "1.2.3", sha256: hex(keccak(unhex("0x01"))) });

    it("takes the sealed release of the package, with its waybill, and nothing of another package", async () => {
      const policy = example("release-check");
      const schema = { definition: RELEASE, resolver: ZERO_ADDRESS, revocable: true };
      const sealed = (await desk.seal([release("waybill"), release("another")])).map((one) => ({
        ...one,
        schema,
      }));
      await world.mine(2);
      const good = await check(sealed[0]!, policy);
      expect(good).to.include({ verdict: "accept", level: 5 });
      expect(failed(await check(sealed[1]!, policy))).to.deep.equal(["value"]);
    });

    it("takes nothing that is not proven, or that was withdrawn", async () => {
      const policy = example("release-check");
      const uid = await record(desk, release("waybill"));
      await world.mine(2);
      const unproving: VerifyOptions["nodes"] = [
        {
          name: "a node",
          request: async (method, params) => {
            if (method === "eth_getProof") throw new WaybillError("E_NODE", "silence");
            return world.node(method, params);
          },
        },
      ];
      expect(await check(uid, policy, { nodes: unproving })).to.include({ verdict: "undecided", level: 4 });
      expect(await check(uid, policy)).to.include({ verdict: "accept" });
      await desk.revoke(uid);
      await world.mine(2);
      expect(failed(await check(uid, policy))).to.deep.equal(["revocation"]);
    });
  });

  it("is read strictly: a rule that is misspelt, of another type or empty holds nobody, and is refused", () => {
    for (const name of readdirSync(FOLDER))
      expect(example(name.replace(".json", "")).minimumLevel).to.be.greaterThan(3);
    const whole = rules("kyc-gate");
    for (const [key, value] of [
      ["issuer", [ISSUER.address]],
      ["policy", 2],
      ["issuers", []],
      ["issuers", [ABOUT.slice(0, -1)]],
      ["issuers", ABOUT],
      ["schemas", [ABOUT]],
      ["minimumLevel", "unreadable"],
      ["minimumLevel", 5],
      ["maximumAgeSeconds", 0],
      ["maximumAgeSeconds", "365d"],
      ["maximumAgeSeconds", 1.5],
      ["maximumLagSeconds", 2 ** 50],
      ["resolvers", {}],
      ["resolvers", { [ABOUT]: "0x" }],
      ["values", [1]],
      ["values", { level: 2 }],
      ["newest", "yes"],
      ["complete", 1],
      ["references", null],
    ] as const) {
      expect(
        () => readPolicy(JSON.stringify({ ...whole, [key]: value }), "a policy"),
        `${key} ${JSON.stringify(value)}`,
      )
        .to.throw(WaybillError)
        .with.property("code", "E_POLICY");
    }
    for (const text of [
      "",
      "[]",
      "null",
      "7",
      "{",
      `{"policy":1,"about":"${"x".repeat(70_000)}"}`,
      `${"[".repeat(30_000)}`,
    ]) {
      expect(() => readPolicy(text, "a policy"))
        .to.throw(WaybillError)
        .with.property("code", "E_POLICY");
    }
  });

  it("is named in the report by the hash of its file, byte for byte", () => {
    const text = readFileSync(join(FOLDER, "kyc-gate.json"), "utf8");
    expect(readPolicy(text, "x").hash).to.equal(hex(keccak(new TextEncoder().encode(text))));
    expect(readPolicy(`${text} `, "x").hash).to.not.equal(readPolicy(text, "x").hash);
  });
});
