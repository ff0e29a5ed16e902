import { assert, AssertionError, expect } from "chai";
import fc from "fast-check";
import { type Item, packedSize } from "../../src/attestation.js";
import { type BatchEvent, type BatchState, LIVE, OPEN } from "../../src/batch.js";
import { hex, type Hex, keccak, ZERO_ADDRESS, ZERO_WORD } from "../../src/hex.js";
import type {
  AdmittedRow,
  Counts,
  Job,
  LaneEvent,
  LaneToken,
  NewJob,
  Overspent,
  ReportRow,
  SignedAttempt,
  Spending,
  Store,
  StoredAttempt,
} from "../../src/store/store.js";
import { seed } from "../support/seed.js";

/** An empty place for a store, and a look at what the interface does not show. */
export type Place = {
  open(): Promise<Store>;
  /** the kinds of all events that are stored of a batch, oldest first */
  events(batch: number): Promise<string[]>;
  remove(): Promise<void>;
};

export const LANE: Hex = `0x${"1a".repeat(20)}`;
export const HEAD = { number: 1_234, timestamp: 1_765_432_100 };
const OTHER_LANE: Hex = `0x${"2b".repeat(20)}`;
const CHAIN = { chainId: 31337n, genesis: word("genesis"), registry: `0x${"3c".repeat(20)}` as Hex };
const ALL: readonly BatchState[] = [...LIVE, "reverted", "stolen", "voided"];

/** What every store must do, whatever it is made of. */
export function conformance(name: string, makePlace: () => Promise<Place>): void {
  describe(name, function () {
    this.timeout(60_000);
    let place: Place;
    let store: Store;

    beforeEach(async () => {
      place = await makePlace();
      store = await place.open();
    });
    afterEach(async () => {
      await store.close();
      await place.remove();
    });

    const reopen = async () => {
      await store.close();
      store = await place.open();
    };

    /** A job of so many rows, released. */
    async function jobOf(
      key: string,
      rows: number | readonly AdmittedRow[],
      { stream, ...more }: Partial<NewJob> & { stream?: Hex } = {},
    ): Promise<Job> {
      const { id } = await store.openJob({ ...newJob(key), ...more });
      await store.admit(id, inStream(typeof rows === "number" ? itemRows(key, rows) : rows, stream));
      await store.release(id);
      return (await store.job(id))!;
    }

    /** Assigns the first waiting items of a job in groups of these sizes. @returns ids of the batches */
    async function assigned(token: LaneToken, job: number, ...sizes: number[]): Promise<number[]> {
      const ids = (await store.waiting(job, 10_000)).map((item) => item.id);
      const before = new Set((await store.batches(ALL)).map((batch) => batch.id));
      await store.assign(
        token,
        job,
        sizes.map((size) => ids.splice(0, size)),
      );
      return (await store.batches(ALL)).map((batch) => batch.id).filter((id) => !before.has(id));
    }

    /** As the store answers it, `overspent` included. */
    const trySign = (token: LaneToken, batch: number, mined = 0) =>
      store.sign(token, batch, { mined, positions: [null], head: HEAD }, (nonce) => attemptOf(batch, nonce));

    const sign = async (token: LaneToken, batch: number, mined = 0) =>
      journaled(await trySign(token, batch, mined));

    const tryReplace = (token: LaneToken, batch: number, round: number, noop = false, head = HEAD) =>
      store.replace(token, batch, { noop, head }, (nonce) =>
        noop ? noopOf(batch, nonce, round) : attemptOf(batch, nonce, round),
      );

    const replace = async (...of: Parameters<typeof tryReplace>) => journaled(await tryReplace(...of));

    const tryFill = (token: LaneToken, job: number, nonce: number) =>
      store.fill(token, job, { nonce, head: HEAD }, (given) => noopOf("filler", given));

    const fill = async (...of: Parameters<typeof tryFill>) => journaled(await tryFill(...of));

    async function signedBatch(job: number, size: number): Promise<number> {
      const token = await store.takeLane(LANE);
      const [batch] = await assigned(token, job, size);
      await sign(token, batch!);
      return batch!;
    }

    const follow = async (batch: number, ...events: BatchEvent[]) => {
      for (const event of events) await store.follow({ events: [{ batch, event }] });
    };

    const stateOf = async (batch: number) =>
      (await store.batches(ALL)).find((stored) => stored.id === batch)!.batch;

    /** Everything that can be read, to say that nothing has changed. */
    async function picture() {
      const jobs = await store.jobs();
      const batches = await store.batches(ALL);
      return {
        jobs,
        batches,
        counts: await Promise.all(jobs.map(({ id }) => store.counts(id))),
        spending: await Promise.all(jobs.map(({ id }) => store.spending(id))),
        reports: await Promise.all(jobs.map(({ id }) => store.report(id, -1, 10_000))),
        waiting: await Promise.all(jobs.map(({ id }) => store.waiting(id, 10_000))),
        items: await Promise.all(batches.map(({ id }) => store.items(id))),
        attempts: await Promise.all(batches.map(({ id }) => store.attempts(id))),
        events: await Promise.all(batches.map(({ id }) => place.events(id))),
        unmined: await store.unmined(),
        reached: [await store.reached(LANE), await store.reached(OTHER_LANE)],
        followed: await store.followed(),
        namesFinal: await store.namesFinal(),
      };
    }

    /** @returns what the work threw, having changed nothing */
    async function refused(work: () => Promise<unknown>): Promise<Error & { code?: string }> {
      const before = await picture();
      const error = await errorOf(work);
      expect(await picture()).to.deep.equal(before);
      return error;
    }

    describe("the chain", () => {
      it("is the first it was bound to, also after it was closed", async () => {
        await store.bind(CHAIN);
        await store.bind(CHAIN);
        await reopen();
        await store.bind(CHAIN);
      });

      for (const other of [
        { ...CHAIN, chainId: 1n },
        { ...CHAIN, genesis: word("another") },
        { ...CHAIN, registry: OTHER_LANE },
      ]) {
        it(`refuses another with ${JSON.stringify({ ...other, chainId: Number(other.chainId) }).slice(0, 60)}…`, async () => {
          await store.bind(CHAIN);
          expect(await errorOf(() => store.bind(other))).to.have.property("code", "E_STORE_CHAIN");
          await store.bind(CHAIN);
        });
      }
    });

    describe("admission", () => {
      it("opens a job and finds it again by its key, id and in the list", async () => {
        const job = await store.openJob(newJob("a"));
        expect(job).to.deep.include({ ...newJob("a"), state: "admitting", rows: 0 });
        expect(await store.openJob({ ...newJob("a"), name: "another name" })).to.deep.equal(job);
        expect(await store.job(job.id)).to.deep.equal(job);
        expect(await store.jobs()).to.deep.equal([job]);
        expect(await store.job(job.id + 1)).to.equal(null);
        const next = await store.openJob(newJob("b"));
        expect(next.id).to.not.equal(job.id);
        expect(await store.jobs()).to.deep.equal([job, next]);
      });

      it("law 1: what was admitted is there after the store was opened again", async () => {
        const { id } = await jobOf("a", 2_500);
        const before = await store.report(id, -1, 10_000);
        await reopen();
        expect(await store.report(id, -1, 10_000)).to.deep.equal(before);
        expect((await store.job(id))!).to.deep.include({ rows: 2_500, state: "open" });
      });

      it("law 1: a page is stored whole or not at all", async () => {
        const { id } = await store.openJob(newJob("a"));
        await store.admit(id, itemRows("first", 3));
        const page = itemRows("second", 2_400);
        page[2_200] = { ...page[2_200]!, line: null as unknown as number };
        await refused(() => store.admit(id, page));
        expect((await store.job(id))!.rows).to.equal(3);
        await store.admit(id, itemRows("second", 2_400));
        expect((await store.job(id))!.rows).to.equal(2_403);
      });

      it("takes no row of a job that is open or unknown", async () => {
        const { id } = await jobOf("a", 1);
        await refused(() => store.admit(id, itemRows("more", 1)));
        await refused(() => store.admit(id + 1, itemRows("more", 1)));
      });

      it("keeps every part of an item", async () => {
        const items: Item[] = [
          itemOf({}),
          itemOf({ recipient: OTHER_LANE, ref: word("ref"), expiresAt: 2 ** 40 - 1, revocable: true }),
          itemOf({ salt: word("salt"), data: Uint8Array.of(0, 255, 0) }),
          itemOf({ data: new Uint8Array(70_000).fill(7) }),
        ];
        const rows = items.map((item, index) => rowOf(`item ${index}`, 10 + index, item));
        const { id } = await jobOf("a", rows);
        const [batch] = await assigned(await store.takeLane(LANE), id, 4);
        const stored = await store.items(batch!);
        expect(stored.map(({ item }) => item)).to.deep.equal(items);
        expect(stored.map(({ line }) => line)).to.deep.equal([10, 11, 12, 13]);
        expect(stored.map(({ uid }) => uid)).to.deep.equal(rows.map((row) => "uid" in row && row.uid));
      });

      it("sizes a revocation by its uid and the reason that its event carries", async () => {
        const reason = "issued in error, and then some more";
        const { id } = await store.openJob({ ...newJob("a"), act: "revoke", reason });
        await store.admit(id, [{ kind: "revocation", line: 1, uid: word("one") }]);
        await store.release(id);
        const [waiting] = await store.waiting(id, 10);
        expect(waiting).to.deep.include({ bytes: 32, tokens: 128, words: 2 });
        const [batch] = await assigned(await store.takeLane(LANE), id, 1);
        const [stored] = await store.items(batch!);
        expect(stored!.uid).to.equal(word("one"));
        expect(Buffer.from(stored!.item.data).toString()).to.equal(reason);
      });

      it("knows a duplicate within a page, across pages and across jobs, and whose it is", async () => {
        const first = await store.openJob(newJob("a"));
        const [a, b, c, d] = itemRows("x", 4);
        await store.admit(first.id, [
          a!,
          b!,
          { ...a!, line: 3 },
          { kind: "rejected", line: 4, faults: ["E_ROW"] },
        ]);
        await store.admit(first.id, [{ ...b!, line: 5 }, c!]);
        await store.release(first.id);
        expect(await store.counts(first.id)).to.deep.include({
          rows: 6,
          duplicate: 2,
          rejected: 1,
          waiting: 3,
        });
        const second = await jobOf("b", [
          { ...c!, line: 1 },
          { ...d!, line: 2 },
          { ...c!, line: 3 },
        ]);
        expect(await store.counts(second.id)).to.deep.include({ rows: 3, duplicate: 2, waiting: 1 });

        const repeats = async (job: number) =>
          (await store.report(job, -1, 10)).map((row) => [row.state, row.duplicateOf]);
        const of = (job: Job, line: number) => ["duplicate", { job: job.id, line }];
        expect(await repeats(first.id)).to.deep.equal([
          ["waiting", null],
          ["waiting", null],
          of(first, 1),
          ["rejected", null],
          of(first, 2),
          ["waiting", null],
        ]);
        expect(await repeats(second.id)).to.deep.equal([of(first, 3), ["waiting", null], of(first, 3)]);
        expect(await store.originals(first.id)).to.deep.equal([]);
        expect(await store.originals(second.id)).to.deep.equal([first.id]);
      });

      it("does not take a revocation for a duplicate of what it revokes", async () => {
        await jobOf("a", [rowOf("one", 1, itemOf({}))]);
        const { id } = await store.openJob({ ...newJob("b"), act: "revoke" });
        const row: AdmittedRow = { kind: "revocation", line: 1, uid: word("one") };
        await store.admit(id, [row, row]);
        expect(await store.counts(id)).to.deep.include({ rows: 2, waiting: 1, duplicate: 1 });
      });

      it("goes on with a job by its key where it was cut short", async () => {
        const rows = itemRows("x", 10);
        const first = await store.openJob(newJob("a"));
        await store.admit(first.id, rows.slice(0, 4));
        await reopen();
        const again = await store.openJob(newJob("a"));
        expect(again).to.deep.equal({ ...first, rows: 4 });
        await store.admit(again.id, rows.slice(4));
        await store.release(again.id);
        const report = await store.report(again.id, -1, 100);
        expect(report.map(({ ordinal, line, state }) => [ordinal, line, state])).to.deep.equal(
          rows.map((row, index) => [index, row.line, "waiting"]),
        );
      });

      it("drops a job whose admission was abandoned, and repeats of it are none", async () => {
        const rows = itemRows("x", 5);
        const abandoned = await store.openJob(newJob("a"));
        await store.admit(abandoned.id, [...rows, rows[0]!, rows[1]!]);
        const kept = await jobOf("kept", 2);
        await reopen();
        const next = await store.openJob(newJob("b"));
        expect((await store.jobs()).map(({ key }) => key)).to.deep.equal([kept.key, next.key]);
        await store.admit(next.id, rows);
        expect(await store.counts(next.id)).to.deep.include({ rows: 5, duplicate: 0, waiting: 5 });
        expect(await store.counts(kept.id)).to.deep.include({ rows: 2, waiting: 2 });
      });

      it("calls nothing a duplicate of a row that is not admitted for certain: it waits instead", async () => {
        const rows = itemRows("x", 3);
        const first = await store.openJob(newJob("a"));
        await store.admit(first.id, rows);
        const second = await store.openJob(newJob("b"));
        const error = await refused(() => store.admit(second.id, rows));
        expect(error).to.have.property("code", "E_STORE_ADMITTING");
        await reopen();
        // Now the first is abandoned, and nothing stands on it.
        const again = await store.openJob(newJob("b"));
        await store.admit(again.id, rows);
        expect(await store.counts(again.id)).to.deep.include({ rows: 3, duplicate: 0 });
      });

      it("leaves a job alone that this process is still admitting", async () => {
        const first = await store.openJob(newJob("a"));
        await store.admit(first.id, itemRows("x", 2));
        await store.openJob(newJob("b"));
        expect(await store.job(first.id)).to.deep.include({ rows: 2, state: "admitting" });
      });
    });

    describe("assignment", () => {
      it("gives out waiting items in order, up to the limit, and nothing else", async () => {
        const rows = itemRows("x", 6);
        const { id } = await jobOf("a", [rows[0]!, { kind: "rejected", line: 2, faults: [] }, ...rows]);
        const sizes = await store.waiting(id, 100);
        expect(sizes).to.have.length(6);
        expect(sizes[0]).to.deep.equal({
          id: sizes[0]!.id,
          ...packedSize(itemOf({})),
          stream: ZERO_WORD,
          most: null,
        });
        expect(await store.waiting(id, 2)).to.deep.equal(sizes.slice(0, 2));
        await assigned(await store.takeLane(LANE), id, 2);
        expect(await store.waiting(id, 100)).to.deep.equal(sizes.slice(2));
      });

      it("assigns many of very many by their ids", async () => {
        const { id } = await jobOf("many", 20_000);
        const token = await store.takeLane(LANE);
        const ids = (await store.waiting(id, 20_000)).map((item) => item.id);
        const start = performance.now();
        await store.assign(token, id, [ids.slice(0, 8_000)]);
        const many = performance.now() - start;
        const again = performance.now();
        await store.assign(token, id, [ids.slice(8_000, 9_000)]);
        // Eight times as many; searched row by row it was a thousand times.
        expect(many).to.be.lessThan(200 * (performance.now() - again));
      });

      it("makes a batch of each group, in its order", async () => {
        const { id } = await jobOf("a", 5);
        const token = await store.takeLane(LANE);
        const [a, b, c, d] = (await store.waiting(id, 10)).map((item) => item.id);
        await store.assign(token, id, [
          [c!, a!],
          [d!, b!],
        ]);
        const batches = await store.batches(["planned"]);
        const common = { job: id, lane: LANE, stream: ZERO_WORD, count: 2, position: null };
        expect(batches).to.deep.equal(
          batches.map(({ id: own }) => ({ id: own, lead: own, ...common, batch: { state: "planned" } })),
        );
        expect(batches).to.have.length(2);
        const ids = async (index: number) => (await store.items(batches[index]!.id)).map((item) => item.id);
        expect([await ids(0), await ids(1)]).to.deep.equal([
          [c, a],
          [d, b],
        ]);
      });

      it("law 2: assigning an item that is in a batch already undoes the whole assignment", async () => {
        const { id } = await jobOf("a", 6);
        const token = await store.takeLane(LANE);
        const ids = (await store.waiting(id, 10)).map((item) => item.id);
        await store.assign(token, id, [ids.slice(0, 2)]);
        await refused(() => store.assign(token, id, [ids.slice(2, 4), [ids[4]!, ids[1]!]]));
        await refused(() => store.assign(token, id, [[ids[2]!, ids[3]!, ids[2]!]]));
        await refused(() => store.assign(token, id, [[ids[2]!], [ids[2]!]]));
        await store.assign(token, id, [ids.slice(2)]);
      });

      it("law 2: takes no duplicate, no rejected row, no row of another job and none that is not there", async () => {
        const [row] = itemRows("x", 1);
        const { id } = await jobOf("a", [row!, row!, { kind: "rejected", line: 3, faults: [] }]);
        const other = await jobOf("b", 1);
        const token = await store.takeLane(LANE);
        const [mine] = await store.waiting(id, 10);
        const [foreign] = await store.waiting(other.id, 10);
        for (const wrong of [mine!.id + 1, mine!.id + 2, foreign!.id, 10_000]) {
          await refused(() => store.assign(token, id, [[mine!.id, wrong]]));
        }
      });

      it("lists batches by state and job, oldest first", async () => {
        const [a, b] = [await jobOf("a", 3), await jobOf("b", 3)];
        const token = await store.takeLane(LANE);
        const [one, two] = await assigned(token, a.id, 1, 1);
        const [three] = await assigned(token, b.id, 1);
        await sign(token, one!);
        const ids = async (...of: Parameters<Store["batches"]>) =>
          (await store.batches(...of)).map((batch) => batch.id);
        expect(await ids(["planned", "signed"])).to.deep.equal([one, two, three]);
        expect(await ids(["planned"])).to.deep.equal([two, three]);
        expect(await ids(["planned"], a.id)).to.deep.equal([two]);
        expect(await ids(["signed"], b.id)).to.deep.equal([]);
      });
    });

    describe("signing", () => {
      it("law 4: the nonce is the one after the highest of the lane's journal", async () => {
        const { id } = await jobOf("a", 4);
        const token = await store.takeLane(LANE);
        const other = await store.takeLane(OTHER_LANE);
        const batches = await assigned(token, id, 1, 1, 1);
        const [foreign] = await assigned(other, id, 1);
        expect((await sign(token, batches[2]!)).nonce).to.equal(0);
        expect((await sign(token, batches[0]!)).nonce).to.equal(1);
        expect((await sign(other, foreign!)).nonce).to.equal(0);
        await reopen();
        expect((await sign(await store.takeLane(LANE), batches[1]!)).nonce).to.equal(2);
        expect(await stateOf(batches[0]!)).to.deep.equal({
          state: "signed",
          lane: LANE,
          nonce: 1,
          block: HEAD.number,
          sentAt: null,
        });
      });

      it("law 4: the nonce is never below what the chain has mined, and never falls back to it", async () => {
        const { id } = await jobOf("a", 4);
        const token = await store.takeLane(LANE);
        const [a, b, c, d] = await assigned(token, id, 1, 1, 1, 1);
        expect((await sign(token, a!, 7)).nonce).to.equal(7);
        expect((await sign(token, b!, 3)).nonce).to.equal(8);
        expect((await sign(token, c!, 9)).nonce).to.equal(9);
        // What was stolen is not taken again, though nothing of ours holds it any more.
        await follow(c!, { kind: "stolen", block: 1 });
        expect((await sign(token, d!, 0)).nonce).to.equal(10);
      });

      it("law 4: two batches that are signed at the same time have two nonces", async () => {
        const { id } = await jobOf("a", 20);
        const token = await store.takeLane(LANE);
        const batches = await assigned(token, id, ...Array<number>(20).fill(1));
        const attempts = await Promise.all(batches.map((batch) => sign(token, batch)));
        expect(attempts.map(({ nonce }) => nonce).sort((x, y) => x - y)).to.deep.equal(
          batches.map((_, i) => i),
        );
      });

      it("law 3: the signed bytes are in the journal when the promise resolves", async () => {
        const { id } = await jobOf("a", 1);
        const token = await store.takeLane(LANE);
        const [batch] = await assigned(token, id, 1);
        expect(await store.attempts(batch!)).to.deep.equal([]);
        const attempt = await sign(token, batch!, 5);
        expect(attempt).to.deep.equal({
          ...attemptOf(batch!, 5),
          batch,
          lane: LANE,
          nonce: 5,
          noop: false,
          head: HEAD,
        });
        await reopen();
        expect(await store.attempts(batch!)).to.deep.equal([attempt]);
      });

      it("law 4: what was not signed takes no nonce", async () => {
        const { id } = await jobOf("a", 1);
        const token = await store.takeLane(LANE);
        const [batch] = await assigned(token, id, 1);
        const broken = () =>
          store.sign(token, batch!, { mined: 0, positions: [null], head: HEAD }, () => {
            throw new Error("no key");
          });
        expect((await refused(broken)).message).to.equal("no key");
        expect((await sign(token, batch!)).nonce).to.equal(0);
      });

      it("law 5: signs only what is planned", async () => {
        const { id } = await jobOf("a", 2);
        const token = await store.takeLane(LANE);
        const [one, two] = await assigned(token, id, 1, 1);
        await sign(token, one!);
        await store.applyOnLane(token, two!, { kind: "voided" });
        await refused(() =>
          store.sign(token, one!, { mined: 0, positions: [null], head: HEAD }, () => attemptOf(99, 99)),
        );
        await refused(() =>
          store.sign(token, two!, { mined: 0, positions: [null], head: HEAD }, () => attemptOf(99, 99)),
        );
        // Not even where it could be signed once more for what it has: each of its attempts has a nonce of its own.
        await refused(() => sign(token, one!));
        await refused(() => sign(token, two!));
        await refused(() =>
          store.sign(token, 10_000, { mined: 0, positions: [null], head: HEAD }, () => attemptOf(99, 99)),
        );
      });
    });

    describe("streams", () => {
      const STREAM = word("stream");
      const streamJob = (key: string, rows: number, more: Partial<NewJob> & { stream?: Hex } = {}) =>
        jobOf(key, rows, { stream: STREAM, ...more });
      const streamEnd = async (attester: Hex, key: Hex) => (await stateOfStream(attester, key)).end;
      const streamHasFailed = async (attester: Hex, key: Hex) => (await stateOfStream(attester, key)).failed;
      const stateOfStream = async (attester: Hex, key: Hex) =>
        (await store.streams(attester, [key])).get(key)!;
      const place = (token: LaneToken, batch: number, position: number) =>
        store.sign(token, batch, { mined: 0, positions: [position], head: HEAD }, (nonce) =>
          attemptOf(batch, nonce),
        );

      it("law 4: a position is one live batch's: the next begins where all that is signed ends", async () => {
        const { id } = await streamJob("a", 6);
        const token = await store.takeLane(LANE);
        const [one, two, three] = await assigned(token, id, 2, 3, 1);
        expect(await streamEnd(OTHER_LANE, STREAM)).to.equal(0);
        await place(token, one!, 40);
        expect(await streamEnd(OTHER_LANE, STREAM)).to.equal(42);
        await refused(() => place(token, two!, 41));
        await place(token, two!, 42);
        await place(token, three!, 50);
        await reopen();
        expect(await streamEnd(OTHER_LANE, STREAM)).to.equal(51);
        expect((await store.batches(["signed"])).map(({ position }) => position)).to.deep.equal([40, 42, 50]);
      });

      it("counts the batches of all jobs of one attester and stream, and of no other", async () => {
        const token = await store.takeLane(LANE);
        const other = { a: { stream: word("other") }, b: { attester: LANE }, c: {} };
        for (const [index, [key, more]] of Object.entries(other).entries()) {
          const { id } = await streamJob(key, 1, more);
          const [batch] = await assigned(token, id, 1);
          await place(token, batch!, 10 * (index + 1));
        }
        expect(await streamEnd(OTHER_LANE, word("other"))).to.equal(11);
        expect(await streamEnd(LANE, STREAM)).to.equal(21);
        expect(await streamEnd(OTHER_LANE, STREAM)).to.equal(31);
      });

      it("gives a position back only with the items, when the batch has failed for good", async () => {
        const { id } = await streamJob("a", 2);
        const token = await store.takeLane(LANE);
        const [batch] = await assigned(token, id, 2);
        await place(token, batch!, 7);
        await store.follow({ events: [{ batch: batch!, event: included(1, false) }] });
        expect(await streamEnd(OTHER_LANE, STREAM)).to.equal(9);
        await store.follow({ events: [{ batch: batch!, event: { kind: "final" } }] });
        expect(await streamEnd(OTHER_LANE, STREAM)).to.equal(0);
      });

      it("law 8: what is in a block and failed there is not taken for included", async () => {
        const { id } = await streamJob("a", 5);
        const token = await store.takeLane(LANE);
        const [one, two] = await assigned(token, id, 2, 3);
        await place(token, one!, 0);
        await place(token, two!, 2);
        expect(await streamHasFailed(OTHER_LANE, STREAM)).to.equal(false);
        await store.follow({
          events: [
            { batch: one!, event: included(1, false) },
            { batch: two!, event: included(1) },
          ],
        });
        expect(await store.counts(id)).to.include({ assigned: 2, included: 3 });
        expect((await store.report(id, -1, 10)).map(({ state, block }) => [state, block])).to.deep.equal([
          ...Array(2).fill(["signed", null]),
          ...Array(3).fill(["included", 1]),
        ]);
        expect(await streamHasFailed(OTHER_LANE, STREAM)).to.equal(true);
        expect(await streamHasFailed(LANE, STREAM)).to.equal(false);
        const { kind: _, ...where } = {
          kind: "found",
          block: 1,
          blockHash: word("b"),
          transaction: word("t"),
        };
        await store.follow({ events: [{ batch: one!, event: { kind: "found", ...where } }] });
        expect(await streamHasFailed(OTHER_LANE, STREAM)).to.equal(false);
        expect(await store.counts(id)).to.include({ assigned: 0, included: 5 });
      });

      it("names the live batches that hold what comes after the first item that waits", async () => {
        const { id } = await streamJob("a", 5);
        const token = await store.takeLane(LANE);
        const [one, two] = await assigned(token, id, 2, 2);
        expect(await store.aheadOfWaiting(id)).to.deep.equal([]);
        await store.applyOnLane(token, one!, { kind: "voided" });
        expect((await store.aheadOfWaiting(id)).map((batch) => batch.id)).to.deep.equal([two]);
        await store.applyOnLane(token, two!, { kind: "voided" });
        expect(await store.aheadOfWaiting(id)).to.deep.equal([]);
      });

      it("takes the same statement once without a stream, and once in each", async () => {
        const rows = itemRows("same", 3);
        const counts = [];
        for (const [key, more] of [
          ["a", {}],
          ["b", { stream: STREAM }],
          ["c", { stream: STREAM }],
          ["d", { stream: STREAM, act: "seal" }],
          ["e", { act: "seal" }],
        ] as const) {
          const job = await jobOf(key, rows, more);
          counts.push(await store.counts(job.id));
        }
        expect(counts.map(({ waiting, duplicate }) => [waiting, duplicate])).to.deep.equal([
          [3, 0],
          [3, 0],
          [0, 3],
          [0, 3],
          [3, 0],
        ]);
      });
    });

    describe("batches that go together", () => {
      const [ONE, TWO] = [word("one stream"), word("another stream")];
      /** Rows of two streams and of none, in turns. */
      const mixed = (count: number) =>
        itemRows("mixed", count).map((row, index) => ({ ...row, stream: [ONE, TWO, ZERO_WORD][index % 3]! }));

      async function together(
        ...order: number[]
      ): Promise<{ job: number; token: LaneToken; leads: number[] }> {
        const { id } = await jobOf("a", mixed(9) as AdmittedRow[]);
        const token = await store.takeLane(LANE);
        const ids = (await store.waiting(id, 10)).map((item) => item.id);
        await store.assign(token, id, [order.map((index) => ids[index]!)]);
        const leads = [...new Set((await store.batches(["planned"])).map((batch) => batch.lead))];
        return { job: id, token, leads };
      }

      const signAll = (token: LaneToken, lead: number, positions: (number | null)[]) =>
        store.sign(token, lead, { mined: 0, positions, head: HEAD }, (nonce) => attemptOf(lead, nonce));

      it("are a batch for each run of a stream, and the first of them leads", async () => {
        const { leads } = await together(0, 3, 1, 4, 2, 6);
        expect(leads).to.have.length(1);
        const members = await store.together(leads[0]!);
        expect(members.map(({ stream, count, lead }) => [stream, count, lead])).to.deep.equal([
          [ONE, 2, leads[0]],
          [TWO, 2, leads[0]],
          [ZERO_WORD, 1, leads[0]],
          [ONE, 1, leads[0]],
        ]);
        expect((await store.waiting(members[0]!.job, 10)).map((item) => item.stream)).to.deep.equal([
          ZERO_WORD,
          TWO,
          ZERO_WORD,
        ]);
        await reopen();
        expect(await store.together(leads[0]!)).to.deep.equal(members);
      });

      it("law 4: share one nonce and one attempt, each at its own place", async () => {
        const { token, leads } = await together(0, 3, 1, 2, 6);
        const [lead] = leads;
        const signed = journaled(await signAll(token, lead!, [7, 0, null, 9]));
        const members = await store.together(lead!);
        expect(members.map(({ position }) => position)).to.deep.equal([7, 0, null, 9]);
        expect(members.map(({ batch }) => batch)).to.deep.equal(
          members.map(() => ({
            state: "signed",
            lane: LANE,
            nonce: signed.nonce,
            block: HEAD.number,
            sentAt: null,
          })),
        );
        expect(await store.attempts(lead!)).to.deep.equal([signed]);
        for (const { id } of members.slice(1)) expect(await store.attempts(id)).to.deep.equal([]);
        expect(
          (await store.unmined()).map(({ id, members: all, partly }) => [id, all, partly]),
        ).to.deep.equal([[lead, members.map((one) => one.id), false]]);
        const states = await store.streams(OTHER_LANE, [ONE, TWO, word("none")]);
        expect(await store.streamsOf((await store.together(lead!))[0]!.job)).to.have.members([
          ONE,
          TWO,
          ZERO_WORD,
        ]);
        expect([...states].map(([key, { end, lane, signed: is }]) => [key, end, lane, is])).to.deep.equal([
          [ONE, 10, LANE, true],
          [TWO, 1, LANE, true],
          [word("none"), 0, null, false],
        ]);
      });

      it("law 4: are signed all or none: a place that is taken, or one too few, leaves all planned", async () => {
        const { token, leads } = await together(0, 3, 1);
        const [lead] = leads;
        await refused(() => signAll(token, lead!, [0]));
        const second = await jobOf("b", 1, { stream: TWO });
        const [other] = await assigned(token, second.id, 1);
        journaled(await signAll(token, other!, [4]));
        await refused(() => signAll(token, lead!, [0, 3]));
        expect((await store.together(lead!)).map(({ batch }) => batch.state)).to.deep.equal([
          "planned",
          "planned",
        ]);
        journaled(await signAll(token, lead!, [0, 5]));
      });

      it("law 10: what a budget does not allow leaves every one of them as it was", async () => {
        const { job, token, leads } = await together(0, 3, 1);
        await store.setTerms(job, { maxFee: null, budget: 1n });
        const before = await picture();
        expect(await signAll(token, leads[0]!, [0, 0])).to.include({ kind: "overspent" });
        expect(await picture()).to.deep.equal(before);
      });

      it("are sent, replaced, given up and stolen together, and land each by itself", async () => {
        const { job, token, leads } = await together(0, 3, 1);
        const [lead] = leads;
        const [first, second] = (await store.together(lead!)).map((batch) => batch.id);
        journaled(await signAll(token, lead!, [0, 0]));
        await store.applyOnLane(token, lead!, { kind: "sent", at: 5 });
        journaled(await tryReplace(token, lead!, 1));
        const kinds = ["signed", "sent", "replaced"];
        for (const id of [first!, second!]) expect(await place.events(id)).to.deep.equal(kinds);

        const failed = included(3, false);
        await store.follow({
          events: [
            { batch: first!, event: failed },
            { batch: second!, event: failed },
          ],
        });
        expect((await store.streams(OTHER_LANE, [ONE])).get(ONE)).to.include({ failed: true });
        // A copy of the second had landed before; ours failed for it.
        const found = { block: 2, blockHash: word("b"), transaction: word("t") };
        await follow(second!, { kind: "found", ...found });
        expect(await store.counts(job)).to.include({ assigned: 2, included: 1 });
        await follow(second!, { kind: "unwound", block: 2, blockHash: word("b") });
        expect(await store.unmined()).to.have.length(1);
        expect((await store.unmined())[0]).to.deep.include({ id: lead, members: [second], partly: true });
        await follow(second!, included(2));
        await follow(first!, { kind: "final" });
        expect(await store.counts(job)).to.include({ waiting: 8, included: 1 });
      });

      it("cost their transaction once, by the one that leads", async () => {
        const { job, token, leads } = await together(0, 3, 1, 2);
        journaled(await signAll(token, leads[0]!, [0, 0, null]));
        const { inFlight } = await store.spending(job);
        expect(inFlight).to.equal(costOf(attemptOf(leads[0]!, 0)));
      });

      it("law 11: a token that was overtaken gives none of them up", async () => {
        const { token, leads } = await together(0, 3, 1);
        await store.takeLane(LANE);
        const error = await refused(() => store.refuse(token, leads[0]!, [], false));
        expect(error).to.have.property("code", "E_LANE_TAKEN");
      });

      it("law 12: are given up when the registry refuses items of them, which are rejected or wait", async () => {
        const { job, token, leads } = await together(0, 3, 1, 4);
        const [, second] = await store.together(leads[0]!);
        const [bad, good] = await store.items(second!.id);
        const reason = "UidTaken(0x1)";
        await refused(() => store.refuse(token, leads[0]!, [{ item: 9_999, reason }], false));
        await store.refuse(token, leads[0]!, [{ item: bad!.id, reason }], true);
        expect(await store.counts(job)).to.include({ rows: 9, waiting: 9, rejected: 0 });
        expect(await store.refusals(job, 10)).to.deep.equal([
          { item: bad!.id, line: bad!.line, uid: bad!.uid, stream: TWO, reason },
        ]);
        await store.retry(job);
        expect(await store.refusals(job, 10)).to.deep.equal([]);
        await store.assign(token, job, [[bad!.id, good!.id]]);
        const [again] = await store.batches(["planned"], job);
        await store.refuse(token, again!.id, [{ item: bad!.id, reason }], false);
        expect(await store.counts(job)).to.include({ rows: 9, waiting: 8, rejected: 1 });
        const row = (await store.report(job, -1, 10)).find(({ line }) => line === bad!.line);
        expect(row).to.deep.include({ state: "rejected", faults: [reason] });
        expect(await store.refusals(job, 10)).to.deep.equal([]);
        expect((await store.refusals(job, 10, "rejected")).map((one) => one.item)).to.deep.equal([bad!.id]);
        expect((await store.waiting(job, 10)).map((item) => item.id)).to.not.include(bad!.id);
        // Nothing that is signed is given up for what somebody says of an item.
        const [fine] = await assigned(token, job, 1);
        journaled(await signAll(token, fine!, [0]));
        await refused(() => store.refuse(token, fine!, [], false));
      });

      it("leaves out streams that are named, in order", async () => {
        const { id } = await jobOf("a", mixed(9) as AdmittedRow[]);
        const lines = async (...except: Hex[]) =>
          (await store.waiting(id, 4, except)).map((item) => item.stream);
        expect(await lines()).to.deep.equal([ONE, TWO, ZERO_WORD, ONE]);
        expect(await lines(ONE)).to.deep.equal([TWO, ZERO_WORD, TWO, ZERO_WORD]);
        expect(await lines(ONE, TWO)).to.deep.equal([ZERO_WORD, ZERO_WORD, ZERO_WORD]);
      });

      it("law 2: after a failure in a block goes by halves, and alone once more is rejected", async () => {
        const { id } = await jobOf("a", 5);
        const token = await store.takeLane(LANE);
        const fail = async (size: number) => {
          const [batch] = await assigned(token, id, size);
          const { transaction } = await sign(token, batch!);
          await follow(batch!, { ...included(1, false), transaction } as BatchEvent, { kind: "final" });
        };
        await fail(5);
        expect((await store.waiting(id, 10)).map((item) => item.most)).to.deep.equal([2, 2, 2, 2, 2]);
        await fail(2);
        expect((await store.waiting(id, 10)).map((item) => item.most)).to.deep.equal([1, 1, 2, 2, 2]);
        await fail(1);
        expect(await store.counts(id)).to.include({ rows: 5, waiting: 4, rejected: 1 });
        // A no-op that took the nonce, and what somebody else's transaction did, say nothing about the items.
        const [next] = await assigned(token, id, 1);
        await sign(token, next!);
        const { transaction } = await replace(token, next!, 1, true);
        await follow(next!, { ...included(2, false), transaction } as BatchEvent, { kind: "final" });
        expect(await store.counts(id)).to.include({ waiting: 4, rejected: 1 });
      });
    });

    it("keeps what the process that writes has seen, for those that look", async () => {
      expect(await store.seen()).to.equal(null);
      await store.setSeen("one");
      await store.setSeen("two");
      await reopen();
      expect(await store.seen()).to.equal("two");
    });

    it("keeps what a job may pay and how it shares, and takes rows of one that flows while it goes", async () => {
      const flow = { tenant: "ann", priority: "high", refusals: "block", flows: true } as const;
      const { id } = await store.openJob({ ...newJob("a"), ...flow });
      await store.setTerms(id, { maxFee: 7n, budget: 2n ** 80n });
      await store.admit(id, itemRows("first", 2));
      const token = await store.takeLane(LANE);
      const [batch] = await assigned(token, id, 2);
      await sign(token, batch!);
      expect((await store.unmined())[0]).to.deep.include({ cap: 7n, job: id });
      await reopen();
      // Another job does not make it an abandoned one: its rows were acknowledged one by one.
      await jobOf("b", 1);
      expect(await store.job(id)).to.deep.include({
        ...flow,
        rows: 2,
        state: "admitting",
        terms: { maxFee: 7n, budget: 2n ** 80n },
      });
      await store.admit(id, itemRows("second", 1));
      expect(await store.counts(id)).to.include({ rows: 3, assigned: 2, waiting: 1 });
    });

    it("finds the live batches of an attestation by its uid, and says what chain it is for", async () => {
      const { id } = await jobOf("a", 3);
      const token = await store.takeLane(LANE);
      const [one, two] = await assigned(token, id, 1, 2);
      const items = await store.items(two!);
      expect((await store.batchesOf(items[1]!.uid)).map((batch) => batch.id)).to.deep.equal([two]);
      expect(await store.batchesOf(word("nobody"))).to.deep.equal([]);
      await store.applyOnLane(token, one!, { kind: "voided" });
      expect(await store.batchesOf((await store.report(id, -1, 1))[0]!.uid!)).to.deep.equal([]);

      const chain = { chainId: 2n ** 60n, genesis: word("genesis"), registry: OTHER_LANE };
      await refused(() => store.chain());
      await store.bind(chain);
      expect(await store.chain()).to.deep.equal(chain);
    });

    describe("fencing", () => {
      it("raises the token of a lane with every taking, each lane by itself", async () => {
        expect(await store.takeLane(LANE)).to.deep.equal({ lane: LANE, token: 1 });
        expect(await store.takeLane(LANE)).to.deep.equal({ lane: LANE, token: 2 });
        expect(await store.takeLane(OTHER_LANE)).to.deep.equal({ lane: OTHER_LANE, token: 1 });
        await reopen();
        expect(await store.takeLane(LANE)).to.deep.equal({ lane: LANE, token: 3 });
      });

      it("law 11: a token that was overtaken is refused in all that writes for it, and nothing changes", async () => {
        const { id } = await jobOf("a", 4);
        const stale = await store.takeLane(LANE);
        const [planned, signed] = await assigned(stale, id, 1, 1);
        await sign(stale, signed!);
        const fresh = await store.takeLane(LANE);
        const rest = (await store.waiting(id, 10)).map((item) => item.id);
        const sent: LaneEvent = { kind: "sent", at: 1 };
        let ran = false;
        for (const token of [stale, { ...fresh, token: fresh.token + 1 }, { ...fresh, lane: OTHER_LANE }]) {
          for (const work of [
            () => store.assign(token, id, [rest]),
            () =>
              store.sign(
                token,
                planned!,
                { mined: 0, positions: [null], head: HEAD },
                (nonce) => ((ran = true), attemptOf(planned!, nonce)),
              ),
            () =>
              store.replace(
                token,
                signed!,
                { noop: false, head: HEAD },
                (nonce) => ((ran = true), attemptOf(signed!, nonce, 1)),
              ),
            () =>
              store.fill(
                token,
                id,
                { nonce: 70, head: HEAD },
                (nonce) => ((ran = true), noopOf("filler", nonce)),
              ),
            () => store.applyOnLane(token, planned!, { kind: "voided" }),
            () => store.applyOnLane(token, signed!, sent),
          ]) {
            expect(await refused(work)).to.have.property("code", "E_LANE_TAKEN");
          }
        }
        // Not even signed: two processes must not hold bytes for one nonce.
        expect(ran).to.equal(false);
        await store.assign(fresh, id, [rest]);
        await sign(fresh, planned!);
        await store.applyOnLane(fresh, signed!, sent);
        await replace(fresh, signed!, 1);
        await fill(fresh, id, 70);
      });

      it("law 11: the token of one lane says nothing about a batch of another", async () => {
        const { id } = await jobOf("a", 2);
        const token = await store.takeLane(LANE);
        const other = await store.takeLane(OTHER_LANE);
        const [planned, signed] = await assigned(token, id, 1, 1);
        await sign(token, signed!);
        await refused(() =>
          store.sign(other, planned!, { mined: 0, positions: [null], head: HEAD }, (nonce) =>
            attemptOf(planned!, nonce),
          ),
        );
        await refused(() => store.applyOnLane(other, planned!, { kind: "voided" }));
        await refused(() => tryReplace(other, signed!, 1));
        await refused(() => store.applyOnLane(other, signed!, { kind: "sent", at: 1 }));
      });
    });

    describe("events", () => {
      it("law 5: every event is stored with the state that it makes", async () => {
        const { id } = await jobOf("a", 3);
        const batch = await signedBatch(id, 3);
        const path: [BatchEvent, BatchState][] = [
          [included(1), "included"],
          [{ kind: "unwound", block: 1, blockHash: word("block 1") }, "signed"],
          [included(2), "included"],
          [{ kind: "safe" }, "safe"],
          [{ kind: "final" }, "final"],
        ];
        const kinds = ["signed"];
        for (const [event, state] of path) {
          await follow(batch, event);
          kinds.push(event.kind);
          expect((await stateOf(batch)).state).to.equal(state);
          expect(await place.events(batch)).to.deep.equal(kinds);
        }
        const final = await stateOf(batch);
        expect(final).to.deep.include({ lane: LANE, nonce: 0, inclusion: inclusionOf(2) });
        await store.verified(batch, []);
        expect(await place.events(batch)).to.deep.equal([...kinds, "verified"]);
        expect(await stateOf(batch)).to.deep.equal({ ...final, state: "verified", mismatched: 0 });
      });

      it("law 5: an event that cannot follow changes nothing, nor does what came with it", async () => {
        const { id } = await jobOf("a", 2);
        const token = await store.takeLane(LANE);
        const [planned, second] = await assigned(token, id, 1, 1);
        await sign(token, second!);
        await store.follow({ events: [], append: [{ number: 1, hash: word("block 1") }] });
        await refused(() => store.applyOnLane(token, planned!, { kind: "sent", at: 1 }));
        await refused(() => store.applyOnLane(token, 10_000, { kind: "voided" }));
        await refused(() => store.verified(second!, []));
        await refused(() =>
          store.follow({
            events: [
              { batch: second!, event: included(2) },
              { batch: planned!, event: included(2) },
            ],
            unwindAbove: 0,
            append: [{ number: 2, hash: word("block 2") }],
          }),
        );
        // The other way round: a block that is followed already undoes the events.
        await refused(() =>
          store.follow({
            events: [{ batch: second!, event: included(2) }],
            append: [{ number: 1, hash: word("block 1") }],
          }),
        );
      });

      for (const [end, ...events] of [
        ["voided"],
        ["stolen", { kind: "stolen", block: 9 }],
        ["reverted", included(1, false), { kind: "safe" }, { kind: "final" }],
      ] as [BatchState, ...BatchEvent[]][]) {
        it(`law 2: a batch that is ${end} gives its items back, in order, to be assigned again`, async () => {
          const { id } = await jobOf("a", 5);
          const before = await store.waiting(id, 10);
          const token = await store.takeLane(LANE);
          const [batch] = await assigned(token, id, 3);
          if (end === "voided") await store.applyOnLane(token, batch!, { kind: "voided" });
          else await sign(token, batch!);
          for (const event of events) {
            expect(await store.waiting(id, 10)).to.have.length(2);
            await follow(batch!, event);
          }
          expect((await stateOf(batch!)).state).to.equal(end);
          expect(await store.waiting(id, 10)).to.deep.equal(before);
          expect(await store.items(batch!)).to.deep.equal([]);
          expect(await store.counts(id)).to.deep.include({ rows: 5, waiting: 5, assigned: 0, final: 0 });
          const [again] = await assigned(token, id, 5);
          expect(await store.items(again!)).to.have.length(5);
        });
      }

      it("tells verified from mismatched, item by item", async () => {
        const { id } = await jobOf("a", 4);
        const batch = await signedBatch(id, 3);
        await follow(batch, included(1), { kind: "final" });
        const items = await store.items(batch);
        await store.verified(batch, [items[1]!.id]);
        expect(await stateOf(batch)).to.deep.include({ state: "verified", mismatched: 1 });
        expect(await store.counts(id)).to.deep.include({ rows: 4, verified: 2, mismatched: 1, waiting: 1 });
        expect((await store.report(id, -1, 10)).map((row) => row.state)).to.deep.equal([
          "verified",
          "mismatched",
          "verified",
          "waiting",
        ]);
      });

      it("law 12: takes for mismatched only items of the batch, each once", async () => {
        const { id } = await jobOf("a", 4);
        const batch = await signedBatch(id, 2);
        await follow(batch, included(1), { kind: "final" });
        const [first] = await store.items(batch);
        const [outside] = await store.waiting(id, 1);
        await refused(() => store.verified(batch, [outside!.id]));
        await refused(() => store.verified(batch, [first!.id, first!.id]));
      });

      it("follows blocks, forgets those that are unwound and those that are final", async () => {
        const block = (number: number, fork = "") => ({ number, hash: word(`block ${number}${fork}`) });
        await store.follow({ events: [], append: [block(4), block(5), block(6), block(7)] });
        await store.follow({ events: [], unwindAbove: 5, append: [block(6, "b")], forgetBelow: 5 });
        await reopen();
        expect(await store.followed()).to.deep.equal([block(5), block(6, "b")]);
      });
    });

    describe("replacing", () => {
      it("law 4: journals another attempt at the same nonce, and what it is, before anybody has it", async () => {
        const { id } = await jobOf("a", 2);
        const token = await store.takeLane(LANE);
        const [one, two] = await assigned(token, id, 1, 1);
        const first = await sign(token, one!, 5);
        await store.applyOnLane(token, one!, { kind: "sent", at: 77 });
        const later = { number: HEAD.number + 9, timestamp: HEAD.timestamp + 108 };
        const dearer = await replace(token, one!, 1, false, later);
        const common = { batch: one!, lane: LANE, nonce: 5 };
        expect(dearer).to.deep.equal({
          ...attemptOf(one!, 5, 1),
          ...common,
          noop: false,
          head: later,
        });
        // To be handed in at once, and still at the nonce that was taken at the first head.
        expect(await stateOf(one!)).to.deep.equal({
          state: "signed",
          lane: LANE,
          nonce: 5,
          block: HEAD.number,
          sentAt: null,
        });
        const nothing = await replace(token, one!, 2, true);
        expect(nothing).to.deep.equal({ ...noopOf(one!, 5, 2), ...common, noop: true, head: HEAD });
        expect(await place.events(one!)).to.deep.equal(["signed", "sent", "replaced", "replaced"]);
        await reopen();
        expect(await store.attempts(one!)).to.deep.equal([first, dearer, nothing]);
        // No nonce was taken by it.
        expect((await sign(await store.takeLane(LANE), two!)).nonce).to.equal(6);
      });

      it("law 4: is given the newest attempt that carries the payload, however many no-ops came after", async () => {
        const { id } = await jobOf("a", 2);
        const token = await store.takeLane(LANE);
        const [other, batch] = await assigned(token, id, 1, 1);
        await sign(token, other!, 3);
        const given: (StoredAttempt | null)[] = [];
        const nonces: number[] = [];
        const again = async (of: number, round: number, noop: boolean) =>
          journaled(
            await store.replace(token, of, { noop, head: HEAD }, (nonce, payload) => {
              nonces.push(nonce);
              given.push(payload);
              return noop ? noopOf(of, nonce, round) : attemptOf(of, nonce, round);
            }),
          );
        const signed = await sign(token, batch!);
        const raised = await again(batch!, 1, false);
        await again(batch!, 2, true);
        await again(batch!, 3, true);
        expect(given).to.deep.equal([signed, raised, raised]);
        expect(nonces).to.deep.equal([4, 4, 4]);
        const filler = await fill(token, id, 9);
        await again(filler.batch, 1, true);
        expect(given.at(-1)).to.equal(null);
        expect(nonces.at(-1)).to.equal(9);
      });

      it("law 4: what was not signed is no attempt", async () => {
        const { id } = await jobOf("a", 1);
        const token = await store.takeLane(LANE);
        const [batch] = await assigned(token, id, 1);
        await sign(token, batch!);
        const broken = () =>
          store.replace(token, batch!, { noop: false, head: HEAD }, () => {
            throw new Error("no key");
          });
        expect((await refused(broken)).message).to.equal("no key");
        // The very same transaction again is none either.
        await refused(() => tryReplace(token, batch!, 0));
      });

      it("law 5: takes only what is signed and in no block, and makes no bytes for anything else", async () => {
        const { id } = await jobOf("a", 5);
        const token = await store.takeLane(LANE);
        const [planned, voided, included1, stolen, reverted] = await assigned(token, id, 1, 1, 1, 1, 1);
        await store.applyOnLane(token, voided!, { kind: "voided" });
        for (const batch of [included1!, stolen!, reverted!]) await sign(token, batch);
        await follow(included1!, included(1));
        await follow(stolen!, { kind: "stolen", block: 1 });
        await follow(reverted!, included(1, false), { kind: "final" });
        // Not even with an answer: that it would cost too much is not what stands against it.
        await store.setTerms(id, { maxFee: null, budget: 0n });
        let ran = false;
        for (const batch of [planned!, voided!, included1!, stolen!, reverted!, 10_000]) {
          await refused(() =>
            store.replace(
              token,
              batch,
              { noop: true, head: HEAD },
              (nonce) => ((ran = true), noopOf(batch, nonce, 1)),
            ),
          );
        }
        expect(ran).to.equal(false);
        await store.setTerms(id, { maxFee: null, budget: null });
        // A block that was undone leaves its batch where it was.
        await follow(included1!, { kind: "unwound", block: 1, blockHash: word("block 1") });
        expect((await replace(token, included1!, 1)).nonce).to.equal(0);
      });
    });

    describe("filling", () => {
      it("law 3: journals a no-op at a nonce below ours, as a batch of no items", async () => {
        const { id } = await jobOf("a", 1);
        const token = await store.takeLane(LANE);
        const [batch] = await assigned(token, id, 1);
        await sign(token, batch!, 7);
        const counts = await store.counts(id);
        const filler = await fill(token, id, 5);
        expect(filler).to.deep.equal({
          ...noopOf("filler", 5),
          batch: filler.batch,
          lane: LANE,
          nonce: 5,
          noop: true,
          head: HEAD,
        });
        await reopen();
        expect(await store.attempts(filler.batch)).to.deep.equal([filler]);
        expect((await store.batches(["signed"], id)).find((one) => one.id === filler.batch)).to.deep.equal({
          id: filler.batch,
          job: id,
          lead: filler.batch,
          lane: LANE,
          stream: ZERO_WORD,
          count: 0,
          position: null,
          batch: { state: "signed", lane: LANE, nonce: 5, block: HEAD.number, sentAt: null },
        });
        expect(await store.items(filler.batch)).to.deep.equal([]);
        expect(await store.counts(id)).to.deep.equal(counts);
        expect(await place.events(filler.batch)).to.deep.equal(["signed"]);
      });

      it("law 4: takes no nonce that the journal has, in whatever state, and writes nothing", async () => {
        const { id } = await jobOf("a", 6);
        const token = await store.takeLane(LANE);
        const paths: BatchEvent[][] = [
          [],
          [included(1)],
          [included(1), { kind: "safe" }],
          [included(1), { kind: "final" }],
          [included(1, false), { kind: "final" }],
          [{ kind: "stolen", block: 1 }],
        ];
        const batches = await assigned(token, id, ...paths.map(() => 1));
        for (const [index, events] of paths.entries()) {
          await sign(token, batches[index]!);
          await follow(batches[index]!, ...events);
        }
        await fill(token, id, 9);
        const before = await picture();
        let ran = false;
        for (const nonce of [0, 1, 2, 3, 4, 5, 9]) {
          const answer = await store.fill(
            token,
            id,
            { nonce, head: HEAD },
            (given) => ((ran = true), noopOf("filler", given)),
          );
          expect(answer, `nonce ${nonce}`).to.equal(null);
        }
        expect(await picture()).to.deep.equal(before);
        expect(ran).to.equal(false);
        // Another lane has nonces of its own.
        expect((await fill(await store.takeLane(OTHER_LANE), id, 0)).nonce).to.equal(0);
      });

      it("law 4: what is signed later goes above it", async () => {
        const { id } = await jobOf("a", 1);
        const token = await store.takeLane(LANE);
        const [batch] = await assigned(token, id, 1);
        await fill(token, id, 4);
        expect((await sign(token, batch!, 2)).nonce).to.equal(5);
      });

      it("what was not signed is no batch", async () => {
        const { id } = await jobOf("a", 1);
        const token = await store.takeLane(LANE);
        const broken = () =>
          store.fill(token, id, { nonce: 0, head: HEAD }, () => {
            throw new Error("no key");
          });
        expect((await refused(broken)).message).to.equal("no key");
      });

      it("law 12: a filled nonce gives nothing back when it is final, and is in no count", async () => {
        const { id } = await jobOf("a", 4);
        const token = await store.takeLane(LANE);
        const [batch] = await assigned(token, id, 2);
        await sign(token, batch!, 1);
        const counts = await store.counts(id);
        const waiting = await store.waiting(id, 10);
        const { batch: filler, nonce } = await fill(token, id, 0);
        expect(nonce).to.equal(0);
        for (const event of [included(3, false), { kind: "safe" }, { kind: "final" }] as BatchEvent[]) {
          await follow(filler, event);
          expect(await store.counts(id)).to.deep.equal(counts);
          expect(await store.waiting(id, 10)).to.deep.equal(waiting);
          expect(await store.aheadOfWaiting(id)).to.deep.equal([]);
        }
        expect((await stateOf(filler)).state).to.equal("reverted");
        // The gas of it was paid, by the job for which the way was cleared.
        const { gasUsed, gasPrice } = inclusionOf(3);
        expect((await store.spending(id)).paid).to.equal(gasUsed * gasPrice);
        await checkCounts(id, 4);
      });

      it("law 12: items whose nonce a no-op took wait again once that is final, and not before", async () => {
        const { id } = await jobOf("a", 3);
        const before = await store.waiting(id, 10);
        const token = await store.takeLane(LANE);
        const [batch] = await assigned(token, id, 2);
        await sign(token, batch!);
        await replace(token, batch!, 1, true);
        await follow(batch!, included(1, false));
        expect(await store.counts(id)).to.include({ waiting: 1, assigned: 2, included: 0 });
        await follow(batch!, { kind: "final" });
        expect(await store.waiting(id, 10)).to.deep.equal(before);
        await checkCounts(id, 3);
      });
    });

    it("lists what is signed and in no block, by lane and nonce, with its attempts but not their bytes", async () => {
      const { id } = await jobOf("a", 6);
      const { id: second } = await jobOf("b", 1);
      expect(await store.unmined()).to.deep.equal([]);
      const other = await store.takeLane(OTHER_LANE);
      const token = await store.takeLane(LANE);
      const [foreign] = await assigned(other, second, 1);
      const [planned, high, low, mined, undone] = await assigned(token, id, 1, 1, 1, 1, 1);
      const attempts = new Map<number, StoredAttempt[]>();
      const did = (attempt: StoredAttempt) =>
        attempts.set(attempt.batch, [...(attempts.get(attempt.batch) ?? []), attempt]);
      did(await sign(other, foreign!));
      for (const batch of [mined!, undone!, low!, high!]) did(await sign(token, batch, 2));
      await follow(mined!, included(1));
      await follow(undone!, included(1), { kind: "unwound", block: 1, blockHash: word("block 1") });
      const later = { number: HEAD.number + 3, timestamp: HEAD.timestamp + 36 };
      did(await replace(token, low!, 1, false, later));
      did(await replace(token, high!, 1));
      did(await replace(token, low!, 2, true));
      const filler = await fill(token, id, 1);
      did(filler);
      await store.applyOnLane(token, high!, { kind: "sent", at: 4_321 });
      await reopen();
      const expected = [
        [LANE, id, filler.batch, 1, null],
        [LANE, id, undone!, 3, null],
        [LANE, id, low!, 4, null],
        [LANE, id, high!, 5, 4_321],
        [OTHER_LANE, second, foreign!, 0, null],
      ] as const;
      const found = await store.unmined();
      expect(found).to.deep.equal(
        expected.map(([lane, job, batch, nonce, sentAt]) => ({
          id: batch,
          members: [batch],
          partly: false,
          job,
          cap: null,
          lane,
          nonce,
          block: HEAD.number,
          sentAt,
          attempts: attempts
            .get(batch)!
            .map(({ batch: _, lane: __, nonce: ___, raw: ____, ...terms }) => terms),
        })),
      );
      expect(found.map((one) => one.id)).to.not.include(planned);
      expect(found[2]!.attempts.map(({ noop }) => noop)).to.deep.equal([false, false, true]);
    });

    it("knows how far a lane has come into blocks, undone ones and other lanes left out", async () => {
      const { id } = await jobOf("a", 4);
      const token = await store.takeLane(LANE);
      const other = await store.takeLane(OTHER_LANE);
      const [foreign] = await assigned(other, id, 1);
      await sign(other, foreign!, 90);
      await follow(foreign!, included(1));
      expect(await store.reached(LANE)).to.equal(0);
      const [one, two, three] = await assigned(token, id, 1, 1, 1);
      for (const batch of [one!, two!, three!]) await sign(token, batch, 4);
      expect(await store.reached(LANE)).to.equal(0);
      await follow(one!, included(1));
      expect(await store.reached(LANE)).to.equal(5);
      await follow(two!, included(2, false));
      expect(await store.reached(LANE)).to.equal(6);
      await follow(two!, { kind: "unwound", block: 2, blockHash: word("block 2") });
      expect(await store.reached(LANE)).to.equal(5);
      // What another transaction has taken, and what is done with, is in a block as well.
      await follow(two!, { kind: "stolen", block: 2 });
      expect(await store.reached(LANE)).to.equal(6);
      await follow(three!, included(3, false), { kind: "final" });
      expect(await store.reached(LANE)).to.equal(7);
      await follow(one!, { kind: "final" });
      await store.verified(one!, []);
      await reopen();
      expect([await store.reached(LANE), await store.reached(OTHER_LANE)]).to.deep.equal([7, 91]);
    });

    it("law 8: a chain that has named a final block is not forgotten to name them", async () => {
      expect(await store.namesFinal()).to.equal(false);
      await store.follow({ events: [] });
      expect(await store.namesFinal()).to.equal(false);
      await refused(() =>
        store.follow({ events: [{ batch: 10_000, event: { kind: "safe" } }], namesFinal: true }),
      );
      await store.follow({ events: [], namesFinal: true });
      await store.follow({ events: [], namesFinal: true });
      await store.follow({ events: [] });
      expect(await store.namesFinal()).to.equal(true);
      await reopen();
      expect(await store.namesFinal()).to.equal(true);
    });

    describe("a budget", () => {
      const MOST = costOf(attemptOf(0, 0));
      const PAID = inclusionOf(1).gasUsed * inclusionOf(1).gasPrice;
      const overspent = (needed: bigint, left: bigint) => ({ kind: "overspent", needed, left });

      /** @returns what the store answers where it writes nothing */
      async function turnedDown(work: () => Promise<unknown>): Promise<unknown> {
        const before = await picture();
        const answer = await work();
        expect(await picture()).to.deep.equal(before);
        return answer;
      }

      it("law 10: is kept to the last wei, and what it does not allow is not written down", async () => {
        const { id } = await jobOf("a", 2);
        const token = await store.takeLane(LANE);
        const [one, two] = await assigned(token, id, 1, 1);
        await store.setTerms(id, { maxFee: null, budget: MOST - 1n });
        expect(await turnedDown(() => trySign(token, one!))).to.deep.equal(overspent(MOST, MOST - 1n));
        expect((await stateOf(one!)).state).to.equal("planned");
        // The nonce was not taken either.
        await store.setTerms(id, { maxFee: null, budget: MOST });
        expect((await sign(token, one!)).nonce).to.equal(0);
        expect(await turnedDown(() => trySign(token, two!))).to.deep.equal(overspent(MOST, 0n));
      });

      it("law 10: holds for a no-op that fills a nonce, and for a place in a stream", async () => {
        const { id } = await jobOf("a", 1, { stream: word("stream") });
        const token = await store.takeLane(LANE);
        const [batch] = await assigned(token, id, 1);
        const least = costOf(noopOf("filler", 0));
        await store.setTerms(id, { maxFee: null, budget: least - 1n });
        expect(await turnedDown(() => tryFill(token, id, 0))).to.deep.equal(overspent(least, least - 1n));
        const placed = () =>
          store.sign(token, batch!, { mined: 0, positions: [40], head: HEAD }, (nonce) =>
            attemptOf(batch!, nonce),
          );
        expect(await turnedDown(placed)).to.deep.equal(overspent(MOST, least - 1n));
        expect((await store.streams(OTHER_LANE, [word("stream")])).get(word("stream"))!.end).to.equal(0);
        await store.setTerms(id, { maxFee: null, budget: least });
        expect((await fill(token, id, 0)).nonce).to.equal(0);
      });

      it("law 10: counts the dearest attempt of every nonce, and of a nonce only one", async () => {
        const { id } = await jobOf("a", 3);
        const token = await store.takeLane(LANE);
        const [one, two, three] = await assigned(token, id, 1, 1, 1);
        await store.setTerms(id, { maxFee: null, budget: 5n * MOST });
        for (const batch of [one!, two!]) await sign(token, batch);
        await replace(token, one!, 1);
        // One at 2, and then even less for the same nonce.
        await replace(token, one!, 5, true);
        expect((await store.spending(id)).committed).to.equal(3n * MOST);
        expect(await turnedDown(() => tryReplace(token, two!, 3))).to.deep.equal(
          overspent(4n * MOST, 3n * MOST),
        );
        await replace(token, two!, 2);
        expect((await store.spending(id)).committed).to.equal(5n * MOST);
        expect(await turnedDown(() => trySign(token, three!))).to.deep.equal(overspent(MOST, 0n));
        await store.setTerms(id, { maxFee: null, budget: 6n * MOST - 1n });
        expect(await turnedDown(() => trySign(token, three!))).to.deep.equal(overspent(MOST, MOST - 1n));
        await store.setTerms(id, { maxFee: null, budget: 6n * MOST });
        await sign(token, three!);
      });

      it("law 10: says that nothing is left where more is committed than it allows by now", async () => {
        const { id } = await jobOf("a", 2);
        const token = await store.takeLane(LANE);
        const [one, two] = await assigned(token, id, 1, 1);
        await sign(token, one!);
        await store.setTerms(id, { maxFee: null, budget: MOST - 5n });
        expect(await turnedDown(() => trySign(token, two!))).to.deep.equal(overspent(MOST, 0n));
      });

      it("law 10: is free again of what was paid less only when that is final", async () => {
        const { id } = await jobOf("a", 3);
        const token = await store.takeLane(LANE);
        const [one, two] = await assigned(token, id, 1, 1);
        await store.setTerms(id, { maxFee: null, budget: PAID + MOST });
        await sign(token, one!);
        const left = overspent(MOST, PAID);
        for (const event of [
          included(1),
          { kind: "unwound", block: 1, blockHash: word("block 1") },
          included(2),
          { kind: "safe" },
        ] as BatchEvent[]) {
          expect(await turnedDown(() => trySign(token, two!))).to.deep.equal(left);
          await follow(one!, event);
        }
        expect(await turnedDown(() => trySign(token, two!))).to.deep.equal(left);
        await follow(one!, { kind: "final" });
        await sign(token, two!);
        // What was paid without effect is spent as well, and what was stolen is not.
        await store.setTerms(id, { maxFee: null, budget: 2n * PAID + MOST - 1n });
        await follow(two!, included(3, false), { kind: "final" });
        const [three, four] = await assigned(token, id, 1, 1);
        expect(await turnedDown(() => trySign(token, three!))).to.deep.equal(overspent(MOST, MOST - 1n));
        await store.setTerms(id, { maxFee: null, budget: 2n * PAID + MOST });
        await sign(token, three!);
        expect(await turnedDown(() => trySign(token, four!))).to.deep.equal(overspent(MOST, 0n));
        await follow(three!, { kind: "stolen", block: 4 });
        await sign(token, four!);
      });

      it("law 10: is one job's, holds after the store was opened again, and until it is set again", async () => {
        const { id } = await jobOf("a", 3);
        const { id: other } = await jobOf("b", 2);
        let token = await store.takeLane(LANE);
        const [one, two] = await assigned(token, id, 1, 1);
        const [three, four] = await assigned(token, other, 1, 1);
        await store.setTerms(id, { maxFee: null, budget: MOST });
        await sign(token, three!);
        await sign(token, one!);
        await sign(token, four!);
        await reopen();
        token = await store.takeLane(LANE);
        expect(await turnedDown(() => trySign(token, two!))).to.deep.equal(overspent(MOST, 0n));
        expect(await turnedDown(() => tryReplace(token, one!, 1))).to.deep.equal(overspent(2n * MOST, MOST));
        await store.setTerms(id, { maxFee: null, budget: null });
        await sign(token, two!);
        await replace(token, one!, 1);
      });
    });

    it("law 10: what is committed is the most that unsettled batches can cost, and what was paid for good", async () => {
      const { id } = await jobOf("a", 4);
      const spending = async () => {
        const { paid, inFlight, committed } = await store.spending(id);
        return [paid, inFlight, committed];
      };
      const token = await store.takeLane(LANE);
      const [a, b, c] = await assigned(token, id, 1, 1, 1);
      expect(await spending()).to.deep.equal([0n, 0n, 0n]);
      for (const batch of [a!, b!, c!]) await sign(token, batch);
      const { maxFee, gasLimit } = attemptOf(a!, 0);
      const most = maxFee * gasLimit;
      const { gasUsed, gasPrice } = inclusionOf(1);
      const paid = gasUsed * gasPrice;
      expect(await spending()).to.deep.equal([0n, 3n * most, 3n * most]);
      // A block may be undone, and the next one is dearer: the budget is free again only at the end.
      await follow(a!, included(1));
      expect(await spending()).to.deep.equal([paid, 2n * most, 3n * most]);
      await follow(a!, { kind: "unwound", block: 1, blockHash: word("block 1") });
      expect(await spending()).to.deep.equal([0n, 3n * most, 3n * most]);
      await follow(b!, { kind: "stolen", block: 2 });
      expect(await spending()).to.deep.equal([0n, 2n * most, 2n * most]);
      // What reverted was paid for all the same.
      await follow(c!, included(2, false), { kind: "final" });
      await follow(a!, included(2), { kind: "safe" });
      expect(await spending()).to.deep.equal([2n * paid, 0n, paid + most]);
      await follow(a!, { kind: "final" });
      await store.verified(a!, []);
      expect(await spending()).to.deep.equal([2n * paid, 0n, 2n * paid]);
      const { id: other } = await jobOf("b", 1);
      expect(await store.spending(other)).to.deep.equal({ paid: 0n, inFlight: 0n, committed: 0n });
    });

    it("reports every row once, in order, page by page, with its state and where it is", async () => {
      const rows = itemRows("x", 6);
      const faults = ["E_ROW_BOOL a", "E_ROW_UINT b"];
      const { id } = await jobOf("a", [
        ...rows,
        { kind: "rejected", line: 7, faults },
        { ...rows[0]!, line: 8 },
      ]);
      const token = await store.takeLane(LANE);
      const [one, , three] = await assigned(token, id, 1, 1, 1, 1);
      await sign(token, one!);
      await sign(token, three!);
      await follow(one!, included(3));
      await follow(three!, included(4), { kind: "safe" });
      const report: ReportRow[] = [];
      for (;;) {
        const page = await store.report(id, report.at(-1)?.ordinal ?? -1, 3);
        expect(page.length).to.be.at.most(3);
        if (page.length === 0) break;
        expect(page[0]!.ordinal).to.equal(report.length);
        report.push(...page);
      }
      const plain = { duplicateOf: null, faults: [], transaction: null, block: null };
      const inBlock = (block: number) => ({ transaction: inclusionOf(block).transaction, block });
      expect(report).to.deep.equal(
        [
          { ...plain, state: "included", ...inBlock(3) },
          { ...plain, state: "planned" },
          { ...plain, state: "safe", ...inBlock(4) },
          { ...plain, state: "planned" },
          { ...plain, state: "waiting" },
          { ...plain, state: "waiting" },
          { ...plain, state: "rejected", faults },
          // The fate of a repeat is that of the first.
          { ...plain, state: "duplicate", duplicateOf: { job: id, line: 1 }, ...inBlock(3) },
        ].map((row, index) => ({
          ordinal: index,
          line: index + 1,
          uid: index === 6 ? null : word(index === 7 ? "x 0" : `x ${index}`),
          ...row,
        })),
      );
    });

    it("laws 10 and 12: counts and wei are conserved, whatever happens in whatever order", async () => {
      let run = 0;
      let round = 0;
      const happened: Record<string, number> = {};
      const reached = new Set<BatchState>();
      await fc.assert(
        fc.asyncProperty(fc.array(steps(), { minLength: 30, maxLength: 50 }), async (sequence) => {
          run += 1;
          const jobs = [await store.openJob(newJob(`${run} a`)), await store.openJob(newJob(`${run} b`))];
          // Rows of both repeat some of an admitted third.
          await jobOf(`${run} c`, [randomRow(run, "c", 1, 0), randomRow(run, "c", 2, 1)]);
          let token = await store.takeLane(LANE);
          const admitted = new Map(jobs.map(({ id }) => [id, 6]));
          for (const { id } of jobs) {
            await store.admit(
              id,
              Array.from({ length: 6 }, (_, index) => randomRow(run, id, index, index)),
            );
          }
          const budgets = new Map<number, bigint | null>();
          /** What a budget allows stays within it; what was committed under a larger one may stay, and not grow. */
          const tried = async (
            job: number,
            kind: string,
            work: () => Promise<StoredAttempt | Overspent | null>,
          ) => {
            const before = (await store.spending(job)).committed;
            const journal = await attemptsIn(job);
            const answer = await work();
            const { committed } = await store.spending(job);
            const budget = budgets.get(job) ?? null;
            if (answer === null || "kind" in answer) {
              assert.deepEqual(await attemptsIn(job), journal);
              assert.equal(committed, before);
              if (answer !== null) assert(budget !== null && answer.needed > answer.left);
            } else if (budget !== null) {
              assert.isTrue(committed <= budget || committed <= before, `${committed} of ${budget} wei`);
            }
            const name = `${kind}${answer === null ? ", taken" : "kind" in answer ? ", overspent" : ""}`;
            happened[name] = (happened[name] ?? 0) + 1;
          };
          for (const step of sequence) {
            const job = jobs[step.job]!.id;
            const batches = (await store.batches(ALL)).filter((batch) => batch.job === job);
            // Mostly one that it can happen to, or little would.
            const fit = batches.filter(({ batch }) => step.pick % 5 === 0 || suits(step, batch.state));
            const chosen = fit[step.pick % (fit.length || 1)];
            try {
              switch (step.kind) {
                case "admit":
                  await store.admit(
                    job,
                    step.rows.map((row, index) =>
                      randomRow(run, row !== null && row < 5 ? "c" : step.job, row, index),
                    ),
                  );
                  admitted.set(job, admitted.get(job)! + step.rows.length);
                  break;
                case "assign": {
                  const ids = (await store.waiting(job, 12)).map((item) => item.id);
                  if (step.twice) ids.push(...ids.slice(0, 1));
                  const groups: number[][] = [];
                  while (ids.length > 0) groups.push(ids.splice(0, 1 + (step.pick % 3)));
                  await store.assign(token, job, groups);
                  break;
                }
                case "sign":
                  if (chosen === undefined) break;
                  await tried(job, "sign", () => trySign(token, chosen.id, step.pick % 3));
                  break;
                case "replace":
                  if (chosen === undefined) break;
                  round += 1;
                  await tried(job, "replace", () =>
                    store.replace(token, chosen.id, { noop: step.noop, head: HEAD }, (nonce) => ({
                      ...(step.noop ? noopOf(chosen.id, nonce, round) : attemptOf(chosen.id, nonce, round)),
                      // Dearer or cheaper than the others: which of them costs most is found, not known.
                      maxFee: (10n ** 19n + 1n) * BigInt(1 + (step.pick % 4)),
                    })),
                  );
                  break;
                case "fill": {
                  const nonces = (await store.batches(ALL)).map(({ batch }) =>
                    "nonce" in batch ? batch.nonce : 0,
                  );
                  const nonce = Math.max(0, ...nonces) + (step.pick % 6) - 2;
                  await tried(job, "fill", () =>
                    store.fill(token, job, { nonce: Math.max(0, nonce), head: HEAD }, (given) =>
                      noopOf("filler", given, (round += 1)),
                    ),
                  );
                  break;
                }
                case "budget": {
                  const budget = step.pick % 4 === 0 ? null : BigInt(step.pick % 6) * 10n ** 24n;
                  await store.setTerms(job, { maxFee: null, budget: budget });
                  budgets.set(job, budget);
                  break;
                }
                case "event":
                  if (chosen !== undefined) await follow(chosen.id, step.event);
                  break;
                case "verify": {
                  if (chosen === undefined) break;
                  const items = await store.items(chosen.id);
                  await store.verified(
                    chosen.id,
                    items.filter((_, index) => index % 3 === step.pick % 4).map((item) => item.id),
                  );
                  break;
                }
                case "take":
                  token = await store.takeLane(LANE);
              }
            } catch (error) {
              // Steps are random, most of them cannot follow: they must only leave everything as it was.
              if (error instanceof AssertionError) throw error;
            }
            for (const { id } of jobs) {
              await checkCounts(id, admitted.get(id)!);
              await checkSpending(id);
            }
            for (const { batch } of await store.batches(ALL)) reached.add(batch.state);
          }
          const journal = (await store.batches(ALL)).flatMap(({ batch }) =>
            "nonce" in batch ? [`${batch.lane} ${batch.nonce}`] : [],
          );
          assert.equal(new Set(journal).size, journal.length, "two batches share a nonce");
        }),
        // Made smaller, a failure would be lost to mocha's patience: the disk is asked at every step.
        { seed, numRuns: 12, endOnFailure: true },
      );
      // Steps that never take place would prove nothing.
      const times = (end: string) =>
        Object.entries(happened).reduce((sum, [name, count]) => sum + (name.endsWith(end) ? count : 0), 0);
      for (const end of ["sign", "replace", "fill", ", overspent", ", taken"]) {
        assert.isAbove(times(end), 0, end);
      }
      expect([...reached]).to.include.members([...OPEN, "final", "reverted"]);
    }).timeout(180_000);

    async function attemptsIn(job: number): Promise<StoredAttempt[][]> {
      return Promise.all((await store.batches(ALL, job)).map(({ id }) => store.attempts(id)));
    }

    /** The spending against a second opinion: batch by batch, with nothing carried over from one event to the next. */
    async function checkSpending(job: number): Promise<void> {
      const spending: Spending = { paid: 0n, inFlight: 0n, committed: 0n };
      for (const { id, batch } of await store.batches(ALL, job)) {
        const cost = "inclusion" in batch ? batch.inclusion.gasUsed * batch.inclusion.gasPrice : 0n;
        const most = (await store.attempts(id)).map(costOf).reduce((a, b) => (a > b ? a : b), 0n);
        spending.paid += cost;
        spending.committed += OPEN.includes(batch.state) ? most : cost;
        if (batch.state === "signed") spending.inFlight += most;
      }
      assert.deepEqual(await store.spending(job), spending);
    }

    /** The counts against a second opinion: the report, row by row. */
    async function checkCounts(job: number, rows: number): Promise<void> {
      const { rows: all, ...parts } = await store.counts(job);
      assert.equal(all, rows);
      assert.equal(
        Object.values(parts).reduce((a, b) => a + b, 0),
        all,
        JSON.stringify(parts),
      );
      const told: Record<string, number> = {};
      for (const { state } of await store.report(job, -1, 10_000)) {
        const part: keyof Counts =
          state === "planned" || state === "signed" ? "assigned" : (state as keyof Counts);
        told[part] = (told[part] ?? 0) + 1;
      }
      const counted = Object.entries(parts).filter(([, count]) => count !== 0);
      assert.deepEqual(told, Object.fromEntries(counted));
    }
  });
}

type Step = { job: 0 | 1; pick: number } & (
  | { kind: "admit"; rows: (number | null)[] }
  | { kind: "assign"; twice: boolean }
  | { kind: "event"; event: BatchEvent }
  | { kind: "replace"; noop: boolean }
  | { kind: "sign" | "fill" | "budget" | "verify" | "take" }
);

function steps(): fc.Arbitrary<Step> {
  const job = fc.constantFrom(0 as const, 1 as const);
  const pick = fc.nat(60);
  // A small pool, so that many are duplicates of each other; null is a rejected row.
  const rows = fc.array(fc.option(fc.nat(40), { freq: 6 }), { minLength: 1, maxLength: 8 });
  const event = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.tuple(fc.integer({ min: 1, max: 9 }), fc.boolean()).map((of) => included(...of)),
    },
    {
      weight: 6,
      arbitrary: fc.constantFrom<BatchEvent[]>(
        { kind: "safe" },
        { kind: "safe" },
        { kind: "final" },
        { kind: "final" },
        { kind: "voided" },
        { kind: "final" },
        { kind: "stolen", block: 3 },
        { kind: "unwound", block: 3, blockHash: word("block 3") },
        { kind: "sent", at: 5 },
      ),
    },
  );
  return fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("admit" as const), job, pick, rows }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("assign" as const),
        job,
        pick,
        twice: fc.integer({ min: 0, max: 4 }).map((roll) => roll === 0),
      }),
    },
    { weight: 16, arbitrary: fc.record({ kind: fc.constant("event" as const), job, pick, event }) },
    {
      weight: 10,
      arbitrary: fc.record({
        kind: fc.constantFrom("sign" as const, "sign" as const, "verify" as const, "take" as const),
        job,
        pick,
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant("replace" as const), job, pick, noop: fc.boolean() }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constantFrom("fill" as const, "budget" as const),
        job,
        pick,
      }),
    },
  );
}

/** Whether a step can happen to a batch of this state, as far as it says by itself. */
function suits(step: Step, state: BatchState): boolean {
  if (step.kind === "sign") return state === "planned";
  if (step.kind === "replace") return state === "signed";
  if (step.kind === "verify") return state === "final";
  if (step.kind !== "event") return true;
  switch (step.event.kind) {
    case "voided":
      return state === "planned";
    case "included":
    case "stolen":
      return state === "signed";
    case "unwound":
    case "safe":
    case "final":
      return state === "included" || state === "safe";
    default:
      return true;
  }
}

function randomRow(run: number, pool: number | string, row: number | null, index: number): AdmittedRow {
  return row === null
    ? { kind: "rejected", line: index, faults: ["E_ROW"] }
    : rowOf(`${run} ${pool} ${row}`, index, itemOf({}));
}

export function newJob(key: string): NewJob {
  return {
    key: word(`job ${key}`),
    act: "record",
    name: `${key}.csv`,
    schema: word("schema"),
    definition: "string name",
    attester: OTHER_LANE,
    reason: "",
    tenant: "",
    priority: "normal",
    refusals: "skip",
    flows: false,
  };
}

/** Rows of lines 1 to `count`; the same name has the same rows. */
export function itemRows(name: string, count: number): AdmittedRow[] {
  return Array.from({ length: count }, (_, index) => rowOf(`${name} ${index}`, index + 1, itemOf({})));
}

function rowOf(name: string, line: number, item: Item): AdmittedRow {
  return { kind: "item", line, uid: word(name), item, size: packedSize(item), stream: ZERO_WORD };
}

function inStream(rows: readonly AdmittedRow[], stream: Hex = ZERO_WORD): AdmittedRow[] {
  return rows.map((row) => (row.kind === "item" && row.stream === ZERO_WORD ? { ...row, stream } : row));
}

function itemOf(parts: Partial<Item>): Item {
  return {
    recipient: ZERO_ADDRESS,
    ref: ZERO_WORD,
    expiresAt: 0,
    revocable: false,
    salt: ZERO_WORD,
    data: new Uint8Array(),
    ...parts,
  };
}

/** @param round 0 is what is signed first; each further one costs as much again */
export function attemptOf(batch: number, nonce: number, round = 0): SignedAttempt {
  return {
    transaction: word(`transaction ${batch} ${nonce} ${round}`),
    raw: word(`raw ${batch} ${nonce} ${round}`),
    // More than a 64-bit integer holds.
    maxFee: (10n ** 19n + 1n) * BigInt(1 + round),
    tip: 3n + BigInt(round),
    gasLimit: 100_000n,
  };
}

function noopOf(of: number | string, nonce: number, round = 0): SignedAttempt {
  return {
    ...attemptOf(0, nonce, round),
    transaction: word(`nothing ${of} ${nonce} ${round}`),
    raw: word(`raw nothing ${of} ${nonce} ${round}`),
    gasLimit: 21_000n,
  };
}

/** Wei that an attempt may cost. */
function costOf({ maxFee, gasLimit }: { maxFee: bigint; gasLimit: bigint }): bigint {
  return maxFee * gasLimit;
}

function journaled(answer: StoredAttempt | Overspent | null): StoredAttempt {
  assert(answer !== null && !("kind" in answer), "nothing was journaled");
  return answer;
}

function inclusionOf(block: number, succeeded = true) {
  return {
    block,
    blockHash: word(`block ${block}`),
    transaction: word(`transaction in ${block}`),
    succeeded,
    gasUsed: 90_001n,
    gasPrice: 10n ** 18n + 7n,
  };
}

function included(block: number, succeeded = true): BatchEvent {
  return { kind: "included", ...inclusionOf(block, succeeded) };
}

export function word(name: string): Hex {
  return hex(keccak(Buffer.from(name)));
}

export async function errorOf(work: () => unknown): Promise<Error & { code?: string }> {
  try {
    await work();
  } catch (error) {
    return error as Error;
  }
  throw new AssertionError("it was not refused");
}
