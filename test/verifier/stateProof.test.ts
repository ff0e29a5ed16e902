import { expect } from "chai";
import type { Attestation } from "../../src/attestation.js";
import { type Hex, ZERO_WORD } from "../../src/hex.js";
import type { Key } from "../../src/key.js";
import { streamKey } from "../../src/stream.js";
import { type Header, headerOf } from "../../src/verifier/header.js";
import { headSlots, recordSlot, revokedLeavesSlot, rootSlot } from "../../src/verifier/slots.js";
import { proofOf, provenSlots } from "../../src/verifier/stateProof.js";
import { type Issuing, openIssuing } from "../support/issuing.js";
import { seed } from "../support/seed.js";
import { dataOf, openWorld, randomOf, type World } from "../support/stage.js";

const STREAM = streamKey("proofs");

type Proof = {
  codeHash: Hex;
  storageHash: Hex;
  accountProof: Hex[];
  storageProof: { key: Hex; value: Hex; proof: Hex[] }[];
};

describe("a state proof", () => {
  let world: World;
  let desk: Issuing;
  let issuer: Key;
  let registry: Hex;
  let root: Hex;

  before(async () => {
    world = await openWorld();
    desk = await openIssuing(world);
    issuer = desk.issuer;
    registry = world.registry.domain.registry;
    const leaves = Array.from({ length: 300 }, (_, index) => statement(`leaf ${index}`));
    root = (await desk.seal(leaves, { key: STREAM, position: 0n }))[0]!.proof!.root;
    await desk.record([statement("recorded"), statement("revoked")], { key: STREAM, position: 300n });
    await desk.revoke(uid("revoked"));
    await desk.send(desk.call("revokeLeaves", issuer.address, world.schema, root, [3, 299], "", 0, "0x"));
  });
  after(() => world.close());

  const statement = (name: string): Attestation => desk.statement({ data: dataOf({ name, value: 1n }) });
  const uid = (name: string) => desk.uid(statement(name));

  async function headerAt(which: string): Promise<Header> {
    const reading = headerOf(await world.node("eth_getBlockByNumber", [which, false]));
    if (reading.outcome !== "pass") throw new Error(reading.evidence);
    return reading.header;
  }

  async function proofAt(header: Header, slots: readonly Hex[], address = registry): Promise<Proof> {
    return (await world.node("eth_getProof", [address, slots, `0x${header.number.toString(16)}`])) as Proof;
  }

  async function proven(slots: readonly Hex[], address = registry) {
    const header = await headerAt("latest");
    const reading = await provenSlots(await proofAt(header, slots, address), {
      stateRoot: header.stateRoot,
      address,
      slots,
    });
    if (!reading.ok) throw new Error(reading.fault);
    return reading.account;
  }

  it("shows where the registry keeps records, roots, revoked leaves and heads", async () => {
    const [of, schema] = [issuer.address, world.schema];
    const slots = [
      recordSlot(uid("recorded")),
      recordSlot(uid("revoked")),
      rootSlot(of, schema, root),
      revokedLeavesSlot(of, schema, root, 3),
      revokedLeavesSlot(of, schema, root, 299),
      ...headSlots(of, STREAM),
    ];
    const { values } = await proven(slots);
    const [recorded, revoked] = await world.registry.records([uid("recorded"), uid("revoked")], "latest");
    const bits = (from: bigint, count: bigint, of: bigint) => (of >> from) & ((1n << count) - 1n);
    expect(bits(160n, 40n, values[0]!)).to.equal(BigInt(recorded!.recordedAt));
    expect(bits(0n, 160n, values[1]!)).to.equal(BigInt(issuer.address));
    expect([bits(241n, 1n, values[0]!), bits(241n, 1n, values[1]!)]).to.deep.equal([0n, 1n]);
    expect(revoked!.revoked).to.equal(true);
    const kept = (await world.registry.root(of, schema, root, "latest"))!;
    expect([bits(0n, 40n, values[2]!), bits(40n, 40n, values[2]!)]).to.deep.equal([
      BigInt(kept.committedAt),
      300n,
    ]);
    expect(values.slice(3, 5)).to.deep.equal([1n << 3n, 1n << (299n - 256n)]);
    const head = await world.registry.head(of, STREAM, "latest");
    expect(values.slice(5)).to.deep.equal([head.count, BigInt(head.hash)]);
    expect(head.count).to.equal(302n);
  });

  it("shows that something is not there, in a contract, of an account that keeps nothing, and of none", async () => {
    const nowhere = uid("never");
    expect((await proven([recordSlot(nowhere)])).values).to.deep.equal([0n]);
    const keeper = await proven([ZERO_WORD], issuer.address);
    expect(keeper.values).to.deep.equal([0n]);
    expect(keeper.codeHash).to.match(/^0xc5d2460186f7/);
    const nobody = await proven([ZERO_WORD], `0x${"9".repeat(40)}`);
    expect(nobody).to.deep.equal({ codeHash: null, values: [0n] });
  });

  it("holds only at its own block, account and slot", async () => {
    const header = await headerAt("latest");
    const before = await headerAt("0x5");
    const slot = recordSlot(uid("recorded"));
    const proof = await proofAt(header, [slot]);
    const under = (more: object) =>
      provenSlots(proof, { stateRoot: header.stateRoot, address: registry, slots: [slot], ...more });
    expect((await under({})).ok).to.equal(true);
    expect((await under({ stateRoot: before.stateRoot })).ok).to.equal(false);
    expect((await under({ address: issuer.address })).ok).to.equal(false);
    expect((await under({ slots: [recordSlot(uid("revoked"))] })).ok).to.equal(false);
    const renamed = { ...proof, storageProof: [{ ...proof.storageProof[0]!, key: ZERO_WORD }] };
    const other = { stateRoot: header.stateRoot, address: registry, slots: [ZERO_WORD] as Hex[] };
    // What leads to one slot can show that another is empty, if they part early; it never shows another value.
    const reading = await provenSlots(renamed, other);
    expect(reading.ok && reading.account.values[0] !== 0n).to.equal(false);
  });

  it("is none when any of its bytes is another, or it says something else than it proves", async () => {
    const header = await headerAt("latest");
    const slots = [
      recordSlot(uid("recorded")),
      recordSlot(uid("never")),
      ...headSlots(issuer.address, STREAM),
    ];
    const state = { stateRoot: header.stateRoot, address: registry, slots };
    const honest = await proofAt(header, slots);
    const truth = await provenSlots(honest, state);
    const random = randomOf(`state proof ${seed}`);
    for (let round = 0; round < 400; round += 1) {
      const forged = structuredClone(honest);
      const lists = [forged.accountProof, ...forged.storageProof.map(({ proof }) => proof)];
      const list = lists[random(lists.length)]!;
      const index = random(list.length);
      const node = list[index]!;
      const place = 2 + random(node.length - 2);
      const digit = ((parseInt(node[place]!, 16) + 1 + random(15)) % 16).toString(16);
      switch (random(5)) {
        case 0:
          list.splice(index, 1);
          break;
        case 1:
          list[index] = "0xc0";
          break;
        case 2:
          list[index] = node.slice(0, 2 + 2 * random(node.length / 2 - 1)) as Hex;
          break;
        default:
          list[index] = `${node.slice(0, place)}${digit}${node.slice(place + 1)}` as Hex;
      }
      const reading = await provenSlots(forged, state);
      if (reading.ok) expect(reading, `round ${round}`).to.deep.equal(truth);
      expect(reading.ok, `round ${round}`).to.equal(false);
    }
    for (const change of [
      { codeHash: ZERO_WORD },
      { storageHash: ZERO_WORD },
      { storageProof: honest.storageProof.map((one) => ({ ...one, value: "0x1" })) },
      { storageProof: honest.storageProof.map((one) => ({ ...one, value: 7 })) },
    ]) {
      expect((await provenSlots({ ...honest, ...change }, state)).ok).to.equal(false);
    }
  });

  it("is none in any other form, whatever its size", async () => {
    const state = { stateRoot: ZERO_WORD, address: registry, slots: [ZERO_WORD] };
    const long = `0x${"00".repeat(1e6)}`;
    for (const other of [
      null,
      7,
      "0x",
      {},
      { accountProof: [], storageProof: {} },
      { accountProof: [7], storageProof: [] },
      { accountProof: ["0x0"], storageProof: [] },
      { accountProof: Array.from({ length: 1e5 }, () => "0x80"), storageProof: [] },
      { accountProof: [long], storageProof: [] },
      { accountProof: [], storageProof: Array.from({ length: 1e5 }, () => ({})) },
      { accountProof: [], storageProof: [null] },
      { accountProof: [], storageProof: [{ key: long, proof: [] }] },
    ]) {
      expect(proofOf(other)).to.equal(null);
      expect((await provenSlots(other, state)).ok).to.equal(false);
    }
  });

  it("keeps of an answer its nodes alone, which prove the same", async () => {
    const header = await headerAt("latest");
    const slots = [recordSlot(uid("recorded"))];
    const state = { stateRoot: header.stateRoot, address: registry, slots };
    const answer = await proofAt(header, slots);
    const kept = proofOf(answer)!;
    expect(Object.keys(kept)).to.deep.equal(["accountProof", "storageProof"]);
    expect(await provenSlots(kept, state)).to.deep.equal(await provenSlots(answer, state));
  });

  it("is asked of an anchor just so", async () => {
    const [one] = await desk.anchor([statement("a"), statement("b")]);
    const anchored = one!.proof!.root;
    const { values } = await proven([rootSlot(issuer.address, world.schema, anchored)]);
    expect((values[0]! >> 80n) & 255n).to.equal(2n);
  });
});
