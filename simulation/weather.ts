import type { Request } from "../src/chain/http.js";
import type { Hex } from "../src/hex.js";
import type { Key } from "../src/key.js";
import type { Chance } from "./random.js";
import { FINALITY } from "./world.js";

/**
 * What happens on the chain's side, by weight.
 *
 * mine: a block. reorg: the newest 1 to 4 blocks are others, with some, all or none of their transactions. forget: the
 * pool loses a transaction, or all. spike: the base fee jumps. foreign: the lane's key is used by somebody else, who
 * pays more at a nonce of ours; undone: and a reorg takes that back. gap: somebody else is at the next free nonce, ours
 * follow, and a reorg takes his for good: only the lane can fill it. gossip: another node
 * hands on what it still has in its pool.
 */
export type Weather = {
  [kind in "mine" | "reorg" | "forget" | "spike" | "foreign" | "undone" | "gap" | "gossip"]: number;
};

export const WEATHER: Weather = {
  mine: 75,
  reorg: 7,
  forget: 3,
  spike: 2,
  foreign: 4,
  undone: 5,
  gap: 3,
  gossip: 4,
};

/** Turns of the weather for each question that the process asks: so the run is the same on a slow machine. */
const PACE = { before: 0.08, after: 0.04 };

/** Transactions, the newest, that another node still has. */
const POOLED = 12;

/** Turns, at most, between two lives. */
const MEANWHILE = 6;

const GWEI = 10n ** 9n;

type Pooled = { hash: Hex; nonce: Hex; maxFeePerGas: Hex; maxPriorityFeePerGas: Hex };
type RawBlock = { number: Hex; baseFeePerGas: Hex; transactions: { hash: Hex }[] };

export type Sky = {
  counts: { reorgs: number; foreign: number; blocks: number };
  /** Every transaction that the node was ever given: by us, and, told by the proxy, by the process. */
  known: Map<Hex, Hex>;
  /** Before, or after, a question is answered, and between two lives: whatever may have come meanwhile has come. */
  pass(when: "before" | "after" | "between"): Promise<void>;
  /** All that could still come, comes; and the chain goes on until that is final. */
  lastCall(): Promise<void>;
};

export function openSky(node: Request, lanes: readonly Key[], weather: Weather, chance: Chance): Sky {
  const counts = { reorgs: 0, foreign: 0, blocks: 0 };
  const known = new Map<Hex, Hex>();
  const strange = new Set<Hex>();
  const weights = Object.entries(weather) as [keyof Weather, number][];
  /** What is in a block and is going to be undone, once something of ours may have come after it. */
  let owed: { hash: Hex; block: number; depth: number } | null = null;
  /** What is to happen as soon as something of ours is in the pool. */
  let ambush: "foreign" | "undone" | null = null;
  let queue: Promise<void> = Promise.resolve();

  const quantity = (value: number | bigint): Hex => `0x${value.toString(16)}`;
  const head = async () => Number((await node("eth_blockNumber", [])) as Hex);
  const block = async (which: string) =>
    (await node("eth_getBlockByNumber", [which, true])) as unknown as RawBlock;

  async function mine(): Promise<void> {
    await node("evm_mine", []);
    counts.blocks += 1;
  }

  /** A refusal is an answer, too: of what is offered here, the node takes what it can. */
  async function offer(raw: Hex): Promise<boolean> {
    return node("eth_sendRawTransaction", [raw]).then(
      () => true,
      () => false,
    );
  }

  async function pending({ address }: Key): Promise<Pooled[]> {
    const { pending } = (await node("txpool_content", [])) as {
      pending: { [account: string]: { [nonce: string]: Pooled } };
    };
    const found = Object.entries(pending).find(([one]) => one.toLowerCase() === address.toLowerCase());
    return Object.values(found?.[1] ?? {}).sort((a, b) => Number(a.nonce) - Number(b.nonce));
  }

  async function reorg(
    depth = 1 + chance.below(FINALITY),
    kept = chance.pick([["none", 3] as const, ["some", 1] as const, ["all", 2] as const]),
  ): Promise<void> {
    const top = await head();
    const undone: Hex[] = [];
    for (let number = top - depth + 1; number <= top; number += 1) {
      undone.push(...(await block(quantity(number))).transactions.map(({ hash }) => hash));
    }
    const count = kept === "none" ? 0 : kept === "all" ? undone.length : chance.below(undone.length + 1);
    // What comes first keeps its nonces; what is cut off behind it was never there.
    const places = undone.slice(0, count).map(() => chance.below(depth));
    places.sort((a, b) => a - b);
    await node("anvil_reorg", [depth, places.map((place, index) => [known.get(undone[index]!)!, place])]);
    counts.reorgs += 1;
    // What somebody else sent may be gone for good.
    for (const hash of undone.slice(count)) if (strange.has(hash) && chance.hit(0.5)) known.delete(hash);
  }

  async function forget(lane: Key): Promise<void> {
    const pooled = await pending(lane);
    if (pooled.length === 0 || chance.hit(0.3)) await node("anvil_dropAllTransactions", []);
    else await node("anvil_dropTransaction", [pooled[chance.below(pooled.length)]!.hash]);
  }

  async function spike(): Promise<void> {
    const now = BigInt((await block("latest")).baseFeePerGas);
    const base = now > 20n * GWEI ? now : (now > GWEI ? now : GWEI) * BigInt(2 + chance.below(8));
    await node("anvil_setNextBlockBaseFeePerGas", [quantity(base)]);
    await mine();
  }

  /** @returns its hash, if it is in the pool */
  async function foreign(lane: Key, at: "ours" | "free"): Promise<Hex | null> {
    const pooled = await pending(lane);
    const ours = pooled[chance.below(pooled.length)];
    if (at === "ours" && ours === undefined) return null;
    const base = BigInt((await block("latest")).baseFeePerGas);
    const least = 2n * base + 2n * GWEI;
    const over = (price: Hex | undefined) => (BigInt(price ?? "0x0") * 13n) / 10n + least;
    const mined = Number(await node("eth_getTransactionCount", [lane.address, "latest"]));
    const { raw, hash } = lane.signTransaction({
      chainId: BigInt((await node("eth_chainId", [])) as Hex),
      nonce: at === "ours" ? Number(ours!.nonce) : mined + pooled.length,
      to: lane.address,
      data: "0x",
      gasLimit: 21_000n,
      maxFee: over(ours?.maxFeePerGas),
      tip: over(ours?.maxPriorityFeePerGas),
    });
    if (!(await offer(raw))) return null;
    known.set(hash, raw);
    strange.add(hash);
    counts.foreign += 1;
    return hash;
  }

  async function gossip(): Promise<void> {
    for (const raw of [...known.values()].slice(-POOLED)) await offer(raw);
  }

  /** @returns whether it was time to */
  async function takeBack(): Promise<boolean> {
    if (owed === null) return false;
    const { hash, block } = owed;
    const depth = (await head()) - block + 1;
    if (depth < owed.depth) return false;
    owed = null;
    known.delete(hash);
    await reorg(depth, "none");
    return true;
  }

  /** @returns whether it was time to */
  async function strike(lane: Key): Promise<boolean> {
    if (ambush === null) return false;
    const hash = await foreign(lane, "ours");
    if (hash === null) return false;
    await mine();
    if (ambush === "undone") await owe(hash);
    ambush = null;
    return true;
  }

  async function owe(hash: Hex): Promise<void> {
    owed ??= { hash, block: await head(), depth: 2 + chance.below(FINALITY - 1) };
  }

  async function turn(): Promise<void> {
    const lane = lanes[chance.below(lanes.length)]!;
    if ((await takeBack()) || (await strike(lane))) return;
    const kind = chance.pick(weights);
    switch (kind) {
      case "mine":
        return mine();
      case "reorg":
        return reorg();
      case "forget":
        return forget(lane);
      case "spike":
        return spike();
      case "foreign":
      case "undone":
        ambush = kind;
        return;
      case "gap": {
        const hash = owed === null ? await foreign(lane, "free") : null;
        await mine();
        if (hash !== null) await owe(hash);
        return;
      }
      case "gossip":
        return gossip();
    }
  }

  return {
    counts,
    known,
    async pass(when) {
      const turns = when === "between" ? chance.below(MEANWHILE) : chance.hit(PACE[when]) ? 1 : 0;
      for (let i = 0; i < turns; i += 1) {
        // One thing after another, whoever asks meanwhile.
        const mine = queue.then(turn);
        queue = mine.catch(() => {});
        await mine;
      }
    },
    async lastCall() {
      await queue;
      for (const raw of known.values()) await offer(raw);
      for (let i = 0; i < 2 * FINALITY; i += 1) await mine();
    },
  };
}
