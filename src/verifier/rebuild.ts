import { type Level, uidOf } from "../attestation.js";
import type { Chain, Log, Topics } from "../chain/chain.js";
import { sealedItems, statementOf } from "../chain/events.js";
import type { Registry } from "../chain/registry.js";
import { ANCHORED, ATTESTED, REVOKED, SEALED } from "../chain/topics.js";
import { addressWord, type Hex, hex } from "../hex.js";
import { logsInRanges } from "./ranges.js";
import type { Rows } from "./rows.js";

/**
 * Finds rows on the chain by its logs alone: whoever knows the uids needs neither a store nor an index. A uid counts for
 * what the content in the log makes, not for what the log says that it is.
 * @param roots of what is anchored, and the rows that each stands for: the chain does not know
 * @throws WaybillError E_NODE if an event is none that a registry makes
 */
export async function findRows(
  chain: Chain,
  registry: Registry,
  issuer: Hex,
  rows: Rows,
  how: {
    acts: readonly (Level | "revoke")[];
    roots?: ReadonlyMap<Hex, Uint32Array>;
    from: number;
    to: number;
    onProgress?: (progress: { block: number; to: number; count: bigint }) => void;
  },
): Promise<void> {
  const address = registry.domain.registry;
  for (const act of how.acts) {
    const question = { address, topics: TOPICS[act](hex(addressWord(issuer))) };
    for await (const { to, logs } of logsInRanges(chain, question, how)) {
      for (const log of logs) {
        const place = { block: log.block, blockHash: log.blockHash, transaction: log.transaction };
        const found =
          act === "anchor"
            ? (how.roots?.get(log.topics[3]!) ?? [])
            : uidsIn(registry, act, issuer, log).map((uid) => rows.rowOf(uid));
        for (const row of found) if (row !== null) rows.put(row, place);
      }
      how.onProgress?.({ block: to, to: how.to, count: BigInt(rows.found()) });
    }
  }
}

const TOPICS: { [act in Level | "revoke"]: (issuer: Hex) => Topics } = {
  record: (issuer) => [ATTESTED, null, issuer],
  seal: (issuer) => [SEALED, issuer],
  anchor: (issuer) => [ANCHORED, issuer],
  revoke: (issuer) => [REVOKED, null, issuer],
};

function uidsIn(
  registry: Registry,
  act: Exclude<Level, "anchor"> | "revoke",
  attester: Hex,
  log: Log,
): Hex[] {
  switch (act) {
    case "revoke":
      return [log.topics[1]!];
    case "record":
      return [uidOf(registry.separator, statementOf(log))];
    case "seal": {
      const schema = log.topics[2]!;
      return sealedItems(log).map((item) => uidOf(registry.separator, { ...item, schema, attester }));
    }
  }
}
