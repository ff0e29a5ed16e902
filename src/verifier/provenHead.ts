import type { Block } from "../chain/chain.js";
import type { Request } from "../chain/http.js";
import type { Registry } from "../chain/registry.js";
import { RpcError, WaybillError } from "../errors.js";
import { hex, numberWord } from "../hex.js";
import type { Head } from "../stream.js";
import { headerOf } from "./header.js";
import type { Stream } from "./links.js";
import { headSlots } from "./slots.js";
import { provenSlots } from "./stateProof.js";

/** The end of a stream in the state of a block, and whether that is proven. */
export type ProvenHead = {
  head: Head;
  proof: { outcome: "pass" | "fail" | "unknown"; evidence: string };
};

/**
 * The end of a stream as the state root of a block has it: a node that makes up either is found out. That the block is
 * in the chain is the word of whoever named it.
 * @param nodes asked in turn, until one proves it
 * @throws WaybillError E_NODE if none proves it and none says it either
 */
export async function provenHead(
  nodes: readonly { name: string; request: Request }[],
  registry: Registry,
  { attester, key }: Stream,
  at: Block,
): Promise<ProvenHead> {
  const address = registry.domain.registry;
  const slots = headSlots(attester, key);
  let proof: ProvenHead["proof"] = { outcome: "unknown", evidence: "no node was asked to prove it" };
  for (const { name, request } of nodes) {
    const block = await heard(request("eth_getBlockByHash", [at.hash, false]));
    const reading = headerOf(block);
    if (reading.outcome !== "pass" || reading.header.hash !== at.hash) {
      const outcome = reading.outcome === "unknown" || block === null ? "unknown" : "fail";
      proof = {
        outcome,
        evidence: `the header that ${name} shows does not make the hash of block ${at.number}`,
      };
      continue;
    }
    const answer = await heard(request("eth_getProof", [address, slots, `0x${at.number.toString(16)}`]));
    if (answer === null) {
      if (proof.outcome !== "fail") proof = { outcome: "unknown", evidence: `${name} gives no proof of it` };
      continue;
    }
    const read = await provenSlots(answer, { stateRoot: reading.header.stateRoot, address, slots });
    if (!read.ok) {
      proof = {
        outcome: "fail",
        evidence: `the proof that ${name} gives of it does not hold: ${read.fault}`,
      };
      continue;
    }
    const [count, hash] = read.account.values as [bigint, bigint];
    const evidence = `slots ${slots[0]} and the next, under the state root of block ${at.number} ${at.hash}`;
    return { head: { count, hash: hex(numberWord(hash)) }, proof: { outcome: "pass", evidence } };
  }
  return { head: await registry.head(attester, key, at.hash), proof };
}

/** Null where a node is silent or refuses. */
async function heard(asking: Promise<unknown>): Promise<unknown> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof WaybillError || error instanceof RpcError) return null;
    throw error;
  }
}
