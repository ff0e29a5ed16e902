import { RpcError, WaybillError } from "../errors.js";
import type { Chain } from "./chain.js";

export type NamedChain = {
  /** for people: a masked URL */
  name: string;
  chain: Chain;
};

/** One node, and what is known of how it does. */
export type Member = NamedChain & {
  /** height of the last head that it named; null before the first */
  head: number | null;
  /** it named another hash than most the last time they were compared */
  strayed: boolean;
};

export type Answer<T> = { member: Member; value: T };

/** Several nodes, and the two ways to ask them. A node that fails is one that is not heard; E_NODE if none is. */
export type Panel = {
  members: readonly Member[];
  /** all nodes must serve one chain. @throws WaybillError E_CHAIN_ID */
  chainId(): Promise<bigint>;
  /**
   * Asks all at once. Ends when all have answered, or a while after one has.
   * @param options.isGood answers after which the others are hardly waited for; after the rest there is more patience
   * @param options.hasAnswer there is an answer of somebody else's: the while begins at once
   */
  all<T>(
    ask: (chain: Chain, member: Member) => Promise<T>,
    options?: { among?: readonly Member[]; isGood?: (value: T) => boolean; hasAnswer?: boolean },
  ): Promise<Answer<T>[]>;
  /**
   * Asks one after the other until an answer will do.
   * @param options.height a node whose head is below it is asked last
   * @returns the first answer that will do, else the best of the others
   */
  inTurn<T>(
    ask: (chain: Chain, member: Member) => Promise<T>,
    options?: {
      among?: readonly Member[];
      height?: number;
      willDo?: (value: T, member: Member) => boolean;
      isBetter?: (value: T, than: T) => boolean;
    },
  ): Promise<T>;
};

/** A node that failed is asked last for so many questions: time would be another clock to be wrong. */
const REST = 32;
/** Where no answer is a good one, the others have so many times the patience. */
const MORE = 5;

/**
 * @param patienceMs what the others have left to answer once one has
 * @param after resolves after so many milliseconds; it must not keep the process alive
 */
export function panelOf(
  nodes: readonly NamedChain[],
  patienceMs: number,
  after: (ms: number) => Promise<void>,
): Panel {
  type Seat = Member & {
    /** it serves the chain that is meant */
    checked: boolean;
    /** it was not heard in time, and has not been heard since: nobody waits for it */
    late: boolean;
    /** question up to which it is asked last */
    restsUntil: number;
  };
  const seats: Seat[] = nodes.map(({ name, chain }) => ({
    ...{ name, chain, head: null, strayed: false },
    ...{ checked: false, late: false, restsUntil: 0 },
  }));
  let questions = 0;
  let served: bigint | null = null;
  let preferred: Seat | undefined = seats[0];

  /** A node that was away when the others were asked for their chain must not slip in with another one. */
  async function asked<T>(seat: Seat, ask: (chain: Chain, member: Member) => Promise<T>): Promise<T> {
    try {
      if (!seat.checked) {
        const id = await seat.chain.chainId();
        served ??= id;
        if (id !== served) throw foreign(`${seat.name} serves chain ${id}, and the others chain ${served}`);
        seat.checked = true;
      }
      const value = await ask(seat.chain, seat);
      seat.late = false;
      seat.restsUntil = 0;
      return value;
    } catch (error) {
      // What a node refuses about a transaction is an answer, and no reason to leave it alone.
      if (!isRefusal(error)) seat.restsUntil = questions + REST;
      throw error;
    }
  }

  function all<T>(
    among: readonly Seat[],
    ask: (seat: Seat) => Promise<T>,
    { isGood = () => true, hasAnswer = false }: { isGood?: (value: T) => boolean; hasAnswer?: boolean } = {},
  ): Promise<Answer<T>[]> {
    questions += 1;
    const answers: Answer<T>[] = [];
    const errors: unknown[] = [];
    const waiting = new Set(among);
    let hasGood = hasAnswer;
    return new Promise((resolve, reject) => {
      const end = () => (answers.length > 0 ? resolve(answers.slice()) : reject(failureOf(errors)));
      const endIfAll = () => {
        if (waiting.size === 0 || (hasGood && [...waiting].every(({ late }) => late))) end();
      };
      const patience = (ms: number) =>
        void after(ms).then(() => {
          for (const seat of waiting) seat.late = true;
          end();
        });
      if (hasAnswer) patience(patienceMs);
      for (const seat of among) {
        ask(seat)
          .then(
            (value) => {
              if (answers.push({ member: seat, value }) === 1 && !isGood(value)) patience(MORE * patienceMs);
              if (hasGood || !isGood(value)) return;
              hasGood = true;
              patience(patienceMs);
            },
            (error: unknown) => {
              if (!isExpected(error)) reject(error as Error);
              errors.push(error);
            },
          )
          .finally(() => {
            waiting.delete(seat);
            endIfAll();
          });
      }
      endIfAll();
    });
  }

  return {
    members: seats,

    async chainId() {
      const answers = await all(seats, ({ chain }) => chain.chainId());
      const [{ member: first, value: id }, ...others] = answers as [Answer<bigint>, ...Answer<bigint>[]];
      for (const { member, value } of others) {
        if (value !== id) {
          throw foreign(`${first.name} serves chain ${id}, and ${member.name} serves chain ${value}`);
        }
      }
      served = id;
      for (const seat of seats) seat.checked = answers.some(({ member }) => member === seat);
      return id;
    },

    all: (ask, options = {}) =>
      all(
        seats.filter((seat) => options.among?.includes(seat) ?? true),
        (seat) => asked(seat, ask),
        options,
      ),

    async inTurn(ask, options = {}) {
      questions += 1;
      const { height = 0, willDo = (value) => value !== null, isBetter = () => false } = options;
      const isLast = (seat: Seat) =>
        seat.strayed || questions <= seat.restsUntil || (seat.head !== null && seat.head < height);
      const order = seats
        .filter((seat) => options.among?.includes(seat) ?? true)
        .sort(
          (a, b) =>
            Number(isLast(a)) - Number(isLast(b)) || Number(b === preferred) - Number(a === preferred),
        );
      const errors: unknown[] = [];
      let best: { value: Awaited<ReturnType<typeof ask>> } | null = null;
      for (const seat of order) {
        try {
          const value = await asked(seat, ask);
          if (willDo(value, seat)) {
            preferred = seat;
            return value;
          }
          if (best === null || isBetter(value, best.value)) best = { value };
        } catch (error) {
          if (!isExpected(error)) throw error;
          errors.push(error);
        }
      }
      if (best === null) throw failureOf(errors);
      return best.value;
    },
  };
}

/** Anything else is a fault of ours, which no other node would mend. */
function isExpected(error: unknown): boolean {
  return error instanceof WaybillError || error instanceof RpcError;
}

function isRefusal(error: unknown): boolean {
  return error instanceof WaybillError && error.code === "E_REFUSED";
}

/** A refusal says more than silence does. */
function failureOf(errors: readonly unknown[]): Error {
  const known = errors.filter((error): error is Error => isExpected(error));
  const telling = known.find((error) => !(error instanceof WaybillError) || error.code !== "E_NODE");
  if (telling !== undefined) return telling;
  const [only, another] = known;
  if (only !== undefined && another === undefined) return only;
  const all = known.map(({ message }) => message).join("; ");
  return new WaybillError("E_NODE", `none of the ${known.length} nodes answers: ${all}`, {
    mend: "check that one of them runs and that the URLs are right (--rpc-url, WAYBILL_RPC_URL); nothing is lost, run again later",
  });
}

function foreign(problem: string): WaybillError {
  return new WaybillError("E_CHAIN_ID", `the nodes serve different chains: ${problem}`, {
    mend: "name nodes of one network with --rpc-url",
  });
}
