#!/usr/bin/env node
// The compiler of the package solc, as forge calls one: it answers --version, and compiles standard JSON from stdin.
const { readFileSync } = require("node:fs");
const solc = require("solc");

if (process.argv.includes("--version")) {
  process.stdout.write(`Version: ${solc.version().replace(/Emscripten.*/, "Linux.g++")}\n`);
} else {
  process.stdout.write(solc.compile(readFileSync(0, "utf8")));
}
