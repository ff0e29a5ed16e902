import type { Value, Values } from "../abi.js";
import type { Attestation } from "../attestation.js";
import { WaybillError } from "../errors.js";
import { type Hex, hex, keccak, sameAddress } from "../hex.js";
import type { SchemaTerms } from "./content.js";
import { type Check, LADDER } from "./report.js";

/** Whom and what a reader believes: a file that is written once and named by its hash in every report. */
export type Policy = {
  /** keccak256 of the file, byte for byte */
  hash: Hex;
  /** attesters that are believed; null: all */
  issuers: readonly Hex[] | null;
  schemas: readonly Hex[] | null;
  /** of the ladder; nothing below it is accepted */
  minimumLevel: number;
  /** since the chain first knew the statement, at the block of the report */
  maximumAgeSeconds: number | null;
  /** between the block of the report and the reader's clock */
  maximumLagSeconds: number | null;
  /** the code that a schema's resolver has to have at the block of the report: keccak256 by address */
  resolvers: readonly { address: Hex; codeHash: Hex }[] | null;
  /** values that the statement has to say, as its JSON report has them */
  values: Values | null;
  /** its place in its stream has to be known and followed to the stream's end */
  complete: boolean;
  /** nothing may have been appended to its stream behind it */
  newest: boolean;
  /** what it refers to has to hold */
  references: boolean;
};

const LONGEST = 65_536; // characters
const MOST = 1_000;

/**
 * @param name of the file, for messages
 * @throws WaybillError E_POLICY also for a name that it does not know: a rule that is misspelt would hold nobody
 */
export function readPolicy(text: string, name: string): Policy {
  const refuse = (problem: string) =>
    new WaybillError("E_POLICY", `${name}: ${problem}`, {
      mend: "docs/verify.md has what a policy may say, and examples/policies/ has three of them",
    });
  if (text.length > LONGEST) throw refuse(`it is longer than ${LONGEST} characters`);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw refuse("it is not JSON");
  }
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw refuse("it is not a JSON object");
  }
  const said = document as { [name: string]: unknown };
  const stranger = Object.keys(said).find((key) => !KEYS.includes(key));
  if (stranger !== undefined)
    throw refuse(`it says ${JSON.stringify(stranger.slice(0, 40))}, which is not known`);
  if (said.policy !== 1) throw refuse('its version, "policy", is not 1');

  function optional<T>(key: string, what: string, read: (value: unknown) => T | null): T | null {
    const value = said[key];
    if (value === undefined) return null;
    const found = read(value);
    if (found === null) throw refuse(`${key} is not ${what}`);
    return found;
  }
  const seconds = (value: unknown) =>
    Number.isInteger(value) && (value as number) > 0 && (value as number) < 2 ** 40
      ? (value as number)
      : null;
  const flag = (value: unknown) => (typeof value === "boolean" ? value : null);
  const levels = LADDER.slice(1).join(", ");
  return {
    hash: hex(keccak(new TextEncoder().encode(text))),
    issuers: optional("issuers", "a list of addresses", (value) => listOf(value, 20)),
    schemas: optional("schemas", "a list of schema ids", (value) => listOf(value, 32)),
    minimumLevel: optional("minimumLevel", `one of ${levels}`, levelOf) ?? 1,
    maximumAgeSeconds: optional("maximumAgeSeconds", "a whole number of seconds", seconds),
    maximumLagSeconds: optional("maximumLagSeconds", "a whole number of seconds", seconds),
    resolvers: optional("resolvers", "code hashes by the address of a resolver", resolversOf),
    values: optional("values", "the values of fields by their names", valuesOf),
    complete: optional("complete", "true or false", flag) ?? false,
    newest: optional("newest", "true or false", flag) ?? false,
    references: optional("references", "true or false", flag) ?? true,
  };
}

/** `about` is text for people, and is not read. */
const KEYS: readonly string[] = [
  "policy",
  "about",
  "issuers",
  "schemas",
  "minimumLevel",
  "maximumAgeSeconds",
  "maximumLagSeconds",
  "resolvers",
  "values",
  "complete",
  "newest",
  "references",
];

/** What is known of a statement when its policy is asked; null where it is not known. */
export type Known = {
  attestation: Attestation;
  schema: SchemaTerms;
  values: Values;
  /** Unix seconds */
  since: number | null;
  /** of the block of the report, Unix seconds */
  timestamp: number | null;
  /** the reader's clock, Unix seconds */
  now: number | null;
  /** of the schema's resolver; "none" if it has no code */
  resolverCode: Hex | "none" | null;
};

/** What the reader's policy says to a statement, in the order in which the policy is written down. */
export function judged(policy: Policy, known: Known): Check[] {
  const checks: Check[] = [];
  const check = (name: string, holds: boolean | null, evidence: string) =>
    checks.push({
      name,
      outcome: holds === null ? "unknown" : holds ? "pass" : "fail",
      evidence,
      source: "policy",
    });
  const { attester, schema: id } = known.attestation;
  if (policy.issuers !== null) {
    const trusted = policy.issuers.some((one) => sameAddress(one, attester));
    check("issuer", trusted, `${attester} is ${trusted ? "one" : "none"} of the issuers that are trusted`);
  }
  if (policy.schemas !== null) {
    const trusted = policy.schemas.includes(id);
    check("trusted schema", trusted, `${id} is ${trusted ? "one" : "none"} of the schemas that are trusted`);
  }
  for (const [name, expected] of Object.entries(policy.values ?? {})) {
    const said = Object.hasOwn(known.values, name) ? known.values[name]! : null;
    const same = said !== null && textOf(said) === textOf(expected);
    check("value", same, `${name} is ${same ? "" : "not "}${textOf(expected)}`);
  }
  if (policy.maximumAgeSeconds !== null) {
    const age = known.since === null || known.timestamp === null ? null : known.timestamp - known.since;
    const evidence =
      age === null ? "no chain knows it yet" : `it is ${age} s old, of ${policy.maximumAgeSeconds}`;
    check("age", age === null ? null : age <= policy.maximumAgeSeconds, evidence);
  }
  if (policy.maximumLagSeconds !== null) {
    const lag = known.now === null || known.timestamp === null ? null : known.now - known.timestamp;
    const evidence = lag === null ? "no clock was given" : `the block of the report is ${lag} s old`;
    // Another block would do: it says nothing about the statement.
    check("lag", lag !== null && lag <= policy.maximumLagSeconds ? true : null, evidence);
  }
  if (policy.resolvers !== null) checks.push(resolverCheck(policy.resolvers, known));
  return checks;
}

function resolverCheck(resolvers: NonNullable<Policy["resolvers"]>, known: Known): Check {
  const { resolver } = known.schema;
  const expected = resolvers.find(({ address }) => sameAddress(address, resolver));
  const { resolverCode: code } = known;
  const holds = expected === undefined ? false : code === null ? null : code === expected.codeHash;
  return {
    name: "resolver code",
    outcome: holds === null ? "unknown" : holds ? "pass" : "fail",
    evidence:
      expected === undefined
        ? `${resolver} is none of the resolvers that are trusted`
        : code === null
          ? `nothing is known of the code of ${resolver}`
          : `the code of ${resolver} has the hash ${code}`,
    source: "policy",
  };
}

function listOf(value: unknown, bytes: number): Hex[] | null {
  if (!Array.isArray(value) || value.length === 0 || value.length > MOST) return null;
  return value.every((one) => isHex(one, bytes))
    ? (value as Hex[]).map((one) => one.toLowerCase() as Hex)
    : null;
}

function resolversOf(value: unknown): { address: Hex; codeHash: Hex }[] | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const pairs = Object.entries(value);
  if (pairs.length === 0 || pairs.length > MOST) return null;
  if (!pairs.every(([address, codeHash]) => isHex(address, 20) && isHex(codeHash, 32))) return null;
  return pairs.map(([address, codeHash]) => ({ address: address as Hex, codeHash: codeHash as Hex }));
}

function valuesOf(value: unknown): Values | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const plain = Object.values(value).every((one) => typeof one === "string" || typeof one === "boolean");
  return plain ? (value as Values) : null;
}

function levelOf(value: unknown): number | null {
  const level = LADDER.findIndex((name) => name === value);
  return level < 1 ? null : level;
}

function isHex(value: unknown, bytes: number): boolean {
  return typeof value === "string" && value.length === 2 + 2 * bytes && /^0x[0-9a-fA-F]*$/.test(value);
}

/** Addresses are compared without their checksum, and numbers are decimal. */
function textOf(value: Value): string {
  const text = JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "bigint" ? inner.toString() : inner,
  );
  return /^"0x[0-9a-fA-F]{40}"$/.test(text) ? text.toLowerCase() : text;
}
