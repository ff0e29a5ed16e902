import type { Level } from "../attestation.js";
import { createDoor, type Door } from "../admission/door.js";
import type { Pressure } from "../admission/gate.js";
import { type Given, givenReader } from "../admission/given.js";
import { type Acknowledgement, createIntake, type Intake } from "../admission/intake.js";
import type { Chain } from "../chain/chain.js";
import { headOf } from "../chain/head.js";
import type { Registry } from "../chain/registry.js";
import { WaybillError } from "../errors.js";
import { mannerOf } from "../gas.js";
import { type Hex, hex, keccak, ZERO_WORD } from "../hex.js";
import type { Key } from "../key.js";
import type { Hold } from "../lane/lane.js";
import { itemsPerBlock } from "../planner/planner.js";
import { ETHEREUM_LIMITS, fitsAlone } from "../planner/split.js";
import { parseSchema } from "../schema.js";
import type { Job, NewJob, Priority, Store } from "../store/store.js";
import { streamKey } from "../stream.js";
import { isSigned } from "../submitter/drafting.js";
import { nudger } from "../submitter/loop.js";
import { createNotes } from "../submitter/notes.js";
import { createSubmitter, type Progress, type SubmitterOptions } from "../submitter/submitter.js";
import { inOrder } from "./inOrder.js";
import { outcomesOf, type OutcomesOptions, type StatementOutcome } from "./outcomes.js";
import { findSchema, refuseResolver } from "./schemas.js";

/** Statements of one kind, on terms of their own. */
export type FlowOptions = {
  /** what it is found by when it is opened again, in this process or the next */
  name: string;
  /** id or definition of a registered schema */
  schema: string;
  /** what the chain keeps of each; `record` if left out */
  level?: Level;
  /** stream of statements that name none */
  stream?: string;
  /** false: they can never be revoked */
  revocable?: boolean;
  /** tenants share what blocks have room for, whatever each of them brings */
  tenant?: string;
  priority?: Priority;
  /** what a statement that the registry refuses does: left out (`skip`), or it holds its stream (`block`) */
  onRefused?: "skip" | "block";
  /** most items that are admitted and in no block; 10,000 if left out */
  maxWaiting?: number;
  /** most blocks that it should take to bring them into one; 8 if left out */
  maxBlocks?: number;
  /** wei per gas, and wei for all of the flow (law 10); null for no limit */
  maxFee?: bigint | null;
  budget?: bigint | null;
};

export type IssuerOptions = FlowOptions & {
  /** of this process alone; it stays open when the issuer is closed */
  store: Store;
  chain: Chain;
  registry: Registry;
  issuer: Key;
  /** pay gas */
  lanes: readonly Key[];
  /** a transaction that somebody else sent with a lane's key, and whatever else a person should know at once */
  onAlert?: (text: string) => void;
} & Partial<Pick<SubmitterOptions, "pollMs" | "patienceMs" | "finalDepth" | "lingerMs" | "limits" | "slots">>;

export type Flow = {
  /**
   * Admits a statement, once there is room, and says so when it is on the disk (law 1): from then on it comes onto the
   * chain exactly once, whatever becomes of this process. The same statement again, or one of the same `id` and content, is
   * a `duplicate`. Calls that are made before others have returned keep their order and share a write.
   * @throws WaybillError E_ROW_… of the first fault of a statement that is not what the schema says, E_ISSUER_CLOSED; the
   *   signal's reason, and then nothing was admitted
   */
  add(statement: Given, options?: { signal?: AbortSignal }): Promise<Acknowledgement>;
  /**
   * Admits what an iterator brings, asking it for no more than there is room for. The acknowledgements are in its order;
   * whoever ends the iteration early ends the admission.
   */
  addAll(
    statements: AsyncIterable<Given> | Iterable<Given>,
    options?: { signal?: AbortSignal },
  ): AsyncGenerator<Acknowledgement>;
  /** What became of each statement, in the order in which they were admitted, also in earlier processes; ends when closed. */
  outcomes(options?: OutcomesOptions): AsyncGenerator<StatementOutcome>;
  /** How full it is, and what holds the lanes. */
  pressure(): Pressure & { hold: Hold | null };
};

export type Issuer = Flow & {
  /** Another flow beside this one, by the same lanes; what is left out is as in the first. A hold of one is none of another. */
  flow(options: Partial<FlowOptions> & { name: string }): Promise<Flow>;
  /** Admits nothing more, finishes what is being written, and leaves the rest to whoever opens the flows again. */
  close(): Promise<void>;
};

const MAX_WAITING = 10_000;
const MAX_BLOCKS = 8;

type OpenFlow = { job: Job; intake: Intake; flow: Flow };

/**
 * Issues statements one by one, for as long as a program runs.
 * @throws WaybillError E_SCHEMA_UNKNOWN, E_RESOLVER, E_STORE_CHAIN, E_NODE; E_FLOW if a flow of this name is another one
 */
export async function openIssuer(options: IssuerOptions): Promise<Issuer> {
  const { store, chain, registry, issuer, lanes } = options;
  await bind(store, chain, registry);
  const submitter = await createSubmitter({
    ...options,
    pollMs: options.pollMs ?? 500,
    patienceMs: options.patienceMs ?? 30_000,
    finalDepth: options.finalDepth ?? 64,
    // Whoever runs for ever outlives any silence; a node that comes back finds everything as it was.
    outageMs: Infinity,
  });

  const flows = new Map<string, Promise<OpenFlow>>();
  const doors = new Map<number, Door>();
  /** jobs that hold the first of a flow's duplicates */
  const originals = new Set<number>();
  const stop = new AbortController();
  const nudging = nudger();
  const turns = turnsOf();
  let progress: Progress | null = null;
  let blockTime: number | null = null;
  let failure: { error: unknown } | null = null;

  async function openFlow(of: FlowOptions): Promise<OpenFlow> {
    const schema = await findSchema(registry, of.schema);
    refuseResolver(schema);
    const act = of.level ?? "record";
    const stream = of.stream === undefined ? ZERO_WORD : streamKey(of.stream);
    const head = await headOf(chain);
    blockTime ??= head.timestamp;
    const limits = { ...ETHEREUM_LIMITS, ...options.limits, blockGas: Number(head.gasLimit) };
    const manner = mannerOf(act, isSigned(issuer.address, lanes), stream);
    const read = givenReader(of.name, {
      separator: registry.separator,
      schemaId: schema.id,
      schema: parseSchema(schema.definition),
      attester: issuer.address,
      stream,
      revocable: schema.revocable && of.revocable !== false,
      fits: (size) => fitsAlone(manner, size, limits),
    });
    const job = await openJob(store, {
      key: hex(keccak(new TextEncoder().encode(JSON.stringify(["flow", of.name])))),
      act,
      name: of.name,
      schema: schema.id,
      definition: schema.definition,
      attester: issuer.address,
      reason: "",
      tenant: of.tenant ?? "",
      priority: of.priority ?? "normal",
      refusals: of.onRefused ?? (stream === ZERO_WORD ? "skip" : "block"),
      flows: true,
    });
    await store.setTerms(job.id, { maxFee: of.maxFee ?? null, budget: of.budget ?? null });
    for (const id of await store.originals(job.id)) originals.add(id);
    const bounds = { items: of.maxWaiting ?? MAX_WAITING, blocks: of.maxBlocks ?? MAX_BLOCKS };
    const { rows, waiting, assigned } = await store.counts(job.id);
    const perBlock = itemsPerBlock(manner, [], limits);
    const door = createDoor(bounds, { rows, waiting, assigned, perBlock });
    const intake = createIntake(store, job, door, ({ duplicates }) => {
      for (const known of duplicates.values()) if (known.job !== job.id) originals.add(known.job);
      // What finds no room in a transaction now needs a block, and nobody to be woken.
      if (door.isIdle()) nudging.nudge();
    });
    doors.set(job.id, door);
    if (failure !== null) await intake.close(failure.error);
    else if (stop.signal.aborted) await intake.close(closed());

    let line = job.rows;
    const flow: Flow = {
      async add(statement, { signal } = {}) {
        return intake.put(read(statement, (line += 1), blockTime!), signal);
      },
      addAll: (statements, { signal } = {}) =>
        inOrder(statements, (one, ended) => flow.add(one, { signal: ended }), signal),
      outcomes: (how = {}) => outcomesOf(store, job.id, how, turns.watch(how.signal)),
      pressure: () => ({ ...door.pressure(), hold: progress?.hold ?? null }),
    };
    return { job, intake, flow };
  }

  const open = (of: FlowOptions): Promise<OpenFlow> => {
    const known = flows.get(of.name);
    if (known !== undefined) return known;
    const opening = openFlow(of);
    flows.set(of.name, opening);
    // One that could not be opened may be tried again.
    opening.then(nudging.nudge, () => flows.delete(of.name));
    return opening;
  };

  const first = await open(options);

  const notes = createNotes(options.store);
  const running = submitter
    .run(() => [...new Set([...originals, ...doors.keys()])], {
      until: "final",
      signal: stop.signal,
      doors,
      outlivesHolds: true,
      nudge: nudging.next,
      onAlert: options.onAlert ?? (() => {}),
      async onProgress(now) {
        await notes.take(now);
        progress = now;
        blockTime = now.head?.timestamp ?? blockTime;
        turns.tell(JSON.stringify(now.jobs));
      },
    })
    .finally(notes.end)
    .then(
      () => turns.end(),
      async (error: unknown) => {
        failure = { error };
        turns.end(failure);
        await closeAll(error);
      },
    );

  async function closeAll(reason: unknown): Promise<void> {
    for (const opening of flows.values())
      await opening.then(({ intake }) => intake.close(reason)).catch(() => {});
  }

  return {
    ...first.flow,
    async flow(more) {
      return (await open({ ...options, ...more })).flow;
    },
    async close() {
      await closeAll(closed());
      stop.abort();
      nudging.nudge();
      await running;
    },
  };
}

function closed(): WaybillError {
  return new WaybillError("E_ISSUER_CLOSED", "the issuer is closed: this was not admitted", {
    mend: "open it again, and add what was not acknowledged",
  });
}

async function bind(store: Store, chain: Chain, registry: Registry): Promise<void> {
  const genesis = await chain.block(0);
  if (genesis === null) throw new WaybillError("E_NODE", "the node does not know its first block");
  const { chainId, registry: address } = registry.domain;
  await store.bind({ chainId, genesis: genesis.hash, registry: address.toLowerCase() as Hex });
}

/** @throws WaybillError E_FLOW if the name is taken by statements of another kind */
async function openJob(store: Store, wanted: NewJob): Promise<Job> {
  const job = await store.openJob(wanted);
  const differs = (Object.keys(wanted) as (keyof NewJob)[]).find((term) => job[term] !== wanted[term]);
  if (differs === undefined) return job;
  throw new WaybillError(
    "E_FLOW",
    `the flow ${wanted.name} was opened before with another ${differs}: ${String(job[differs])}, not ${String(wanted[differs])}`,
    { mend: "open it as it was, or give this one another name" },
  );
}

/** Turns of the loop in which something has moved. */
function turnsOf() {
  let turn = 0;
  let said = "";
  let ended: { error: unknown } | true | null = null;
  const waiters = new Set<() => void>();
  const wake = () => {
    for (const one of waiters) one();
    waiters.clear();
  };
  return {
    tell(what: string): void {
      if (what === said) return;
      said = what;
      turn += 1;
      wake();
    },
    end(failure?: { error: unknown }): void {
      ended = failure ?? true;
      wake();
    },
    /** @returns a wait for a turn after those that it has waited for; false once there are no more */
    watch(signal: AbortSignal | undefined): () => Promise<boolean> {
      let seen = turn;
      return async () => {
        if (turn === seen && ended === null) {
          let wake = () => {};
          await new Promise<void>((resolve) => {
            wake = resolve;
            waiters.add(wake);
            signal?.addEventListener("abort", wake, { once: true });
          });
          signal?.removeEventListener("abort", wake);
          waiters.delete(wake);
        }
        const isNew = turn !== seen;
        seen = turn;
        if (ended !== null && ended !== true) throw ended.error;
        return isNew || ended === null;
      };
    },
  };
}
