import { WaybillError } from "../errors.js";
import type { Hex } from "../hex.js";
import type { Header } from "./header.js";
import { blockOf, chainIdOf, heard, type NamedNode, type SeenBlock } from "./node.js";
import type { AsOf, Check } from "./report.js";

/** How a reader wants the block chosen: by a tag, by its number, or by a hash that the reader trusts. */
export type Choice = "safe" | "finalized" | "latest" | number | { hash: Hex };

/** One block, from which everything else is read. */
export type View = {
  block: number;
  hash: Hex;
  timestamp: number;
  tag: AsOf["tag"];
  headerTrust: string;
  /** null if its hash could not be made anew: nothing can be proven then */
  header: Header | null;
  /** more nodes than half hold it, or the reader named it */
  agreed: boolean;
  /** the chain calls it safe, or the reader named it */
  settled: boolean;
  /** the highest block that more nodes than half call safe; null if there is none */
  safe: number | null;
  /** those that hold this very block */
  nodes: readonly NamedNode[];
  check: Check;
};

/** What each node said at first; of one view, so that all of a report is about one moment. */
export type Panel = {
  chainId: bigint;
  /** all that were named: what is more than half is of these */
  count: number;
  seats: readonly Seat[];
};

type Seat = {
  node: NamedNode;
  safe: SeenBlock | null;
  finalized: SeenBlock | null;
  latest: SeenBlock | null;
};

/**
 * Asks every node for its chain and its tags. A node that serves another chain than most is not heard.
 * @throws WaybillError E_NODE if none answers, E_CHAIN_ID if no chain is served by more than half of those that answer
 */
export async function openPanel(nodes: readonly NamedNode[], expected: bigint | null): Promise<Panel> {
  const answers = await Promise.allSettled(nodes.map(chainIdOf));
  const ids = answers.map((answer) => (answer.status === "fulfilled" ? answer.value : null));
  const heardOf = ids.filter((id) => id !== null);
  if (heardOf.length === 0) {
    const first = answers.find((answer) => answer.status === "rejected");
    if (first?.reason instanceof WaybillError && nodes.length === 1) throw first.reason;
    throw new WaybillError("E_NODE", `none of the ${nodes.length} nodes says which chain it serves`, {
      mend: "check that one of them runs and that the URLs are right (--rpc-url, WAYBILL_RPC_URL)",
    });
  }
  const chainId =
    expected ?? heardOf.find((id) => 2 * heardOf.filter((one) => one === id).length > heardOf.length);
  if (chainId === undefined || !heardOf.includes(chainId)) {
    const served = [...new Set(heardOf)].join(", ");
    throw new WaybillError(
      "E_CHAIN_ID",
      expected === null
        ? `the nodes serve different chains: ${served}`
        : `it is about chain ${expected}, and the node serves chain ${served}`,
      { mend: "name nodes of the right network with --rpc-url" },
    );
  }
  const members = nodes.filter((_, index) => ids[index] === chainId);
  const seats = await Promise.all(
    members.map(async (node): Promise<Seat> => {
      const [safe, finalized, latest] = await Promise.all(
        (["safe", "finalized", "latest"] as const).map((tag) => heard(blockOf(node, tag))),
      );
      return {
        node,
        ...coherent({ safe: safe ?? null, finalized: finalized ?? null, latest: latest ?? null }),
      };
    }),
  );
  return { chainId, count: nodes.length, seats };
}

/**
 * The block of a choice. Of several nodes none decides alone: a tag means the highest block that more than half of them
 * call so or have passed, and a block is one whose hash more than half of them name.
 * @throws WaybillError E_NODE if there is no such block
 */
export async function viewOf(panel: Panel, choice: Choice): Promise<View> {
  if (typeof choice === "object") return pinned(panel, choice.hash);
  const settledAt = (seat: Seat) => seat.safe ?? seat.finalized;
  const quorum = Math.floor(panel.count / 2) + 1;
  const safe = ranked(panel.seats.map(settledAt), quorum);
  if (typeof choice === "number") return atHeight(panel, choice, "block", safe);
  const height =
    choice === "safe"
      ? safe
      : ranked(
          panel.seats.map((seat) => seat[choice]),
          quorum,
        );
  if (height !== null) return atHeight(panel, height, choice, safe);
  throw new WaybillError(
    "E_NODE",
    `no block is known that ${quorum} of ${panel.count} nodes call ${choice}`,
    {
      mend: "run again later, or name other nodes with --rpc-url",
    },
  );
}

/**
 * Of an even number of nodes, half can hold back the time: this is the safe block that only half of them have come to.
 * Null if it is no other.
 */
export function furtherBlock(panel: Panel, view: View): number | null {
  if (view.tag !== "safe" || panel.count % 2 === 1) return null;
  const further = ranked(
    panel.seats.map((seat) => seat.safe ?? seat.finalized),
    panel.count / 2,
  );
  return further !== null && further > view.block ? further : null;
}

/** Final is at most what is safe, and safe at most the newest: of a node that says otherwise only the newest counts. */
function coherent(tags: Omit<Seat, "node">): Omit<Seat, "node"> {
  const heights = [tags.finalized, tags.safe, tags.latest].flatMap((block) => block?.number ?? []);
  const rising = heights.every((height, index) => index === 0 || heights[index - 1]! <= height);
  return rising ? tags : { safe: null, finalized: null, latest: tags.latest };
}

/** The height that this many have come to. */
function ranked(blocks: readonly (SeenBlock | null)[], count: number): number | null {
  const heights = blocks.filter((block) => block !== null).map(({ number }) => number);
  return heights.sort((a, b) => b - a)[count - 1] ?? null;
}

async function atHeight(panel: Panel, number: number, tag: View["tag"], safe: number | null): Promise<View> {
  const seen = await Promise.all(
    panel.seats.map(async ({ node, ...known }) => {
      const named = [known.safe, known.finalized, known.latest].find((one) => one?.number === number);
      return { node, block: named ?? (await heard(blockOf(node, number))) };
    }),
  );
  const held = seen.filter((one): one is { node: NamedNode; block: SeenBlock } => one.block !== null);
  if (held.length === 0) {
    throw new WaybillError("E_NODE", `no node has block ${number}`, {
      mend: "run again later, or name another node with --rpc-url",
    });
  }
  const genuine = held.filter(({ block }) => block.reading.outcome !== "fail");
  // A hash that was made anew holds the time; where it could not be, the time has to be the same as well.
  const vote = ({ hash, timestamp, reading }: SeenBlock) =>
    reading.outcome === "pass" ? hash : `${hash} at ${timestamp}`;
  const votesFor = (one: SeenBlock) => genuine.filter(({ block }) => vote(block) === vote(one));
  const best =
    [...genuine].sort((a, b) => votesFor(b.block).length - votesFor(a.block).length)[0] ?? held[0]!;
  const { block } = best;
  const voters = votesFor(block);
  const agreed = 2 * voters.length > panel.count;
  const trust = panel.count === 1 ? "one node" : `${voters.length} of ${panel.count} nodes`;
  const { reading } = block;
  const known = (outcome: Check["outcome"], evidence: string): Check => ({
    name: "header",
    outcome,
    evidence: `block ${number}: ${evidence}`,
    source: "rpc",
  });
  const check = !agreed
    ? genuine.length === held.length
      ? known(
          "unknown",
          `${voters.length} of ${panel.count} nodes name this hash, which is not more than half`,
        )
      : known("fail", "what is given as its header does not make its hash")
    : reading.outcome === "pass"
      ? known("pass", "its fields make its hash")
      : known("unknown", "it has fields that this version does not know, so its hash cannot be made anew");
  return {
    block: number,
    hash: block.hash,
    timestamp: block.timestamp,
    tag,
    headerTrust: trust,
    header: agreed && reading.outcome === "pass" ? reading.header : null,
    agreed,
    settled: agreed && safe !== null && number <= safe,
    safe,
    nodes: voters.map(({ node }) => node),
    check,
  };
}

/** Whoever hands it out: the hash says whether it is the one. */
async function pinned(panel: Panel, hash: Hex): Promise<View> {
  const answers = await Promise.all(
    panel.seats.map(async ({ node }) => ({ node, block: await heard(blockOf(node, hash)) })),
  );
  const holders = answers.filter(({ block }) => block?.reading.outcome === "pass");
  const reading = holders[0]?.block?.reading;
  if (reading?.outcome === "pass") {
    return viewOfHeader(
      reading.header,
      holders.map(({ node }) => node),
    );
  }
  throw new WaybillError("E_NODE", `no node gives a header that makes the hash ${hash}`, {
    mend: "name another node with --rpc-url, or a block of this chain with --header-hash",
  });
}

/** The block that the reader named by its hash. */
export function viewOfHeader(header: Header, nodes: readonly NamedNode[]): View {
  const { number, hash, timestamp } = header;
  return {
    block: number,
    hash,
    timestamp,
    tag: "pinned",
    headerTrust: "pinned hash",
    header,
    agreed: true,
    settled: true,
    safe: number,
    nodes,
    check: {
      name: "header",
      outcome: "pass",
      evidence: `block ${number}: its fields make the hash that the reader trusts`,
      source: "offline",
    },
  };
}
