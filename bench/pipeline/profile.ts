import { readFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import type { Profiler } from "node:inspector";
import { fileURLToPath } from "node:url";

export type Stage = (typeof STAGES)[number][0];

export type Profile = {
  /** most first; `microseconds` an item, of CPU time; what waits for the disk is in none of them */
  stages: { stage: Stage; share: number; microseconds: number }[];
  /** functions by their own time */
  functions: { name: string; share: number }[];
};

/**
 * Who a moment belongs to: the first of these that the innermost function of the call stack fits, else the one around
 * it. `file.method`, where a star is anything.
 */
const STAGES = [
  ["keccak", ["hex.keccak", "*/hash-wasm/*", "*/@noble/hashes/*sha3*", "attestation.saltOf"]],
  ["csv", ["*/csv-parse/*", "admission/csv.*", "admission/utf8.*", "admission/file.*"]],
  ["check", ["admission/rows.*", "admission/meta.*", "schema.read*", "abi.checksumAddress", "abi.fits"]],
  [
    "encode",
    [
      "schema.encode",
      "abi.encodeFields",
      "attestation.packedSize",
      "admission/statement.*",
      "planner/split.fitsAlone",
    ],
  ],
  ["uid", ["attestation.uidOf"]],
  ["store insert", ["store/sqlite.insert*", "store/sqlite.admit", "admission/admit.*"]],
  ["plan, assign", ["planner/*", "store/sqlite.waiting", "store/sqlite.assign", "gas.*"]],
  ["read back", ["store/sqlite.items", "store/sqlite.storedItemOf"]],
  ["pack", ["attestation.packItems", "attestation.packRoot", "tree.*"]],
  ["calldata", ["chain/registry.*", "lane/lane.callOf", "lane/lane.workOfCall", "attestation.tokensOf"]],
  ["sign", ["key.*", "attestation.batchDigest"]],
  ["journal", ["store/sqlite.sign", "store/sqlite.applyOnLane", "store/sqlite.applyEvent"]],
  ["track", ["tracker/*", "store/sqlite.follow*", "store/sqlite.attempts"]],
  ["store, other", ["store/*", "*/kysely/*"]],
  ["garbage", ["(garbage collector)"]],
  ["other", ["*"]],
] as const;

const INTERVAL_US = 500;
const MOST_FUNCTIONS = 25;
const DIST = new URL("../../dist/", import.meta.url).href;

/** Runs with the sampling profiler on. */
export async function profileOf(work: () => Promise<unknown>, items: number): Promise<Profile> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: INTERVAL_US });
  await session.post("Profiler.start");
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  const { profile } = await session.post("Profiler.stop");
  session.disconnect();
  return summaryOf(profile, (user + system) / items);
}

function summaryOf({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile, perItem: number): Profile {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map<number, Profiler.ProfileNode>();
  for (const node of nodes) for (const child of node.children ?? []) parents.set(child, node);
  const stageOf = new Map<number, Stage>();
  for (const node of nodes) {
    let around: Profiler.ProfileNode | undefined = node;
    let stage: Stage | undefined;
    for (; around !== undefined && stage === undefined; around = parents.get(around.id)) {
      const place = placeOf(around.callFrame);
      stage = STAGES.find(
        ([name, of]) => name !== "other" && of.some((pattern) => fits(pattern, place)),
      )?.[0];
    }
    stageOf.set(node.id, stage ?? "other");
  }

  const stages = new Map<Stage, number>();
  const functions = new Map<string, number>();
  let whole = 0;
  samples.forEach((id, index) => {
    const { callFrame } = byId.get(id)!;
    const spent = timeDeltas[index] ?? 0;
    if (callFrame.functionName === "(idle)" || callFrame.url === "node:inspector") return;
    whole += spent;
    const stage = stageOf.get(id)!;
    stages.set(stage, (stages.get(stage) ?? 0) + spent);
    const name = `${placeOf(callFrame)} (${stage})`;
    functions.set(name, (functions.get(name) ?? 0) + spent);
  });
  const most = <K>(of: Map<K, number>) => [...of].sort((a, b) => b[1] - a[1]);
  return {
    stages: most(stages).map(([stage, spent]) => ({
      stage,
      share: spent / whole,
      microseconds: (spent / whole) * perItem,
    })),
    functions: most(functions)
      .slice(0, MOST_FUNCTIONS)
      .map(([name, spent]) => ({ name, share: spent / whole })),
  };
}

/** `store/sqlite.items` of our own code, the path of others', and for what has none its name. */
function placeOf({ url, functionName, lineNumber }: Profiler.ProfileNode["callFrame"]): string {
  if (url === "") return functionName === "" ? "(anonymous)" : functionName;
  if (!url.startsWith(DIST)) return `${url.replace(/^.*\/node_modules/, "")}#${functionName}`;
  const file = url.slice(DIST.length).replace(/\.js$/, "");
  return `${file}.${methodAt(url, lineNumber)}`;
}

const methods = new Map<string, string[]>();

/** The function or method that a line of a built file is in: what waits in it goes on under no name, or another. */
function methodAt(url: string, line: number): string {
  let found = methods.get(url);
  if (found === undefined) {
    let method = "";
    found = readFileSync(fileURLToPath(url), "utf8")
      .split("\n")
      .map((text) => {
        const [, name] =
          /^(?:export )?(?:async )?function\*? (\w+)/.exec(text) ??
          /^ {4}(?:async )?(?:function\*? )?\*?#?(?!(?:if|for|while|switch|try)\b)(\w+)\(.*\{$/.exec(text) ??
          [];
        method = name ?? method;
        return method;
      });
    methods.set(url, found);
  }
  return found[line] ?? "";
}

function fits(pattern: string, place: string): boolean {
  if (pattern === place) return true;
  if (!pattern.includes("*")) return false;
  const [head, ...rest] = pattern.split("*");
  if (!place.startsWith(head!)) return false;
  let at = head!.length;
  for (const part of rest) {
    const next = place.indexOf(part, at);
    if (next < 0) return false;
    at = next + part.length;
  }
  return pattern.endsWith("*") || place.endsWith(rest.at(-1)!);
}
