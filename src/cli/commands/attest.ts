import { headOf } from "../../chain/head.js";
import { faultText } from "../../admission/rows.js";
import { type Frame, type Statement, statementOf } from "../../admission/statement.js";
import { mannerOf } from "../../gas.js";
import type { AdmittedRow, NewJob } from "../../store/store.js";
import { WaybillError } from "../../errors.js";
import { parseSchema, readText } from "../../schema.js";
import { findSchema, refuseResolver } from "../../sdk/schemas.js";
import { readAddress, readAmount, readMoment, readUid, usage } from "../arguments.js";
import { loadKeys } from "../keys.js";
import { ether, gwei, progressOf, type Result, table } from "../output.js";
import { requireReplaceable, runReplacement } from "../replacing.js";
import { type CommonOptions, confirm, connect, openStore, registryOf, stopSignal } from "../session.js";
import { ALONE, fitsIn, jobKey, limitsOf, readManner, runJob } from "../work.js";

export type AttestOptions = CommonOptions & {
  level?: string;
  stream?: string;
  to?: string;
  ref?: string;
  expires?: string;
  id?: string;
  replaces?: string;
  irrevocable?: boolean;
  maxFee?: string;
  offline?: boolean;
  dryRun?: boolean;
};

/** Issues one attestation, the way a file of one row would be issued: said again, it is not issued again. */
export async function attest(schemaName: string, pairs: string[], options: AttestOptions): Promise<Result> {
  const { act, stream } = readManner(options);
  const replaces = options.replaces === undefined ? null : readUid(options.replaces);
  if (replaces !== null && act !== "record")
    throw usage(
      "--replaces is for level record",
      "what is sealed or anchored has no uid that the chain answers for",
    );
  const connection = await connect(options, "write");
  try {
    const registry = await registryOf(connection, options);
    const keys = await loadKeys(options, connection.chainId);
    const registered = await findSchema(registry, schemaName);
    const head = await headOf(connection.chain);
    const fees = {
      maxFee: options.maxFee === undefined ? null : readAmount(options.maxFee, "gwei", "--max-fee"),
      budget: null,
    };
    const signed = keys.issuer.address !== keys.lane.address;
    const manner = mannerOf(act, signed, stream);
    refuseResolver(registered);
    const statement = statementFrom(pairs, options, {
      separator: registry.separator,
      schemaId: registered.id,
      schema: parseSchema(registered.definition),
      attester: keys.issuer.address,
      stream,
      revocable: registered.revocable && options.irrevocable !== true,
      now: head.timestamp,
      fits: fitsIn(await limitsOf(connection), manner),
    });
    if (replaces !== null) await requireReplaceable(statement, replaces, registry, keys.issuer.address);
    if (options.dryRun === true) {
      return {
        text: `the attestation would be ${statement.uid}; nothing was sent`,
        data: { uid: statement.uid, sent: false },
      };
    }
    const fee = head.baseFee;
    await confirm(
      connection,
      options,
      `one attestation for about ${ether(fee * 65_000n)} (base fee ${gwei(fee)})`,
    );

    // What was said, not what came of it: `--expires 90d` said again is the same attestation, not one a little later.
    const { to = "", ref = "", expires = "", id = "", irrevocable = false } = options;
    const said = [
      registered.id,
      keys.issuer.address,
      to,
      ref,
      expires,
      id,
      String(irrevocable),
      ...[...pairs].sort(),
      ...(replaces === null ? [] : [`replaces ${replaces}`]),
    ];
    const key = jobKey(["attest", act, stream, ...said]);
    const store = await openStore(connection, registry, options);
    const progress = progressOf(options);
    try {
      const rows = async function* (): AsyncGenerator<AdmittedRow> {
        yield { kind: "item", line: 1, ...statement };
      };
      const work = { connection, registry, store, keys, fees, signal: stopSignal(), progress };
      const job: NewJob = {
        key,
        act,
        name: `attest ${schemaName.slice(0, 40)}`,
        schema: registered.id,
        definition: registered.definition,
        attester: keys.issuer.address,
        reason: "",
        ...ALONE,
      };
      const { issued: finished, revoked } =
        replaces === null
          ? { issued: await runJob({ ...work, until: "final" }, job, rows), revoked: null }
          : await runReplacement(
              work,
              { job, rows },
              async function* () {
                // What was issued, by a run before this one perhaps: `--expires 90d` is a little later by now.
                const issued = (await store.jobs()).find((one) => one.key === key)!;
                const [row] = await store.report(issued.id, -1, 1);
                yield { line: 1, uid: row!.uid!, replaces };
              },
              "",
            );
      const row = (await store.report(finished.job.id, -1, 1))[0];
      const uid = row?.uid ?? statement.uid;
      return {
        text: [
          table([
            ["uid", uid],
            [
              "state",
              finished.counts.duplicate > 0 ? "issued before by this store" : (row?.state ?? "unknown"),
            ],
            ["attester", keys.issuer.address],
            ...(replaces === null
              ? []
              : [["revoked", revoked === null ? "-" : replaces] as [string, string]]),
            ["transaction", row?.transaction ?? "-"],
            ["block", row?.block === null || row === undefined ? "-" : String(row.block)],
          ]),
          act === "record" ? `check it: waybill verify ${uid}` : `its waybill: waybill export ${uid}`,
        ].join("\n"),
        data: {
          uid,
          state: row?.state ?? null,
          transaction: row?.transaction ?? null,
          block: row?.block ?? null,
          paidWei: finished.paid + (revoked?.paid ?? 0n),
          ...(replaces === null ? {} : { revoked: revoked === null ? null : replaces }),
        },
        exit: finished.exit === 0 && revoked !== null ? revoked.exit : finished.exit,
      };
    } finally {
      progress.end();
      await store.close();
    }
  } finally {
    await connection.close();
  }
}

/** @throws WaybillError E_USAGE */
export function requireSchema(name: string | undefined): string {
  if (name !== undefined) return name;
  throw usage("no schema is named", "write `waybill attest SCHEMA name=value …`, or --from FILE");
}

/** The attestation that a command line says. @throws WaybillError E_ROW, E_USAGE */
export function statementFrom(pairs: readonly string[], options: AttestOptions, frame: Frame): Statement {
  const { to, ref, expires, id } = options;
  const made = statementOf(
    {
      line: 1,
      values: readValues(frame.schema, pairs),
      recipient: to === undefined ? null : readAddress(to, "--to"),
      ref: ref === undefined ? null : readUid(ref),
      expiresAt: expires === undefined ? null : readMoment(expires, frame.now),
      salt: null,
      id: id ?? null,
      stream: null,
      replaces: null,
    },
    frame,
  );
  if (made.ok) return made.statement;
  throw new WaybillError("E_ROW", made.faults.map((fault) => faultText("attest", fault)).join("\n"));
}

/** `name=value` for every field, each once. */
function readValues(schema: ReturnType<typeof parseSchema>, pairs: readonly string[]) {
  const given = new Map<string, string>();
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    if (equals < 1) throw usage(`${JSON.stringify(pair)} is not name=value`);
    const name = pair.slice(0, equals);
    if (given.has(name)) throw usage(`${name} is given twice`);
    given.set(name, pair.slice(equals + 1));
  }
  const names = schema.fields.map((field) => field.name);
  const missing = names.filter((name) => !given.has(name));
  if (missing.length > 0)
    throw usage(`no value for ${missing.join(", ")}`, `the schema wants ${schema.definition}`);
  const unknown = [...given.keys()].filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw usage(`the schema has no ${unknown.join(", ")}`, `it has ${names.join(", ")}`);
  return Object.fromEntries(
    schema.fields.map((field) => {
      const reading = readText(field, given.get(field.name)!);
      if (!reading.ok) throw new WaybillError(reading.code, `${reading.path}: ${reading.problem}`);
      return [field.name, reading.value];
    }),
  );
}
