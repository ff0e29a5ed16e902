import type { Pressure } from "../admission/gate.js";
import type { Block } from "../chain/chain.js";
import type { Hex } from "../hex.js";
import type { Hold, Lane } from "../lane/lane.js";
import type { Job, UnminedBatch } from "../store/store.js";

/**
 * What the process that drives jobs has last seen, for those that only look at its store: written at most once for each
 * block, and when what holds it changes, as JSON. Wei are decimal strings.
 */
export type Seen = {
  /** when it was written, Unix milliseconds */
  at: number;
  /** timestamp in Unix seconds, base fee in wei per gas; null if no newest block is known */
  head: { number: number; timestamp: number; baseFee: string } | null;
  /** of each job that rows still come to */
  gates: SeenGate[];
  lanes: SeenLane[];
  /** what a person should know first of what keeps work from going on */
  hold: Hold | null;
};

/** `bounds.blocks`: null for no bound */
export type SeenGate = Omit<Pressure, "bounds"> & {
  job: number;
  name: string;
  bounds: { items: number; blocks: number | null };
};

export type SeenLane = {
  address: Hex;
  /** the lowest nonce that is signed and in no block; null if there is none */
  nonce: number | null;
  /** transactions that are signed and in no block */
  inFlight: number;
  /** of the lowest nonce: what its newest attempt offers at most, wei per gas; null if there is none */
  fee: string | null;
  /** of the lowest nonce: what its job pays at most, wei per gas; null for no limit */
  cap: string | null;
  hold: Hold | null;
};

export function seenOf(
  at: number,
  head: Block | null,
  lanes: readonly Lane[],
  unmined: readonly UnminedBatch[],
  gates: readonly { job: Job; pressure: Pressure }[],
  hold: Hold | null,
): Seen {
  return {
    at,
    head:
      head === null
        ? null
        : { number: head.number, timestamp: head.timestamp, baseFee: head.baseFee.toString() },
    gates: gates.map(({ job, pressure }) => {
      const { items, blocks } = pressure.bounds;
      const bounds = { items, blocks: Number.isFinite(blocks) ? blocks : null };
      return { ...pressure, bounds, job: job.id, name: job.name };
    }),
    lanes: lanes.map((lane) => {
      const own = unmined.filter((batch) => batch.lane === lane.address);
      const lowest = own.reduce<UnminedBatch | null>(
        (a, b) => (a === null || b.nonce < a.nonce ? b : a),
        null,
      );
      return {
        address: lane.address,
        nonce: lowest?.nonce ?? null,
        inFlight: own.length,
        fee: lowest?.attempts.at(-1)?.maxFee.toString() ?? null,
        cap: lowest?.cap?.toString() ?? null,
        hold: lane.hold(),
      };
    }),
    hold,
  };
}
