import { WaybillError } from "../errors.js";
import { type Hex, sameAddress, ZERO_ADDRESS, ZERO_WORD } from "../hex.js";
import type { StateEvidence, Waybill } from "../waybill.js";
import { heard, type NamedNode, proofAt } from "./node.js";
import { headSlots, recordSlot } from "./slots.js";
import { slotsOf, standingOf } from "./standing.js";
import { type AccountProof, proofOf, provenSlots } from "./stateProof.js";
import { openPanel, type View, viewOf } from "./view.js";

/** The safe block of these nodes, under which evidence can be taken. @throws WaybillError E_NODE if it cannot be proven */
export async function safeView(nodes: readonly NamedNode[], chainId: bigint): Promise<View> {
  const view = await viewOf(await openPanel(nodes, chainId), "safe");
  if (view.header !== null) return view;
  throw new WaybillError("E_NODE", view.check.evidence, { mend: "name another node with --rpc-url" });
}

/**
 * What the state of a block holds of a statement, of what it refers to and of its stream's end, so that its waybill can
 * be checked without a node. Checked before it is handed out.
 * @returns null if the statement is not in that state, at the level of the waybill
 * @throws WaybillError E_NODE if no node proves it
 */
export async function stateEvidence(view: View, waybill: Waybill): Promise<StateEvidence | null> {
  const { uid, attestation, stream, schema, registry, proof } = waybill;
  const subject = { uid, attestation, leaf: proof };
  const own = slotsOf(subject);
  const ref = attestation.ref === ZERO_WORD ? [] : [recordSlot(attestation.ref)];
  const head = stream === null ? [] : headSlots(attestation.attester, stream.key);
  const kept = await proofFor(view, registry, [...own, ...ref, ...head]);
  const standing = standingOf(subject, kept.values);
  if (standing.level === null || (proof === null && standing.level !== "record")) return null;
  const resolver = sameAddress(schema.resolver, ZERO_ADDRESS)
    ? null
    : await proofFor(view, schema.resolver, []);
  return { header: view.header!.encoded, registry: kept.proof, resolver: resolver?.proof ?? null };
}

async function proofFor(
  view: View,
  address: Hex,
  slots: readonly Hex[],
): Promise<{ proof: AccountProof; values: bigint[] }> {
  for (const node of view.nodes) {
    const answer = await heard(proofAt(node, address, slots, view.block));
    const reading = await provenSlots(answer, { stateRoot: view.header!.stateRoot, address, slots });
    if (reading.ok) return { proof: proofOf(answer)!, values: reading.account.values };
  }
  throw new WaybillError("E_NODE", `no node proves what ${address} keeps at block ${view.block}`, {
    mend: "name a node that answers eth_getProof, with --rpc-url",
  });
}
