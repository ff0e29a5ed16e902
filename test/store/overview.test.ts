import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packedSize } from "../../src/attestation.js";
import type { BatchEvent } from "../../src/batch.js";
import { hex, type Hex, keccak, ZERO_ADDRESS, ZERO_WORD } from "../../src/hex.js";
import { openSqliteStore } from "../../src/store/sqlite.js";
import type { AdmittedRow, Store } from "../../src/store/store.js";

const [LANE, OTHER]: Hex[] = [`0x${"1a".repeat(20)}`, `0x${"2b".repeat(20)}`];
const ISSUER: Hex = `0x${"3c".repeat(20)}`;
const STREAMS: Hex[] = [`0x${"a1".repeat(32)}`, `0x${"b2".repeat(32)}`];
const HEAD = { number: 9, timestamp: 1_800_000_000 };

function word(text: string): Hex {
  return hex(keccak(Buffer.from(text)));
}

function row(name: string, line: number, stream: Hex): AdmittedRow {
  const item = { recipient: ZERO_ADDRESS, ref: ZERO_WORD, expiresAt: 0, revocable: true, salt: ZERO_WORD };
  const whole = { ...item, data: Buffer.from(name) };
  return { kind: "item", line, uid: word(name), item: whole, size: packedSize(whole), stream };
}

describe("An overview of the store", () => {
  let folder: string;
  let store: Store;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "waybill-overview-"));
    store = openSqliteStore(folder);
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  async function jobOf(name: string, streams: readonly Hex[]): Promise<number> {
    const { id } = await store.openJob({
      ...{
        key: word(name),
        act: "record",
        name,
        schema: ZERO_WORD,
        definition: "",
        attester: ISSUER,
        reason: "",
      },
      ...{ tenant: "", priority: "normal", refusals: "skip", flows: false },
    });
    await store.admit(
      id,
      streams.map((stream, index) => row(`${name} ${index}`, index + 1, stream)),
    );
    await store.release(id);
    return id;
  }

  /** Signs the next items of a job as one transaction. @returns the batch that leads */
  async function signed(
    job: number,
    lane: Hex,
    count: number,
    positions: (number | null)[],
  ): Promise<number> {
    const token = await store.takeLane(lane);
    const items = (await store.waiting(job, count)).map(({ id }) => id);
    await store.assign(token, job, [items]);
    const lead = (await store.batches(["planned"], job)).at(0)!.lead;
    await store.sign(token, lead, { mined: 0, positions, head: HEAD }, (nonce) => ({
      ...{ transaction: word(`${lane} ${nonce}`), raw: word(`${lane} ${nonce}`) },
      ...{ maxFee: 1n, tip: 1n, gasLimit: 21_000n },
    }));
    return lead;
  }

  async function follow(lead: number, event: BatchEvent): Promise<void> {
    const batches = await store.together(lead);
    await store.follow({ events: batches.map(({ id }) => ({ batch: id, event })) });
  }

  function included(block: number, succeeded = true): BatchEvent {
    const cost = { gasUsed: 1n, gasPrice: 1n };
    return {
      kind: "included",
      block,
      blockHash: word(`block ${block}`),
      transaction: word("t"),
      succeeded,
      ...cost,
    };
  }

  it("is empty where nothing ever was", async () => {
    expect(await store.overview(10)).to.deep.equal({ block: null, lanes: [], streams: [], events: [] });
  });

  it("has the next nonce of every lane, also of one that never signed", async () => {
    const job = await jobOf("plain", Array<Hex>(6).fill(ZERO_WORD));
    await store.takeLane(OTHER!);
    await signed(job, LANE!, 2, [null]);
    await signed(job, LANE!, 2, [null]);
    expect((await store.overview(10)).lanes).to.deep.equal([
      { lane: LANE, next: 2 },
      { lane: OTHER, next: 0 },
    ]);
  });

  it("has for every stream what has landed, what is signed, and what waits or is only planned", async () => {
    const [a, b] = STREAMS as [Hex, Hex];
    const job = await jobOf("streams", [a, a, a, b, b, a, a, a, b]);
    const streams = async () => {
      const found = (await store.overview(10)).streams.map(({ stream, landed, end, waiting }) => [
        stream,
        [landed, end, waiting],
      ]);
      return Object.fromEntries(found) as { [stream: Hex]: number[] };
    };
    expect(await streams()).to.deep.equal({ [a]: [0, 0, 6], [b]: [0, 0, 3] });
    const first = await signed(job, LANE!, 5, [0, 0]);
    expect(await streams()).to.deep.equal({ [a]: [0, 3, 3], [b]: [0, 2, 1] });
    await follow(first, included(10));
    const second = await signed(job, LANE!, 2, [3]);
    const token = await store.takeLane(LANE!);
    await store.assign(token, job, [(await store.waiting(job, 9)).map(({ id }) => id)]);
    expect(await streams()).to.deep.equal({ [a]: [3, 5, 1], [b]: [2, 2, 1] });
    // What failed in a block has not landed.
    await follow(second, included(11, false));
    expect((await streams())[a]).to.deep.equal([3, 5, 1]);
    await follow(first, { kind: "safe" });
    await follow(first, { kind: "final" });
    await follow(first, { kind: "verified", mismatched: 0 });
    expect((await streams())[b]).to.deep.equal([2, 2, 1]);
  });

  it("has the newest events of whole transactions, oldest first, and none that is no news", async () => {
    const [a, b] = STREAMS as [Hex, Hex];
    const job = await jobOf("events", [a, a, b, b, b, a]);
    const lead = await signed(job, LANE!, 5, [0, 0]);
    await follow(lead, included(10));
    await follow(lead, { kind: "unwound", block: 10, blockHash: word("block 10") });
    await follow(lead, included(11));
    await follow(lead, { kind: "safe" });
    await follow(lead, { kind: "final" });
    await follow(lead, { kind: "verified", mismatched: 0 });
    const told = async (limit: number) =>
      (await store.overview(limit)).events.map(({ event, count }) => [event.kind, count]);
    expect(await told(10)).to.deep.equal([
      ["included", 5],
      ["unwound", 5],
      ["included", 5],
    ]);
    expect(await told(1)).to.deep.equal([["included", 5]]);
    expect((await store.overview(1)).events[0]!.event).to.include({ block: 11, gasUsed: 1n });
  });

  it("has the newest block that was followed", async () => {
    await store.follow({
      events: [],
      append: [7, 8].map((number) => ({ number, hash: word(`block ${number}`) })),
    });
    expect((await store.overview(1)).block).to.equal(8);
  });
});
