import { createPublicClient, createWalletClient, http } from "viem";
import { nonceManager, privateKeyToAccount } from "viem/accounts";
import { foundry } from "viem/chains";
import { packItems } from "../../src/attestation.js";
import { AttestationRegistry__factory } from "../../src/bindings/index.js";
import { hex, ZERO_WORD } from "../../src/hex.js";
import { itemsOf } from "../items.js";
import type { Prepare } from "../throughput/contender.js";

const WORKERS = 8;

/** As many batches are on their way at a time as there are workers; each worker awaits its own. */
export const parallelBatches: Prepare = async ({
  url,
  keys,
  contract,
  schema,
  variant,
  items: count,
  pollMs,
}) => {
  const account = privateKeyToAccount(keys[0]!, { nonceManager });
  const common = { chain: foundry, transport: http(url), pollingInterval: pollMs };
  const wallet = createWalletClient({ ...common, account });
  const node = createPublicClient(common);
  const items = itemsOf(variant, count);
  const terms = { attester: account.address, schema, stream: ZERO_WORD, position: 0n, deadline: 0 };
  let start = 0;
  const work = async () => {
    while (start < items.length) {
      const batch = items.slice(start, start + 50);
      start += batch.length;
      const hash = await wallet.writeContract({
        address: contract,
        abi: AttestationRegistry__factory.abi,
        functionName: "record",
        args: [terms, hex(packItems(batch)), "0x"],
      });
      const { status } = await node.waitForTransactionReceipt({ hash });
      if (status !== "success") throw new Error(`${hash} failed`);
    }
  };
  return {
    async run() {
      await Promise.all(Array.from({ length: WORKERS }, work));
    },
  };
};
