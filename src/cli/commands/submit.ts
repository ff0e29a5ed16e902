import { basename } from "node:path";
import { headOf } from "../../chain/head.js";
import { admittedRows, type CheckedRow, checkedRows } from "../../admission/admit.js";
import { readRows } from "../../admission/file.js";
import { faultText } from "../../admission/rows.js";
import type { Frame } from "../../admission/statement.js";
import { MAX_ITEMS, type PackedSize } from "../../attestation.js";
import type { Chain } from "../../chain/chain.js";
import type { RegisteredSchema } from "../../chain/registry.js";
import { WaybillError } from "../../errors.js";
import { bid, type FeeLimits, tipOf } from "../../fees.js";
import { gasOf, type Manner, mannerOf, workOf } from "../../gas.js";
import { sharesFor } from "../../planner/planner.js";
import { type Limits, split } from "../../planner/split.js";
import { parseSchema } from "../../schema.js";
import type { Until } from "../../submitter/submitter.js";
import { findSchema, refuseResolver } from "../../sdk/schemas.js";
import { readAmount, usage } from "../arguments.js";
import { loadKeys } from "../keys.js";
import { counted, ether, grouped, gwei, progressOf, type Result, table } from "../output.js";
import { type CommonOptions, confirm, connect, openStore, registryOf, stopSignal } from "../session.js";
import {
  fileHash,
  fileMark,
  finishedData,
  finishedText,
  fitsIn,
  jobKey,
  limitsOf,
  readFlow,
  readManner,
  runJob,
} from "../work.js";

export type PlanOptions = CommonOptions & {
  schema: string;
  irrevocable?: boolean;
  level?: string;
  stream?: string;
};

export type SubmitOptions = PlanOptions & {
  until: string;
  maxFee?: string;
  budget?: string;
  tenant?: string;
  priority?: string;
  onRefused?: string;
  skipBad?: boolean;
  dryRun?: boolean;
  maxWaiting?: string;
};

/** Faults that are printed; all of them are counted, and all are in the JSON document up to a thousand. */
const SHOWN = 50;
const KEPT = 1_000;

/** Reads every row, names every fault, prices the job. Needs a node and no key. */
export async function plan(file: string, options: PlanOptions): Promise<Result> {
  const connection = await connect(options, "read");
  try {
    const registry = await registryOf(connection, options);
    const schema = await findSchema(registry, options.schema);
    const limits = await limitsOf(connection);
    // Nobody is asked for a key to learn a price: the attester changes no size.
    const attester = "0x0000000000000000000000000000000000000001";
    const { act, stream } = readManner(options);
    const manner = mannerOf(act, true, stream);
    const frame = await frameOf(schema, options, connection.chain, limits, manner, {
      separator: registry.separator,
      attester,
      stream,
    });
    const rows = checkedRows(readRows(file, parseSchema(schema.definition)), frame);
    const survey = await surveyOf(file, rows, manner, limits);
    const price = await priceOf(connection.chain, survey);
    return {
      text: planText(file, survey, price),
      data: { ...survey, ...price },
      exit: survey.bad > 0 ? 6 : 0,
    };
  } finally {
    await connection.close();
  }
}

export async function submit(file: string, options: SubmitOptions): Promise<Result> {
  if (!["admitted", "included", "safe", "final"].includes(options.until)) {
    throw usage(`--until ${options.until} is not a stage`, "use admitted, included, safe or final");
  }
  const fees: FeeLimits = {
    maxFee: options.maxFee === undefined ? null : readAmount(options.maxFee, "gwei", "--max-fee"),
    budget: options.budget === undefined ? null : readAmount(options.budget, "ether", "--budget"),
  };
  const { act, stream } = readManner(options);
  const maxWaiting = readWaiting(options.maxWaiting);
  const signal = stopSignal();
  const progress = progressOf(options);
  const connection = await connect(options, "write");
  try {
    const registry = await registryOf(connection, options);
    const keys = await loadKeys(options, connection.chainId);
    const schema = await findSchema(registry, options.schema);
    const limits = await limitsOf(connection);
    const manner = mannerOf(act, keys.issuer.address !== keys.lane.address, stream);
    const frame = await frameOf(schema, options, connection.chain, limits, manner, {
      separator: registry.separator,
      attester: keys.issuer.address,
      stream,
    });
    const rows = () => checkedRows(readRows(file, parseSchema(schema.definition), { signal }), frame);
    let mark = await fileMark(file);
    const hash = await fileHash(file);
    const key = jobKey([
      act,
      stream,
      schema.id,
      keys.issuer.address,
      String(frame.revocable),
      String(options.skipBad === true),
      hash,
    ]);
    // The rows are read after the hash, and a person may have thought about the price in between.
    const changed = (stored: number) =>
      stored === 0
        ? new WaybillError("E_FILE_CHANGED", `${file} was changed while it was read; nothing was sent`, {
            mend: "run again when it is whole",
          })
        : new WaybillError(
            "E_FILE_CHANGED",
            `${file} was changed while it was read; its first ${counted(stored, "row")} were admitted before and are sent, no other is`,
            { mend: "run again: rows that are as before are not issued twice" },
          );
    const unchanged = async (stored: number) => {
      if ((await fileHash(file)) !== hash) throw changed(stored);
    };
    // What has been sent cannot be taken back: so it is looked at before each page, too.
    const same = async (stored: number) => {
      const now = await fileMark(file);
      if (now === mark) return;
      await unchanged(stored);
      mark = now;
    };

    const survey = async () => {
      progress.show("checking every row");
      const found = await surveyOf(file, rows(), manner, limits);
      progress.end();
      return found;
    };
    const refuses = (found: Survey) => found.bad > 0 && options.skipBad !== true;
    if (options.dryRun === true) {
      const found = await survey();
      if (refuses(found)) return badRows(file, found);
      const price = await priceOf(connection.chain, found);
      return { text: `${planText(file, found, price)}\nnothing was sent`, data: { ...found, ...price } };
    }

    const store = await openStore(connection, registry, options);
    try {
      const known = (await store.jobs()).find((job) => job.key === key && job.state === "open");
      let flows = false;
      if (known === undefined) {
        const found = await survey();
        if (refuses(found)) return badRows(file, found);
        flows = found.good > maxWaiting && options.until !== "admitted";
        const price = await priceOf(connection.chain, found);
        await confirm(
          connection,
          options,
          `${counted(found.good, "attestation")} for about ${ether(price.costWei)}`,
        );
      }
      const finished = await runJob(
        {
          connection,
          registry,
          store,
          keys,
          fees,
          until: options.until as Until | "admitted",
          signal,
          progress,
        },
        {
          key,
          act,
          name: basename(file),
          schema: schema.id,
          definition: schema.definition,
          attester: keys.issuer.address,
          reason: "",
          ...readFlow(options, stream),
          flows,
        },
        () => admittedRows(rows(), file),
        { unchanged, same, maxWaiting },
      );
      const next =
        options.until === "admitted"
          ? "nothing is sent yet: `waybill run` sends what is admitted"
          : finished.exit === 130
            ? "everything is written down: run the same command to go on"
            : `every row: waybill report ${finished.job.id}`;
      return { text: finishedText(finished, next), data: finishedData(finished), exit: finished.exit };
    } finally {
      progress.end();
      await store.close();
    }
  } finally {
    await connection.close();
  }
}

/** @throws WaybillError E_USAGE */
function readWaiting(text = "100000"): number {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
  throw usage(`--max-waiting ${JSON.stringify(text)} is no number of rows`, "use a number from 1 up");
}

async function frameOf(
  schema: RegisteredSchema,
  options: PlanOptions,
  chain: Chain,
  limits: Limits,
  manner: Manner,
  who: Pick<Frame, "separator" | "attester" | "stream">,
): Promise<Frame> {
  refuseResolver(schema);
  const head = await headOf(chain);
  return {
    ...who,
    schemaId: schema.id,
    schema: parseSchema(schema.definition),
    revocable: schema.revocable && options.irrevocable !== true,
    now: head.timestamp,
    fits: fitsIn(limits, manner),
  };
}

type Survey = {
  rows: number;
  good: number;
  bad: number;
  faults: string[];
  transactions: number;
  blocks: number;
  gas: number;
};

/** Reads every row once and keeps nothing of it: what is planned is counted page by page. */
async function surveyOf(
  file: string,
  rows: AsyncIterable<CheckedRow>,
  manner: Manner,
  limits: Limits,
): Promise<Survey> {
  const survey: Survey = { rows: 0, good: 0, bad: 0, faults: [], transactions: 0, blocks: 0, gas: 0 };
  let page: PackedSize[] = [];
  const most = manner.act === "anchor" ? MAX_ITEMS : 20_000;
  const countPage = () => {
    let start = 0;
    const { slots } = sharesFor(manner, page, limits, 0);
    for (const count of split(manner, page, limits, slots)) {
      survey.blocks += 1 / slots.perBlock;
      survey.transactions += 1;
      survey.gas += gasOf(workOf(manner, page.slice(start, start + count)));
      start += count;
    }
    page = [];
  };
  for await (const row of rows) {
    survey.rows += 1;
    if (!row.ok) {
      survey.bad += 1;
      for (const fault of row.faults)
        if (survey.faults.length < KEPT) survey.faults.push(faultText(file, fault));
      continue;
    }
    survey.good += 1;
    page.push(row.statement.size);
    if (page.length === most) countPage();
  }
  if (page.length > 0) countPage();
  survey.blocks = Math.ceil(survey.blocks - 1e-9);
  return survey;
}

type Price = { baseFeeWei: bigint; tipWei: bigint; costWei: bigint; atMostWei: bigint };

async function priceOf(chain: Chain, survey: Survey): Promise<Price> {
  const { baseFee } = await headOf(chain);
  const tip = tipOf(await chain.recentBlocks(10)) ?? (await chain.suggestedTip());
  const offer = bid({ baseFee, tip }, null, 0n);
  const maxFee = offer.kind === "bid" ? offer.bid.maxFee : 0n;
  const gas = BigInt(survey.gas);
  return { baseFeeWei: baseFee, tipWei: tip, costWei: gas * (baseFee + tip), atMostWei: gas * maxFee };
}

function planText(file: string, survey: Survey, price: Price): string {
  const lines = table([
    ["rows", grouped(survey.rows)],
    ["good", grouped(survey.good)],
    ["bad", grouped(survey.bad)],
    ["transactions", grouped(survey.transactions)],
    ["blocks", `${grouped(survey.blocks)} at least`],
    [
      "gas",
      `${grouped(survey.gas)}${survey.good === 0 ? "" : `, ${grouped(Math.round(survey.gas / survey.good))} per row`}`,
    ],
    ["base fee", `${gwei(price.baseFeeWei)} now, tip ${gwei(price.tipWei)}`],
    ["cost", `${ether(price.costWei)} at today's fee`],
  ]);
  return [`plan for ${basename(file)}`, ...faultLines(survey), lines].join("\n");
}

function badRows(file: string, survey: Survey): Result {
  const text = [
    `${basename(file)}: ${grouped(survey.bad)} of ${counted(survey.rows, "row")} cannot be issued; nothing was sent`,
    ...faultLines(survey),
    "mend them, or add --skip-bad to issue the others",
  ].join("\n");
  const mend = "mend the rows, or add --skip-bad to issue the others";
  return {
    text,
    data: { ...survey, error: { code: "E_ROWS", message: text.split("\n")[0], mend } },
    exit: 6,
  };
}

function faultLines(survey: Survey): string[] {
  const shown = survey.faults.slice(0, SHOWN).map((fault) => `  ${fault}`);
  const rest = survey.faults.length - shown.length;
  return rest > 0 ? [...shown, `  … and ${grouped(rest)} more (all in --json)`] : shown;
}
