import { parseArgs } from "node:util";
import { type Break } from "./broken.js";
import { type Result, simulate } from "./simulate.js";
import type { Target } from "./world.js";

const USAGE = `npm run -s simulate -- [--seed S] [--items N] [--kills K] [--target registry|counter] [--break law3|law6] [--json]

Puts N items on a local chain through a process that is killed K times, behind a node with faults and on a chain with
reorgs, lost transactions, jumping fees and foreign transactions with the lane's key; then asks the chain how often each
item is there. The target counter is a contract that counts what is recorded twice. --break does what the named law
forbids: the run must fail then.`;

function refuse(problem: string): never {
  process.stderr.write(`${problem}\n\n${USAGE}\n`);
  process.exit(2);
}

function read() {
  try {
    return parseArgs({
      options: {
        seed: { type: "string" },
        items: { type: "string", default: "1000" },
        kills: { type: "string", default: "20" },
        target: { type: "string", default: "counter" },
        break: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
    refuse(`--${name} is a whole number of at least ${least}`);
  }
  return value;
}

function oneOf<T extends string>(name: string, text: string, names: readonly T[]): T {
  return names.find((one) => one === text) ?? refuse(`--${name} is one of ${names.join(", ")}`);
}

function summary(result: Result): string {
  const { seed, items, exactlyOnce, missing, doubled, kills, reorgs, foreign, seconds, problems } = result;
  return [
    `seed ${seed}`,
    `${exactlyOnce} of ${items} items exactly once, ${missing} missing, ${doubled} doubled`,
    `through ${kills} kills, ${reorgs} reorgs and ${foreign} foreign transactions, in ${seconds} s`,
    ...(result.end === "doubled" ? ["stopped when something was final twice"] : []),
    ...problems.map((problem) => `problem: ${problem}`),
  ].join("\n");
}

const given = read();
if (given.help) {
  process.stdout.write(`${USAGE}\n`);
  process.exit(0);
}
const seed = given.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : whole("seed", given.seed, 0);
if (!given.json) process.stderr.write(`seed ${seed}\n`);
const isTerminal = process.stderr.isTTY === true;
const result = await simulate({
  seed,
  items: whole("items", given.items, 1),
  kills: whole("kills", given.kills, 0),
  target: oneOf<Target>("target", given.target, ["registry", "counter"]),
  broken: given.break === undefined ? null : oneOf<Break>("break", given.break, ["law3", "law6"]),
  ...(isTerminal
    ? {
        onProgress: (line: string) =>
          void process.stderr.write(`\r\u001b[K${line.slice(0, process.stderr.columns - 1)}`),
      }
    : {}),
});
if (isTerminal) process.stderr.write("\r\u001b[K");
process.stdout.write(`${given.json ? JSON.stringify(result) : summary(result)}\n`);
process.exit(result.missing + result.doubled + result.problems.length === 0 ? 0 : 1);
