import { assert, expect } from "chai";
import { Wallet } from "ethers";
import { readFileSync } from "node:fs";
import { checkEasData, easItem, readEas, type EasStatement } from "../src/eas.js";
import { WaybillError } from "../src/errors.js";
import { type Hex, hex, unhex, ZERO_ADDRESS } from "../src/hex.js";
import { decode, encode, parseSchema, schemaId } from "../src/schema.js";
import { type Random, randomOf } from "./contracts/support/random.js";
import { easDocument, type EasMessage } from "./support/eas.js";
import { seed } from "./support/seed.js";

type Fields = { [name: string]: any };
type Vector = { name: string; document: Fields };

const { definition, vectors } = JSON.parse(
  readFileSync(new URL("vectors/easOffchain.json", import.meta.url), "utf8"),
) as { definition: string; vectors: Vector[] };

/** secp256k1's order. */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const MUTATIONS = 1_000;

const wallet = new Wallet(`0x${"7".repeat(64)}`);
const place = { chainId: 8453n, contract: `0x${"ea".repeat(20)}` };

describe("a statement that was signed for EAS", () => {
  it("is read as EAS's SDK signed it, at every version and in every spelling", () => {
    expect(vectors).to.have.length(13);
    for (const { name, document } of vectors) {
      const statement = readEas(JSON.stringify(document), name);
      const { domain, message, uid } = document.sig;
      const { data, attester, contract, recipient, ...rest } = statement;
      assert.deepEqual(
        rest,
        {
          version: message.version,
          uid,
          chainId: BigInt(domain.chainId),
          schema: message.schema,
          time: BigInt(message.time),
          expirationTime: BigInt(message.expirationTime),
          revocable: message.revocable,
          refUid: message.refUID,
        },
        name,
      );
      assert.equal(hex(data), message.data);
      assert.equal(attester, document.signer);
      assert.equal(contract, domain.verifyingContract);
      assert.equal(recipient.toLowerCase(), message.recipient.toLowerCase());
      checkEasData(statement, definition, name);
    }
  });

  it("is the same whatever the case of its hex, and with numbers in place of decimal strings", () => {
    for (const { name, document } of vectors) {
      const spelled = structuredClone(document);
      const { message, domain, signature = {} } = spelled.sig;
      for (const of of [message, signature, spelled.sig]) {
        for (const key of ["recipient", "refUID", "data", "salt", "r", "s", "uid"])
          if (typeof of[key] === "string") of[key] = `0x${of[key].slice(2).toUpperCase()}`;
      }
      for (const key of ["time", "expirationTime"]) message[key] = Number(message[key]);
      domain.chainId = Number(domain.chainId);
      spelled.signer = spelled.signer.toLowerCase();
      assert.deepEqual(readEas(JSON.stringify(spelled), name), readEas(JSON.stringify(document), name));
    }
  });

  it("is refused by name when any field says something else", () => {
    for (const { name, document } of vectors) {
      const inSignature = "signature" in document.sig ? "sig.signature" : "sig";
      for (const [path, value, check] of [
        ["signer", wallet.address, "SIGNER"],
        ["signer", ZERO_ADDRESS, "SIGNER"],
        ["sig.uid", `0x${"1".repeat(64)}`, "UID"],
        ["sig.message.schema", `0x${"1".repeat(64)}`, "UID"],
        ["sig.message.recipient", wallet.address, "UID"],
        ["sig.message.time", "1", "UID"],
        ["sig.message.expirationTime", "1", "UID"],
        ["sig.message.revocable", !document.sig.message.revocable, "UID"],
        ["sig.message.refUID", `0x${"1".repeat(64)}`, "UID"],
        ["sig.message.data", "0x01", "UID"],
        // Of these the uid says nothing: the signature does.
        ["sig.domain.chainId", "2", "SIGNER"],
        ["sig.domain.verifyingContract", wallet.address, "SIGNER"],
        ["sig.domain.version", "0.27", "SIGNER"],
        ["sig.domain.name", "EAS", "DOMAIN"],
        ["sig.domain.salt", `0x${"1".repeat(64)}`, "FORM"],
        [`${inSignature}.v`, 29, "SIGNATURE"],
        [`${inSignature}.r`, `0x${"0".repeat(64)}`, "SIGNATURE"],
        [`${inSignature}.s`, `0x${"0".repeat(64)}`, "SIGNATURE"],
        ["sig.version", 3, "VERSION"],
        ["sig.version", "1", "VERSION"],
        ["sig.message.version", 3, "VERSION"],
        ["sig.primaryType", "Attested", "TYPES"],
        ["sig.types", {}, "TYPES"],
        ["sig.types", { ...document.sig.types, More: [] }, "TYPES"],
        ["sig.types", { Attest: [] }, "TYPES"],
        ["sig.message.nonce", 1, "FORM"],
        ["sig.message.more", 1, "FORM"],
        ["sig.more", 1, "FORM"],
        ["more", 1, "FORM"],
      ] as const) {
        refuses(changed(document, path, value), check, `${name}, ${path}`);
      }
      refuses(
        changed(document, `${inSignature}.v`, 55 - at(document, [...inSignature.split("."), "v"])),
        "SIGN",
        name,
      );
      for (const path of ["signer", "sig.uid", "sig.message.data", "sig.domain.version", `${inSignature}.r`])
        refuses(changed(document, path, undefined), "FORM", `${name}, without ${path}`);
    }
  });

  it("is refused when it says to be of another version than was signed", () => {
    for (const { name, document } of vectors) {
      if (!("version" in document.sig)) continue;
      for (const version of [0, 1, 2]) {
        if (version === document.sig.version) continue;
        refuses(changed(document, "sig.version", version), "TYPES", `${name} as ${version}`);
        const both = changed(changed(document, "sig.version", version), "sig.message.version", version);
        refuses(both, "TYPES", `${name} as ${version}`);
        // With the types and fields of that version too, it is the content that does not fit.
        const types = vectors.find((other) => other.document.sig.version === version)!.document.sig.types;
        const whole = changed(both, "sig.types", types);
        whole.sig.primaryType = "types" in whole.sig ? Object.keys(types)[0] : "";
        if (version === 2) whole.sig.message.salt = `0x${"1".repeat(64)}`;
        else delete whole.sig.message.salt;
        refuses(whole, "UID", `${name} as ${version}`);
      }
    }
  });

  it("is refused with the other s of its signature, which is the same key's", () => {
    for (const { name, document } of vectors) {
      const path = "signature" in document.sig ? "sig.signature" : "sig";
      const { s, v } = at(document, path.split("."));
      const other = `0x${(ORDER - BigInt(s)).toString(16).padStart(64, "0")}`;
      refuses(changed(changed(document, `${path}.s`, other), `${path}.v`, 55 - v), "MALLEABLE", name);
    }
  });

  it("is nothing when it is no such document", () => {
    for (const text of [
      "",
      "{",
      "null",
      "[]",
      '"x"',
      "7",
      "{}",
      '{"sig":null,"signer":"0x"}',
      '{"sig":[]}',
    ]) {
      assert.throws(() => readEas(text, "x"), WaybillError);
    }
    const spaced = `${JSON.stringify(vectors[0]!.document)}${" ".repeat(2 ** 20)}`;
    assert.throws(() => readEas(spaced, "x"), WaybillError, "longer");
  });

  it("never becomes another statement, however its document is mutated", () => {
    const random = randomOf(`eas mutations ${seed}`);
    const originals = vectors.map(({ document, name }) => readEas(JSON.stringify(document), name));
    let refused = 0;
    for (let i = 0; i < MUTATIONS; i++) {
      const which = random.below(vectors.length);
      const mutated = mutate(random, vectors[which]!.document);
      let read: EasStatement;
      try {
        read = readEas(JSON.stringify(mutated), "x");
      } catch (error) {
        if (!(error instanceof WaybillError)) throw error;
        assert.match(error.code, /^E_EAS_/);
        refused += 1;
        continue;
      }
      assert.deepEqual(read, originals[which], JSON.stringify(mutated));
    }
    expect(refused).to.be.greaterThan(MUTATIONS / 2);
  });

  it("is read as ethers alone signs it", async () => {
    const document = await signed({ time: 1, expirationTime: 2 ** 41, salt: `0x${"1".repeat(64)}` });
    const { attester, uid, expirationTime } = readEas(JSON.stringify(document), "x");
    assert.equal(attester, wallet.address);
    assert.equal(uid, document.sig.uid);
    assert.equal(expirationTime, 2n ** 41n);
  });

  it("fits its schema: to the letter, without a resolver, and as the one encoding of its values", async () => {
    const of = async (said: Partial<EasMessage>) => readEas(JSON.stringify(await signed(said)), "x");
    const plain = await of({});
    for (const revocable of [true, false]) {
      const id = schemaId(definition, ZERO_ADDRESS, revocable);
      checkEasData(await of({ schema: id }), definition, "x");
    }
    check(plain, `${definition} `, "E_EAS_SCHEMA");
    check(plain, "string name,uint64 score", "E_EAS_SCHEMA");
    check(await of({ schema: schemaId(definition, wallet.address, true) }), definition, "E_EAS_SCHEMA");
    const alias = "uint score";
    check(await of({ schema: schemaId(alias, ZERO_ADDRESS, true) }), alias, "E_SCHEMA");
    const data = hex(encode(parseSchema(definition), { name: "Ada", score: 1n, isHuman: true }));
    const dirty: Hex = `0x${data.slice(2, -1)}1`;
    for (const wrong of ["0x", `${data}00`, data.slice(0, -2), dirty] as Hex[]) {
      check(await of({ data: wrong }), definition, "E_EAS_DATA");
    }
    const two = `${data.slice(0, 2 + 128)}${"0".repeat(63)}2${data.slice(2 + 192)}` as Hex;
    check(await of({ data: two }), definition, "E_EAS_DATA");
  });

  it("is said again with all that was signed, and EAS's uid for a salt", () => {
    for (const { name, document } of vectors) {
      const statement = readEas(JSON.stringify(document), name);
      const { message, uid } = document.sig;
      const item = easItem(statement);
      assert.equal(item.salt, uid);
      assert.equal(item.recipient.toLowerCase(), message.recipient.toLowerCase());
      assert.equal(item.expiresAt, Number(message.expirationTime));
      assert.equal(item.revocable, message.revocable);
      assert.equal(item.ref, message.refUID);
      assert.deepEqual(
        decode(parseSchema(definition), item.data),
        decode(parseSchema(definition), unhex(message.data)),
      );
    }
  });

  function signed(said: Partial<EasMessage>) {
    const data = hex(encode(parseSchema(definition), { name: "Ada", score: 1n, isHuman: true }));
    return easDocument(wallet, place, { schema: schemaId(definition, ZERO_ADDRESS, true), data, ...said });
  }
});

function check(statement: EasStatement, definition: string, code: string): void {
  try {
    checkEasData(statement, definition, "x");
  } catch (error) {
    if (!(error instanceof WaybillError)) throw error;
    assert.equal(error.code, code, error.message);
    return;
  }
  assert.fail(`${code} was to be`);
}

/** @param check the beginning of its name */
function refuses(document: Fields, check: string, context: string): void {
  try {
    readEas(JSON.stringify(document), "x");
  } catch (error) {
    if (!(error instanceof WaybillError)) throw error;
    assert.match(error.code, new RegExp(`^E_EAS_${check}`), `${context}: ${error.message}`);
    return;
  }
  assert.fail(`taken: ${context}`);
}

function at(document: Fields, names: readonly string[]): any {
  return names.reduce((value, name) => value[name], document);
}

function changed(document: Fields, path: string, value: unknown): Fields {
  const copy = structuredClone(document);
  const names = path.split(".");
  const last = names.pop()!;
  at(copy, names)[last] = value;
  return copy;
}

/** One value of it becomes another, of the same kind or not, or goes. */
function mutate(random: Random, document: Fields): Fields {
  const copy = structuredClone(document);
  let of: Fields = copy;
  for (;;) {
    const names = Object.keys(of);
    const name = names[random.below(names.length)]!;
    const value = of[name];
    if (typeof value === "object" && value !== null && random.below(20) !== 0) {
      of = value;
      continue;
    }
    const others = [
      undefined,
      null,
      {},
      [],
      "",
      "0x",
      0,
      1,
      27,
      28,
      true,
      false,
      `0x${"1".repeat(64)}`,
      1e300,
    ];
    const kin = typeof value === "string" ? turned(random, value) : others[random.below(others.length)];
    of[name] = random.below(3) === 0 ? others[random.below(others.length)] : kin;
    return copy;
  }
}

function turned(random: Random, text: string): string {
  const place = random.below(text.length + 1);
  const digit = "0123456789abcdefx"[random.below(17)]!;
  return [
    text.slice(0, place) + digit + text.slice(place + 1),
    text.slice(0, place) + digit + text.slice(place),
    text.slice(0, place) + text.slice(place + 1),
    text.toUpperCase(),
  ][random.below(4)]!;
}
