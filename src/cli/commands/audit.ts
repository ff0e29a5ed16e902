import { existsSync } from "node:fs";
import type { Registry } from "../../chain/registry.js";
import { WaybillError } from "../../errors.js";
import { type Hex, ZERO_WORD } from "../../hex.js";
import type { Job, Store } from "../../store/store.js";
import { streamKey } from "../../stream.js";
import {
  auditStream,
  type AuditOptions,
  isCanonical,
  pinned,
  type StreamAudit,
} from "../../verifier/audit.js";
import { expectList, expectRows } from "../../verifier/expect.js";
import type { Finding } from "../../verifier/follow.js";
import { findRows } from "../../verifier/rebuild.js";
import { readAddress, readBlock, readBlockOrTag, unreadable, usage } from "../arguments.js";
import { checkpointOf } from "../checkpoint.js";
import { rowsOf } from "../jobRows.js";
import { counted, type ExitCode, grouped, progressOf, quoted, type Result, table } from "../output.js";
import { type CommonOptions, connect, type Connection, openStoreToRead, registryOf } from "../session.js";
import { uidsOf } from "../uidFile.js";
import { fileHash } from "../work.js";
import { jobOf, pagesOf } from "./jobs.js";

export type AuditCliOptions = CommonOptions & {
  attester?: string;
  expect?: string;
  fromBlock?: string;
  at?: string;
};

const EXIT: { [verdict in StreamAudit["verdict"]]: ExitCode } = { complete: 0, broken: 1, undecided: 3 };

/** A job by its number, or a stream by its name or key. */
export async function audit(name: string, options: AuditCliOptions): Promise<Result> {
  const connection = await connect(options, "read");
  try {
    const registry = await registryOf(connection, options);
    return /^[1-9][0-9]{0,9}$/.test(name)
      ? await auditJob(connection, registry, name, options)
      : await auditOneStream(connection, registry, name, options);
  } finally {
    await connection.close();
  }
}

/** All that it takes is a node. Where it came to is kept, and the next audit goes on from there. */
async function auditOneStream(
  connection: Connection,
  registry: Registry,
  name: string,
  options: AuditCliOptions,
): Promise<Result> {
  const key = streamKey(name);
  if (name === "" || key === ZERO_WORD) throw usage("key zero means no stream", "name one");
  const attester =
    options.attester === undefined
      ? await ownIssuer(options, key)
      : readAddress(options.attester, "--attester");
  const list = options.expect ?? null;
  if (list !== null && !existsSync(list)) throw unreadable(list, { code: "ENOENT" });
  const genesis = await connection.chain.block(0);
  const checkpoint = checkpointOf(options.data, [
    connection.chainId.toString(),
    genesis?.hash ?? null,
    registry.domain.registry.toLowerCase(),
    attester.toLowerCase(),
    key,
    list === null ? null : await fileHash(list),
  ]);
  const mark = options.fromBlock === undefined && options.at === undefined ? checkpoint.read() : null;
  const report = await auditStream(
    connection.chain,
    registry,
    { attester, key },
    {
      ...settingsOf(connection, options),
      ...(mark === null ? {} : { from: mark }),
      ...(list === null ? {} : { witness: (from) => expectList((start) => listed(list, start), from) }),
      onMark: async (next) => checkpoint.write(next),
    },
  );
  if (report.verdict === "broken") checkpoint.forget();
  const went =
    mark === null ? [] : ([["went on from", `block ${grouped(mark.block)}`]] as [string, string][]);
  return { text: streamText(name, report, went), data: streamData(report), exit: EXIT[report.verdict] };
}

function settingsOf(connection: Connection, options: AuditCliOptions): AuditOptions {
  const progress = progressOf(options);
  return {
    nodes: connection.nodes,
    ...(options.at === undefined ? {} : { at: readBlockOrTag(options.at, "--at") }),
    ...(options.fromBlock === undefined ? {} : { from: readBlock(options.fromBlock, "--from-block") }),
    onProgress({ block, to, count }) {
      progress.show(`block ${grouped(block)} of ${grouped(to)}, position ${grouped(count)}`);
      if (block === to) progress.end();
    },
  };
}

async function* listed(path: string, start: bigint): AsyncGenerator<Hex> {
  let position = 0n;
  for await (const { uid } of uidsOf(path)) {
    if (position >= start) yield uid;
    position += 1n;
  }
}

/** Who appends to the stream, as far as the store knows. @throws WaybillError E_USAGE */
async function ownIssuer(options: CommonOptions, key: Hex): Promise<Hex> {
  const mend = "name its issuer with --attester";
  let store: Store;
  try {
    store = openStoreToRead(options);
  } catch (error) {
    if (error instanceof WaybillError) throw usage("whose stream it is is not said", mend);
    throw error;
  }
  try {
    const jobs: Job[] = [];
    for (const job of await store.jobs()) if ((await store.streamsOf(job.id)).includes(key)) jobs.push(job);
    const issuers = [...new Set(jobs.map((job) => job.attester))];
    if (issuers.length === 1) return issuers[0]!;
    throw usage(
      issuers.length === 0
        ? "no job here appends to this stream"
        : "several issuers here have a stream of this name",
      mend,
    );
  } finally {
    await store.close();
  }
}

/** What it came to with a part of a job. */
type Part = { verdict: StreamAudit["verdict"]; because: string; finding: Finding | null };

/** Every row of a job is on the chain, once and in its place, and in its streams there is nothing unknown. */
async function auditJob(
  connection: Connection,
  registry: Registry,
  name: string,
  options: AuditCliOptions,
): Promise<Result> {
  if (options.expect !== undefined) throw usage("--expect is for a stream: a job has rows of its own");
  const { chain } = connection;
  const store = openStoreToRead(options);
  try {
    const job = await jobOf(store, name);
    const settings = settingsOf(connection, options);
    const at = await pinned(chain, settings.at);
    const { rows, roots, firstBlock } = await rowsOf(store, job, at.number, isOwn);
    const parts: Part[] = [];
    const streams: StreamAudit[] = [];
    let others = 0n;
    for (const key of await store.streamsOf(job.id)) {
      if (key === ZERO_WORD) {
        const from = typeof settings.from === "number" ? settings.from : (firstBlock ?? at.number + 1);
        await findRows(chain, registry, job.attester, rows, { acts: [job.act], roots, from, to: at.number });
        continue;
      }
      let begun = false;
      const witness = expectRows(rows, roots, async (uid) => (await store.batchesOf(uid)).length > 0);
      const report = await auditStream(
        chain,
        registry,
        { attester: job.attester, key },
        {
          ...settings,
          at: at.number,
          witness() {
            // Rows that were found stay found, and were found on another chain.
            if (begun) throw moved(at.number);
            begun = true;
            return witness;
          },
        },
      );
      others += witness.others();
      streams.push(report);
      parts.push(report);
    }
    if (!(await isCanonical(chain, at))) throw moved(at.number);
    parts.push(await ofRows(store, job, rows, at.number));
    const worst =
      parts.find(({ verdict }) => verdict === "broken") ??
      parts.find(({ verdict }) => verdict === "undecided") ??
      parts.at(-1)!;
    const data = {
      ...{ job: job.id, verdict: worst.verdict, because: worst.because, finding: worst.finding },
      ...{ rows: rows.size, found: rows.found(), others, streams: streams.map(streamData) },
      asOf: { ...registry.domain, block: at.number, hash: at.hash },
    };
    const lines: [string, string][] = [
      ["job", `${job.id}  ${job.name}`],
      ["rows", `${grouped(rows.found())} of ${grouped(rows.size)} found`],
    ];
    if (others > 0n) lines.push(["others", `${grouped(others)} of other jobs in the same streams`]);
    lines.push(["as of", `block ${at.number} ${at.hash} of chain ${connection.chainId}`]);
    return {
      text: `${worst.verdict}: ${quoted(worst.because)}\n${table(lines)}`,
      data,
      exit: EXIT[worst.verdict],
    };
  } finally {
    await store.close();
  }
}

/** What repeats a row is that row's affair, and what was rejected has no uid. */
function isOwn({ state }: { state: string }): boolean {
  return state !== "duplicate";
}

function moved(block: number): WaybillError {
  return new WaybillError("E_NODE", `the chain has changed at block ${block} meanwhile`, {
    mend: "run again, or ask for an older block with --at",
  });
}

async function ofRows(
  store: Store,
  job: Job,
  rows: Awaited<ReturnType<typeof rowsOf>>["rows"],
  block: number,
): Promise<Part> {
  const missing = rows.firstMissing();
  if (missing !== null) {
    const row = await rowAt(store, job, missing);
    const because = `line ${row.line}, ${row.uid}, is to be in block ${row.block}, and the chain does not show it`;
    return {
      verdict: "broken",
      because,
      finding: { kind: "missing", position: null, uid: row.uid, place: null, text: because },
    };
  }
  const pending = rows.size - rows.found();
  if (pending > 0) {
    const because = `${counted(pending, "row")} of ${grouped(rows.size)} in no block up to ${block}: ask again later`;
    return { verdict: "undecided", because, finding: null };
  }
  return {
    verdict: "complete",
    because: `all ${counted(rows.size, "row")} on the chain at block ${block}`,
    finding: null,
  };
}

/** The row that is the `index`th of those that count. */
async function rowAt(store: Store, job: Job, index: number) {
  let left = index;
  for await (const page of pagesOf(store, job)) {
    for (const row of page) {
      if (row.uid === null || !isOwn(row)) continue;
      if (left === 0) return row;
      left -= 1;
    }
  }
  throw new Error(`job ${job.id} has no row ${index}`);
}

function streamData(report: StreamAudit): object {
  const { stream, head, ...rest } = report;
  return { ...rest, attester: stream.attester, stream: stream.key, head: head.head, proof: head.proof };
}

function streamText(name: string, report: StreamAudit, more: readonly [string, string][]): string {
  const { stream, rebuilt, head, counts, asOf, finding } = report;
  const levels = { record: "recorded", seal: "sealed", anchor: "under anchored roots" } as const;
  const items = (["record", "seal", "anchor"] as const)
    .filter((level) => counts[level] > 0n)
    .map((level) => `${grouped(counts[level])} ${levels[level]}`);
  const lines: [string, string][] = [
    ["stream", stream.key === name ? name : `${stream.key}  ${quoted(name)}`],
    ["attester", stream.attester],
    ["read", `${items.join(", ") || "nothing"}, in ${counted(counts.appends, "append")}`],
    ...more,
    ["logs make", `${grouped(rebuilt.count)}  ${rebuilt.hash}`],
    ["chain has", `${grouped(head.head.count)}  ${head.head.hash}`],
    ["proof", `${head.proof.outcome}: ${head.proof.evidence}`],
    ["as of", `block ${asOf.block} ${asOf.hash} of chain ${asOf.chainId}, header from ${asOf.headerTrust}`],
  ];
  if (finding !== null) {
    const where =
      finding.place === null
        ? ""
        : `, block ${finding.place.block}, transaction ${finding.place.transaction}`;
    const position = finding.position === null ? "somewhere" : `position ${grouped(finding.position)}`;
    lines.splice(1, 0, [
      "first",
      `${finding.kind}, ${position}${finding.uid === null ? "" : ` ${finding.uid}`}${where}`,
    ]);
  }
  return `${report.verdict}: ${quoted(report.because)}\n${table(lines)}`;
}
