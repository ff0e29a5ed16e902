import { existsSync } from "node:fs";
import type { Hex } from "../../hex.js";
import type { Job, Store } from "../../store/store.js";
import { isCanonical, pinned } from "../../verifier/audit.js";
import type { Place } from "../../verifier/follow.js";
import { findRows } from "../../verifier/rebuild.js";
import { type Rows, rowsFor } from "../../verifier/rows.js";
import { readAddress, readBlock, readBlockOrTag, usage } from "../arguments.js";
import { WaybillError } from "../../errors.js";
import { rowsOf } from "../jobRows.js";
import { counted, grouped, jsonText, progressOf, type Result } from "../output.js";
import { type CommonOptions, connect, openStoreToRead, registryOf } from "../session.js";
import { uidsOf } from "../uidFile.js";
import { closing, jobOf, onlyJob, pagesOf } from "./jobs.js";

export type RebuildOptions = CommonOptions & { attester?: string; fromBlock?: string; at?: string };

/** Rows with a uid, or null, in order: of a job, or of a file. */
type Listed = AsyncIterable<{ line: number; uid: Hex | null }>;

/**
 * Where every row is, by the chain's logs alone. Of a job the store gives the uids and their order, as a file does; of
 * what it anchored, also what each root stands for, which the chain does not know.
 */
export async function rebuild(name: string | undefined, options: RebuildOptions): Promise<Result> {
  const connection = await connect(options, "read");
  const progress = progressOf(options);
  const isFile = name !== undefined && !/^[1-9][0-9]{0,9}$/.test(name);
  const store = isFile ? null : openStoreToRead(options);
  const close = async () => {
    await store?.close();
    await connection.close();
  };
  try {
    const { chain } = connection;
    const registry = await registryOf(connection, options);
    const at = await pinned(chain, options.at === undefined ? undefined : readBlockOrTag(options.at, "--at"));
    const source =
      store === null ? await fileSource(name!, options) : await jobSource(store, name, at.number);
    const { rows, attester, acts, roots, firstBlock } = source;
    const from = options.fromBlock === undefined ? firstBlock : readBlock(options.fromBlock, "--from-block");
    await findRows(chain, registry, attester, rows, {
      ...{ acts, roots, from, to: at.number },
      onProgress: ({ block, to, count }) =>
        progress.show(
          `block ${grouped(block)} of ${grouped(to)}, found ${grouped(count)} of ${grouped(rows.size)}`,
        ),
    });
    progress.end();
    if (!(await isCanonical(chain, at))) {
      throw new WaybillError("E_NODE", `the chain has changed at block ${at.number} meanwhile`, {
        mend: "run again, or ask for an older block with --at",
      });
    }
    const exit = rows.firstMissing() !== null ? 1 : rows.found() < rows.distinct() ? 3 : 0;
    const said = {
      ...source.said,
      asOf: { block: at.number, hash: at.hash },
      rows: rows.size,
      found: rows.found(),
    };
    const lines =
      options.json === true
        ? documentOf(source.list(), rows, said)
        : tableOf(source.list(), rows, `block ${at.number}`);
    return { text: "", data: undefined, lines: closing(lines, { close }), exit };
  } catch (error) {
    await close();
    throw error;
  }
}

type Source = {
  rows: Rows;
  attester: Hex;
  acts: Parameters<typeof findRows>[4]["acts"];
  roots: Map<Hex, Uint32Array>;
  firstBlock: number;
  list: () => Listed;
  said: object;
};

async function jobSource(store: Store, name: string | undefined, at: number): Promise<Source> {
  const job = name === undefined ? await onlyJob(store) : await jobOf(store, name);
  const { rows, roots, firstBlock } = await rowsOf(store, job, at, () => true);
  const { id, attester, act } = job;
  return {
    ...{ rows, roots, attester, acts: [act], firstBlock: firstBlock ?? at },
    list: () => rowsIn(store, job),
    said: { job: id, name: job.name, attester },
  };
}

async function* rowsIn(store: Store, job: Job): Listed & AsyncGenerator<{ line: number; uid: Hex | null }> {
  for await (const page of pagesOf(store, job)) yield* page;
}

/** @throws WaybillError E_USAGE, E_FILE_OPEN */
async function fileSource(path: string, options: RebuildOptions): Promise<Source> {
  if (options.attester === undefined) {
    if (!existsSync(path)) throw usage(`there is no job and no file ${JSON.stringify(path)}`);
    throw usage("whose uids they are is not said", "name the issuer with --attester");
  }
  const attester = readAddress(options.attester, "--attester");
  let count = 0;
  for await (const _ of uidsOf(path)) count += 1;
  const rows = rowsFor(count);
  for await (const { uid } of uidsOf(path)) rows.add(uid, true);
  return {
    ...{ rows, attester, acts: ["record", "seal"], roots: new Map(), firstBlock: 0 },
    list: () => uidsOf(path),
    said: { file: path, attester },
  };
}

function placeIn(rows: Rows, uid: Hex | null): Place | null {
  const row = uid === null ? null : rows.rowOf(uid);
  return row === null ? null : rows.placeOf(row);
}

async function* tableOf(list: Listed, rows: Rows, until: string): AsyncGenerator<string> {
  yield ["line", "uid", "block", "transaction"].join("\t");
  let count = 0;
  for await (const { line, uid } of list) {
    const place = placeIn(rows, uid);
    yield [line, uid ?? "-", place?.block ?? "-", place?.transaction ?? "-"].join("\t");
    count += 1;
  }
  yield `${counted(count, "row")}, ${grouped(rows.found())} found on the chain up to ${until}`;
}

/** One JSON document, the rows last and one a line. */
async function* documentOf(list: Listed, rows: Rows, said: object): AsyncGenerator<string> {
  yield `${jsonText(said).replace(/\n\}$/, "")},\n  "report": [`;
  let before: string | null = null;
  for await (const { line, uid } of list) {
    if (before !== null) yield `${before},`;
    const place = placeIn(rows, uid);
    const row = { line, uid, transaction: place?.transaction ?? null, block: place?.block ?? null };
    before = `    ${JSON.stringify(row)}`;
  }
  if (before !== null) yield before;
  yield "  ]\n}";
}
