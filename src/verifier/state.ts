import { type Hex, hex, keccak, unhex } from "../hex.js";
import { codeAt, heard, proofAt, wordAt } from "./node.js";
import type { Check, Source } from "./report.js";
import { type AccountProof, provenSlots } from "./stateProof.js";
import type { View } from "./view.js";

/** What a contract keeps in its slots at one block; null, with the check that failed, if nothing can be relied on. */
export type State =
  { values: bigint[]; codeHash: Hex | null; source: Source; check: Check } | { values: null; check: Check };

/** Reads slots of a contract at one block. */
export type Ledger = (address: Hex, slots: readonly Hex[]) => Promise<State>;

const NO_CODE = hex(keccak(new Uint8Array(0)));

/** From files: nodes of the state's tries under the header that the reader trusts. */
export function ledgerOf(view: View, proofs: ReadonlyMap<string, AccountProof>): Ledger {
  return async (address, slots) => {
    const proof = proofs.get(address.toLowerCase());
    if (proof === undefined)
      return { values: null, check: proofCheck("unknown", `there is none of ${address}`) };
    return (await provenIn(view, proof, address, slots)) ?? noHeader();
  };
}

/**
 * From nodes: by eth_getProof where one can, else by what more than half of them say. A node whose proof fails is no
 * word against the statement: the next one is asked, and if none has a good one nothing is known. Under a hash that the
 * reader trusts, only what it holds counts.
 */
export function ledgerAt(view: View, count: number): Ledger {
  return async (address, slots) => {
    let failed: State | null = null;
    for (const node of view.header === null ? [] : view.nodes) {
      const proof = await heard(proofAt(node, address, slots, view.block));
      if (proof === null) continue;
      const state = await provenIn(view, proof, address, slots);
      if (state?.values) return state;
      failed ??= state;
    }
    if (failed !== null) return failed;
    if (view.tag !== "pinned") return told(view, count, address, slots);
    return { values: null, check: proofCheck("unknown", `no node proves what ${address} keeps`) };
  };
}

async function provenIn(
  view: View,
  proof: unknown,
  address: Hex,
  slots: readonly Hex[],
): Promise<State | null> {
  if (view.header === null) return null;
  const { stateRoot, number } = view.header;
  const reading = await provenSlots(proof, { stateRoot, address, slots });
  if (!reading.ok) return { values: null, check: proofCheck("fail", reading.fault) };
  const { values, codeHash } = reading.account;
  return {
    values,
    codeHash: codeHash === NO_CODE ? null : codeHash,
    source: "state proof",
    check: proofCheck("pass", `${slotsText(slots)} of ${address} under the state root of block ${number}`),
  };
}

/** What more than half of all nodes say is kept. */
async function told(view: View, count: number, address: Hex, slots: readonly Hex[]): Promise<State> {
  const answers = await Promise.all(
    view.nodes.map(async (node) => {
      const words = await Promise.all(slots.map((slot) => heard(wordAt(node, address, slot, view.hash))));
      const code = await heard(codeAt(node, address, view.hash));
      return code === null || words.includes(null) ? null : { values: words as bigint[], code };
    }),
  );
  const given = answers.filter((answer) => answer !== null);
  const same = (a: (typeof given)[number], b: (typeof given)[number]) =>
    a.code === b.code && a.values.every((value, index) => value === b.values[index]);
  const most = given.find((one) => 2 * given.filter((other) => same(one, other)).length > count);
  if (most === undefined) {
    return {
      values: null,
      check: proofCheck("unknown", `no node proves ${address}, and no more than half agree`),
    };
  }
  return {
    values: most.values,
    codeHash: most.code === "0x" ? null : hex(keccak(unhex(most.code))),
    source: "rpc",
    check: proofCheck("unknown", `${address}: no node gives a proof; this is what it says`),
  };
}

function noHeader(): State {
  return { values: null, check: proofCheck("unknown", "there is no header to check it against") };
}

function proofCheck(outcome: Check["outcome"], evidence: string): Check {
  return { name: "state proof", outcome, evidence, source: outcome === "pass" ? "state proof" : "rpc" };
}

function slotsText(slots: readonly Hex[]): string {
  return slots.length === 1 ? "1 slot" : `${slots.length} slots`;
}
