import { concatBytes } from "@noble/hashes/utils.js";
import { addressWord, type Hex, hex, keccak, numberWord, unhex } from "../hex.js";

/**
 * Where the registry keeps what it knows: contracts/AttestationRegistry.sol as it is compiled, which never changes where
 * it is deployed. Slots 0 and 1 are what OpenZeppelin's EIP712 keeps of its name and version.
 */
const RECORDS = 2n;
const LEAVES = 3n;
const HEADS = 4n;

/** Of a statement: one word, contracts/types/Record.sol. */
export function recordSlot(uid: Hex): Hex {
  return slotText(entry(unhex(uid), numberWord(RECORDS)));
}

/** Of a root that an attester sealed or anchored under a schema: one word, contracts/types/Root.sol. */
export function rootSlot(attester: Hex, schema: Hex, root: Hex): Hex {
  return slotText(leavesOf(attester, schema, root));
}

/** Of the 256 bits that say which leaves are revoked, the leaf's among them: bit `index % 256`. */
export function revokedLeavesSlot(attester: Hex, schema: Hex, root: Hex, index: number): Hex {
  const bits = numberWord(BigInt(hex(leavesOf(attester, schema, root))) + 1n);
  return slotText(entry(numberWord(BigInt(index) >> 8n), bits));
}

/** Of the end of a stream: how many statements, and their hash; contracts/types/Head.sol. */
export function headSlots(attester: Hex, stream: Hex): [count: Hex, hash: Hex] {
  const head = entry(unhex(stream), entry(addressWord(attester), numberWord(HEADS)));
  return [slotText(head), hex(numberWord(BigInt(hex(head)) + 1n))];
}

function leavesOf(attester: Hex, schema: Hex, root: Hex): Uint8Array {
  const bySchema = entry(addressWord(attester), numberWord(LEAVES));
  return entry(unhex(root), entry(unhex(schema), bySchema));
}

/** Solidity's layout of a mapping: the entry of a key is at keccak256(key ‖ slot of the mapping). */
function entry(key: Uint8Array, mapping: Uint8Array): Uint8Array {
  return keccak(concatBytes(key, mapping));
}

function slotText(slot: Uint8Array): Hex {
  return hex(slot);
}
