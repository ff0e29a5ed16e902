import { readFile } from "node:fs/promises";
import { domainSeparator } from "../../attestation.js";
import { deployments } from "../../chain/deployment.js";
import { networkOf } from "../../chain/networks.js";
import { type Registry, sameAddress } from "../../chain/registry.js";
import { WaybillError } from "../../errors.js";
import { type Hex, ZERO_ADDRESS, ZERO_WORD } from "../../hex.js";
import { parseSchema, schemaId } from "../../schema.js";
import { payerOf, priceOf, transact } from "../../sdk/transact.js";
import { readWaybill, type Waybill, waybillData } from "../../waybill.js";
import { readAddress, readLevel, unreadable, usage } from "../arguments.js";
import { loadKeys, loadPayer } from "../keys.js";
import { ether, type Result, table } from "../output.js";
import { confirm, connect, registryOf } from "../session.js";
import { type AttestOptions, statementFrom } from "./attest.js";

/** Signs one attestation and asks no node for anything. stdout is its waybill. */
export async function attestOffline(
  definition: string,
  pairs: readonly string[],
  options: AttestOptions,
): Promise<Result> {
  if (options.level !== "record" || options.stream !== undefined || options.dryRun === true) {
    throw usage(
      "--level, --stream and --dry-run are about the chain",
      "give them with --from, when it is put there",
    );
  }
  if (/^0x[0-9a-fA-F]{64}$/.test(definition)) {
    throw usage("a schema's id does not say its fields", "without a chain, write the definition itself");
  }
  const schema = parseSchema(definition);
  const { chainId } = networkOf(options.network === "embedded" ? "local" : (options.network ?? "local"));
  const registry =
    options.registry === undefined ? deployments()[1].address : readAddress(options.registry, "--registry");
  const { issuer } = await loadKeys(options, chainId);
  const id = schemaId(definition, ZERO_ADDRESS, true);
  const { uid, item } = statementFrom(pairs, options, {
    separator: domainSeparator({ chainId, registry }),
    schemaId: id,
    schema,
    attester: issuer.address,
    stream: ZERO_WORD,
    revocable: options.irrevocable !== true,
    now: Math.floor(Date.now() / 1000),
    fits: () => true,
  });
  const waybill: Waybill = {
    chainId,
    registry,
    uid,
    attestation: { ...item, schema: id, attester: issuer.address },
    schema: { definition, resolver: ZERO_ADDRESS, revocable: true },
    signature: issuer.signDigest(uid),
    proof: null,
    stream: null,
    location: null,
    state: null,
  };
  const data = waybillData(waybill);
  return { text: JSON.stringify(data, null, 2), data };
}

/** Puts an attestation that was signed without a chain on one. Whoever sends it needs no key but one that pays. */
export async function carry(
  file: string,
  schemaName: string | undefined,
  options: AttestOptions,
): Promise<Result> {
  const { to, ref, expires, id, irrevocable, stream, maxFee, offline } = options;
  const said = { schema: schemaName, "--to": to, "--ref": ref, "--expires": expires, "--id": id };
  const excluded = {
    ...said,
    "--irrevocable": irrevocable,
    "--stream": stream,
    "--max-fee": maxFee,
    "--offline": offline,
  };
  for (const [name, value] of Object.entries(excluded)) {
    if (value !== undefined) throw usage(`--from has all that is said in its file, and takes no ${name}`);
  }
  const level = readLevel(options.level);
  const waybill = readWaybill(await textOf(file), file);
  const { uid, attestation, schema } = waybill;
  if (waybill.signature === null) {
    throw new WaybillError("E_WAYBILL", `${file}: it has no signature of its issuer`, {
      mend: "only what `waybill attest --offline` signed can be put on a chain by others",
    });
  }
  const connection = await connect(options, "write");
  try {
    const registry = await registryOf(connection, options);
    requireSameRegistry(waybill, registry, file);
    if ((await registry.schema(attestation.schema)) === null) {
      throw new WaybillError(
        "E_SCHEMA_UNKNOWN",
        `the schema ${JSON.stringify(schema.definition)} is not registered`,
        {
          mend: `run \`waybill schema add ${JSON.stringify(schema.definition)}\` for this network first`,
        },
      );
    }
    const [record] = await registry.records([uid], "latest");
    if (record?.revoked === true) {
      throw new WaybillError("E_REVOKED", `${file}: its issuer has revoked it`, {
        mend: "ask the issuer; what is revoked is so for ever",
      });
    }
    const before = level === "record" ? record !== null : await isCommitted(registry, waybill, level);
    const said = (text: string, sent: boolean, block: number | null, transaction: Hex | null): Result => ({
      text: [
        text,
        table([
          ["uid", uid],
          ["level", level],
          ["attester", attestation.attester],
          ["transaction", transaction ?? "-"],
          ["block", block === null ? "-" : String(block)],
        ]),
      ].join("\n"),
      data: { uid, level, sent, block, transaction },
    });
    if (before) return said("it is there already; nothing was sent", false, null, null);

    const payer = await loadPayer(options, connection.chainId);
    const call = {
      to: registry.domain.registry,
      data: registry.carryCall(level, attestation, waybill.signature),
    };
    const simulated = await connection.chain.call({ from: payer.address, ...call }, "latest");
    if (simulated.kind === "reverted") {
      throw new WaybillError(
        "E_REFUSED",
        `the registry refuses it: ${registry.refusalText(simulated.data)}`,
        {
          mend: "take the file again from whoever issued it",
        },
      );
    }
    const { gas, maxFee } = await priceOf(connection.chain, payer.address, call);
    const what = `one attestation for at most ${ether(gas * maxFee)}`;
    if (options.dryRun === true) return said(`${what}; nothing was sent`, false, null, null);
    await confirm(connection, options, what);
    const { chain, network } = connection;
    const receipt = await transact(chain, payerOf(chain, payer), call, network.pollMs);
    return said("done", true, receipt.block, receipt.transaction);
  } finally {
    await connection.close();
  }
}

async function isCommitted(
  registry: Registry,
  { uid, attestation }: Waybill,
  level: "seal" | "anchor",
): Promise<boolean> {
  const root = await registry.root(attestation.attester, attestation.schema, uid, "latest");
  return root !== null && (level === "anchor" || root.level === "seal");
}

function requireSameRegistry(waybill: Waybill, registry: Registry, file: string): void {
  const { chainId, registry: address } = registry.domain;
  if (waybill.chainId === chainId && sameAddress(waybill.registry, address)) return;
  throw new WaybillError(
    "E_WAYBILL",
    `${file}: it was signed for registry ${waybill.registry} on chain ${waybill.chainId}, and this is ${address} on chain ${chainId}`,
    { mend: "name its network with --network, and another registry with --registry" },
  );
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw unreadable(file, cause);
  }
}
