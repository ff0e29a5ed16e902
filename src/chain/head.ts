import { WaybillError } from "../errors.js";
import type { Block, Chain } from "./chain.js";

/**
 * The newest block, for what cannot go on without it.
 * @throws WaybillError E_NODE if there is none: a node that has just begun, or several that disagree
 */
export async function headOf(chain: Chain): Promise<Block> {
  const head = await chain.block("latest");
  if (head !== null) return head;
  throw new WaybillError("E_NODE", "no newest block is known: the node has none yet, or the nodes disagree", {
    mend: "run again later or with another node; nothing is lost",
  });
}
