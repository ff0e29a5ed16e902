import { packedSize } from "../../src/attestation.js";
import { gasOf, mannerOf, TRANSACTION_GAS_CAP, workOf } from "../../src/gas.js";
import { ZERO_WORD } from "../../src/hex.js";
import { itemsOf } from "../items.js";

/** So many items, and the gas that they take: by the same model that the product plans with. */
export type Job = {
  items: number;
  /** of all items, without what each transaction takes besides */
  gas: number;
  /** of one item */
  each: number;
  /** of the items that gas has room for */
  useful(gas: number): number;
  itemsIn(gas: number): number;
  gasFor(items: number): number;
};

/** Items of 64 bytes at level record, signed by an issuer who does not pay for gas. */
export function jobOf(items: number): Job {
  const manner = mannerOf("record", true, ZERO_WORD);
  const [size] = itemsOf("price", 1).map(packedSize);
  const gasFor = (count: number) =>
    gasOf(
      workOf(
        manner,
        Array.from({ length: count }, () => size!),
      ),
    );
  const overhead = gasFor(0);
  const each = (gasFor(200) - overhead) / 200;
  const transactions = (gas: number) => Math.ceil(gas / TRANSACTION_GAS_CAP);
  const useful = (gas: number) => Math.max(0, gas - overhead * transactions(gas));
  return {
    items,
    each,
    gas: items * each,
    useful,
    itemsIn: (gas) => Math.floor(useful(gas) / each + 1e-6),
    gasFor(count) {
      if (count === 0) return 0;
      let gas = Math.ceil(count * each + overhead);
      gas = Math.ceil(count * each + overhead * transactions(gas));
      return Math.ceil(count * each + overhead * transactions(gas));
    },
  };
}
