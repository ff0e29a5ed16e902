import type { Block } from "../chain/chain.js";
import type { Registry } from "../chain/registry.js";
import { hex, numberWord } from "../hex.js";
import type { Head } from "../stream.js";
import type { Stream } from "./links.js";
import type { NamedNode } from "./node.js";
import type { Check } from "./report.js";
import { headSlots } from "./slots.js";
import { ledgerAt } from "./state.js";
import { openPanel, viewOf } from "./view.js";

/** The end of a stream in the state of a block, whether that is proven, and whose word it is that the block is there. */
export type ProvenHead = { head: Head; proof: Pick<Check, "outcome" | "evidence">; headerTrust: string };

/**
 * The end of a stream as the state root of a block has it: a node that makes up either is found out.
 * @throws WaybillError E_NODE if no node proves it and none says it either
 */
export async function provenHead(
  nodes: readonly NamedNode[],
  registry: Registry,
  { attester, key }: Stream,
  at: Block,
): Promise<ProvenHead> {
  const panel = await openPanel(nodes, registry.domain.chainId);
  const view = await viewOf(panel, at.number);
  const { headerTrust } = view;
  const state =
    view.hash === at.hash
      ? await ledgerAt(view, panel.count)(registry.domain.registry, headSlots(attester, key))
      : null;
  if (state?.values == null || state.source !== "state proof") {
    const { outcome, evidence } =
      view.check.outcome !== "pass" || state === null
        ? {
            ...view.check,
            outcome: view.check.outcome === "fail" ? view.check.outcome : ("unknown" as const),
          }
        : state.check;
    return {
      head: await registry.head(attester, key, at.hash),
      proof: { outcome, evidence },
      headerTrust,
    };
  }
  const [count, hash] = state.values as [bigint, bigint];
  return { head: { count, hash: hex(numberWord(hash)) }, proof: state.check, headerTrust };
}
