import { expect } from "chai";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WaybillError } from "../../src/errors.js";
import type { Hex } from "../../src/hex.js";
import { type Flow, type Issuer, type IssuerOptions, openIssuer } from "../../src/sdk/issuer.js";
import type { StatementOutcome } from "../../src/sdk/outcomes.js";
import { openSqliteStore } from "../../src/store/sqlite.js";
import type { Store } from "../../src/store/store.js";
import { dropped } from "../support/proxy.js";
import { freshKey, mineAtEachLook, openWorld, type World } from "../support/stage.js";

const SCRATCH = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

describe("an issuer in a program", function () {
  this.timeout(120_000);
  let world: World;
  let directory: string;
  let store: Store;
  let issuer: Issuer;
  let options: IssuerOptions;
  let names = 0;

  before(async () => {
    world = await openWorld();
  });
  after(() => world.close());
  beforeEach(async () => {
    directory = await mkdtemp(join(SCRATCH, "waybill-issuer-"));
    store = openSqliteStore(directory);
    options = {
      name: "statements",
      schema: world.schema,
      store,
      chain: world.chain,
      registry: world.registry,
      issuer: await freshKey(world),
      lanes: [await freshKey(world)],
      pollMs: 1,
      finalDepth: 2,
    };
  });
  afterEach(async () => {
    world.faults.heal();
    await issuer.close();
    await store.close();
    await rm(directory, { recursive: true });
    await world.node("evm_setAutomine", [false]);
    await world.node("anvil_dropAllTransactions", []);
  });

  async function open(more: Partial<IssuerOptions> = {}): Promise<Issuer> {
    issuer = await openIssuer({ ...options, ...more });
    return issuer;
  }

  const statement = () => ({ name: `statement ${(names += 1)}`, value: BigInt(names) });
  const statements = (count: number) => Array.from({ length: count }, statement);
  const announced = () => world.announced(options.issuer.address);

  /** What the store is asked to admit, page by page; each waits until it is let go on. */
  function slowDisk(): { pages: number[]; goOn: () => void } {
    const disk = { pages: [] as number[], goOn: () => {} };
    const slow = new Proxy(store, {
      get(target, name) {
        const method = target[name as keyof Store] as (...given: unknown[]) => unknown;
        if (name !== "admit") return method.bind(target);
        return async (job: number, rows: readonly unknown[]) => {
          disk.pages.push(rows.length);
          await new Promise<void>((resolve) => (disk.goOn = resolve));
          return method.call(target, job, rows);
        };
      },
    });
    options = { ...options, store: slow };
    return disk;
  }

  /** Lets everything that is ready happen. */
  async function settled(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  async function take(flow: Flow, count: number): Promise<StatementOutcome[]> {
    const taken: StatementOutcome[] = [];
    for await (const outcome of flow.outcomes()) {
      taken.push(outcome);
      if (taken.length === count) break;
    }
    return taken;
  }

  it("acknowledges statements in their order, puts each on the chain once, and says what became of each", async () => {
    mineAtEachLook(world);
    await open();
    const said = await Promise.all(statements(300).map((one) => issuer.add(one)));
    expect(said.map(({ ordinal }) => ordinal)).to.deep.equal(said.map((_, index) => index));
    const outcomes = await take(issuer, 300);
    expect(outcomes.map(({ uid }) => uid)).to.deep.equal(said.map(({ uid }) => uid));
    for (const { state, transaction, block, reason } of outcomes) {
      expect({ state, reason }).to.deep.equal({ state: "verified", reason: null });
      expect([transaction, block]).to.not.include(null);
    }
    expect((await announced()).sort()).to.deep.equal(said.map(({ uid }) => uid).sort());
  });
});
