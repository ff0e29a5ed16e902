import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const MAIN = join(ROOT, "dist", "cli", "main.js");
const CACHE = join(ROOT, "cache", "compile");

export type Ended = {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** both, as a person sees them */
  output: string;
};

export type Running = {
  child: ChildProcess;
  ended: Promise<Ended>;
  /** what was printed, once it holds this; fails if the program ends without it */
  printed(pattern: RegExp): Promise<string>;
};

export type CliOptions = {
  env?: { [name: string]: string };
  cwd?: string;
  input?: string;
  /** arguments of node itself */
  node?: string[];
};

const running = new Set<ChildProcess>();

/** Starts the built program with nothing of Waybill in its environment. */
export function startCli(args: readonly string[], options: CliOptions = {}): Running {
  return start([...(options.node ?? []), MAIN, ...args], options);
}

export function runCli(args: readonly string[], options: CliOptions = {}): Promise<Ended> {
  return startCli(args, options).ended;
}

/** Runs with --json. @returns the one document on stdout, which must be all of it */
export async function runJson<T = any>(
  args: readonly string[],
  options: CliOptions = {},
): Promise<Ended & { data: T }> {
  const ended = await runCli([...args, "--json"], options);
  try {
    return { ...ended, data: JSON.parse(ended.stdout) as T };
  } catch {
    throw new Error(`stdout is not one JSON document: ${JSON.stringify(ended)}`);
  }
}

/** Starts node with these arguments. */
export function start(args: readonly string[], options: CliOptions = {}): Running {
  const clean = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("WAYBILL_") && name !== "CI" && name !== "NODE_OPTIONS",
  );
  const child = spawn(process.execPath, args, {
    cwd: options.cwd ?? ROOT,
    // Two in three of these processes live less than a second, most of it spent compiling the same files.
    env: { ...Object.fromEntries(clean), NO_COLOR: "1", NODE_COMPILE_CACHE: CACHE, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  running.add(child);
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");
  let [stdout, stderr, output] = ["", "", ""];
  const watchers = new Set<() => void>();
  const take = (add: (text: string) => void) => (text: string) => {
    add(text);
    output += text;
    for (const look of watchers) look();
  };
  child.stdout.setEncoding("utf8").on(
    "data",
    take((text) => (stdout += text)),
  );
  child.stderr.setEncoding("utf8").on(
    "data",
    take((text) => (stderr += text)),
  );
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      running.delete(child);
      resolve({ code, signal, stdout, stderr, output });
    });
  });
  return {
    child,
    ended,
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!pattern.test(output)) return;
          watchers.delete(look);
          resolve(output);
        };
        watchers.add(look);
        look();
        void ended.then(() => reject(new Error(`ended without ${pattern}: ${output}`)), reject);
      }),
  };
}

/** Ends what a failed test left running. */
export async function stopAll(): Promise<void> {
  const left = [...running];
  await Promise.all(
    left.map((child) => {
      const closed = new Promise((resolve) => child.once("close", resolve));
      child.kill("SIGKILL");
      return closed;
    }),
  );
}

/** A folder that is removed at the end of the suite that asked for it. */
export function temporaryFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "waybill-e2e-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
