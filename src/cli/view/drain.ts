import type { Overview } from "../../store/store.js";
import type { View } from "./view.js";

/** Blocks that an estimate looks back at. */
const BLOCKS = 30;

/**
 * How long what is left takes if blocks go on to take what the last ones took; null if fewer than two blocks have taken
 * anything.
 * @param left items that are in no block
 */
export function drainOf(left: number, events: Overview["events"]): View["drain"] {
  const included = events.flatMap(({ event, count, at }) =>
    event.kind === "included" && event.succeeded ? [{ block: event.block, count, at }] : [],
  );
  const newest = Math.max(...included.map(({ block }) => block));
  const recent = included.filter(({ block }) => block > newest - BLOCKS);
  const oldest = Math.min(...recent.map(({ block }) => block));
  // What the oldest block took came before the time that is measured.
  const counted = recent.filter(({ block }) => block > oldest);
  const items = counted.reduce((sum, { count }) => sum + count, 0);
  if (items === 0) return null;
  const seconds = (Math.max(...recent.map(({ at }) => at)) - Math.min(...recent.map(({ at }) => at))) / 1000;
  const blocks = Math.ceil((left * (newest - oldest)) / items);
  return { items: left, blocks, seconds: (blocks * seconds) / (newest - oldest) };
}
