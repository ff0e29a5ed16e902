import { type Hex, ZERO_WORD } from "../hex.js";
import { recordIn } from "../record.js";
import type { Waybill } from "../waybill.js";
import type { Check, Source } from "./report.js";
import { recordSlot } from "./slots.js";
import { slotsOf, standingOf, timeText } from "./standing.js";
import type { Ledger } from "./state.js";
import type { View } from "./view.js";

/**
 * Whether what a statement refers to is on the chain, not revoked and not expired. One step: what that one refers to is
 * its own matter. A uid alone says where a record is, and nothing about a tree: of a leaf the waybill has to be at hand.
 * @param source of the statement's own state: where that is proven, so has this to be
 * @returns null if it refers to nothing
 */
export async function referenceOf(
  ref: Hex,
  beside: readonly Waybill[],
  { view, ledger }: { view: View; ledger: Ledger },
  registry: Hex,
  source: Source,
): Promise<Check | null> {
  if (ref === ZERO_WORD) return null;
  const check = (outcome: Check["outcome"], evidence: string): Check => ({
    name: "reference",
    outcome,
    evidence: `${ref}: ${evidence}`,
    source,
  });
  const known = beside.find(({ uid }) => uid === ref);
  const subject =
    known === undefined ? null : { uid: ref, attestation: known.attestation, leaf: known.proof };
  const state = await ledger(registry, subject === null ? [recordSlot(ref)] : slotsOf(subject));
  if (state.values === null || state.source !== source) return check("unknown", "its state is not known");

  const record = recordIn(state.values[0]!);
  const standing = subject === null ? null : standingOf(subject, state.values);
  if (standing?.contradiction != null) return check("unknown", standing.contradiction);
  if (record?.revoked === true || standing?.revoked === true) return check("fail", "it is revoked");
  const isKept = standing === null ? record !== null && record.recordedAt !== 0 : standing.level !== null;
  const expiresAt = known?.attestation.expiresAt ?? record?.expiresAt ?? 0;
  if (expiresAt !== 0 && view.timestamp >= expiresAt)
    return check("fail", `it expired at ${timeText(expiresAt)}`);
  if (isKept) return check("pass", "it is on the chain, not revoked and not expired");
  return check("unknown", "it has no record; if it is sealed, anchored or signed, hand in its waybill too");
}
