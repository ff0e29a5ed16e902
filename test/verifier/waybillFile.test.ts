import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { WaybillError } from "../../src/errors.js";
import type { Hex } from "../../src/hex.js";
import { streamKey } from "../../src/stream.js";
import { safeView, stateEvidence } from "../../src/verifier/evidence.js";
import { readWaybills } from "../../src/verifier/file.js";
import type { View } from "../../src/verifier/view.js";
import { readWaybill, type Waybill, waybillData } from "../../src/waybill.js";
import { type Issuing, openIssuing } from "../support/issuing.js";
import { ROOT } from "../support/cli.js";
import { checked, waybillHeld } from "../support/reports.js";
import { seed } from "../support/seed.js";
import { openWorld, randomOf, type World } from "../support/stage.js";

const ROUNDS = 10_000;

type Random = (below: number) => number;
type Fields = { [name: string]: unknown };

describe("a waybill's file", function () {
  this.timeout(120_000);
  let world: World;
  let desk: Issuing;
  let registry: Hex;
  let view: View;
  let whole: { [name: string]: Waybill };

  before(async () => {
    world = await openWorld();
    desk = await openIssuing(world);
    registry = world.registry.domain.registry;
    const key = streamKey("files");
    const many = (count: number) => Array.from({ length: count }, () => desk.statement());
    const [record] = await desk.record(many(1));
    const ordered = await desk.record(many(2), { key, position: 0n });
    const sealed = await desk.seal(many(100), { key, position: 2n });
    const anchored = await desk.anchor(many(1_000));
    const referring = await desk.record([desk.statement({ ref: record!.uid })]);
    const meant = desk.statement();
    const revoked = await desk.record(many(1));
    await desk.revoke(revoked[0]!.uid);
    await world.mine(2);
    view = await safeView([{ name: "a node", request: world.node }], 31337n);
    whole = {
      signed: desk.waybill(meant, { signature: desk.issuer.signDigest(desk.uid(meant)) }),
      record: record!,
      "record in a stream": ordered[0]!,
      seal: sealed[41]!,
      anchor: anchored[777]!,
      referring: referring[0]!,
      revoked: revoked[0]!,
    };
    for (const [name, waybill] of Object.entries(whole)) {
      if (name === "signed") continue;
      whole[name] = { ...waybill, state: await stateEvidence(view, waybill) };
    }
  });
  after(() => world.close());

  const offline = (waybill: Waybill, headerHash: Hex | null = view.hash, want = 5) =>
    checked(waybill, { nodes: [], registry, want, headerHash });

  it("is as docs/waybill.schema.json has it, and is read as it was written", () => {
    for (const [name, waybill] of Object.entries(whole)) {
      const document = JSON.parse(JSON.stringify(waybillData(waybill))) as object;
      waybillHeld(document);
      expect(readWaybill(JSON.stringify(document), name)).to.deep.equal(waybill);
    }
  });

  it("is proven without a node, under the header's hash that the reader trusts", async () => {
    for (const name of ["record", "record in a stream", "seal", "anchor", "referring"]) {
      const report = await offline(whole[name]!);
      expect(report, name).to.include({ verdict: "accept", level: 5 });
      expect(report.asOf, name).to.include({ tag: "pinned", headerTrust: "pinned hash", hash: view.hash });
    }
    expect(await offline(whole.revoked!)).to.include({ verdict: "reject", level: 5 });
  });

  it("is the same online, by a node that is asked for the very block", async () => {
    for (const name of ["record", "seal", "anchor", "referring", "revoked"]) {
      const nodes = [{ name: "a node", request: world.node }];
      const online = await checked(whole[name]!, { nodes, registry, want: 5, headerHash: view.hash });
      const { asOf, verdict, level } = await offline(whole[name]!);
      expect({ asOf: online.asOf, verdict: online.verdict, level: online.level }).to.deep.equal({
        asOf,
        verdict,
        level,
      });
    }
  });

  it("is undecided under another hash, without one, and without a state", async () => {
    const other: Hex = `0x${"5".repeat(64)}`;
    for (const [waybill, hash] of [
      [whole.seal!, other],
      [whole.seal!, null],
      [{ ...whole.seal!, state: null }, view.hash],
    ] as const) {
      const report = await offline(waybill, hash);
      expect(report).to.include({ verdict: "undecided", level: 1 });
      expect(report.checks[0]).to.have.property("name", "header");
    }
    expect(await offline(whole.signed!, null)).to.include({ verdict: "undecided", level: 2 });
  });

  it("is not helped by the state of another, or by a proof that lacks what counts", async () => {
    const { seal, record, anchor } = whole as { [name: string]: Waybill };
    for (const waybill of [
      { ...seal!, state: record!.state },
      { ...record!, state: anchor!.state },
      { ...seal!, state: { ...seal!.state!, registry: { ...seal!.state!.registry, storageProof: [] } } },
      { ...seal!, state: { ...seal!.state!, registry: { ...seal!.state!.registry, accountProof: [] } } },
    ]) {
      const report = await offline(waybill);
      expect(report.verdict).to.equal("undecided");
      expect(report.level).to.equal(1);
    }
    // Where a sealed statement is revoked by its uid alone, the record's slot tells, and it is among those that count.
    const [, ...others] = seal!.state!.registry.storageProof;
    const hiding = { ...seal!.state!, registry: { ...seal!.state!.registry, storageProof: others } };
    expect((await offline({ ...seal!, state: hiding })).verdict).to.equal("undecided");
  });

  it("is as large as docs/verify.md says", () => {
    const text = readFileSync(join(ROOT, "docs", "verify.md"), "utf8");
    const told = [
      ...text.matchAll(/^\| (signed|record|seal|anchor)\b.*\| +([\d,]+|-) +\| +([\d,]+|-) +\|$/gm),
    ];
    expect(told.map(([, name]) => name)).to.deep.equal(["signed", "record", "seal", "anchor"]);
    const sizes = (name: string) => {
      const { state, ...rest } = whole[name]!;
      const size = (of: Waybill) => JSON.stringify(waybillData(of)).length;
      return [size({ ...rest, state: null }), state === null ? null : size(whole[name]!)];
    };
    for (const [, name, ...columns] of told) {
      for (const [index, column] of columns.entries()) {
        const measured = sizes(name!)[index]!;
        const place = `${name}: ${JSON.stringify(sizes(name!))}`;
        if (measured === null) expect(column, place).to.equal("-");
        // A node of a trie more or less, as the hashes of issuers have it.
        else expect(Number(column!.replaceAll(",", "")), place).to.be.within(measured * 0.7, measured * 1.3);
      }
    }
  });

  it("says of a newer version that it is newer, and reads the first", () => {
    const document = waybillData(whole.record!) as Fields;
    const { state: _, ...first }: Fields = { ...document, waybill: 1 };
    expect(readWaybill(JSON.stringify(first), "x").uid).to.equal(whole.record!.uid);
    expect(() => readWaybill(JSON.stringify({ ...document, waybill: 3 }), "x"))
      .to.throw(WaybillError)
      .with.property("code", "E_WAYBILL_VERSION");
    expect(() => readWaybill(JSON.stringify({ ...document, sgnature: "0x" }), "x"))
      .to.throw(WaybillError)
      .with.property("code", "E_WAYBILL");
  });

  it(`is refused when altered, ${ROUNDS} times over, with one clear line, and never accepted as something else`, async () => {
    const random = randomOf(`waybill files ${seed}`);
    const bases = Object.values(whole).map((waybill) => ({
      waybill,
      text: JSON.stringify(waybillData(waybill)),
    }));
    const contents = new Map(bases.map(({ waybill }) => [waybill.uid, contentOf(waybill)]));
    const seen = { refused: 0, accept: 0, reject: 0, undecided: 0 };
    const before = process.memoryUsage().heapUsed;
    for (let round = 0; round < ROUNDS; round += 1) {
      const { text } = bases[random(bases.length)]!;
      const file =
        random(4) === 0 ? scrambled(text, random) : reshaped(text, bases[random(bases.length)]!.text, random);
      let read: ReturnType<typeof readWaybills>;
      try {
        read = readWaybills(file, "the file");
      } catch (error) {
        expect((error as { code?: string }).code, `round ${round}`).to.match(/^E_WAYBILL/);
        seen.refused += 1;
        continue;
      }
      for (const one of read) {
        if (!one.ok) {
          expect(one.problem.length, `round ${round}`).to.be.within(10, 1_000);
          expect(one.problem, `round ${round}`).to.match(/^the file[^\n]*$/);
          seen.refused += 1;
          continue;
        }
        if (one.waybill.registry.toLowerCase() !== registry.toLowerCase()) continue;
        const report = await offline(one.waybill);
        seen[report.verdict] += 1;
        // What is not in the content (a place, a signature) may be altered; what it says may not.
        expect(contentOf(one.waybill), `round ${round}`).to.equal(contents.get(one.waybill.uid));
        if (one.waybill.uid === whole.revoked!.uid || one.waybill.uid === whole.signed!.uid) {
          expect(report.verdict, `round ${round}`).to.not.equal("accept");
        }
      }
    }
    expect(seen.refused, JSON.stringify(seen)).to.be.greaterThan(5_000);
    expect(seen.accept, JSON.stringify(seen)).to.be.greaterThan(50);
    expect(seen.undecided, JSON.stringify(seen)).to.be.greaterThan(100);
    expect((process.memoryUsage().heapUsed - before) / 2 ** 20, "MiB").to.be.lessThan(400);
  });
});

function contentOf({ chainId, registry, uid, attestation, schema }: Waybill): string {
  return JSON.stringify([
    String(chainId),
    registry.toLowerCase(),
    uid,
    {
      ...attestation,
      attester: attestation.attester.toLowerCase(),
      recipient: attestation.recipient.toLowerCase(),
      data: [...attestation.data],
    },
    { ...schema, resolver: schema.resolver.toLowerCase() },
  ]);
}

/** Its text, as a bad line or a bad editor leaves it. */
function scrambled(text: string, random: Random): string {
  const at = random(text.length);
  const other = random(text.length);
  switch (random(6)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return `${text.slice(0, at)}${String.fromCharCode(random(65_536))}${text.slice(at + 1)}`;
    case 2:
      return text.slice(0, at) + text.slice(Math.min(at, other), Math.max(at, other)) + text.slice(at);
    case 3:
      return text.slice(0, Math.min(at, other)) + text.slice(Math.max(at, other));
    case 4:
      return `${text.slice(0, at)}${random(10)}${text.slice(at + 1)}`;
    default:
      return `${text}${["\n", " ", text, `\n${text}`, "]", "\u0000"][random(6)]!}`;
  }
}

const JUNK: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1,
  7.5,
  1e300,
  2 ** 53,
  "",
  "0",
  "0x",
  "0x0",
  "0xzz",
  "-1",
  "1e9",
  "9".repeat(400),
  `0x${"f".repeat(64)}`,
  `0x${"0".repeat(64)}`,
  `0x${"0".repeat(40)}`,
  "a\nb",
  "\u202e",
  [],
  {},
  [[]],
  [{}],
  { length: 3 },
  { toString: "x" },
  "__proto__",
  [null],
  "x".repeat(5_000),
];

/** Its structure, as somebody leaves it who knows the format. */
function reshaped(text: string, donor: string, random: Random): string {
  const document = JSON.parse(text) as Fields;
  const places = placesIn(document);
  const [holder, name] = places[random(places.length)]!;
  const value = holder[name];
  switch (random(9)) {
    case 0:
      delete holder[name];
      break;
    case 1:
      holder[name] = JUNK[random(JUNK.length)];
      break;
    case 2: {
      const [other, from] = places[random(places.length)]!;
      [holder[name], other[from]] = [other[from], holder[name]];
      break;
    }
    case 3: {
      const given = placesIn(JSON.parse(donor) as Fields).filter(([, one]) => one === name);
      if (given.length > 0) holder[name] = given[random(given.length)]![0][name];
      break;
    }
    case 4:
      if (typeof value === "string") holder[name] = value.toUpperCase().replace("0X", "0x");
      break;
    case 5:
      if (typeof value === "number") holder[name] = value + [1, -1, 0.5, 2 ** 40, 2 ** 60][random(5)]!;
      break;
    case 6: {
      let deep: unknown = value;
      for (let depth = random(200); depth >= 0; depth -= 1) deep = random(2) === 0 ? [deep] : { deep };
      holder[name] = deep;
      break;
    }
    case 7:
      if (Array.isArray(value))
        holder[name] = random(2) === 0 ? [...(value as unknown[]), ...(value as unknown[])] : value.slice(1);
      break;
    default:
      if (typeof value === "string" && value.length > 2) {
        const at = 2 + random(value.length - 2);
        holder[name] = `${value.slice(0, at)}${"0123456789abcdef"[random(16)]}${value.slice(at + 1)}`;
      }
  }
  const list = random(20) === 0 ? { waybills: [document, JSON.parse(donor) as Fields] } : document;
  return JSON.stringify(list);
}

/** Every place of a value: what holds it, and under which name. */
function placesIn(holder: Fields): [Fields, string][] {
  return Object.keys(holder).flatMap((name) => {
    const value = holder[name];
    const inner = typeof value === "object" && value !== null ? placesIn(value as Fields) : [];
    return [[holder, name] as [Fields, string], ...inner];
  });
}
