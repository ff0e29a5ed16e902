// `npm test`: lint, Solidity tests, then everything else. `npm test -- FILE…` runs only those mocha files.
// The last line is `N passed, N failed`, for people and for CI.
import { spawn } from "node:child_process";
import { lint } from "./lint.mjs";
import { makeReady, program } from "./ready.mjs";

const node = makeReady();
const files = process.argv.slice(2);
const total = { passed: 0, failed: 0 };

function add(name, { passed, failed }) {
  total.passed += passed;
  total.failed += failed;
  console.log(`${name}: ${passed} passed, ${failed} failed\n`);
}

/** Runs a suite with its output on ours. A suite that ends badly without a failed test counts as one failure. */
async function suite(name, args) {
  console.log(`── ${name}`);
  const child = spawn(node, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (chunk) => {
    output += chunk;
    process.stdout.write(chunk);
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  const plain = output.replace(/\u001b\[[0-9;]*m/g, "");
  const passed = sum(plain, /^\s*(\d+) passing\b/gm);
  // A test that was not run is not a test that passed.
  let failed = sum(plain, /^\s*(\d+) failing\b/gm) + sum(plain, /^\s*(\d+) (?:pending|skipped)\b/gm);
  if (failed === 0 && (code !== 0 || passed === 0)) failed = 1;
  add(name, { passed, failed });
}

function sum(text, pattern) {
  return [...text.matchAll(pattern)].reduce((total, [, count]) => total + Number(count), 0);
}

if (files.length === 0) {
  console.log("── lint");
  add("lint", await lint(node));
  await suite("Solidity", [program("hardhat"), "test", "solidity"]);
}
await suite("TypeScript", [program("hardhat"), "test", "mocha", ...files]);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 ? 0 : 1);
