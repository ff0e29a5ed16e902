import { packedSize } from "../../src/attestation.js";
import { gasOf, mannerOf, workOf } from "../../src/gas.js";
import { ZERO_WORD } from "../../src/hex.js";
import { itemsOf } from "../items.js";

export type Contender = {
  name: string;
  /** which contract it writes to */
  contract: "Waybill AttestationRegistry" | "EAS";
  /** what it calls */
  call: string;
  /** the program of its process, from this folder, and what it exports */
  module: string;
  prepare: string;
  /** accounts that it has */
  keys: number;
  /** items for about this many blocks */
  itemsFor(blocks: number, blockGas: number): number;
};

const contract = "Waybill AttestationRegistry" as const;

/** Nobody gains from the order: each has accounts of its own and begins with the node's pool empty. */
export const CONTENDERS: readonly Contender[] = [
  {
    name: "ethers Wallet, one per transaction",
    contract,
    call: "attest, each awaited",
    module: "../peers/ethers.ts",
    prepare: "onePerTransaction",
    keys: 1,
    itemsFor: (blocks) => blocks,
  },
  {
    name: "ethers NonceManager, sequential batches",
    contract,
    call: "record of 50, each awaited",
    module: "../peers/ethers.ts",
    prepare: "sequentialBatches",
    keys: 1,
    itemsFor: (blocks) => blocks * 50,
  },
  {
    name: "viem nonceManager, parallel batches",
    contract,
    call: "record of 50, 8 at a time",
    module: "../peers/viem.ts",
    prepare: "parallelBatches",
    keys: 1,
    itemsFor: (blocks) => blocks * 50 * 8,
  },
  {
    name: "EAS SDK multiAttest(100)",
    contract: "EAS",
    call: "multiAttest of 100, each awaited",
    module: "../peers/eas.ts",
    prepare: "multiAttest",
    keys: 1,
    itemsFor: (blocks) => blocks * 100,
  },
  ...(["record", "seal"] as const).flatMap((level) =>
    [1, 4].map((lanes) => ({
      name: `Waybill ${level}, ${lanes} ${lanes === 1 ? "lane" : "lanes"}`,
      contract,
      call: `${level}, batches as planned`,
      module: "./waybill.ts",
      prepare: level,
      keys: 1 + lanes,
      itemsFor: (blocks: number, blockGas: number) => Math.floor((blocks * blockGas) / gasPerItem(level)),
    })),
  ),
];

/** By the gas model, in a batch that is large. */
function gasPerItem(level: "record" | "seal"): number {
  const sizes = itemsOf("a large batch", 200).map(packedSize);
  return gasOf(workOf(mannerOf(level, true, ZERO_WORD), sizes)) / sizes.length;
}
