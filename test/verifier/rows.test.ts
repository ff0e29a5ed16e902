import { expect } from "chai";
import { type Hex, hex, ZERO_WORD } from "../../src/hex.js";
import { rootOf } from "../../src/tree.js";
import { expectRows } from "../../src/verifier/expect.js";
import type { Place, Said } from "../../src/verifier/follow.js";
import { type Rows, rowsFor } from "../../src/verifier/rows.js";
import { randomOf } from "../contracts/support/random.js";
import { seed } from "../support/seed.js";

const uidsOf = (name: string, count: number): Hex[] => {
  const random = randomOf(`${seed} rows: ${name}`);
  return Array.from({ length: count }, () => hex(random.bytes(32)));
};
const placeOf = (block: number): Place => ({
  block,
  blockHash: ZERO_WORD,
  transaction: hex(randomOf(`transaction ${block}`).bytes(32)),
});

describe("the rows of a job", () => {
  function tableOf(uids: readonly Hex[], isDue: (row: number) => boolean = () => true): Rows {
    const rows = rowsFor(uids.length);
    uids.forEach((uid, row) => rows.add(uid, isDue(row)));
    return rows;
  }

  for (const count of [0, 1, 2, 3, 5_000]) {
    it(`finds each of ${count} by its uid, and no other`, () => {
      const uids = uidsOf("some", count);
      const rows = tableOf(uids);
      expect([rows.size, rows.distinct(), rows.found()]).to.deep.equal([count, count, 0]);
      expect(uids.map((uid) => rows.rowOf(uid))).to.deep.equal(uids.map((_, row) => row));
      for (const uid of uidsOf("others", 500)) expect(rows.rowOf(uid)).to.equal(null);
    });
  }

  it("tells uids apart that begin alike, as far as it keeps them", () => {
    const alike = Array.from(
      { length: 64 },
      (_, index): Hex => `0x${"ab".repeat(15)}${hex(Uint8Array.of(index)).slice(2)}${"00".repeat(16)}`,
    );
    const rows = tableOf(alike);
    expect(alike.map((uid) => rows.rowOf(uid))).to.deep.equal(alike.map((_, row) => row));
  });

  it("keeps the first place of a row, and names the first that is due and has none", () => {
    const uids = uidsOf("placed", 4);
    const rows = tableOf(uids, (row) => row !== 1);
    expect(rows.put(0, placeOf(7))).to.equal(true);
    expect(rows.put(0, placeOf(8))).to.equal(false);
    expect(rows.placeOf(0)).to.deep.equal(placeOf(7));
    expect([rows.firstMissing(), rows.placeOf(2)]).to.deep.equal([2, null]);
    rows.put(2, placeOf(7));
    rows.put(3, placeOf(9));
    expect([rows.firstMissing(), rows.found()]).to.deep.equal([null, 3]);
    expect([rows.placeOf(2), rows.placeOf(3)]).to.deep.equal([placeOf(7), placeOf(9)]);
  });

  it("takes rows with the same uid for one", () => {
    const [a, b] = uidsOf("twice", 2);
    const rows = tableOf([a!, b!, a!]);
    expect([rows.size, rows.distinct(), rows.rowOf(a!)]).to.deep.equal([3, 2, 0]);
    rows.put(0, placeOf(1));
    rows.put(1, placeOf(1));
    expect(rows.firstMissing()).to.equal(null);
  });

  describe("in a stream", () => {
    const own = uidsOf("own", 6);
    const known = uidsOf("known", 3);
    const [stranger] = uidsOf("stranger", 1);

    /** What is found in a stream of these, appended one by one, where an array is an anchored root. */
    async function finding(stream: readonly (Hex | Hex[])[]) {
      const rows = tableOf(own);
      const root = own.slice(3);
      const roots = new Map([[rootOf(root), Uint32Array.of(3, 4, 5)]]);
      const witness = expectRows(rows, roots, async (uid) => known.includes(uid));
      let position = 0n;
      for (const [block, one] of stream.entries()) {
        const what = Array.isArray(one) ? { root: rootOf(one), count: one.length } : { uids: [one] };
        await witness.see({ position, place: placeOf(block), level: "record", ...what } as Said);
        position += BigInt(Array.isArray(one) ? one.length : 1);
      }
      const found = await witness.end();
      const what = found === null ? null : [found.kind, found.position, found.uid];
      return { found: what, others: witness.others(), missing: rows.firstMissing() };
    }

    const [a, b, c, d, e, f] = own as [Hex, Hex, Hex, Hex, Hex, Hex];
    const cases: [
      name: string,
      stream: (Hex | Hex[])[],
      found: unknown,
      others: bigint,
      missing: number | null,
    ][] = [
      ["are all there, in order", own, null, 0n, null],
      ["may stand under a root", [a, b, c, [d, e, f]], null, 0n, null],
      ["may have others between them that are known", [a, known[0]!, b, known, c, d, e, f], null, 4n, null],
      ["may not stand in another order", [a, c, b, d, e, f], ["reordered", 2n, b], 0n, null],
      ["may not be there twice", [a, b, b, c, d, e, f], ["doubled", 2n, b], 0n, null],
      [
        "may not be there by themselves and under a root",
        [a, b, c, d, [d, e, f]],
        ["doubled", 4n, null],
        0n,
        null,
      ],
      [
        "may have nothing between them that is not known",
        [a, b, stranger!, c, d, e, f],
        ["extra", 2n, stranger],
        1n,
        null,
      ],
      ["may not be missing", [a, b, d, e, f], null, 0n, 2],
      ["may not be under another root", [a, b, c, [d, f, e]], null, 3n, 3],
    ];
    for (const [name, stream, found, others, missing] of cases) {
      it(name, async () => {
        expect(await finding(stream)).to.deep.equal({ found, others, missing });
      });
    }
  });
});
