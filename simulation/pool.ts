import { Transaction } from "ethers";
import type { Request } from "../src/chain/http.js";
import type { Hex } from "../src/hex.js";
import type { Answer } from "./proxy.js";
import type { Chance } from "./random.js";

/** Limits of go-ethereum's core/txpool/legacypool: txMaxSize, PriceBump, AccountSlots, AccountQueue. */
const MOST_BYTES = 4 * 32 * 1024;
const PRICE_BUMP = 10n;
const ACCOUNT_SLOTS = 16;
const ACCOUNT_QUEUE = 64;

/** How often a pool under pressure throws out what is beyond an account's slots. */
const PRESSURE = 0.25;

type Pooled = { nonce: Hex; maxFeePerGas?: Hex; maxPriorityFeePerGas?: Hex; gasPrice?: Hex };
type Content = { [account: string]: { [nonce: string]: Pooled } };

/**
 * What geth's pool does and local nodes do not, before a node sees a transaction. Null: the node may have it.
 *
 * Geth refuses by size and by the price of a replacement. It refuses nobody for the number of his transactions: what
 * is beyond the slots of an account is taken, and forgotten later without a word (truncatePending, promoteExecutables).
 */
export async function poolRule(node: Request, raw: Hex, chance: Chance): Promise<Answer | null> {
  const bytes = raw.length / 2 - 1;
  if (bytes > MOST_BYTES) {
    return refusal(`oversized data: transaction size ${bytes}, limit ${MOST_BYTES}`);
  }
  const { from, nonce, hash, maxFeePerGas, maxPriorityFeePerGas } = Transaction.from(raw);
  const account = from!.toLowerCase();
  const { pending, queued } = (await node("txpool_content", [])) as { pending: Content; queued: Content };
  const pooled = { ...of(queued, account), ...of(pending, account) };
  const older = pooled[nonce];
  if (older !== undefined) {
    const fee = BigInt(older.maxFeePerGas ?? older.gasPrice ?? "0x0");
    const tip = BigInt(older.maxPriorityFeePerGas ?? older.gasPrice ?? "0x0");
    // The very same one is told so by the node.
    if (maxFeePerGas === fee && maxPriorityFeePerGas === tip) return null;
    return maxFeePerGas! < raised(fee) || maxPriorityFeePerGas! < raised(tip)
      ? refusal("replacement transaction underpriced")
      : null;
  }
  const executable = Object.keys(of(pending, account)).length;
  const waiting = Object.keys(of(queued, account)).length;
  const forgotten =
    waiting >= ACCOUNT_QUEUE || (executable + waiting >= ACCOUNT_SLOTS && chance.hit(PRESSURE));
  return forgotten ? { kind: "result", result: hash } : null;
}

function of(content: Content, account: string): { [nonce: string]: Pooled } {
  const found = Object.entries(content).find(([one]) => one.toLowerCase() === account);
  return found?.[1] ?? {};
}

function raised(price: bigint): bigint {
  return (price * (100n + PRICE_BUMP)) / 100n;
}

function refusal(message: string): Answer {
  return { kind: "refusal", code: -32000, message };
}
