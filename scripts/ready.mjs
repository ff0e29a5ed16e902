// Makes a fresh clone ready: installs what the lock names and builds what is stale, and says so. Plain JavaScript
// without a dependency, because it runs first, under whatever Node the machine has (20 or newer).
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));
const NEEDED = [22, 13];
const LOCAL_NODE = join(ROOT, "node_modules", ".bin", "node");

/** Installs and builds what is missing or stale. @returns the Node to run with */
export function makeReady() {
  process.chdir(ROOT);
  process.env.HARDHAT_DISABLE_TELEMETRY = "true";
  if (!isInstalled(ROOT)) {
    say("installing the packages that package-lock.json names (npm ci)");
    npm(ROOT, ["ci"]);
  }
  const node = nodeToRun();
  process.env.PATH = `${join(ROOT, "node_modules", ".bin")}:${process.env.PATH}`;
  build(node);
  return node;
}

/** Runs a command with its output on ours; ends this process with its code if it fails. */
export function run(command, args, options = {}) {
  const { status, signal, error } = spawnSync(command, args, { stdio: "inherit", ...options });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? (signal === "SIGINT" ? 130 : 1));
}

export function say(text) {
  process.stderr.write(`waybill: ${text}\n`);
}

/** Path of a package's program. */
export function program(name) {
  return join(ROOT, "node_modules", ".bin", name);
}

/** Whether every package of a folder's lock that this system can have is there in its version. */
export function isInstalled(folder) {
  const installed = readJson(join(folder, "node_modules", ".package-lock.json"))?.packages;
  if (installed === undefined) return false;
  return Object.entries(readJson(join(folder, "package-lock.json")).packages).every(
    ([path, { version, optional, link }]) =>
      path === "" ||
      link ||
      !path.startsWith("node_modules/") ||
      installed[path]?.version === version ||
      optional,
  );
}

function nodeToRun() {
  if (existsSync(LOCAL_NODE)) return LOCAL_NODE;
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) return process.execPath;
  say(`this is Node ${process.versions.node}, and building needs ${NEEDED.join(".")} or newer.`);
  say("On x64 and arm64 Linux one comes with the packages; elsewhere install Node 24 and run again.");
  process.exit(1);
}

/** Compiles contracts and bindings, then TypeScript, each only if what it is made from has changed. */
function build(node) {
  const settings = ["package-lock.json", "hardhat.config.ts"];
  step("contracts", [...settings, ...filesIn("contracts")], ["artifacts", "src/bindings/index.ts"], () =>
    run(node, [program("hardhat"), "build", "--no-tests", "--quiet"], {
      stdio: ["ignore", "ignore", "inherit"],
    }),
  );
  const sources = filesIn("src").filter((file) => !file.startsWith(join("src", "bindings")));
  step(
    "program",
    [...settings, ...filesIn("contracts"), "tsconfig.json", "tsconfig.build.json", ...sources],
    ["dist/cli/main.js"],
    () => run(node, [program("tsc"), "-p", "tsconfig.build.json"]),
  );
}

function step(name, inputs, outputs, make) {
  const stamp = join("cache", `${name}.stamp`);
  const hash = createHash("sha256");
  for (const file of inputs) hash.update(`${file}\0`).update(readFileSync(file)).update("\0");
  const now = hash.digest("hex");
  const built =
    existsSync(stamp) && readFileSync(stamp, "utf8") === now && outputs.every((file) => existsSync(file));
  if (built) return;
  say(`building the ${name}`);
  make();
  mkdirSync("cache", { recursive: true });
  writeFileSync(stamp, now);
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

/** Runs npm in a folder, what it says on stderr. */
export function npm(cwd, args) {
  const script = process.env.npm_execpath;
  const options = { cwd, stdio: ["ignore", process.stderr, process.stderr] };
  const all = [...args, "--no-audit", "--no-fund", "--loglevel=error"];
  if (script === undefined) run("npm", all, options);
  else run(process.execPath, [script, ...all], options);
}

function readJson(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}
