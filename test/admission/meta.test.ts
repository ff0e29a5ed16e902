import { expect } from "chai";
import fc from "fast-check";
import { readMeta, type Meta } from "../../src/admission/meta.js";
import { faultsOf, folder, readFile, rowsOf } from "./reading.js";

const CHECKSUMMED = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

function codeOf(meta: Meta, json: unknown): string {
  const reading = readMeta(meta, json);
  return reading.ok ? "ok" : reading.code;
}

function expiresOf(json: unknown): number | null | undefined | string {
  const reading = readMeta("expires", json);
  return reading.ok ? reading.part.expiresAt : reading.code;
}

describe("meta columns", () => {
  it("reads a recipient in lower case or with the right checksum", () => {
    for (const text of [CHECKSUMMED, CHECKSUMMED.toLowerCase()])
      expect(readMeta("recipient", text)).to.deep.equal({ ok: true, part: { recipient: CHECKSUMMED } });
    for (const json of [CHECKSUMMED.replace("5aA", "5AA"), "0x12", "vitalik.eth", "", 7])
      expect(codeOf("recipient", json)).to.equal("E_ROW_ADDRESS");
  });

  it("reads ref and salt as 32 bytes in lower case", () => {
    for (const meta of ["ref", "salt"] as const) {
      expect(readMeta(meta, `0x${"Ab".repeat(32)}`)).to.deep.equal({
        ok: true,
        part: { [meta]: `0x${"ab".repeat(32)}` },
      });
      for (const json of [`0x${"ab".repeat(31)}`, "ab".repeat(32), "", 7])
        expect(codeOf(meta, json)).to.equal("E_ROW_BYTES");
    }
  });

  it("reads an id of 1 to 1,024 bytes", () => {
    for (const id of ["0", " ", "é".repeat(512), "__proto__", "=1"])
      expect(readMeta("id", id)).to.deep.equal({ ok: true, part: { id } });
    for (const json of ["", "é".repeat(513), "x".repeat(1025), "\ud83d", 7, true])
      expect(codeOf("id", json)).to.equal("E_ROW_ID");
  });

  it("reads a stream of any text but none", () => {
    for (const stream of ["orders/ß", "x".repeat(2000)])
      expect(readMeta("stream", stream)).to.deep.equal({ ok: true, part: { stream } });
    for (const json of ["", "\ude00", 7]) expect(codeOf("stream", json)).to.equal("E_ROW_STREAM");
  });

  it("reads the end of validity as Unix seconds, a date, or a date-time with its zone", () => {
    for (const [json, seconds] of [
      [1, 1],
      ["1", 1],
      [1800000000, 1800000000],
      ["1099511627775", 2 ** 40 - 1],
      ["2027-01-31", 1801353600],
      ["2027-01-31T00:00:00Z", 1801353600],
      ["2027-01-31t00:00:00.000z", 1801353600],
      ["2027-01-31T02:30:00+02:30", 1801353600],
      ["2027-01-30T19:00:00-05:00", 1801353600],
      ["2027-01-31T23:59:59-23:59", 1801353600 + 86399 + 86340],
      ["2028-02-29", 1835395200],
      ["1970-01-02", 86400],
      ["9999-12-31", 253402214400],
    ] as const)
      expect(expiresOf(json), String(json)).to.equal(seconds);
  });

  for (const json of [
    0,
    -1,
    1.5,
    2 ** 40,
    1800000000000,
    1e300,
    NaN,
    "",
    "0",
    "-5",
    "+5",
    "007",
    "1.5",
    "1e9",
    "0x10",
    " 1800000000",
    "1800000000000",
    "9".repeat(400),
    "soon",
    "90d",
    "2027-02-29",
    "2027-13-01",
    "2027-00-10",
    "2027-04-31",
    "2027-01-00",
    "2027-1-5",
    "27-01-31",
    "0099-01-01",
    "1969-12-31",
    "1970-01-01",
    "31.01.2027",
    "2027-01-31T00:00:00",
    "2027-01-31 00:00:00Z",
    "2027-01-31T00:00Z",
    "2027-01-31T24:00:00Z",
    "2027-01-31T00:60:00Z",
    "2027-06-30T23:59:60Z",
    "2027-01-31T00:00:00.5Z",
    "2027-01-31T00:00:00+24:00",
    "2027-01-31T00:00:00+01:60",
    "2027-01-31T00:00:00+0100",
    "2027-01-31T00:00:00Z\n",
    "２０２７-01-31",
    true,
    {},
  ])
    it(`refuses ${JSON.stringify(json)?.slice(0, 40)} as the end of validity`, () => {
      expect(expiresOf(json)).to.equal("E_ROW_EXPIRES");
    });

  it("says how to write milliseconds as seconds", () => {
    const reading = readMeta("expires", "1800000000123");
    expect(reading)
      .to.have.property("problem")
      .that.matches(/milliseconds: .* 1800000000$/);
  });

  it("reads every second as JavaScript's own dates write it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 253402300799 }), (seconds) => {
        expect(expiresOf(new Date(seconds * 1000).toISOString())).to.equal(seconds);
      }),
    );
  });

  describe("in a file", () => {
    const write = folder();
    const salt = `0x${"ab".repeat(32)}`;

    it("are absent when the cell is empty", async () => {
      const path = await write("meta.csv", "x,recipient,ref,expires,salt,id,stream\n1,,,,,,\n");
      expect(rowsOf(await readFile(path, "uint8 x"))[0]).to.include({
        recipient: null,
        ref: null,
        expiresAt: null,
        salt: null,
        id: null,
        stream: null,
      });
    });

    it("may be a salt or an id, not both in one row", async () => {
      const csv = await write("keys.csv", `x,salt,@id\n1,${salt},\n1,,a\n1,${salt},a\n1,0x,a\n`);
      expect(faultsOf(await readFile(csv, "uint8 x"))).to.deep.equal([
        "4 E_ROW_SALT @id",
        "5 E_ROW_BYTES salt",
        "5 E_ROW_SALT @id",
      ]);
      const json = await write(
        "keys.jsonl",
        `{"x":1,"id":"a","salt":"${salt}"}\n{"x":1,"id":"a","salt":null}\n`,
      );
      expect(faultsOf(await readFile(json, "uint8 x"))).to.deep.equal(["1 E_ROW_SALT salt"]);
    });
  });
});
