import { keccak_256 } from "@noble/hashes/sha3.js";

const HASHES = 20_000;

/** How many keccak256 of 288 bytes, the struct of a uid, @noble/hashes does in a CPU second on this machine. */
export function nobleKeccak288PerSecond(): number {
  const bytes = new Uint8Array(288);
  // The first round is the compiler's.
  for (let round = 0; ; round += 1) {
    const before = process.cpuUsage();
    for (let count = 0; count < HASHES; count += 1) bytes.set(keccak_256(bytes));
    const { user, system } = process.cpuUsage(before);
    if (round === 1) return (HASHES * 1e6) / (user + system);
  }
}
