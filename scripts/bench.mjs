// `npm run -s bench:gas`, or `npm run -s bench:gas -- --json`: bench/gas.ts. What Waybill is measured against comes with
// the package in bench/, which is installed here: building, testing and using Waybill does without.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isInstalled, makeReady, npm, ROOT, run, say } from "./ready.mjs";

const BENCH = join(ROOT, "bench");

const [name, ...args] = process.argv.slice(2);
const program = join(BENCH, `${name}.ts`);
if (name === undefined || !existsSync(program)) {
  say(`no benchmark ${name}: npm run -s bench:gas`);
  process.exit(2);
}
const node = makeReady();
if (!isInstalled(BENCH)) {
  say("installing EAS's contracts, which bench/package-lock.json names (npm ci)");
  npm(BENCH, ["ci", "--prefer-offline", "--ignore-scripts"]);
}
run(node, ["--import", "tsx", program, ...args]);
