import { SigningKey, Transaction, computeAddress } from "ethers";
import { WaybillError } from "./errors.js";
import type { Hex } from "./hex.js";

/** A private key that signs and never shows itself. */
export type Key = {
  /** EIP-55 checksum */
  address: Hex;
  /** 65 bytes r ‖ s ‖ v over a 32-byte digest */
  signDigest(digest: Hex): Hex;
  signTransaction(transaction: UnsignedTransaction): { raw: Hex; hash: Hex };
};

/** EIP-1559. Gas is counted in gas, fees in wei per gas. */
export type UnsignedTransaction = {
  chainId: bigint;
  nonce: number;
  to: Hex;
  data: Hex;
  value?: bigint;
  gasLimit: bigint;
  maxFee: bigint;
  tip: bigint;
};

/** @throws WaybillError E_KEY that does not repeat what it was given */
export function keyOf(privateKey: string, origin: string): Key {
  const text = privateKey.trim();
  const digits = text.startsWith("0x") ? text.slice(2) : text;
  if (!/^[0-9a-fA-F]{64}$/.test(digits)) {
    throw new WaybillError("E_KEY", `the key from ${origin} is not 32 bytes of hex`, {
      mend: "a private key is 64 hex digits, with or without 0x in front",
    });
  }
  const signing = signingKeyOf(`0x${digits}`, origin);
  const address = computeAddress(signing.publicKey) as Hex;
  return {
    address,
    signDigest: (digest) => signing.sign(digest).serialized as Hex,
    signTransaction({ gasLimit, maxFee, tip, ...fields }) {
      const transaction = Transaction.from({
        ...fields,
        type: 2,
        gasLimit,
        maxFeePerGas: maxFee,
        maxPriorityFeePerGas: tip,
      });
      transaction.signature = signing.sign(transaction.unsignedHash);
      return { raw: transaction.serialized as Hex, hash: transaction.hash as Hex };
    },
  };
}

function signingKeyOf(privateKey: string, origin: string): SigningKey {
  try {
    const key = new SigningKey(privateKey);
    computeAddress(key.publicKey);
    return key;
  } catch {
    // ethers' message is dropped on purpose: it may quote the key.
    throw new WaybillError("E_KEY", `the key from ${origin} is not a private key of secp256k1`);
  }
}
