import { expect } from "chai";
import { AbiCoder, Interface } from "ethers";
import fc from "fast-check";
import type { Inclusion } from "../../src/batch.js";
import { AttestationRegistry__factory } from "../../src/bindings/index.js";
import type { Block, Chain } from "../../src/chain/chain.js";
import { WaybillError } from "../../src/errors.js";
import { type Hex, ZERO_ADDRESS, ZERO_WORD } from "../../src/hex.js";
import type { Key } from "../../src/key.js";
import { blocksAt } from "../../src/verifier/findBlock.js";
import { mismatched } from "../../src/verifier/readBack.js";
import { type Issuing, openIssuing } from "../support/issuing.js";
import { altering, answering, refusing, staleHead } from "../support/proxy.js";
import { seed } from "../support/seed.js";
import { dataOf, type Desk, freshKey, openDesk, openWorld, type World } from "../support/stage.js";

const contract = new Interface(AttestationRegistry__factory.abi);
type RawLog = { topics: Hex[]; data: Hex };

describe("the verifier", function () {
  this.timeout(120_000);
  let world: World;
  let issuing: Issuing;
  let issuer: Key;

  before(async () => {
    world = await openWorld();
    issuing = await openIssuing(world);
    issuer = issuing.issuer;
  });
  after(() => world.close());
  afterEach(() => world.faults.heal());

  describe("reading a batch back", () => {
    let desk: Desk;
    let inclusion: Inclusion;
    let items: Awaited<ReturnType<Desk["store"]["items"]>>;

    beforeEach(async () => {
      desk = await openDesk(world, { rows: 4, issuer, lane: await freshKey(world) });
      await desk.plan(4);
      await desk.lane().tick(desk.job);
      await world.mine();
      await desk.tracker().tick();
      const [{ id, batch }] = (await desk.store.batches(["included"])) as unknown as [
        { id: number; batch: { inclusion: Inclusion } },
      ];
      inclusion = batch.inclusion;
      items = await desk.store.items(id);
    });
    afterEach(() => desk.close());

    const wrong = () =>
      mismatched(
        world.chain,
        world.registry,
        { ...desk.job, stream: ZERO_WORD, position: null, inclusion },
        items,
      );

    it("finds nothing wrong with what was recorded as meant", async () => {
      expect(await wrong()).to.deep.equal([]);
    });

    it("names the item whose event says something else, whichever field it is", async () => {
      const [, target] = items;
      const fields: [name: string, value: unknown][] = [
        ["recipient", "0x00000000000000000000000000000000000000aa"],
        ["schema", `0x${"12".repeat(32)}`],
        ["ref", `0x${"34".repeat(32)}`],
        ["expiresAt", 99n],
        ["revocable", !target!.item.revocable],
        ["salt", `0x${"56".repeat(32)}`],
        ["data", "0x00"],
      ];
      for (const [name, value] of fields) {
        world.faults.always(
          "eth_getLogs",
          altering((logs: RawLog[]) =>
            logs.map((log) => {
              const { args } = contract.parseLog(log)!;
              if (args.uid !== target!.uid) return log;
              const changed = { ...args.toObject(), [name]: value } as Record<string, unknown>;
              const event = contract.getEvent("Attested")!;
              const values = event.inputs.map((input) => changed[input.name]);
              return { ...log, ...contract.encodeEventLog(event, values) };
            }),
          ),
        );
        expect(await wrong(), name).to.deep.equal([target!.id]);
      }
    });

    it("names the item whose slot is empty, another's, or of another content", async () => {
      const words: [name: string, word: (word: bigint) => bigint][] = [
        ["empty", () => 0n],
        ["another attester", (word) => word ^ 1n],
        ["never recorded", (word) => word & ~(((1n << 40n) - 1n) << 160n)],
        ["another expiry", (word) => word ^ (1n << 200n)],
        ["another revocability", (word) => word ^ (1n << 240n)],
      ];
      for (const [name, change] of words) {
        world.faults.always(
          "eth_call",
          altering((reply: Hex) => {
            const [slots] = AbiCoder.defaultAbiCoder().decode(["uint256[]"], reply);
            const changed = [...(slots as bigint[])];
            changed[2] = change(changed[2]!);
            return AbiCoder.defaultAbiCoder().encode(["uint256[]"], [changed]);
          }),
        );
        expect(await wrong(), name).to.deep.equal([items[2]!.id]);
      }
    });

    it("takes the slot's word when the event is elsewhere or withheld, and the uid's for the content", async () => {
      world.faults.always("eth_getLogs", answering([]));
      expect(await wrong()).to.deep.equal([]);
      const forged = items.map((one, index) =>
        index === 1 ? { ...one, item: { ...one.item, data: dataOf({ name: "forged", value: 1n }) } } : one,
      );
      const found = await mismatched(
        world.chain,
        world.registry,
        { ...desk.job, stream: ZERO_WORD, position: null, inclusion },
        forged,
      );
      expect(found).to.deep.equal([items[1]!.id]);
    });

    it("accepts what somebody else's batch recorded earlier, by its slot", async () => {
      const again = await openDesk(world, {
        rows: 4,
        issuer,
        lane: await freshKey(world),
        variant: desk.directory,
      });
      expect(again.uids).to.deep.equal(desk.uids);
      await again.plan(4);
      await again.lane().tick(again.job);
      await world.mine();
      await again.tracker().tick();
      const [{ id, batch }] = (await again.store.batches(["included"])) as unknown as [
        { id: number; batch: { inclusion: Inclusion } },
      ];
      expect(batch.inclusion.succeeded).to.equal(true);
      const mine = await again.store.items(id);
      const context = { ...again.job, stream: ZERO_WORD, position: null, inclusion: batch.inclusion };
      expect(await mismatched(world.chain, world.registry, context, mine)).to.deep.equal([]);
      await again.close();
    });

    it("names every item of a batch that recorded nothing", async () => {
      const never = issuing.statement();
      const items = [{ id: 5, uid: issuing.uid(never), item: never }];
      const context = { ...desk.job, stream: ZERO_WORD, position: null, inclusion };
      expect(await mismatched(world.chain, world.registry, context, items)).to.deep.equal([5]);
      expect(
        await mismatched(world.chain, world.registry, { ...context, act: "revoke" }, items),
      ).to.deep.equal([5]);
    });

    it("law 8: a node that lags behind the batch is asked again and condemns no item", async () => {
      await world.mine(2);
      const behind = inclusion.block - 1;
      world.faults.always("eth_getBlockByNumber", staleHead(world.node, behind));
      world.faults.always("eth_call", async (_, [call]) =>
        world.node("eth_call", [call, `0x${behind.toString(16)}`]),
      );
      await refuses(wrong(), "E_NODE");
      await refuses(
        mismatched(
          world.chain,
          world.registry,
          { ...desk.job, act: "revoke", stream: ZERO_WORD, position: null, inclusion },
          items,
        ),
        "E_NODE",
      );
    });

    it("law 8: the slots are read at a head that is named by its hash, so that a lagging node cannot answer", async () => {
      world.faults.always("eth_call", (forward, [call, at]) =>
        (at as { blockHash?: Hex }).blockHash === undefined
          ? world.node("eth_call", [call, `0x${(inclusion.block - 1).toString(16)}`])
          : forward(),
      );
      expect(await wrong()).to.deep.equal([]);
      world.faults.always("eth_call", refusing("header for hash not found"));
      await refuses(wrong(), "E_NODE");
    });

    it("blames the node for an event that no registry can make", async () => {
      world.faults.always(
        "eth_getLogs",
        altering((logs: RawLog[]) => logs.map((log) => ({ ...log, data: "0x" }))),
      );
      await refuses(wrong(), "E_NODE");
    });

    it("tells a revoked item from one that is not, and from another's", async () => {
      const mine = await issuing.attest(issuing.statement());
      const sent = await issuing.revoke(mine);
      const context = { ...desk.job, stream: ZERO_WORD, position: null, inclusion: sent };
      const expected = [
        { id: 1, uid: mine, item: issuing.statement() },
        { ...items[0]!, id: 2 },
      ];
      expect(
        await mismatched(world.chain, world.registry, { ...context, act: "revoke" }, expected),
      ).to.deep.equal([2]);
      const other = { ...context, attester: ZERO_ADDRESS };
      expect(
        await mismatched(world.chain, world.registry, { ...other, act: "revoke" }, expected),
      ).to.deep.equal([1, 2]);
    });
  });

  describe("the blocks of a time", () => {
    const chainOfTimes = (times: readonly number[]) => {
      const asked = new Set<number>();
      let requests = 0;
      const block = (number: number) => ({ number, timestamp: times[number]! }) as Block;
      const chain = {
        block: async (which: number) => {
          requests += 1;
          asked.add(which);
          return times[which] === undefined ? null : block(which);
        },
      } as unknown as Chain;
      return { chain, newest: block(times.length - 1), requests: () => requests };
    };

    const timesOf = (steps: readonly number[]) => {
      let time = 1_000;
      return [time, ...steps.map((step) => (time += step))];
    };

    it("are those that a linear search finds, also where many share a time", async () => {
      const steps = fc.array(
        fc.oneof(
          { weight: 4, arbitrary: fc.constantFrom(0, 1, 2, 12) },
          { weight: 1, arbitrary: fc.integer({ min: 0, max: 100_000 }) },
        ),
        { maxLength: 300 },
      );
      await fc.assert(
        fc.asyncProperty(steps, fc.nat(), fc.integer({ min: -2, max: 2 }), async (steps, pick, offset) => {
          const times = timesOf(steps);
          const time = times[pick % times.length]! + offset;
          const { chain, newest } = chainOfTimes(times);
          const from = times.indexOf(time);
          const expected = from === -1 ? null : { from, to: times.lastIndexOf(time) };
          expect(await blocksAt(chain, time, newest)).to.deep.equal(expected);
        }),
        { seed, numRuns: 500 },
      );
    });

    it("take at most 40 requests on a chain of a million blocks", async () => {
      const count = 1_000_000;
      const chains: [name: string, step: (number: number) => number][] = [
        ["12 s, some missed", (number) => (number % 97 === 0 ? 24 : 12)],
        ["four in a second", (number) => (number % 4 === 0 ? 1 : 0)],
        ["15 s, later 2 s", (number) => (number < 700_000 ? 15 : 2)],
        ["a long halt in the middle", (number) => (number === 500_000 ? 30_000_000 : 2)],
        ["a genesis long before", (number) => (number === 1 ? 1_500_000_000 : 2)],
        ["irregular", (number) => (number * 2_654_435_761) % 30],
      ];
      for (const [name, step] of chains) {
        const times = timesOf(Array.from({ length: count }, (_, index) => step(index + 1)));
        for (const pick of [0, 1, 3, 250_001, 499_999, 500_000, 700_001, 999_998, count]) {
          const { chain, newest, requests } = chainOfTimes(times);
          const found = await blocksAt(chain, times[pick]!, newest);
          expect(found).to.deep.equal({
            from: times.indexOf(times[pick]!),
            to: times.lastIndexOf(times[pick]!),
          });
          expect(requests(), `${name}, block ${pick}`).to.be.at.most(40);
        }
      }
    });

    it("are not guessed from a node that lacks a block on the way", async () => {
      const { newest } = chainOfTimes([1, 2, 3, 4]);
      const chain = { block: async () => null } as unknown as Chain;
      await refuses(blocksAt(chain, 2, newest), "E_NODE");
    });
  });
});

async function refuses(doing: Promise<unknown>, code: string): Promise<void> {
  const error = await doing.then(
    (value) => value,
    (error: unknown) => error,
  );
  expect(error).to.be.instanceOf(WaybillError).with.property("code", code);
}
