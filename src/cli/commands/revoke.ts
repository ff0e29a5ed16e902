import { readFileSync } from "node:fs";
import { headOf } from "../../chain/head.js";
import type { Hex } from "../../hex.js";
import { ZERO_WORD } from "../../hex.js";
import { WaybillError } from "../../errors.js";
import type { AdmittedRow } from "../../store/store.js";
import { sameAddress } from "../../chain/registry.js";
import { readAmount, readUid, unreadable, usage } from "../arguments.js";
import { loadKeys } from "../keys.js";
import { counted, ether, grouped, progressOf, type Result } from "../output.js";
import {
  type CommonOptions,
  confirm,
  connect,
  hasOpenJobs,
  openStore,
  registryOf,
  stopSignal,
} from "../session.js";
import { ALONE, finishedData, finishedText, jobKey, runJob } from "../work.js";

export type RevokeOptions = CommonOptions & {
  from?: string;
  reason: string;
  maxFee?: string;
  dryRun?: boolean;
};

/** Revokes attestations of the issuer, for ever. What is revoked already is left as it is. */
export async function revoke(uidTexts: string[], options: RevokeOptions): Promise<Result> {
  const named = [...uidTexts.map(readUid), ...(options.from === undefined ? [] : readUids(options.from))];
  // The job is the whole list, whatever of it is done: only so does a second run find the first.
  const unique = [...new Set(named)];
  if (unique.length === 0)
    throw usage("there is nothing to revoke", "name uids, or a file of uids with --from");

  const connection = await connect(options, "write");
  try {
    const registry = await registryOf(connection, options);
    const keys = await loadKeys(options, connection.chainId);
    const pending = await revocable(unique, keys.issuer.address, registry);
    const key = jobKey(["revoke", keys.issuer.address, options.reason, ...unique]);
    // Sent by a run that was cut short, they are to be followed to the end; by others, there is nothing to do.
    if (pending.length === 0 && !(await hasOpenJobs(connection, options, key))) {
      return {
        text: `${counted(unique.length, "attestation")}: revoked before`,
        data: { revoked: 0, before: unique.length },
      };
    }
    if (options.dryRun === true) {
      return {
        text: `would revoke ${counted(pending.length, "attestation")}; nothing was sent`,
        data: { wouldRevoke: pending },
      };
    }
    const { baseFee: fee } = await headOf(connection.chain);
    const cost = ether(fee * BigInt(21_000 + 9_000 * pending.length));
    await confirm(
      connection,
      options,
      `revoking ${counted(pending.length, "attestation")} for about ${cost}`,
    );

    const store = await openStore(connection, registry, options);
    const progress = progressOf(options);
    const rows = async function* (): AsyncGenerator<AdmittedRow> {
      for (const [index, uid] of unique.entries()) yield { kind: "revocation", line: index + 1, uid };
    };
    try {
      const finished = await runJob(
        {
          connection,
          registry,
          store,
          keys,
          fees: {
            maxFee: options.maxFee === undefined ? null : readAmount(options.maxFee, "gwei", "--max-fee"),
            budget: null,
          },
          until: "final",
          signal: stopSignal(),
          progress,
        },
        {
          key,
          act: "revoke",
          name:
            unique.length === 1 ? `revoke ${unique[0]!.slice(0, 10)}` : `revoke ${grouped(unique.length)}`,
          schema: ZERO_WORD,
          definition: "",
          attester: keys.issuer.address,
          reason: options.reason,
          ...ALONE,
        },
        rows,
      );
      return {
        text: finishedText(
          finished,
          finished.exit === 130
            ? "everything is written down: run the same command to go on"
            : "revoked is for ever: `waybill verify UID` now rejects them",
        ),
        data: finishedData(finished),
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

/** Checks all before any is sent: one uid that cannot be revoked would take its whole batch down. */
async function revocable(
  unique: readonly Hex[],
  issuer: Hex,
  registry: Awaited<ReturnType<typeof registryOf>>,
): Promise<Hex[]> {
  const pending: Hex[] = [];
  for (let start = 0; start < unique.length; start += 500) {
    const page = unique.slice(start, start + 500);
    for (const [index, record] of (await registry.records(page, "latest")).entries()) {
      const uid = page[index]!;
      if (record === null) throw new WaybillError("E_UNKNOWN_UID", `${uid} is not recorded here`);
      if (!sameAddress(record.attester, issuer)) {
        throw new WaybillError("E_NOT_YOURS", `${uid} was issued by ${record.attester}, not by ${issuer}`);
      }
      if (!record.revocable)
        throw new WaybillError("E_IRREVOCABLE", `${uid} says that it can never be revoked`);
      if (!record.revoked) pending.push(uid);
    }
  }
  return pending;
}

function readUids(file: string): Hex[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw unreadable(file, cause);
  }
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line, index) => {
      if (/^0x[0-9a-fA-F]{64}$/.test(line)) return line.toLowerCase() as Hex;
      throw new WaybillError(
        "E_ROW_UID",
        `${file}:${index + 1}: ${JSON.stringify(line.slice(0, 80))} is not a uid`,
        {
          mend: "one uid a line: 0x and 64 hex digits",
        },
      );
    });
}
