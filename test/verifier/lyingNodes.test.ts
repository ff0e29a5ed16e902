import { expect } from "chai";
import type { Request } from "../../src/chain/http.js";
import type { Hex } from "../../src/hex.js";
import { streamKey } from "../../src/stream.js";
import { readPolicy } from "../../src/verifier/policy.js";
import type { Report } from "../../src/verifier/report.js";
import type { VerifyOptions } from "../../src/verifier/verify.js";
import type { Waybill } from "../../src/waybill.js";
import { openIssuing } from "../support/issuing.js";
import { type Lie, LIES, lyingNode, remembered } from "../support/lyingNode.js";
import { checked } from "../support/reports.js";
import { seed } from "../support/seed.js";
import { openWorld, randomOf, type World } from "../support/stage.js";

/** Ways to lie: each by itself, and in pairs. */
const WAYS: readonly Lie[][] = [
  ...LIES.map((lie) => [lie]),
  ...LIES.flatMap((one, index) => LIES.slice(index + 1).map((other) => [one, other])),
];

const ROUNDS = 1_000;

type Subject = { name: string; what: Hex | Waybill; more?: Partial<VerifyOptions> };

describe("a node that lies", function () {
  this.timeout(120_000);
  let world: World;
  let honest: Request;
  let registry: Hex;
  let subjects: Subject[];
  let head: number;
  let safeHash: Hex;
  const truths = new Map<string, Promise<Report>>();

  before(async () => {
    world = await openWorld();
    registry = world.registry.domain.registry;
    const desk = await openIssuing(world);
    const key = streamKey("lies");
    const many = () => Array.from({ length: 6 }, () => desk.statement());
    const soon = (await world.chain.block("latest"))!.timestamp + 8;
    const good = await desk.attest(desk.statement());
    const revoked = await desk.attest(desk.statement());
    const expiring = await desk.attest(desk.statement({ expiresAt: soon }));
    const sealed = await desk.seal(many(), { key, position: 0n });
    const anchored = await desk.anchor(many(), { key, position: 6n });
    const referring = await desk.attest(desk.statement({ ref: revoked }));
    const holding = await desk.attest(desk.statement({ ref: good }));
    await desk.revoke(revoked);
    const { root } = sealed[0]!.proof!;
    await desk.send(desk.call("revokeLeaves", desk.issuer.address, world.schema, root, [4], "", 0, "0x"));
    await world.mine(6);
    const newest = { policy: readPolicy('{"policy":1,"newest":true}', "policy") };
    subjects = [
      { name: "recorded", what: good },
      { name: "revoked", what: revoked },
      { name: "expired", what: expiring },
      { name: "sealed", what: sealed[1]! },
      { name: "a revoked leaf", what: sealed[4]! },
      { name: "anchored", what: anchored[2]! },
      { name: "with a revoked reference", what: referring },
      { name: "with a reference", what: holding },
      { name: "replaced", what: anchored[0]!, more: newest },
      { name: "the newest", what: anchored[5]!, more: newest },
      {
        name: "at another's place",
        what: { ...anchored[5]!, stream: { key, position: 2n } },
        more: { policy: readPolicy('{"policy":1,"complete":true}', "policy") },
      },
      { name: "never there", what: desk.uid(desk.statement()) },
      { name: "of another root", what: { ...desk.waybill(desk.statement()), proof: sealed[0]!.proof } },
    ];
    head = await world.head();
    honest = remembered(world.node);
    safeHash = (await world.chain.block("safe"))!.hash;
  });
  after(() => world.close());

  /** What is so in the state of a block. */
  function truthAt({ name, what, more }: Subject, headerHash: Hex): Promise<Report> {
    const key = `${name} ${headerHash}`;
    const known = truths.get(key);
    if (known !== undefined) return known;
    const truth = checked(what, {
      nodes: [{ name: "honest", request: honest }],
      registry,
      want: 5,
      headerHash,
      ...more,
    });
    truths.set(key, truth);
    return truth;
  }

  it(`tells no lie of ${ROUNDS} that is accepted at level 5, and has nothing genuine rejected`, async () => {
    const random = randomOf(`lying nodes ${seed}`);
    const verdicts = { accept: 0, reject: 0, undecided: 0, error: 0 };
    let moved = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const subject = subjects[random(subjects.length)]!;
      const lies = WAYS[random(WAYS.length)]!;
      const setting = ["one node", "one of three", "pinned"][round % 10 < 6 ? 0 : round % 10 < 8 ? 1 : 2]!;
      const place = `round ${round}: ${setting}, ${subject.name}, ${lies.join(" and ")}`;
      const liar = lyingNode(honest, lies, random, { rehash: setting !== "one node", head });
      const nodes = [{ name: "liar", request: liar }];
      if (setting === "one of three") {
        nodes.push({ name: "a", request: honest }, { name: "b", request: honest });
      }
      let report: Report;
      try {
        const pin = setting === "pinned" ? { headerHash: safeHash } : {};
        report = await checked(subject.what, { nodes, registry, want: 5, ...pin, ...subject.more });
      } catch (error) {
        expect((error as { code?: string }).code, `${place}: ${String(error)}`).to.be.oneOf([
          "E_NODE",
          "E_CHAIN_ID",
        ]);
        verdicts.error += 1;
        continue;
      }
      verdicts[report.verdict] += 1;
      const { block, hash, tag } = report.asOf!;
      if (report.verdict === "undecided") {
        const open = report.checks.filter(({ outcome }) => outcome === "fail" || outcome === "unknown");
        expect(open, `${place}: names no check`).to.not.have.length(0);
        continue;
      }
      // Whatever is decided is true of a block that there is, under the hash that it has.
      expect(hash, place).to.equal(
        ((await honest("eth_getBlockByNumber", [`0x${block.toString(16)}`, false])) as { hash: Hex }).hash,
      );
      const truth = await truthAt(subject, hash);
      if (tag !== "pinned" && block !== head - 1) moved += 1;
      if (setting !== "one node") expect(block, `${place}: the time was moved`).to.equal(head - 1);
      expect(report.verdict, `${place}: ${JSON.stringify(report.checks, null, 1)}`).to.equal(truth.verdict);
      if (report.verdict === "accept") expect(report.level, place).to.equal(5);
    }
    expect(verdicts.accept, JSON.stringify(verdicts)).to.be.greaterThan(50);
    expect(verdicts.reject, JSON.stringify(verdicts)).to.be.greaterThan(50);
    expect(verdicts.undecided, JSON.stringify(verdicts)).to.be.greaterThan(200);
    expect(moved, "one node alone can name an older block, and the report names it too").to.be.greaterThan(0);
  });
});
