import { headOf } from "../chain/head.js";
import type { Chain, Receipt } from "../chain/chain.js";
import { WaybillError } from "../errors.js";
import { believedTip } from "../fees.js";
import { type Hex } from "../hex.js";
import type { Key } from "../key.js";

/** A plain send from one account, for what is harmless to send twice: deployments and registrations. */
export type OneOff = { to: Hex; data: Hex; value?: bigint };

/** Gas and wei that a transaction of an account would take at most, at today's fees. */
export async function priceOf(
  chain: Chain,
  from: Hex,
  transaction: OneOff,
): Promise<{ gas: bigint; maxFee: bigint; tip: bigint }> {
  const head = await headOf(chain);
  const tip = believedTip({ baseFee: head.baseFee, tip: await chain.suggestedTip() });
  const gas = await chain.estimateGas({ from, ...transaction });
  return { gas: gas + gas / 10n, maxFee: 2n * head.baseFee + tip, tip };
}

/** Who pays for one-off transactions: a key, or an account that somebody else signs for. */
export type Payer = {
  address: Hex;
  /** @returns the transaction's hash */
  send(transaction: OneOff): Promise<Hex>;
};

/** @throws on send: WaybillError E_FUNDS, E_NODE, E_REFUSED, E_BUSY */
export function payerOf(chain: Chain, key: Key): Payer {
  return {
    address: key.address,
    async send(transaction) {
      const { gas, maxFee, tip } = await priceOf(chain, key.address, transaction);
      const nonce = await chain.transactionCount(key.address, "latest");
      if ((await chain.transactionCount(key.address, "pending")) > nonce) {
        throw new WaybillError("E_BUSY", `transactions of ${key.address} are on their way`, {
          mend: "run again when they are in a block: one more now could take the place of one of them",
        });
      }
      const { raw, hash } = key.signTransaction({
        ...transaction,
        chainId: await chain.chainId(),
        nonce,
        gasLimit: gas,
        maxFee,
        tip,
      });
      const reply = await chain.send(raw);
      if (!("message" in reply)) return hash;
      if (reply.kind === "funds") throw noFunds(key.address, reply.message);
      if (reply.kind === "no answer") throw new WaybillError("E_NODE", reply.message);
      throw new WaybillError("E_REFUSED", `the node refuses the transaction: ${reply.message}`, {
        mend: "another transaction of this account may be under way: run again when it is in a block",
      });
    },
  };
}

/**
 * Sends and waits until it is in a block.
 * @throws WaybillError E_FUNDS, E_NODE, E_REFUSED; E_REVERTED if it was included and failed
 */
export async function transact(
  chain: Chain,
  payer: Payer,
  transaction: OneOff,
  pollMs: number,
): Promise<Receipt> {
  if ((await chain.balance(payer.address)) === 0n) throw noFunds(payer.address, "it has 0 wei");
  const hash = await payer.send(transaction);
  for (;;) {
    const receipt = await chain.receipt(hash);
    if (receipt?.succeeded === true) return receipt;
    if (receipt !== null) throw new WaybillError("E_REVERTED", `transaction ${hash} was included and failed`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

export function noFunds(address: Hex, detail: string): WaybillError {
  return new WaybillError("E_FUNDS", `the key ${address} cannot pay: ${detail}`, {
    mend: "send funds to that address and run again; nothing is lost",
  });
}
