/** How much may wait: items that are in no block yet, and blocks that it would take to bring them into one. */
export type Bounds = { items: number; blocks: number };

export type PressureState =
  /** there is room */
  | "accepting"
  /** more than half of a bound is used up */
  | "slowing"
  /** a bound is reached: whoever brings more waits until enough has drained */
  | "holding";

export type Pressure = {
  state: PressureState;
  /** items that are admitted and in no block */
  waiting: number;
  /** estimated blocks until all of them are in one */
  blocks: number;
  bounds: Bounds;
  /** items that may come now */
  room: number;
};

const SLOWING = 0.5;

/**
 * Of a bound, where a gate opens again. As high as this, what waits still fills blocks while those who bring more wake up;
 * and not at the bound itself, where every block would open and close it for a handful.
 */
const OPENS = 0.75;

/**
 * Whether more may come.
 * @param perBlock items that a block takes
 * @param before the state until now: a gate that holds opens only below a lower mark
 */
export function pressureOf(
  waiting: number,
  perBlock: number,
  bounds: Bounds,
  before: PressureState,
): Pressure {
  // An idle system takes one item, however small a bound is.
  const most = Math.max(1, Math.min(bounds.items, Math.floor(bounds.blocks * perBlock)));
  const holds = waiting >= most || (before === "holding" && waiting > OPENS * most);
  return {
    state: holds ? "holding" : waiting >= SLOWING * most ? "slowing" : "accepting",
    waiting,
    blocks: waiting / perBlock,
    bounds,
    room: holds ? 0 : most - waiting,
  };
}

/** What is known of how fast a flow drains. `share`: of what blocks have room for by the model, the part that it gets. */
export type Drain = { share: number };

export const UNKNOWN_DRAIN: Drain = { share: 1 };

/** The newest blocks weigh as much as this against all before them. */
const WEIGHT = 1 / 4;

/** However little has been taken lately, and however much: an estimate that leaves this range never comes back from it. */
const LEAST_SHARE = 1 / 64;
const MOST_SHARE = 4;

/**
 * Corrects the model by what blocks have taken: others want room as well, and a chain may be slower than it says. Only
 * blocks that could have been full say that a flow gets less; one that learns from blocks that it did not fill lets in
 * less and less, and closes itself. That a flow gets more is said by any block that took more.
 * @param seen `blocks`: new ones; `ready`: items that were in transactions before the first of them; `taken`: items of the
 *   flow that they hold; `perBlock`: items that a block has room for by the model
 */
export function learn(
  { share }: Drain,
  { blocks, ready, taken, perBlock }: { blocks: number; ready: number; taken: number; perBlock: number },
): Drain {
  const seen = taken / blocks / perBlock;
  const couldBeFull = ready >= blocks * perBlock * share;
  if (!couldBeFull && seen <= share) return { share };
  const mixed = (1 - WEIGHT) * share + WEIGHT * seen;
  return { share: Math.min(MOST_SHARE, Math.max(LEAST_SHARE, mixed)) };
}
