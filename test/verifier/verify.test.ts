import { expect } from "chai";
import { concat } from "ethers";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Attestation, domainSeparator } from "../../src/attestation.js";
import { encodeFields } from "../../src/abi.js";
import { type Hex, hex, keccak, unhex, ZERO_ADDRESS, ZERO_WORD } from "../../src/hex.js";
import { parseSchema, schemaId } from "../../src/schema.js";
import { registerSchema } from "../../src/sdk/schemas.js";
import { payerOf } from "../../src/sdk/transact.js";
import { localKey } from "../../src/cli/keys.js";
import { streamKey } from "../../src/stream.js";
import type { NamedNode } from "../../src/verifier/node.js";
import { readPolicy } from "../../src/verifier/policy.js";
import type { Report } from "../../src/verifier/report.js";
import type { VerifyOptions } from "../../src/verifier/verify.js";
import type { Waybill } from "../../src/waybill.js";
import { ROOT } from "../support/cli.js";
import { type Issuing, openIssuing } from "../support/issuing.js";
import { altering, answering, refusing } from "../support/proxy.js";
import { checked } from "../support/reports.js";
import { dataOf, DEFINITION, openWorld, type World } from "../support/stage.js";

describe("verify", function () {
  this.timeout(120_000);
  let world: World;
  let desk: Issuing;
  let nodes: NamedNode[];

  before(async () => {
    world = await openWorld();
    desk = await openIssuing(world);
    nodes = [{ name: "the node", request: world.faults.request }];
  });
  after(() => world.close());
  afterEach(() => world.faults.heal());

  const check = (what: Hex | Waybill, more: Partial<VerifyOptions> = {}) =>
    checked(what, { nodes, registry: world.registry.domain.registry, ...more });
  const outcomes = (report: Report, name: string) =>
    report.checks.filter((one) => one.name === name).map((one) => one.outcome);
  const policy = (rules: object) => readPolicy(JSON.stringify({ policy: 1, ...rules }), "policy");

  let streams = 0;
  function freshStream(): Hex {
    streams += 1;
    return streamKey(`stream ${streams}`);
  }

  /** Makes the safe block one of this time. */
  async function safeAt(time: number): Promise<void> {
    await world.node("evm_setNextBlockTimestamp", [time]);
    await world.mine();
    await world.node("anvil_setBlockTimestampInterval", [0]);
    await world.mine();
    await world.node("anvil_removeBlockTimestampInterval", []);
    expect((await world.chain.block("safe"))!.timestamp).to.equal(time);
  }

  describe("of a recorded statement, by its uid", () => {
    it("accepts what is recorded, current and proven, and hands out its values", async () => {
      const meant = desk.statement();
      const uid = await desk.attest(meant);
      await world.mine(3);
      const report = await check(uid, { want: 5 });
      expect(report).to.include({ verdict: "accept", level: 5, levelName: "proven" });
      expect(report.flags).to.deep.equal({ current: "yes", complete: "unknown", accepted: "yes" });
      expect(report.asOf).to.include({ tag: "safe", headerTrust: "one node", chainId: 31337n });
      expect(report.attestation).to.deep.equal(meant);
      expect(report.values).to.have.property("value", 7n);
      expect(report.recordedIn!.block).to.be.lessThan(report.asOf!.block);
      expect(report.checks.filter(({ outcome }) => outcome === "fail")).to.deep.equal([]);
    });

    it("is settled where the node gives no proof, and asks for one where that is wanted", async () => {
      const uid = await desk.attest(desk.statement());
      await world.mine(2);
      world.faults.always("eth_getProof", refusing("the method eth_getProof does not exist", -32601));
      expect(await check(uid)).to.include({ verdict: "accept", level: 4 });
      const report = await check(uid, { want: 5 });
      expect(report).to.include({ verdict: "undecided", level: 4 });
      expect(report.because).to.include("eth_getProof");
    });

    it("is undecided on what is not recorded, and says until when it looked", async () => {
      const report = await check(desk.uid(desk.statement()));
      expect(report).to.include({ verdict: "undecided", level: 0 });
      expect(report.because).to.include(`after block ${report.asOf!.block}`);
    });

    it("is undecided until the block is safe, unless inclusion is enough", async () => {
      const uid = await desk.attest(desk.statement());
      const early = await check(uid);
      expect(early).to.include({ verdict: "undecided", level: 3 });
      expect(early.asOf!.tag).to.equal("latest");
      expect(early.because).to.include(`when block ${early.asOf!.block} is safe`);
      expect(await check(uid, { want: 3 })).to.include({ verdict: "accept", level: 3 });
      await world.mine();
      expect(await check(uid)).to.include({ verdict: "accept", level: 5 });
    });

    it("stays undecided on a chain that names no safe block", async () => {
      const uid = await desk.attest(desk.statement());
      await world.mine(3);
      world.faults.always("eth_getBlockByNumber", (forward, [which]) =>
        which === "safe" || which === "finalized" ? refusing("safe block not found")(forward, []) : forward(),
      );
      expect(await check(uid)).to.include({ verdict: "undecided", level: 3 });
    });

    it("falls from its level only by a named event: revoked", async () => {
      const uid = await desk.attest(desk.statement());
      await world.mine(2);
      const before = await check(uid);
      const { block } = await desk.revoke(uid);
      await world.mine(2);
      const after = await check(uid);
      expect([before.verdict, after.verdict]).to.deep.equal(["accept", "reject"]);
      expect(after.flags.current).to.equal("no");
      expect(outcomes(after, "revocation")).to.deep.equal(["fail"]);
      // What it was at a block before stays what it was.
      const then = await check(uid, { at: block - 1 });
      expect(then.flags.current).to.equal("yes");
      expect(then.asOf).to.include({ block: block - 1, tag: "block" });
    });

    it("falls from its level only by a named event: expired, from that very second on", async () => {
      const { timestamp } = (await world.chain.block("latest"))!;
      const expiresAt = timestamp + 1_000;
      const uid = await desk.attest(desk.statement({ expiresAt }));
      await safeAt(expiresAt - 1);
      expect(await check(uid)).to.include({ verdict: "accept" });
      await safeAt(expiresAt);
      const report = await check(uid);
      expect(report).to.include({ verdict: "reject" });
      expect(outcomes(report, "expiry")).to.deep.equal(["fail"]);
    });

    it("falls from its level only by a named event: reorged, and then it waits again", async () => {
      const uid = await desk.attest(desk.statement());
      const included = await check(uid, { want: 3 });
      expect(included.level).to.equal(3);
      await world.node("anvil_reorg", [1, []]);
      const gone = await check(uid, { want: 3 });
      expect(gone).to.include({ verdict: "undecided", level: 0 });
      expect(outcomes(gone, "recorded")).to.deep.equal(["unknown"]);
      desk = await openIssuing(world);
    });

    it("falls from its level only by a named event: replaced, for a reader of the newest", async () => {
      const key = freshStream();
      const [first] = await desk.record([desk.statement()], { key, position: 0n });
      await world.mine(2);
      const newest = { policy: policy({ newest: true }), want: 5 };
      expect(await check(first!.uid, newest)).to.include({ verdict: "accept", level: 5 });
      const [second] = await desk.record([desk.statement()], { key, position: 1n });
      await world.mine(2);
      const replaced = await check(first!.uid, newest);
      expect(replaced).to.include({ verdict: "reject", level: 5 });
      expect(outcomes(replaced, "newest")).to.deep.equal(["fail"]);
      expect(await check(first!.uid)).to.include({ verdict: "accept" });
      expect(await check(second!.uid, newest)).to.include({ verdict: "accept" });
    });

    it("rejects what was revoked before it was recorded", async () => {
      const meant = desk.statement();
      await desk.revokeUnrecorded(meant);
      await world.mine(3);
      const report = await check(desk.uid(meant));
      expect(report).to.include({ verdict: "reject" });
      expect(report.flags.current).to.equal("no");
    });

    it("rejects data that are not exactly what the schema makes of their values", async () => {
      const plain = dataOf({ name: "abc", value: 1n });
      const dirty = Uint8Array.from(plain);
      dirty[dirty.length - 1] = 1;
      for (const data of [
        new Uint8Array(0),
        unhex("0xdeadbeef"),
        unhex(`0x${"00".repeat(31)}40${"ff".repeat(64)}`),
        Uint8Array.from([...plain, ...new Uint8Array(32)]),
        dirty,
      ]) {
        const uid = await desk.attest(desk.statement({ data, salt: hex(keccak(data)) }));
        await world.mine(2);
        const report = await check(uid);
        expect(report, hex(data)).to.include({ verdict: "reject", level: 0 });
        expect(outcomes(report, "data")).to.deep.equal(["fail"]);
      }
    });

    it("tells whether the issuer sent it or somebody else under its signature, and what is told decides nothing", async () => {
      const sent = await desk.attest(desk.statement());
      const meant = desk.statement();
      const signature = desk.issuer.signDigest(desk.uid(meant));
      const stranger = await openIssuing(world);
      await stranger.send(world.registry.carryCall("record", meant, signature));
      await world.mine(2);
      const maker = async (uid: Hex) => {
        const report = await check(uid, { want: 5 });
        expect(report).to.include({ verdict: "accept", level: 5 });
        return report.checks.find(({ name }) => name === "maker")!;
      };
      expect((await maker(sent)).evidence).to.match(/^direct: 0x\w{40} sent it in block \d+$/);
      expect((await maker(desk.uid(meant))).evidence)
        .to.include("EIP-712")
        .and.include(stranger.issuer.address.toLowerCase());
      world.faults.always("eth_getTransactionByHash", answering({ from: "0x\n" }));
      expect(await maker(sent)).to.include({ outcome: "unknown", source: "rpc" });
    });

    it("takes no schema whose text is not what its id names", async () => {
      const uid = await desk.attest(desk.statement());
      await world.mine(2);
      const [honest, forged] = [DEFINITION, DEFINITION.replace("value", "valuf")].map((text) =>
        Buffer.from(text).toString("hex"),
      );
      world.faults.always(
        "eth_call",
        altering((reply: Hex) => reply.replace(honest!, forged!)),
      );
      const report = await check(uid);
      expect(report).to.include({ verdict: "undecided", level: 0 });
      expect(outcomes(report, "schema")).to.deep.equal(["fail"]);
    });

    it("gives a byte-identical report for the same block, whoever asks and whenever", async () => {
      const [one] = await desk.seal([desk.statement(), desk.statement()], {
        key: freshStream(),
        position: 0n,
      });
      const uid = await desk.attest(desk.statement({ ref: one!.uid }));
      await world.mine(2);
      const at = (await world.chain.block("safe"))!.number;
      const asked = async (what: Hex | Waybill) =>
        JSON.stringify(await check(what, { at, now: 7, beside: [one!] }), text);
      const before = [await asked(uid), await asked(one!)];
      await desk.revoke(uid);
      await world.mine(4);
      expect([await asked(uid), await asked(one!)]).to.deep.equal(before);
      expect(JSON.parse(before[0]!)).to.include({ verdict: "accept", level: 5 });
    });

    it("says of a block that is not safe yet that it is about another state of the chain than once it is", async () => {
      const uid = await desk.attest(desk.statement());
      const at = (await world.chain.block("latest"))!.number;
      const soon = await check(uid, { at, now: 7 });
      await world.mine(4);
      const late = await check(uid, { at, now: 7 });
      expect([soon.verdict, late.verdict]).to.deep.equal(["undecided", "accept"]);
      expect([soon.asOf!.settled, late.asOf!.settled]).to.deep.equal([false, true]);
      expect(soon.asOf!.safe).to.be.lessThan(at);
      expect(late.asOf!.safe).to.equal(null);
    });

    it("finds the content of each of a batch by its own uid", async () => {
      const meant = [desk.statement({ revocable: false }), desk.statement({ salt: `0x${"9a".repeat(32)}` })];
      await desk.record(meant);
      await world.mine(2);
      for (const one of meant) expect(await check(desk.uid(one))).to.include({ verdict: "accept", level: 5 });
    });
  });

  describe("of a waybill", () => {
    for (const level of ["record", "seal", "anchor"] as const) {
      it(`accepts each of a batch at level ${level}, proven`, async () => {
        const key = freshStream();
        const meant = Array.from({ length: 5 }, () => desk.statement());
        const waybills = await desk[level](meant, { key, position: 0n });
        await world.mine(2);
        for (const one of waybills) {
          const report = await check(one, { want: 5 });
          expect(report).to.include({ verdict: "accept", level: 5 });
          expect(report.flags).to.deep.equal({ current: "yes", complete: "yes", accepted: "yes" });
        }
      });
    }

    it("rejects a leaf that was revoked by its place, one that was revoked by its uid, and no other", async () => {
      const meant = Array.from({ length: 300 }, () => desk.statement());
      const waybills = await desk.seal(meant);
      const { root } = waybills[0]!.proof!;
      await desk.send(
        desk.call("revokeLeaves", desk.issuer.address, world.schema, root, [3, 290], "", 0, "0x"),
      );
      await desk.revokeUnrecorded(meant[7]!);
      await world.mine(2);
      for (const index of [0, 3, 7, 34, 259, 290]) {
        const revoked = [3, 7, 290].includes(index);
        const report = await check(waybills[index]!, { want: 5 });
        expect(report, String(index)).to.include({ verdict: revoked ? "reject" : "accept", level: 5 });
        expect(report.flags.current).to.equal(revoked ? "no" : "yes");
      }
    });

    it("is undecided about a root that nobody has committed, and about one of another tree", async () => {
      const [one] = await desk.seal([desk.statement(), desk.statement()]);
      const stranger = desk.waybill(desk.statement(), {
        proof: { ...one!.proof!, root: `0x${"7".repeat(64)}` },
      });
      await world.mine(2);
      for (const waybill of [stranger, { ...stranger, proof: one!.proof }]) {
        const report = await check(waybill);
        expect(report).to.include({ verdict: "undecided", level: 1 });
        expect(report.flags.current).to.equal("yes");
        expect(outcomes(report, "included")).to.deep.equal(["unknown"]);
      }
    });

    it("rejects what says that it is revocable under a schema of which nothing is", async () => {
      const payer = payerOf(world.chain, localKey(8));
      await world.node("evm_setAutomine", [true]);
      const terms = { definition: DEFINITION, resolver: ZERO_ADDRESS, revocable: false };
      const { id } = await registerSchema(world.chain, world.registry, payer, terms, 5);
      await world.node("evm_setAutomine", [false]);
      const firm = desk.statement({ schema: id, revocable: false });
      const loose = desk.statement({ schema: id });
      const waybills = await desk.anchor([firm, loose]);
      await world.mine(2);
      const schema = terms;
      expect(await check({ ...waybills[0]!, schema })).to.include({ verdict: "accept", level: 5 });
      const report = await check({ ...waybills[1]!, schema });
      expect(report).to.include({ verdict: "reject" });
      expect(outcomes(report, "revocable")).to.deep.equal(["fail"]);
    });

    it("rejects an anchored leaf of a schema whose resolver was never asked", async () => {
      const resolver = localKey(5).address;
      const payer = payerOf(world.chain, localKey(8));
      await world.node("evm_setAutomine", [true]);
      const terms = { definition: DEFINITION, resolver, revocable: true };
      const { id } = await registerSchema(world.chain, world.registry, payer, terms, 5);
      await world.node("evm_setAutomine", [false]);
      const [one] = await desk.anchor([desk.statement({ schema: id })]);
      await world.mine(2);
      const report = await check({ ...one!, schema: terms }, { want: 5 });
      expect(report).to.include({ verdict: "reject", level: 5 });
      expect(report.flags.accepted).to.equal("no");
    });

    it("takes the registry that the reader names, and no other", async () => {
      const [one] = await desk.seal([desk.statement()]);
      const refused = await check(one!, { registry: `0x${"5".repeat(40)}` }).catch((error: unknown) => error);
      expect(refused).to.have.property("code", "E_WAYBILL");
      const elsewhere = await check({ ...one!, chainId: 5n }).catch((error: unknown) => error);
      expect(elsewhere).to.have.property("code", "E_CHAIN_ID");
    });
  });

  describe("of a place in a stream", () => {
    it("follows it to the end, over batches of every level, and says how far behind it is", async () => {
      const key = freshStream();
      const batch = (count: number) => Array.from({ length: count }, () => desk.statement());
      const waybills = [
        ...(await desk.record(batch(3), { key, position: 0n })),
        ...(await desk.seal(batch(4), { key, position: 3n })),
        ...(await desk.anchor(batch(5), { key, position: 7n })),
        ...(await desk.record(batch(1), { key, position: 12n })),
      ];
      await world.mine(2);
      for (const [position, one] of waybills.entries()) {
        const report = await check(one, { want: 5 });
        expect(report.flags.complete, String(position)).to.equal("yes");
        const evidence = report.checks.find(({ name }) => name === "stream")!.evidence;
        expect(evidence).to.include(`position ${position} of 13`);
      }
      expect((await check(waybills[1]!.uid)).flags.complete).to.equal("yes");
    });

    it("rejects a waybill that claims a place where another statement stands", async () => {
      const key = freshStream();
      const waybills = await desk.record([desk.statement(), desk.statement(), desk.statement()], {
        key,
        position: 0n,
      });
      await world.mine(2);
      const moved = { ...waybills[0]!, stream: { key, position: 1n } };
      const report = await check(moved);
      expect(report).to.include({ verdict: "reject" });
      expect(report.flags.complete).to.equal("no");
      const beyond = await check({ ...waybills[0]!, stream: { key, position: 3n } });
      expect(beyond.flags.complete).to.equal("unknown");
      const elsewhere = await check({ ...waybills[0]!, stream: { key: freshStream(), position: 0n } });
      expect(elsewhere.flags.complete).to.equal("unknown");
    });

    it("does not know it where the events are withheld or altered, and holds nothing against the statement", async () => {
      const key = freshStream();
      const waybills = await desk.seal([desk.statement(), desk.statement()], { key, position: 0n });
      await world.mine(2);
      world.faults.always("eth_getLogs", answering([]));
      const report = await check(waybills[0]!, { want: 5 });
      expect(report).to.include({ verdict: "accept", level: 5 });
      expect(report.flags.complete).to.equal("unknown");
      const demanding = await check(waybills[0]!, { policy: policy({ complete: true }) });
      expect(demanding).to.include({ verdict: "undecided" });
    });

    it("does not follow more than 2,000 that stand behind it", async () => {
      const key = freshStream();
      const [first, second] = await desk.anchor([desk.statement(), desk.statement()], { key, position: 0n });
      const terms = {
        attester: desk.issuer.address,
        schema: world.schema,
        stream: key,
        position: 2n,
        deadline: 0,
      };
      await desk.send(world.registry.anchorCall(terms, `0x${"3".repeat(64)}`, 1_999, "0x"));
      await world.mine(2);
      expect((await check(second!)).flags.complete).to.equal("yes");
      const far = await check(first!);
      expect(far.flags.complete).to.equal("yes");
      await desk.send(
        world.registry.anchorCall({ ...terms, position: 2_001n }, `0x${"4".repeat(64)}`, 1, "0x"),
      );
      await world.mine(2);
      const further = await check(first!);
      expect(further.flags.complete).to.equal("unknown");
      expect(further.checks.find(({ name }) => name === "stream")!.evidence).to.include("audit");
    });
  });

  describe("of a reference", () => {
    it("holds while what it refers to is recorded, and falls with it", async () => {
      const ref = await desk.attest(desk.statement());
      const uid = await desk.attest(desk.statement({ ref }));
      await world.mine(2);
      expect(await check(uid, { want: 5 })).to.include({ verdict: "accept", level: 5 });
      await desk.revoke(ref);
      await world.mine(2);
      const report = await check(uid, { want: 5 });
      expect(report).to.include({ verdict: "reject" });
      expect(outcomes(report, "reference")).to.deep.equal(["fail"]);
      expect(await check(uid, { policy: policy({ references: false }) })).to.include({ verdict: "accept" });
    });

    it("is not known of a leaf, until its waybill is at hand", async () => {
      const [leaf] = await desk.seal([desk.statement(), desk.statement()]);
      const uid = await desk.attest(desk.statement({ ref: leaf!.uid }));
      await world.mine(2);
      const report = await check(uid);
      expect(report).to.include({ verdict: "undecided" });
      expect(report.flags.current).to.equal("unknown");
      expect(await check(uid, { beside: [leaf!] })).to.include({ verdict: "accept", level: 5 });
    });
  });

  describe("of a signature without a chain", () => {
    let wallet: Hex;

    /** Puts this code at an address of its own. */
    async function place(code: Hex): Promise<Hex> {
      const address: Hex = `0x${hex(keccak(unhex(code))).slice(26)}`;
      await world.node("anvil_setCode", [address, code]);
      await world.mine(2);
      return address;
    }

    /** A contract that takes a signature if it is this one byte, and says nothing else. */
    const TAKES_2A: Hex =
      "0x60643560f81c602a14601057600080fd5b7f1626ba7e0000000000000000000000000000000000000000000000000000000060005260206000f3";

    before(async () => {
      wallet = await place(TAKES_2A);
    });

    const signed = (of: Attestation, signature: Hex) => desk.waybill(of, { signature });

    it("is authentic by the issuer's key, and no more until it is on a chain", async () => {
      const meant = desk.statement();
      const one = signed(meant, desk.issuer.signDigest(desk.uid(meant)));
      const report = await check(one, { want: 2 });
      expect(report).to.include({ verdict: "accept", level: 2 });
      expect(outcomes(report, "authentic")).to.deep.equal(["pass"]);
      const wanted = await check(one);
      expect(wanted).to.include({ verdict: "undecided", level: 2 });
      expect(wanted.because).to.include("ask again after it");
      await desk.revokeUnrecorded(meant);
      await world.mine(2);
      expect(await check(one, { want: 2 })).to.include({ verdict: "reject" });
    });

    it("is rejected if the key is another's and the issuer is proven to have no code", async () => {
      const meant = desk.statement();
      const forged = signed(meant, localKey(3).signDigest(desk.uid(meant)));
      const report = await check(forged, { want: 2 });
      expect(report).to.include({ verdict: "reject", level: 1 });
      const offline = await check(forged, { want: 2, nodes: [] });
      expect(offline).to.include({ verdict: "undecided", level: 1 });
    });

    it("is authentic by what the issuer's contract says, which is named with its block (ERC-1271)", async () => {
      const meant = desk.statement({ attester: wallet });
      const report = await check(signed(meant, "0x2a"), { want: 2 });
      expect(report).to.include({ verdict: "accept", level: 2 });
      const { evidence, source } = report.checks.find(({ name }) => name === "authentic")!;
      expect(source).to.equal("rpc");
      expect(evidence).to.include("ERC-1271").and.include(`at block ${report.asOf!.block}`);
      expect(await check(signed(meant, "0x2b"), { want: 2 })).to.include({ verdict: "reject", level: 1 });
    });

    it("is authentic by a contract that is yet to be deployed (ERC-6492), with one question and nothing left", async () => {
      // A factory that deploys with CREATE2 what it is handed, and the wallet that it would make.
      const factory: Hex = "0x4e59b44847b379578588920cA78FbF26c0B4956C";
      const size = (TAKES_2A.length - 2) / 2;
      const init =
        `0x60${size.toString(16)}600c60003960${size.toString(16)}6000f3${TAKES_2A.slice(2)}` as Hex;
      const salt = ZERO_WORD;
      const future = hex(keccak(unhex(concat(["0xff", factory, salt, hex(keccak(unhex(init)))])))).slice(26);
      const meant = desk.statement({ attester: `0x${future}` });
      const fields = parseSchema("address factory,bytes call,bytes signature").fields;
      const call = `${salt}${init.slice(2)}`;
      const wrapped = (signature: Hex) =>
        `${hex(encodeFields(fields, { factory, call, signature }))}${"6492".repeat(16)}` as Hex;
      const report = await check(signed(meant, wrapped("0x2a")), { want: 2 });
      expect(report).to.include({ verdict: "accept", level: 2 });
      expect(report.checks.find(({ name }) => name === "authentic")!.evidence).to.include("ERC-6492");
      expect(await check(signed(meant, wrapped("0x2b")), { want: 2 })).to.include({ verdict: "reject" });
      expect(await world.node("eth_getCode", [`0x${future}`, "latest"])).to.equal("0x");
    });

    it("is none by a contract that reverts, answers short, or answers another word", async () => {
      for (const code of [
        "0x60006000fd",
        "0x631626ba7e60e01b60005260046000f3",
        "0x60016000526020" + "6000f3",
      ] as Hex[]) {
        const attester = await place(code);
        const report = await check(signed(desk.statement({ attester }), "0x2a"), { want: 2 });
        expect(report, code).to.include({ verdict: "reject", level: 1 });
      }
    });
  });

  it("knows of all this what the registry itself says", async () => {
    expect(hex(domainSeparator(world.registry.domain))).to.equal(hex(world.registry.separator));
    expect(schemaId(DEFINITION, ZERO_ADDRESS, true)).to.equal(world.schema);
    expect(readFileSync(join(ROOT, "docs", "report.schema.json"), "utf8")).to.include('"report"');
  });
});

function text(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
