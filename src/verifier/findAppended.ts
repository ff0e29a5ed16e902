import type { Level } from "../attestation.js";
import type { Chain, Log } from "../chain/chain.js";
import { APPENDED, appendedOf, type Registry } from "../chain/registry.js";
import { RpcError } from "../errors.js";
import { type Hex, ZERO_WORD } from "../hex.js";
import { appendRoot, appendUids } from "../stream.js";
import { rootOf } from "../tree.js";
import { topicOf } from "./readBack.js";

/**
 * The transaction that appended exactly these uids at this position, as the head's hash proves; null if none did, as far
 * as this node says. An issuer's signature names no sender: whoever sees a batch can send it first, and ours then fails.
 * @param within the blocks in which it can be: from where ours was signed to where its fate is asked for
 */
export async function findAppended(
  chain: Chain,
  registry: Registry,
  batch: { act: Level; attester: Hex; stream: Hex; position: number },
  uids: readonly Hex[],
  within: { from: number; to: number },
): Promise<{ block: number; blockHash: Hex; transaction: Hex } | null> {
  const { act, attester, stream } = batch;
  const position = BigInt(batch.position);
  const filter = { address: registry.domain.registry, topics: [APPENDED, topicOf(attester), stream] };
  const logs = await logsWithin(chain, filter, within);
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

/** Nodes bound how many blocks one question may be about, each at another number. */
async function logsWithin(
  chain: Chain,
  filter: { address: Hex; topics: readonly (Hex | null)[] },
  { from, to }: { from: number; to: number },
): Promise<Log[]> {
  try {
    return await chain.logs({ ...filter, from, to });
  } catch (error) {
    if (!(error instanceof RpcError) || from >= to) throw error;
    const middle = Math.floor((from + to) / 2);
    const first = await logsWithin(chain, filter, { from, to: middle });
    return [...first, ...(await logsWithin(chain, filter, { from: middle + 1, to }))];
  }
}
