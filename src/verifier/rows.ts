import { type Hex, unhexInto } from "../hex.js";
import type { Place } from "./follow.js";

/**
 * The rows of a job and where each was found, in some 30 bytes a row: a million of them are 30 MB, and uids alone would
 * be 150. Of a uid it keeps half: nobody finds two with the same 16 bytes.
 */
export type Rows = {
  /** how many there are */
  readonly size: number;
  /** Rows are added in order. @param due whether it has to be on the chain by now */
  add(uid: Hex, due: boolean): void;
  /** the number of the row, from 0; null for what is none of them */
  rowOf(uid: Hex): number | null;
  placeOf(row: number): Place | null;
  /** @returns false if it has a place already, which it keeps */
  put(row: number, place: Place): boolean;
  /** the first row that is due and has no place; null if there is none */
  firstMissing(): number | null;
  /** how many uids there are, and how many of them have a place */
  distinct(): number;
  found(): number;
};

const KEPT = 16; // bytes of a uid

/** @param capacity rows at most */
export function rowsFor(capacity: number): Rows {
  const kept = new Uint8Array(capacity * KEPT);
  const due = new Uint8Array(capacity);
  /** one more than the place's index; 0: nowhere yet */
  const placed = new Uint32Array(capacity);
  const places: Place[] = [];
  // Open addressing, at most two thirds full. Uids are hashes already. One more than the row; 0: free.
  const slots = new Uint32Array(2 ** Math.ceil(Math.log2(Math.max(2, capacity * 1.5))));
  const wanted = new Uint8Array(KEPT);
  let size = 0;
  let distinct = 0;
  let found = 0;

  /** The slot that holds the uid, or would. */
  function slotOf(uid: Hex): number {
    unhexInto(wanted, 0, uid.slice(0, 2 + 2 * KEPT));
    let slot = new DataView(wanted.buffer).getUint32(0) & (slots.length - 1);
    for (; slots[slot] !== 0; slot = (slot + 1) & (slots.length - 1)) {
      const start = (slots[slot]! - 1) * KEPT;
      if (wanted.every((byte, index) => kept[start + index] === byte)) break;
    }
    return slot;
  }

  return {
    get size() {
      return size;
    },
    add(uid, isDue) {
      const slot = slotOf(uid);
      kept.set(wanted, size * KEPT);
      due[size] = isDue && slots[slot] === 0 ? 1 : 0;
      size += 1;
      // Of two rows with one uid, the first is found.
      if (slots[slot] !== 0) return;
      slots[slot] = size;
      distinct += 1;
    },
    rowOf(uid) {
      const row = slots[slotOf(uid)]!;
      return row === 0 ? null : row - 1;
    },
    placeOf: (row) => places[placed[row]! - 1] ?? null,
    put(row, place) {
      if (placed[row] !== 0) return false;
      if (places.at(-1)?.transaction !== place.transaction) places.push(place);
      placed[row] = places.length;
      found += 1;
      return true;
    },
    firstMissing() {
      for (let row = 0; row < size; row += 1) if (due[row] === 1 && placed[row] === 0) return row;
      return null;
    },
    distinct: () => distinct,
    found: () => found,
  };
}
