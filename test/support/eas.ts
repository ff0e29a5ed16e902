import {
  type BaseWallet,
  getBytes,
  Signature,
  solidityPackedKeccak256,
  toUtf8Bytes,
  ZeroAddress,
  ZeroHash,
} from "ethers";
import type { Hex } from "../../src/hex.js";

export type EasMessage = {
  schema: Hex;
  recipient: string;
  time: number;
  expirationTime: number;
  revocable: boolean;
  refUID: string;
  data: Hex;
  salt: string;
};

const TYPES = [
  { name: "version", type: "uint16" },
  { name: "schema", type: "bytes32" },
  { name: "recipient", type: "address" },
  { name: "time", type: "uint64" },
  { name: "expirationTime", type: "uint64" },
  { name: "revocable", type: "bool" },
  { name: "refUID", type: "bytes32" },
  { name: "data", type: "bytes" },
  { name: "salt", type: "bytes32" },
];

/**
 * A document of EAS's version 2 as its SDK writes it, by ethers alone: a second opinion beside src/eas.ts.
 * @param contract EAS's, which may be none
 */
export async function easDocument(
  wallet: BaseWallet,
  { chainId, contract }: { chainId: bigint; contract: string },
  said: Partial<EasMessage> & Pick<EasMessage, "schema" | "data">,
) {
  const message = {
    version: 2,
    recipient: ZeroAddress,
    time: 1_700_000_000,
    expirationTime: 0,
    revocable: true,
    refUID: ZeroHash,
    salt: `0x${"5a".repeat(32)}`,
    ...said,
  };
  const domain = { name: "EAS Attestation", version: "1.4.0", chainId, verifyingContract: contract };
  const { r, s, v } = Signature.from(await wallet.signTypedData(domain, { Attest: TYPES }, message));
  const uid = solidityPackedKeccak256(
    [
      "uint16",
      "bytes",
      "address",
      "address",
      "uint64",
      "uint64",
      "bool",
      "bytes32",
      "bytes",
      "bytes32",
      "uint32",
    ],
    [
      2,
      toUtf8Bytes(message.schema),
      message.recipient,
      ZeroAddress,
      message.time,
      message.expirationTime,
      message.revocable,
      message.refUID,
      getBytes(message.data),
      message.salt,
      0,
    ],
  ) as Hex;
  return {
    sig: {
      version: 2,
      uid,
      domain: { ...domain, chainId: chainId.toString() },
      primaryType: "Attest",
      message,
      types: { Attest: TYPES },
      signature: { v, r, s },
    },
    signer: wallet.address,
  };
}
