import { BLOCK_GAS, BLOCK_S, type Demand, TARGET_GAS } from "./demand.js";

/** When block 0 is, Unix seconds. */
export const GENESIS_S = 1_800_000_000;

/** A block that was made. */
export type Made = {
  number: number;
  /** Unix seconds */
  timestamp: number;
  /** wei per gas */
  baseFee: bigint;
  gasUsed: bigint;
  /** of it, what we asked for and got */
  ours: bigint;
  /** wei per gas that the median transaction of the crowd gives as a tip */
  crowdTip: bigint;
};

/** What the next block costs, and what of it can be had. */
export type Coming = { number: number; timestamp: number; baseFee: bigint };

/** A chain whose base fee moves by EIP-1559, to the wei, and whose blocks are filled by a crowd and by us. */
export type SimulatedChain = {
  coming(): Coming;
  /** Makes the next block. @param gas that we hand in @param tip wei per gas that it offers */
  make(gas: bigint, tip: bigint): Made;
};

export function simulatedChain(
  demand: Demand,
  from = 0,
  baseFee = BigInt(Math.round(demand.usual)),
): SimulatedChain {
  let number = from;
  let fee = baseFee;
  return {
    coming: () => ({ number, timestamp: GENESIS_S + number * BLOCK_S, baseFee: fee }),
    make(gas, tip) {
      const crowd = crowdGas(demand, number, Number(fee));
      const crowdTip = BigInt(Math.round(crowdTipOf(demand, crowd)));
      const ours = min(gas, BigInt(roomFor(crowd, tip >= crowdTip)));
      const gasUsed = ours + min(BigInt(Math.round(crowd)), BigInt(BLOCK_GAS) - ours);
      const made = { number, timestamp: GENESIS_S + number * BLOCK_S, baseFee: fee, gasUsed, ours, crowdTip };
      fee = nextBaseFee(fee, gasUsed, BigInt(BLOCK_GAS));
      number += 1;
      return made;
    },
  };
}

/** Gas that the crowd wants in a block at a base fee; more than a block has, when it is a mint. */
export function crowdGas({ wanted, usual, elasticity }: Demand, block: number, baseFee: number): number {
  return TARGET_GAS * wanted[block]! * (usual / baseFee) ** elasticity;
}

/** Who has to get in among more than fit bids more: by as much as the block is overrun. */
export function crowdTipOf({ tip }: Demand, crowd: number): number {
  return tip * Math.max(1, crowd / BLOCK_GAS);
}

/** Gas that is left to us: behind the half of the crowd that gives more, or behind all of it. */
export function roomFor(crowd: number, atMedian: boolean): number {
  return Math.max(0, Math.floor(BLOCK_GAS - (atMedian ? crowd / 2 : crowd)));
}

/** EIP-1559, with a denominator of 8 and a target of half the limit. */
export function nextBaseFee(baseFee: bigint, gasUsed: bigint, gasLimit: bigint): bigint {
  const target = gasLimit / 2n;
  if (gasUsed === target) return baseFee;
  if (gasUsed < target) return baseFee - (baseFee * (target - gasUsed)) / target / 8n;
  const more = (baseFee * (gasUsed - target)) / target / 8n;
  return baseFee + (more > 1n ? more : 1n);
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
