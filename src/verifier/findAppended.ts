import type { Level } from "../attestation.js";
import type { Chain } from "../chain/chain.js";
import { APPENDED, appendedOf, type Registry } from "../chain/registry.js";
import { type Hex, ZERO_WORD } from "../hex.js";
import { appendRoot, appendUids } from "../stream.js";
import { rootOf } from "../tree.js";
import { topicOf } from "./readBack.js";

/** A node's limit for logs; whoever copies a signed batch does so within minutes. */
const BLOCKS = 5_000;

/**
 * The transaction that appended exactly these uids at this position, as the head's hash proves; null if none did, as far
 * as this node says. An issuer's signature names no sender: whoever sees a batch can send it first, and ours then fails.
 * @param before the block in which ours failed
 */
export async function findAppended(
  chain: Chain,
  registry: Registry,
  batch: { act: Level; attester: Hex; stream: Hex; position: number },
  uids: readonly Hex[],
  before: number,
): Promise<{ block: number; blockHash: Hex; transaction: Hex } | null> {
  const { act, attester, stream } = batch;
  const position = BigInt(batch.position);
  const logs = await chain.logs({
    address: registry.domain.registry,
    topics: [APPENDED, topicOf(attester), stream],
    from: Math.max(0, before - BLOCKS),
    to: before,
  });
  const links = logs.map((log) => ({ log, ...appendedOf(log) }));
  const link = links.find((one) => one.position === position && one.count === BigInt(uids.length));
  if (link === undefined) return null;

  const previous = links.find((one) => one.position + one.count === position)?.hash;
  const hash = position === 0n ? ZERO_WORD : previous;
  const head =
    hash === undefined
      ? await registry.head(attester, stream, link.log.block - 1)
      : { count: position, hash };
  const ours = act === "anchor" ? appendRoot(head, rootOf(uids), uids.length) : appendUids(head, uids);
  if (head.count !== position || ours.hash !== link.hash) return null;
  return { block: link.log.block, blockHash: link.log.blockHash, transaction: link.log.transaction };
}
