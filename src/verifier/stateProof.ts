import { verifyMerkleProof } from "@ethereumjs/mpt";
import { RLP } from "@ethereumjs/rlp";
import { type AccountProof, proofOf } from "../accountProof.js";
import { type Hex, hex, keccak, unhex } from "../hex.js";

export { type AccountProof, proofOf };

/**
 * What the state holds of a contract. An account that is not there holds nothing: every value is zero, and its code is
 * none.
 */
export type ProvenAccount = {
  /** keccak256 of its code; null where there is no account */
  codeHash: Hex | null;
  /** in the order in which they were asked for; zero where nothing is kept */
  values: bigint[];
};

export type ProofReading = { ok: true; account: ProvenAccount } | { ok: false; fault: string };

const EMPTY_TRIE = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421";

/**
 * What a state root says of slots of a contract, by the nodes of the tries that lead there; that something is not there
 * is proven in the same way. What the answer says of itself (values, hashes) has to agree, or it is none.
 * @param proof as it came, of a node or in a file
 */
export async function provenSlots(
  proof: unknown,
  state: { stateRoot: Hex; address: Hex; slots: readonly Hex[] },
): Promise<ProofReading> {
  const read = proofOf(proof);
  if (read === null) return { ok: false, fault: "it does not have the form of EIP-1186" };
  const said = proof as Said;
  const leaf = await valueAt(read.accountProof, state.stateRoot, unhex(state.address));
  if (leaf === null) return { ok: false, fault: "its nodes do not lead from the state root to the account" };

  const account = leaf.length === 0 ? null : accountOf(leaf);
  if (account === undefined) return { ok: false, fault: "what it leads to is no account" };
  const storageRoot = account?.storageRoot ?? EMPTY_TRIE;
  if (isOther(said.codeHash, account?.codeHash) || isOther(said.storageHash, account?.storageRoot)) {
    return { ok: false, fault: "what it says of the account is not what it proves" };
  }
  const values: bigint[] = [];
  for (const slot of state.slots) {
    const index = read.storageProof.findIndex(({ key }) => BigInt(key) === BigInt(slot));
    const nodes = read.storageProof[index]?.proof;
    // Of an account that is not there, or keeps nothing, there is nothing to be shown.
    const kept = await valueAt(nodes ?? (storageRoot === EMPTY_TRIE ? [] : null), storageRoot, unhex(slot));
    if (kept === null) return { ok: false, fault: `its nodes do not lead from the account to slot ${slot}` };
    const value = wordIn(kept);
    if (value === null) return { ok: false, fault: `slot ${slot} holds more than a word` };
    const told = said.storageProof[index]?.value;
    if (told !== undefined && !isQuantity(told, value)) {
      return { ok: false, fault: `the value that it says slot ${slot} has is not the one it proves` };
    }
    values.push(value);
  }
  return { ok: true, account: { codeHash: account?.codeHash ?? null, values } };
}

type Said = { codeHash?: unknown; storageHash?: unknown; storageProof: readonly { value?: unknown }[] };

/** What a trie holds at the hash of a key; empty if it is proven to hold nothing; null if nothing is proven. */
async function valueAt(
  nodes: readonly Hex[] | null,
  root: string,
  key: Uint8Array,
): Promise<Uint8Array | null> {
  if (nodes === null) return null;
  // Some clients show the empty trie by its one node, and some by none.
  if (root === EMPTY_TRIE) return nodes.length === 0 || nodes.join() === "0x80" ? new Uint8Array(0) : null;
  if (nodes.length === 0) return null;
  try {
    const trie = { root: unhex(root), useKeyHashingFunction: keccak };
    const value = await verifyMerkleProof(keccak(key), nodes.map(unhex), trie);
    return value ?? new Uint8Array(0);
  } catch {
    return null;
  }
}

/** nonce, balance, storage root, hash of the code. Under a header that a node made up there may be anything. */
function accountOf(leaf: Uint8Array): { storageRoot: Hex; codeHash: Hex } | undefined {
  const fields = decoded(leaf);
  if (!Array.isArray(fields) || fields.length !== 4) return undefined;
  const [storageRoot, codeHash] = fields.slice(2);
  if (!isBytes(storageRoot, 32) || !isBytes(codeHash, 32)) return undefined;
  return { storageRoot: hex(storageRoot), codeHash: hex(codeHash) };
}

function wordIn(kept: Uint8Array): bigint | null {
  if (kept.length === 0) return 0n;
  const word = decoded(kept);
  if (!(word instanceof Uint8Array) || word.length === 0 || word.length > 32) return null;
  return BigInt(hex(word));
}

function decoded(rlp: Uint8Array): unknown {
  try {
    return RLP.decode(rlp);
  } catch {
    return null;
  }
}

function isBytes(value: unknown, size: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length === size;
}

/** Whether an answer says something else than was proven. Of an account that is not there clients say different things. */
function isOther(said: unknown, proven: Hex | undefined): boolean {
  return said !== undefined && proven !== undefined && said !== proven;
}

function isQuantity(said: unknown, value: bigint): boolean {
  return typeof said === "string" && /^0x[0-9a-fA-F]{1,64}$/.test(said) && BigInt(said) === value;
}
