import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Hex, hex, keccak } from "../hex.js";
import type { Mark } from "../verifier/audit.js";

/** Of the layout; others are not read. */
const VERSION = 1;

/** Where an audit came to, so that the next goes on from there: a small file in the data directory. */
export type Checkpoint = {
  /** null if there is none that can be read: then it begins at the beginning */
  read(): Mark | null;
  write(mark: Mark): void;
  forget(): void;
};

/** @param of all that makes it this audit and no other: chain, registry, stream, expectation */
export function checkpointOf(data: string, of: readonly (string | null)[]): Checkpoint {
  const name = hex(keccak(new TextEncoder().encode(JSON.stringify(of)))).slice(2, 34);
  const path = join(data, "audits", `${name}.json`);
  return {
    read() {
      try {
        return markOf(JSON.parse(readFileSync(path, "utf8")));
      } catch {
        return null;
      }
    },
    write({ block, blockHash, head }) {
      const mark = { audit: VERSION, of, block, blockHash, count: head.count.toString(), hash: head.hash };
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(`${path}.new`, `${JSON.stringify(mark, null, 2)}\n`);
      renameSync(`${path}.new`, path);
    },
    forget: () => rmSync(path, { force: true }),
  };
}

function markOf(said: { [name: string]: unknown }): Mark | null {
  const { audit, block, blockHash, count, hash } = said;
  const isWord = (word: unknown): word is Hex => typeof word === "string" && /^0x[0-9a-f]{64}$/.test(word);
  if (audit !== VERSION || !Number.isSafeInteger(block) || !isWord(blockHash) || !isWord(hash)) return null;
  if (typeof count !== "string" || !/^(0|[1-9][0-9]{0,19})$/.test(count)) return null;
  return { block: block as number, blockHash, head: { count: BigInt(count), hash } };
}
