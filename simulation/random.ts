import { keccak } from "../src/hex.js";

/** A source of chance. Each purpose has one of its own, so that more faults do not move the kills. */
export type Chance = {
  /** a whole number from 0, below a bound */
  below(bound: number): number;
  /** from 0, below 1 */
  share(): number;
  hit(probability: number): boolean;
  pick<T>(weights: readonly (readonly [T, number])[]): T;
};

/** mulberry32 over the hash of seed and purpose */
export function chanceOf(seed: number, purpose: string): Chance {
  const digest = keccak(new TextEncoder().encode(`${seed} ${purpose}`));
  let state = new DataView(digest.buffer, digest.byteOffset).getUint32(0) | 0;
  const share = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    share,
    below: (bound) => Math.floor(share() * bound),
    hit: (probability) => share() < probability,
    pick(weights) {
      let left = share() * weights.reduce((sum, [, weight]) => sum + weight, 0);
      for (const [what, weight] of weights) {
        left -= weight;
        if (left < 0) return what;
      }
      return weights.at(-1)![0];
    },
  };
}
