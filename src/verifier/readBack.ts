import { type Attestation, type Item, uidOf } from "../attestation.js";
import type { Inclusion } from "../batch.js";
import type { Chain } from "../chain/chain.js";
import { ATTESTED, attestedOf, type Record, type Registry, sameAddress } from "../chain/registry.js";
import { WaybillError } from "../errors.js";
import { type Hex, hex } from "../hex.js";

/** What was meant to be on the chain. */
export type Expected = { id: number; uid: Hex; item: Item };

/** Uids in one read; a node's limits for calls are far above. */
const READ = 500;

/**
 * Reads a recorded batch back from the chain and compares every field: the event in the very block that the batch is
 * in, and the slot. An item that was recorded earlier has its event elsewhere; its slot is then what speaks for it.
 * @returns the ids of items whose record is missing or differs
 */
export async function misrecorded(
  chain: Chain,
  registry: Registry,
  batch: { schema: Hex; attester: Hex; inclusion: Inclusion },
  items: readonly Expected[],
): Promise<number[]> {
  const logs = await chain.logsOf({
    address: registry.domain.registry,
    topics: [ATTESTED, null, topicOf(batch.attester)],
    block: batch.inclusion.blockHash,
  });
  const announced = new Map(logs.map(attestedOf).map((found) => [found.uid, found.attestation]));
  const records = await readRecords(chain, registry, batch.inclusion, items);
  return items
    .filter((expected, index) => {
      const meant: Attestation = { ...expected.item, schema: batch.schema, attester: batch.attester };
      const event = announced.get(expected.uid);
      if (event !== undefined && !sameStatement(event, meant)) return true;
      if (uidOf(registry.separator, meant) !== expected.uid) return true;
      return !speaksFor(records[index] ?? null, meant);
    })
    .map((expected) => expected.id);
}

/** @returns the ids of items that are not revoked by this attester */
export async function unrevoked(
  chain: Chain,
  registry: Registry,
  batch: { attester: Hex; inclusion: Inclusion },
  items: readonly Expected[],
): Promise<number[]> {
  const records = await readRecords(chain, registry, batch.inclusion, items);
  return items
    .filter((_, index) => {
      const record = records[index] ?? null;
      return record === null || !record.revoked || !sameAddress(record.attester, batch.attester);
    })
    .map((expected) => expected.id);
}

/**
 * At one head, by its hash, and only at one that has the batch below it: a node that lags knows nothing of it, and a
 * missing record would then be said to be wrong for ever.
 * @throws WaybillError E_NODE if the node is behind
 */
async function readRecords(
  chain: Chain,
  registry: Registry,
  inclusion: Inclusion,
  items: readonly Expected[],
): Promise<(Record | null)[]> {
  const head = await chain.block("latest");
  const there = await chain.block(inclusion.block);
  if (head === null || head.number < inclusion.block || there?.hash !== inclusion.blockHash) {
    throw new WaybillError(
      "E_NODE",
      `the node does not have block ${inclusion.block} ${inclusion.blockHash}`,
      {
        mend: "run again later or with another node; nothing is lost",
      },
    );
  }
  const records: (Record | null)[] = [];
  for (let start = 0; start < items.length; start += READ) {
    const uids = items.slice(start, start + READ).map((expected) => expected.uid);
    records.push(...(await registry.records(uids, head.hash)));
  }
  return records;
}

/** Revoked since is still recorded. */
function speaksFor(record: Record | null, meant: Attestation): boolean {
  return (
    record !== null &&
    record.recordedAt !== 0 &&
    sameAddress(record.attester, meant.attester) &&
    record.expiresAt === meant.expiresAt &&
    record.revocable === meant.revocable
  );
}

export function sameStatement(a: Attestation, b: Attestation): boolean {
  return (
    a.schema === b.schema &&
    sameAddress(a.attester, b.attester) &&
    sameAddress(a.recipient, b.recipient) &&
    a.ref === b.ref &&
    a.expiresAt === b.expiresAt &&
    a.revocable === b.revocable &&
    a.salt === b.salt &&
    hex(a.data) === hex(b.data)
  );
}

/** An address as an indexed topic. */
export function topicOf(address: Hex): Hex {
  return `0x${"0".repeat(24)}${address.slice(2).toLowerCase()}`;
}
