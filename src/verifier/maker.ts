import { type Hex, sameAddress } from "../hex.js";
import { codeAt, heard, senderOf } from "./node.js";
import type { Check } from "./report.js";
import type { View } from "./view.js";

/**
 * In which of its ways the registry took a statement: from the issuer itself, or under its signature. The slot says that
 * it was one of them; which one is told by a node, and decides nothing.
 * @param at where its event is
 */
export async function makerOf(
  attester: Hex,
  registry: Hex,
  at: { block: number; blockHash: Hex; transaction: Hex } | null,
  view: View,
): Promise<Check> {
  const told = (outcome: Check["outcome"], evidence: string): Check => ({
    name: "maker",
    outcome,
    evidence,
    source: "rpc",
  });
  const [node] = view.nodes;
  const sent = at === null || node === undefined ? null : await heard(senderOf(node, at.transaction));
  if (at === null || node === undefined || sent === null || sent.blockHash !== at.blockHash) {
    return told("unknown", "no transaction is shown that says whether the issuer sent it or signed it");
  }
  const where = `in block ${at.block}`;
  if (sameAddress(sent.from, attester)) {
    const through = sent.to !== null && sameAddress(sent.to, registry) ? "" : ", through another contract";
    return told("pass", `direct: ${attester} sent it ${where}${through}`);
  }
  // At the block of the report, whose state is at hand: that of the event's is not kept for long.
  const code = await heard(codeAt(node, attester, view.hash));
  if (code === null)
    return told("unknown", `${sent.from} sent it ${where}; how the issuer signed is not shown`);
  return code === "0x"
    ? told("pass", `EIP-712: ${sent.from} sent it ${where} under the signature of ${attester}`)
    : told("pass", `${attester} is a contract: it sent it ${where}, or took its signature there (ERC-1271)`);
}
