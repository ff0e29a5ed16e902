import { readFile } from "node:fs/promises";
import { packedSize, uidOf } from "../../attestation.js";
import { revokedAtEas } from "../../chain/eas.js";
import { headOf } from "../../chain/head.js";
import { type RegisteredSchema, type Registry, sameAddress } from "../../chain/registry.js";
import { checkEasData, easItem, type EasStatement, readEas } from "../../eas.js";
import { WaybillError } from "../../errors.js";
import { gasOf, mannerOf, workOf } from "../../gas.js";
import type { Hex } from "../../hex.js";
import type { Limits } from "../../planner/split.js";
import type { AdmittedRow } from "../../store/store.js";
import { findSchema, readAmount, unreadable, usage } from "../arguments.js";
import { loadKeys } from "../keys.js";
import { counted, errorText, ether, progressOf, type Result, table } from "../output.js";
import {
  type CommonOptions,
  confirm,
  type Connection,
  connect,
  openStore,
  registryOf,
  stopSignal,
} from "../session.js";
import {
  finishedData,
  finishedText,
  fitsIn,
  jobKey,
  limitsOf,
  readFlow,
  readManner,
  refuseResolver,
  runJob,
} from "../work.js";

export type ImportOptions = CommonOptions & {
  check?: boolean;
  schema?: string;
  fromChain?: string;
  level?: string;
  stream?: string;
  maxFee?: string;
  budget?: string;
  dryRun?: boolean;
};

/** A file and what it holds, or what stands against it. */
type Reading = { file: string; statement: EasStatement } | { file: string; fault: WaybillError };

/**
 * Says again, as attestations of Waybill's, what the issuer has signed for EAS without a chain. The signature there is
 * over another text, so nobody else can do it: the issuer signs anew, and imported twice it is the same attestation.
 */
export async function importEas(files: readonly string[], options: ImportOptions): Promise<Result> {
  const readings: Reading[] = [];
  for (const file of files) readings.push(await readingOf(file, options));
  if (options.check === true) return checked(readings, options);
  const bad = readings.filter((reading) => "fault" in reading);
  if (bad.length > 0) return refused(bad, files.length);
  const all = readings.filter((reading) => "statement" in reading);
  const { schema: schemaId } = all[0]!.statement;
  const other = all.find(({ statement }) => statement.schema !== schemaId);
  if (other !== undefined) {
    throw usage(
      `${all[0]!.file} and ${other.file} are of two schemas`,
      "import the files of each schema by a run of their own",
    );
  }
  return issue(all, options);
}

/** What can be known without a chain; whether EAS has a revocation of it cannot. */
function checked(readings: readonly Reading[], { schema }: ImportOptions): Result {
  const data = readings.map((reading) => {
    if ("fault" in reading) {
      const { code, message, mend } = reading.fault;
      return { file: reading.file, ok: false, error: { code, message, mend: mend ?? null } };
    }
    const { data, recipient, time, expirationTime, ...statement } = reading.statement;
    const fits =
      schema === undefined ? "not checked: name the definition with --schema" : "what the schema encodes";
    return { file: reading.file, ok: true, ...statement, recipient, time, expirationTime, data: fits };
  });
  const text = readings.map((reading) => {
    if ("fault" in reading) return errorText(reading.fault);
    const { version, attester, uid, chainId, contract } = reading.statement;
    const lines = table([
      ["signed by", attester],
      ["uid at EAS", `${uid}, version ${version}`],
      ["for", `${contract} on chain ${chainId}`],
      [
        "data",
        schema === undefined ? "not checked: name the definition with --schema" : "what the schema encodes",
      ],
      ["revoked", "not asked: only a node knows, and import asks it"],
    ]);
    return `${reading.file}: well signed\n${lines}`;
  });
  return { text: text.join("\n"), data, exit: readings.some((reading) => "fault" in reading) ? 6 : 0 };
}

async function issue(
  all: readonly { file: string; statement: EasStatement }[],
  options: ImportOptions,
): Promise<Result> {
  const fees = {
    maxFee: options.maxFee === undefined ? null : readAmount(options.maxFee, "gwei", "--max-fee"),
    budget: options.budget === undefined ? null : readAmount(options.budget, "ether", "--budget"),
  };
  const { act, stream } = readManner(options);
  const connection = await connect(options, "write");
  try {
    const registry = await registryOf(connection, options);
    const keys = await loadKeys(options, connection.chainId);
    const { issuer, lane } = keys;
    const schema = await schemaOf(registry, all[0]!.statement.schema);
    const manner = mannerOf(act, issuer.address !== lane.address, stream);
    const head = await headOf(connection.chain);
    const limits = await limitsOf(connection);
    const terms = { schema, issuer: issuer.address, now: head.timestamp, limits, manner };
    const faults: Reading[] = [];
    for (const reading of all) {
      const fault = await faultOf(reading, connection, terms, options);
      if (fault !== null) faults.push({ file: reading.file, fault });
    }
    if (faults.length > 0) return refused(faults, all.length);

    const attester = issuer.address;
    const rows = all.map(({ statement }, index): AdmittedRow & { kind: "item" } => {
      const item = easItem(statement);
      const uid = uidOf(registry.separator, { ...item, schema: schema.id, attester });
      return { kind: "item", line: index + 1, uid, item, size: packedSize(item), stream };
    });
    const uids = rows.map(({ uid }, index) => ({
      file: all[index]!.file,
      eas: all[index]!.statement.uid,
      uid,
    }));
    const list = table(uids.map(({ file, uid }) => [file, uid]));
    const unasked =
      options.fromChain === undefined
        ? []
        : ["whether EAS has revoked them was not asked: they were signed for another chain"];
    if (options.dryRun === true) {
      return {
        text: [list, ...unasked, "nothing was sent"].join("\n"),
        data: { attestations: uids, sent: false },
      };
    }
    const gas = BigInt(
      gasOf(
        workOf(
          manner,
          rows.map(({ size }) => size),
        ),
      ),
    );
    await confirm(
      connection,
      options,
      `${counted(rows.length, "attestation")} for about ${ether(gas * head.baseFee)}`,
    );
    const store = await openStore(connection, registry, options);
    const progress = progressOf(options);
    try {
      const finished = await runJob(
        {
          connection,
          registry,
          store,
          keys,
          fees,
          until: "final",
          signal: stopSignal(),
          progress,
        },
        {
          key: jobKey(["import", act, stream, schema.id, attester, ...rows.map(({ uid }) => uid)]),
          act,
          name: `import ${counted(all.length, "file")}`,
          schema: schema.id,
          definition: schema.definition,
          attester,
          reason: "",
          ...readFlow({}, stream),
        },
        async function* () {
          yield* rows;
        },
      );
      const next = `every row: waybill report ${finished.job.id}`;
      return {
        text: [finishedText(finished, next), list, ...unasked].join("\n"),
        data: { ...finishedData(finished), attestations: uids },
        exit: finished.exit,
      };
    } finally {
      progress.end();
      await store.close();
    }
  } finally {
    await connection.close();
  }
}

/** EAS asks a resolver of another kind, so that a schema with one is another schema here, whatever its id. */
async function schemaOf(registry: Registry, id: Hex): Promise<RegisteredSchema> {
  if ((await registry.schema(id)) === null) {
    throw new WaybillError(
      "E_SCHEMA_UNKNOWN",
      `schema ${id} is not registered on chain ${registry.domain.chainId}`,
      {
        mend: "register the definition that it has at EAS with `waybill schema add`: without a resolver, the id is the same",
      },
    );
  }
  const schema = await findSchema(registry, id);
  refuseResolver(schema);
  return schema;
}

type Terms = {
  schema: RegisteredSchema;
  issuer: Hex;
  now: number;
  limits: Limits;
  manner: ReturnType<typeof mannerOf>;
};

/** What stands against issuing it here and now; null if nothing does. */
async function faultOf(
  { file, statement }: { file: string; statement: EasStatement },
  { chain, chainId }: Connection,
  { schema, issuer, now, limits, manner }: Terms,
  { fromChain }: ImportOptions,
): Promise<WaybillError | null> {
  const fault = (code: string, problem: string, mend: string) =>
    new WaybillError(`E_EAS_${code}`, `${file}: ${problem}`, { mend });
  if (!sameAddress(statement.attester, issuer)) {
    return fault(
      "ISSUER",
      `${statement.attester} has signed it, and the issuer here is ${issuer}`,
      `let ${statement.attester} import it, whose word it is; yours would be a statement of your own, about it: attest with --ref ${statement.uid}`,
    );
  }
  if (statement.chainId.toString() !== (fromChain ?? chainId.toString())) {
    return fault(
      "CHAIN",
      `it was signed for chain ${statement.chainId}, and ${fromChain === undefined ? `this is chain ${chainId}` : `--from-chain says ${fromChain}`}`,
      `if it is to be said on chain ${chainId} too, add --from-chain ${statement.chainId}`,
    );
  }
  try {
    checkEasData(statement, schema.definition, file);
  } catch (error) {
    if (error instanceof WaybillError) return error;
    throw error;
  }
  if (statement.expirationTime >= 2n ** 40n)
    return fault(
      "EXPIRY",
      `it expires at ${statement.expirationTime}, later than any can here`,
      "sign it again with another expiry, or none",
    );
  if (statement.expirationTime !== 0n && statement.expirationTime <= BigInt(now))
    return fault("EXPIRED", "it has expired, so the attestation would never be valid", "leave it out");
  if (statement.revocable && !schema.revocable)
    return fault(
      "REVOCABLE",
      "it is revocable, and what its schema says never is",
      "leave it out; EAS would refuse it as well",
    );
  if (!fitsIn(limits, manner)(packedSize(easItem(statement))))
    return fault(
      "SIZE",
      `${statement.data.length} bytes of data are more than one transaction can carry`,
      "leave it out",
    );
  if (statement.chainId === chainId) {
    const revoked = await revokedAtEas(chain, statement);
    if (revoked !== null)
      return fault(
        "REVOKED",
        `its issuer has revoked it at EAS, at ${revoked}`,
        "what is revoked is not said again: leave it out",
      );
  }
  return null;
}

function refused(bad: readonly Reading[], files: number): Result {
  const faults = bad.flatMap((reading) => ("fault" in reading ? [reading.fault] : []));
  const head = `${bad.length} of ${counted(files, "file")} cannot be imported; nothing was sent`;
  return {
    text: [head, ...faults.map((fault) => errorText(fault))].join("\n"),
    data: {
      faults: faults.map(({ code, message, mend }) => ({ code, message, mend: mend ?? null })),
      error: { code: "E_EAS", message: head, mend: "mend the files that are named, or leave them out" },
    },
    exit: 6,
  };
}

async function readingOf(file: string, { schema }: ImportOptions): Promise<Reading> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw unreadable(file, cause);
  }
  try {
    const statement = readEas(text, file);
    if (schema !== undefined) checkEasData(statement, schema, file);
    return { file, statement };
  } catch (error) {
    if (error instanceof WaybillError && error.code.startsWith("E_EAS_")) return { file, fault: error };
    throw error;
  }
}
