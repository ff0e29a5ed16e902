import type { Values } from "../abi.js";
import { type Attestation, uidOf } from "../attestation.js";
import { WaybillError } from "../errors.js";
import type { Hex } from "../hex.js";
import { decode, parseSchema, schemaId } from "../schema.js";
import type { Check } from "./report.js";

/** What a schema's id is the hash of. */
export type SchemaTerms = { definition: string; resolver: Hex; revocable: boolean };

/** What a statement says, and whether that is what its uid and its schema's id name. */
export type Content = { attestation: Attestation; schema: SchemaTerms };

/**
 * Level 1, by hashes alone: whoever handed it out, content that makes the uid is the content.
 * @returns the values, or null with the check that failed as the last one
 */
export function readContent(
  uid: Hex,
  separator: Uint8Array,
  { attestation, schema }: Content,
): { checks: Check[]; values: Values | null } {
  const checks: Check[] = [];
  const check = (name: string, holds: boolean, evidence: string): boolean => {
    checks.push({ name, outcome: holds ? "pass" : "fail", evidence, source: "offline" });
    return holds;
  };
  const recomputed = uidOf(separator, attestation);
  if (!check("uid", recomputed === uid, `the content makes the uid ${recomputed}`))
    return { checks, values: null };
  const id = schemaId(schema.definition, schema.resolver, schema.revocable);
  if (!check("schema", id === attestation.schema, `the definition makes the id ${id}`)) {
    return { checks, values: null };
  }
  try {
    const values = decode(parseSchema(schema.definition), attestation.data);
    check("data", true, "it is exactly what the schema makes of its values");
    return { checks, values };
  } catch (error) {
    if (!(error instanceof WaybillError)) throw error;
    check("data", false, error.message);
    return { checks, values: null };
  }
}
