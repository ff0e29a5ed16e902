import { basename } from "node:path";
import { headOf } from "../../chain/head.js";
import { admittedRows, type CheckedRow, checkedRows } from "../../admission/admit.js";
import { readRows } from "../../admission/file.js";
import { faultText } from "../../admission/rows.js";
import type { Frame } from "../../admission/statement.js";
import { type Level, LEVELS } from "../../attestation.js";
import type { Chain } from "../../chain/chain.js";
import type { RegisteredSchema } from "../../chain/registry.js";
import { WaybillError } from "../../errors.js";
import type { FeeLimits } from "../../fees.js";
import { type Manner, mannerOf } from "../../gas.js";
import type { Mode } from "../../pace.js";
import type { Limits } from "../../planner/split.js";
import { parseSchema } from "../../schema.js";
import type { Until } from "../../submitter/submitter.js";
import { findSchema, readAmount, readPace, usage } from "../arguments.js";
import { loadKeys } from "../keys.js";
import { counted, grouped, progressOf, type Result, table } from "../output.js";
import {
  costText,
  type Load,
  marketOf,
  type Pricing,
  pricingOf,
  pricingText,
  scaleOf,
  type Scale,
} from "../price.js";
import { type CommonOptions, confirm, connect, openStore, registryOf, stopSignal } from "../session.js";
import {
  fileHash,
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

export type PlanOptions = CommonOptions & {
  schema: string;
  irrevocable?: boolean;
  level?: string;
  stream?: string;
  mode?: string;
  deadline?: string;
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
    const pace = readPace(options, (await headOf(connection.chain)).timestamp);
    const manner = mannerOf(act, true, stream);
    const frame = await frameOf(schema, options, connection.chain, limits, manner, {
      separator: registry.separator,
      attester,
      stream,
    });
    const rows = checkedRows(readRows(file, parseSchema(schema.definition)), frame);
    const scales = scalesOf(EVERY_LEVEL, manner, limits);
    const survey = await surveyOf(file, rows, scales);
    const price = await priceOf(connection.chain, survey, act, pace);
    return { ...planned(file, survey, act, price), exit: survey.bad > 0 ? 6 : 0 };
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
  const signal = stopSignal();
  const progress = progressOf(options);
  const connection = await connect(options, "write");
  try {
    const registry = await registryOf(connection, options);
    const keys = await loadKeys(options, connection.chainId);
    const pace = readPace(options, (await headOf(connection.chain)).timestamp);
    const schema = await findSchema(registry, options.schema);
    const limits = await limitsOf(connection);
    const manner = mannerOf(act, keys.issuer.address !== keys.lane.address, stream);
    const frame = await frameOf(schema, options, connection.chain, limits, manner, {
      separator: registry.separator,
      attester: keys.issuer.address,
      stream,
    });
    const rows = () => checkedRows(readRows(file, parseSchema(schema.definition), { signal }), frame);
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
    const unchanged = async () => {
      if ((await fileHash(file)) === hash) return;
      throw new WaybillError("E_FILE_CHANGED", `${file} was changed while it was read; nothing was sent`, {
        mend: "run again when it is whole",
      });
    };

    const survey = async () => {
      progress.show("checking every row");
      // What the other levels would cost is for those who only ask.
      const levels = options.dryRun === true ? EVERY_LEVEL : [act];
      const found = await surveyOf(file, rows(), scalesOf(levels, manner, limits));
      progress.end();
      return found;
    };
    const refuses = (found: Survey) => found.bad > 0 && options.skipBad !== true;
    if (options.dryRun === true) {
      const found = await survey();
      if (refuses(found)) return badRows(file, found);
      const { text, data } = planned(file, found, act, await priceOf(connection.chain, found, act, pace));
      return { text: `${text}\nnothing was sent`, data };
    }

    const store = await openStore(connection, registry, options);
    try {
      const known = (await store.jobs()).find((job) => job.key === key && job.state === "open");
      if (known === undefined) {
        const found = await survey();
        if (refuses(found)) return badRows(file, found);
        // Only a person who is asked wants it to be exact.
        const asks = connection.network.main && options.yes !== true;
        const { costWei, atMostWei } = await priceOf(connection.chain, found, act, pace, asks);
        await confirm(
          connection,
          options,
          `${counted(found.good, "attestation")} for about ${costText(costWei ?? atMostWei)}`,
        );
      }
      const finished = await runJob(
        {
          connection,
          registry,
          store,
          keys,
          fees: { ...fees, goal: pace.goal },
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
        },
        () => admittedRows(rows(), file),
        unchanged,
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

export async function frameOf(
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

const EVERY_LEVEL = Object.keys(LEVELS) as Level[];

type Scales = { [level in Level]?: Scale };

export function scalesOf(levels: readonly Level[], manner: Manner, limits: Limits): Scales {
  return Object.fromEntries(levels.map((act) => [act, scaleOf({ ...manner, act }, limits)]));
}

export type Survey = {
  rows: number;
  good: number;
  bad: number;
  faults: string[];
  /** at each level that was asked about */
  loads: { [level in Level]?: Load };
};

/** Reads every row once and keeps nothing of it: what is planned is counted page by page. */
export async function surveyOf(
  file: string,
  rows: AsyncIterable<CheckedRow>,
  scales: Scales,
): Promise<Survey> {
  const survey: Survey = { rows: 0, good: 0, bad: 0, faults: [], loads: {} };
  for await (const row of rows) {
    survey.rows += 1;
    if (!row.ok) {
      survey.bad += 1;
      for (const fault of row.faults)
        if (survey.faults.length < KEPT) survey.faults.push(faultText(file, fault));
      continue;
    }
    survey.good += 1;
    for (const scale of Object.values(scales)) scale.add(row.statement.size);
  }
  for (const [level, scale] of Object.entries(scales)) survey.loads[level as Level] = scale.load();
  return survey;
}

export async function priceOf(
  chain: Chain,
  { loads }: Survey,
  level: Level,
  { mode, by }: { mode: Mode; by: number | null },
  past = true,
): Promise<Pricing> {
  return pricingOf(loads, level, mode, by, await marketOf(chain, past));
}

export function planned(
  file: string,
  { loads, ...survey }: Survey,
  level: Level,
  price: Pricing,
): { text: string; data: object } {
  const { transactions, blocks, gas } = loads[level]!;
  const lines = table([
    ["rows", grouped(survey.rows)],
    ["good", grouped(survey.good)],
    ["bad", grouped(survey.bad)],
    ["transactions", grouped(transactions)],
    [
      "gas",
      `${grouped(gas)}${survey.good === 0 ? "" : `, ${grouped(Math.round(gas / survey.good))} per row`}`,
    ],
    [
      "cost",
      price.costWei === null
        ? "it would take days"
        : `about ${costText(price.costWei)} in mode ${price.mode}`,
    ],
  ]);
  return {
    text: [
      `plan for ${basename(file)}`,
      ...faultLines(survey),
      lines,
      ...(survey.good === 0 ? [] : ["", ...pricingText(price, level)]),
    ].join("\n"),
    data: { ...survey, transactions, blocks, gas, ...price },
  };
}

export function badRows(
  file: string,
  { loads, ...survey }: Survey,
  mend = "mend the rows, or add --skip-bad to issue the others",
): Result {
  const { transactions, blocks, gas } = Object.values(loads)[0]!;
  const text = [
    `${basename(file)}: ${grouped(survey.bad)} of ${counted(survey.rows, "row")} cannot be issued; nothing was sent`,
    ...faultLines(survey),
    mend,
  ].join("\n");
  return {
    text,
    data: {
      ...survey,
      transactions,
      blocks,
      gas,
      error: { code: "E_ROWS", message: text.split("\n")[0], mend },
    },
    exit: 6,
  };
}

function faultLines(survey: { faults: readonly string[] }): string[] {
  const shown = survey.faults.slice(0, SHOWN).map((fault) => `  ${fault}`);
  const rest = survey.faults.length - shown.length;
  return rest > 0 ? [...shown, `  … and ${grouped(rest)} more (all in --json)`] : shown;
}
