// `npm test`: lint, Solidity tests, then everything else. `npm test -- FILE…` runs only those mocha files.
// The last line is `N passed, N failed`, for people and for CI.
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
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

/**
 * Runs a suite. A suite that ends badly without a failed test counts as one failure.
 * @param after a suite that runs beside it: what this one has to say is said when that has ended
 */
async function suite(name, args, after = null) {
  const child = spawn(node, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let held = after === null ? null : [];
  const say = (chunk) => void (held === null ? process.stdout.write(chunk) : held.push(chunk));
  child.stdout.setEncoding("utf8").on("data", (chunk) => {
    output += chunk;
    say(chunk);
  });
  child.stderr.setEncoding("utf8").on("data", say);
  const closed = new Promise((resolve) => child.on("close", resolve));
  await after;
  console.log(`── ${name}`);
  for (const chunk of held ?? []) process.stdout.write(chunk);
  held = null;
  const code = await closed;
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

/** Mocha files by what they run: whole processes in the first list, which wait more than they compute; else modules. */
function mochaFiles() {
  const all = readdirSync("test", { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.ts"))
    .map((file) => join("test", file))
    .sort();
  const isWhole = (file) => /^test.(e2e|simulation)\b/.test(file);
  return [all.filter(isWhole), all.filter((file) => !isWhole(file))];
}

const mocha = (some) => [program("hardhat"), "test", "mocha", "--no-compile", ...some];

if (files.length > 0) {
  await suite("TypeScript", [program("hardhat"), "test", "mocha", ...files]);
} else {
  console.log("── lint");
  add("lint", await lint(node));
  await suite("Solidity", [program("hardhat"), "test", "solidity"]);
  const [whole, modules] = mochaFiles();
  const first = suite("TypeScript", mocha(modules));
  await suite("processes", mocha(whole), first);
  await first;
}
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 ? 0 : 1);
