import { expect } from "chai";
import { readJsonLines } from "../../src/admission/jsonLines.js";
import { LONGEST_ROW } from "../../src/admission/rows.js";
import { parseSchema } from "../../src/schema.js";
import { faultsOf, folder, inChunks, outcomeOf, readFile, rowsOf } from "./reading.js";

const SCHEMA = "string name,uint64 score";
const GOOD = '{"name":"A","score":1}\n';

describe("rows of JSON lines", () => {
  const write = folder();
  const read = async (content: string | Uint8Array, definition = SCHEMA) =>
    readFile(await write("rows.jsonl", content), definition);

  it("reads values and meta columns, with absent and null meta alike", async () => {
    const address = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
    const content = `{"score":"18446744073709551615","name":"é\\u0000","recipient":"${address.toLowerCase()}","ref":null}\n`;
    expect(rowsOf(await read(content))).to.deep.equal([
      {
        line: 1,
        values: { name: "é\0", score: 2n ** 64n - 1n },
        recipient: address,
        ref: null,
        expiresAt: null,
        salt: null,
        id: null,
        stream: null,
        replaces: null,
      },
    ]);
  });

  it("names 200,000 faults of one row in work that grows with the row", async () => {
    // With the square of it this ran for minutes.
    const [row] = (await read(`{"xs":[${"1.0,".repeat(200_000)}1]}\n`, "uint8[] xs")).rows;
    expect(row).to.have.nested.property("faults.length", 200_000);
  });

  it("counts and ignores blank lines, and ends lines at LF or CRLF", async () => {
    const rows = rowsOf(await read(`\n${GOOD} \t\r\n\r\n${GOOD.trim()}\r\n\n${GOOD.trim()}`));
    expect(rows.map((row) => row.line)).to.deep.equal([2, 5, 7]);
  });

  it("reports broken JSON with the position and goes on", async () => {
    const outcome = await read(`{"name":"A",}\n{"name":\n${GOOD}`);
    expect(faultsOf(outcome)).to.deep.equal(["1 E_ROW_JSON", "2 E_ROW_JSON"]);
    const [first, second, third] = outcome.rows;
    expect(first).to.have.nested.property("faults[0].problem").that.contains("character 13:");
    expect(second).to.have.nested.property("faults[0].problem").that.contains("character 9:");
    expect(third!.ok).to.equal(true);
  });

  it("reports a line that is not an object", async () => {
    const outcome = await read('[]\nnull\n"x"\n1\n');
    expect(faultsOf(outcome)).to.deep.equal([1, 2, 3, 4].map((line) => `${line} E_ROW_JSON`));
  });

  it("names every fault of a row: values, unknown and missing keys, meta columns", async () => {
    const content = '{"score":-1,"colour":"red","expires":"soon","id":7,"stream":""}\n';
    expect(faultsOf(await read(content, "string name,uint64 score,bool isHuman"))).to.have.members([
      "1 E_ROW_INTEGER score",
      "1 E_ROW_UNKNOWN colour",
      "1 E_ROW_EXPIRES expires",
      "1 E_ROW_ID id",
      "1 E_ROW_STREAM stream",
      "1 E_ROW_MISSING name",
      "1 E_ROW_MISSING isHuman",
    ]);
  });

  it("takes __proto__ and inherited names for unknown keys", async () => {
    const content = '{"name":"A","score":1,"__proto__":{"id":"x"},"toString":1}\n';
    expect(faultsOf(await read(content))).to.deep.equal([
      "1 E_ROW_UNKNOWN __proto__",
      "1 E_ROW_UNKNOWN toString",
    ]);
  });

  it("refuses null for a field", async () => {
    expect(faultsOf(await read('{"name":null,"score":1}\n'))).to.deep.equal(["1 E_ROW_STRING name"]);
  });

  it("refuses a key given twice, spelled with escapes too, and at any depth", async () => {
    expect(faultsOf(await read('{"name":"A","score":1,"sc\\u006fre":2}\n'))).to.deep.equal([
      "1 E_ROW_JSON score",
    ]);
    expect(faultsOf(await read('{"name":"A","score":1,"score":-1}\n'))).to.deep.equal(["1 E_ROW_JSON score"]);
    expect(faultsOf(await read('{"p":[{"x":1},{"x":1,"x":2}]}\n', "(uint8 x)[] p"))).to.deep.equal([
      "1 E_ROW_JSON p[1].x",
    ]);
  });

  it("refuses a meta column with and without an @ in one row", async () => {
    const content = '{"name":"A","score":1,"id":"a","@id":"b"}\n';
    expect(faultsOf(await read(content))).to.deep.equal(["1 E_ROW_TWICE @id"]);
  });

  it("gives a plain name to the field and the same name with @ to the meta column", async () => {
    const [row] = rowsOf(await read('{"id":7,"@id":"row-7"}\n', "uint8 id"));
    expect(row).to.have.property("id", "row-7");
    expect(row!.values).to.deep.equal({ id: 7n });
  });

  for (const number of ["9007199254740993", "9007199254740992", "-9007199254740992", "1e400", "1E30"])
    it(`refuses the number ${number}, which may have lost digits`, async () => {
      expect(faultsOf(await read(`{"x":${number}}\n`, "int256 x"))).to.deep.equal(["1 E_ROW_INTEGER x"]);
      expect(faultsOf(await read(`{"p":[{"x":1},{"x":${number}}]}\n`, "(int256 x)[] p"))).to.deep.equal([
        "1 E_ROW_INTEGER p[1].x",
      ]);
    });

  it("says that a number beyond 2^53 is written as a string", async () => {
    const { rows } = await read('{"x":9007199254740993}\n', "int256 x");
    expect(rows[0]).to.have.nested.property("faults[0].problem").that.contains("write it as a string");
    expect(
      rowsOf(await read('{"x":"9007199254740993"}\n{"x":9007199254740991}\n', "int256 x")),
    ).to.have.length(2);
  });

  for (const number of ["1.0000000000000000001", "1.0", "1e3", "1e-400", "1.5"])
    it(`refuses the number ${number}, which JSON.parse may round, once`, async () => {
      const content = `{"p":[{"x":1},{"x":${number}}],"expires":1800000000}\n`;
      expect(faultsOf(await read(content, "(int256 x)[] p"))).to.deep.equal(["1 E_ROW_INTEGER p[1].x"]);
    });

  it("refuses a rounded number for a meta column", async () => {
    const content = '{"name":"A","score":1,"expires":1.8e9}\n';
    expect(faultsOf(await read(content))).to.deep.equal(["1 E_ROW_INTEGER expires"]);
  });

  it("reads text that looks like such numbers", async () => {
    const [row] = rowsOf(await read('{"name":"1.5 and 1e3 and 9007199254740993","score":1}\n'));
    expect(row!.values["name"]).to.equal("1.5 and 1e3 and 9007199254740993");
  });

  it("refuses half a surrogate pair in a string", async () => {
    expect(
      faultsOf(await read('{"name":"\\ud83d","score":1,"id":"\\ude00","stream":"\\ud83d"}\n')),
    ).to.deep.equal(["1 E_ROW_STRING name", "1 E_ROW_ID id", "1 E_ROW_STREAM stream"]);
  });

  it("reads a line of 16 MiB and refuses a longer one, after the rows before it", async function () {
    this.timeout(60_000);
    const frame = '{"name":"","score":1}';
    const line = (bytes: number) => `{"name":"${"x".repeat(bytes - frame.length)}","score":1}`;
    expect(rowsOf(await read(`${line(LONGEST_ROW)}\n`))).to.have.length(1);

    for (const end of ["\n", ""]) {
      const { rows, error } = await read(`${GOOD}\n${line(LONGEST_ROW + 1)}${end}`);
      expect(error?.code).to.equal("E_FILE_LINE");
      expect(error?.message).to.contain("rows.jsonl:3 ");
      expect(rows).to.have.length(1);
    }
  });

  it("does not read on in a line that is too long", async () => {
    const chunk = Buffer.alloc(2 ** 20, "x");
    let pulled = 0;
    async function* endless() {
      for (;;) {
        pulled++;
        yield chunk;
      }
    }
    const { error } = await outcomeOf(
      readJsonLines({ name: "endless", bytes: endless() }, parseSchema(SCHEMA)),
    );
    expect(error?.code).to.equal("E_FILE_LINE");
    expect(pulled).to.equal(LONGEST_ROW / chunk.length + 1);
  });

  it("gives the rows before a long line in the same chunk", async () => {
    const content = `${GOOD}${"x".repeat(LONGEST_ROW + 1)}\n${GOOD}`;
    const { rows, error } = await outcomeOf(readJsonLines(inChunks(content, [2 ** 26]), parseSchema(SCHEMA)));
    expect(error?.code).to.equal("E_FILE_LINE");
    expect(rows).to.have.length(1);
  });

  it("refuses values nested too deeply to be any schema's", async () => {
    const content = `{"name":${"[".repeat(100_000)}${"]".repeat(100_000)},"score":1}\n`;
    expect(faultsOf(await read(content))).to.deep.equal(["1 E_ROW_JSON"]);
  });

  it("refuses a file of nothing, of a BOM or of blank lines", async () => {
    for (const content of ["", "\ufeff", "\n \r\n\n"])
      expect((await read(content)).error?.code, JSON.stringify(content)).to.equal("E_FILE_EMPTY");
  });

  it("reads a file with a BOM, and refuses one in front of another line", async () => {
    expect(rowsOf(await read(`\ufeff${GOOD}`))).to.have.length(1);
    expect(faultsOf(await read(`${GOOD}\ufeff${GOOD}`))).to.deep.equal(["2 E_ROW_JSON"]);
  });
});
