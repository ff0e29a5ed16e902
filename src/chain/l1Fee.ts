import { Interface } from "ethers";
import { WaybillError } from "../errors.js";
import type { Hex } from "../hex.js";
import type { Chain } from "./chain.js";

/** Where every chain of the OP stack says what its transactions cost on the chain below it. */
export const GAS_PRICE_ORACLE: Hex = "0x420000000000000000000000000000000000000F";

const oracle = new Interface([
  "function getL1FeeUpperBound(uint256 unsignedTxSize) view returns (uint256)",
  "function getL1Fee(bytes data) view returns (uint256)",
]);

/** Wei that a chain takes for the bytes of a raw transaction besides its gas, at most and at this moment. */
export type L1Fee = (bytes: number) => Promise<bigint>;

/**
 * The L1 data fee of a chain of the OP stack, by its predeploy GasPriceOracle; null for a chain that has none.
 * `getL1FeeUpperBound` is there since the Fjord upgrade; before, the fee is asked of bytes that nothing compresses and
 * none of which is zero.
 * @throws WaybillError E_NODE, there and in each question
 */
export async function l1FeeOf(chain: Chain): Promise<L1Fee | null> {
  if ((await chain.code(GAS_PRICE_ORACLE)) === "0x") return null;
  return async (bytes) =>
    (await asked(chain, oracle.encodeFunctionData("getL1FeeUpperBound", [bytes]))) ??
    (await asked(chain, oracle.encodeFunctionData("getL1Fee", [`0x${"ff".repeat(bytes)}`]))) ??
    unreadable("it knows neither getL1FeeUpperBound nor getL1Fee");
}

/** The same, looked for when it is first asked; nothing where there is none. */
export function l1FeesOf(chain: Chain): L1Fee {
  let found: { fee: L1Fee | null } | null = null;
  return async (bytes) => {
    found ??= { fee: await l1FeeOf(chain) };
    return found.fee === null ? 0n : found.fee(bytes);
  };
}

/** Null if the contract does not know the function. */
async function asked(chain: Chain, data: string): Promise<bigint | null> {
  const result = await chain.call({ to: GAS_PRICE_ORACLE, data: data as Hex }, "latest");
  if (result.kind === "unavailable") return unreadable(result.message);
  return result.kind === "returned" && result.data.length === 66 ? BigInt(result.data) : null;
}

function unreadable(why: string): never {
  throw new WaybillError("E_NODE", `what the chain takes for data is not known: ${why}`, {
    mend: "run again, or name another node with --rpc-url",
  });
}
