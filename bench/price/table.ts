import { grouped } from "../../src/cli/output.js";
import { BLOCK_GAS, BLOCK_S } from "./demand.js";
import type { JobFigures, PriceReport } from "./compare.js";

/** All that was measured, for people, in at most 100 columns. */
export function priceText({ items, seeds, optima, jobs }: PriceReport): string {
  const kinds = [...new Map(jobs.map((job) => [label(job), job])).keys()];
  const gaps = optima.map(({ costWei, boundWei }) => costWei / boundWei - 1);
  return [
    `${grouped(items)} items at level record, on ${grouped(seeds.length)} traces of what everybody else wants.`,
    `seeds ${seeds[0]} to ${seeds.at(-1)}`,
    "",
    line("", "cost ÷ clairvoyant's", "cost ÷ at once's", "hours", "late"),
    line("", "median", "worst", "median", "median", "traces"),
    ...kinds.map((kind) =>
      lineOf(
        kind,
        jobs.filter((job) => label(job) === kind),
      ),
    ),
    "",
    "clairvoyant's     the cheapest schedule for as much time, by one who knows the trace: dynamic",
    "                  programming over time and price, run on the chain to the wei. No schedule is",
    `                  cheaper by more than ${(100 * Math.max(...gaps)).toFixed(1)} % (weak duality, on a grid of 3 % in price).`,
    "late              of those that could have been in time: where filling every block is",
    "at once           everything in the pool and outbid until it is in, as fast as blocks take it",
    "never outbid      the same with the offer of the first moment: twice the base fee and the tip",
    "",
    `Blocks of ${BLOCK_GAS / 1e6} M gas every ${BLOCK_S} s, base fee by EIP-1559 in whole wei. The crowd wants less when gas`,
    "is dearer (elasticity 0.7 to 1.5); what it wants has a day's wave, a level that drifts, 5 spikes",
    "and 2 mints a day. The half of it that tips more goes before us. A day of prices is known.",
  ].join("\n");
}

function label({ mode, withinS }: JobFigures): string {
  if (mode !== "deadline") return mode;
  return `deadline ${withinS < 3600 ? `${withinS / 60} min` : `${withinS / 3600} h`}`;
}

function lineOf(kind: string, jobs: readonly JobFigures[]): string {
  const costs = jobs.map(({ cost }) => cost);
  const possible = jobs.filter((job) => job.possible);
  const late = possible.filter((job) => job.late > 0);
  return line(
    kind,
    figure(medianOf(costs)),
    figure(Math.max(...costs)),
    figure(medianOf(jobs.map(({ ofAtOnce }) => ofAtOnce))),
    medianOf(jobs.map(({ tookS }) => tookS / 3600)).toFixed(1),
    `${late.length} of ${possible.length}`,
  );
}

/** The higher of two middle ones. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

function figure(value: number): string {
  return value >= 100 ? grouped(Math.round(value)) : value.toPrecision(3);
}

function line(name: string, ...cells: string[]): string {
  if (cells.length === 4) {
    const [a, b, c, d] = cells;
    return name.padEnd(30) + a!.padStart(22) + b!.padStart(18) + c!.padStart(9) + d!.padStart(10);
  }
  const widths = [11, 11, 18, 9, 10];
  return name.padEnd(30) + cells.map((cell, index) => cell.padStart(widths[index]!)).join("");
}
