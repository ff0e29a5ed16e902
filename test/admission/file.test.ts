import { mkdir, readdir, readlink } from "node:fs/promises";
import { expect } from "chai";
import fc from "fast-check";
import { readCsv } from "../../src/admission/csv.js";
import { readRows } from "../../src/admission/file.js";
import { readJsonLines } from "../../src/admission/jsonLines.js";
import { faultText, type RowFault } from "../../src/admission/rows.js";
import { parseSchema } from "../../src/schema.js";
import { folder, inChunks, outcomeOf, readFile, rowsOf } from "./reading.js";

const PEOPLE = "string name,uint64 score,bool isHuman,string note,uint256 stake";
const MEASUREMENTS =
  "string station,int32 celsiusMilli,uint256[] samples,(string unit,bytes raw) meta,string comment";

describe("an input file", () => {
  const write = folder();

  it("is read by its extension, in any case", async () => {
    for (const name of ["a.csv", "b.CSV"])
      expect(rowsOf(await readFile(await write(name, "x\n1\n"), "uint8 x"))).to.have.length(1);
    for (const name of ["a.jsonl", "b.ndjson"])
      expect(rowsOf(await readFile(await write(name, '{"x":1}\n'), "uint8 x"))).to.have.length(1);
  });

  it("is refused with any other extension", () => {
    for (const name of ["rows.json", "rows.xlsx", "rows", "csv", ".csv"])
      expect(() => readRows(name, parseSchema("uint8 x")), name)
        .to.throw()
        .with.property("code", "E_INPUT_KIND");
  });

  it("is refused when it is not there or a folder", async () => {
    const path = await write("there.csv", "x\n");
    for (const bad of [`${path}.csv`, path.replace("there.csv", "no/there.jsonl")])
      expect((await readFile(bad, "uint8 x")).error?.code).to.equal("E_FILE_OPEN");

    await mkdir(`${path}.folder.csv`);
    expect((await readFile(`${path}.folder.csv`, "uint8 x")).error?.code).to.equal("E_FILE_OPEN");
  });

  it("is closed when the reader stops early", async () => {
    for (const [name, content] of [
      ["long.csv", `x\n${"1\n".repeat(100_000)}`],
      ["long.jsonl", '{"x":1}\n'.repeat(50_000)],
    ] as const) {
      let closed = false;
      const input = inChunks(content, [1000]);
      async function* bytes() {
        try {
          yield* input.bytes;
        } finally {
          closed = true;
        }
      }
      const read = name.endsWith(".csv") ? readCsv : readJsonLines;
      for await (const result of read({ name, bytes: bytes() }, parseSchema("uint8 x")))
        if (result.ok && result.row.line > 1) break;
      expect(closed, name).to.equal(true);
    }
  });

  it("leaves no file open, whether read to its end, left early or refused", async function () {
    this.timeout(60_000);
    if (process.platform !== "linux") return; // only there can be seen what is open
    const path = await write("open.csv", `x\n${"1\n".repeat(40_000)}`);
    rowsOf(await readFile(path, "uint8 x"));
    for await (const _ of readRows(path, parseSchema("uint8 x"))) break;
    expect((await readFile(path, "uint8 y")).error?.code).to.equal("E_COLUMN_MISSING");

    const open = await readdir("/proc/self/fd");
    const targets = await Promise.all(
      open.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "closed")),
    );
    expect(targets).not.to.include(path);
  });

  it("ends with the reason of an abort, before the next row", async () => {
    for (const [name, content] of [
      ["abort.csv", "x\n1\n2\n\n\n3\n"],
      ["abort.jsonl", '{"x":1}\n{"x":2}\n{"x":3}\n'],
    ] as const) {
      const path = await write(name, content);
      for (const after of [1, 2]) {
        const abort = new AbortController();
        const reason = new Error("enough");
        let rows = 0;
        let thrown: unknown;
        try {
          for await (const _ of readRows(path, parseSchema("uint8 x"), { signal: abort.signal }))
            if (++rows === after) abort.abort(reason);
        } catch (error) {
          thrown = error;
        }
        expect(thrown).to.equal(reason);
        expect(rows).to.equal(after);
      }
    }
  });

  it("gives the rows before a byte that is not UTF-8, then the fault with its line", async () => {
    for (const [name, content] of [
      ["latin.csv", "s\nA\nB\nM\xfcller\nC\n"],
      ["latin.jsonl", '{"s":"A"}\n\n{"s":"B"}\n{"s":"M\xfcller"}\n'],
    ] as const) {
      const { rows, error } = await readFile(await write(name, Buffer.from(content, "latin1")), "string s");
      expect(error?.code).to.equal("E_FILE_UTF8");
      expect(error?.message).to.contain(`${name}:4 `);
      expect(rows.filter((result) => result.ok)).to.have.length(2);
    }
  });
});

describe("chunks of a file", function () {
  this.timeout(60_000);

  const csv = `\ufeffs,n,@id\r\n"é\r\n👩🏽‍🚀 ""q""",1,ä\n\n𠮷田,x,\r\na"b,2,c\n"",3,"d"\n\n,4,e\n\n`;
  const json =
    '\ufeff{"s":"é 👩🏽‍🚀","n":1}\r\n\n{"s":"𠮷田","n":1.0,"@id":"ä"}\n{"n":\n{"s":"\\ud83d\\ude00","n":7}';
  const schema = parseSchema("string s,uint8 n");

  for (const [name, content, read] of [
    ["CSV", csv, readCsv],
    ["JSON lines", json, readJsonLines],
    ["CSV that ends in the middle of a cell", `${csv}"x`, readCsv],
    ["CSV that is broken on the way", csv.replace("𠮷田", '"x"y'), readCsv],
    [
      "CSV with a byte that is not UTF-8",
      Buffer.concat([Buffer.from(csv), Buffer.of(0x35, 0x0a, 0xff, 0x0a)]),
      readCsv,
    ],
    ["JSON lines cut off in a character", Buffer.from(json).subarray(0, 12), readJsonLines],
  ] as const)
    it(`make no difference, however they are cut: ${name}`, async () => {
      const length = Buffer.byteLength(content);
      const whole = await outcomeOf(read(inChunks(content, [length]), schema));
      const same = async (sizes: number[]) => {
        const { rows, error } = await outcomeOf(read(inChunks(content, sizes), schema));
        expect(rows).to.deep.equal(whole.rows);
        expect([error?.code, error?.message]).to.deep.equal([whole.error?.code, whole.error?.message]);
      };
      for (let size = 1; size < length; size++) await same([size]);
      await fc.assert(
        fc.asyncProperty(fc.array(fc.integer({ min: 1, max: length }), { minLength: 1 }), async (sizes) =>
          same(sizes),
        ),
      );
    });

  for (const [kind, read, header, row] of [
    ["CSV", readCsv, "s,n\n", (i: number) => `"row ""${i}""\n",${i % 256}\n`],
    ["JSON lines", readJsonLines, "", (i: number) => `{"s":"row ${i}","n":${i % 256}}\n`],
  ] as const)
    it(`are taken only when the rows before are consumed: 200,000 rows of ${kind}`, async () => {
      const perChunk = 100;
      let pulled = 0;
      async function* chunks() {
        yield Buffer.from(header || "\n");
        for (let i = 0; i < 200_000; i += perChunk) {
          pulled++;
          yield Buffer.from(Array.from({ length: perChunk }, (_, j) => row(i + j)).join(""));
        }
      }
      let consumed = 0;
      let ahead = 0;
      for await (const result of read({ name: "chunks", bytes: chunks() }, schema)) {
        // The parser of CSV holds back the last bytes of a chunk, and with them at most a row.
        ahead = Math.max(ahead, pulled - Math.floor((consumed + 1) / perChunk));
        if (result.ok) consumed++;
      }
      expect(ahead).to.equal(1);
      expect([consumed, pulled]).to.deep.equal([200_000, 2_000]);
    });
});

describe("the example files", function () {
  this.timeout(60_000);

  const path = (name: string) => new URL(`../../examples/${name}`, import.meta.url).pathname;

  it("are read without a fault", async () => {
    const people = rowsOf(await readFile(path("people.csv"), PEOPLE));
    const measurements = rowsOf(await readFile(path("measurements.jsonl"), MEASUREMENTS));
    expect([people.length, measurements.length]).to.deep.equal([1250, 1250]);
    for (const [i, row] of people.entries()) expect(row.id).to.equal(`person-${i + 1}`);
    for (const [i, row] of measurements.entries())
      expect(row.id).to.equal(`m-${String(i + 1).padStart(5, "0")}`);
  });

  it("hold what they are meant to hold", async () => {
    const people = rowsOf(await readFile(path("people.csv"), PEOPLE));
    const measurements = rowsOf(await readFile(path("measurements.jsonl"), MEASUREMENTS));
    const notes = people.map((row) => row.values["note"] as string);
    const comments = measurements.map((row) => row.values["comment"] as string);
    for (const texts of [notes, comments]) {
      for (const part of [
        "\n",
        "\r\n",
        '"',
        ",",
        "\u200d",
        "שלום",
        "e\u0301",
        "=1+1",
        "__proto__",
        "  leading",
      ])
        expect(
          texts.some((text) => text.includes(part)),
          JSON.stringify(part),
        ).to.equal(true);
      expect(texts).to.include("");
      expect(Math.max(...texts.map((text) => text.length))).to.be.greaterThan(1800);
    }
    expect(comments.some((text) => text.includes("\0"))).to.equal(true);
    expect(people.some((row) => row.values["stake"] === 2n ** 256n - 1n)).to.equal(true);
    expect(measurements.some((row) => row.values["celsiusMilli"] === -(2n ** 31n))).to.equal(true);
    for (const column of ["recipient", "ref", "expiresAt"] as const) {
      const given = measurements.filter((row) => row[column] !== null).length;
      expect(given, column).to.be.within(100, 1150);
    }
  });
});

describe("the text of a fault", () => {
  const fault: RowFault = {
    line: 4812,
    column: "isHuman",
    code: "E_ROW_BOOL",
    problem: '"no" is not true or false',
  };

  it("has code, place and cause", () => {
    const text = 'E_ROW_BOOL people.csv:4812 column isHuman: "no" is not true or false.';
    expect(faultText("people.csv", fault)).to.equal(text);
    expect(faultText("/data/in/people.csv", { ...fault, problem: `${fault.problem}.` })).to.equal(text);
  });

  it("leaves the column out when it is the whole row", () => {
    expect(faultText("p.csv", { line: 2, column: "", code: "E_ROW_WIDTH", problem: "2 cells" })).to.equal(
      "E_ROW_WIDTH p.csv:2: 2 cells.",
    );
  });

  it("stays on one line whatever the file calls a column", () => {
    const text = faultText("p.jsonl", { ...fault, column: `x\n\x1b[2J\u202e\x9b\u2028${"y".repeat(1000)}` });
    expect(text).to.match(/^[\x20-\x7e…]{1,200}$/);
  });
});
