import type { Chain } from "../chain/chain.js";
import {
  registerSchemaCall,
  type RegisteredSchema,
  type Registry,
  schemaRegistered,
} from "../chain/registry.js";
import { WaybillError } from "../errors.js";
import { type Hex, ZERO_ADDRESS } from "../hex.js";
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

/**
 * A registered schema, by its id or by its definition.
 * @throws WaybillError E_SCHEMA if a definition does not parse, E_SCHEMA_UNKNOWN if it is not registered
 */
export async function findSchema(registry: Registry, text: string): Promise<RegisteredSchema> {
  if (/^0x[0-9a-fA-F]{64}$/.test(text)) {
    const found = await registry.schema(text.toLowerCase() as Hex);
    if (found !== null) return genuine(found);
    throw new WaybillError(
      "E_SCHEMA_UNKNOWN",
      `schema ${text} is not registered on chain ${registry.domain.chainId}`,
      { mend: "register its definition with `waybill schema add`, or name another one" },
    );
  }
  parseSchema(text);
  for (const revocable of [true, false]) {
    const found = await registry.schema(schemaId(text, ZERO_ADDRESS, revocable));
    if (found !== null) return genuine(found);
  }
  throw new WaybillError("E_SCHEMA_UNKNOWN", `the schema ${JSON.stringify(text)} is not registered`, {
    mend: `run \`waybill schema add ${JSON.stringify(text)}\` for this network first`,
  });
}

/** Under another text a whole job would be encoded wrongly for ever, and every comparison would agree with it. */
function genuine(schema: RegisteredSchema): RegisteredSchema {
  if (schemaId(schema.definition, schema.resolver, schema.revocable) === schema.id) return schema;
  throw new WaybillError(
    "E_NODE",
    `the node hands out a text for schema ${schema.id} that is not what the id names`,
    {
      mend: "name another node with --rpc-url",
    },
  );
}

/** @throws WaybillError E_RESOLVER */
export function refuseResolver(schema: RegisteredSchema): void {
  if (schema.resolver === ZERO_ADDRESS) return;
  throw new WaybillError(
    "E_RESOLVER",
    `the schema ${schema.id} names a resolver, and what that costs is not known to the gas model yet`,
    { mend: "call the registry from your own code, or name a schema without a resolver" },
  );
}
