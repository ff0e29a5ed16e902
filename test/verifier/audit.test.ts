import { expect } from "chai";
import { AbiCoder } from "ethers";
import { type Level, packItems } from "../../src/attestation.js";
import type { Topics } from "../../src/chain/chain.js";
import { ANCHORED, APPENDED, ATTESTED, SEALED } from "../../src/chain/registry.js";
import type { WaybillError } from "../../src/errors.js";
import { type Hex, ZERO_WORD } from "../../src/hex.js";
import type { Key } from "../../src/key.js";
import { appendRoot, appendUids, EMPTY_STREAM, streamKey } from "../../src/stream.js";
import { rootOf } from "../../src/tree.js";
import { type AuditOptions, auditStream, type Mark } from "../../src/verifier/audit.js";
import { expectList } from "../../src/verifier/expect.js";
import { linksOf } from "../../src/verifier/links.js";
import { topicOf } from "../../src/verifier/readBack.js";
import { altering, answering, type Fault, refusing, staleHead } from "../support/proxy.js";
import { type Issuing, openIssuing } from "../support/issuing.js";
import { openWorld, type World } from "../support/stage.js";

type RawLog = {
  topics: Hex[];
  data: Hex;
  blockNumber: Hex;
  logIndex: Hex;
  transactionHash: Hex;
  blockHash: Hex;
};

const STREAM = streamKey("the board");
const SALT: Hex = `0x${"5".repeat(16)}${"0".repeat(48)}`;
/** What is appended, in this order: a batch each. */
const BATCHES: [Level, number][] = [
  ["record", 3],
  ["seal", 5],
  ["anchor", 4],
  ["record", 2],
  ["seal", 1],
  ["record", 4],
];

describe("an audit of a stream", function () {
  this.timeout(120_000);
  let world: World;
  let issuer: Key;
  let counter: Issuing;
  /** in order of the stream */
  const uids: Hex[] = [];
  /** the block of every batch, and its first position */
  const places: { block: number; position: number; level: Level; count: number }[] = [];

  before(async () => {
    world = await openWorld();
    counter = await openIssuing(world);
    issuer = counter.issuer;
    for (const [level, count] of BATCHES) {
      // Others speak in between, the issuer among them.
      await append(level, 2, streamKey("another"));
      await append("record", 2, null);
      await world.mine(3);
      await append(level, count, STREAM);
    }
    await world.mine(40);
  });
  after(() => world.close());
  afterEach(() => world.faults.heal());

  const ends = new Map<Hex, bigint>();

  async function append(level: Level, count: number, stream: Hex | null): Promise<void> {
    const statements = Array.from({ length: count }, (_, index) =>
      counter.statement({ expiresAt: index % 3, salt: index % 2 === 0 ? ZERO_WORD : SALT }),
    );
    const position = stream === null ? 0n : (ends.get(stream) ?? 0n);
    const said = await counter[level](statements, stream === null ? undefined : { key: stream, position });
    if (stream === null) return;
    ends.set(stream, position + BigInt(count));
    if (stream !== STREAM) return;
    uids.push(...said.map(({ uid }) => uid));
    places.push({ block: said[0]!.location!.block, position: Number(position), level, count });
  }

  const nodes = () => [{ name: "the node", request: world.faults.request }];
  const audit = (options: Partial<AuditOptions> = {}) =>
    auditStream(
      world.chain,
      world.registry,
      { attester: issuer.address, key: STREAM },
      { nodes: nodes(), ...options },
    );

  /** The node's logs are altered, whatever is asked. */
  const tamper = (change: (logs: RawLog[]) => RawLog[]) =>
    world.faults.always(
      "eth_getLogs",
      altering((logs: RawLog[]) => change(structuredClone(logs))),
    );

  /** Of the log of an item that was recorded, or of the link of a batch. */
  const isItem = (position: number) => (log: RawLog) => log.topics[1] === uids[position];
  const isLink = (batch: number) => (log: RawLog) =>
    log.topics[0] === APPENDED &&
    log.topics[2] === STREAM &&
    Number(log.blockNumber) === places[batch]!.block;

  it("says that it is complete: all levels, whoever asks, and the head is the chain's", async () => {
    const report = await audit();
    expect(report).to.include({ verdict: "complete", finding: null });
    expect(report.counts).to.deep.equal({ record: 9n, seal: 6n, anchor: 4n, appends: 6 });
    let head = appendUids(EMPTY_STREAM, uids.slice(0, 8));
    head = appendRoot(head, rootOf(uids.slice(8, 12)), 4);
    expect(report.rebuilt).to.deep.equal(appendUids(head, uids.slice(12)));
    expect(report.head.head).to.deep.equal(report.rebuilt);
  });

  describe("names what a node drops, doubles, swaps or alters", () => {
    const cases: [
      name: string,
      change: (logs: RawLog[]) => RawLog[],
      kind: string,
      position: number | null,
    ][] = [
      ["an item that is dropped", (logs) => logs.filter((log) => !isItem(1)(log)), "missing", 1],
      ["the last item of a batch", (logs) => logs.filter((log) => !isItem(18)(log)), "missing", 18],
      ["a link that is dropped", (logs) => logs.filter((log) => !isLink(1)(log)), "gap", 3],
      ["the last link", (logs) => logs.filter((log) => !isLink(5)(log)), "gap", 15],
      [
        "a batch that was sealed and is not shown",
        (logs) => logs.filter((log) => log.topics[0] !== SEALED),
        "missing",
        3,
      ],
      [
        "a root that was anchored and is not shown",
        (logs) => logs.filter((log) => log.topics[0] !== ANCHORED),
        "missing",
        8,
      ],
      ["all items", (logs) => logs.filter((log) => log.topics[0] !== ATTESTED), "missing", 0],
      ["everything", () => [], "gap", 0],
      [
        "an item that is shown twice",
        (logs) => {
          const first = logs.find(isItem(0));
          for (const log of logs)
            if (isItem(1)(log) && first) Object.assign(log, { topics: first.topics, data: first.data });
          return logs;
        },
        "doubled",
        1,
      ],
      [
        "a link that is shown twice",
        (logs) => logs.flatMap((log) => (isLink(0)(log) ? [log, { ...log, logIndex: "0x63" }] : [log])),
        "fork",
        0,
      ],
      [
        "two items that are swapped",
        (logs) => {
          const [a, b] = [logs.find(isItem(0)), logs.find(isItem(2))];
          if (a && b) [a.topics, a.data, b.topics, b.data] = [b.topics, b.data, a.topics, a.data];
          return logs;
        },
        "altered",
        0,
      ],
      [
        "a content that is altered",
        (logs) => {
          for (const log of logs)
            if (isItem(13)(log)) log.data = log.data.replace(/7374617465/, "7374617466") as Hex;
          return logs;
        },
        "altered",
        13,
      ],
      [
        "a uid that is altered",
        (logs) => {
          for (const log of logs) if (isItem(2)(log)) log.topics[1] = `0x${"12".repeat(32)}`;
          return logs;
        },
        "altered",
        2,
      ],
      [
        "an item in a sealed batch that is altered",
        (logs) => {
          for (const log of logs)
            if (log.topics[0] === SEALED) log.data = log.data.replace(/7374617465/, "7374617466") as Hex;
          return logs;
        },
        "altered",
        3,
      ],
      [
        "the root of a sealed batch",
        (logs) => {
          for (const log of logs) if (log.topics[0] === SEALED) log.topics[3] = `0x${"56".repeat(32)}`;
          return logs;
        },
        "altered",
        3,
      ],
      [
        "bytes that no registry makes",
        (logs) => {
          for (const log of logs) if (log.topics[0] === SEALED) log.data = log.data.slice(0, -64) as Hex;
          return logs;
        },
        "altered",
        3,
      ],
      ["the count of a link", relinked(0, (link) => ({ ...link, count: 2n })), "altered", 0],
      ["the count of a sealed link", relinked(1, (link) => ({ ...link, count: 4n })), "extra", 7],
      ["the count of an anchored link", relinked(2, (link) => ({ ...link, count: 5n })), "altered", 8],
      ["the position of a link", relinked(1, (link) => ({ ...link, position: 4n })), "gap", 3],
      [
        "the hash of a link",
        relinked(3, (link) => ({ ...link, hash: `0x${"34".repeat(32)}` as Hex })),
        "altered",
        12,
      ],
      [
        "the leaves of a root",
        (logs) => {
          for (const log of logs) if (log.topics[0] === ANCHORED) log.data = `0x${"0".repeat(63)}3`;
          return logs;
        },
        "altered",
        8,
      ],
    ];
    for (const [name, change, kind, position] of cases) {
      it(name, async () => {
        tamper(change);
        const report = await audit();
        expect(report.verdict, report.because).to.equal("broken");
        expect([report.finding!.kind, report.finding!.position]).to.deep.equal([
          kind,
          position === null ? null : BigInt(position),
        ]);
        if (report.finding!.place !== null) {
          const batch = places.findLast((place) => place.position <= Number(report.finding!.position))!;
          if (kind !== "gap") expect(report.finding!.place!.block).to.equal(batch.block);
        }
      });
    }

    function relinked(
      batch: number,
      change: (link: { position: bigint; count: bigint; hash: Hex }) => unknown,
    ) {
      const types = ["uint64", "uint64", "bytes32"];
      return (logs: RawLog[]) => {
        for (const log of logs.filter(isLink(batch))) {
          const [position, count, hash] = AbiCoder.defaultAbiCoder().decode(types, log.data);
          const link = change({ position, count, hash }) as { position: bigint; count: bigint; hash: Hex };
          log.data = AbiCoder.defaultAbiCoder().encode(types, [link.position, link.count, link.hash]) as Hex;
        }
        return logs;
      };
    }
  });

  it("is not misled by what was not asked for: another stream, another block, the same thing again, any order", async () => {
    const address = world.registry.domain.registry;
    const all = (await world.node("eth_getLogs", [
      { address, fromBlock: "0x0", toBlock: "latest" },
    ])) as RawLog[];
    world.faults.asked.length = 0;
    await audit();
    const questions = world.faults.asked.length;
    tamper((logs) => [...logs, ...all].reverse());
    expect((await audit()).verdict).to.equal("complete");
    // It did not have to look again.
    expect(world.faults.asked.length).to.equal(2 * questions);
  });

  it("is not misled by a lie that is consistent with itself: the chain's head is another", async () => {
    const batch = [15, 16, 17, 18].map((position) => uids[position]!);
    const swapped = [batch[1]!, batch[0]!, batch[2]!, batch[3]!];
    const { block } = places[5]!;
    const before = await audit({ at: block - 1 });
    const { hash } = appendUids(before.rebuilt, swapped);
    tamper((logs) => {
      const [a, b] = [logs.find(isItem(15)), logs.find(isItem(16))];
      if (a && b) [a.topics, a.data, b.topics, b.data] = [b.topics, b.data, a.topics, a.data];
      for (const log of logs.filter(isLink(5))) log.data = `${log.data.slice(0, -64)}${hash.slice(2)}` as Hex;
      return logs;
    });
    const { verdict, finding } = await audit();
    expect([verdict, finding!.kind, finding!.position]).to.deep.equal(["broken", "fork", null]);
  });

  it("has a block behind it only when it has all of it", async () => {
    const number = (value: number) => value.toString(16).padStart(64, "0");
    const { registry } = world;
    const place = { block: 7, blockHash: ZERO_WORD, transaction: ZERO_WORD };
    const topics = [APPENDED, topicOf(issuer.address), STREAM];
    const logs = [0, 1].map((index) => ({
      ...{ ...place, index, topics },
      data: `0x${number(1_500 * index)}${number(1_500)}${number(0)}` as Hex,
    }));
    const chain = {
      ...world.chain,
      logs: async ({ topics: [first] }: { topics: Topics }) => (first === APPENDED ? logs : []),
    };
    const seen: (number | null)[] = [];
    for await (const { to } of linksOf(
      chain,
      registry,
      { attester: issuer.address, key: STREAM },
      { from: 7, to: 7 },
    )) {
      seen.push(to);
    }
    expect(seen).to.deep.equal([null, 7]);
  });

  it("asks in ranges that the node takes, and again in small ones where an answer was cut short", async () => {
    const inRange: Fault = async (forward, [filter]) => {
      const { fromBlock, toBlock } = filter as { fromBlock: Hex; toBlock: Hex };
      if (Number(toBlock) - Number(fromBlock) >= 7)
        return refusing("query returned more than 7 blocks")(forward, []);
      return forward();
    };
    world.faults.always("eth_getLogs", inRange);
    expect((await audit()).verdict).to.equal("complete");

    world.faults.always("eth_getLogs", async (forward, [filter]) => {
      const { fromBlock, toBlock } = filter as { fromBlock: Hex; toBlock: Hex };
      const logs = (await forward()) as RawLog[];
      // The border of a range that is too large for it.
      return Number(toBlock) - Number(fromBlock) > 16 ? logs.slice(0, 2) : logs;
    });
    expect((await audit()).verdict).to.equal("complete");
  });

  it("goes on from a mark, reads nothing before it, and comes to the same head", async () => {
    const marks: Mark[] = [];
    const whole = await audit({ markEvery: 1, onMark: async (mark) => void marks.push(mark) });
    expect(marks.at(-1)!.head).to.deep.equal(whole.rebuilt);
    const half = marks.find(({ head }) => head.count > 8n) ?? marks[0]!;
    world.faults.asked.length = 0;
    const rest = await audit({ from: half });
    expect(rest.verdict).to.equal("complete");
    expect(rest.rebuilt).to.deep.equal(whole.rebuilt);
    for (const { params } of world.faults.asked.filter(({ method }) => method === "eth_getLogs")) {
      expect(Number((params[0] as { fromBlock: Hex }).fromBlock)).to.be.greaterThan(half.block);
    }
  });

  it("does not go on from a mark of another chain, nor blame the chain for a mark that is wrong", async () => {
    const [mark] = await marksOf();
    const other = { ...mark!, blockHash: ZERO_WORD };
    world.faults.asked.length = 0;
    expect((await audit({ from: { ...other, head: { count: 3n, hash: ZERO_WORD } } })).verdict).to.equal(
      "complete",
    );
    const [first] = world.faults.asked.filter(({ method }) => method === "eth_getLogs");
    expect((first!.params[0] as { fromBlock: Hex }).fromBlock).to.equal("0x0");
    const wrong = { ...mark!, head: { count: 3n, hash: `0x${"9".repeat(64)}` as Hex } };
    expect((await audit({ from: wrong })).verdict).to.equal("complete");
  });

  async function marksOf(): Promise<Mark[]> {
    const marks: Mark[] = [];
    await audit({ markEvery: 1, onMark: async (mark) => void marks.push(mark) });
    return marks;
  }

  it("looks again where a node lost its answers for a moment, also the last one", async () => {
    for (const batch of [0, 5]) {
      let lost = false;
      tamper((logs) => {
        const loses = !lost && logs.some(isLink(batch));
        lost ||= loses;
        return loses ? [] : logs;
      });
      expect((await audit()).verdict).to.equal("complete");
      expect(lost).to.equal(true);
    }
  });

  it("decides nothing where the node has fallen behind", async () => {
    const { block } = places[3]!;
    tamper((logs) => logs.filter((log) => Number(log.blockNumber) < block));
    let looks = 0;
    const stale = staleHead(world.node, block - 1);
    world.faults.always("eth_getBlockByNumber", async (forward, params) => {
      if (params[0] === "latest") looks += 1;
      return params[0] === "latest" && looks > 0 ? stale(forward, params) : forward();
    });
    const report = await audit();
    expect([report.verdict, report.finding]).to.deep.equal(["undecided", null]);
  });

  it("takes the chain's word for its head only with a proof, and another node's where one gives none", async () => {
    const gives = async () => {
      const { verdict, head } = await audit();
      return [verdict, head.proof.outcome];
    };
    world.faults.always("eth_getProof", refusing("the method eth_getProof does not exist", -32601));
    expect(await gives()).to.deep.equal(["undecided", "unknown"]);
    const two = [...nodes(), { name: "another", request: world.node }];
    expect((await audit({ nodes: two })).verdict).to.equal("complete");

    world.faults.always(
      "eth_getProof",
      altering((proof: { storageProof: { value: Hex; proof: Hex[] }[] }) => {
        const [count] = proof.storageProof;
        return {
          ...proof,
          storageProof: [{ ...count!, proof: count!.proof.slice(1) }, proof.storageProof[1]],
        };
      }),
    );
    expect(await gives()).to.deep.equal(["undecided", "fail"]);
    world.faults.heal();
    world.faults.always(
      "eth_getBlockByNumber",
      altering((block: object) => ({ ...block, stateRoot: ZERO_WORD })),
    );
    expect(await gives()).to.deep.equal(["undecided", "fail"]);
  });

  it("is not misled by a node that says another head than it can prove", async () => {
    world.faults.always("eth_call", answering(`0x${"0".repeat(63)}1${"11".repeat(32)}`));
    expect((await audit()).verdict).to.equal("complete");
  });

  it("decides nothing of a stream that nobody appended to", async () => {
    const nobody = { attester: issuer.address, key: streamKey("no such stream") };
    expect((await auditStream(world.chain, world.registry, nobody, { nodes: nodes() })).verdict).to.equal(
      "undecided",
    );
  });

  it("tells how things stood at an older block", async () => {
    const { block, position, count } = places[1]!;
    const report = await audit({ at: block });
    expect(report.verdict).to.equal("complete");
    expect(report.rebuilt.count).to.equal(BigInt(position + count));
    expect(report.asOf.block).to.equal(block);
  });

  describe("compared with a list of uids", () => {
    const against = (list: readonly Hex[], more: Partial<AuditOptions> = {}) =>
      audit({
        ...more,
        witness: (from) =>
          expectList(async function* (start) {
            yield* list.slice(Number(start));
          }, from),
      });
    const other: Hex = `0x${"77".repeat(32)}`;
    const swapped = (a: number, b: number) => {
      const list = [...uids];
      [list[a], list[b]] = [list[b]!, list[a]!];
      return list;
    };

    it("is not complete when a node shows the list first, and then what stands there", async () => {
      const list = swapped(12, 13);
      const { block } = places[3]!;
      const before = await audit({ at: block - 1 });
      const { hash } = appendUids(before.rebuilt, list.slice(12, 14));
      let lies = 2;
      tamper((logs) => {
        if (!logs.some((log) => Number(log.blockNumber) === block) || lies === 0) return logs;
        lies -= 1;
        const [a, b] = [logs.find(isItem(12)), logs.find(isItem(13))];
        if (a && b) [a.topics, a.data, b.topics, b.data] = [b.topics, b.data, a.topics, a.data];
        for (const log of logs.filter(isLink(3)))
          log.data = `${log.data.slice(0, -64)}${hash.slice(2)}` as Hex;
        return logs;
      });
      const error = await against(list).then(
        () => null,
        (cause: unknown) => cause,
      );
      expect(lies).to.equal(0);
      expect((error as WaybillError).code).to.equal("E_NODE");
    });

    it("is complete when it is the list", async () => {
      expect((await against(uids)).verdict).to.equal("complete");
      expect((await against(uids, { from: (await marksOf())[0]! })).verdict).to.equal("complete");
    });

    const cases: [name: string, list: () => Hex[], kind: string, position: number, uid: () => Hex | null][] =
      [
        ["what is missing", () => uids.toSpliced(2, 0, other), "missing", 2, () => other],
        ["what is missing at the end", () => [...uids, other], "missing", 19, () => other],
        ["what stands in another's place", () => uids.with(4, other), "missing", 4, () => other],
        ["what is added", () => uids.toSpliced(5, 1), "extra", 5, () => uids[5]!],
        ["what is added at the end", () => uids.slice(0, -1), "extra", 18, () => uids[18]!],
        ["what comes too early", () => swapped(13, 16), "reordered", 13, () => uids[13]!],
        ["what is under another root", () => swapped(9, 10), "altered", 8, () => null],
      ];
    for (const [name, list, kind, position, uid] of cases) {
      it(`names ${name}`, async () => {
        const { verdict, finding } = await against(list());
        expect([verdict, finding!.kind, finding!.position, finding!.uid]).to.deep.equal([
          "broken",
          kind,
          BigInt(position),
          uid(),
        ]);
      });
    }
  });

  it("is not complete when it is the list only as it was shown at first", async () => {
    const own = { attester: issuer.address, key: streamKey("two faces") };
    await append("seal", 1, own.key);
    const { number } = (await world.chain.block("latest"))!;
    await append("record", 1, own.key);
    const fromBlock = `0x${(number + 1).toString(16)}`;
    const [later] = (await world.node("eth_getLogs", [{ fromBlock, topics: [ATTESTED] }])) as RawLog[];
    // What was never said, in place of the first.
    const item = counter.statement();
    const uid = counter.uid(item);
    const { hash } = appendUids(EMPTY_STREAM, [uid]);
    let looks = 0;
    tamper((logs) => {
      if (logs.some((log) => log.topics[0] === APPENDED && Number(log.blockNumber) === number)) looks += 1;
      if (looks > 1) return logs;
      const first = logs.filter((log) => Number(log.blockNumber) <= number);
      for (const log of first.filter(({ blockNumber }) => Number(blockNumber) === number)) {
        if (log.topics[0] === APPENDED) log.data = `${log.data.slice(0, -64)}${hash.slice(2)}` as Hex;
        if (log.topics[0] !== SEALED) continue;
        log.data = AbiCoder.defaultAbiCoder().encode(["bytes"], [packItems([item])]) as Hex;
        log.topics[3] = uid;
      }
      return first;
    });
    const refused = await auditStream(world.chain, world.registry, own, {
      ...{ at: "latest", nodes: nodes() },
      witness: (from) =>
        expectList(async function* (start) {
          yield* [uid, later!.topics[1]!].slice(Number(start));
        }, from),
    }).catch((error: unknown) => error);
    expect(refused).to.have.property("code", "E_NODE");
  });

  it("begins anew when the chain changes meanwhile", async () => {
    const own = { attester: issuer.address, key: streamKey("reorganised") };
    await append("record", 3, own.key);
    const before = await auditStream(world.chain, world.registry, own, { at: "latest", nodes: nodes() });
    expect(before.rebuilt.count).to.equal(3n);
    let turned = false;
    world.faults.always("eth_getLogs", async (forward) => {
      const logs = await forward();
      if (!turned) await world.node("anvil_reorg", [1, []]);
      turned = true;
      return logs;
    });
    const after = await auditStream(world.chain, world.registry, own, { at: "latest", nodes: nodes() });
    expect([after.verdict, after.rebuilt.count]).to.deep.equal(["undecided", 0n]);
  });
});
