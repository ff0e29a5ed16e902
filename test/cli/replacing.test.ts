import { expect } from "chai";
import type { CheckedRow } from "../../src/admission/admit.js";
import type { Record, Registry } from "../../src/chain/registry.js";
import { replaceable, requireReplaceable } from "../../src/cli/replacing.js";
import { WaybillError } from "../../src/errors.js";
import { type Hex, ZERO_ADDRESS, ZERO_WORD } from "../../src/hex.js";

const ISSUER: Hex = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const OTHER: Hex = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";

function uid(name: string): Hex {
  return `0x${Buffer.from(name).toString("hex").padStart(64, "0")}`;
}

function row(line: number, says: string, replaces: string): CheckedRow & { ok: true } {
  const item = { recipient: ZERO_ADDRESS, ref: ZERO_WORD, expiresAt: 0, revocable: true, salt: ZERO_WORD };
  const statement = {
    uid: uid(says),
    item: { ...item, data: new Uint8Array() },
    size: { bytes: 0, tokens: 0, words: 0 },
    stream: ZERO_WORD,
  };
  return { ok: true, line, statement, replaces: uid(replaces) };
}

const VALID: Record = { attester: ISSUER, recordedAt: 1, expiresAt: 0, revocable: true, revoked: false };

/** A registry that knows statements by their names. */
function registryOf(known: { [name: string]: Partial<Record> }) {
  const asked: number[] = [];
  const records = new Map(Object.entries(known).map(([name, parts]) => [uid(name), { ...VALID, ...parts }]));
  const registry = {
    async records(uids: readonly Hex[]) {
      asked.push(uids.length);
      return uids.map((one) => records.get(one) ?? null);
    },
  };
  return { registry: registry as unknown as Registry, asked };
}

async function checked(registry: Registry, rows: readonly CheckedRow[]): Promise<[number, string | null][]> {
  const found: [number, string | null][] = [];
  const all = async function* () {
    yield* rows;
  };
  for await (const one of replaceable(all(), registry, ISSUER))
    found.push([one.line, one.ok ? null : `${one.faults[0]!.code} ${one.faults[0]!.problem}`]);
  return found;
}

describe("Rows that take the place of earlier statements", () => {
  const known = {
    old: {},
    again: { revoked: true },
    gone: { revoked: true, recordedAt: 0 },
    theirs: { attester: OTHER },
    forEver: { revocable: false },
    lower: { attester: ISSUER.toLowerCase() as Hex },
  };

  it("are good if the old one is this issuer's and can be revoked, or was before", async () => {
    const { registry } = registryOf({ ...known, issued: {} });
    const rows = [row(1, "a", "old"), row(2, "b", "lower"), row(3, "c", "again"), row(4, "issued", "old")];
    expect(await checked(registry, rows)).to.deep.equal([1, 2, 3, 4].map((line) => [line, null]));
  });

  for (const [replaces, problem] of [
    ["nothing", /is not recorded here/],
    ["gone", /is not recorded here/],
    ["theirs", /was issued by 0x3C44/],
    ["forEver", /can never be revoked/],
  ] as const) {
    it(`are bad if what they replace is ${replaces}`, async () => {
      const { registry } = registryOf(known);
      const [[, found]] = (await checked(registry, [row(1, "a", replaces)])) as [[number, string]];
      expect(found)
        .to.match(/^E_ROW_REPLACES /)
        .and.match(problem);
    });
  }

  it("are bad if what they say was revoked before, for it could never be valid again", async () => {
    const { registry } = registryOf(known);
    const rows = [row(1, "again", "old"), row(2, "gone", "old"), row(3, "fine", "old")];
    const found = await checked(registry, rows);
    expect(found.map(([, problem]) => problem !== null)).to.deep.equal([true, true, false]);
  });

  it("are bad if a statement takes one place and loses it in the same file, in whatever order", async () => {
    const { registry } = registryOf({ ...known, one: {}, two: {} });
    expect((await checked(registry, [row(1, "one", "one")]))[0]![1]).to.match(/the same as what it/);
    const first = await checked(registry, [row(1, "two", "one"), row(2, "three", "two")]);
    expect([first[0]![1], first[1]![1]]).to.deep.equal([
      null,
      "E_ROW_REPLACES line 1 says what this row would take the place of",
    ]);
    const second = await checked(registry, [row(1, "three", "two"), row(2, "two", "one")]);
    expect([second[0]![1], second[1]![1]]).to.deep.equal([
      null,
      "E_ROW_REPLACES line 1 takes the place of what this row says",
    ]);
  });

  it("stay in order among bad ones, and a node is asked about 500 of them at a time", async () => {
    const { registry, asked } = registryOf(known);
    const rows: CheckedRow[] = Array.from({ length: 1_203 }, (_, line) =>
      line % 3 === 0
        ? { ok: false, line, faults: [{ line, column: "", code: "E_ROW_WIDTH", problem: "bad" }] }
        : row(line, `n${line}`, "old"),
    );
    const found = await checked(registry, rows);
    expect(found.map(([line]) => line)).to.deep.equal(rows.map(({ line }) => line));
    expect(found.filter(([, problem]) => problem === null)).to.have.length(802);
    expect(asked).to.have.length(3);
    expect(Math.max(...asked)).to.be.at.most(1_000);
  });

  it("are refused by the same rules one by one", async () => {
    const { registry } = registryOf(known);
    await requireReplaceable(row(1, "a", "old").statement, uid("old"), registry, ISSUER);
    const error = await requireReplaceable(row(1, "a", "x").statement, uid("theirs"), registry, ISSUER).catch(
      (thrown: unknown) => thrown,
    );
    expect((error as WaybillError).code).to.equal("E_ROW_REPLACES");
  });
});
