import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { id } from "ethers";
import type { Request } from "../../src/chain/http.js";
import { ATTESTED, SEALED } from "../../src/chain/registry.js";
import type { Hex } from "../../src/hex.js";
import type { Report, Task } from "./contender.js";
import type { Contender } from "./contenders.js";
import type { CountingProxy } from "./proxy.js";
import { fundedKey, pause, type Place } from "./stage.js";

/** What one contender came to. */
export type Result = {
  name: string;
  /** which contract it wrote to, and by which calls */
  contract: string;
  call: string;
  blockGas: number;
  items: number;
  transactions: number;
  /** from the first to the last that holds its items, both counted */
  blocks: number;
  /** each block is a second, or longer where the node was late: what its blocks' timestamps say */
  seconds: number;
  itemsPerSecond: number;
  /** share of the gas of all blocks between the first and the last that was used */
  fill: number;
  gasPerItem: number;
  requestsPerItem: number;
  cpuMsPerItem: number;
};

export type Arena = { node: Request; proxy: CountingProxy };

const CHILD = fileURLToPath(new URL("child.ts", import.meta.url));

/** Between two looks at the chain, for everybody. */
export const POLL_MS = 100;

const GWEI = 10n ** 9n;

/**
 * Lets a contender bring its items onto the chain, in a process of its own.
 * @throws Error if it does not within the time, or if the chain does not hold as many items as it was given
 */
export async function contest(
  { node, proxy }: Arena,
  contender: Contender,
  place: Place,
  { blockGas, blocks, limitMs }: { blockGas: number; blocks: number; limitMs: number },
): Promise<Result> {
  const variant = `${contender.name}, ${blockGas}`;
  const items = contender.itemsFor(blocks, blockGas);
  const keys: Hex[] = [];
  for (let index = 0; index < contender.keys; index += 1) {
    keys.push((await fundedKey(node, `${variant}, key ${index}`)).privateKey);
  }
  const task: Task = { url: proxy.url, ...place, keys, variant, items, pollMs: POLL_MS };
  const child = fork(CHILD, [contender.module, contender.prepare], {
    execArgv: ["--import", "tsx"],
    // What a library prints is not ours: stdout is the table.
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const alarm = setTimeout(() => child.kill("SIGKILL"), limitMs);
  try {
    const answers = answersOf(child, contender.name);
    child.send({ task });
    await answers("ready");
    await evenGround(node, blockGas);
    const before = await head(node);
    proxy.take();
    child.send("go");
    const { cpuMs } = await answers("done");
    const requests = proxy.take();
    const after = await head(node);
    child.send("finish");
    await answers("finished");
    const landed = await landedBetween(node, place.contract, before + 1, after);
    if (landed.items !== items)
      throw new Error(`${contender.name}: ${landed.items} of ${items} items are there`);
    return {
      name: contender.name,
      contract: contender.contract,
      call: contender.call,
      blockGas,
      items,
      transactions: landed.transactions,
      blocks: landed.blocks,
      seconds: landed.seconds,
      itemsPerSecond: rounded(items / landed.seconds),
      fill: rounded(landed.fill),
      gasPerItem: Math.round(landed.gas / items),
      requestsPerItem: rounded(requests / items),
      cpuMsPerItem: rounded(cpuMs / items),
    };
  } finally {
    clearTimeout(alarm);
    child.removeAllListeners("exit");
    child.kill("SIGKILL");
  }
}

/** Everybody begins just after a block, with a base fee of 1 gwei: full blocks have raised it for those before. */
async function evenGround(node: Request, blockGas: number): Promise<void> {
  await node("evm_setBlockGasLimit", [`0x${blockGas.toString(16)}`]);
  await node("anvil_setNextBlockBaseFeePerGas", [`0x${GWEI.toString(16)}`]);
  const before = await head(node);
  while ((await head(node)) === before) await pause(10);
}

/** Waits for what a child says next, and fails if it ends first. */
function answersOf(child: ChildProcess, name: string) {
  type Kind = Report["kind"];
  const said: Report[] = [];
  let ended: string | null = null;
  let look = () => {};
  child.on("message", (report: Report) => {
    said.push(report);
    look();
  });
  child.on("exit", (code, signal) => {
    ended = signal === "SIGKILL" ? "ran out of time" : `ended with ${code ?? signal}`;
    look();
  });
  return <K extends Kind>(kind: K) =>
    new Promise<Extract<Report, { kind: K }>>((resolve, reject) => {
      look = () => {
        const report = said.shift();
        if (report?.kind === kind) resolve(report as Extract<Report, { kind: K }>);
        else if (ended !== null) reject(new Error(`${name} ${ended}`));
      };
      look();
    });
}

async function head(node: Request): Promise<number> {
  return Number(await node("eth_blockNumber", []));
}

/** By the same name in both registries, but with other fields. */
const EAS_ATTESTED = id("Attested(address,address,bytes32,bytes32)") as Hex;

type RawLog = { topics: [Hex, ...Hex[]]; data: Hex; transactionHash: Hex };
type RawBlock = { gasUsed: Hex; gasLimit: Hex; timestamp: Hex };

/** What a contract's events say, block by block: nobody else writes to it. */
async function landedBetween(node: Request, address: Hex, from: number, to: number) {
  const found: { items: number; transactions: number; gasUsed: number; gasLimit: number; time: number }[] =
    [];
  for (let number = from; number <= to; number += 1) {
    const which = `0x${number.toString(16)}`;
    const topics = [[ATTESTED, SEALED, EAS_ATTESTED]];
    const logs = (await node("eth_getLogs", [
      { address, topics, fromBlock: which, toBlock: which },
    ])) as RawLog[];
    const block = (await node("eth_getBlockByNumber", [which, false])) as RawBlock;
    found.push({
      items: logs.reduce((sum, log) => sum + itemsIn(log), 0),
      transactions: new Set(logs.map((log) => log.transactionHash)).size,
      gasUsed: Number(block.gasUsed),
      gasLimit: Number(block.gasLimit),
      time: Number(block.timestamp),
    });
  }
  const first = found.findIndex(({ items }) => items > 0);
  const last = found.findLastIndex(({ items }) => items > 0);
  if (first === -1) throw new Error("no block holds an item");
  const span = found.slice(first, last + 1);
  const between = span.slice(1, -1);
  if (between.length === 0) throw new Error(`${span.length} blocks are too few to tell how full they are`);
  const sum = (of: typeof found, what: "items" | "transactions" | "gasUsed" | "gasLimit") =>
    of.reduce((sum, block) => sum + block[what], 0);
  return {
    items: sum(span, "items"),
    transactions: sum(span, "transactions"),
    blocks: span.length,
    // The first block's own second is counted as well. Timestamps are in whole seconds.
    seconds: Math.max(span.length, 1 + span.at(-1)!.time - span[0]!.time),
    gas: sum(span, "gasUsed"),
    fill: sum(between, "gasUsed") / sum(between, "gasLimit"),
  };
}

function itemsIn(log: RawLog): number {
  if (log.topics[0] !== SEALED) return 1;
  // Behind the offset and the length, two bytes say how many there are.
  return parseInt(log.data.slice(2 + 128, 2 + 132), 16);
}

/** Four digits are more than one run tells. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
