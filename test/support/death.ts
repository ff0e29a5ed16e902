import { type Ended, startCli } from "./cli.js";
import type { LocalChain } from "./localChain.js";

/** Dead at the nth question of this method: before the node hears it, or after the node has answered. */
export type Death = { method: string; nth: number; heard: boolean };

/** Runs until death, or to the end if the moment never comes. */
export async function runUntil(
  chain: LocalChain,
  death: Death,
  command: string[],
  env: { [name: string]: string },
): Promise<Ended> {
  let count = 0;
  let dead = false;
  chain.between(async ({ method }, forward) => {
    if (dead) return null;
    if (method !== death.method || (count += 1) !== death.nth) return forward();
    dead = true;
    if (death.heard) await forward();
    child.kill("SIGKILL");
    return null;
  });
  const { child, ended } = startCli(command, { env });
  try {
    return await ended;
  } finally {
    chain.between(null);
  }
}
