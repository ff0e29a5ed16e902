/**
 * `npm run -s bench:pressure`: five times what the blocks of a node take, offered for a minute by several producers in one
 * process, through `openIssuer`. Options: `--json`, `--seconds N`, `--seed TEXT`, `--times N`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { chainOf } from "../src/chain/node.js";
import { ATTESTED, openRegistry } from "../src/chain/registry.js";
import { grouped, jsonText } from "../src/cli/output.js";
import type { Hex } from "../src/hex.js";
import { openIssuer } from "../src/sdk/issuer.js";
import { openSqliteStore } from "../src/store/sqlite.js";
import { randomOf } from "../test/contracts/support/random.js";
import { topicOf } from "../src/verifier/readBack.js";
import { fundedKey, pause, placeWaybill, startNode } from "./throughput/stage.js";

/** What `--json` prints. MiB; the bound of a wait is that of the gate in blocks, and two more. */
export type Report = {
  seed: string;
  seconds: number;
  bounds: { items: number; blocks: number };
  /** items a second that the blocks took while they were offered more */
  rate: number;
  offered: number;
  admitted: number;
  lost: number;
  doubled: number;
  /** blocks from the head at which a row was acknowledged to the one that it is in */
  wait: { median: number; p99: number; bound: number };
  /** the same in seconds, and how long a block took while the machine was loaded */
  waitSeconds: { median: number; p99: number };
  blockSeconds: number;
  /** heap in use after a collection, the most in the second and in the last third of the load */
  heap: { second: number; last: number };
  /** highest number of items that were admitted and in no block */
  mostWaiting: number;
  backToNormal: number;
};

const DEFINITION = "uint256 score,bytes32 evidenceId";
const PRODUCERS = 8;
const BLOCK_GAS = 15_000_000;
const BOUNDS = { items: 5_000, blocks: 4 };
/** Until what is admitted just now is in a transaction, and until its block is seen. */
const MORE_BLOCKS = 2;
/** Gas of one of these, recorded: what five times the blocks' room comes to. */
const ITEM_GAS = 31_000;

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean" },
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: "bench: pressure" },
    times: { type: "string", default: "5" },
  },
});
const [seconds, times] = [Number(options.seconds), Number(options.times)];
if (!(seconds > 0 && times > 0)) throw new Error("no such benchmark: see the head of bench/pressure.ts");
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const report = await pressed();
process.stdout.write(`${options.json === true ? jsonText(report) : textOf(report)}\n`);

async function pressed(): Promise<Report> {
  const node = await startNode("--gas-limit", String(BLOCK_GAS), "--block-base-fee-per-gas", "0");
  const directory = await mkdtemp(join(tmpdir(), "waybill-pressure-"));
  const store = openSqliteStore(directory);
  try {
    const { contract: address, schema } = await placeWaybill(node.request, DEFINITION);
    const chain = chainOf(node.request);
    const registry = await openRegistry(chain, address);
    const { key: speaker } = await fundedKey(node.request, "issuer");
    const { key: lane } = await fundedKey(node.request, "lane");
    await node.beat();
    const issuer = await openIssuer({
      ...{ name: "pressure", schema, store, chain, registry },
      issuer: speaker,
      lanes: [lane],
      limits: { share: 1 },
      maxWaiting: BOUNDS.items,
      maxBlocks: BOUNDS.blocks,
      pollMs: 100,
      finalDepth: 3,
    });

    const random = randomOf(options.seed);
    const admittedAt: number[] = [];
    const uids: Hex[] = [];
    const waits: number[] = [];
    const waitBlocks: number[] = [];
    const admittedBy: number[] = [];
    let head = Number(await node.request("eth_blockNumber", []));
    const firstHead = head;
    const ended = new AbortController();
    const begun = performance.now();
    const now = () => (performance.now() - begun) / 1000;
    let mostWaiting = 0;
    const heap = { second: 0, last: 0 };

    // What each of them has to say piles up with it, as a number: whether it is let in is not up to the producer.
    const perSecond = (times * BLOCK_GAS) / ITEM_GAS / PRODUCERS;
    const producer = async () => {
      for (let brought = 0; now() < seconds; brought += 1) {
        const ahead = brought / perSecond - now();
        if (ahead > 0) await pause(1000 * ahead);
        const given = { score: BigInt(random.below(2 ** 32)), evidenceId: random.bytes(32) };
        const said = await issuer.add(given, { signal: ended.signal }).catch(() => null);
        if (said === null) return;
        admittedAt[said.ordinal] = now();
        admittedBy[said.ordinal] = head;
        uids[said.ordinal] = said.uid;
      }
    };
    const watching = (async () => {
      for await (const { ordinal, block } of issuer.outcomes({ until: "included", signal: ended.signal })) {
        // It may be told in the very turn in which the row was stored, before its producer is.
        waits[ordinal] = Math.max(0, now() - (admittedAt[ordinal] ?? now()));
        waitBlocks[ordinal] = Math.max(0, block! - (admittedBy[ordinal] ?? block!));
      }
    })().catch(() => {});
    const looking = setInterval(() => {
      mostWaiting = Math.max(mostWaiting, issuer.pressure().waiting);
      collect();
      const used = process.memoryUsage().heapUsed / 2 ** 20;
      if (now() > (2 * seconds) / 3) heap.last = Math.max(heap.last, used);
      else if (now() > seconds / 3) heap.second = Math.max(heap.second, used);
    }, 1_000);

    const following = setInterval(() => {
      node.request("eth_blockNumber", []).then(
        (number) => (head = Number(number)),
        () => {},
      );
    }, 100);
    await Promise.all(Array.from({ length: PRODUCERS }, producer));
    const blockSeconds = now() / (head - firstHead);
    clearInterval(looking);
    // Normal is what an idle system does: what is admitted has left, and there is room for more.
    while (issuer.pressure().waiting > 0) await pause(50);
    const backToNormal = now() - seconds;
    while (waits.length < uids.length) await pause(50);
    clearInterval(following);
    ended.abort();
    await watching;
    await issuer.close();

    const logs = (await node.request("eth_getLogs", [
      { address, topics: [ATTESTED, null, topicOf(speaker.address)], fromBlock: "0x0", toBlock: "latest" },
    ])) as { topics: Hex[] }[];
    const onChain = new Map<Hex, number>();
    for (const { topics } of logs) onChain.set(topics[1]!, (onChain.get(topics[1]!) ?? 0) + 1);
    const at = (all: readonly number[], share: number) => {
      const sorted = [...all].sort((a, b) => a - b);
      return Number(sorted[Math.floor(share * (sorted.length - 1))]!.toFixed(2));
    };
    return {
      seed: options.seed,
      seconds,
      bounds: BOUNDS,
      rate: Math.round(uids.length / (seconds + backToNormal)),
      offered: Math.floor(perSecond * PRODUCERS * seconds),
      admitted: uids.length,
      lost: uids.filter((uid) => !onChain.has(uid)).length,
      doubled: [...onChain.values()].filter((count) => count > 1).length,
      wait: { median: at(waitBlocks, 0.5), p99: at(waitBlocks, 0.99), bound: BOUNDS.blocks + MORE_BLOCKS },
      waitSeconds: { median: at(waits, 0.5), p99: at(waits, 0.99) },
      blockSeconds: Number(blockSeconds.toFixed(2)),
      heap: { second: Math.round(heap.second), last: Math.round(heap.last) },
      mostWaiting,
      backToNormal: Number(backToNormal.toFixed(1)),
    };
  } finally {
    await store.close();
    await rm(directory, { recursive: true, force: true });
    await node.stop();
  }
}

function textOf(report: Report): string {
  const { bounds, wait, waitSeconds: seconds, heap } = report;
  const lines: [string, string][] = [
    ["offered", `${grouped(report.offered)} items in ${report.seconds} s, by ${PRODUCERS} producers`],
    ["admitted", `${grouped(report.admitted)}, ${grouped(report.rate)} a second`],
    ["lost", grouped(report.lost)],
    ["doubled", grouped(report.doubled)],
    ["bound", `${grouped(bounds.items)} items, ${bounds.blocks} blocks of a second`],
    ["most in front of the chain", grouped(report.mostWaiting)],
    ["admitted to included", `${wait.median} blocks median, ${wait.p99} p99, within ${wait.bound}`],
    [
      "the same in seconds",
      `${seconds.median} median, ${seconds.p99} p99; a block took ${report.blockSeconds}`,
    ],
    ["heap", `${heap.second} MiB in the second third of the load, ${heap.last} MiB in the last`],
    ["back to normal", `${report.backToNormal} s after the load`],
  ];
  return [
    `Five times what blocks take, through openIssuer; seed ${JSON.stringify(report.seed)}.`,
    "",
    ...lines.map(([name, value]) => `${name.padEnd(28)}${value}`),
  ].join("\n");
}
