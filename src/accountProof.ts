import type { Hex } from "./hex.js";

/** An answer of eth_getProof (EIP-1186): all that is taken from it are nodes of tries. */
export type AccountProof = {
  accountProof: readonly Hex[];
  storageProof: readonly { key: Hex; proof: readonly Hex[] }[];
};

/** A path has 64 nibbles and a leaf. */
const MOST_NODES = 65;
/** A branch of 16 hashes and an empty value takes 532 bytes, a leaf of an account fewer than 150. */
const LONGEST_NODE = 600;
/** Slots of one contract: a statement, what it refers to and the end of its stream have fewer. */
const MOST_SLOTS = 16;

/** The nodes of an answer and nothing else: what is kept in a file. Null if it has another form. */
export function proofOf(proof: unknown): AccountProof | null {
  const { accountProof, storageProof } = (proof ?? {}) as { [name: string]: unknown };
  if (!isNodes(accountProof) || !Array.isArray(storageProof) || storageProof.length > MOST_SLOTS) return null;
  const slots = storageProof.map((one: unknown) => {
    const { key, proof: nodes } = (one ?? {}) as { [name: string]: unknown };
    return typeof key === "string" && /^0x[0-9a-fA-F]{1,64}$/.test(key) && isNodes(nodes)
      ? { key: key as Hex, proof: nodes }
      : null;
  });
  return slots.every((slot) => slot !== null) ? { accountProof, storageProof: slots } : null;
}

function isNodes(value: unknown): value is Hex[] {
  return (
    Array.isArray(value) &&
    value.length <= MOST_NODES &&
    value.every(
      (node) =>
        typeof node === "string" && node.length <= 2 + 2 * LONGEST_NODE && /^0x(?:[0-9a-f]{2})+$/i.test(node),
    )
  );
}
