import type { Chain, Log, Topics } from "../chain/chain.js";
import { appendOf } from "../chain/events.js";
import type { Registry } from "../chain/registry.js";
import { ANCHORED, APPENDED, ATTESTED, SEALED } from "../chain/topics.js";
import { addressWord, type Hex, hex } from "../hex.js";
import { logsInRanges, MOST_BLOCKS } from "./ranges.js";

/** A stream is one issuer's under one key. */
export type Stream = { attester: Hex; key: Hex };

/** One append as a node shows it: what the event says, and the events right before it, of what was appended. */
export type Link = {
  log: Log;
  position: bigint;
  count: bigint;
  hash: Hex;
  content:
    | { kind: "recorded"; logs: Log[] }
    | { kind: "sealed" | "anchored"; log: Log }
    /** `first`: how many of them come before the first that is not there */
    | { kind: "missing"; first: number };
};

/** Items whose events are asked for together. */
const ITEMS = 2_000;
/** Blocks that lie between them at most: whatever else the issuer said there comes along. */
const MOST_APART = 1_000;

/**
 * The links of a stream in a range of blocks, in order. First where it was appended to, which costs little however long
 * the range is; then what was appended, a bounded number of items at a time.
 * @param most blocks in one question
 * @yields `to`: what came so far is all that there is up to and including this block; null: in the middle of one
 * @throws WaybillError E_NODE if an event is none that a registry makes
 */
export async function* linksOf(
  chain: Chain,
  registry: Registry,
  stream: Stream,
  range: { from: number; to: number; most?: number },
): AsyncGenerator<{ to: number | null; links: Link[] }> {
  const address = registry.domain.registry;
  const question = { address, topics: [APPENDED, hex(addressWord(stream.attester)), stream.key] };
  const readContent = contentReader(chain, address, stream.attester, range.most ?? MOST_BLOCKS);
  for await (const { to, logs } of logsInRanges(chain, question, range)) {
    const appends = logs.map((log) => ({ log, ...appendOf(log) }));
    for (let start = 0; start < appends.length;) {
      const { group, links } = await readContent(appends.slice(start));
      start += group;
      const last = links.at(-1)!.log.block;
      // A block that is read in parts is behind us only with its last one.
      yield { to: start === appends.length ? to : appends[start]!.log.block > last ? last : null, links };
    }
    if (appends.length === 0) yield { to, links: [] };
  }
}

type Append = Omit<Link, "content">;

/** Reads what appends are about, as many at a time as are near each other. */
function contentReader(chain: Chain, address: Hex, attester: Hex, most: number) {
  const issuer = hex(addressWord(attester));
  const kinds: Topics[] = [
    [ATTESTED, null, issuer],
    [[SEALED, ANCHORED], issuer],
  ];
  let apart = 8;

  async function logsFor(topics: Topics, from: number, to: number): Promise<Log[]> {
    const logs: Log[] = [];
    const range = { from, to, first: to - from + 1, most };
    for await (const part of logsInRanges(chain, { address, topics }, range)) {
      for (const log of part.logs) logs.push(log);
    }
    return logs;
  }

  return async (appends: readonly Append[]): Promise<{ group: number; links: Link[] }> => {
    const from = appends[0]!.log.block;
    let items = 0n;
    let group = 0;
    for (const { log, count } of appends) {
      items += count;
      if (group > 0 && (items > ITEMS || log.block - from > apart)) break;
      group += 1;
    }
    const chosen = appends.slice(0, group);
    const to = chosen.at(-1)!.log.block;
    const found = new Map<string, Log>();
    let received = 0;
    // Most streams are all of one level, so the one that was found last is asked for first.
    for (const topics of [...kinds]) {
      const logs = await logsFor(topics, from, to);
      received += logs.length;
      for (const log of logs) found.set(placeOf(log.blockHash, log.index), log);
      if (chosen.every((append) => contentOf(append, found).kind !== "missing")) {
        if (topics !== kinds[0]) kinds.reverse();
        break;
      }
    }
    // Where the issuer says much else in between, fewer blocks are asked for at a time.
    apart = received > 2 * ITEMS ? Math.floor(apart / 2) : Math.min(MOST_APART, 2 * apart + 1);
    return { group, links: chosen.map((append) => ({ ...append, content: contentOf(append, found) })) };
  };
}

function contentOf({ log, count }: Append, found: ReadonlyMap<string, Log>): Link["content"] {
  const at = (index: number) => found.get(placeOf(log.blockHash, index));
  const last = at(log.index - 1);
  if (last?.topics[0] === SEALED) return { kind: "sealed", log: last };
  if (last?.topics[0] === ANCHORED) return { kind: "anchored", log: last };
  const logs: Log[] = [];
  const start = log.index - Number(count);
  for (let index = start; index < log.index; index += 1) {
    const item = index < 0 ? undefined : at(index);
    if (item === undefined) return { kind: "missing", first: logs.length };
    logs.push(item);
  }
  return { kind: "recorded", logs };
}

function placeOf(blockHash: Hex, index: number): string {
  return `${blockHash}${index}`;
}
