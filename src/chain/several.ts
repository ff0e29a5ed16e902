import { WaybillError } from "../errors.js";
import type { Hex } from "../hex.js";
import type { Block, BlockTag, Chain, SendReply } from "./chain.js";
import { type Answer, type Member, type NamedChain, panelOf } from "./panel.js";

export type { NamedChain } from "./panel.js";

/** Nodes that name different blocks at one height, and no hash that more than half of all nodes name. */
export type Disagreement = { block: number; said: { name: string; hash: Hex }[] };

export type SeveralOptions = {
  /** what the others have left to answer once one has, in milliseconds */
  patienceMs?: number;
  /** resolves after so many milliseconds */
  after?: (ms: number) => Promise<void>;
  /** told at each look that is left undecided for it */
  onDisagreement?: (found: Disagreement) => void;
};

/**
 * A chain as several nodes tell it, so that none of them is needed and none is believed against the others.
 *
 * - A transaction goes to all of them. The best of their replies counts, in the order of `BEST_FIRST`.
 * - `latest` is the highest head that no node contradicts; a node that lags contradicts nothing. Where nodes hold
 *   different blocks at one height, the hash counts that more than half of all nodes name: of all, not of those that
 *   have the height, or the honest ones could be outvoted while some of them lag. Without such a hash the answer is
 *   null, which decides nothing, and `onDisagreement` is told. The same goes for a block by its number.
 * - A head far above all others is believed, if the chain under it is theirs as far as they know it.
 * - `safe` and `finalized` are the lowest that a node names, as the block that counts at that height.
 * - What hangs on a block is asked of one node after the other until one knows it. Emptiness where there could be
 *   something (no receipt, no code, no log) is asked of the next, and believed when all say so.
 * - All nodes that answer must serve one chain. One that shows up later with another is not heard.
 * - Only transactions, blocks, nonces at the head and the chain's id are asked of all; the rest of the node that
 *   answered last. One that failed or strayed is asked last.
 */
export function severalNodes(
  nodes: readonly NamedChain[],
  { patienceMs = 1_000, after = unheld, onDisagreement }: SeveralOptions = {},
): Chain {
  const panel = panelOf(nodes, patienceMs, after);
  let top = 0;

  /** What counts at a height, of what was said about it; null if that cannot be decided. */
  function agreed(block: number, said: readonly Answer<Hex>[]): Hex | null {
    const votes = new Map<Hex, number>();
    for (const { value } of said) votes.set(value, (votes.get(value) ?? 0) + 1);
    const winner =
      votes.size === 1
        ? said[0]!.value
        : [...votes].find(([, count]) => 2 * count > panel.members.length)?.[0];
    if (winner === undefined) {
      if (votes.size > 0) {
        onDisagreement?.({
          block,
          said: said.map(({ member, value }) => ({ name: member.name, hash: value })),
        });
      }
      return null;
    }
    for (const { member, value } of said) member.strayed = value !== winner;
    return winner;
  }

  async function atHeight(number: number): Promise<{ block: Block | null; holders: Member[] }> {
    const answers = found(await panel.all((chain) => chain.block(number)));
    const hash = agreed(number, hashes(answers));
    const holding = answers.filter(({ value }) => value.hash === hash);
    return { block: holding[0]?.value ?? null, holders: holding.map(({ member }) => member) };
  }

  async function head(): Promise<Block | null> {
    let heads = found(await panel.all((chain) => chain.block("latest")));
    for (const { member, value } of heads) member.head = value.number;
    heads.sort((a, b) => a.value.number - b.value.number);
    for (const height of new Set(heads.map(({ value }) => value.number))) {
      const said = await under(
        heads.filter(({ value }) => value.number >= height),
        height,
      );
      // Those that had this height have strayed below it.
      if (said.length === 0) continue;
      const hash = agreed(height, said);
      if (hash === null) return null;
      // Who names a higher head and is silent about what is under it is not believed.
      heads = heads.filter(({ member }) => said.some((one) => one.member === member && one.value === hash));
    }
    // What is left is at one height.
    const highest = heads[0]?.value ?? null;
    if (highest !== null) top = highest.number;
    return highest;
  }

  /** What nodes with these heads hold at a height. Those one block ahead name it as the parent. */
  async function under(heads: readonly Answer<Block>[], height: number): Promise<Answer<Hex>[]> {
    const known: Answer<Hex>[] = [];
    const ahead: Member[] = [];
    for (const { member, value } of heads) {
      if (value.number === height) known.push({ member, value: value.hash });
      else if (value.number === height + 1) known.push({ member, value: value.parentHash });
      else ahead.push(member);
    }
    if (ahead.length === 0) return known;
    const answers = await panel
      .all((chain) => chain.block(height), { among: ahead, hasAnswer: true })
      .catch(nobody);
    return [...known, ...hashes(found(answers))];
  }

  async function settled(tag: "safe" | "finalized"): Promise<Block | null> {
    const named = found(await panel.all((chain) => chain.block(tag))).map(({ value }) => value);
    if (named.length === 0) return null;
    const lowest = named.reduce((a, b) => (b.number < a.number ? b : a));
    if (named.every(({ hash }) => hash === lowest.hash)) return lowest;
    return (await atHeight(lowest.number)).block;
  }

  /** A number means the block that counts there, so that no node speaks of another one. */
  async function pinned(at: number | Hex | BlockTag): Promise<Hex | BlockTag> {
    if (typeof at !== "number") return at;
    const { block } = await atHeight(at);
    if (block !== null) return block.hash;
    throw new WaybillError("E_NODE", `the nodes know no block ${at}, or disagree about it`, {
      mend: "nothing is lost: run again later, or name other nodes with --rpc-url",
    });
  }

  const heightOf = (at: number | Hex | BlockTag) => (at === "latest" || at === "pending" ? top : 0);

  return {
    chainId: () => panel.chainId(),

    async block(which) {
      if (typeof which === "number") return (await atHeight(which)).block;
      if (which === "latest") return head();
      if (which === "safe" || which === "finalized") return settled(which);
      return panel.inTurn((chain) => chain.block(which));
    },

    receipts: (block, wanted) =>
      panel.inTurn((chain) => chain.receipts(block, wanted), {
        height: block.number,
        willDo: (receipts) => receipts.length >= wanted.length,
        isBetter: (receipts, than) => receipts.length > than.length,
      }),

    receipt: (transaction) => panel.inTurn((chain) => chain.receipt(transaction)),

    async transactionCount(account, at) {
      if (at === "latest" || at === "pending") {
        const counts = await panel.all((chain) => chain.transactionCount(account, at));
        // What at least half of them have come to: one alone, ahead of all others, could make us leave a gap.
        const sorted = counts.map(({ value }) => value).sort((a, b) => b - a);
        return sorted[(sorted.length - 1) >> 1]!;
      }
      // By a number it is only where to look, so it is not worth asking all of them for the block.
      const height = typeof at === "number" ? at : 0;
      return panel.inTurn((chain) => chain.transactionCount(account, at), { height });
    },

    async transactionIn(number, account, nonce) {
      const { block, holders } = await atHeight(number);
      if (block === null) return null;
      return panel.inTurn((chain) => chain.transactionIn(number, account, nonce), { among: holders });
    },

    balance: (account) => panel.inTurn((chain) => chain.balance(account), { height: top }),

    code: (account, at = "latest") =>
      panel.inTurn((chain) => chain.code(account, at), {
        height: heightOf(at),
        willDo: (code) => code !== "0x",
      }),

    async call(call, at) {
      const block = await pinned(at);
      return panel.inTurn((chain) => chain.call(call, block), {
        height: heightOf(at),
        willDo: ({ kind }) => kind !== "unavailable",
      });
    },

    logs: (filter) =>
      panel.inTurn((chain) => chain.logs(filter), {
        height: filter.to,
        willDo: (found, { head, strayed }) =>
          found.length > 0 && !strayed && (head === null || head >= filter.to),
        isBetter: (logs, than) => logs.length > than.length,
      }),

    async logsOf(filter) {
      const logs = await panel.inTurn(async (chain) => {
        const logs = await chain.logsOf(filter);
        // Some clients have an empty list for a block that they do not know.
        return logs.length > 0 || (await chain.block(filter.block)) !== null ? logs : null;
      });
      return logs ?? [];
    },

    estimateGas: (call) => panel.inTurn((chain) => chain.estimateGas(call), { height: top }),

    async send(raw) {
      const replies = await panel
        .all(
          async (chain): Promise<SendReply> => {
            const reply = await chain.send(raw);
            if (reply.kind === "no answer") throw new WaybillError("E_NODE", reply.message);
            return reply;
          },
          { isGood: ({ kind }) => rank(kind) <= rank("known") },
        )
        .catch((error: unknown): Answer<SendReply>[] | string => {
          if (error instanceof WaybillError) return error.message;
          throw error;
        });
      if (typeof replies === "string") return { kind: "no answer", message: replies };
      return replies.map(({ value }) => value).reduce((a, b) => (rank(b.kind) < rank(a.kind) ? b : a));
    },

    suggestedTip: () => panel.inTurn((chain) => chain.suggestedTip()),

    recentBlocks: (count) => panel.inTurn((chain) => chain.recentBlocks(count)),

    baseFees: (newest, count) => panel.inTurn((chain) => chain.baseFees(newest, count), { height: newest }),
  };
}

const BEST_FIRST: readonly SendReply["kind"][] = [
  "accepted",
  "known",
  "nonce too low",
  "underpriced",
  "fee too low",
  "funds",
  "nonce too high",
  "too large",
  "refused",
  "no answer",
];

function rank(kind: SendReply["kind"]): number {
  return BEST_FIRST.indexOf(kind);
}

function found(answers: readonly Answer<Block | null>[]): Answer<Block>[] {
  return answers.filter((answer): answer is Answer<Block> => answer.value !== null);
}

function hashes(answers: readonly Answer<Block>[]): Answer<Hex>[] {
  return answers.map(({ member, value }) => ({ member, value: value.hash }));
}

/** Nodes that fall silent between two questions neither hold nor contradict. */
function nobody(error: unknown): [] {
  if (error instanceof WaybillError) return [];
  throw error;
}

function unheld(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms).unref());
}
