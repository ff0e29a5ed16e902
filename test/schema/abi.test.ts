import { assert, expect } from "chai";
import { AbiCoder, getAddress, getBytes, hexlify, ParamType } from "ethers";
import fc from "fast-check";
import { decodeFields, encodeFields, typeText } from "../../src/abi.js";
import type { AbiType, Field, Value, Values } from "../../src/abi.js";
import { WaybillError } from "../../src/errors.js";
import { parseSchema } from "../../src/schema.js";
import { seed } from "../support/seed.js";

type Case = { fields: Field[]; values: Values };

const FIXTURE: Field[] = [
  { name: "small", type: { kind: "uint", bits: 8 } },
  { name: "signed", type: { kind: "int", bits: 16 } },
  { name: "yes", type: { kind: "bool" } },
  { name: "who", type: { kind: "address" } },
  { name: "tag", type: { kind: "fixedBytes", size: 3 } },
  { name: "raw", type: { kind: "bytes" } },
  { name: "text", type: { kind: "string" } },
  {
    name: "items",
    type: {
      kind: "array",
      length: null,
      of: { kind: "tuple", fields: [{ name: "score", type: { kind: "uint", bits: 64 } }] },
    },
  },
];
const FIXTURE_VALUES: Values = {
  small: 255n,
  signed: -2n,
  yes: true,
  who: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
  tag: "0x010203",
  raw: "0xc0ffee",
  text: "h\u00e9",
  items: [{ score: 1n }, { score: 2n }],
};
// Byte offsets in the encoding of the fixture: eight heads, then the tails of raw, text and items.
const HEAD = { small: 0, signed: 32, yes: 64, who: 96, tag: 128, raw: 160, text: 192, items: 224 };
const TAIL = { raw: 256, text: 320, items: 384, end: 480 };

describe("the ABI codec", function () {
  this.timeout(30_000);

  it("encodes as ethers does, byte for byte, and decodes what it encoded", () => {
    check(cases(), 2_500, ({ fields, values }) => {
      const data = encodeFields(fields, values);
      assert.equal(hexlify(data), ethersEncoding(fields, values));
      assert.deepEqual(decodeFields(fields, data), values);
    });
  });

  it("leaves alone what it encoded before, and takes nothing over from it, of short and long values", () => {
    const fields: Field[] = [
      { name: "n", type: { kind: "uint", bits: 8 } },
      { name: "b", type: { kind: "bytes" } },
    ];
    const valuesOf = (size: number) => ({ n: 1n, b: `0x${"f1".repeat(size)}` });
    const sizes = [160, 161, 33, 1, 0, 500, 31, 192];
    const all = sizes.map((size) => {
      const data = encodeFields(fields, valuesOf(size));
      // Fails when half is written.
      assert.throws(() => encodeFields(fields, { n: 255n, b: `0x${"f1".repeat(40)}0g` }));
      return data;
    });
    sizes.forEach((size, index) => {
      assert.equal(hexlify(all[index]!), ethersEncoding(fields, valuesOf(size)), `${size}`);
      assert.equal(all[index]!.buffer.byteLength, all[index]!.length);
    });
  });

  it("reads back the text that it writes for a list of fields", () => {
    check(fieldLists(), 1_000, (fields) => {
      const text = typeText({ kind: "tuple", fields }).slice(1, -1);
      assert.deepEqual(parseSchema(text), { definition: text, fields });
    });
  });

  it("refuses a mutated encoding, unless it is the encoding of what it decodes to", () => {
    let accepted = 0;
    let refused = 0;
    check(fc.tuple(cases(), fc.array(mutations(), { minLength: 1, maxLength: 3 })), 5_000, ([one, steps]) => {
      let data = encodeFields(one.fields, one.values);
      for (const step of steps) data = step(data);
      if (isCanonicalOrRefused(one.fields, data)) accepted++;
      else refused++;
    });
    assert.isAbove(accepted, 100);
    assert.isAbove(refused, 1_000);
  });

  it("refuses random bytes, unless they are the encoding of what they decode to", () => {
    const words = fc
      .array(
        fc.oneof(
          fc.nat(8),
          fc.nat(16).map((n) => n * 32),
          fc.bigInt(0n, 2n ** 256n - 1n),
        ),
        {
          maxLength: 24,
        },
      )
      .map((list) => new Uint8Array(list.flatMap((word) => [...getBytes(wordHex(BigInt(word)))])));
    const data = fc.oneof(fc.uint8Array({ maxLength: 400 }), words);
    check(fc.tuple(fieldLists(), data), 5_000, ([fields, bytes]) => {
      isCanonicalOrRefused(fields, bytes);
    });
  });

  it("decodes a view into a larger buffer", () => {
    const data = encodeFields(FIXTURE, FIXTURE_VALUES);
    const larger = new Uint8Array(data.length + 20).fill(0xff);
    larger.set(data, 7);
    assert.deepEqual(decodeFields(FIXTURE, larger.subarray(7, 7 + data.length)), FIXTURE_VALUES);
  });

  it("keeps a byte order mark, an empty string and a character outside the basic plane", () => {
    const fields: Field[] = [{ name: "s", type: { kind: "string" } }];
    for (const s of ["\ufeff", "\ufeffabc", "", "\u{1f9fe}", "\0"])
      assert.deepEqual(decodeFields(fields, encodeFields(fields, { s })), { s });
  });

  it("carries field names that mean something to JavaScript", () => {
    const fields = ["__proto__", "constructor", "toString", "hasOwnProperty"].map((name) => ({
      name,
      type: { kind: "array" as const, of: { kind: "bool" as const }, length: null },
    }));
    const values = Object.fromEntries(fields.map((field, i) => [field.name, [i % 2 === 0]]));
    const decoded = decodeFields(fields, encodeFields(fields, values));
    assert.deepEqual(Object.entries(decoded), Object.entries(values));
    assert.notProperty({}, "0");
    assert.throws(() => encodeFields(fields, {}), /no value/);
  });

  describe("refuses, with field and byte,", () => {
    it("the fixture only when something is wrong with it", () => {
      assert.equal(hexlify(encodeFields(FIXTURE, FIXTURE_VALUES)), ethersEncoding(FIXTURE, FIXTURE_VALUES));
      assert.deepEqual(decodeFields(FIXTURE, patched([])), FIXTURE_VALUES);
    });

    const refusals: [title: string, place: string, data: () => Uint8Array][] = [
      ["an unsigned integer out of range", "small, byte 0", () => patched([[HEAD.small + 30, 1]])],
      ["a signed integer above its range", "signed, byte 32", () => patched(word(HEAD.signed, 2n ** 15n))],
      ["a signed integer that is not sign-extended", "signed, byte 32", () => patched([[HEAD.signed, 0]])],
      ["a bool of 2", "yes, byte 64", () => patched([[HEAD.yes + 31, 2]])],
      ["a bool with a high bit", "yes, byte 64", () => patched([[HEAD.yes, 1]])],
      ["an address of more than 20 bytes", "who, byte 107", () => patched([[HEAD.who + 11, 1]])],
      ["dirt after bytesN", "tag, byte 131", () => patched([[HEAD.tag + 3, 1]])],
      ["dirt after bytes", "raw, byte 291", () => patched([[TAIL.raw + 35, 1]])],
      ["dirt at the end of the padding", "raw, byte 319", () => patched([[TAIL.raw + 63, 1]])],
      ["dirt after a string", "text, byte 355", () => patched([[TAIL.text + 35, 1]])],
      ["an offset that skips bytes", "raw, byte 160", () => patched(word(HEAD.raw, 288n))],
      ["an offset to bytes already read", "text, byte 192", () => patched(word(HEAD.text, 256n))],
      ["an offset into the head", "raw, byte 160", () => patched(word(HEAD.raw, 0n))],
      [
        "an offset that is right modulo 2^64",
        "raw, byte 160",
        () => patched(word(HEAD.raw, 2n ** 64n + 256n)),
      ],
      ["a string that is not UTF-8", "text, byte 352", () => patched([[TAIL.text + 32, 0xff]])],
      ["a length beyond the data", "raw, byte 256", () => patched(word(TAIL.raw, 1_000n))],
      ["a length that is right modulo 2^64", "raw, byte 256", () => patched(word(TAIL.raw, 2n ** 64n + 3n))],
      ["an array length beyond the data", "items, byte 384", () => patched(word(TAIL.items, 3n))],
      ["bytes after the end", "byte 480", () => joined(patched([]), new Uint8Array(32))],
      ["a last word cut short", "items, byte 384", () => patched([]).subarray(0, TAIL.end - 1)],
      ["heads cut short", "byte 0", () => patched([]).subarray(0, 255)],
      ["no data", "byte 0", () => new Uint8Array()],
    ];
    for (const [title, place, data] of refusals)
      it(title, () => {
        const error = refusal(() => decodeFields(FIXTURE, data()));
        assert.equal(error.code, "E_DATA");
        assert.equal(error.message.slice(0, error.message.indexOf(":")), place);
      });

    it("a fault inside an array of tuples, by its path", () => {
      const error = refusal(() => decodeFields(FIXTURE, patched(word(TAIL.items + 64, 2n ** 64n))));
      assert.match(error.message, /^items\[1\]\.score, byte 448: /);
    });

    it("overlong UTF-8, encoded surrogates and cut sequences, and is none the worse for it", () => {
      const fields: Field[] = [{ name: "s", type: { kind: "string" } }];
      for (const bytes of ["c080", "eda080", "f4908080", "e282", "80"]) {
        const size = bytes.length / 2;
        const text = wordHex(32n) + wordHex(BigInt(size)).slice(2) + bytes.padEnd(64, "0");
        assert.equal(refusal(() => decodeFields(fields, getBytes(text))).code, "E_DATA");
        assert.deepEqual(decodeFields(fields, encodeFields(fields, { s: "ok" })), { s: "ok" });
      }
    });

    it("lengths that no memory could hold, before allocating anything", () => {
      const types: AbiType[] = [
        { kind: "bytes" },
        { kind: "string" },
        { kind: "array", of: { kind: "bool" }, length: null },
        { kind: "array", of: { kind: "string" }, length: null },
        { kind: "array", of: { kind: "array", of: { kind: "bool" }, length: 1024 }, length: null },
        { kind: "array", of: { kind: "string" }, length: 1024 },
      ];
      const started = performance.now();
      for (const type of types)
        for (const length of [
          33n,
          2n ** 31n,
          2n ** 32n,
          2n ** 53n,
          2n ** 64n - 1n,
          2n ** 255n,
          2n ** 256n - 1n,
        ])
          for (const round of [0, 1]) {
            const fields = [{ name: "x", type: round === 0 ? type : wrapped(type) }];
            const words = round === 0 ? [32n, length] : [32n, 1n, 32n, 32n, length];
            const data = getBytes("0x" + [...words, 0n].map((one) => wordHex(one).slice(2)).join(""));
            assert.equal(refusal(() => decodeFields(fields, data)).code, "E_DATA", typeText(type));
          }
      assert.isBelow(performance.now() - started, 500);
    });
  });

  describe("treats a value that is not canonical as our bug:", () => {
    const wrong: [type: AbiType, values: unknown[]][] = [
      [{ kind: "uint", bits: 8 }, [256n, -1n, 1, "1", undefined]],
      [{ kind: "int", bits: 8 }, [128n, -129n, 0]],
      [{ kind: "bool" }, [0n, "true", null]],
      [{ kind: "address" }, ["0x00", "", `0x${"g".repeat(40)}`, 0n]],
      [
        { kind: "fixedBytes", size: 2 },
        ["0x01", "0x010203", "0xZZZZ", "0xABCD", "0x\u0130\u0130\u0130\u0130"],
      ],
      [{ kind: "bytes" }, ["", "0", "0x1", "01", "0xAB", 1n]],
      [{ kind: "string" }, ["\ud800", "a\udc00", "\ud800x", 1n]],
      [{ kind: "array", of: { kind: "bool" }, length: 2 }, [[true], [true, true, true], "ab", {}]],
      [{ kind: "array", of: { kind: "string" }, length: null }, [[1n], {}, "ab"]],
      [{ kind: "tuple", fields: [{ name: "a", type: { kind: "bool" } }] }, [{}, { b: true }, [true], true]],
    ];
    for (const [type, values] of wrong)
      it(`${typeText(type)}`, () => {
        for (const x of values) {
          const act = () => encodeFields([{ name: "x", type }], { x } as Values);
          expect(act).to.throw(Error).and.not.be.instanceOf(WaybillError);
        }
      });
  });
});

// ---- random schemas and values

const NAMES = ["a", "b1", "_", "$x", "score", "isHuman", "constructor", "toString", "valueOf", "length"];

function fieldLists(): fc.Arbitrary<Field[]> {
  return listOf(typesOf(3), 6);
}

function listOf(types: fc.Arbitrary<AbiType>, maxLength: number): fc.Arbitrary<Field[]> {
  return fc.uniqueArray(fc.record({ name: fc.constantFrom(...NAMES), type: types }), {
    selector: (field) => field.name,
    minLength: 1,
    maxLength,
  });
}

function typesOf(depth: number): fc.Arbitrary<AbiType> {
  const bits = fc.integer({ min: 1, max: 32 }).map((size) => size * 8);
  const simple: fc.Arbitrary<AbiType> = fc.oneof(
    fc.record({ kind: fc.constantFrom("uint" as const, "int" as const), bits }),
    fc.record({ kind: fc.constant("fixedBytes" as const), size: fc.integer({ min: 1, max: 32 }) }),
    fc.constantFrom<AbiType[]>({ kind: "address" }, { kind: "bool" }, { kind: "bytes" }, { kind: "string" }),
  );
  if (depth === 0) return simple;
  const inner = typesOf(depth - 1);
  return fc.oneof(
    { weight: 3, arbitrary: simple },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("array" as const),
        of: inner,
        length: fc.constantFrom(null, null, 1, 2, 3),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("tuple" as const), fields: listOf(inner, 3) }),
    },
  );
}

function valuesOf(type: AbiType): fc.Arbitrary<Value> {
  switch (type.kind) {
    case "uint":
      return fc.bigInt(0n, 2n ** BigInt(type.bits) - 1n);
    case "int":
      return fc.bigInt(-(2n ** BigInt(type.bits - 1)), 2n ** BigInt(type.bits - 1) - 1n);
    case "bool":
      return fc.boolean();
    case "address":
      return hexOf(20, 20).map((text) => getAddress(text));
    case "fixedBytes":
      return hexOf(type.size, type.size);
    case "bytes":
      return hexOf(0, 70);
    case "string":
      return fc.string({ unit: "binary", maxLength: 40 });
    case "array":
      return fc.array(valuesOf(type.of), { minLength: type.length ?? 0, maxLength: type.length ?? 4 });
    case "tuple":
      return recordOf(type.fields);
  }
}

function recordOf(fields: readonly Field[]): fc.Arbitrary<Values> {
  return fc
    .tuple(...fields.map((field) => valuesOf(field.type)))
    .map((members) => Object.fromEntries(fields.map((field, i) => [field.name, members[i]!])));
}

function hexOf(minLength: number, maxLength: number): fc.Arbitrary<string> {
  return fc.uint8Array({ minLength, maxLength }).map((bytes) => hexlify(bytes));
}

function cases(): fc.Arbitrary<Case> {
  return fieldLists().chain((fields) => recordOf(fields).map((values) => ({ fields, values })));
}

type Mutation = (data: Uint8Array) => Uint8Array;

function mutations(): fc.Arbitrary<Mutation> {
  const place = fc.nat();
  const at = (n: number, data: Uint8Array) => n % Math.max(data.length, 1);
  const wordAt = (n: number, data: Uint8Array) => at(n, data) & ~31;
  const hostile = fc.oneof(
    fc.nat(4).map(BigInt),
    fc.nat(12).map((n) => BigInt(n) * 32n),
    fc.constantFrom(
      2n ** 31n,
      2n ** 32n,
      2n ** 53n,
      2n ** 64n,
      2n ** 255n,
      2n ** 256n - 1n,
      2n ** 256n - 32n,
    ),
  );
  return fc.oneof(
    fc.tuple(place, fc.nat(255)).map(
      ([n, byte]): Mutation =>
        (data) =>
          overwritten(data, at(n, data), Uint8Array.of(byte)),
    ),
    fc.tuple(place, hostile).map(
      ([n, value]): Mutation =>
        (data) =>
          overwritten(data, wordAt(n, data), getBytes(wordHex(value))),
    ),
    fc.tuple(place, place).map(([n, m]): Mutation => (data) => {
      const from = wordAt(m, data);
      return overwritten(data, wordAt(n, data), data.slice(from, from + 32));
    }),
    place.map(
      (n): Mutation =>
        (data) =>
          data.slice(0, at(n, data)),
    ),
    place.map((n): Mutation => (data) => {
      const from = wordAt(n, data);
      return joined(data.slice(0, from), data.slice(from + 32));
    }),
    fc.uint8Array({ minLength: 1, maxLength: 64 }).map(
      (more): Mutation =>
        (data) =>
          joined(data, more),
    ),
    fc.constantFrom(32, 64).map(
      (size): Mutation =>
        (data) =>
          joined(data, new Uint8Array(size)),
    ),
  );
}

function overwritten(data: Uint8Array, at: number, bytes: Uint8Array): Uint8Array {
  return joined(joined(data.slice(0, at), bytes), data.slice(at + bytes.length)).slice(0, data.length);
}

// ---- what the tests share

function check<T>(arbitrary: fc.Arbitrary<T>, numRuns: number, predicate: (value: T) => void): void {
  fc.assert(fc.property(arbitrary, predicate), { seed, numRuns });
}

/** Whether it was accepted; fails on any other outcome than canonical or E_DATA. */
function isCanonicalOrRefused(fields: Field[], data: Uint8Array): boolean {
  let values: Values;
  try {
    values = decodeFields(fields, data);
  } catch (error) {
    if (!(error instanceof WaybillError)) throw error;
    assert.equal(error.code, "E_DATA");
    return false;
  }
  assert.equal(hexlify(encodeFields(fields, values)), hexlify(data));
  return true;
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

function wordHex(value: bigint): string {
  return `0x${value.toString(16).padStart(64, "0")}`;
}

function word(at: number, value: bigint): [number, number][] {
  return [...getBytes(wordHex(value))].map((byte, i) => [at + i, byte]);
}

function patched(patches: [at: number, byte: number][]): Uint8Array {
  const data = encodeFields(FIXTURE, FIXTURE_VALUES);
  for (const [at, byte] of patches) data[at] = byte;
  return data;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  return new Uint8Array([...a, ...b]);
}

function wrapped(type: AbiType): AbiType {
  return { kind: "array", of: { kind: "tuple", fields: [{ name: "y", type }] }, length: null };
}

function ethersEncoding(fields: readonly Field[], values: Values): string {
  return AbiCoder.defaultAbiCoder().encode(
    fields.map((field) => ParamType.from(ethersText(field.type))),
    fields.map((field) => positional(field.type, values[field.name]!)),
  );
}

/** Without names, for ethers takes tuples as arrays then. */
function ethersText(type: AbiType): string {
  if (type.kind === "array") return `${ethersText(type.of)}[${type.length ?? ""}]`;
  if (type.kind === "tuple") return `tuple(${type.fields.map((field) => ethersText(field.type)).join(",")})`;
  return typeText(type);
}

function positional(type: AbiType, value: Value): unknown {
  if (type.kind === "array") return (value as Value[]).map((element) => positional(type.of, element));
  if (type.kind === "tuple")
    return type.fields.map((field) => positional(field.type, (value as Values)[field.name]!));
  return value;
}
