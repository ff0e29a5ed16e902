import type { TransactionReceipt } from "ethers";
import type { Item } from "../src/attestation.js";
import type { Call } from "./chain.js";

/** What every registry of attestations does, as transactions: the issuer's, but for `recordSigned`. */
export type Registry = {
  register(definition: string): Call;
  attest(item: Item): Call;
  record(items: readonly Item[]): Call;
  /** The same, sent by the relayer: the issuer only signs. */
  recordSigned(items: readonly Item[]): Promise<Call>;
  /** @param recorded the transaction that recorded exactly these items */
  revoke(items: readonly Item[], recorded: TransactionReceipt): Call;
  /** Deploys a contract that depends on statements of the issuer's. @returns how it is asked about one, by anybody */
  deployGate(): Promise<(item: Item, recorded: TransactionReceipt) => Call>;
};

/** Unix seconds until when a signature counts: as good as for ever. */
export const DEADLINE = 2 ** 40 - 1;

export type Compiler = { solc: string; runs: number; viaIR: boolean; evmVersion: string };

export function compilerText({ solc, runs, viaIR, evmVersion }: Compiler): string {
  const optimizer = `optimizer ${runs.toLocaleString("en-US")} runs`;
  return [`solc ${solc}`, optimizer, ...(viaIR ? ["via IR"] : []), `for ${evmVersion}`].join(", ");
}
