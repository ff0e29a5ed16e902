// `node scripts/captures.mjs`: runs a real job on a real node, watches it in a real terminal (tmux), and writes what that
// showed into docs/watch.md. Every moment is waited for by what `waybill watch --json` says, never by the clock.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
  // Nobody reads while another command is waited for: a pipe would fill, and stop it.
  { stdio: ["ignore", "ignore", "inherit"] },
);
while (
  !(await rpc("eth_chainId", []).then(
    () => true,
    () => false,
  ))
)
  await new Promise((resolve) => setTimeout(resolve, 50));

const where = ["--rpc-url", url, "--data", data];
let submitter = null;
const watchers = [];
try {
  waybill("deploy", "--network", "local", "--rpc-url", url);
  waybill("schema", "add", SCHEMA, "--rpc-url", url);
  // One row that is recorded before: in a stream, where it would be missing, the registry refuses it.
  const taken = rowsFile("early.csv", ["Ada,1"], "name,score");
  waybill("submit", taken, "--schema", SCHEMA, "--rpc-url", url, "--data", join(folder, "other"));
  const places = ["", "north", "south", "west"];
  const people = Array.from({ length: 20_000 }, (_, i) => `person ${i},${i},${places[i % 4]}`);
  people.splice(8_000, 0, "Ada,1,east", "Grace,2,east", "Edsger,3,east");
  admit(rowsFile("people.csv", people, "name,score,stream"), "--max-fee", "5gwei", "--on-refused", "block");
  const urgent = Array.from({ length: 12_000 }, (_, i) => `parcel ${i},${i}`);
  admit(rowsFile("parcels.csv", urgent, "name,score"), "--tenant", "post", "--priority", "high");

  submitter = run();
  const views = viewer();
  const lines = printed(spawn(node, [program, "watch", "--data", data], { cwd: ROOT }));
  const watch = [node, program, "watch", "--data", data].map((part) => `'${part}'`).join(" ");
  tmux("new-session", "-d", "-s", session, "-x", SIZE.columns, "-y", SIZE.rows, watch);
  await views.until(({ items, drain, gate }) => {
    return items.verified > 2_000 && drain !== null && gate.state === "accepting";
  });
  const captures = { normal: await shows("accepting") };
  await views.until(({ streams }) => streams.some(({ hold }) => hold !== null));
  captures.poison = await shows("refused");

  // Dearer than the first job may pay, and its transactions are on both lanes; empty blocks make it cheaper again.
  await rpc("anvil_setNextBlockBaseFeePerGas", ["0x3b9aca000"]);
  await views.until(({ gate }) => gate.state === "holding");
  captures.fee = await shows("holding");
  submitter.kill("SIGKILL");
  await views.until(({ gate }) => /nobody is at work/.test(gate.why ?? ""));
  captures.left = await shows("nobody is at work");

  // One that may pay next to nothing, beside what is left.
  admit(rowsFile("leaflets.csv", ["Ada,1", "Grace,2"], "name,score"), "--max-fee", "1wei");
  submitter = run();
  await views.until(({ gate }) => gate.state === "slowing");
  captures.slowing = await shows("slowing");
  submitter.kill("SIGKILL");
  captures.lines = lines().slice(0, 14).join("\n");
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

function run() {
  return spawn(node, [program, "run", "--lanes", "2", ...where, "--quiet"], { cwd: ROOT });
}

function admit(file, ...terms) {
  waybill("submit", file, "--schema", SCHEMA, ...where, "--until", "admitted", ...terms);
}

function waybill(...args) {
  return execFileSync(node, [program, ...args], { cwd: ROOT, encoding: "utf8" });
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
