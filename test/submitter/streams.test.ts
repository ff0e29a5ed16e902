import { expect } from "chai";
import { Transaction } from "ethers";
import { APPENDED, appendedOf } from "../../src/chain/registry.js";
import { type Hex, ZERO_WORD } from "../../src/hex.js";
import type { AdmittedRow, Job } from "../../src/store/store.js";
import { appendUids, EMPTY_STREAM, streamKey } from "../../src/stream.js";
import type { Outcome, SubmitterOptions } from "../../src/submitter/submitter.js";
import { topicOf } from "../../src/verifier/readBack.js";
import { dropped, lost, refusing } from "../support/proxy.js";
import { seed } from "../support/seed.js";
import {
  admitJob,
  type Desk,
  freshKey,
  mineAtEachLook,
  openDesk,
  openWorld,
  randomOf,
  randomRows,
  uidsOf,
  type World,
} from "../support/stage.js";

describe("many streams", function () {
  this.timeout(240_000);
  let world: World;
  let desk: Desk;

  before(async () => {
    world = await openWorld();
  });
  after(() => world.close());
  afterEach(async () => {
    world.faults.heal();
    await desk.close();
  });

  const keyAt = (index: number) => streamKey(`stream ${index}`);

  /** Rows that are dealt out to streams, in an order that is nobody's. */
  function dealt(rows: readonly AdmittedRow[], streams: number, of = keyAt): AdmittedRow[] {
    const random = randomOf(`deal ${seed}`);
    return rows.map((row, index) =>
      row.kind === "item" ? { ...row, stream: of(index < streams ? index : random(streams)) } : row,
    );
  }

  /** Of each stream, the uids in the order of the input. */
  function expectedOf(rows: readonly AdmittedRow[]): Map<Hex, Hex[]> {
    const expected = new Map<Hex, Hex[]>();
    for (const row of rows)
      if (row.kind === "item") expected.set(row.stream, [...(expected.get(row.stream) ?? []), row.uid]);
    return expected;
  }

  /** Each stream's head is that of its rows in their order: nothing is missing, added or elsewhere. */
  async function expectInOrder(attester: Hex, rows: readonly AdmittedRow[]): Promise<void> {
    for (const [stream, uids] of expectedOf(rows)) {
      const head = await world.registry.head(attester, stream, "latest");
      expect(head).to.deep.equal(appendUids(EMPTY_STREAM, uids));
    }
  }

  async function jobOf(rows: readonly AdmittedRow[], more: Partial<Job> = {}): Promise<Job> {
    return admitJob(world, desk.store, rows, { attester: desk.job.attester, ...more });
  }

  /** A block at each look at the head. @returns the outcome, and how many blocks it took */
  async function run(
    job: Job,
    options: Partial<SubmitterOptions>,
    atLook: (look: number) => Promise<void> = async () => {},
  ): Promise<{ outcome: Outcome; blocks: number }> {
    const from = await world.head();
    let looks = 0;
    let done = 0;
    world.faults.always("eth_getBlockByNumber", async (forward, [which]) => {
      if (which === "latest") {
        looks += 1;
        await atLook(looks);
        await world.mine();
      }
      return forward();
    });
    const submitter = await desk.submitter({ finalDepth: 2, outageMs: 120_000, ...options });
    const outcome = await submitter.run(job.id, {
      until: "final",
      onProgress: async ({ counts }) => {
        const { rows, ...parts } = counts;
        expect(
          Object.values(parts).reduce((a, b) => a + b, 0),
          "law 12",
        ).to.equal(rows);
      },
    });
    const landed = await desk.store.batches(["final", "verified"], job.id);
    for (const { batch } of landed) if ("inclusion" in batch) done = Math.max(done, batch.inclusion.block);
    return { outcome, blocks: done - from };
  }

  it("keeps 50 streams of 200 items each in order over 4 lanes, through faults, at three times the rate of one", async () => {
    const blocks: number[] = [];
    for (const count of [1, 4]) {
      const issuer = await freshKey(world);
      const lanes = await Promise.all(Array.from({ length: count }, () => freshKey(world)));
      desk = await openDesk(world, { rows: 0, issuer, lane: lanes[0]! });
      const rows = dealt(randomRows(world, issuer.address, 10_000, `fifty ${seed}`), 50);
      const job = await jobOf(rows, { act: "seal" });
      const random = randomOf(`faults ${seed}`);
      const faults = [dropped, lost, refusing("rate limited")];
      const once = (method: string) => world.faults.next(method, faults[random(3)]!);
      // Small transactions, and few at a time: then what a lane can have on its way is the limit.
      const limits = { transactionGas: 2_000_000, share: 1 };
      const { outcome, blocks: took } = await run(
        job,
        { lanes, limits, slots: 2, patienceMs: 0 },
        async (look) => {
          if (random(4) === 0) once("eth_sendRawTransaction");
          if (random(8) === 0) once("eth_call");
          if (random(8) === 0) once("eth_getBlockReceipts");
          if (look % 9 === 0) await world.node("anvil_reorg", [1, []]).catch(() => {});
        },
      );
      expect(outcome, `seed ${seed}`).to.deep.equal({ kind: "done" });
      expect(await desk.store.counts(job.id)).to.include({ verified: 10_000 });
      // What the last look has in store for the run is not meant for what is asked here.
      world.faults.heal();
      await expectInOrder(issuer.address, rows);
      blocks.push(took);
      if (count === 1) await desk.close();
    }
    expect(blocks[0]! / blocks[1]!, `${blocks.join(" blocks and ")} blocks`).to.be.at.least(3);
  });

  it("puts streams that have little to say into one transaction, each in its place", async () => {
    const [issuer, lane] = [await freshKey(world), await freshKey(world)];
    desk = await openDesk(world, { rows: 0, issuer, lane });
    const streams = 120;
    const rows = dealt(randomRows(world, issuer.address, 240, `small ${seed}`), streams);
    const loose = randomRows(world, issuer.address, 10, `loose ${seed}`);
    const job = await jobOf([...rows, ...loose]);
    const { outcome } = await run(job, {});
    expect(outcome).to.deep.equal({ kind: "done" });
    await expectInOrder(issuer.address, rows);
    const batches = await desk.store.batches(["verified"], job.id);
    const ordered = batches.filter((batch) => batch.stream !== ZERO_WORD);
    expect(ordered.length).to.be.at.least(streams);
    expect(new Set(ordered.map((batch) => batch.lead)).size).to.be.at.most(4);
    expect((await world.announced(issuer.address)).sort()).to.deep.equal(uidsOf([...rows, ...loose]).sort());
    // Again, where the streams go on.
    const second = dealt(randomRows(world, issuer.address, 60, `again ${seed}`), 60);
    const next = await jobOf(second);
    await run(next, {});
    await expectInOrder(issuer.address, [...rows, ...second]);
    const { paid } = await desk.store.spending(next.id);
    expect(paid > 0n).to.equal(true);
  });

  it("holds one stream for what the registry refuses of it, and no other notices", async () => {
    const [issuer, lane] = [await freshKey(world), await freshKey(world)];
    desk = await openDesk(world, { rows: 0, issuer, lane });
    const rows = dealt(randomRows(world, issuer.address, 60, `held ${seed}`), 6);
    const isBad = (row: AdmittedRow) => row.kind === "item" && row.stream === keyAt(2);
    const bad = rows.filter(isBad)[1]!;
    // Recorded outside its stream before.
    const outside = await jobOf([{ ...bad, stream: ZERO_WORD } as AdmittedRow]);
    await run(outside, {});
    const job = await jobOf(rows, { refusals: "block" });
    const { outcome } = await run(job, {});
    expect(outcome).to.have.nested.property("hold.why", "refused");
    await expectInOrder(
      issuer.address,
      rows.filter((row) => !isBad(row)),
    );
    const waits = rows.filter(isBad).length;
    expect(await desk.store.counts(job.id)).to.include({ verified: 60 - waits, waiting: waits, rejected: 0 });
    // Whoever does without it says so.
    const skipping = await jobOf(rows.filter(isBad), { refusals: "skip" });
    expect(await desk.store.counts(skipping.id)).to.include({ duplicate: waits });
  });

  it("sends rows of no stream that come after thousands of one that cannot go on", async () => {
    const [issuer, lane, gone] = [await freshKey(world), await freshKey(world), await freshKey(world)];
    desk = await openDesk(world, { rows: 0, issuer, lane });
    const first = await jobOf(dealt(randomRows(world, issuer.address, 3, `first ${seed}`), 1));
    // Signed on a lane whose key is not here later on, and in no block.
    world.faults.always("eth_sendRawTransaction", dropped);
    const stop = new AbortController();
    const earlier = await desk.submitter({ lanes: [gone] });
    const signed = async () => (await desk.store.batches(["signed"])).length > 0 && stop.abort();
    await earlier.run(first.id, { until: "final", signal: stop.signal, onProgress: () => void signed() });
    world.faults.heal();
    world.faults.always("eth_sendRawTransaction", async (forward, [raw]) => {
      const isGone = Transaction.from(raw as string).from === gone.address;
      return isGone ? dropped(forward, []) : forward();
    });
    const behind = dealt(randomRows(world, issuer.address, 3_000, `behind ${seed}`), 1);
    const job = await jobOf([...behind, ...randomRows(world, issuer.address, 5, `loose ${seed}`)]);
    mineAtEachLook(world);
    const end = new AbortController();
    const submitter = await desk.submitter({ finalDepth: 2 });
    let looks = 0;
    await submitter.run(job.id, {
      until: "final",
      signal: end.signal,
      onProgress({ counts }) {
        looks += 1;
        if (counts.verified === 5 || looks > 40) end.abort();
      },
    });
    expect(await desk.store.counts(job.id)).to.include({ verified: 5, waiting: 3_000 });
  });

  it("finds what the registry refuses beside a stream whose earlier rows are still on their way", async () => {
    const [issuer, lane] = [await freshKey(world), await freshKey(world)];
    desk = await openDesk(world, { rows: 0, issuer, lane });
    const [bad, ...fine] = randomRows(world, issuer.address, 3, `beside ${seed}`);
    await run(await jobOf([bad!]), {});
    const [before, after] = ["before", "after"].map((name) =>
      dealt(randomRows(world, issuer.address, 3, `${name} ${seed}`), 1),
    );
    const rows = [bad!, ...fine].map((row) => ({ ...row, stream: keyAt(1) }) as AdmittedRow);
    const jobs = [await jobOf(before!), await jobOf([...after!, ...rows])];
    let looks = 0;
    world.faults.always("eth_getBlockByNumber", async (forward, [which]) => {
      looks += 1;
      // What comes before is signed and in no block when what comes after is judged.
      if (which === "latest" && looks > 12) await world.mine();
      return forward();
    });
    const submitter = await desk.submitter({ finalDepth: 2 });
    const ids = jobs.map((job) => job.id);
    expect(await submitter.run(ids, { until: "final" })).to.deep.equal({ kind: "done" });
    expect(await desk.store.counts(jobs[1]!.id)).to.include({ verified: 5, rejected: 1 });
    expect(await desk.store.batches(["reverted"])).to.deep.equal([]);
    await expectInOrder(issuer.address, [...before!, ...after!, ...rows.slice(1)]);
  });

  it("goes on where two runs were stopped that had planned the same stream on lanes of their own", async () => {
    const [issuer, ...lanes] = await Promise.all([freshKey(world), freshKey(world), freshKey(world)]);
    desk = await openDesk(world, { rows: 0, issuer, lane: lanes[0]! });
    const rows = [0, 1].map((index) =>
      dealt(randomRows(world, issuer.address, 3, `${index} of two ${seed}`), 1),
    );
    const jobs: Job[] = [];
    for (const [index, lane] of lanes.entries()) {
      jobs.push(await jobOf(rows[index]!));
      // Nothing can be run, so nothing is signed.
      world.faults.always("eth_call", dropped);
      const stop = new AbortController();
      const submitter = await desk.submitter({ lanes: [lane] });
      const how = { until: "final", signal: stop.signal, onProgress: () => stop.abort() } as const;
      await submitter.run(jobs[index]!.id, how);
      world.faults.heal();
    }
    const planned = await desk.store.batches(["planned"]);
    expect(planned.map((batch) => batch.lane)).to.deep.equal(lanes.map((lane) => lane.address));
    mineAtEachLook(world);
    const submitter = await desk.submitter({ lanes, finalDepth: 2 });
    const ids = jobs.map((job) => job.id);
    expect(await submitter.run(ids, { until: "final" })).to.deep.equal({ kind: "done" });
    const head = await world.registry.head(issuer.address, keyAt(0), "latest");
    expect(head.count).to.equal(6n);
  });

  for (const act of ["record", "seal"] as const) {
    it(`refuses a statement that two streams of a transaction are to ${act}, in the second, and nothing else`, async () => {
      const [issuer, lane] = [await freshKey(world), await freshKey(world)];
      desk = await openDesk(world, { rows: 0, issuer, lane });
      const [one, ...others] = randomRows(world, issuer.address, 10, `twice ${act} ${seed}`);
      const at = (row: AdmittedRow, index: number) => ({ ...row, stream: keyAt(index) }) as AdmittedRow;
      const rows = [at(one!, 0), at(one!, 1), ...others.map((row) => at(row, 2))];
      const job = await jobOf(rows, { act });
      const { outcome } = await run(job, {});
      expect(outcome).to.deep.equal({ kind: "done" });
      expect(await desk.store.counts(job.id)).to.include({ verified: 10, rejected: 1 });
      const [refusal] = await desk.store.refusals(job.id, 1, "rejected");
      expect(refusal).to.include({ stream: keyAt(1) });
      await expectInOrder(
        issuer.address,
        rows.filter((_, index) => index !== 1),
      );
    });
  }

  it("appends what somebody else has not taken the place of, when a copy of one batch makes its transaction fail", async () => {
    const [issuer, lane, thief] = [await freshKey(world), await freshKey(world), await freshKey(world)];
    desk = await openDesk(world, { rows: 0, issuer, lane });
    const rows = dealt(randomRows(world, issuer.address, 30, `copied ${seed}`), 10);
    const job = await jobOf(rows);
    let copied = false;
    world.faults.always("eth_sendRawTransaction", async (forward) => {
      if (copied) return forward();
      copied = true;
      // The thief takes the second batch out of what is signed, and is first.
      const [lead] = await desk.store.batches(["signed"], job.id);
      const [, second] = await desk.store.together(lead!.id);
      const items = (await desk.store.items(second!.id)).map((one) => one.item);
      const { packItems, batchDigest } = await import("../../src/attestation.js");
      const packed = packItems(items);
      const head = (await world.chain.block("latest"))!;
      const terms = {
        attester: issuer.address,
        schema: world.schema,
        stream: second!.stream,
        position: 0n,
        deadline: head.timestamp + 1_000_000,
      };
      const signature = issuer.signDigest(batchDigest(world.registry.separator, terms, "record", packed));
      const data = world.registry.recordCall(terms, packed, signature);
      const { raw } = thief.signTransaction({
        ...{ chainId: 31337n, nonce: 0, to: world.registry.domain.registry, data },
        ...{ gasLimit: 3_000_000n, maxFee: 10n ** 11n, tip: 10n ** 9n },
      });
      await world.node("eth_sendRawTransaction", [raw]);
      await world.mine();
      return forward();
    });
    const { outcome } = await run(job, { patienceMs: 0 });
    expect(outcome).to.deep.equal({ kind: "done" });
    expect(copied).to.equal(true);
    expect(await desk.store.counts(job.id)).to.include({ verified: 30 });
    await expectInOrder(issuer.address, rows);
    const announced = await world.announced(issuer.address);
    expect(new Set(announced).size).to.equal(announced.length);
    expect(announced).to.have.length(30);
  });

  it("says the place of every item of a shared transaction in the events of the chain", async () => {
    const [issuer, lane] = [await freshKey(world), await freshKey(world)];
    desk = await openDesk(world, { rows: 0, issuer, lane });
    const rows = dealt(randomRows(world, issuer.address, 20, `places ${seed}`), 5);
    await run(await jobOf(rows, { act: "anchor" }), {});
    const logs = await world.chain.logs({
      address: world.registry.domain.registry,
      topics: [APPENDED, topicOf(issuer.address)],
      from: 0,
      to: await world.head(),
    });
    const sizes = [...expectedOf(rows).values()].map((uids) => uids.length).sort();
    expect(logs.map((log) => Number(appendedOf(log).count)).sort()).to.deep.equal(sizes);
  });
});
