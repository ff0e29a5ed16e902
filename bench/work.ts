import { type Item, tokensOf } from "../src/attestation.js";
import { TRANSACTION_GAS_CAP } from "../src/gas.js";
import { type Hex, hex, unhex } from "../src/hex.js";
import { randomOf } from "../test/contracts/support/random.js";
import type { Call, Chain } from "./chain.js";
import type { Eas } from "./eas.js";
import { itemsOf } from "./items.js";
import type { Registry } from "./registry.js";
import type { Waybill } from "./waybill.js";

/** A schema of 33 bytes. Neither registry compares data with it. */
export const DEFINITION = "uint256 score, bytes32 evidenceId";

/** The same work on both sides; `eas` and `ratio` are null where EAS has no such thing. */
export type Work = {
  name: string;
  what: string;
  /** how many the transaction holds */
  items: number;
  /** gas per item */
  eas: number | null;
  waybill: number;
  /** EAS ÷ Waybill: how many times cheaper */
  ratio: number | null;
};

/** Items in a transaction on both sides, and Waybill ÷ EAS: how many times more. */
export type Count = { name: string; what: string; eas: number; waybill: number; ratio: number };

export type Measured = {
  work: Work[];
  largest: Count;
  /** gas of the calldata of "read", which is not in its figures */
  readCalldata: { eas: number; waybill: number };
  /** gas of what EAS has nearest to an anchor */
  timestamp: number;
};

/** Does all work, on both registries of one chain, which are new. */
export async function measure(chain: Chain, eas: Eas, waybill: Waybill): Promise<Measured> {
  /** @param events that must come of it: on both sides, work on so many items is so many events */
  async function gasOf(call: Call, events = 1): Promise<number> {
    const { gasUsed, logs } = await chain.mine(call);
    if (logs.length !== events) throw new Error(`${logs.length} events where ${events} were to be`);
    return Number(gasUsed);
  }

  async function both(
    [name, what]: Title,
    items: number,
    callOf: (side: Registry) => Call | Promise<Call>,
  ): Promise<Work> {
    const theirs = await gasOf(await callOf(eas), items);
    const ours = await gasOf(await callOf(waybill), items);
    const ratio = ratioOf(theirs, ours);
    return { name, what, items, eas: Math.round(theirs / items), waybill: Math.round(ours / items), ratio };
  }

  function alone([name, what]: Title, items: number, gas: number): Work {
    return { name, what, items, eas: null, waybill: Math.round(gas / items), ratio: null };
  }

  function revocation(count: number): Promise<Work> {
    const items = itemsOf(`revoke ${count}`, count);
    const what = count === 1 ? "one in a transaction" : `${count} in a transaction`;
    return both([`revoke ${count}`, what], count, async (side) =>
      side.revoke(items, await chain.mine(side.record(items))),
    );
  }

  /** What a contract pays for it: without what its caller pays for the transaction. */
  async function reading([name, what]: Title): Promise<{
    row: Work;
    calldata: { eas: number; waybill: number };
  }> {
    const [item] = itemsOf("read", 1) as [Item];
    const pricesOf = async (side: Registry) => {
      const ask = await side.deployGate();
      const call = ask(item, await chain.mine(side.record([item])));
      const calldata = 4 * tokensOf(unhex(call.data as Hex));
      return { gas: (await gasOf(call, 0)) - 21_000 - calldata, calldata };
    };
    const [theirs, ours] = [await pricesOf(eas), await pricesOf(waybill)];
    const ratio = ratioOf(theirs.gas, ours.gas);
    return {
      row: { name, what, items: 1, eas: theirs.gas, waybill: ours.gas, ratio },
      calldata: { eas: theirs.calldata, waybill: ours.calldata },
    };
  }

  const work: Work[] = [];
  work.push(await both(["register", "a schema of 33 bytes"], 1, (side) => side.register(DEFINITION)));
  for (const size of [32, 64, 256, 1024]) {
    const [item] = itemsOf(`attest ${size}`, 1, size) as [Item];
    work.push(await both([`attest ${size} B`, "one in a transaction"], 1, (side) => side.attest(item)));
  }
  for (const count of [10, 50, 100]) {
    const items = itemsOf(`record ${count}`, count);
    work.push(
      await both([`record ${count}`, `${count} in a transaction`], count, (side) => side.record(items)),
    );
  }

  const sealing = waybill.seal(itemsOf("seal 100", 100));
  work.push(alone(["seal 100", "100 in a transaction and one root"], 100, await gasOf(sealing)));
  work.push(alone(["seal 100 floor", "what that calldata costs at least"], 100, floorOf(sealing)));
  const anchoring = waybill.anchor(itemsOf("anchor", 100));
  work.push(alone(["anchor", "a root alone, whatever it holds"], 1, await gasOf(anchoring)));

  work.push(await revocation(1), await revocation(50));

  // EAS counts the signatures of an issuer, and the first one makes the counter. Neither side's batch is its first.
  for (const side of [eas, waybill]) await chain.mine(await side.recordSigned(itemsOf("signed before", 1)));
  const signed = itemsOf("signed 50", 50);
  work.push(
    await both(["signed 50", "50 in a transaction of a relayer"], 50, (side) => side.recordSigned(signed)),
  );

  const read = await reading(["read 64 B", "inside a contract that depends on it"]);
  work.push(read.row);

  const [theirs, ours] = [await largest(chain, eas), await largest(chain, waybill)];
  return {
    work,
    readCalldata: read.calldata,
    largest: {
      name: "largest batch under 2^24 gas",
      what: "of 64 B",
      eas: theirs,
      waybill: ours,
      ratio: ratioOf(ours, theirs),
    },
    timestamp: await gasOf(eas.timestamp(hex(randomOf("bench: timestamp").bytes(32)))),
  };
}

type Title = [name: string, what: string];

/** How many items of 64 bytes a transaction records with the gas that Ethereum gives one. */
async function largest(chain: Chain, side: Registry): Promise<number> {
  const items = itemsOf("largest", 4096);
  const fits = (count: number) => chain.fitsIn(TRANSACTION_GAS_CAP, side.record(items.slice(0, count)));
  let [enough, tooMany] = [0, 1];
  while (await fits(tooMany)) [enough, tooMany] = [tooMany, 2 * tooMany];
  while (tooMany - enough > 1) {
    const middle = Math.floor((enough + tooMany) / 2);
    if (await fits(middle)) enough = middle;
    else tooMany = middle;
  }
  return enough;
}

/** EIP-7623: no transaction with this calldata costs less, whatever it does. */
function floorOf({ data }: Call): number {
  return 21_000 + 10 * tokensOf(unhex(data as Hex));
}

function ratioOf(more: number, less: number): number {
  return Number((more / less).toFixed(2));
}
