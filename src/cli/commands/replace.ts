import { basename } from "node:path";
import { admittedRows, checkedRows } from "../../admission/admit.js";
import { readRows } from "../../admission/file.js";
import { headOf } from "../../chain/head.js";
import { WaybillError } from "../../errors.js";
import { mannerOf } from "../../gas.js";
import { parseSchema } from "../../schema.js";
import { findSchema, readAmount, readPace } from "../arguments.js";
import { loadKeys } from "../keys.js";
import { counted, ether, progressOf, type Result } from "../output.js";
import { replaceable, type Replacement, runReplacement } from "../replacing.js";
import { confirm, connect, openStore, registryOf, stopSignal } from "../session.js";
import { fileHash, finishedData, finishedText, jobKey, limitsOf, readFlow, readManner } from "../work.js";
import { badRows, frameOf, planned, priceOf, scalesOf, type SubmitOptions, surveyOf } from "./submit.js";

export type ReplaceOptions = Omit<SubmitOptions, "until" | "level" | "skipBad"> & { reason: string };

/** Gas of a revocation among many, its share of the transaction included. */
const REVOCATION_GAS = 9_000n;

/**
 * Issues one attestation per row, and revokes the one that the row names in `replaces` when the new one is safe. At
 * level record only: who has the uid of the old one finds the new one by its uid, and needs no proof.
 */
export async function replace(file: string, options: ReplaceOptions): Promise<Result> {
  const fees = {
    maxFee: options.maxFee === undefined ? null : readAmount(options.maxFee, "gwei", "--max-fee"),
    budget: options.budget === undefined ? null : readAmount(options.budget, "ether", "--budget"),
  };
  const { stream } = readManner(options);
  const signal = stopSignal();
  const progress = progressOf(options);
  const connection = await connect(options, "write");
  try {
    const registry = await registryOf(connection, options);
    const keys = await loadKeys(options, connection.chainId);
    const issuer = keys.issuer.address;
    const pace = readPace(options, (await headOf(connection.chain)).timestamp);
    const schema = await findSchema(registry, options.schema);
    const limits = await limitsOf(connection);
    const manner = mannerOf("record", issuer !== keys.lane.address, stream);
    const who = { separator: registry.separator, attester: issuer, stream };
    const frame = await frameOf(schema, options, connection.chain, limits, manner, who);
    const rowsIn = (of: typeof frame) =>
      checkedRows(readRows(file, parseSchema(schema.definition), { signal }), of, true);
    const hash = await fileHash(file);
    const key = jobKey(["replace", stream, schema.id, issuer, String(frame.revocable), hash]);
    const unchanged = async () => {
      if ((await fileHash(file)) === hash) return;
      throw new WaybillError("E_FILE_CHANGED", `${file} was changed while it was read; nothing was sent`, {
        mend: "run again when it is whole",
      });
    };
    const survey = async () => {
      progress.show("checking every row");
      const rows = replaceable(rowsIn(frame), registry, issuer);
      const found = await surveyOf(file, rows, scalesOf(["record"], manner, limits));
      progress.end();
      return found;
    };
    const mend =
      "mend them: with a bad row nothing is replaced, for its old statement would be left without a new one";

    if (options.dryRun === true) {
      const found = await survey();
      if (found.bad > 0) return badRows(file, found, mend);
      const { text, data } = planned(
        file,
        found,
        "record",
        await priceOf(connection.chain, found, "record", pace),
      );
      return {
        text: `${text}\n${counted(found.good, "attestation")} would be revoked when these are safe; nothing was sent`,
        data,
      };
    }

    const store = await openStore(connection, registry, options);
    try {
      // What was admitted was checked, and what it replaces may be revoked by now.
      const known = (await store.jobs()).some((job) => job.key === key && job.state === "open");
      if (!known) {
        const found = await survey();
        if (found.bad > 0) return badRows(file, found, mend);
        const asks = connection.network.main && options.yes !== true;
        const price = await priceOf(connection.chain, found, "record", pace, asks);
        const revoking = price.baseFeeWei * REVOCATION_GAS * BigInt(found.good);
        const cost = (price.costWei ?? price.atMostWei) + revoking;
        await confirm(
          connection,
          options,
          `replacing ${counted(found.good, "attestation")}, the old ones revoked for ever, for about ${ether(cost)}`,
        );
      }
      // Nothing that changes with time: each run has to read the same list.
      const always = { ...frame, now: 0, fits: () => true };
      const replacements = async function* (): AsyncGenerator<Replacement> {
        for await (const row of rowsIn(always)) {
          if (!row.ok) throw new Error(`line ${row.line} was good and is bad`);
          yield { line: row.line, uid: row.statement.uid, replaces: row.replaces! };
        }
      };
      const { issued, revoked } = await runReplacement(
        { connection, registry, store, keys, fees, signal, progress },
        {
          job: {
            key,
            act: "record",
            name: basename(file),
            schema: schema.id,
            definition: schema.definition,
            attester: issuer,
            reason: "",
            ...readFlow(options, stream),
          },
          rows: () => admittedRows(rowsIn(frame), file),
          unchanged,
        },
        replacements,
        options.reason,
      );
      const exit = revoked === null || issued.exit !== 0 ? issued.exit : revoked.exit;
      const next =
        exit === 130
          ? "everything is written down: run the same command to go on"
          : `every row: waybill report ${issued.job.id}`;
      return {
        text: [
          finishedText(issued, revoked === null ? "nothing was revoked yet" : "what they replace:"),
          revoked === null ? next : finishedText(revoked, next),
        ].join("\n"),
        data: {
          issued: finishedData(issued),
          revoked: revoked === null ? null : finishedData(revoked),
          done: exit === 0,
        },
        exit,
      };
    } finally {
      progress.end();
      await store.close();
    }
  } finally {
    await connection.close();
  }
}
