// `node scripts/captures.mjs`: runs a real job on a real node, watches it in a real terminal (tmux), and writes what that
// showed into docs/watch.md. Every moment is waited for by what `waybill watch --json` says, never by the clock.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { makeReady, ROOT } from "./ready.mjs";

const DOCS = "docs/watch.md";
const SCHEMA = "string name,uint64 score";
const SIZE = { columns: "100", rows: "28" };

const node = makeReady();
const program = join(ROOT, "dist", "cli", "main.js");
const folder = mkdtempSync(join(tmpdir(), "waybill-captures-"));
const data = join(folder, "data");
const session = `waybill-captures-${process.pid}`;

try {
  execFileSync("tmux", ["-V"]);
} catch {
  console.error("tmux is missing: it is the terminal that is captured");
  process.exit(2);
}

const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const anvil = spawn(
  join(ROOT, "node_modules", ".bin", "anvil"),
  [
    "--host",
    "127.0.0.1",
    "--port",
    String(port),
    "--block-time",
    "1",
    "--slots-in-an-epoch",
    "2",
    "--enable-tx-gas-limit",
  ],
  { stdio: ["ignore", "pipe", "inherit"] },
);
await new Promise((resolve) =>
  anvil.stdout.on("data", (text) => String(text).includes("Listening on") && resolve()),
);

let submitter = null;
const watchers = [];
try {
  waybill("deploy", "--network", "local", "--rpc-url", url);
  waybill("schema", "add", SCHEMA, "--rpc-url", url);
  // One row that is recorded before: in a stream, where it would be missing, the registry refuses it.
  const taken = rowsFile("early.csv", ["Ada,1"], "name,score");
  waybill("submit", taken, "--schema", SCHEMA, "--rpc-url", url, "--data", join(folder, "other"));
  const rows = Array.from(
    { length: 60_000 },
    (_, i) => `person ${i},${i},${["", "north", "south", "west"][i % 4]}`,
  );
  rows.splice(3_001, 0, "Ada,1,east", "Grace,2,east", "Edsger,3,east");
  const file = rowsFile("people.csv", rows, "name,score,stream");

  submitter = submit(file, "--max-fee", "5gwei");
  await isThere();
  const views = viewer();
  const lines = printed(spawn(node, [program, "watch", "--data", data], { cwd: ROOT }));
  const watch = [node, program, "watch", "--data", data].map((part) => `'${part}'`).join(" ");
  tmux("new-session", "-d", "-s", session, "-x", SIZE.columns, "-y", SIZE.rows, watch);
  await views.until(
    ({ items, drain, gate }) => items.verified > 3_000 && drain !== null && gate.state === "accepting",
  );
  const captures = { normal: await shows("accepting") };

  // Dearer than the cap; empty blocks make it cheaper again.
  await rpc("anvil_setNextBlockBaseFeePerGas", ["0x3b9aca000"]);
  await views.until(
    ({ gate, lanes }) => gate.state === "holding" && lanes.every(({ hold }) => hold?.why === "fee"),
  );
  captures.fee = await shows("holding");

  await views.until(
    ({ gate, streams }) => gate.state === "accepting" && streams.some(({ hold }) => hold !== null),
  );
  captures.poison = await shows("refused");

  submitter.kill("SIGKILL");
  await views.until(({ gate }) => /nobody is at work/.test(gate.why ?? ""));
  captures.left = await shows("nobody is at work");
  captures.lines = lines().slice(-9).join("\n");
  write(captures);
  console.log(`${DOCS} shows what was seen`);
} finally {
  submitter?.kill("SIGKILL");
  for (const child of watchers) child.kill("SIGKILL");
  try {
    tmux("kill-session", "-t", session);
  } catch {
    // It had not begun.
  }
  anvil.kill();
  rmSync(folder, { recursive: true, force: true });
}

function rowsFile(name, rows, header) {
  const file = join(folder, name);
  writeFileSync(file, `${[header, ...rows].join("\n")}\n`);
  return file;
}

function submit(file, ...more) {
  const terms = ["--lanes", "2", "--on-refused", "block", ...more];
  const command = ["submit", file, "--schema", SCHEMA, "--rpc-url", url, "--data", data, "--quiet", ...terms];
  return spawn(node, [program, ...command], { cwd: ROOT, stdio: ["ignore", "ignore", "inherit"] });
}

function waybill(...args) {
  return execFileSync(node, [program, ...args], { cwd: ROOT, encoding: "utf8" });
}

/** Resolves when there is a store to look at. */
async function isThere() {
  const has = (name) => existsSync(join(data, name, "waybill.sqlite"));
  while (!existsSync(data) || !readdirSync(data).some(has))
    await new Promise((resolve) => setTimeout(resolve, 50));
}

/** The views of a watcher, as they come. */
function viewer() {
  const child = spawn(node, [program, "watch", "--json", "--data", data], { cwd: ROOT });
  watchers.push(child);
  let latest = null;
  let look = () => {};
  createInterface({ input: child.stdout }).on("line", (line) => {
    latest = JSON.parse(line);
    look();
  });
  return {
    until: (wanted) =>
      new Promise((resolve) => {
        look = () => latest !== null && wanted(latest) && resolve(latest);
        look();
      }),
  };
}

/** @returns the lines that it has printed by now */
function printed(child) {
  watchers.push(child);
  const all = [];
  createInterface({ input: child.stdout }).on("line", (line) => all.push(line));
  return () => all;
}

function tmux(...args) {
  return execFileSync("tmux", ["-L", session, "-f", "/dev/null", ...args], { cwd: ROOT, encoding: "utf8" });
}

function screen() {
  return tmux("capture-pane", "-p", "-t", session).trimEnd();
}

/** The screen, once this is on it. */
async function shows(text) {
  for (;;) {
    const shown = screen();
    if (shown.includes(text)) return shown;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function write(captures) {
  const before = readFileSync(DOCS, "utf8");
  const after = before.replace(
    /(<!-- capture (\w+) -->\n\n```text\n)[^]*?(\n```)/g,
    (_, head, name, tail) => {
      if (captures[name] === undefined) throw new Error(`${DOCS} wants a capture called ${name}`);
      return `${head}${captures[name]
        .split("\n")
        .map((line) => line.trimEnd())
        .join("\n")}${tail}`;
    },
  );
  writeFileSync(DOCS, after);
}

async function rpc(method, params) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port: free } = server.address();
      server.close(() => resolve(free));
    });
  });
}
