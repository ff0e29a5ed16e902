import { AbiCoder, Interface } from "ethers";
import { ATTESTED } from "../src/chain/registry.js";
import type { Request } from "../src/chain/http.js";
import type { Hex } from "../src/hex.js";
import type { World } from "./world.js";

const COUNTER = new Interface([
  "function repeated() view returns (uint256)",
  "function recordsOf(bytes32[]) view returns (uint256[])",
]);

/** Uids in one read, which takes no more gas than the small blocks here allow. */
const READ = 250;

/** Blocks in one question for events. */
const RANGE = 500;

/** How often something was recorded again at a counter. */
export async function repeated(node: Request, counter: Hex, at: string): Promise<number> {
  const call = { to: counter, data: COUNTER.encodeFunctionData("repeated") };
  return Number((await node("eth_call", [call, at])) as Hex);
}

/** How often each uid is on the chain, as the chain itself says. */
export async function timesOf(world: World, uids: readonly Hex[]): Promise<number[]> {
  return world.target === "counter" ? counted(world, uids) : announced(world, uids);
}

async function counted({ node, registry }: World, uids: readonly Hex[]): Promise<number[]> {
  const times: number[] = [];
  for (let start = 0; start < uids.length; start += READ) {
    const data = COUNTER.encodeFunctionData("recordsOf", [uids.slice(start, start + READ)]);
    const answer = (await node("eth_call", [{ to: registry.domain.registry, data }, "latest"])) as string;
    const [words] = AbiCoder.defaultAbiCoder().decode(["uint256[]"], answer) as unknown as [bigint[]];
    times.push(...[...words].map((word) => Number(word >> 242n)));
  }
  return times;
}

async function announced({ node, registry }: World, uids: readonly Hex[]): Promise<number[]> {
  const times = new Map(uids.map((uid) => [uid, 0]));
  const head = Number((await node("eth_blockNumber", [])) as Hex);
  for (let from = 0; from <= head; from += RANGE) {
    const to = Math.min(head, from + RANGE - 1);
    const filter = {
      address: registry.domain.registry,
      topics: [ATTESTED],
      fromBlock: `0x${from.toString(16)}`,
      toBlock: `0x${to.toString(16)}`,
    };
    for (const { topics } of (await node("eth_getLogs", [filter])) as { topics: Hex[] }[]) {
      times.set(topics[1]!, (times.get(topics[1]!) ?? 0) + 1);
    }
  }
  return [...times.values()];
}
