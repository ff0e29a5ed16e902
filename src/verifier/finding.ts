import type { Attestation } from "../attestation.js";
import { checksumAddress } from "../abi.js";
import { calldata, word } from "../chain/calldata.js";
import type { Log } from "../chain/chain.js";
import { statementOf } from "../chain/events.js";
import { ATTESTED } from "../chain/topics.js";
import { uidOf } from "../attestation.js";
import { WaybillError } from "../errors.js";
import { type Hex, unhex } from "../hex.js";
import { decode, parseSchema, schemaId } from "../schema.js";
import type { SchemaTerms } from "./content.js";
import { blocksAt } from "./findBlock.js";
import { blockOf, heard, logsOf, type NamedNode, returned } from "./node.js";
import type { View } from "./view.js";

// Whatever is found here proves itself: the content by its uid, the schema by its id. So one node is enough, and one
// that hands out something else is passed over.

/** `altered`: a node handed out something that the hash does not name, and none the right thing. */
export type Found<T> = { ok: true; value: T } | { ok: false; altered: boolean };

/** Blocks of one second: no chain makes as many. */
const MOST_BLOCKS = 1_000;

/** The event of a recorded statement: in a block of the time that its slot has. */
export async function findBody(
  view: View,
  registry: Hex,
  separator: Uint8Array,
  uid: Hex,
  recordedAt: number,
): Promise<Found<{ log: Log; attestation: Attestation }>> {
  let altered = false;
  for (const node of view.nodes) {
    const within = await heard(
      blocksAt(timesOf(node), recordedAt, { number: view.block, timestamp: view.timestamp }),
    );
    if (within === null || within.to - within.from > MOST_BLOCKS) continue;
    const logs = await heard(logsOf(node, { address: registry, topics: [ATTESTED, uid], ...within }));
    for (const log of logs ?? []) {
      const attestation = readStatement(log);
      if (attestation !== null && uidOf(separator, attestation) === uid) {
        return { ok: true, value: { log, attestation: forPeople(attestation) } };
      }
      altered = true;
    }
  }
  return { ok: false, altered };
}

/** With the letter case of EIP-55, as reports have all addresses. */
function forPeople({ attester, recipient, ...rest }: Attestation): Attestation {
  return {
    ...rest,
    attester: checksumAddress(attester) as Hex,
    recipient: checksumAddress(recipient) as Hex,
  };
}

export function readStatement(log: Log): Attestation | null {
  try {
    return log.topics.length === 4 && log.topics[0] === ATTESTED ? statementOf(log) : null;
  } catch (error) {
    if (error instanceof WaybillError) return null;
    throw error;
  }
}

function timesOf(node: NamedNode): {
  block(number: number): Promise<{ number: number; timestamp: number } | null>;
} {
  return { block: (number) => blockOf(node, number) };
}

const TERMS = parseSchema("address resolver,bool revocable,bool exists");
const TEXT = parseSchema("string definition");
const SCHEMA_REGISTRY: Hex = "0x4441bbd9"; // schemaRegistry()
const TERMS_OF: Hex = "0xbe5170c0"; // termsOf(bytes32)
const DEFINITION_OF: Hex = "0x74e74a13"; // definitionOf(bytes32)

export async function findSchema(view: View, registry: Hex, id: Hex): Promise<Found<SchemaTerms>> {
  let altered = false;
  for (const node of view.nodes) {
    const read = async (to: Hex, data: Hex) => heard(returned(node, { to, data }, view.hash));
    const named = await read(registry, SCHEMA_REGISTRY);
    if (named === null || !/^0x0{24}[0-9a-f]{40}$/.test(named)) continue;
    const schemas: Hex = `0x${named.slice(26)}`;
    const terms = decoded(TERMS, await read(schemas, calldata(TERMS_OF, [word(id)])));
    const text = decoded(TEXT, await read(schemas, calldata(DEFINITION_OF, [word(id)])));
    if (terms === null || text === null) continue;
    const found = { ...terms, ...text } as SchemaTerms;
    const { definition, resolver, revocable } = found;
    if (schemaId(definition, resolver, revocable) === id)
      return { ok: true, value: { definition, resolver, revocable } };
    altered = true;
  }
  return { ok: false, altered };
}

function decoded(schema: ReturnType<typeof parseSchema>, data: Hex | null): object | null {
  try {
    return data === null ? null : decode(schema, unhex(data));
  } catch (error) {
    if (error instanceof WaybillError) return null;
    throw error;
  }
}
