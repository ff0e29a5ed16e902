import { utf8ToBytes } from "@noble/hashes/utils.js";
import { type Hex, hex, keccak } from "../hex.js";

// Of the registry's events. By hand, for a reader in a browser: ethers and the contract's description are 400 kB.

export const ATTESTED = topicOf(
  "Attested(bytes32,address,address,bytes32,bytes32,uint40,bool,bytes32,bytes)",
);
export const SEALED = topicOf("Sealed(address,bytes32,bytes32,bytes)");
export const ANCHORED = topicOf("Anchored(address,bytes32,bytes32,uint40)");
export const APPENDED = topicOf("Appended(address,bytes32,uint64,uint64,bytes32)");
export const REVOKED = topicOf("Revoked(bytes32,address,bytes)");

function topicOf(event: string): Hex {
  return hex(keccak(utf8ToBytes(event)));
}
