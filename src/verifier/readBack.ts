import { type Attestation, type Item, type Level, packItems, uidOf } from "../attestation.js";
import type { Inclusion } from "../batch.js";
import type { Block, Chain } from "../chain/chain.js";
import {
  APPENDED,
  appendedOf,
  ATTESTED,
  attestedOf,
  type Record,
  type Registry,
  sameAddress,
  SEALED,
  sealedData,
} from "../chain/registry.js";
import { WaybillError } from "../errors.js";
import { type Hex, hex } from "../hex.js";
import { rootOf } from "../tree.js";

/** What was meant to be on the chain. */
export type Expected = { id: number; uid: Hex; item: Item };

/** A batch that is in a block for good. */
export type Landed = {
  act: Level | "revoke";
  schema: Hex;
  attester: Hex;
  /** the zero word for none */
  stream: Hex;
  /** in the stream; null without one */
  position: number | null;
  inclusion: Inclusion;
};

/** Uids in one read: 64 KiB of calldata and 4 million gas, where nodes allow ten times that in a call. */
const READ = 2_000;

/**
 * Reads a batch back from the chain and compares it with what was meant.
 * @returns the ids of items that are missing or differ; of a root, of a place in a stream, it is all or none
 * @throws WaybillError E_NODE if the node is behind the batch
 */
export async function mismatched(
  chain: Chain,
  registry: Registry,
  batch: Landed,
  items: readonly Expected[],
): Promise<number[]> {
  if (!(await isInPlace(chain, registry, batch, items.length))) return items.map((item) => item.id);
  switch (batch.act) {
    case "record":
      return misrecorded(chain, registry, batch, items);
    case "seal":
    case "anchor":
      return (await isCommitted(chain, registry, { ...batch, act: batch.act }, items))
        ? []
        : items.map((item) => item.id);
    case "revoke":
      return unrevoked(chain, registry, batch, items);
  }
}

/** Whether the block announces that so many statements were appended at the batch's position. */
async function isInPlace(chain: Chain, registry: Registry, batch: Landed, count: number): Promise<boolean> {
  if (batch.position === null) return true;
  await headAbove(chain, batch.inclusion);
  const logs = await chain.logsOf({
    address: registry.domain.registry,
    topics: [APPENDED, topicOf(batch.attester)],
    block: batch.inclusion.blockHash,
  });
  // It could not have succeeded without: the node withholds it, and that says nothing about the batch.
  const ours = logs.filter((log) => log.topics[2] === batch.stream);
  if (ours.length === 0) {
    throw new WaybillError("E_NODE", `the node has no event of a stream in block ${batch.inclusion.block}`, {
      mend: "run again later or with another node; nothing is lost",
    });
  }
  return ours
    .map(appendedOf)
    .some((link) => link.position === BigInt(batch.position!) && link.count === BigInt(count));
}

/**
 * Whether the root that the items make is kept for them. A batch that was sealed before has its event elsewhere; the
 * root is then what speaks for it.
 */
async function isCommitted(
  chain: Chain,
  registry: Registry,
  batch: Landed & { act: "seal" | "anchor" },
  items: readonly Expected[],
): Promise<boolean> {
  const { schema, attester } = batch;
  const root = rootOf(items.map((item) => item.uid));
  const head = await headAbove(chain, batch.inclusion);
  const kept = await registry.root(attester, schema, root, head.hash);
  if (kept === null || kept.count !== items.length) return false;
  const isGenuine = () =>
    items.every(({ uid, item }) => uidOf(registry.separator, { ...item, schema, attester }) === uid);
  if (batch.act === "anchor") return isGenuine();

  if (kept.level !== "seal") return false;
  const sealed = await chain.logsOf({
    address: registry.domain.registry,
    topics: [SEALED, topicOf(attester), schema],
    block: batch.inclusion.blockHash,
  });
  const logs = sealed.filter((log) => log.topics[3] === root);
  if (logs.length === 0) return isGenuine();
  // The registry has made this root of these very bytes, so they need not be hashed here once more.
  const data = sealedData(packItems(items.map(({ item }) => item)));
  return logs.every((log) => log.data === data);
}

/**
 * Compares every field of every item: the event in the very block that the batch is in, and the slot. An item that was
 * recorded earlier has its event elsewhere; its slot is then what speaks for it.
 */
async function misrecorded(
  chain: Chain,
  registry: Registry,
  batch: Landed,
  items: readonly Expected[],
): Promise<number[]> {
  const logs = await chain.logsOf({
    address: registry.domain.registry,
    topics: [ATTESTED, null, topicOf(batch.attester)],
    block: batch.inclusion.blockHash,
  });
  const wanted = new Set(items.map((item) => item.uid));
  const events = logs.filter((log) => wanted.has(log.topics[1]!)).map(attestedOf);
  const announced = new Map(events.map((found) => [found.uid, found.attestation]));
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
async function unrevoked(
  chain: Chain,
  registry: Registry,
  batch: Landed,
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

/** At one head, by its hash. */
async function readRecords(
  chain: Chain,
  registry: Registry,
  inclusion: Inclusion,
  items: readonly Expected[],
): Promise<(Record | null)[]> {
  const head = await headAbove(chain, inclusion);
  const records: (Record | null)[] = [];
  for (let start = 0; start < items.length; start += READ) {
    const uids = items.slice(start, start + READ).map((expected) => expected.uid);
    records.push(...(await registry.records(uids, head.hash)));
  }
  return records;
}

/**
 * The head, if it has the batch below it: a node that lags knows nothing of it, and a missing record would then be said
 * to be wrong for ever.
 * @throws WaybillError E_NODE if the node is behind
 */
async function headAbove(chain: Chain, inclusion: Inclusion): Promise<Block> {
  const head = await chain.block("latest");
  const there = await chain.block(inclusion.block);
  if (head !== null && head.number >= inclusion.block && there?.hash === inclusion.blockHash) return head;
  throw new WaybillError("E_NODE", `the node does not have block ${inclusion.block} ${inclusion.blockHash}`, {
    mend: "run again later or with another node; nothing is lost",
  });
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
