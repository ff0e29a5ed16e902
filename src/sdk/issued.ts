import { uidOf } from "../attestation.js";
import type { Block, Chain } from "../chain/chain.js";
import { logsInRanges } from "../chain/ranges.js";
import { ANCHORED, ATTESTED, attestedOf, SEALED, type Registry, sameAddress } from "../chain/registry.js";
import { WaybillError } from "../errors.js";
import type { Hex } from "../hex.js";
import { firstBlockFrom } from "../verifier/findBlock.js";
import { topicOf } from "../verifier/readBack.js";

/** Which of an issuer's statements are meant. Times are Unix seconds of the block that recorded them. */
export type Filter = {
  /** null for every schema */
  schema: Hex | null;
  /** recorded at this time or later; null from the first block on */
  since: number | null;
  /** recorded earlier than this; null up to the newest block */
  before: number | null;
};

/**
 * What an issuer has recorded, in the order of the chain, by the registry's own events: no store is needed, and what
 * other machines have issued with the same key is among it. A uid that does not recompute from its event is the node's
 * fault, and nothing is returned of it.
 * @param onLooked told how far it is: the block, and the last one
 * @throws WaybillError E_NODE
 */
export async function* recordedBy(
  chain: Chain,
  registry: Registry,
  issuer: Hex,
  filter: Filter,
  newest: Block,
  onLooked: (block: number, last: number) => void = () => {},
): AsyncGenerator<Hex[]> {
  const range = await rangeOf(chain, filter, newest);
  if (range === null) return;
  const events = { address: registry.domain.registry, topics: [ATTESTED, null, topicOf(issuer)] };
  for await (const logs of logsInRanges(chain, events, range, (block) => onLooked(block, range.to))) {
    const uids: Hex[] = [];
    for (const log of logs) {
      const { uid, attestation } = attestedOf(log);
      if (!sameAddress(attestation.attester, issuer) || uidOf(registry.separator, attestation) !== uid) {
        throw new WaybillError(
          "E_NODE",
          `the node hands out an event of ${uid} that is not what the uid names`,
          {
            mend: "name another node with --rpc-url; nothing was sent",
          },
        );
      }
      if (filter.schema === null || attestation.schema === filter.schema) uids.push(uid);
    }
    if (uids.length > 0) yield uids;
  }
}

/** How many roots an issuer has sealed or anchored: their statements are in no event of their own. */
export async function countRootsBy(
  chain: Chain,
  registry: Registry,
  issuer: Hex,
  filter: Filter,
  newest: Block,
): Promise<number> {
  const range = await rangeOf(chain, filter, newest);
  let count = 0;
  for (const event of range === null ? [] : [SEALED, ANCHORED]) {
    const topics = [event, topicOf(issuer), ...(filter.schema === null ? [] : [filter.schema])];
    const events = { address: registry.domain.registry, topics };
    for await (const logs of logsInRanges(chain, events, range!)) count += logs.length;
  }
  return count;
}

/** Null if no block is in it. */
export async function rangeOf(
  chain: Chain,
  { since, before }: Filter,
  newest: Block,
): Promise<{ from: number; to: number } | null> {
  const from = since === null ? 0 : await firstBlockFrom(chain, since, newest);
  const beyond = before === null ? null : await firstBlockFrom(chain, before, newest);
  const to = beyond === null ? newest.number : beyond - 1;
  return from === null || from > to ? null : { from, to };
}
