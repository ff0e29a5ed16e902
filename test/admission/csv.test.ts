import { expect } from "chai";
import { readCsv } from "../../src/admission/csv.js";
import { LONGEST_ROW } from "../../src/admission/rows.js";
import { parseSchema } from "../../src/schema.js";
import { randomOf } from "../contracts/support/random.js";
import { seed } from "../support/seed.js";
import { faultsOf, folder, inChunks, outcomeOf, readFile, rowsOf } from "./reading.js";

const SCHEMA = "string name,uint8 age,bool isHuman";
const HEADER = "name,age,isHuman\n";

describe("rows of CSV", () => {
  const write = folder();
  const read = async (content: string | Uint8Array, definition = SCHEMA) =>
    readFile(await write("rows.csv", content), definition);

  it("reads a row by the names of the header, in any order", async () => {
    const [row] = rowsOf(await read("isHuman,recipient,name,age\ntrue,,Ada,36\n"));
    expect(row).to.deep.equal({
      line: 2,
      values: { name: "Ada", age: 36n, isHuman: true },
      recipient: null,
      ref: null,
      expiresAt: null,
      salt: null,
      id: null,
      stream: null,
      replaces: null,
    });
  });

  it("reads quoted cells with commas, quotes, LF and CRLF as they are", async () => {
    const [row] = rowsOf(await read(`${HEADER}"a,""b""\nc\r\nd",1,true\n`));
    expect(row!.values["name"]).to.equal('a,"b"\nc\r\nd');
  });

  it("keeps spaces, at both ends too", async () => {
    const [row] = rowsOf(await read(`${HEADER}  Ada ,1,true\n`));
    expect(row!.values["name"]).to.equal("  Ada ");
  });

  it("reads an empty cell as an empty string and refuses it for every other type", async () => {
    expect(faultsOf(await read("s,b,u,x\n,,,\n", "string s,bool b,uint8 u,bytes x"))).to.deep.equal([
      "2 E_ROW_BOOL b",
      "2 E_ROW_INTEGER u",
      "2 E_ROW_BYTES x",
    ]);
    const [row] = rowsOf(await read("s,x\n,0x\n", "string s,bytes x"));
    expect(row!.values).to.deep.equal({ s: "", x: "0x" });
  });

  it("reads arrays and tuples from JSON in a cell and names the path of their faults", async () => {
    const content = 'items\n"[{""score"":1}]"\n"[{""score"":1},{""score"":256}]"\n';
    const outcome = await read(content, "(uint8 score)[] items");
    expect(faultsOf(outcome)).to.deep.equal(["3 E_ROW_INTEGER items[1].score"]);
    expect(outcome.rows[0])
      .to.have.nested.property("row.values")
      .that.deep.equals({ items: [{ score: 1n }] });
  });

  it("accepts LF, CRLF and both in one file, with or without an end to the last line", async () => {
    for (const content of ["name,age,isHuman\r\nA,1,true\r\nB,2,true", `${HEADER}A,1,true\r\nB,2,true\n`]) {
      const rows = rowsOf(await read(content));
      expect(rows.map((row) => [row.line, row.values["name"]])).to.deep.equal([
        [2, "A"],
        [3, "B"],
      ]);
    }
  });

  it("names the line on which a row starts when cells contain LF and CRLF", async () => {
    const content = `${HEADER}"a\nb",1,true\nC,2,true\n"d\r\ne\r\n\nf",3,true\nG,4,true\r\n"\n",5,"true"\nI,6,true\n`;
    expect(rowsOf(await read(content)).map((row) => row.line)).to.deep.equal([2, 4, 5, 9, 10, 12]);
  });

  it("counts the lines of a quoted header and of blank lines before it", async () => {
    const outcome = await read('\n\r\n"a\nb"\n', SCHEMA);
    expect(outcome.error?.code).to.equal("E_COLUMN_MISSING");
    expect(outcome.error?.message).to.contain("rows.csv:3 ");
    expect(rowsOf(await read(`\n\r\n${HEADER}A,1,true\n`))[0]!.line).to.equal(4);
  });

  it("names every fault of a row", async () => {
    const outcome = await read("name,age,isHuman,recipient,expires,id\nA,256,no,0x12,soon,\n");
    expect(faultsOf(outcome)).to.deep.equal([
      "2 E_ROW_INTEGER age",
      "2 E_ROW_BOOL isHuman",
      "2 E_ROW_ADDRESS recipient",
      "2 E_ROW_EXPIRES expires",
    ]);
  });

  it("reports rows with too many or too few cells and goes on", async () => {
    const outcome = await read(`${HEADER}A,1\nB,2,true,\nC,3,true\n`);
    expect(faultsOf(outcome)).to.deep.equal(["2 E_ROW_WIDTH", "3 E_ROW_WIDTH"]);
    expect(outcome.rows[2]!.ok).to.equal(true);
  });

  it("ignores blank lines at the end and reports those between rows", async () => {
    const outcome = await read(`${HEADER}A,1,true\n\r\n\nB,2,true\n\n\r\n\n`);
    expect(faultsOf(outcome)).to.deep.equal(["3 E_ROW_WIDTH", "4 E_ROW_WIDTH"]);
    expect(outcome.rows.map((result) => result.ok && result.row.line)).to.deep.equal([2, false, false, 5]);
  });

  it("tells a quoted empty cell from a blank line when there is one column", async () => {
    const outcome = await read('s\n""\n\nx\n""\n', "string s");
    expect(faultsOf(outcome)).to.deep.equal(["3 E_ROW_WIDTH"]);
    expect(outcome.rows.map((result) => result.ok && result.row.values["s"])).to.deep.equal([
      "",
      false,
      "x",
      "",
    ]);
  });

  it("reports a quote inside an unquoted cell with the row's other faults and goes on at the right line", async () => {
    const outcome = await read(`${HEADER}5" pipe "x",no,true\n"a\nb",c"d,no\nC,1,true\nx"y,2\n`);
    expect(faultsOf(outcome)).to.deep.equal([
      "2 E_ROW_QUOTE name",
      "2 E_ROW_INTEGER age",
      "3 E_ROW_QUOTE age",
      "3 E_ROW_BOOL isHuman",
      "6 E_ROW_QUOTE name",
      "6 E_ROW_WIDTH",
    ]);
    expect(outcome.rows[2]).to.have.nested.property("row.line", 5);
  });

  for (const [fault, broken] of [
    ["goes on after its quote", '"c" d,3,true'],
    ["is never closed", '"c,3,true'],
  ])
    it(`ends the file with its line, after the rows before it, when a cell ${fault}`, async () => {
      for (const size of [1, 2, 7, 2 ** 16]) {
        const content = `${HEADER}"a\r\nb",1,true\n\nB,2,true\n${broken}\nD,4,true\n"E",5,true\n`;
        const { rows, error } = await outcomeOf(readCsv(inChunks(content, [size]), parseSchema(SCHEMA)));
        expect(error?.code).to.equal("E_FILE_CSV");
        expect(error?.message).to.contain("chunks:6 cell 1 ");
        expect(rows.map((result) => result.ok)).to.deep.equal([true, false, true]);
      }
    });

  it("refuses a header with a quote inside a name", async () => {
    expect((await read('na"me,age,isHuman\n')).error?.code).to.equal("E_FILE_CSV");
  });

  it("refuses a row of more than 16 MiB without reading on", async function () {
    this.timeout(60_000);
    const chunk = Buffer.alloc(2 ** 20, "x");
    let pulled = 0;
    async function* endless() {
      yield Buffer.from(`${HEADER}A,1,true\n"`);
      for (;;) {
        pulled++;
        yield chunk;
      }
    }
    const { rows, error } = await outcomeOf(
      readCsv({ name: "endless", bytes: endless() }, parseSchema(SCHEMA)),
    );
    expect(error?.code).to.equal("E_FILE_LINE");
    expect(error?.message).to.contain("endless:3 ");
    expect(rows).to.have.length(1);
    expect(pulled).to.be.at.most(LONGEST_ROW / chunk.length + 2);
  });

  it("names the columns that are missing and those found", async () => {
    const { error } = await read("name,alter\nA,1\n");
    expect(error?.code).to.equal("E_COLUMN_MISSING");
    for (const name of ["age", "isHuman", '"name"', '"alter"']) expect(error?.message).to.contain(name);
    expect(error?.mend).to.contain("age, isHuman");
  });

  it("says so when the cells are separated by semicolons", async () => {
    const { error } = await read("name;age;isHuman\nA;1;true\n");
    expect(error?.code).to.equal("E_COLUMN_MISSING");
    expect(error?.mend).to.contain("commas");
  });

  it("refuses an unknown column and lists what is known", async () => {
    for (const column of ["colour", "", " id", "Name", "@age", "toString"]) {
      const { error } = await read(`name,age,isHuman,${column}\n`);
      expect(error?.code).to.equal("E_COLUMN_UNKNOWN");
      for (const name of ["age", "expires", "@expires"]) expect(error?.mend).to.contain(name);
    }
  });

  it("refuses a column that is there twice, also as a field or with an @", async () => {
    for (const columns of ["name,name", "id,id", "id,@id", "@stream,stream"])
      expect((await read(`age,isHuman,name,${columns}\n`)).error?.code, columns).to.equal("E_COLUMN_TWICE");
  });

  it("gives a plain name to the field and the same name with @ to the meta column", async () => {
    const content = "id,@id,@stream,stream\n7,row-7,lane,x\n";
    const [row] = rowsOf(await read(content, "uint8 id,string stream"));
    expect(row).to.include({ id: "row-7", stream: "lane" });
    expect(row!.values).to.deep.equal({ id: 7n, stream: "x" });
    expect(rowsOf(await read("id\n7\n", "uint8 id"))[0]!.id).to.equal(null);
  });

  it("names a faulty meta column as the file writes it", async () => {
    expect(faultsOf(await read("id,@ref\n7,0x12\n", "uint8 id"))).to.deep.equal(["2 E_ROW_BYTES @ref"]);
  });

  it("reads zero rows from a header alone", async () => {
    expect(await read(HEADER)).to.deep.equal({ rows: [], error: null });
    expect(await read(HEADER.trimEnd())).to.deep.equal({ rows: [], error: null });
  });

  it("refuses a file of nothing, of a BOM or of blank lines", async () => {
    for (const content of ["", "\ufeff", "\n\r\n\n"])
      expect((await read(content)).error?.code, JSON.stringify(content)).to.equal("E_FILE_EMPTY");
  });

  // A quote in the first cell sends all of the file to csv-parse.
  it("reads what has no quotes as csv-parse reads it, however the input is cut", async () => {
    const random = randomOf(`csv ${seed}`);
    const pick = (...of: string[]) => of[random.below(of.length)]!;
    const schema = parseSchema("uint8 a,string b");
    for (let run = 0; run < 400; run += 1) {
      const body = Array.from({ length: random.below(12) }, () =>
        [
          pick("", "7", "300", "x", " ", "ä€😀"),
          pick(",", ",", ",", ",", "", ",,"),
          pick("", "word", "a b", "\r", "\rx", "é\0", "😀".repeat(random.below(20))),
          pick("\n", "\n", "\r\n", "\n\n", "\r\n\r\n", "\n\r\n", "\r\r\n"),
        ].join(""),
      ).join("");
      const tail = pick("", "1,end", "1,end\r", "1", '1,"quo\nted"\n2,b\n\n3,c', '1,st"ray\n2,b');
      const blank = pick("", "", "\n", "\r\n\n");
      const end = pick("\n", "\r\n");
      const content = (header: string) => `${blank}${header},b${end}${body}${tail}`;
      const sizes = Array.from({ length: 1 + random.below(4) }, () => 1 + random.below(60));
      const plain = await outcomeOf(readCsv(inChunks(content("a"), sizes), schema));
      const parsed = await outcomeOf(readCsv(inChunks(content('"a"'), [2 ** 16]), schema));
      expect(plain.rows, `run ${run} of seed ${seed}: ${JSON.stringify(content("a"))}`).to.deep.equal(
        parsed.rows,
      );
      expect(plain.error?.message).to.equal(parsed.error?.message);
    }
  });

  it("reads a file with a BOM, before a quoted name too", async () => {
    expect(rowsOf(await read(`\ufeff"name",age,isHuman\nA,1,true\n`))).to.have.length(1);
  });

  it("leaves NUL and other control codes in a string as they are", async () => {
    const [row] = rowsOf(await read(`${HEADER}a\0b\x1b[2J,1,true\n`));
    expect(row!.values["name"]).to.equal("a\0b\x1b[2J");
  });

  it("reads text such as __proto__ and constructor as text", async () => {
    const rows = rowsOf(await read(`${HEADER}__proto__,1,true\nconstructor,1,true\n`));
    expect(rows.map((row) => row.values["name"])).to.deep.equal(["__proto__", "constructor"]);
  });
});
