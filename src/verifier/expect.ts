import type { Hex } from "../hex.js";
import { rootOf } from "../tree.js";
import type { Witness } from "./audit.js";
import type { Finding, Place } from "./follow.js";
import type { Rows } from "./rows.js";

/**
 * Compares a stream with a list of uids that it is to consist of, in this order and nothing else. The list goes by once
 * with the stream, and is nowhere whole.
 * @param uids the list, without its first `from`
 */
export function expectList(uids: (from: bigint) => AsyncIterable<Hex>, from: bigint): Witness {
  const rest = uids(from)[Symbol.asyncIterator]();
  const next = async (): Promise<Hex | null> => {
    const { done, value } = await rest.next();
    return done === true ? null : value;
  };
  let position = from;
  let first: { at: bigint; place: Place; expected: Hex | null; shown: Hex | null } | null = null;
  let shownInList = false;
  let expectedInStream = false;

  async function sawOther(shown: Hex | null, expected: Hex | null, place: Place): Promise<void> {
    first = { at: position, place, expected, shown };
    for (let uid = await next(); uid !== null && shown !== null; uid = await next()) {
      if (uid === shown) shownInList = true;
    }
  }

  async function isBefore(uid: Hex, end: bigint): Promise<boolean> {
    let at = 0n;
    for await (const one of uids(0n)) {
      if (at === end) return false;
      if (one === uid) return true;
      at += 1n;
    }
    return false;
  }

  return {
    async see(said) {
      if (!("uids" in said)) {
        if (first !== null) return;
        const leaves: Hex[] = [];
        while (leaves.length < said.count) {
          const uid = await next();
          if (uid === null) break;
          leaves.push(uid);
        }
        if (leaves.length < said.count || rootOf(leaves) !== said.root) {
          await sawOther(null, leaves[0] ?? null, said.place);
        }
        position += BigInt(said.count);
        return;
      }
      for (const uid of said.uids) {
        if (first === null) {
          const expected = await next();
          if (expected !== uid) await sawOther(uid, expected, said.place);
          else position += 1n;
        } else if (uid === (first as { expected: Hex | null }).expected) {
          expectedInStream = true;
        }
      }
    },
    async end() {
      if (first === null) {
        const uid = await next();
        if (uid === null) return null;
        const text = `the stream ends before ${uid}, which was expected at position ${position}`;
        return { kind: "missing", position, uid, place: null, text };
      }
      const { at, place, expected, shown } = first;
      const found = (kind: Finding["kind"], uid: Hex | null, text: string): Finding => ({
        kind,
        position: at,
        uid,
        place,
        text,
      });
      if (shown === null)
        return found("altered", null, `the root at position ${at} is not that of the expected uids`);
      if (await isBefore(shown, at)) return found("doubled", shown, `position ${at} has ${shown} once more`);
      if (expected === null || (expectedInStream && !shownInList)) {
        return found("extra", shown, `position ${at} has ${shown}, which was not expected`);
      }
      if (expectedInStream) {
        return found("reordered", shown, `position ${at} has ${shown}, and ${expected} comes later`);
      }
      return found("missing", expected, `position ${at} has ${shown}, and ${expected} is nowhere`);
    },
  };
}

/**
 * Compares a stream with the rows of a job: each once, in the job's order. Others may stand between them if they are
 * known to whoever keeps the job.
 * @param roots of what is anchored, and the rows that each stands for
 * @param isKnown whether a uid that is none of the rows was issued by the same store
 */
export function expectRows(
  rows: Rows,
  roots: ReadonlyMap<Hex, Uint32Array>,
  isKnown: (uid: Hex) => Promise<boolean>,
): Witness & { others(): bigint } {
  let last = -1;
  let others = 0n;
  let first: Finding | null = null;

  function note(kind: Finding["kind"], position: bigint, uid: Hex | null, place: Place, text: string): void {
    first ??= { kind, position, uid, place, text };
  }

  function take(row: number, position: bigint, uid: Hex | null, place: Place): void {
    if (!rows.put(row, place))
      note("doubled", position, uid, place, `position ${position} has a row once more`);
    else if (row < last)
      note("reordered", position, uid, place, `position ${position} has a row that comes earlier`);
    last = Math.max(last, row);
  }

  return {
    async see(said) {
      const { position, place } = said;
      if (!("uids" in said)) {
        const leaves = roots.get(said.root);
        if (leaves === undefined) others += BigInt(said.count);
        else for (const row of leaves) take(row, position, null, place);
        return;
      }
      for (const [index, uid] of said.uids.entries()) {
        const row = rows.rowOf(uid);
        const at = position + BigInt(index);
        if (row !== null) {
          take(row, at, uid, place);
          continue;
        }
        others += 1n;
        if (first === null && !(await isKnown(uid))) {
          note("extra", at, uid, place, `position ${at} has ${uid}, which this store has not issued`);
        }
      }
    },
    end: async () => first,
    others: () => others,
  };
}
