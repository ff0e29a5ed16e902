import type { Chain } from "../chain/chain.js";
import {
  registerSchemaCall,
  type RegisteredSchema,
  type Registry,
  schemaRegistered,
} from "../chain/registry.js";
import { type Hex } from "../hex.js";
import { parseSchema, schemaId } from "../schema.js";
import { type Payer, transact } from "./transact.js";

/**
 * Registers a schema unless it is there.
 * @throws WaybillError E_SCHEMA if the definition does not parse: nobody could encode under it
 */
export async function registerSchema(
  chain: Chain,
  registry: Registry,
  payer: Payer,
  schema: Omit<RegisteredSchema, "id">,
  pollMs: number,
): Promise<{ id: Hex; registered: boolean }> {
  const { definition, resolver, revocable } = schema;
  parseSchema(definition);
  const id = schemaId(definition, resolver, revocable);
  if ((await registry.schema(id)) !== null) return { id, registered: false };
  const data = registerSchemaCall(definition, resolver, revocable);
  await transact(chain, payer, { to: registry.schemaRegistry, data }, pollMs);
  return { id, registered: true };
}

/** Blocks in one question for logs: what public nodes allow at least. */
const RANGE = 5_000;

/** Schemas in order of their registration, between two blocks. */
export async function* listSchemas(
  chain: Chain,
  registry: Registry,
  from: number,
  to: number,
): AsyncGenerator<RegisteredSchema & { block: number }> {
  for (let start = from; start <= to; start += RANGE) {
    const logs = await chain.logs({
      address: registry.schemaRegistry,
      topics: [schemaRegistered.topic],
      from: start,
      to: Math.min(to, start + RANGE - 1),
    });
    for (const log of logs) yield { ...schemaRegistered.read(log), block: log.block };
  }
}
