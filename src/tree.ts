import { concatBytes } from "@noble/hashes/utils.js";
import { type Hex, hex, keccak, unhex } from "./hex.js";

/**
 * The Merkle tree of seals and anchors, as contracts/types/Tree.sol has it: the uids in order, then zeros up to the
 * next power of two; a node is the keccak256 of its two children. The root of a single uid is that uid.
 */
export type Tree = {
  root: Hex;
  /** @returns the sibling at every height, from the leaf up. @throws Error if there is no such leaf */
  path(index: number): Hex[];
};

/** @throws Error if there are no leaves */
export function treeOf(uids: readonly Hex[]): Tree {
  if (uids.length === 0) throw new Error("a tree has at least one leaf");
  const rows: Uint8Array[] = [concatBytes(...uids.map(unhex))];
  // A row ends where its last node does not stand for zeros alone; beyond it, all are the same.
  const zeros: Uint8Array[] = [new Uint8Array(WORD)];
  while (rows.at(-1)!.length > WORD) {
    const zero = zeros.at(-1)!;
    rows.push(parents(rows.at(-1)!, zero));
    zeros.push(keccak(concatBytes(zero, zero)));
  }
  return {
    root: hex(rows.at(-1)!),
    path(index) {
      if (!Number.isInteger(index) || index < 0 || index >= uids.length) {
        throw new Error(`no leaf ${index} in a tree of ${uids.length}`);
      }
      return rows.slice(0, -1).map((row, height) => {
        const sibling = ((index >> height) ^ 1) * WORD;
        return hex(sibling < row.length ? row.subarray(sibling, sibling + WORD) : zeros[height]!);
      });
    },
  };
}

/** The root of the tree alone. */
export function rootOf(uids: readonly Hex[]): Hex {
  return treeOf(uids).root;
}

/**
 * Where a path leads to from a leaf; null if a tree of `count` leaves has no such leaf at this height. One index is
 * one leaf, also in a tree that was built by somebody who wishes it were not.
 */
export function rootFrom(uid: Hex, index: number, path: readonly Hex[], count: number): Hex | null {
  if (!Number.isSafeInteger(index) || index < 0 || index >= count || path.length !== heightOf(count))
    return null;
  let node = unhex(uid);
  for (const sibling of path) {
    node = keccak(index % 2 === 1 ? concatBytes(unhex(sibling), node) : concatBytes(node, unhex(sibling)));
    index = Math.floor(index / 2);
  }
  return hex(node);
}

const WORD = 32;

function parents(row: Uint8Array, zero: Uint8Array): Uint8Array {
  const nodes = new Uint8Array(Math.ceil(row.length / (2 * WORD)) * WORD);
  for (let at = 0; at < nodes.length; at += WORD) {
    const pair = row.subarray(2 * at, 2 * at + 2 * WORD);
    nodes.set(keccak(pair.length === 2 * WORD ? pair : concatBytes(pair, zero)), at);
  }
  return nodes;
}

function heightOf(count: number): number {
  let height = 0;
  for (let width = 1; width < count; width *= 2) height += 1;
  return height;
}
