import { Contract, JsonRpcProvider, NonceManager, type Signer, Wallet } from "ethers";
import { packItems } from "../../src/attestation.js";
import { AttestationRegistry__factory } from "../../src/bindings/index.js";
import { hex, ZERO_WORD } from "../../src/hex.js";
import { itemsOf } from "../items.js";
import type { Prepare, Task } from "../throughput/contender.js";

/** ethers looks for a receipt every 4 s by itself: with blocks of a second that alone would make it four times slower. */
function walletOf({ url, keys, pollMs }: Task): Wallet {
  return new Wallet(keys[0]!, new JsonRpcProvider(url, undefined, { pollingInterval: pollMs }));
}

function methodOf(name: "attest" | "record", { contract }: Task, signer: Signer) {
  return new Contract(contract, AttestationRegistry__factory.abi, signer).getFunction(name);
}

/** What people do first. */
export const onePerTransaction: Prepare = async (task) => {
  const wallet = walletOf(task);
  const attest = methodOf("attest", task, wallet);
  const items = itemsOf(task.variant, task.items);
  return {
    async run() {
      for (const item of items) {
        const sent = await attest.send({ ...item, schema: task.schema, attester: wallet.address });
        await sent.wait();
      }
    },
  };
};

/** What they do next. */
export const sequentialBatches: Prepare = async (task) => {
  const wallet = walletOf(task);
  const record = methodOf("record", task, new NonceManager(wallet));
  const items = itemsOf(task.variant, task.items);
  const terms = {
    attester: wallet.address,
    schema: task.schema,
    stream: ZERO_WORD,
    position: 0,
    deadline: 0,
  };
  return {
    async run() {
      for (let start = 0; start < items.length; start += 50) {
        const sent = await record.send(terms, hex(packItems(items.slice(start, start + 50))), "0x");
        await sent.wait();
      }
    },
  };
};
