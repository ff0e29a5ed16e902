import { uidOf } from "../attestation.js";
import type { Log } from "../chain/chain.js";
import { anchoredCount, appendOf, sealedItems } from "../chain/events.js";
import { ANCHORED, APPENDED, ATTESTED, SEALED } from "../chain/topics.js";
import { RpcError, WaybillError } from "../errors.js";
import { addressWord, type Hex, hex, numberWord, sameAddress, ZERO_WORD } from "../hex.js";
import { appendRoot, appendUids, type Head } from "../stream.js";
import { rootFrom } from "../tree.js";
import { readStatement } from "./finding.js";
import { heard, logsOf, type NamedNode, wordAt } from "./node.js";
import { headSlots } from "./slots.js";
import type { Subject } from "./standing.js";

/** A claim: this statement was appended to this stream of its issuer, at this position. */
export type Claim = {
  subject: Subject;
  stream: Hex;
  position: bigint;
  /** no later than its own */ from: number;
};

/**
 * `followed`: from the statement to the end of the stream everything hashes to the head, so the claim is as true as the
 * head. `other`: it does, and what stands there is another statement. `beyond`: the stream does not reach there.
 * `far`: too much stands behind it. `unshown`: nothing that hashes to the head was shown.
 */
export type Place = { kind: "followed"; behind: bigint } | { kind: "other" | "beyond" | "far" | "unshown" };

/** Statements behind it that are followed; `waybill audit` follows all. */
export const MOST_BEHIND = 2_000n;
/** Questions for logs: each is about one block, or is where a node wants fewer blocks at once. */
const MOST_QUESTIONS = 128;

/** What one append says, made of what its events say and not of what they claim of it. */
type Link = { position: bigint; count: bigint } & ({ uids: Hex[] } | { root: Hex });

/**
 * Follows a stream from a statement to its head. The head decides: whatever a node shows, only what was appended hashes
 * to it.
 * @param head of the stream, as the state has it
 * @param upTo the block of that state
 */
export async function follow(
  nodes: readonly NamedNode[],
  registry: Hex,
  separator: Uint8Array,
  claim: Claim,
  head: Head,
  upTo: number,
): Promise<Place> {
  if (claim.position >= head.count) return { kind: "beyond" };
  if (head.count - claim.position - 1n > MOST_BEHIND) return { kind: "far" };
  for (const node of nodes) {
    const place = await followAt(node, registry, separator, claim, head, upTo);
    if (place !== null) return place;
  }
  return { kind: "unshown" };
}

async function followAt(
  node: NamedNode,
  registry: Hex,
  separator: Uint8Array,
  { subject, stream, position, from }: Claim,
  head: Head,
  upTo: number,
): Promise<Place | null> {
  const { attester } = subject.attestation;
  const questions = { left: MOST_QUESTIONS };
  const filter = { address: registry, topics: [APPENDED, hex(addressWord(attester)), stream] };
  const appended = await heard(logsWithin(node, filter, from, upTo, questions));
  const appends = (appended ?? []).flatMap((log) => {
    const append = genuine(() => appendOf(log));
    return append !== null && append.position + append.count > position ? [{ log, ...append }] : [];
  });
  const first = appends[0];
  if (first === undefined) return null;

  // Before anything is hashed: what is shown has to be as many as there are.
  const shownCount = appends.reduce((sum, { count }) => sum + count, 0n);
  if (first.position + shownCount !== head.count) return null;

  const blocks = new Map<Hex, ReadonlyMap<number, Log>>();
  const links: Link[] = [];
  for (const { log, position: at, count } of appends) {
    let shown = blocks.get(log.blockHash);
    if (shown === undefined) {
      if (questions.left-- <= 0) return null;
      const all = { address: registry, topics: [], from: log.block, to: log.block };
      const logs = (await heard(logsOf(node, all))) ?? [];
      shown = new Map(logs.filter((one) => one.blockHash === log.blockHash).map((one) => [one.index, one]));
      blocks.set(log.blockHash, shown);
    }
    const link = linkOf(separator, attester, shown, log, at, count);
    if (link === null) return null;
    links.push(link);
  }
  const before =
    first.position === 0n
      ? ZERO_WORD
      : await hashBefore(node, registry, attester, stream, first, from, appended!);
  if (before === null) return null;
  let end: Head = { count: first.position, hash: before };
  for (const link of links) {
    end = "uids" in link ? appendUids(end, link.uids) : appendRoot(end, link.root, Number(link.count));
  }
  if (end.count !== head.count || end.hash !== head.hash) return null;
  const kind = standsIn(links[0]!, subject, position);
  if (kind === null) return { kind: "unshown" };
  return kind ? { kind: "followed", behind: head.count - position - 1n } : { kind: "other" };
}

/**
 * Whether it is the statement that stands there. Of a root, the link's own count says which leaves it has: the registry
 * may keep the root with another, and then nobody can tell (null).
 */
function standsIn(link: Link, { uid, leaf }: Subject, position: bigint): boolean | null {
  const offset = Number(position - link.position);
  if ("uids" in link) return link.uids[offset] === uid;
  if (leaf === null) return link.root === uid && link.count === 1n;
  if (leaf.root !== link.root) return false;
  if (rootFrom(uid, leaf.index, leaf.path, Number(link.count)) !== link.root) return null;
  return leaf.index === offset;
}

/** The events right before an Appended, in its block, are what was appended; null if they cannot be. */
function linkOf(
  separator: Uint8Array,
  attester: Hex,
  logs: ReadonlyMap<number, Log>,
  append: Log,
  position: bigint,
  count: bigint,
): Link | null {
  const at = (index: number) => logs.get(index);
  const last = at(append.index - 1);
  const schema = last?.topics[2];
  if (last?.topics[0] === ANCHORED && count < 2n ** 40n) {
    const leaves = genuine(() => anchoredCount(last));
    return leaves === null || BigInt(leaves) !== count ? null : { position, count, root: last.topics[3]! };
  }
  if (last?.topics[0] === SEALED && schema !== undefined) {
    const items = genuine(() => sealedItems(last));
    if (items === null || BigInt(items.length) !== count) return null;
    return { position, count, uids: items.map((item) => uidOf(separator, { ...item, schema, attester })) };
  }
  if (count > MOST_BEHIND + 65_536n) return null;
  const uids: Hex[] = [];
  for (let index = append.index - Number(count); index < append.index; index += 1) {
    const log = at(index);
    const statement = log?.topics[0] === ATTESTED ? readStatement(log) : null;
    if (statement === null || !sameAddress(statement.attester, attester)) return null;
    uids.push(uidOf(separator, statement));
  }
  return { position, count, uids };
}

/** The stream's hash before an append: of the append before it, or of the state before its block. */
async function hashBefore(
  node: NamedNode,
  registry: Hex,
  attester: Hex,
  stream: Hex,
  first: { log: Log; position: bigint },
  from: number,
  appended: readonly Log[],
): Promise<Hex | null> {
  const previous = (logs: readonly Log[]) =>
    logs
      .map((log) => genuine(() => appendOf(log)))
      .find((append) => append !== null && append.position + append.count === first.position)?.hash;
  const known = previous(appended);
  if (known !== undefined) return known;
  const [, slot] = headSlots(attester, stream);
  const word = await heard(wordAt(node, registry, slot, first.log.block - 1));
  if (word !== null) return hex(numberWord(word));
  const filter = { address: registry, topics: [APPENDED, hex(addressWord(attester)), stream] };
  for (let span = 1_000, to = from - 1; to >= 0 && span < 2 ** 31; to -= span, span *= 4) {
    const logs = await heard(logsOf(node, { ...filter, from: Math.max(0, to - span + 1), to }));
    if (logs === null) return null;
    const found = previous(logs);
    if (found !== undefined) return found;
  }
  return null;
}

/** Nodes bound how many blocks one question may be about, each at another number. */
async function logsWithin(
  node: NamedNode,
  filter: { address: Hex; topics: readonly (Hex | null)[] },
  from: number,
  to: number,
  questions: { left: number },
): Promise<Log[]> {
  if (from > to) return [];
  if (questions.left-- <= 0) throw new WaybillError("E_NODE", "the node wants too many questions");
  try {
    return await logsOf(node, { ...filter, from, to });
  } catch (error) {
    if (!(error instanceof RpcError) || from >= to) throw error;
    const middle = Math.floor((from + to) / 2);
    const first = await logsWithin(node, filter, from, middle, questions);
    return [...first, ...(await logsWithin(node, filter, middle + 1, to, questions))];
  }
}

/** Null for what no registry can have made. */
function genuine<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof WaybillError) return null;
    throw error;
  }
}
