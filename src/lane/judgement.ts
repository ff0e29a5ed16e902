import type { CallResult } from "../chain/chain.js";
import type { Registry } from "../chain/registry.js";
import { type Hex, ZERO_WORD } from "../hex.js";
import type { StoredItem } from "../store/store.js";
import type { RefusedItem, Verdict } from "./step.js";

/**
 * A batch of a transaction. `position`: in its stream; null without one, or as long as it is not known; `behind`: what
 * comes before it in its stream is on its way
 */
export type Member = {
  stream: Hex;
  position: number | null;
  behind: boolean;
  items: readonly StoredItem[];
};

/**
 * Errors of the registry that are about one item, which their first argument names: the root of one item is its uid.
 * Any other is about the call.
 */
const ABOUT_AN_ITEM = ["UidTaken", "RootTaken", "NotRecorded", "AttestedByAnother", "Irrevocable"];

/** Items that are found out in one go; the rest is asked about when the others are planned again. */
const MOST_REFUSED = 32;

/** Runs that say how well a node is, and the share of them that it may leave unanswered and still be believed. */
const RECENT = 20;
const UNANSWERED = 0.3;

/**
 * Judges whether batches may be signed by what a node says when it runs them. An item is refused only if the registry
 * names it, and again when it is asked about alone, in the very block that is the head; and nobody is judged while the
 * node fails for reasons of its own.
 */
export function createJudgement() {
  let recent: CallResult["kind"][] = [];

  async function judge(
    registry: Registry,
    members: readonly Member[],
    probe: (what: readonly Member[], at: "latest" | "head") => Promise<CallResult>,
    gasLimit: bigint,
  ): Promise<Verdict> {
    const ask = async (what: readonly Member[], at: "latest" | "head") => {
      const result = await probe(what, at);
      recent = [...recent, result.kind].slice(-RECENT);
      return result;
    };
    const refused: RefusedItem[] = [];
    let left = members;
    while (refused.length < MOST_REFUSED) {
      const result = await ask(left, "latest");
      if (result.kind === "returned") break;
      if (result.kind === "unavailable") return { kind: "unavailable", detail: result.message };
      const refusal = registry.refusalOf(result.data);
      const waiting = left.find((member) => waitsForOthers(refusal, member));
      if (waiting !== undefined) {
        // What a node cannot say of these yet hides nothing that it can say of the others.
        left = left.filter((member) => !member.behind && member !== waiting);
        if (left.length === 0) break;
        continue;
      }
      const reason =
        result.data === "0x" ? `out of gas with ${gasLimit}?` : registry.refusalText(result.data);
      if (!isWell(recent))
        return { kind: "unavailable", detail: `most of what it runs fails, the last with ${reason}` };
      const named =
        refusal !== null && ABOUT_AN_ITEM.includes(refusal.name) ? (refusal.args[0] as Hex) : null;
      // Among others, an item makes another root.
      const able = refusal?.name === "RootTaken" ? left.filter(({ items }) => items.length === 1) : left;
      const alone = named === null ? [] : holdersOf(able, named);
      // Two streams may be meant to have it; the first of them has, and the last is then the one that is refused.
      const last = alone.at(-1)?.items[0];
      if (last === undefined) return { kind: "refused", detail: reason };
      // By its hash: a node that lags does not have it, and knows nothing of what an item may rest on.
      const again = await ask(alone, "head");
      if (again.kind === "unavailable") return { kind: "unavailable", detail: again.message };
      // Refused only beside the others: that is not the item's fault.
      if (again.kind === "returned" || registry.refusalText(again.data) !== reason)
        return { kind: "refused", detail: reason };
      refused.push({ item: last.id, reason });
      left = without(left, last.id);
      if (left.length === 0) break;
    }
    return refused.length === 0 ? { kind: "passes" } : { kind: "poisoned", refused };
  }

  return { judge };
}

function isWell(recent: readonly CallResult["kind"][]): boolean {
  return recent.filter((kind) => kind === "unavailable").length < UNANSWERED * recent.length;
}

/** Members that hold a named item, with nothing else: asked about alone it would stand where its batch begins. */
function holdersOf(members: readonly Member[], uid: Hex): Member[] {
  return members.flatMap((member) => {
    const item = member.items.find((one) => one.uid === uid);
    return item === undefined ? [] : [{ ...member, items: [item] }];
  });
}

/** Members of which nothing is left are gone, and what is behind in a stream moves up. */
function without(members: readonly Member[], id: number): Member[] {
  const left: Member[] = [];
  const gone = new Map<Hex, number>();
  for (const member of members) {
    const items = member.items.filter((item) => item.id !== id);
    const before = gone.get(member.stream) ?? 0;
    if (items.length < member.items.length && member.stream !== ZERO_WORD)
      gone.set(member.stream, before + 1);
    const position = member.position === null ? null : member.position - before;
    if (items.length > 0) left.push({ ...member, position, items });
  }
  return left;
}

/** Batches of its stream that are on their way are not yet there for a simulation; what it says of them is no fault. */
function waitsForOthers(refusal: ReturnType<Registry["refusalOf"]>, { stream, position }: Member): boolean {
  if (refusal?.name !== "StreamMoved" || position === null) return false;
  const [key, expected, actual] = refusal.args as [Hex, bigint, bigint];
  return key === stream && expected === BigInt(position) && actual < expected;
}
