import { type Level, LEVELS, MAX_ITEMS, type PackedSize } from "../attestation.js";
import type { Chain } from "../chain/chain.js";
import { headOf } from "../chain/head.js";
import { type L1Fee, l1FeeOf } from "../chain/l1Fee.js";
import { blockSecondsOf, priceHistoryOf } from "../chain/priceHistory.js";
import { believedTip, bid, tipOf } from "../fees.js";
import { bytesOf, gasOf, type Manner, workOf } from "../gas.js";
import { type Market, type Outlook, outlook } from "../outlook.js";
import type { Goal, Mode } from "../pace.js";
import { sharesFor } from "../planner/planner.js";
import { fitsAlone, type Limits, split } from "../planner/split.js";
import { ether, grouped, gwei, spanText } from "./output.js";

/** What a job of some items takes at one level. */
export type Load = {
  transactions: number;
  /** at the share of a block that is taken today, at least */
  blocks: number;
  gas: number;
  /** of raw transactions */
  bytes: number;
  /** items that no transaction of this level takes */
  tooLarge: number;
};

/** Counts what is planned of items, page by page, and keeps nothing of them. */
export type Scale = { add(size: PackedSize): void; load(): Load };

export function scaleOf(manner: Manner, limits: Limits): Scale {
  const load: Load = { transactions: 0, blocks: 0, gas: 0, bytes: 0, tooLarge: 0 };
  const most = manner.act === "anchor" ? MAX_ITEMS : 20_000;
  let page: PackedSize[] = [];
  const count = () => {
    if (page.length === 0) return;
    let start = 0;
    const { slots } = sharesFor(manner, page, limits, 0);
    for (const items of split(manner, page, limits, slots)) {
      const work = workOf(manner, page.slice(start, start + items));
      load.blocks += 1 / slots.perBlock;
      load.transactions += 1;
      load.gas += gasOf(work);
      load.bytes += bytesOf(work);
      start += items;
    }
    page = [];
  };
  return {
    add(size) {
      if (!fitsAlone(manner, size, limits)) load.tooLarge += 1;
      else if (page.push(size) === most) count();
    },
    load() {
      count();
      return { ...load, blocks: Math.ceil(load.blocks - 1e-9) };
    },
  };
}

export type PricedMarket = Market & {
  /** null where the chain takes nothing for data besides gas */
  l1Fee: L1Fee | null;
};

/**
 * What a job's price depends on, asked of the chain.
 * @param past whether it is worth 24 questions more to know the prices of the day before
 */
export async function marketOf(chain: Chain, past: boolean): Promise<PricedMarket> {
  const head = await headOf(chain);
  const blockS = await blockSecondsOf(chain, head);
  const recent = await chain.recentBlocks(10);
  const tip = believedTip({ baseFee: head.baseFee, tip: tipOf(recent) ?? (await chain.suggestedTip()) });
  return {
    now: head.timestamp,
    baseFee: head.baseFee,
    gasLimit: Number(head.gasLimit),
    blockS,
    history: past ? await priceHistoryOf(chain, head, blockS) : [],
    tip,
    fullness: recent.reduce((sum, one) => sum + one.fullness, 0) / Math.max(1, recent.length),
    l1Fee: await l1FeeOf(chain),
  };
}

/** One way to go about a job; `costWei` is null if that would take more than three days. */
export type Way = {
  mode: Mode;
  costWei: bigint | null;
  /** blocks that have some of it, and seconds until the last of them */
  blocks: number;
  seconds: number;
  /** what a gas of it pays, without tip */
  baseFeeWei: Outlook["paid"];
  /** what blocks ask on the way, and what of them is taken */
  path: { second: number; baseFeeWei: bigint; gas: number }[];
};

/** What a plan says of the price. */
export type Pricing = {
  mode: Mode;
  baseFeeWei: bigint;
  tipWei: bigint;
  blockSeconds: number;
  /** Unix seconds; null for none */
  deadline: number | null;
  /** quarters of an hour of the day before whose prices are known */
  knownQuarters: number;
  /** in the chosen mode, with all that the chain takes */
  costWei: bigint | null;
  /** at twice today's base fee: what is signed now may cost no more */
  atMostWei: bigint;
  /** what an OP-stack chain takes for data, a part of both; null on others */
  l1FeeWei: bigint | null;
  modes: Way[];
  /** in half of the time of the chosen mode; null if no mode is that fast */
  twiceAsFast: Way | null;
  levels: ({ level: Level } & Load & { modes: Pick<Way, "mode" | "costWei">[] })[];
};

/**
 * Gas is what the transactions may use at most, which is little more than they do.
 * @param loads the same items at one level or more, the chosen one among them
 * @param by the deadline, Unix seconds; null for none, and then that mode is not priced
 */
export async function pricingOf(
  loads: { [level in Level]?: Load },
  level: Level,
  mode: Mode,
  by: number | null,
  market: PricedMarket,
): Promise<Pricing> {
  const goals: Goal[] = [{ mode: "economy", since: market.now }, { mode: "max" }];
  if (by !== null) goals.splice(1, 0, { mode: "deadline", by });
  const priced = [];
  for (const name of (Object.keys(LEVELS) as Level[]).filter((one) => loads[one] !== undefined)) {
    const load = loads[name]!;
    const l1FeeWei = await l1FeeWeiOf(load, market);
    priced.push({
      level: name,
      load,
      l1FeeWei,
      ways: goals.map((goal) => wayOf(goal, load, market, l1FeeWei ?? 0n)),
    });
  }
  const { load, ways, l1FeeWei } = priced.find((one) => one.level === level)!;
  const chosen = ways.find((one) => one.mode === mode)!;
  const offer = bid({ baseFee: market.baseFee, tip: market.tip }, null, 0n);
  const maxFee = offer.kind === "bid" ? offer.bid.maxFee : 0n;
  return {
    mode,
    deadline: by,
    baseFeeWei: market.baseFee,
    tipWei: market.tip,
    blockSeconds: market.blockS,
    knownQuarters: market.history.length,
    costWei: chosen.costWei,
    atMostWei: BigInt(load.gas) * maxFee + (l1FeeWei ?? 0n),
    l1FeeWei,
    modes: ways,
    twiceAsFast: fasterWay(chosen, load, market, l1FeeWei ?? 0n),
    levels: priced.map((one) => ({
      level: one.level,
      ...one.load,
      modes: one.ways.map(({ mode: name, costWei }) => ({
        mode: name,
        costWei: one.load.tooLarge > 0 ? null : costWei,
      })),
    })),
  };
}

/** All transactions as one of their mean size: above its least, the fee is linear in that. */
async function l1FeeWeiOf({ transactions, bytes }: Load, { l1Fee }: PricedMarket): Promise<bigint | null> {
  if (l1Fee === null) return null;
  if (transactions === 0) return 0n;
  return BigInt(transactions) * (await l1Fee(Math.ceil(bytes / transactions)));
}

/** @param extra wei that it costs besides gas */
function wayOf(goal: Goal, { gas }: Load, market: PricedMarket, extra: bigint): Way {
  const { done, blocks, seconds, paid, path, cost } = outlook(goal, gas, market);
  return {
    mode: goal.mode,
    costWei: done ? cost + extra : null,
    blocks,
    seconds,
    baseFeeWei: paid,
    path: path.map(({ baseFee, ...point }) => ({ ...point, baseFeeWei: baseFee })),
  };
}

function fasterWay(way: Way, load: Load, market: PricedMarket, extra: bigint): Way | null {
  const seconds = way.seconds / 2;
  const soonest = outlook({ mode: "max" }, load.gas, market);
  if (way.mode === "max" || way.costWei === null || soonest.seconds > seconds) return null;
  return wayOf({ mode: "deadline", by: market.now + seconds }, load, market, extra);
}

/** What a plan says about the price, for somebody who has never sent a transaction. */
export function pricingText(pricing: Pricing, level: Level): string[] {
  const { mode, baseFeeWei, tipWei, l1FeeWei, modes, twiceAsFast, levels } = pricing;
  const faster =
    twiceAsFast === null
      ? `twice as fast as ${mode}: not possible, ${mode === "max" ? "max takes all that blocks have" : "blocks have no room for it"}`
      : `twice as fast as ${mode}: ${costText(twiceAsFast.costWei)}, done in ${spanText(twiceAsFast.seconds)}`;
  return [
    `A gas costs ${gwei(rounded(baseFeeWei))} now, and ${gwei(rounded(tipWei))} as a tip. Your own gas makes it dearer, an eighth for each`,
    "full block, so the price is one of pace: economy waits for cheap blocks, a day at most; --deadline",
    "spreads the job over the time that there is; max takes every block. Expected:",
    "",
    columns([
      ["mode", "done in", "blocks", "base fee on the way", "cost"],
      ...modes.map((way) => [
        way.mode === mode ? `${way.mode} *` : way.mode,
        way.costWei === null ? "days" : spanText(way.seconds),
        grouped(way.blocks),
        rangeText(way.baseFeeWei),
        costText(way.costWei),
      ]),
    ]),
    faster,
    ...(l1FeeWei === null ? [] : [`${ether(l1FeeWei)} of it is what this chain takes for data`]),
    ...(levels.length < 2
      ? []
      : [
          "",
          "the same rows at each level:",
          columns([
            ["level", "transactions", "gas", ...modes.map((way) => way.mode)],
            ...levels.map((one) => [
              one.level === level ? `${one.level} *` : one.level,
              grouped(one.transactions),
              grouped(one.gas),
              ...one.modes.map(({ costWei }) => (one.tooLarge > 0 ? "rows too large" : costText(costWei))),
            ]),
          ]),
        ]),
  ];
}

function rangeText({ least, most }: Outlook["paid"]): string {
  const [low, high] = [gwei(rounded(least)), gwei(rounded(most))];
  return low === high ? low : `${low} to ${high}`;
}

export function costText(wei: bigint | null): string {
  return wei === null ? "–" : ether(rounded(wei));
}

/** Four digits: what is expected is not known to more. */
function rounded(wei: bigint): bigint {
  const unit = 10n ** BigInt(Math.max(0, wei.toString().length - 4));
  return ((wei + unit / 2n) / unit) * unit;
}

/** Columns of text, the first to the left and the others to the right. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
        .join("  "),
    )
    .join("\n");
}
