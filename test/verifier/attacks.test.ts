import { expect } from "chai";
import type { Request } from "../../src/chain/http.js";
import { RpcError, WaybillError } from "../../src/errors.js";
import { type Hex, hex, keccak, unhex, ZERO_WORD } from "../../src/hex.js";
import { streamKey } from "../../src/stream.js";
import { treeOf } from "../../src/tree.js";
import { readWaybills } from "../../src/verifier/file.js";
import { type NamedNode, nodesAt } from "../../src/verifier/node.js";
import { readPolicy } from "../../src/verifier/policy.js";
import type { Report } from "../../src/verifier/report.js";
import { headSlots, recordSlot } from "../../src/verifier/slots.js";
import type { VerifyOptions } from "../../src/verifier/verify.js";
import { type Waybill, waybillData } from "../../src/waybill.js";
import { type Issuing, openIssuing } from "../support/issuing.js";
import { checked } from "../support/reports.js";
import { openWorld, type World } from "../support/stage.js";

type Answering = (
  method: string,
  params: readonly unknown[],
  answer: () => Promise<unknown>,
) => Promise<unknown>;
type Fields = { [name: string]: unknown };

/** Each of these has fooled a verifier once. */
describe("what attackers have found", function () {
  this.timeout(60_000);
  let world: World;
  let desk: Issuing;
  let registry: Hex;

  before(async () => {
    world = await openWorld();
    desk = await openIssuing(world);
    registry = world.registry.domain.registry;
  });
  after(() => world.close());

  const node = (answering?: Answering): NamedNode => ({
    name: "a node",
    request: (method, params) =>
      answering === undefined
        ? world.node(method, params)
        : answering(method, params, () => world.node(method, params)),
  });
  const check = (what: Hex | Waybill, nodes: NamedNode[], more: Partial<VerifyOptions> = {}) =>
    checked(what, { nodes, registry, ...more });
  const failed = (report: Report) =>
    report.checks.filter(({ outcome }) => outcome === "fail").map(({ name }) => name);
  const block = async (which: number | string) =>
    (await world.node("eth_getBlockByNumber", [
      typeof which === "number" ? `0x${which.toString(16)}` : which,
      false,
    ])) as Fields;
  /** Answers by the tag, as if the chain had ended there. */
  const endingAt =
    (number: number): Answering =>
    async (method, params, answer) =>
      method === "eth_getBlockByNumber" && !String(params[0]).startsWith("0x") ? block(number) : answer();

  it("a node that proves the statement and only tells of what it refers to has told nothing", async () => {
    const ref = await desk.attest(desk.statement());
    const uid = await desk.attest(desk.statement({ ref }));
    await desk.revoke(ref);
    await world.mine(2);
    const fine = `0x${"0".repeat(12)}${"0".repeat(1)}1${"f".repeat(10)}${desk.issuer.address.slice(2)}`;
    const liar = node(async (method, params, answer) => {
      const asked = JSON.stringify(params);
      if (method === "eth_getProof" && asked.includes(recordSlot(ref)))
        throw new RpcError(-32601, "no method", null);
      if (method === "eth_getStorageAt") return fine;
      return answer();
    });
    const report = await check(uid, [liar]);
    expect(report).to.include({ verdict: "undecided", level: 5 });
    expect(report.flags.current).to.equal("unknown");
  });

  it("a node that proves the statement and only tells of its stream's end has told nothing", async () => {
    const key = streamKey("told");
    const [first] = await desk.record([desk.statement()], { key, position: 0n });
    const after = (await world.chain.block("latest"))!.number;
    await desk.record([desk.statement()], { key, position: 1n });
    await world.mine(2);
    const slots = headSlots(desk.issuer.address, key);
    const liar = node(async (method, params, answer) => {
      const asked = JSON.stringify(params);
      if (method === "eth_getProof" && slots.some((slot) => asked.includes(slot))) {
        throw new RpcError(-32601, "no method", null);
      }
      // The end as it was before the second.
      if (method === "eth_getStorageAt" && slots.some((slot) => asked.includes(slot))) {
        return world.node(method, [...params.slice(0, 2), `0x${after.toString(16)}`]);
      }
      if (method === "eth_getLogs") {
        return ((await answer()) as { blockNumber: Hex }[]).filter((log) => Number(log.blockNumber) <= after);
      }
      return answer();
    });
    const newest = readPolicy('{"policy":1,"newest":true}', "policy");
    const report = await check(first!, [liar], { policy: newest });
    expect(report).to.include({ verdict: "undecided", level: 5 });
    expect(report.flags.complete).to.equal("unknown");
  });

  it("a resolver's code that is only told is not the code that a policy asks for", async () => {
    const resolver: Hex = `0x${"ab".repeat(20)}`;
    await world.node("anvil_setCode", [resolver, "0x6001"]);
    const rules = { policy: 1, resolvers: { [resolver]: hex(keccak(unhex("0x6001"))) } };
    const [one] = await desk.seal([desk.statement()]);
    await world.mine(2);
    // The schema has no resolver, so this one is not trusted, whatever its code is said to be.
    const report = await check(one!, [node()], { policy: readPolicy(JSON.stringify(rules), "p") });
    expect(report.flags.accepted).to.equal("no");
  });

  it("a proof, a header or a content that is bad is nothing against the statement: another node is asked", async () => {
    const uid = await desk.attest(desk.statement());
    const [sealed] = await desk.seal([desk.statement(), desk.statement()]);
    await world.mine(2);
    const badProof = node(async (method, _, answer) =>
      method === "eth_getProof" ? { ...((await answer()) as object), accountProof: ["0xc0"] } : answer(),
    );
    const badHeader = node(async (method, _, answer) =>
      method.startsWith("eth_getBlockBy")
        ? { ...((await answer()) as object), stateRoot: ZERO_WORD }
        : answer(),
    );
    const badContent = node(async (method, _, answer) =>
      method === "eth_getLogs"
        ? ((await answer()) as { data: string }[]).map((log) => ({
            ...log,
            data: log.data.replace("7374", "7375"),
          }))
        : answer(),
    );
    for (const [liar, name] of [
      [badProof, "state proof"],
      [badHeader, "header"],
      [badContent, "body"],
    ] as const) {
      const report = await check(uid, [liar]);
      expect(report.verdict, name).to.equal("undecided");
      expect(failed(report)).to.deep.equal([name]);
      expect(report.because).to.match(/ask another node$/);
      if (name === "body") continue;
      const waybill = await check(sealed!, [liar]);
      expect(waybill.verdict, name).to.equal("undecided");
      expect(failed(waybill)).to.deep.equal([name]);
    }
    // Beside two honest ones it is passed over.
    for (const liar of [badProof, badHeader, badContent]) {
      const report = await check(uid, [liar, node(), node()]);
      expect(report).to.include({ verdict: "accept", level: 5 });
    }
  });

  it("one node of three cannot turn back the time to before a revocation", async () => {
    const uid = await desk.attest(desk.statement());
    await world.mine(2);
    const before = (await world.chain.block("safe"))!.number;
    await desk.revoke(uid);
    await world.mine(2);
    const liar = node(endingAt(before));
    for (const nodes of [
      [liar, node(), node()],
      [node(), liar, node()],
      [node(), node(), liar],
    ]) {
      const report = await check(uid, nodes);
      expect(report).to.include({ verdict: "reject", level: 5 });
      expect(report.asOf!.headerTrust).to.equal("3 of 3 nodes");
    }
    // Of two, one can hold the time back, and nothing is accepted then that the other sees fall.
    for (const nodes of [
      [liar, node()],
      [node(), liar],
    ]) {
      const report = await check(uid, nodes);
      expect(report).to.include({ verdict: "undecided" });
      expect(report.because).to.include("revoked");
    }
    // An honest one that is a block behind holds up nothing.
    const other = await desk.attest(desk.statement());
    await world.mine(4);
    const behind = node(endingAt((await world.chain.block("safe"))!.number - 1));
    for (const nodes of [
      [behind, node()],
      [node(), behind],
    ]) {
      expect(await check(other, nodes)).to.include({ verdict: "accept", level: 5 });
    }
  });

  it("one node of three cannot say what time it is, also under the right hash and with a field that nobody knows", async () => {
    const { timestamp } = (await world.chain.block("latest"))!;
    const gone = await desk.attest(desk.statement({ expiresAt: timestamp + 3 }));
    const valid = await desk.attest(desk.statement({ expiresAt: timestamp + 100_000 }));
    await world.node("evm_increaseTime", [10]);
    await world.mine(2);
    const at = (time: number) =>
      node(async (method, _, answer) =>
        method.startsWith("eth_getBlockBy")
          ? { ...((await answer()) as object), timestamp: `0x${time.toString(16)}`, laterField: "0x1" }
          : answer(),
      );
    for (const place of [0, 1, 2]) {
      const beside = (liar: NamedNode) => [node(), node()].toSpliced(place, 0, liar);
      expect(await check(gone, beside(at(timestamp)))).to.include({ verdict: "reject", level: 5 });
      expect(await check(valid, beside(at(timestamp + 200_000)))).to.include({ verdict: "accept", level: 5 });
    }
  });

  it("one node of three cannot settle a block alone, or make one up", async () => {
    const uid = await desk.attest(desk.statement());
    const head = (await world.chain.block("latest"))!.number;
    const report = await check(uid, [node(endingAt(head)), node(), node()]);
    expect(report).to.include({ verdict: "undecided", level: 3 });
    const alone = node(async (method, params, answer) => {
      if (method !== "eth_getBlockByNumber") return answer();
      const forged = String(params[0]).startsWith("0x") ? await answer() : await block(head);
      return { ...(forged as Fields), hash: `0x${"66".repeat(32)}` };
    });
    await world.mine(2);
    const two = await check(uid, [alone, node(), node()]);
    expect(two).to.include({ verdict: "accept", level: 5 });
    expect(two.asOf!.headerTrust).to.equal("2 of 3 nodes");
    const half = await check(uid, [alone, node()]);
    expect(half.verdict).to.equal("undecided");
    expect(half.asOf!.headerTrust).to.equal("1 of 2 nodes");
    const silent = node(async () => {
      throw new WaybillError("E_NODE", "silence");
    });
    const refused = await check(uid, [alone, silent, silent]).catch((error: unknown) => error);
    expect(refused).to.have.property("code", "E_NODE");
  });

  it("one node of three cannot speak for a contract that signs, or against it", async () => {
    const wallet: Hex = `0x${"cd".repeat(20)}`;
    // Takes the signature 0x2a, and no other.
    const code =
      "0x60643560f81c602a14601057600080fd5b7f1626ba7e0000000000000000000000000000000000000000000000000000000060005260206000f3";
    await world.node("anvil_setCode", [wallet, code]);
    await world.mine(2);
    const saying = (word: string) =>
      node(async (method, _, answer) => (method === "eth_call" ? word : answer()));
    const yes = saying(`0x1626ba7e${"0".repeat(56)}`);
    const no = saying(ZERO_WORD);
    const meant = desk.statement({ attester: wallet });
    const want = { want: 2 };
    const forged = desk.waybill(meant, { signature: "0x2b" });
    expect(await check(forged, [yes, node(), node()], want)).to.include({ verdict: "reject", level: 1 });
    const genuine = desk.waybill(meant, { signature: "0x2a" });
    expect(await check(genuine, [no, node(), node()], want)).to.include({ verdict: "accept", level: 2 });
    expect(await check(genuine, [no, node()], want)).to.include({ verdict: "undecided", level: 1 });
  });

  it("a root that was anchored as one leaf and sealed as eight gives no leaf another's place", async () => {
    const key = streamKey("one and eight");
    const meant = Array.from({ length: 8 }, () => desk.statement());
    const tree = treeOf(meant.map(desk.uid));
    const terms = {
      attester: desk.issuer.address,
      schema: world.schema,
      stream: key,
      position: 0n,
      deadline: 0,
    };
    await desk.send(world.registry.anchorCall(terms, tree.root, 1, "0x"));
    await desk.record(
      Array.from({ length: 7 }, () => desk.statement()),
      { key, position: 1n },
    );
    const sealed = await desk.seal(meant);
    await world.mine(2);
    for (const [index, one] of sealed.entries()) {
      expect(await check(one, [node()])).to.include({ verdict: "accept", level: 5 });
      const claimed = { ...one, stream: { key, position: BigInt(index) }, location: null };
      const report = await check(claimed, [node()]);
      expect(report.flags.complete, String(index)).to.not.equal("yes");
    }
  });

  it("a root that was anchored in one stream and sealed in another holds in both", async () => {
    const [one, other] = [streamKey("this one"), streamKey("that one")];
    const meant = Array.from({ length: 4 }, () => desk.statement());
    const anchored = await desk.anchor(meant, { key: one, position: 0n });
    const sealed = await desk.seal(meant, { key: other, position: 0n });
    await world.mine(2);
    for (const waybill of [...anchored, ...sealed]) {
      const report = await check(waybill, [node()]);
      expect(report).to.include({ verdict: "accept", level: 5 });
      expect(report.flags.complete).to.equal("yes");
    }
  });

  it("a block number beyond all numbers ends at once", async () => {
    const uid = await desk.attest(desk.statement());
    await world.mine(2);
    for (const number of [`0x${"f".repeat(16)}`, `0x${"f".repeat(64)}`, "0x20000000000000", "-0x1", "0x"]) {
      for (const name of ["number", "timestamp"]) {
        const liar = node(async (method, _, answer) =>
          method.startsWith("eth_getBlockBy")
            ? { ...((await answer()) as object), [name]: number }
            : answer(),
        );
        const refused = await check(uid, [liar]).catch((error: unknown) => error);
        expect(refused, `${name} ${number}`).to.have.property("code", "E_NODE");
        expect((await check(uid, [liar, node(), node()])).verdict).to.equal("accept");
      }
    }
    const [waybill] = await desk.seal([desk.statement()], { key: streamKey("far away"), position: 0n });
    await world.mine(2);
    const far = { ...waybill!, location: { ...waybill!.location!, block: 2 ** 40 - 1 } };
    expect(await check(far, [node()])).to.include({ verdict: "accept", level: 5 });
    const document = { ...waybillData(far), location: { ...far.location, block: 2 ** 60 } };
    expect(readWaybills(JSON.stringify(document), "x")[0]).to.include({ ok: false });
  });

  it("a hash brings no lines of its own into a report", async () => {
    const uid = await desk.attest(desk.statement());
    await world.mine(2);
    const lines = `0x${"1".repeat(64)}\n  ✓ proven: trust me`;
    for (const name of ["transactionHash", "blockHash", "data"]) {
      const liar = node(async (method, _, answer) =>
        method === "eth_getLogs"
          ? ((await answer()) as object[]).map((log) => ({ ...log, [name]: lines }))
          : answer(),
      );
      expect(JSON.stringify(await check(uid, [liar]), decimals), name).to.not.include("trust me");
    }
    const [waybill] = await desk.seal([desk.statement()]);
    for (const name of ["transaction", "blockHash"]) {
      const document = { ...waybillData(waybill!), location: { ...waybill!.location, [name]: lines } };
      const [read] = readWaybills(JSON.stringify(document), "x");
      expect(read).to.include({ ok: false });
      expect(JSON.stringify(read)).to.not.include("trust me");
    }
  });

  it("a node's refusal does not repeat a secret of its URL in a report", async () => {
    const uid = await desk.attest(desk.statement());
    await world.mine(2);
    for (const refused of ["eth_getProof", "eth_getLogs", "eth_call", "eth_getStorageAt", "eth_getCode"]) {
      const talking = node(async (method, _, answer) => {
        if (method === refused) throw new RpcError(-32000, "key s3cr3tkey is over its limit", null);
        return answer();
      });
      for (const what of [uid, desk.waybill(desk.statement(), { signature: "0x2a" })]) {
        const report = await check(what, [talking]).catch((error: unknown) => (error as Error).message);
        expect(JSON.stringify(report, decimals), refused).to.not.include("s3cr3t");
      }
    }
  });

  it("one node that is spelt in several ways has one voice", () => {
    const made: string[] = [];
    const request = (url: string): Request => {
      made.push(url);
      return async () => null;
    };
    const spellings = [
      "https://node.example/v3/one",
      "https://node.example/v3/two",
      "https://NODE.example:443/",
      "http://node.example",
      "https://node.example./",
      "https://user:name@node.example/",
    ];
    expect(nodesAt(spellings, request)).to.have.length(1);
    expect(
      nodesAt(
        ["http://localhost:8545", "http://127.0.0.1:8545/", "http://[::1]:8545", "http://127.1:8545"],
        request,
      ),
    ).to.have.length(1);
    expect(
      nodesAt(["http://127.0.0.1:8545", "http://127.0.0.1:8546", "https://other.example"], request),
    ).to.have.length(3);
    expect(made).to.have.length(5);
  });

  it("a node that is asked for one block and gives another has given none", async () => {
    const uid = await desk.attest(desk.statement());
    await world.mine(2);
    const { number } = (await world.chain.block("safe"))!;
    await desk.revoke(uid);
    await world.mine(3);
    const later = (await world.chain.block("safe"))!.number;
    const liar = node(async (method, params, answer) =>
      method === "eth_getBlockByNumber" && Number(params[0]) === later - 2 ? block(number) : answer(),
    );
    const refused = await check(uid, [liar], { at: later - 2 }).catch((error: unknown) => error);
    expect(refused).to.have.property("code", "E_NODE");
    const pinned = node(async (method, _, answer) =>
      method === "eth_getBlockByHash" ? block(number) : answer(),
    );
    const headerHash = (await block(later)).hash as Hex;
    const other = await check(uid, [pinned], { headerHash }).catch((error: unknown) => error);
    expect(other).to.have.property("code", "E_NODE");
    expect(await check(uid, [node()], { headerHash })).to.include({ verdict: "reject", level: 5 });
  });

  it("files that are deep, empty, long or made up are refused in no time", async () => {
    const [waybill] = await desk.seal([desk.statement(), desk.statement()]);
    const document = waybillData(waybill!) as Fields;
    const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
    const objects = `${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`;
    const started = process.cpuUsage().user;
    for (const text of [
      deep,
      objects,
      `{"waybills":[${deep}]}`,
      `{"waybills":[${objects},${objects}]}`,
      `{"waybills":${deep}}`,
      JSON.stringify({ ...document, proof: "deep" }).replace('"deep"', deep),
      JSON.stringify({
        ...document,
        proof: { ...(document.proof as object), path: Array.from({ length: 1e6 }, () => 1) },
      }),
      JSON.stringify({
        ...document,
        proof: { ...(document.proof as object), count: 2 ** 39, index: 2 ** 38 },
      }),
      JSON.stringify({ ...document, state: { header: "0x", registry: "deep" } }).replace('"deep"', deep),
      `{"waybills":[${"{},".repeat(9_000)}{}]}`,
      "{}\n".repeat(9_000),
      "[]",
      '"x"',
      "1e999",
      "x".repeat(1e6),
    ]) {
      const read = readWaybills(text, "x");
      expect(
        read.every(({ ok }) => !ok),
        text.slice(0, 40),
      ).to.equal(true);
    }
    for (const text of [
      "",
      " \n ",
      '{"waybills":[]}',
      `{"waybills":[${"1,".repeat(1e5)}1]}`,
      "1\n".repeat(1e5),
    ]) {
      expect(() => readWaybills(text, "x"), text.slice(0, 40))
        .to.throw(WaybillError)
        .with.property("code", "E_WAYBILL");
    }
    // Of processor time, which another process does not take: generous, where each took seconds once.
    expect((process.cpuUsage().user - started) / 1e6).to.be.lessThan(5);
  });
});

function decimals(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
