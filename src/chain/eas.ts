import { utf8ToBytes } from "@noble/hashes/utils.js";
import type { EasStatement } from "../eas.js";
import { WaybillError } from "../errors.js";
import { type Hex, hex, keccak } from "../hex.js";
import { account, calldata, word } from "./calldata.js";
import type { Chain } from "./chain.js";

const REVOKED = hex(keccak(utf8ToBytes("getRevokeOffchain(address,bytes32)")).subarray(0, 4));

/**
 * Asks the contract that a statement was signed for whether its attester has revoked it there.
 * @returns when, as the block's time in Unix seconds; null if it is not revoked, or no such contract is there
 * @throws WaybillError E_NODE
 */
export async function revokedAtEas(
  chain: Chain,
  { contract, attester, uid }: Pick<EasStatement, "contract" | "attester" | "uid">,
): Promise<bigint | null> {
  const data: Hex = calldata(REVOKED, [account(attester), word(uid)]);
  const answer = await chain.call({ to: contract, data }, "latest");
  if (answer.kind === "unavailable") {
    throw new WaybillError("E_NODE", `the node cannot ask EAS at ${contract}: ${answer.message}`, {
      mend: "run again, or name another node with --rpc-url",
    });
  }
  // A contract that has no such function reverts or answers with no word: it keeps no revocations.
  if (answer.kind !== "returned" || !/^0x[0-9a-f]{64}$/.test(answer.data)) return null;
  const time = BigInt(answer.data);
  return time === 0n ? null : time;
}
