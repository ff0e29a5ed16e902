import { type Chance, chanceOf } from "../../simulation/random.js";

/** Seconds between blocks, gas of a block, and the half of it at which the base fee stays: Ethereum's. */
export const BLOCK_S = 12;
export const BLOCK_GAS = 60_000_000;
export const TARGET_GAS = BLOCK_GAS / 2;
export const DAY_BLOCKS = 86_400 / BLOCK_S;

/**
 * What everybody else wants of a chain, block by block. `wanted[t]` is the gas, in targets, that would be paid for in
 * block t at the `usual` base fee; at another fee it is `wanted · (usual / fee) ^ elasticity`.
 */
export type Demand = {
  seed: number;
  wanted: Float64Array;
  /** wei per gas at which a demand of one target stays where it is */
  usual: number;
  elasticity: number;
  /** of the median transaction while blocks are not overrun, wei per gas */
  tip: number;
};

/**
 * Demand in the shapes that fee records of main networks show: a day's wave (afternoon in Europe and morning in America
 * against the hours before Asia's noon), a level that drifts, blocks that differ from each other, spikes of some minutes
 * to an hour, and mints: a crowd that comes at once, wants many blocks' worth, and leaves.
 */
export function demandOf(seed: number, blocks: number): Demand {
  const chance = chanceOf(seed, "demand");
  const usual = 1e9 * Math.exp(between(chance, Math.log(0.4), Math.log(20)));
  const elasticity = between(chance, 0.7, 1.5);
  const depth = between(chance, 0.2, 0.5);
  const start = chance.below(DAY_BLOCKS);
  const level = driftOf(chanceOf(seed, "drift"), blocks);
  const rough = chanceOf(seed, "blocks");
  const wanted = Float64Array.from({ length: blocks }, (_, block) => {
    const hour = (2 * Math.PI * (start + block)) / DAY_BLOCKS;
    const wave = depth * (Math.cos(hour) + 0.25 * Math.cos(2 * hour + 1));
    return Math.exp(wave + level[block]! + 0.25 * normal(rough));
  });
  crowds(chanceOf(seed, "spikes"), wanted, { perDay: 5, most: 4, minutes: [5, 60] });
  crowds(chanceOf(seed, "mints"), wanted, { perDay: 2, most: 25, minutes: [1, 8] });
  return { seed, wanted, usual, elasticity, tip: usual * between(chance, 0.01, 0.08) };
}

/** A level that wanders and is drawn back within some hours. */
function driftOf(chance: Chance, blocks: number): Float64Array {
  const pull = 1 / (DAY_BLOCKS / 3);
  const step = 0.18 * Math.sqrt(2 * pull);
  let level = 0.18 * normal(chance);
  return Float64Array.from({ length: blocks }, () => (level += step * normal(chance) - pull * level));
}

/** Adds crowds that come at once and thin out by half in each of their times. */
function crowds(
  chance: Chance,
  wanted: Float64Array,
  { perDay, most, minutes: [least, longest] }: { perDay: number; most: number; minutes: [number, number] },
): void {
  const count = Math.round((perDay * wanted.length) / DAY_BLOCKS);
  for (let crowd = 0; crowd < count; crowd += 1) {
    const from = chance.below(wanted.length);
    const size = most ** between(chance, 0.3, 1);
    const half = (60 * least * (longest / least) ** chance.share()) / BLOCK_S;
    for (let block = from; block < Math.min(wanted.length, from + 8 * half); block += 1) {
      wanted[block]! += (size - 1) * 0.5 ** ((block - from) / half);
    }
  }
}

function between(chance: Chance, least: number, most: number): number {
  return least + (most - least) * chance.share();
}

function normal(chance: Chance): number {
  return Math.sqrt(-2 * Math.log(1 - chance.share())) * Math.cos(2 * Math.PI * chance.share());
}
