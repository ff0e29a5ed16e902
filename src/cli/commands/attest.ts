import { faultText } from "../../admission/rows.js";
import { statementOf } from "../../admission/statement.js";
import type { AdmittedRow } from "../../store/store.js";
import { WaybillError } from "../../errors.js";
import { parseSchema, readText } from "../../schema.js";
import { findSchema, readAddress, readAmount, readMoment, readUid, usage } from "../arguments.js";
import { loadKeys } from "../keys.js";
import { ether, gwei, progressOf, type Result, table } from "../output.js";
import { type CommonOptions, confirm, connect, openStore, registryOf, stopSignal } from "../session.js";
import { fitsIn, jobKey, limitsOf, runJob } from "../work.js";

export type AttestOptions = CommonOptions & {
  to?: string;
  ref?: string;
  expires?: string;
  id?: string;
  irrevocable?: boolean;
  maxFee?: string;
  dryRun?: boolean;
};

/** Issues one attestation, the way a file of one row would be issued: said again, it is not issued again. */
export async function attest(schemaName: string, pairs: string[], options: AttestOptions): Promise<Result> {
  const connection = await connect(options, "write");
  try {
    const registry = await registryOf(connection, options);
    const keys = await loadKeys(options, connection.chainId);
    const registered = await findSchema(registry, schemaName);
    const schema = parseSchema(registered.definition);
    const head = await connection.chain.block("latest");
    const now = head?.timestamp ?? 0;
    const fees = {
      maxFee: options.maxFee === undefined ? null : readAmount(options.maxFee, "gwei", "--max-fee"),
      budget: null,
    };
    const made = statementOf(
      {
        line: 1,
        values: readValues(schema, pairs),
        recipient: options.to === undefined ? null : readAddress(options.to, "--to"),
        ref: options.ref === undefined ? null : readUid(options.ref),
        expiresAt: options.expires === undefined ? null : readMoment(options.expires, now),
        salt: null,
        id: options.id ?? null,
        stream: null,
      },
      {
        separator: registry.separator,
        schemaId: registered.id,
        schema,
        attester: keys.issuer.address,
        revocable: registered.revocable && options.irrevocable !== true,
        now,
        fits: fitsIn(await limitsOf(connection), keys.issuer.address !== keys.lane.address),
      },
    );
    if (!made.ok)
      throw new WaybillError("E_ROW", made.faults.map((fault) => faultText("attest", fault)).join("\n"));
    const { statement } = made;
    if (options.dryRun === true) {
      return {
        text: `the attestation would be ${statement.uid}; nothing was sent`,
        data: { uid: statement.uid, sent: false },
      };
    }
    const fee = head?.baseFee ?? 0n;
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
    ];
    const key = jobKey(["attest", ...said]);
    const store = await openStore(connection, registry, options);
    const progress = progressOf(options);
    try {
      const rows = async function* (): AsyncGenerator<AdmittedRow> {
        yield { kind: "item", line: 1, ...statement };
      };
      const finished = await runJob(
        { connection, registry, store, keys, fees, until: "final", signal: stopSignal(), progress },
        {
          key,
          act: "record",
          name: `attest ${schemaName.slice(0, 40)}`,
          schema: registered.id,
          definition: registered.definition,
          attester: keys.issuer.address,
          reason: "",
        },
        rows,
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
            ["transaction", row?.transaction ?? "-"],
            ["block", row?.block === null || row === undefined ? "-" : String(row.block)],
          ]),
          `check it: waybill verify ${uid}`,
        ].join("\n"),
        data: {
          uid,
          state: row?.state ?? null,
          transaction: row?.transaction ?? null,
          block: row?.block ?? null,
          paidWei: finished.paid,
        },
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
