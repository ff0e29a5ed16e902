import { assert } from "chai";
import { getAddress, solidityPackedKeccak256, ZeroAddress } from "ethers";
import fc from "fast-check";
import { typeText } from "../../src/abi.js";
import type { Field, Value } from "../../src/abi.js";
import { WaybillError } from "../../src/errors.js";
import { decode, encode, parseSchema, readJson, readText, schemaId } from "../../src/schema.js";
import { seed } from "../support/seed.js";

const ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
// An EIP-55 vector whose right checksum has only capitals.
const ALL_CAPS = "0x52908400098527886E0F7030069857D2E4169EE7";

describe("a schema definition", function () {
  this.timeout(30_000);

  it("is read field by field and kept as it was written", () => {
    const definition = "bool isHuman, uint8 score,bytes32[3][] roots, (address who,(string a) b)[2] parts";
    const schema = parseSchema(definition);
    assert.equal(schema.definition, definition);
    assert.equal(
      typeText({ kind: "tuple", fields: schema.fields }),
      "(bool isHuman,uint8 score,bytes32[3][] roots,(address who,(string a) b)[2] parts)",
    );
    assert.deepEqual(schema.fields[2], {
      name: "roots",
      type: {
        kind: "array",
        length: null,
        of: { kind: "array", length: 3, of: { kind: "fixedBytes", size: 32 } },
      },
    });
  });

  it("takes every width of integers and bytes, and no other", () => {
    for (let n = 0; n <= 300; n++) {
      for (const base of ["uint", "int"])
        assert.equal(isRefused(`${base}${n} x`), !(n > 0 && n <= 256 && n % 8 === 0), `${base}${n}`);
      assert.equal(isRefused(`bytes${n} x`), !(n > 0 && n <= 32), `bytes${n}`);
    }
  });

  it("takes Solidity identifiers as names, the same one in different tuples too", () => {
    for (const name of ["a", "_", "$", "A9", "constructor", "toString", "uint8"])
      assert.equal(parseSchema(`bool ${name}`).fields[0]!.name, name);
    assert.doesNotThrow(() => parseSchema("(bool a) a,(bool a,(bool a) b)[] b"));
  });

  it("goes to its limits and not beyond", () => {
    const suffixes = (n: number) => "[]".repeat(n);
    const tuples = (n: number) => "(".repeat(n) + "bool" + " x)".repeat(n) + " x";
    const fields = (n: number) => Array.from({ length: n }, (_, i) => `bool a${i}`).join(",");
    for (const definition of [
      "bool[1] x",
      "bool[1024] x",
      `bool${suffixes(8)} x`,
      tuples(8),
      "(bool[][] a)[][][][][] x",
      "bool[1024][4] x",
      "(bool[1024][2] a,bool[1024] b)[] x,bool[1024] y",
      `bool ${"a".repeat(4091)}`,
      fields(300),
    ])
      assert.doesNotThrow(() => parseSchema(definition), definition.slice(0, 40));
    for (const definition of [
      "bool[1025] x",
      `bool${suffixes(9)} x`,
      `bool${suffixes(2_000)} x`,
      tuples(9),
      "(".repeat(4_096),
      "(bool[][][] a)[][][][][] x",
      "bool[1024][4] x,bool y",
      "bool[1024][1024][1024][1024][1024][1024][1024][1024] x",
      "string[1024][5] x",
      "(bool[1024] a,bool[1024] b)[2][] x,bool y",
      `bool ${"a".repeat(4092)}`,
    ])
      assert.isTrue(isRefused(definition), definition.slice(0, 40));
  });

  const refusals: [definition: string, at: number, mend?: string][] = [
    ["", 1],
    [" bool a", 1, "bool a"],
    ["bool a ", 7, "bool a"],
    ["bool  a", 6, "bool a"],
    ["bool a,  bool b", 9, "bool a,bool b"],
    ["bool a ,bool b", 7, "bool a,bool b"],
    ["bool a,", 8, "bool a"],
    ["bool a,,bool b", 8],
    [",bool a", 1],
    ["bool\ta", 5, "bool a"],
    ["bool a\n", 7, "bool a"],
    ["bool\u00a0a", 5, "bool a"],
    ["bool \u00e9t\u00e9", 6],
    ["bool a\u0000", 7],
    ["bool", 5],
    ["bool ", 6],
    ["bool a,uint8", 13],
    ["bool a bool b", 7],
    ["bool a-b", 7],
    ["bool 9a", 6],
    ["bool __proto__", 6],
    ["(bool __proto__) a", 7],
    ["bool a,uint8 a", 14],
    ["(bool a,uint8 a) b", 15],
    ["uint score", 1, "uint256 score"],
    ["bool a, int[] b", 9, "bool a,int256[] b"],
    ["(uint a) b", 2, "(uint256 a) b"],
    ["byte a", 1, "bytes1 a"],
    ["uint7 a", 1],
    ["uint264 a", 1],
    ["uint08 a", 1],
    ["bytes33 a", 1],
    ["bytes0 a", 1],
    ["Bool a", 1],
    ["bool256 a", 1],
    ["constructor a", 1],
    ["function f", 1],
    ["fixed a", 1],
    ["ufixed128x18 a", 1],
    ["tuple(bool a) b", 1, "(bool a) b"],
    ["tuple a", 1],
    ["mapping(address => bool) a", 1],
    ["address payable a", 16],
    ["bool[0] a", 5],
    ["bool[03] a", 5],
    ["bool[-1] a", 5],
    ["bool[ ] a", 5, "bool[] a"],
    ["bool[ 2 ] a", 5, "bool[2] a"],
    ["bool[2 a", 5],
    ["bool] a", 5],
    ["bool [] a", 6, "bool[] a"],
    ["() a", 2],
    ["()[] a", 2],
    ["(bool) a", 6],
    ["(bool a)", 9],
    ["(bool a)b", 9],
    ["(bool a", 8],
    ["( bool a) b", 2, "(bool a) b"],
    ["(bool a,) b", 9, "(bool a) b"],
    ["bool a)", 7],
  ];
  for (const [definition, at, mend] of refusals)
    it(`is refused at character ${at}${mend ? " with a mend" : ""}: ${JSON.stringify(definition)}`, () => {
      const error = refusal(() => parseSchema(definition));
      assert.equal(error.code, "E_SCHEMA");
      assert.equal(/character (\d+)/.exec(error.message)?.[1], String(at), error.message);
      assert.equal(mendOf(definition), mend);
    });

  it("answers any text at all with fields, or with E_SCHEMA and a mend that it would take, if any", () => {
    const pieces = fc.constantFrom(
      ..."( ) [ ] , 0 3 uint uint8 bytes bool tuple a b _ $ __proto__".split(" "),
      " ",
      "\u00e9",
    );
    const likely = fc.constantFrom(..."uint a|int[] b|bool  c| byte d|tuple(bool e) f|bool[] g|".split("|"));
    const texts = fc.oneof(
      fc.array(pieces, { maxLength: 30 }).map((list) => list.join("")),
      fc.array(likely, { maxLength: 5 }).map((list) => list.join(",")),
      fc.string(),
    );
    let mended = 0;
    const answers = fc.property(texts, (text) => {
      if (!isRefused(text)) return assert.equal(parseSchema(text).definition, text);
      const mend = mendOf(text);
      if (mend === undefined) return;
      assert.equal(typeText({ kind: "tuple", fields: parseSchema(mend).fields }), `(${mend})`);
      mended++;
    });
    fc.assert(answers, { seed, numRuns: 5_000 });
    assert.isAbove(mended, 100);
  });

  it("has the id that EAS gives it", () => {
    for (const definition of ["bool isHuman", "bool isHuman, uint8 score", ""])
      for (const resolver of [ZeroAddress, ADDRESS])
        for (const revocable of [true, false])
          assert.equal(
            schemaId(definition, resolver, revocable),
            solidityPackedKeccak256(["string", "address", "bool"], [definition, resolver, revocable]),
          );
    assert.throws(() => schemaId("bool a", "0x", true), /not an address/);
  });

  it("encodes and decodes the values it read", () => {
    const schema = parseSchema("string name,(uint8 score,bytes raw)[] items");
    const values: { [name: string]: Value } = { name: "Ada", items: [{ score: 7n, raw: "0x00" }] };
    assert.deepEqual(decode(schema, encode(schema, values)), values);
  });
});

describe("a value", function () {
  this.timeout(30_000);

  it("of an integer is taken at both ends of its range and refused one beyond", () => {
    for (const bits of [8, 16, 64, 128, 248, 256]) {
      const unsigned = [0n, 2n ** BigInt(bits) - 1n] as const;
      const signed = [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n] as const;
      for (const [type, [least, most]] of [
        [`uint${bits}`, unsigned],
        [`int${bits}`, signed],
      ] as const) {
        for (const value of [least, most]) {
          takes(`${type} x`, String(value), value);
          takesJson(`${type} x`, String(value), value);
        }
        for (const value of [least - 1n, most + 1n]) {
          refuses(`${type} x`, String(value), "E_ROW_INTEGER");
          refusesJson(`${type} x`, String(value), "E_ROW_INTEGER");
        }
      }
    }
  });

  it("of an integer is plain decimal digits", () => {
    for (const text of [
      "",
      " ",
      "+1",
      "-0",
      "00",
      "01",
      "-01",
      "0x1",
      "1.0",
      "1e3",
      "1_000",
      " 1",
      "1 ",
      "1\n",
      "\u0661",
      "one",
      "--1",
      "-",
      "9".repeat(80),
      "9".repeat(5_000_000),
    ])
      for (const type of ["uint256", "int256"]) {
        refuses(`${type} x`, text, "E_ROW_INTEGER");
        refusesJson(`${type} x`, text, "E_ROW_INTEGER");
      }
  });

  it("of an integer may be a JSON number up to 2^53, and beyond it must be a string", () => {
    takesJson("int256 x", 2 ** 53 - 1, 2n ** 53n - 1n);
    takesJson("int256 x", -(2 ** 53 - 1), 1n - 2n ** 53n);
    takesJson("uint8 x", 0, 0n);
    for (const json of [
      2 ** 53,
      -(2 ** 53),
      1e300,
      1.5,
      -0,
      NaN,
      Infinity,
      true,
      null,
      undefined,
      1n,
      [1],
      {},
    ])
      refusesJson("int256 x", json, "E_ROW_INTEGER");
    assert.match(problemOf("uint256 x", 2 ** 53), /write it as a string/);
  });

  it("of a bool is true or false and nothing like it", () => {
    takes("bool x", "true", true);
    takes("bool x", "false", false);
    takesJson("bool x", true, true);
    takesJson("bool x", false, false);
    for (const text of ["", "no", "yes", "0", "1", "True", "FALSE", " true", "true\n", "null"])
      refuses("bool x", text, "E_ROW_BOOL");
    for (const json of ["true", "false", 0, 1, null, undefined, [], {}])
      refusesJson("bool x", json, "E_ROW_BOOL");
    assert.equal(problemOf("bool x", "no"), '"no" is not true or false');
  });

  it("of an address is lower case or has its checksum", () => {
    for (const text of [ADDRESS, ADDRESS.toLowerCase()]) takes("address x", text, ADDRESS);
    takes("address x", ALL_CAPS, ALL_CAPS);
    takes("address x", ZeroAddress, ZeroAddress);
    for (const text of [
      "",
      ADDRESS.slice(2),
      ADDRESS.slice(0, -1),
      `${ADDRESS}0`,
      `${ADDRESS}\n`,
      ADDRESS.replace("0x", "0X"),
      `0x${ADDRESS.slice(2).toUpperCase()}`,
      ADDRESS.replace("aA", "Aa"),
      ADDRESS.replace("5a", "6a"),
      "vitalik.eth",
    ]) {
      refuses("address x", text, "E_ROW_ADDRESS");
      refusesJson("address x", text, "E_ROW_ADDRESS");
    }
    for (const json of [null, 0, {}, [ADDRESS]]) refusesJson("address x", json, "E_ROW_ADDRESS");
  });

  it("of an address has the checksum that ethers gives it", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), (bytes) => {
        const lower = `0x${Buffer.from(bytes).toString("hex")}`;
        takes("address x", lower, getAddress(lower));
        takes("address x", getAddress(lower), getAddress(lower));
      }),
      { seed },
    );
  });

  it("of bytes is hex of the right length, made lower case", () => {
    takes("bytes x", "0x", "0x");
    takes("bytes x", "0xC0ffEE", "0xc0ffee");
    takes("bytes3 x", "0xC0ffEE", "0xc0ffee");
    takesJson("bytes3 x", "0xC0ffEE", "0xc0ffee");
    takes("bytes x", `0x${"ab".repeat(5_000_000)}`, `0x${"ab".repeat(5_000_000)}`);
    for (const text of [
      "",
      "0",
      "x",
      "c0ffee",
      "0X00",
      "0x0",
      "0xgg",
      "0x 0",
      "0x00 ",
      "0x00\n",
      "0x\u0130\u0130",
    ]) {
      refuses("bytes x", text, "E_ROW_BYTES");
      refusesJson("bytes x", text, "E_ROW_BYTES");
    }
    for (const text of ["0x", "0xc0ff", "0xc0ffee00"]) refuses("bytes3 x", text, "E_ROW_BYTES");
    for (const json of [null, 0, [0], {}]) refusesJson("bytes x", json, "E_ROW_BYTES");
  });

  it("of a string is any text that is well-formed", () => {
    for (const text of ["", " ", "\ufeff", "a,b\n", "\u{1f9fe}", "\0"]) takes("string x", text, text);
    for (const text of ["\ud83d", "\udf00", "a\udc00\ud800"]) refuses("string x", text, "E_ROW_STRING");
    for (const json of [null, 0, true, [], {}]) refusesJson("string x", json, "E_ROW_STRING");
  });

  it("of an array is JSON in a cell", () => {
    takes("uint8[] x", "[]", []);
    takes("uint8[] x", ' [1, "2"] ', [1n, 2n]);
    takes("string[2] x", '["a:b","\\",{1.5e3"]', ["a:b", '",{1.5e3']);
    takes("bool[] x", "[true,false]", [true, false]);
    takesJson("uint8[][] x", [[1], []], [[1n], []]);
    for (const text of ["", "[", "[1,]", "1,2", "['a']", "[01]", "undefined", "[NaN]"])
      refuses("uint8[] x", text, "E_ROW_JSON");
    for (const text of ["1", "null", "{}", '"[1]"']) refuses("uint8[] x", text, "E_ROW_ARRAY");
    for (const text of ["[1]", "[1,2,3]"]) refuses("uint8[2] x", text, "E_ROW_ARRAY");
    for (const json of ["[1]", null, { length: 0 }]) refusesJson("uint8[] x", json, "E_ROW_ARRAY");
    refuses("bool[] x", '["true"]', "E_ROW_BOOL", "x[0]");
    refuses("uint8[][] x", "[[1],[2,256]]", "E_ROW_INTEGER", "x[1][1]");
    refusesJson("uint8[] x", new Array(3), "E_ROW_INTEGER", "x[0]");
  });

  it("of a number in a cell is refused when JSON.parse would round it", () => {
    takes("uint256[] x", "[9007199254740991]", [9007199254740991n]);
    for (const number of [
      "9007199254740993",
      "1e400",
      "1.0",
      "1e2",
      "1E2",
      "1.0000000000000000001",
      "1e-400",
      "-0",
    ])
      refuses("uint256[] x", `[${number}]`, "E_ROW_INTEGER");
    takes("(bool e1,string s)[] x", '[{"e1":true,"s":"1.5e1:"}]', [{ e1: true, s: "1.5e1:" }]);
  });

  it("of a tuple has exactly its fields", () => {
    const items = "(uint8 score,string note)[] items";
    takes(items, '[{"note":"n","score":1}]', [{ score: 1n, note: "n" }]);
    takesJson("(bool constructor) x", { constructor: true }, { constructor: true });
    refuses(items, '[{"note":"n"}]', "E_ROW_TUPLE", "items[0]");
    refuses(items, '[{"note":"n","score":1,"more":1}]', "E_ROW_TUPLE", "items[0]");
    refuses(items, '[{"note":"n","score":1,"__proto__":1}]', "E_ROW_TUPLE", "items[0]");
    refuses(items, '[{"note":"n","score":1},{"note":"n","score":-1}]', "E_ROW_INTEGER", "items[1].score");
    for (const json of [null, [], "{}", 1, true]) refusesJson("(bool a) x", json, "E_ROW_TUPLE", "x");
    refusesJson("(bool constructor) x", {}, "E_ROW_TUPLE", "x");
    refusesJson("(bool a) x", Object.create({ a: true }), "E_ROW_TUPLE", "x");
  });

  it("of a tuple in a cell names no key twice, for JSON.parse would keep the last", () => {
    refuses("(uint8 a) x", '{"a":1,"a":2}', "E_ROW_JSON", "x");
    refuses("(uint8 a) x", '{"a":1,"\\u0061":2}', "E_ROW_JSON", "x");
    refuses("(uint8 a,(bool b)[] c) x", '{"a":1,"c":[{"b":true},{"b":true,"b":false}]}', "E_ROW_JSON", "x");
    takes("(string a) x", '{"a":"\\"a\\":1"}', { a: '"a":1' });
  });

  it("that is nested without end or very long is refused in few words", () => {
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    refuses("uint8[] x", deep, "E_ROW_INTEGER", "x[0]");
    refuses("(uint8 a) x", deep, "E_ROW_TUPLE", "x");
    refusesJson("uint8 x", JSON.parse(deep), "E_ROW_INTEGER");
    for (const json of ["no".repeat(1_000), "\0".repeat(50), "x".repeat(59)]) {
      const quoted = problemOf("bool x", json).replace(/ is not true or false$/, "");
      assert.isAtMost(quoted.length, 60);
    }
  });
});

function fieldOf(definition: string): Field {
  return parseSchema(definition).fields[0]!;
}

function takes(definition: string, text: string, value: Value): void {
  assert.deepEqual(readText(fieldOf(definition), text), { ok: true, value });
}

function takesJson(definition: string, json: unknown, value: Value): void {
  assert.deepEqual(readJson(fieldOf(definition), json), { ok: true, value });
}

function refuses(definition: string, text: string, code: string, path?: string): void {
  refused(definition, readText(fieldOf(definition), text), code, path);
}

function refusesJson(definition: string, json: unknown, code: string, path?: string): void {
  refused(definition, readJson(fieldOf(definition), json), code, path);
}

function refused(
  definition: string,
  reading: ReturnType<typeof readText>,
  code: string,
  path?: string,
): void {
  if (reading.ok) return assert.fail(`${definition}: nothing was refused`);
  assert.equal(reading.code, code, reading.problem);
  assert.equal(reading.path, path ?? reading.path);
  assert.isAtMost(reading.problem.length, 160);
}

function problemOf(definition: string, json: unknown): string {
  const reading = readJson(fieldOf(definition), json);
  return reading.ok ? assert.fail("nothing was refused") : reading.problem;
}

function isRefused(definition: string): boolean {
  try {
    parseSchema(definition);
    return false;
  } catch (error) {
    if (error instanceof WaybillError && error.code === "E_SCHEMA") return true;
    throw error;
  }
}

function mendOf(definition: string): string | undefined {
  const { mend } = refusal(() => parseSchema(definition));
  return mend === undefined ? undefined : /^write "(.*)"/.exec(mend)![1];
}

function refusal(act: () => unknown): WaybillError {
  try {
    act();
  } catch (error) {
    if (error instanceof WaybillError) return error;
    throw error;
  }
  return assert.fail("nothing was refused");
}
