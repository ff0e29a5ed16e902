// `npm run lint`: contracts, types, formatting. Each is one check, named with its outcome.
import { spawn } from "node:child_process";
import { makeReady, program } from "./ready.mjs";

const CHECKS = [
  ["solhint", ["solhint", "--disc", "--noPoster", "--max-warnings", "0", "contracts/**/*.sol"]],
  ["types", ["tsc", "--noEmit", "-p", "tsconfig.json"]],
  ["types of the page", ["tsc", "--noEmit", "-p", "examples/verify-page/tsconfig.json"]],
  ["formatting", ["prettier", "--check", "--log-level", "warn", "."]],
];

/** All at once. @returns how many checks passed and failed */
export async function lint(node) {
  const outcomes = await Promise.all(
    CHECKS.map(async ([name, [tool, ...args]]) => {
      const child = spawn(node, [program(tool), ...args], { stdio: ["ignore", "pipe", "pipe"] });
      let output = "";
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding("utf8").on("data", (chunk) => (output += chunk));
      const code = await new Promise((resolve) => child.on("close", resolve));
      console.log(`${code === 0 ? "  ✓" : "  ✗"} ${name}${code === 0 ? "" : `\n${output}`}`);
      return code === 0;
    }),
  );
  const passed = outcomes.filter(Boolean).length;
  return { passed, failed: CHECKS.length - passed };
}

if (process.argv[1]?.endsWith("lint.mjs")) process.exit((await lint(makeReady())).failed === 0 ? 0 : 1);
