import { secp256k1 } from "@noble/curves/secp256k1.js";
import { concatBytes } from "@noble/hashes/utils.js";
import { bytes, calldata, word } from "../chain/calldata.js";
import { addressWord, type Hex, hex, keccak, numberWord, sameAddress, unhex, ZERO_ADDRESS } from "../hex.js";
import { decode, parseSchema } from "../schema.js";
import { heard, type NamedNode, returned } from "./node.js";
import type { Check } from "./report.js";
import type { Ledger } from "./state.js";
import type { View } from "./view.js";

/** Longer ones are of no wallet: a multi-signature of a hundred owners has 6,500 bytes. */
export const LONGEST_SIGNATURE = 65_536;

/**
 * Level 2 of a statement that is on no chain: whether the named issuer has signed its uid. ECDSA first, as the registry
 * does; then what the issuer's contract says at the block of the report (ERC-1271), or what it would say if it were
 * deployed as the signature tells (ERC-6492). What a contract says cannot be proven: more than half of all nodes have to
 * say the same.
 * @param chain null where nothing can be asked
 */
export async function signedBy(
  signer: Hex,
  digest: Hex,
  signature: Hex,
  chain: { view: View; count: number; ledger: Ledger } | null,
): Promise<Check> {
  const check = (
    outcome: Check["outcome"],
    evidence: string,
    source: Check["source"] = "offline",
  ): Check => ({
    name: "authentic",
    outcome,
    evidence,
    source,
  });
  const recovered = recover(digest, signature);
  if (recovered !== null && sameAddress(recovered, signer))
    return check("pass", `EIP-712: ${signer} signed the uid`);
  const wrapped = unwrap(signature);
  if (chain === null || chain.view.nodes.length === 0) {
    return check(
      "unknown",
      `no key of ${signer} has signed it; whether a contract would take it, a node can tell`,
    );
  }
  const { view, count, ledger } = chain;
  const inner = wrapped?.signature ?? signature;
  const asked = await Promise.all(
    view.nodes.map((node) => contractSays(node, view.hash, signer, digest, inner, wrapped)),
  );
  const kind = wrapped === null ? "ERC-1271" : "ERC-6492";
  const at = `at block ${view.block}`;
  for (const answer of [true, false]) {
    if (2 * asked.filter((one) => one === answer).length <= count) continue;
    if (answer) return check("pass", `${kind}: the contract ${signer} takes it ${at}`, "rpc");
    const state = wrapped === null ? await ledger(signer, []) : null;
    if (state?.values != null && state.codeHash === null) {
      return check("fail", `${signer} has no code ${at}, and its key has not signed it`, state.source);
    }
    return check("fail", `${kind}: the contract ${signer} does not take it ${at}`, "rpc");
  }
  return check("unknown", `${kind}: no more than half of the nodes say the same ${at}`, "rpc");
}

/** The account whose key has signed; null if there is none. Of the two spellings of a signature only the lower s counts. */
export function recover(digest: Hex, signature: Hex): Hex | null {
  if (signature.length !== 2 + 2 * 65) return null;
  const parts = unhex(signature);
  const recovery = parts[64]! - 27;
  if (recovery !== 0 && recovery !== 1) return null;
  try {
    const compact = secp256k1.Signature.fromBytes(parts.subarray(0, 64), "compact").addRecoveryBit(recovery);
    if (compact.hasHighS()) return null;
    const key = compact.recoverPublicKey(unhex(digest)).toBytes(false);
    return hex(keccak(key.subarray(1)).subarray(12));
  } catch {
    // Not a point of the curve.
    return null;
  }
}

type Wrapped = { factory: Hex; call: Hex; signature: Hex };

/** What ends so is abi.encode(factory, calldata, signature) before it; ERC-6492. */
const MAGIC_END = "6492".repeat(16);
const WRAPPER = parseSchema("address factory,bytes call,bytes signature");

function unwrap(signature: Hex): Wrapped | null {
  if (!signature.endsWith(MAGIC_END) || signature.length < 2 + 64) return null;
  try {
    const { factory, call, signature: inner } = decode(WRAPPER, unhex(signature.slice(0, -64))) as Wrapped;
    return { factory, call, signature: inner };
  } catch {
    return null;
  }
}

const IS_VALID: Hex = "0x1626ba7e";
const VALID = `${IS_VALID}${"0".repeat(56)}`;

/**
 * A constructor that hands out 32 bytes: if the signer has no code the factory is called first, then the signer. In an
 * eth_call without `to` it runs on the state of the block, and leaves nothing. Behind it stand signer, factory, the sizes
 * of the factory's calldata and of the signer's, and both.
 */
const ASKER = [
  "604a3803604a600039", // what stands behind these 0x4a bytes, to memory 0
  "6000513b602157", // the signer has code: on to 0x21
  "60006000604051608060006020515af150", // call(gas, factory, 0, its calldata)
  "5b6000602052", // 0x21: memory 0x20 = 0
  "602060206060516040516080016000515afa", // staticcall(gas, signer, its calldata), what it returns to memory 0x20
  "601f3d11166020510260005260206000f3", // that, or zero if it failed or returned less than a word
].join("");

/** Null if nothing was answered. */
async function contractSays(
  node: NamedNode,
  block: Hex,
  signer: Hex,
  digest: Hex,
  signature: Hex,
  wrapped: Wrapped | null,
): Promise<boolean | null> {
  const prepare = unhex(wrapped?.call ?? "0x");
  const ask = unhex(calldata(IS_VALID, [word(digest), bytes(unhex(signature))]));
  const behind = concatBytes(
    addressWord(signer),
    addressWord(wrapped?.factory ?? ZERO_ADDRESS),
    numberWord(BigInt(prepare.length)),
    numberWord(BigInt(ask.length)),
    prepare,
    ask,
  );
  const answer = await heard(returned(node, { data: `0x${ASKER}${hex(behind).slice(2)}` }, block));
  return answer === null ? null : answer === VALID;
}
