// `npm run lint`: contracts, types, formatting. Each is one check, named with its outcome.
import { spawnSync } from "node:child_process";
import { makeReady, program } from "./ready.mjs";

const CHECKS = [
  ["solhint", ["solhint", "--disc", "--noPoster", "--max-warnings", "0", "contracts/**/*.sol"]],
  ["types", ["tsc", "--noEmit", "-p", "tsconfig.json"]],
  ["formatting", ["prettier", "--check", "--log-level", "warn", "."]],
];

/** @returns how many checks passed and failed */
export function lint(node) {
  let failed = 0;
  for (const [name, [tool, ...args]] of CHECKS) {
    const { status, stdout, stderr } = spawnSync(node, [program(tool), ...args], { encoding: "utf8" });
    const passed = status === 0;
    if (!passed) failed += 1;
    console.log(`${passed ? "  ✓" : "  ✗"} ${name}${passed ? "" : `\n${stdout}${stderr}`}`);
  }
  return { passed: CHECKS.length - failed, failed };
}

if (process.argv[1]?.endsWith("lint.mjs")) process.exit(lint(makeReady()).failed === 0 ? 0 : 1);
