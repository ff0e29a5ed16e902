import { assert, expect } from "chai";
import { type Attestation, domainSeparator, uidOf } from "../src/attestation.js";
import { WaybillError } from "../src/errors.js";
import { type Hex, hex, keccak, ZERO_ADDRESS, ZERO_WORD } from "../src/hex.js";
import { encode, parseSchema, schemaId } from "../src/schema.js";
import { treeOf } from "../src/tree.js";
import { readWaybill, type Waybill, waybillData } from "../src/waybill.js";

const DEFINITION = "string name,uint64 score";
const domain = { chainId: 2n ** 60n + 1n, registry: `0x${"ab".repeat(20)}` as Hex };

describe("a waybill", () => {
  for (const [what, waybill] of [
    ["of a recorded one", sample()],
    ["that was signed without a chain", { ...sample(), signature: `0x${"5".repeat(130)}`, location: null }],
    ["of a sealed one in a stream", sealed()],
  ] as const) {
    it(`is read as it was written, ${what}`, () => {
      expect(readWaybill(text(waybill), "x")).to.deep.equal(waybill);
    });
  }

  it("names the version, and a reader refuses others", () => {
    const document = waybillData(sample()) as { waybill: number };
    assert.equal(document.waybill, 2);
    refuses(JSON.stringify({ ...document, waybill: 0 }), "version");
    for (const other of ["", "{", "null", "[]", '"x"', "{}"]) refuses(other, "");
  });

  it("is refused when any field is missing, of another type, or says something else", () => {
    const whole = waybillData(sealed()) as Fields;
    let altered = 0;
    for (const path of pathsOf(whole)) {
      // What is only told, not proven: where it lies, and in which stream.
      const told = /^(location|stream)\./.test(path) || /^(location|stream|signature|state)$/.test(path);
      for (const value of [
        undefined,
        7.5,
        {},
        "0x",
        "0xzz",
        "x".repeat(70),
        `0x${"1".repeat(64)}`,
        -1,
        true,
      ]) {
        const copy = structuredClone(whole);
        set(copy, path, value);
        if (JSON.stringify(copy) === JSON.stringify(whole)) continue;
        altered += 1;
        let read: Waybill | null = null;
        try {
          read = readWaybill(JSON.stringify(copy), "x");
        } catch (error) {
          if (!(error instanceof WaybillError)) throw error;
          continue;
        }
        // Without its proof it is the waybill of a recorded one.
        if (told || path === "proof") continue;
        assert.fail(`${path} = ${String(value)} was taken for ${JSON.stringify(waybillData(read))}`);
      }
    }
    expect(altered).to.be.greaterThan(200);
  });

  it("is refused when the content, the schema or the path is another one's", () => {
    const whole = waybillData(sealed()) as Fields;
    for (const [path, value, said] of [
      ["attestation.data", "0x00", "makes the uid"],
      ["attestation.recipient", `0x${"1".repeat(40)}`, "makes the uid"],
      ["chainId", "1", "makes the uid"],
      ["registry", `0x${"1".repeat(40)}`, "makes the uid"],
      ["schema.definition", "string name,uint64 points", "definition is not what its id names"],
      ["schema.revocable", false, "definition is not what its id names"],
      ["proof.index", 1, "does not lead to the root"],
      ["proof.count", 9, "does not lead to the root"],
      ["proof.root", ZERO_WORD, "does not lead to the root"],
      ["proof.path.0", ZERO_WORD, "does not lead to the root"],
    ] as const) {
      const copy = structuredClone(whole);
      set(copy, path, value);
      refuses(JSON.stringify(copy), said);
    }
  });
});

type Fields = { [name: string]: unknown };

function sample(): Waybill {
  const schema = { definition: DEFINITION, resolver: ZERO_ADDRESS, revocable: true };
  const attestation: Attestation = {
    schema: schemaId(DEFINITION, ZERO_ADDRESS, true),
    attester: `0x${"c0".repeat(20)}`,
    recipient: `0x${"d0".repeat(20)}`,
    ref: `0x${"e0".repeat(32)}`,
    expiresAt: 2 ** 40 - 1,
    revocable: true,
    salt: `0x${"f0".repeat(8)}${"0".repeat(48)}`,
    data: encode(parseSchema(DEFINITION), { name: "Ada", score: 7n }),
  };
  return {
    ...domain,
    uid: uidOf(domainSeparator(domain), attestation),
    attestation,
    schema,
    signature: null,
    proof: null,
    stream: null,
    location: { block: 2 ** 40 - 1, blockHash: word("block"), transaction: word("transaction") },
    state: null,
  };
}

function sealed(): Waybill {
  const waybill = sample();
  const tree = treeOf([word("a"), word("b"), waybill.uid, word("d"), word("e")]);
  return {
    ...waybill,
    proof: { level: "seal", root: tree.root, count: 5, index: 2, path: tree.path(2) },
    stream: { key: word("stream"), position: 2n ** 63n },
  };
}

function text(waybill: Waybill): string {
  return JSON.stringify(waybillData(waybill));
}

function refuses(document: string, said: string): void {
  try {
    readWaybill(document, "the file");
  } catch (error) {
    if (!(error instanceof WaybillError)) throw error;
    expect(error.code).to.equal("E_WAYBILL");
    expect(error.message)
      .to.match(/^the file: /)
      .and.include(said);
    return;
  }
  assert.fail(`${document.slice(0, 200)} was read`);
}

/** Every path to a value, those in the middle too: `proof`, `proof.path`, `proof.path.0`. */
function pathsOf(value: object): string[] {
  return Object.entries(value).flatMap(([name, inner]) => [
    name,
    ...(typeof inner === "object" && inner !== null ? pathsOf(inner).map((path) => `${name}.${path}`) : []),
  ]);
}

function set(document: Fields, path: string, value: unknown): void {
  const names = path.split(".");
  const last = names.pop()!;
  const inner = names.reduce((at, name) => at[name] as Fields, document);
  inner[last] = value;
}

function word(name: string): Hex {
  return hex(keccak(Buffer.from(name)));
}
