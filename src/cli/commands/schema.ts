import { headOf } from "../../chain/head.js";
import { type Hex, ZERO_ADDRESS } from "../../hex.js";
import { typeText } from "../../abi.js";
import { parseSchema, schemaId } from "../../schema.js";
import { payerOf, priceOf } from "../../sdk/transact.js";
import { findSchema, listSchemas, registerSchema } from "../../sdk/schemas.js";
import { registerSchemaCall, type RegisteredSchema } from "../../chain/registry.js";
import { readAddress, usage } from "../arguments.js";
import { loadPayer } from "../keys.js";
import { counted, ether, quoted, type Result, table } from "../output.js";
import { type CommonOptions, confirm, connect, registryOf } from "../session.js";

export async function add(
  definition: string,
  options: CommonOptions & { irrevocable?: boolean; resolver?: string; dryRun?: boolean },
): Promise<Result> {
  const resolver: Hex =
    options.resolver === undefined ? ZERO_ADDRESS : readAddress(options.resolver, "--resolver");
  const revocable = options.irrevocable !== true;
  parseSchema(definition);
  const connection = await connect(options, "write");
  try {
    const registry = await registryOf(connection, options);
    const id = schemaId(definition, resolver, revocable);
    const schema = { definition, resolver, revocable };
    if ((await registry.schema(id)) === null) {
      const payer = await loadPayer(options, connection.chainId);
      const call = { to: registry.schemaRegistry, data: registerSchemaCall(definition, resolver, revocable) };
      const { gas, maxFee } = await priceOf(connection.chain, payer.address, call);
      const what = `registering a schema for at most ${ether(gas * maxFee)}`;
      if (options.dryRun === true) {
        return { text: `${what}, as ${id}; nothing was sent`, data: { id, ...schema, registered: false } };
      }
      await confirm(connection, options, what);
      await registerSchema(
        connection.chain,
        registry,
        payerOf(connection.chain, payer),
        schema,
        connection.network.pollMs,
      );
      return {
        text: `registered\n${schemaText({ id, ...schema })}`,
        data: { id, ...schema, registered: true },
      };
    }
    return {
      text: `registered before\n${schemaText({ id, ...schema })}`,
      data: { id, ...schema, registered: false },
    };
  } finally {
    await connection.close();
  }
}

export async function show(name: string, options: CommonOptions): Promise<Result> {
  const connection = await connect(options, "read");
  try {
    const schema = await findSchema(await registryOf(connection, options), name);
    return { text: schemaText(schema), data: schema };
  } finally {
    await connection.close();
  }
}

export async function list(options: CommonOptions & { fromBlock: string }): Promise<Result> {
  if (!/^[0-9]{1,15}$/.test(options.fromBlock)) {
    throw usage(`--from-block ${JSON.stringify(options.fromBlock)} is not the number of a block`);
  }
  const connection = await connect(options, "read");
  try {
    const registry = await registryOf(connection, options);
    const head = await headOf(connection.chain);
    const schemas: (RegisteredSchema & { block: number })[] = [];
    for await (const schema of listSchemas(
      connection.chain,
      registry,
      Number(options.fromBlock),
      head.number,
    )) {
      schemas.push(schema);
    }
    return {
      text: [
        ...schemas.map((schema) => `${schema.id}  ${quoted(schema.definition)}`),
        counted(schemas.length, "schema"),
      ].join("\n"),
      data: { schemas },
    };
  } finally {
    await connection.close();
  }
}

function schemaText(schema: RegisteredSchema): string {
  return [
    table([
      ["id", schema.id],
      ["revocable", schema.revocable ? "yes" : "no"],
      ["resolver", schema.resolver === ZERO_ADDRESS ? "none" : schema.resolver],
      ["definition", quoted(schema.definition)],
    ]),
    "fields",
    table(parseSchema(schema.definition).fields.map((field) => [`  ${field.name}`, typeText(field.type)])),
  ].join("\n");
}
