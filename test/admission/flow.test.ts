import { expect } from "chai";
import { admit } from "../../src/admission/admit.js";
import { createDoor, type Door } from "../../src/admission/door.js";
import { WaybillError } from "../../src/errors.js";
import type { AdmittedRow, Job, Store } from "../../src/store/store.js";
import { nudger } from "../../src/submitter/loop.js";
import { dropped } from "../support/proxy.js";
import {
  type Desk,
  freshKey,
  mineAtEachLook,
  openDesk,
  openWorld,
  randomRows,
  type World,
} from "../support/stage.js";

const ROWS = 600;
const BOUND = 80;

describe("a file that is sent while it is read", function () {
  this.timeout(60_000);
  let world: World;
  let desk: Desk;
  let job: Job;
  let door: Door;
  let read: number;
  let stored: number[];
  let stop: AbortController;

  before(async () => {
    world = await openWorld();
  });
  after(() => world.close());
  beforeEach(async () => {
    desk = await openDesk(world, { rows: 0, issuer: await freshKey(world), lane: await freshKey(world) });
    const { id: _id, state: _state, rows: _rows, createdAt: _at, terms: _terms, ...like } = desk.job;
    job = await desk.store.openJob({ ...like, key: `0x${"f1".repeat(32)}`, flows: true });
    const counts = await desk.store.counts(job.id);
    door = createDoor({ items: BOUND, blocks: Infinity }, { ...counts, perBlock: 1 });
    [read, stored, stop] = [0, [], new AbortController()];
  });
  afterEach(async () => {
    world.faults.heal();
    await world.node("anvil_dropAllTransactions", []);
    await desk.close();
  });

  async function* rows(): AsyncGenerator<AdmittedRow> {
    for (const row of randomRows(world, job.attester, ROWS, desk.directory)) {
      read += 1;
      yield row;
    }
  }

  const settled = async () => {
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };

  function admitting(store: Pick<Store, "admit" | "release"> = desk.store): Promise<void> {
    const nudging = nudger();
    const driving = desk
      .submitter({ finalDepth: 2, limits: { transactionGas: 1_000_000 } })
      .then((submitter) =>
        submitter.run(job.id, {
          until: "final",
          signal: stop.signal,
          doors: new Map([[job.id, door]]),
          nudge: nudging.next,
        }),
      );
    const admission = admit(store as Store, job, rows(), {
      flow: { door, signal: stop.signal, same: async () => {} },
      onPage(now) {
        stored.push(now - stored.reduce((a, b) => a + b, 0));
        nudging.nudge();
      },
    }).then(nudging.nudge);
    return Promise.all([admission, driving]).then(() => {});
  }

  async function inNoBlock(): Promise<number> {
    const { waiting, assigned } = await desk.store.counts(job.id);
    return waiting + assigned;
  }

  /** Nothing moves until `mend`; then all of it lands, and at no moment is more in front of the chain than is allowed. */
  async function holdsUntil(mend: () => void): Promise<void> {
    const all = admitting();
    while (door.pressure().state !== "holding") await settled();
    for (let look = 0; look < 50; look += 1) {
      await settled();
      expect(await inNoBlock()).to.be.at.most(BOUND);
    }
    expect(stored).to.deep.equal([BOUND]);
    expect((await desk.store.job(job.id))!.state).to.equal("admitting");
    mend();
    let most = 0;
    let ended = false;
    void all.then(() => (ended = true));
    while (!ended) {
      await settled();
      most = Math.max(most, await inNoBlock());
    }
    expect(most).to.be.at.most(BOUND);
    await all;
    expect(await desk.store.counts(job.id)).to.include({ rows: ROWS, verified: ROWS });
    expect((await world.announced(job.attester)).length).to.equal(ROWS);
  }

  it("waits for a slow chain, at the bound, and goes on as it drains", async () => {
    await holdsUntil(() => mineAtEachLook(world));
  });

  it("waits for a slow node, at the bound, and goes on as it drains", async () => {
    mineAtEachLook(world);
    world.faults.always("eth_sendRawTransaction", dropped);
    await holdsUntil(() => world.faults.always("eth_sendRawTransaction", null));
  });

  it("waits for a slow disk: no row is read while a page is written", async () => {
    let goOn = () => {};
    let pages = 0;
    const slow = {
      async admit(id: number, page: readonly AdmittedRow[]) {
        pages += 1;
        await new Promise<void>((resolve) => (goOn = resolve));
        return desk.store.admit(id, page);
      },
      release: (id: number) => desk.store.release(id),
    };
    const all = admitting(slow);
    while (pages === 0) await settled();
    const before = read;
    for (let look = 0; look < 50; look += 1) await settled();
    expect([read, pages]).to.deep.equal([before, 1]);
    expect(await inNoBlock()).to.equal(0);
    mineAtEachLook(world);
    let ended = false;
    void all.then(() => (ended = true));
    while (!ended) {
      goOn();
      await settled();
    }
    expect(await desk.store.counts(job.id)).to.include({ rows: ROWS, verified: ROWS });
  });

  it("stores no page of an input that has changed", async () => {
    const admission = admit(desk.store, job, rows(), {
      flow: {
        door,
        signal: stop.signal,
        same: async () => {
          throw new WaybillError("E_FILE_CHANGED", "it was changed");
        },
      },
    });
    expect(await admission.catch((error: WaybillError) => error.code)).to.equal("E_FILE_CHANGED");
    expect(await desk.store.job(job.id)).to.include({ rows: 0, state: "admitting" });
  });
});
