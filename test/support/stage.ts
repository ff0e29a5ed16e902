import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Values } from "../../src/abi.js";
import { type Item, packedSize, uidOf } from "../../src/attestation.js";
import type { Chain } from "../../src/chain/chain.js";
import type { Request } from "../../src/chain/http.js";
import { chainOf } from "../../src/chain/node.js";
import { ATTESTED, openRegistry, type Registry } from "../../src/chain/registry.js";
import { localKey } from "../../src/cli/keys.js";
import { type Hex, hex, keccak, ZERO_ADDRESS, ZERO_WORD } from "../../src/hex.js";
import { type Key, keyOf } from "../../src/key.js";
import { createLane, type Lane, type LaneOptions } from "../../src/lane/lane.js";
import { encode, parseSchema } from "../../src/schema.js";
import { deployRegistries } from "../../src/sdk/deploy.js";
import { registerSchema } from "../../src/sdk/schemas.js";
import { payerOf } from "../../src/sdk/transact.js";
import { openSqliteStore } from "../../src/store/sqlite.js";
import type { AdmittedRow, Job, JobTerms, LaneToken, NewJob, Store } from "../../src/store/store.js";
import { createSubmitter, type Submitter, type SubmitterOptions } from "../../src/submitter/submitter.js";
import { createTracker } from "../../src/tracker/tracker.js";
import { tipsOf } from "../../src/submitter/heads.js";
import { topicOf } from "../../src/verifier/readBack.js";
import { type Anvil, startAnvil } from "./anvil.js";
import { type FaultyNode, faultyNode } from "./proxy.js";
import { seed } from "./seed.js";

export const DEFINITION = "string name,uint64 value";

/** A node with the registries and a schema on it. */
export type World = {
  /** the node without faults */
  node: Request;
  faults: FaultyNode;
  /** the node through its faults */
  chain: Chain;
  registry: Registry;
  schema: Hex;
  mine(blocks?: number): Promise<void>;
  head(): Promise<number>;
  /** uid of every Attested event of an issuer in the chain, in order, as often as it is there */
  announced(attester: Hex): Promise<Hex[]>;
  close(): Promise<void>;
};

/** Anvil, mining only when told: `mine`. */
export async function openWorld(...args: string[]): Promise<World & { anvil: Anvil }> {
  const anvil = await startAnvil(...args);
  const world = await furnish(anvil.request, () => anvil.stop());
  await anvil.request("evm_setAutomine", [false]);
  return { ...world, anvil };
}

/** Deploys onto a node that mines every transaction at once. */
export async function furnish(node: Request, close: () => Promise<void>): Promise<World> {
  const faults = faultyNode(node);
  const chain = chainOf(faults.request);
  const deployer = payerOf(chain, localKey(9));
  const { attestationRegistry } = await deployRegistries(chain, deployer, 5);
  const registry = await openRegistry(chain, attestationRegistry);
  const terms = { definition: DEFINITION, resolver: ZERO_ADDRESS, revocable: true };
  const { id: schema } = await registerSchema(chain, registry, deployer, terms, 5);
  const head = async () => Number(await node("eth_blockNumber", []));
  return {
    node,
    faults,
    chain,
    registry,
    schema,
    head,
    close,
    async mine(blocks = 1) {
      for (let i = 0; i < blocks; i += 1) await node("evm_mine", []);
    },
    async announced(attester) {
      const filter = {
        address: attestationRegistry,
        topics: [ATTESTED, null, topicOf(attester)],
        fromBlock: "0x0",
        toBlock: "latest",
      };
      return ((await node("eth_getLogs", [filter])) as { topics: Hex[] }[]).map((log) => log.topics[1]!);
    },
  };
}

let keys = 0;

/** A key that this node has not seen, with funds: its nonces start at 0. */
export async function freshKey(world: World, wei = 10n ** 21n): Promise<Key> {
  keys += 1;
  const key = keyOf(hex(keccak(new TextEncoder().encode(`key ${keys}`))), "a test");
  await world.node("anvil_setBalance", [key.address, `0x${wei.toString(16)}`]);
  return key;
}

/** From now on, each time somebody looks at the head there is a new block, with all that is in the pool. */
export function mineAtEachLook(world: World): void {
  world.faults.always("eth_getBlockByNumber", async (forward, [which]) => {
    if (which === "latest") await world.mine();
    return forward();
  });
}

/** A store of its own, with a job in it, and what works on both. */
export type Desk = {
  directory: string;
  store: Store;
  job: Job;
  uids: Hex[];
  rows: AdmittedRow[];
  token: LaneToken;
  /** groups the items that wait into batches of this size */
  plan(size: number): Promise<void>;
  lane(options?: Partial<LaneOptions> & Partial<JobTerms>): DeskLane;
  tracker(finalDepth?: number): DeskTracker;
  /** @param options `fees`: what the job may pay from then on; no limit if left out */
  submitter(options?: Partial<SubmitterOptions> & { fees?: JobTerms }): Promise<Submitter>;
  /** closes the store and opens it again with a token of its own, as after a kill */
  reopen(): Promise<void>;
  close(): Promise<void>;
};

/** As the stages, which are handed the head, but they look for it themselves. */
export type DeskLane = Omit<Lane, "tick"> & { tick(job: Job): Promise<boolean> };
export type DeskTracker = { tick(): Promise<boolean> };

/** Memory where there is such a folder: what these tests kill is the process, not the machine, and syncing is slow. */
const SCRATCH = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

export type DeskOptions = {
  rows: number;
  issuer?: Key;
  lane?: Key;
  /** the same variant has the same rows */
  variant?: string;
  job?: JobOptions;
};

/** `stream`: of rows that are of none yet */
export type JobOptions = Partial<NewJob> & { stream?: Hex };

const NO_LIMITS: JobTerms = { maxFee: null, budget: null };

export async function openDesk(world: World, options: DeskOptions): Promise<Desk> {
  const issuer = options.issuer ?? localKey(0);
  const laneKey = options.lane ?? localKey(1);
  const directory = await mkdtemp(join(SCRATCH, "waybill-desk-"));
  const rows = randomRows(world, issuer.address, options.rows, options.variant ?? directory);
  const store = openSqliteStore(directory);
  const common = { chain: world.chain, registry: world.registry, issuer, patienceMs: 30_000 };
  await bindStore(world, store);
  const desk: Desk = {
    directory,
    store,
    rows,
    uids: uidsOf(rows),
    job: await admitJob(world, store, rows, { attester: issuer.address, ...options.job }),
    token: await store.takeLane(laneKey.address),
    async plan(size) {
      const waiting = (await desk.store.waiting(desk.job.id, 1e6)).map((item) => item.id);
      const groups: number[][] = [];
      for (let start = 0; start < waiting.length; start += size)
        groups.push(waiting.slice(start, start + size));
      await desk.store.assign(desk.token, desk.job.id, groups);
    },
    lane({ maxFee = null, ...more } = {}) {
      const lane = createLane({
        ...common,
        lane: laneKey,
        store: desk.store,
        token: desk.token,
        tipAt: tipsOf(world.chain),
        ...more,
      });
      const tick: DeskLane["tick"] = async (job) => {
        // As the submitter does, for what a job may pay can change.
        const { terms } = (await desk.store.job(job.id))!;
        if (terms.maxFee !== maxFee) await desk.store.setTerms(job.id, { ...terms, maxFee });
        const now = (await desk.store.job(job.id))!;
        return lane.tick([now], (await world.chain.block("latest"))!);
      };
      return { ...lane, tick };
    },
    tracker(finalDepth = 64) {
      const tracker = createTracker({
        store: desk.store,
        chain: world.chain,
        finalDepth,
        elsewhere: async () => null,
        sameChain: async () => {},
      });
      return { tick: async () => tracker.tick(await world.chain.block("latest")) };
    },
    async submitter({ fees = NO_LIMITS, ...more } = {}) {
      await desk.store.setTerms(desk.job.id, fees);
      return createSubmitter({
        ...common,
        lanes: [laneKey],
        store: desk.store,
        pollMs: 1,
        finalDepth: 64,
        outageMs: 10_000,
        ...more,
      });
    },
    async reopen() {
      await desk.store.close();
      desk.store = openSqliteStore(directory);
      desk.token = await desk.store.takeLane(laneKey.address);
    },
    async close() {
      await desk.store.close();
      await rm(directory, { recursive: true });
    },
  };
  return desk;
}

export async function bindStore(world: World, store: Store): Promise<void> {
  const genesis = (await world.node("eth_getBlockByNumber", ["0x0", false])) as { hash: Hex };
  const { chainId, registry } = world.registry.domain;
  await store.bind({ chainId, genesis: genesis.hash, registry: registry.toLowerCase() as Hex });
}

let jobs = 0;

export async function admitJob(
  world: World,
  store: Store,
  rows: readonly AdmittedRow[],
  { stream = ZERO_WORD, ...more }: JobOptions = {},
): Promise<Job> {
  jobs += 1;
  const job = await store.openJob({
    key: hex(keccak(new TextEncoder().encode(`job ${jobs}`))),
    act: "record",
    name: `rows ${jobs}`,
    schema: world.schema,
    definition: DEFINITION,
    attester: localKey(0).address,
    reason: "",
    tenant: "",
    priority: "normal",
    refusals: "skip",
    flows: false,
    ...more,
  });
  await store.admit(
    job.id,
    rows.map((row) => (row.kind === "item" && row.stream === ZERO_WORD ? { ...row, stream } : row)),
  );
  await store.release(job.id);
  return (await store.job(job.id))!;
}

export function randomRows(world: World, attester: Hex, count: number, variant: string): AdmittedRow[] {
  const random = randomOf(`${seed} ${variant}`);
  return Array.from({ length: count }, (_, index) => {
    const item: Item = {
      recipient: random(2) === 0 ? ZERO_ADDRESS : randomHex(random, 20),
      ref: random(4) === 0 ? randomHex(random, 32) : ZERO_WORD,
      expiresAt: random(3) === 0 ? 4_000_000_000 + random(1e6) : 0,
      revocable: random(2) === 0,
      salt: random(2) === 0 ? ZERO_WORD : randomHex(random, 32),
      data: dataOf({ name: `${variant} ${index}`, value: BigInt(random(2 ** 32)) }),
    };
    return rowOf(world, attester, item, index + 1);
  });
}

export function rowOf(world: World, attester: Hex, item: Item, line: number): AdmittedRow {
  const uid = uidOf(world.registry.separator, { ...item, schema: world.schema, attester });
  return { kind: "item", line, uid, item, size: packedSize(item), stream: ZERO_WORD };
}

export function dataOf(values: Values): Uint8Array {
  return encode(parseSchema(DEFINITION), values);
}

export function uidsOf(rows: readonly AdmittedRow[]): Hex[] {
  return rows.flatMap((row) => (row.kind === "rejected" ? [] : [row.uid]));
}

/** Whole numbers below a bound: xorshift over the hash of a text. */
export function randomOf(text: string): (below: number) => number {
  let state = new DataView(keccak(new TextEncoder().encode(text)).buffer).getUint32(0) | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function randomHex(random: (below: number) => number, bytes: number): Hex {
  return hex(Uint8Array.from({ length: bytes }, () => random(256)));
}

/** Thrown into a process that is to die at this call; nothing in Waybill expects it. */
export class Killed extends Error {}

/** A life that ends before its k-th call; `calls` says how many there were. */
export function lifeOf(calls: number): { calls: number; share<T extends object>(port: T): T } {
  const life = {
    calls: 0,
    share<T extends object>(port: T): T {
      return new Proxy(port, {
        get(target, name) {
          const method = target[name as keyof T];
          if (typeof method !== "function") return method;
          return async (...given: unknown[]) => {
            life.calls += 1;
            if (life.calls >= calls) throw new Killed(`before call ${calls}`);
            return (method as (...given: unknown[]) => unknown).apply(target, given);
          };
        },
      });
    },
  };
  return life;
}
