/**
 * `npm run -s bench:price`: what the same 100,000 items cost by each mode, by sending all of them at once, and at best: by
 * a schedule that knows what everybody else will want. The chain is simulated, for none lets a day be run again; what
 * decides is the product's own code (src/pace.ts, src/fees.ts, src/gas.ts). Options: `--json`, `--seeds N`, `--from SEED`.
 */
import { parseArgs } from "node:util";
import { jsonText } from "../src/cli/output.js";
import { compare, type PriceReport } from "./price/compare.js";
import { priceText } from "./price/table.js";

const ITEMS = 100_000;

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean" },
    seeds: { type: "string", default: "24" },
    from: { type: "string", default: "1" },
  },
});
const [count, from] = [Number(options.seeds), Number(options.from)];
if (!Number.isSafeInteger(count) || count < 1 || !Number.isSafeInteger(from)) {
  process.stderr.write("--seeds is a number of seeds, and --from the first of them\n");
  process.exit(2);
}

const report: PriceReport = { items: ITEMS, seeds: [], optima: [], jobs: [] };
for (let seed = from; seed < from + count; seed += 1) {
  const { optima, jobs } = compare(seed, ITEMS);
  report.seeds.push(seed);
  report.optima.push(...optima);
  report.jobs.push(...jobs);
  const economy = jobs.find(({ mode }) => mode === "economy")!;
  process.stderr.write(`seed ${seed}: economy ${economy.cost.toFixed(2)} × the clairvoyant optimum\n`);
}
process.stdout.write(`${options.json === true ? jsonText(report) : priceText(report)}\n`);
