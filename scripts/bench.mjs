// `npm run -s bench:NAME`: bench/NAME.ts, each with `-- --json`. What Waybill is measured against comes with packages of
// their own, which are installed here: building, testing and using Waybill does without.
import { join, relative } from "node:path";
import { isInstalled, makeReady, npm, ROOT, run, say } from "./ready.mjs";

const BENCH = join(ROOT, "bench");

/** Folders whose packages a benchmark needs. */
const NEEDS = {
  gas: () => [BENCH],
  throughput: (args) => (args.includes("--short") ? [] : [join(BENCH, "peers")]),
  offchain: () => [join(BENCH, "peers")],
  memory: () => [],
  pipeline: () => [],
  audit: () => [],
  price: () => [],
};

const [name, ...args] = process.argv.slice(2);
if (!Object.hasOwn(NEEDS, name ?? "")) {
  const commands = Object.keys(NEEDS).map((known) => `npm run -s bench:${known}`);
  say(`no benchmark ${name}: ${commands.join(", ")}`);
  process.exit(2);
}
const node = makeReady();
for (const folder of NEEDS[name](args)) {
  if (isInstalled(folder)) continue;
  say(`installing what ${join(relative(ROOT, folder), "package-lock.json")} names (npm ci)`);
  npm(folder, ["ci", "--prefer-offline", "--ignore-scripts"]);
}
run(node, ["--import", "tsx", join(BENCH, `${name}.ts`), ...args]);
