import { expect } from "chai";
import { WaybillError } from "../../src/errors.js";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { admit, admittedRows, checkedRows } from "../../src/admission/admit.js";
import type { Row, RowResult } from "../../src/admission/rows.js";
import { type Frame, statementOf } from "../../src/admission/statement.js";
import { domainSeparator, packedSize, saltOf, uidOf } from "../../src/attestation.js";
import { hex, type Hex, keccak, unhex, ZERO_ADDRESS, ZERO_WORD } from "../../src/hex.js";
import { encode, parseSchema, schemaId } from "../../src/schema.js";
import { streamKey } from "../../src/stream.js";
import { openSqliteStore } from "../../src/store/sqlite.js";
import type { AdmittedRow, NewJob, Store } from "../../src/store/store.js";

const NOW = 1_800_000_000;
const ATTESTER: Hex = `0x${"1a".repeat(20)}`;
const definition = "string name,uint8 age";

const frame: Frame = {
  separator: domainSeparator({ chainId: 1n, registry: `0x${"2b".repeat(20)}` }),
  schemaId: schemaId(definition, ZERO_ADDRESS, true),
  schema: parseSchema(definition),
  attester: ATTESTER,
  stream: ZERO_WORD,
  revocable: true,
  now: NOW,
  fits: (size) => size.bytes <= 1_000,
};

const rowOf = (parts: Partial<Row> = {}): Row => ({
  line: 2,
  values: { name: "Ada", age: 36n },
  recipient: null,
  ref: null,
  expiresAt: null,
  salt: null,
  id: null,
  stream: null,
  replaces: null,
  ...parts,
});

describe("a statement", () => {
  it("is the row's attestation, under the uid of its content", () => {
    const salt = hex(keccak(Uint8Array.of(1)));
    const row = rowOf({ recipient: ATTESTER, ref: salt, expiresAt: NOW + 1, salt });
    const { uid, item, size } = made(row);
    expect(item).to.deep.equal({
      recipient: ATTESTER,
      ref: salt,
      expiresAt: NOW + 1,
      revocable: true,
      salt,
      data: encode(frame.schema, row.values),
    });
    expect(uid).to.equal(uidOf(frame.separator, { ...item, schema: frame.schemaId, attester: ATTESTER }));
    expect(size).to.deep.equal(packedSize(item));
  });

  it("is for nobody, about nothing and for ever, and has no salt, unless the row says so", () => {
    expect(made(rowOf()).item).to.deep.include({
      recipient: ZERO_ADDRESS,
      ref: ZERO_WORD,
      expiresAt: 0,
      salt: ZERO_WORD,
    });
  });

  it("has the same uid for the same idempotency key and another for another", () => {
    const uid = (parts: Partial<Row>) => made(rowOf(parts)).uid;
    expect(uid({ id: "order 7" })).to.equal(uid({ id: "order 7", line: 900 }));
    expect(made(rowOf({ id: "order 7" })).item.salt).to.equal(saltOf("order 7"));
    const uids = [uid({}), uid({ id: "order 7" }), uid({ id: "order 8" }), uid({ id: "" })];
    expect(new Set(uids)).to.have.property("size", 4);
  });

  it("is of the stream that its row names, else of the file's", () => {
    const other = { ...frame, stream: streamKey("the file's") };
    const streamOf = (row: Row, of: Frame) => {
      const result = statementOf(row, of);
      return result.ok ? result.statement.stream : null;
    };
    expect(streamOf(rowOf(), frame)).to.equal(ZERO_WORD);
    expect(streamOf(rowOf(), other)).to.equal(streamKey("the file's"));
    expect(streamOf(rowOf({ stream: "s" }), other)).to.equal(streamKey("s"));
    // It is no part of what is said.
    expect(made(rowOf({ stream: "s" })).uid).to.equal(made(rowOf()).uid);
  });

  for (const [what, row, column, code] of [
    ["the key that stands for no stream", rowOf({ stream: ZERO_WORD }), "stream", "E_ROW_STREAM"],
    ["an expiry in the past", rowOf({ expiresAt: NOW - 1 }), "expires", "E_ROW_EXPIRES"],
    ["an expiry at this moment", rowOf({ expiresAt: NOW }), "expires", "E_ROW_EXPIRES"],
    [
      "more data than a transaction carries",
      rowOf({ values: { name: "a".repeat(999), age: 1n } }),
      "",
      "E_ROW_SIZE",
    ],
  ] as const) {
    it(`is refused: ${what}`, () => {
      expect(faults(row)).to.deep.equal([`2 ${column} ${code}`]);
    });
  }

  it("is refused when it is longer than the packed length can say", () => {
    const row = rowOf({ values: { name: "a".repeat(2 ** 24), age: 1n } });
    expect(faults(row)).to.deep.equal(["2  E_ROW_SIZE"]);
  });

  it("names everything that stands against it at once", () => {
    const row = rowOf({ stream: ZERO_WORD, expiresAt: 1, values: { name: "a".repeat(999), age: 1n } });
    expect(faults(row)).to.deep.equal(["2 stream E_ROW_STREAM", "2 expires E_ROW_EXPIRES", "2  E_ROW_SIZE"]);
  });

  function made(row: Row) {
    const result = statementOf(row, frame);
    if (!result.ok) throw new Error(JSON.stringify(result.faults));
    return result.statement;
  }

  function faults(row: Row): string[] {
    const result = statementOf(row, frame);
    return result.ok ? [] : result.faults.map(({ line, column, code }) => `${line} ${column} ${code}`);
  }
});

describe("admission", function () {
  this.timeout(60_000);
  let folder: string;
  let store: Store;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "waybill-admit-"));
    store = openSqliteStore(folder);
  });
  after(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  const jobOf = (key: string) => store.openJob(newJob(key));

  it("passes rows on in order, good and bad, and says what is wrong in the file's words", async () => {
    const results: RowResult[] = [
      { ok: true, row: rowOf({ line: 2 }) },
      { ok: false, line: 3, faults: [{ line: 3, column: "age", code: "E_ROW_UINT", problem: "it is -1" }] },
      { ok: true, row: rowOf({ line: 4, stream: ZERO_WORD }) },
      { ok: true, row: rowOf({ line: 5, id: "a" }) },
    ];
    const rows: AdmittedRow[] = [];
    for await (const row of admittedRows(checkedRows(each(results), frame), "/in/people.csv")) rows.push(row);
    expect(rows.map((row) => [row.line, row.kind])).to.deep.equal([
      [2, "item"],
      [3, "rejected"],
      [4, "rejected"],
      [5, "item"],
    ]);
    const told = rows.flatMap((row) =>
      row.kind === "rejected" ? row.faults.map((text) => text.split(":")[0]) : [],
    );
    expect(told).to.deep.equal(["E_ROW_UINT people.csv", "E_ROW_STREAM people.csv"]);
  });

  it("law 1: tells of a page only when its rows are on disk, and opens the job at the end", async () => {
    const job = await jobOf("pages");
    const told: number[] = [];
    const reader = new DatabaseSync(join(folder, "waybill.sqlite"), { readOnly: true });
    const onDisk = reader.prepare("SELECT count(*) AS count FROM items WHERE job = ?");
    await admit(store, job, each(rowsOf("pages", 12_300)), {
      onPage(stored) {
        told.push(stored);
        expect(onDisk.get(job.id)!["count"]).to.equal(stored);
      },
    });
    reader.close();
    expect(told).to.deep.equal([5_000, 10_000, 12_300]);
    expect(await store.job(job.id)).to.deep.include({ state: "open", rows: 12_300 });
  });

  it("leaves a job closed whose input changed while it was read", async () => {
    const job = await jobOf("changed");
    const changed = async () => {
      throw new WaybillError("E_FILE_CHANGED", "it was changed");
    };
    const outcome = admit(store, job, each(rowsOf("changed", 3)), { unchanged: changed });
    expect(await outcome.catch((error: WaybillError) => error.code)).to.equal("E_FILE_CHANGED");
    expect(await store.job(job.id)).to.deep.include({ state: "admitting" });
  });

  it("goes on where it was cut short: every row once and in order", async () => {
    const rows = rowsOf("cut", 17_280);
    const pages: number[] = [];
    for (const cut of [2_500, 8_500, 9_999, 15_500]) {
      const job = await jobOf("cut");
      const error = await admit(store, job, each(rows, cut), {
        onPage: (stored) => pages.push(stored),
      }).catch((problem: Error) => problem);
      expect(error).to.have.property("message", `cut at ${cut}`);
      expect(await store.job(job.id)).to.deep.include({ state: "admitting" });
    }
    expect(pages).to.deep.equal([5_000, 10_000, 15_000]);
    const job = await jobOf("cut");
    expect(job.rows).to.equal(15_000);
    await admit(store, job, each(rows), { onPage: (stored) => pages.push(stored) });
    expect(pages.at(-1)).to.equal(17_280);
    const report = await store.report(job.id, -1, 20_000);
    expect(report.map(({ ordinal, line, uid }) => [ordinal, line, uid])).to.deep.equal(
      rows.map((row, index) => [index, row.line, "uid" in row ? row.uid : null]),
    );
  });

  it("reads nothing of a job that is open already", async () => {
    const first = await jobOf("done");
    await admit(store, first, each(rowsOf("done", 3)));
    const again = await jobOf("done");
    await admit(store, again, each(rowsOf("done", 3), 0));
    expect((await store.job(again.id))!.rows).to.equal(3);
  });

  it("opens a job without rows", async () => {
    const job = await jobOf("empty");
    await admit(store, job, each([]));
    expect(await store.job(job.id)).to.deep.include({ state: "open", rows: 0 });
  });
});

/** @param cut how many are given before it breaks off */
async function* each<T>(rows: readonly T[], cut = Infinity): AsyncGenerator<T> {
  for (const [index, row] of rows.entries()) {
    if (index === cut) throw new Error(`cut at ${cut}`);
    yield row;
  }
}

/** Items and some rejected rows. */
function rowsOf(name: string, count: number): AdmittedRow[] {
  const data = unhex("0x01");
  const item = {
    recipient: ZERO_ADDRESS,
    ref: ZERO_WORD,
    expiresAt: 0,
    revocable: true,
    salt: ZERO_WORD,
    data,
  };
  return Array.from({ length: count }, (_, index): AdmittedRow => {
    const line = index + 2;
    if (index % 17 === 5) return { kind: "rejected", line, faults: ["E_ROW_BOOL"] };
    return {
      kind: "item",
      line,
      uid: hex(keccak(Buffer.from(`${name} ${index}`))),
      item,
      size: packedSize(item),
      stream: ZERO_WORD,
    };
  });
}

function newJob(key: string): NewJob {
  return {
    key: hex(keccak(Buffer.from(key))),
    act: "record",
    name: `${key}.csv`,
    schema: frame.schemaId,
    definition,
    attester: ATTESTER,
    reason: "",
    tenant: "",
    priority: "normal",
    refusals: "skip",
    flows: false,
  };
}
