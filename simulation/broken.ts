import type { Chain } from "../src/chain/chain.js";
import type { Hex } from "../src/hex.js";
import type { SignedAttempt, Store, StoredAttempt } from "../src/store/store.js";

/** What the product must not do, done around its ports: a run that does not notice proves nothing. */
export type Break = "law3" | "law6";

export type Ports = { store: Store; chain: Chain };

export function broken(law: Break | null, ports: Ports): Ports {
  if (law === "law3") return journalingLate(ports);
  if (law === "law6") return impatient(ports);
  return ports;
}

/** Law 3 broken: what is signed is on disk only after the node has had it. */
function journalingLate({ store, chain }: Ports): Ports {
  const undone = new Error("rolled back on purpose");
  const unwritten = new Map<Hex, { lane: Hex; journal: () => Promise<unknown> }>();

  /** What was signed before goes first: nonces are given in the journal's order. */
  async function write(raw: Hex): Promise<void> {
    if (!unwritten.has(raw)) return;
    for (const [one, { journal }] of unwritten) {
      unwritten.delete(one);
      await journal();
      if (one === raw) return;
    }
  }

  /** Signs in a transaction that is rolled back, and again, with the same bytes, once they were sent. */
  async function unjournaled(
    journal: (give: (signed: SignedAttempt, nonce: number) => SignedAttempt) => Promise<unknown>,
    terms: Pick<StoredAttempt, "batch" | "lane" | "noop" | "head">,
  ): Promise<StoredAttempt> {
    let attempt: StoredAttempt | undefined;
    const rolledBack = journal((signed, nonce) => {
      attempt = { ...signed, ...terms, nonce };
      throw undone;
    });
    await rolledBack.catch((error: unknown) => {
      if (error !== undone) throw error;
    });
    const kept = attempt!;
    unwritten.set(kept.raw, { lane: terms.lane, journal: () => journal(() => kept) });
    return kept;
  }

  /** The journal does not know of the nonces that are in use. */
  function further(lane: Hex, nonce: number): number {
    return nonce + [...unwritten.values()].filter((one) => one.lane === lane).length;
  }

  return {
    store: around(store, {
      sign: (token, batch, place, sign) =>
        unjournaled(
          (give) =>
            store.sign(token, batch, place, (written) => {
              const nonce = further(token.lane, written);
              return give(sign(nonce), nonce);
            }),
          { batch, lane: token.lane, noop: false, head: place.head },
        ),
      replace: (token, batch, how, sign) =>
        unjournaled(
          (give) => store.replace(token, batch, how, (nonce, payload) => give(sign(nonce, payload), nonce)),
          { batch, lane: token.lane, noop: how.noop, head: how.head },
        ),
    }),
    chain: around(chain, {
      async send(raw) {
        const reply = await chain.send(raw);
        await write(raw);
        return reply;
      },
    }),
  };
}

/** Looks without a receipt after which a lane that breaks law 6 no longer waits. */
const LOOKS = 3;

/** Law 6 broken: no receipt at a few looks, or none though the count moved, is taken to mean that the nonce is lost. */
function impatient({ store, chain }: Ports): Ports {
  const looks = new Map<number, number>();

  async function giveUp(): Promise<void> {
    for (const { id, batch } of await store.batches(["signed"])) {
      if (batch.state !== "signed" || batch.sentAt === null) continue;
      looks.set(id, (looks.get(id) ?? 0) + 1);
      const moved = (await chain.transactionCount(batch.lane, "latest")) > batch.nonce;
      if (!moved && looks.get(id)! < LOOKS) continue;
      const attempts = await store.attempts(id);
      const receipts = await Promise.all(attempts.map(({ transaction }) => chain.receipt(transaction)));
      if (receipts.some((receipt) => receipt !== null)) continue;
      await store.follow({ events: [{ batch: id, event: { kind: "stolen", block: 0 } }] });
    }
  }

  return {
    store: around(store, {
      async followed() {
        await giveUp();
        return store.followed();
      },
    }),
    chain,
  };
}

function around<T extends object>(port: T, changed: Partial<T>): T {
  return new Proxy(port, {
    get(target, name) {
      const own = changed[name as keyof T];
      if (own !== undefined) return own;
      const value = target[name as keyof T];
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
