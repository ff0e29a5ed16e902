import { readFileSync } from "node:fs";
import { headOf } from "../../chain/head.js";
import type { Hex } from "../../hex.js";
import { ZERO_WORD } from "../../hex.js";
import { WaybillError } from "../../errors.js";
import type { AdmittedRow } from "../../store/store.js";
import { type Registry, sameAddress } from "../../chain/registry.js";
import { countRootsBy, recordedBy } from "../../sdk/issued.js";
import { findSchema } from "../../sdk/schemas.js";
import { readAmount, readTime, readUid, unreadable, usage } from "../arguments.js";
import { loadKeys } from "../keys.js";
import { counted, ether, grouped, progressOf, type Result } from "../output.js";
import {
  type CommonOptions,
  type Connection,
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
  schema?: string;
  before?: string;
  since?: string;
  reason: string;
  maxFee?: string;
  dryRun?: boolean;
};

/** Uids of a dry run that are printed; all are in the JSON document. */
const SHOWN = 50;

/**
 * Revokes attestations of the issuer, for ever: those that are named, or all that the issuer has recorded under a schema
 * and between two times. What is revoked already is left as it is.
 */
export async function revoke(uidTexts: string[], options: RevokeOptions): Promise<Result> {
  const named = [...uidTexts.map(readUid), ...(options.from === undefined ? [] : readUids(options.from))];
  const terms = readTerms(options);
  if (named.length === 0 && terms === null)
    throw usage(
      "there is nothing to revoke",
      "name uids, a file of uids with --from, or --schema, --before or --since",
    );
  if (named.length > 0 && terms !== null)
    throw usage("uids and a filter do not go together", "run it once for each");

  const connection = await connect(options, "write");
  try {
    const registry = await registryOf(connection, options);
    const keys = await loadKeys(options, connection.chainId);
    const { uids, roots } =
      terms === null
        ? { uids: named, roots: 0 }
        : await matching(connection, registry, keys.issuer.address, terms, options);
    // The job is the whole list, whatever of it is done: only so does a second run find the first.
    const checked = await revocable([...new Set(uids)], keys.issuer.address, registry, terms !== null);
    const { unique, pending, irrevocable } = checked;
    const left = [
      ...(irrevocable === 0 ? [] : [`${grouped(irrevocable)} can never be revoked`]),
      ...(roots === 0 ? [] : [`${counted(roots, "sealed or anchored root")} not touched: ${LEAVES}`]),
    ];
    const rest = { ...(irrevocable === 0 ? {} : { irrevocable }), ...(roots === 0 ? {} : { roots }) };
    if (unique.length === 0) {
      return {
        text: ["nothing matches", ...left].join("; "),
        data: { revoked: 0, before: 0, ...rest },
      };
    }
    const key = jobKey(["revoke", keys.issuer.address, options.reason, ...unique]);
    // Sent by a run that was cut short, they are to be followed to the end; by others, there is nothing to do.
    if (pending.length === 0 && !(await hasOpenJobs(connection, options, key))) {
      return {
        text: [`${counted(unique.length, "attestation")}: revoked before`, ...left].join("; "),
        data: { revoked: 0, before: unique.length, ...rest },
      };
    }
    if (options.dryRun === true) {
      const more = pending.length - SHOWN;
      return {
        text: [
          ...pending.slice(0, SHOWN),
          ...(more > 0 ? [`… and ${grouped(more)} more (all in --json)`] : []),
          [`would revoke ${counted(pending.length, "attestation")}`, ...left, "nothing was sent"].join("; "),
        ].join("\n"),
        data: { wouldRevoke: pending, before: unique.length - pending.length, ...rest },
      };
    }
    const { baseFee: fee } = await headOf(connection.chain);
    const cost = ether(fee * BigInt(21_000 + 9_000 * pending.length));
    await confirm(
      connection,
      options,
      `revoking ${counted(pending.length, "attestation")} for ever, for about ${cost}`,
      connection.network.main || (terms !== null && connection.network.name !== "local"),
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
            : ["revoked is for ever: `waybill verify UID` now rejects them", ...left].join("\n"),
        ),
        data: { ...finishedData(finished), ...rest },
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

function unknown(uid: Hex): WaybillError {
  return new WaybillError("E_UNKNOWN_UID", `${uid} is not recorded here`, {
    mend: `what is only sealed, anchored or signed has no slot that its uid finds: ${LEAVES}`,
  });
}

/** Which of the issuer's statements are meant; null if they are named one by one. */
type Terms = { schema: string | null; since: number | null; before: number | null };

function readTerms({ schema, since, before }: RevokeOptions): Terms | null {
  if (schema === undefined && since === undefined && before === undefined) return null;
  const terms = {
    schema: schema ?? null,
    since: since === undefined ? null : readTime(since, "--since"),
    before: before === undefined ? null : readTime(before, "--before"),
  };
  if (terms.since !== null && terms.before !== null && terms.since >= terms.before)
    throw usage("no moment is at --since or later and before --before");
  return terms;
}

/** How statements end that no event names one by one. */
const LEAVES = "the registry's revokeLeaves ends them by their places, revokeUnrecorded by their fields";

async function matching(
  connection: Connection,
  registry: Registry,
  issuer: Hex,
  terms: Terms,
  options: RevokeOptions,
): Promise<{ uids: Hex[]; roots: number }> {
  const schema = terms.schema === null ? null : (await findSchema(registry, terms.schema)).id;
  const newest = await headOf(connection.chain);
  const progress = progressOf(options);
  const uids: Hex[] = [];
  const filter = { ...terms, schema };
  const onLooked = (block: number, last: number) =>
    progress.show(`looking for what was issued  block ${grouped(block)} of ${grouped(last)}`);
  try {
    for await (const some of recordedBy(connection.chain, registry, issuer, filter, newest, onLooked))
      uids.push(...some);
    const roots = await countRootsBy(connection.chain, registry, issuer, filter, newest);
    return { uids, roots };
  } finally {
    progress.end();
  }
}

type Checked = { unique: Hex[]; pending: Hex[]; irrevocable: number };

/**
 * Checks all before any is sent: one uid that cannot be revoked would take its whole batch down.
 * @param found whether they were found and not named: then what cannot be revoked is counted, and left out
 */
async function revocable(
  uids: readonly Hex[],
  issuer: Hex,
  registry: Registry,
  found: boolean,
): Promise<Checked> {
  const checked: Checked = { unique: [], pending: [], irrevocable: 0 };
  for (let start = 0; start < uids.length; start += 500) {
    const page = uids.slice(start, start + 500);
    for (const [index, record] of (await registry.records(page, "latest")).entries()) {
      const uid = page[index]!;
      if (record === null) throw unknown(uid);
      if (!sameAddress(record.attester, issuer)) {
        throw new WaybillError("E_NOT_YOURS", `${uid} was issued by ${record.attester}, not by ${issuer}`);
      }
      if (!record.revocable && found) {
        checked.irrevocable += 1;
        continue;
      }
      if (!record.revocable)
        throw new WaybillError("E_IRREVOCABLE", `${uid} says that it can never be revoked`);
      checked.unique.push(uid);
      if (!record.revoked) checked.pending.push(uid);
    }
  }
  return checked;
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
