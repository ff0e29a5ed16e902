/**
 * `npm run -s bench:offchain`: whether src/eas.ts reads what EAS's own SDK signs, byte for byte, and takes nothing that
 * the SDK refuses. With `-- --write`, some of it becomes test/vectors/easOffchain.json, which tests read without the SDK.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { checkEasData, readEas } from "../src/eas.js";
import { WaybillError } from "../src/errors.js";
import { type Random, randomOf } from "../test/contracts/support/random.js";
import { seed } from "../test/support/seed.js";
import {
  accepts,
  DEFINITION,
  type Fields,
  flattened,
  type Signed,
  signed,
  signedAsBefore,
} from "./peers/easOffchain.js";

const EACH = 100;
const ALTERED = 10;
const VECTORS = new URL("../test/vectors/easOffchain.json", import.meta.url);

const { values: options } = parseArgs({ options: { write: { type: "boolean" } } });
const random = randomOf(`offchain ${seed}`);

let [read, altered, refusedByBoth] = [0, 0, 0];
for (const version of [0, 1, 2] as const) {
  for (let i = 0; i < EACH; i++) {
    const { document } =
      version === 0 && i % 3 !== 0
        ? await signedAsBefore(random, (i % 3) as 1 | 2)
        : await signed(random, version);
    if (!accepts(document)) throw new Error(`the SDK refuses what it signed: ${JSON.stringify(document)}`);
    const statement = readEas(JSON.stringify(document), "a document");
    checkEasData(statement, DEFINITION, "a document");
    compare(document, statement);
    read += 1;
    for (let j = 0; j < ALTERED; j++) {
      const other = alteration(random, document);
      if (JSON.stringify(other) === JSON.stringify(document)) continue;
      altered += 1;
      const theirs = accepts(other);
      if (isRead(other) && !theirs) throw new Error(`the SDK refuses, we do not: ${JSON.stringify(other)}`);
      if (!theirs) refusedByBoth += 1;
    }
  }
}
process.stdout.write(
  `${read} documents of the SDK's read as it means them; of ${altered} altered ones, all ${refusedByBoth} that it refuses are refused\n`,
);

if (options.write === true) {
  const fixed = randomOf("vectors: eas off chain");
  const vectors: object[] = [];
  const keep = (name: string, { document }: Signed) => vectors.push({ name, document });
  for (const version of [0, 1, 2] as const) {
    for (let i = 1; i <= 3; i++) keep(`version ${version}, ${i}`, await signed(fixed, version));
  }
  for (const spelling of [1, 2] as const)
    keep(`version 0, spelling ${spelling}`, await signedAsBefore(fixed, spelling));
  for (const version of [0, 1] as const) {
    const one = await signed(fixed, version);
    keep(`version ${version}, signature in the open`, { ...one, document: flattened(one.document) });
  }
  const made = "by `npm run -s bench:offchain -- --write` with @ethereum-attestation-service/eas-sdk 2.10.0";
  mkdirSync(new URL(".", VECTORS), { recursive: true });
  writeFileSync(VECTORS, `${JSON.stringify({ made, definition: DEFINITION, vectors }, null, 2)}\n`);
}

/** Every field says what the SDK put into the message. */
function compare({ sig, signer }: Signed["document"], statement: ReturnType<typeof readEas>): void {
  const message = sig.message as { [name: string]: string | boolean };
  const domain = sig.domain as { [name: string]: string };
  const pairs: [unknown, unknown][] = [
    [statement.version, sig.version],
    [statement.uid, sig.uid],
    [statement.attester, signer],
    [statement.chainId.toString(), domain.chainId],
    [statement.contract, domain.verifyingContract],
    [statement.schema, message.schema],
    [statement.recipient.toLowerCase(), message.recipient],
    [statement.time.toString(), message.time],
    [statement.expirationTime.toString(), message.expirationTime],
    [statement.revocable, message.revocable],
    [statement.refUid, message.refUID],
    [`0x${Buffer.from(statement.data).toString("hex")}`, message.data],
  ];
  for (const [ours, theirs] of pairs) {
    if (ours !== theirs) throw new Error(`${String(ours)} for ${String(theirs)} in ${JSON.stringify(sig)}`);
  }
}

function isRead(document: Signed["document"]): boolean {
  try {
    readEas(JSON.stringify(document), "a document");
    return true;
  } catch (error) {
    if (error instanceof WaybillError) return false;
    throw error;
  }
}

/** One value somewhere in it becomes another of the same kind. */
function alteration(random: Random, document: Signed["document"]): Signed["document"] {
  const copy = structuredClone(document);
  let at: Fields = copy;
  for (;;) {
    const names = Object.keys(at);
    const name = names[random.below(names.length)]!;
    const value = at[name];
    if (typeof value === "object" && value !== null) {
      at = value as Fields;
      continue;
    }
    if (typeof value === "boolean") at[name] = !value;
    else if (typeof value === "number") at[name] = value === 27 ? 28 : value === 28 ? 27 : value + 1;
    else if (typeof value === "string") at[name] = turned(random, value);
    return copy;
  }
}

function turned(random: Random, text: string): string {
  if (text === "") return "1";
  const place = random.below(text.length);
  const digit = "0123456789abcdef"[random.below(16)]!;
  return text.slice(0, place) + digit + text.slice(place + 1);
}
