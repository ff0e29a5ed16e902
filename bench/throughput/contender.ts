import type { Hex } from "../../src/hex.js";

/** What a contender is given: everybody the same, but for how many items. */
export type Task = {
  /** the node, behind a proxy that counts */
  url: string;
  /** the contract that is written to: Waybill's AttestationRegistry, or EAS */
  contract: Hex;
  schema: Hex;
  /** private keys with funds that nobody else has; the first one's account issues */
  keys: Hex[];
  /** the name of its items: no two tasks have the same ones */
  variant: string;
  items: number;
  /** between two looks at the chain */
  pollMs: number;
};

/** A contender that has its items and has asked the node nothing that counts. */
export type Ready = {
  /** Puts every item into a block and knows that it is there. This is measured. */
  run(): Promise<void>;
  /** What is left to do or to check when the measuring is over. */
  finish?(): Promise<void>;
};

export type Prepare = (task: Task) => Promise<Ready>;

/** What a contender's process says to the one that started it. */
export type Report = { kind: "ready" } | { kind: "done"; cpuMs: number } | { kind: "finished" };
