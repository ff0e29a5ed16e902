import { createRequire } from "node:module";
import { JsonRpcProvider, Wallet } from "ethers";
import { hex, ZERO_WORD } from "../../src/hex.js";
import { itemsOf } from "../items.js";
import type { Prepare } from "../throughput/contender.js";

// As an ES module the SDK throws while it is imported: it asks lodash, which is CommonJS, for a named export.
const require = createRequire(import.meta.url);
const { EAS } =
  require("@ethereum-attestation-service/eas-sdk") as typeof import("@ethereum-attestation-service/eas-sdk");

/** By the SDK's own documentation, 100 at a time. */
export const multiAttest: Prepare = async ({
  url,
  keys,
  contract,
  schema,
  variant,
  items: count,
  pollMs,
}) => {
  const wallet = new Wallet(keys[0]!, new JsonRpcProvider(url, undefined, { pollingInterval: pollMs }));
  const eas = new EAS(contract).connect(wallet);
  const items = itemsOf(variant, count).map(({ recipient, revocable, data }) => ({
    recipient,
    expirationTime: 0n,
    revocable,
    refUID: ZERO_WORD,
    data: hex(data),
    value: 0n,
  }));
  return {
    async run() {
      for (let start = 0; start < items.length; start += 100) {
        const sent = await eas.multiAttest([{ schema, data: items.slice(start, start + 100) }]);
        await sent.wait();
      }
    },
  };
};
