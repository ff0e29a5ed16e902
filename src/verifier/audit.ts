import type { Block, BlockTag, Chain } from "../chain/chain.js";
import type { Registry } from "../chain/registry.js";
import { WaybillError } from "../errors.js";
import { headOf } from "../chain/head.js";
import { type Hex, ZERO_WORD } from "../hex.js";
import { EMPTY_STREAM, type Head } from "../stream.js";
import { type Finding, follow, type Said } from "./follow.js";
import { linksOf, type Stream } from "./links.js";
import type { NamedNode } from "./node.js";
import { type ProvenHead, provenHead } from "./provenHead.js";

/** Where an audit stands: the head that all blocks up to and including this one make. Enough to go on from. */
export type Mark = { block: number; blockHash: Hex; head: Head };

/** What is compared with a stream while it goes by: it is told of every link once, in order. */
export type Witness = {
  see(said: Said): Promise<void>;
  /** what is wrong, once the stream is over */
  end(): Promise<Finding | null>;
};

export type StreamAudit = {
  stream: Stream;
  /**
   * complete: the head that the logs make is the chain's, proven, and all that was expected is there; broken: it is not,
   * or something is missing, added or in another order; undecided: this node, or this moment, does not let it be told
   */
  verdict: "complete" | "broken" | "undecided";
  because: string;
  finding: Finding | null;
  /** what the logs make */
  rebuilt: Head;
  /** what the chain keeps */
  head: ProvenHead;
  /** statements by level, and how many appends they came in */
  counts: { record: bigint; seal: bigint; anchor: bigint; appends: number };
  asOf: { chainId: bigint; registry: Hex; block: number; hash: Hex; headerTrust: string };
};

export type AuditOptions = {
  /** at least one: they are asked to prove the head */
  nodes: readonly NamedNode[];
  /** up to this block; by default the safe one, or the head of a chain that names none */
  at?: number | BlockTag;
  /** where an earlier audit came to, or the first block to look at; by default the first of the chain */
  from?: Mark | number;
  /** @param from how many statements it is not told of: the mark that is gone on from has them behind it */
  witness?: (from: bigint) => Witness;
  onProgress?: (progress: { block: number; to: number; count: bigint }) => void;
  /** an audit can go on from here; told every so many answers, and at the end */
  onMark?: (mark: Mark) => Promise<void>;
  markEvery?: number;
};

/** Looks at a chain that changes meanwhile, before it is left for later. */
const TRIES = 3;
/** Blocks in one question of a second look: what was cut short in a large answer may be in a small one. */
const CLOSE = 16;

/**
 * Rebuilds the head of a stream from the chain's logs and compares it with the one in the chain's state. Memory does not
 * grow with the stream. Nothing of what a node says is believed that does not make the head; a second look is taken
 * before anything is said to be wrong.
 * @throws WaybillError E_NODE if no answer came, or there is no such block
 */
export async function auditStream(
  chain: Chain,
  registry: Registry,
  stream: Stream,
  options: AuditOptions,
): Promise<StreamAudit> {
  let start = await startOf(chain, options.from);
  for (let tries = 1; ; tries += 1) {
    const at = await pinned(chain, options.at);
    const audit = await lookAt(chain, registry, stream, at, start, options).catch((error: unknown) => {
      if (error instanceof WaybillError && error.code === "E_NODE") return error;
      throw error;
    });
    // What was read in between may be of two chains, unless the last block is where it was.
    const moved = !(await isCanonical(chain, at));
    if (!moved && audit instanceof WaybillError) throw audit;
    const goneOn = start.head.count > 0n && !(audit instanceof WaybillError) && audit.verdict === "broken";
    if (!(audit instanceof WaybillError) && !moved && !goneOn) return audit;
    if (tries === TRIES) {
      throw new WaybillError("E_NODE", `the chain has changed at block ${at.number} again and again`, {
        mend: "ask for an older block with --at, or run again later",
      });
    }
    // Nothing is said to be wrong by what was read in another run, or of another chain.
    start = beginningOf(options.from);
  }
}

async function lookAt(
  chain: Chain,
  registry: Registry,
  stream: Stream,
  at: Block,
  start: Mark,
  { nodes, witness: makeWitness, onProgress, onMark, markEvery = 16 }: AuditOptions,
): Promise<StreamAudit> {
  const witness = makeWitness?.(start.head.count) ?? null;
  const counts = { record: 0n, seal: 0n, anchor: 0n, appends: 0 };
  let head = start.head;
  /** What the witness was told of: looked at again, it has to be the same. */
  let seen = head;
  let answers = 0;
  /** Before the block of the newest link: what is missing from the logs is not before it. */
  let sure = { block: start.block, head };

  /** @returns what is wrong with the first link that does not follow, behind `from` and up to block `to` */
  async function walk(from: typeof sure, to: number, most?: number): Promise<Finding | null> {
    head = from.head;
    const range = { from: from.block + 1, to, ...(most === undefined ? {} : { most }) };
    for await (const { to: done, links } of linksOf(chain, registry, stream, range)) {
      for (const link of links) {
        const step = follow(registry, stream, head, link);
        if ("finding" in step) return step.finding;
        if (link.log.block > sure.block + 1) sure = { block: link.log.block - 1, head };
        const isNew = head.count === seen.count;
        head = step.head;
        if (head.count < seen.count || (head.count === seen.count && head.hash === seen.hash)) continue;
        if (!isNew || head.count === seen.count) throw twofold(at);
        seen = head;
        counts[step.said.level] += link.count;
        counts.appends += 1;
        await witness?.see(step.said);
      }
      if (done === null) continue;
      onProgress?.({ block: done, to: at.number, count: head.count });
      await mark(done);
    }
    return null;
  }

  async function mark(number: number): Promise<void> {
    answers += 1;
    if (onMark === undefined || (answers % markEvery !== 0 && number !== at.number)) return;
    const block = number === at.number ? at : await chain.block(number);
    if (block === null || !(await isCanonical(chain, at))) return;
    await onMark({ block: number, blockHash: block.hash, head });
  }

  /** Once more and from closer: what was cut out of a large answer may be in a small one. */
  async function again(to: number): Promise<Finding | null> {
    return walk(sure, to, Math.max(CLOSE, Math.ceil((to - sure.block) / CLOSE)));
  }

  const kept = await provenHead(nodes, registry, stream, at);
  let finding = await walk(start, at.number);
  while (finding !== null) {
    const end = finding.place!.block;
    finding = await again(end);
    if (finding !== null) break;
    finding = await walk({ block: end, head }, at.number);
  }
  if (finding === null && head.count < kept.head.count) finding = await again(at.number);
  finding ??= difference(head, kept.head);
  if (finding === null && !isSame(head, seen)) throw twofold(at);

  const expected = (await witness?.end()) ?? null;
  const first = [expected, finding].filter((one) => one !== null).sort(byPosition)[0] ?? null;
  const behind = first !== null && (await isBehind(chain, at));
  const [verdict, because] = judged(at, kept, head, first, behind);
  const asOf = { ...registry.domain, block: at.number, hash: at.hash, headerTrust: kept.headerTrust };
  return {
    stream,
    verdict,
    because,
    finding: behind ? null : first,
    rebuilt: head,
    head: kept,
    counts,
    asOf,
  };
}

function judged(
  at: Block,
  kept: ProvenHead,
  head: Head,
  finding: Finding | null,
  behind: boolean,
): [StreamAudit["verdict"], because: string] {
  if (behind)
    return ["undecided", `the node has fallen behind block ${at.number}: ask it later, or another one`];
  if (finding !== null) return ["broken", finding.text];
  if (kept.head.count === 0n) {
    return ["undecided", `nothing was appended to this stream up to block ${at.number}: ask again after it`];
  }
  if (kept.proof.outcome !== "pass") {
    return [
      "undecided",
      `the logs make the head that the node names, but ${kept.proof.evidence}: ask another node`,
    ];
  }
  return [
    "complete",
    `all ${head.count} make the head that the chain keeps, as is proven at block ${at.number}`,
  ];
}

/** What is wrong with links that all follow each other. */
function difference(rebuilt: Head, kept: Head): Finding | null {
  const nowhere = { uid: null, place: null };
  if (rebuilt.count < kept.count) {
    const text = `nothing is shown from position ${rebuilt.count} on, and the chain has ${kept.count}`;
    return { kind: "gap", position: rebuilt.count, ...nowhere, text };
  }
  if (rebuilt.count > kept.count) {
    const text = `${rebuilt.count} are shown, and the chain has ${kept.count}`;
    return { kind: "extra", position: kept.count, ...nowhere, text };
  }
  if (rebuilt.hash === kept.hash) return null;
  const text = `what is shown makes the hash ${rebuilt.hash}, and the chain has ${kept.hash}`;
  return { kind: "fork", position: null, ...nowhere, text };
}

function isSame(a: Head, b: Head): boolean {
  return a.count === b.count && a.hash === b.hash;
}

function byPosition(a: Finding, b: Finding): number {
  if (a.position === null || b.position === null)
    return a.position === b.position ? 0 : a.position === null ? 1 : -1;
  return a.position < b.position ? -1 : a.position > b.position ? 1 : 0;
}

/** What was compared is not what stands there: whoever believed it would believe a node that says both. */
function twofold(at: Block): WaybillError {
  return new WaybillError("E_NODE", `the node shows one stream and then another, up to block ${at.number}`, {
    mend: "ask another node with --rpc-url",
  });
}

async function isBehind(chain: Chain, at: Block): Promise<boolean> {
  const newest = await chain.block("latest");
  return newest === null || newest.number < at.number;
}

/**
 * The block that all of a look is about: by default the safe one, or the head of a chain that names none.
 * @throws WaybillError E_NODE if there is no such block
 */
export async function pinned(chain: Chain, at: number | BlockTag | undefined): Promise<Block> {
  const block =
    at === undefined ? ((await chain.block("safe")) ?? (await headOf(chain))) : await chain.block(at);
  if (block !== null) return block;
  throw new WaybillError("E_NODE", `the node has no block ${at}`, {
    mend: "name one that it has with --at",
  });
}

/** From a mark only if it is of this chain. */
async function startOf(chain: Chain, from: Mark | number | undefined): Promise<Mark> {
  if (typeof from !== "object") return beginningOf(from);
  return (await chain.block(from.block))?.hash === from.blockHash ? from : beginningOf(undefined);
}

function beginningOf(from: Mark | number | undefined): Mark {
  return { block: (typeof from === "number" ? from : 0) - 1, blockHash: ZERO_WORD, head: EMPTY_STREAM };
}

export async function isCanonical(chain: Chain, block: Block): Promise<boolean> {
  return (await chain.block(block.number))?.hash === block.hash;
}
