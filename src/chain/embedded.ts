import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, truncateSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { RpcError, WaybillError } from "../errors.js";
import type { Request } from "./http.js";
import { requestOf } from "./provider.js";

/** Chain id of local development chains. */
export const LOCAL_CHAIN_ID = 31337n;

/** The public development phrase whose accounts every local chain funds. Worth nothing anywhere else. */
export const LOCAL_PHRASE = "test test test test test test test test test test test junk";

export type EmbeddedChain = { request: Request; close(): Promise<void> };

/** Fixed, so that a chain that is replayed has the same blocks, hash for hash. */
const GENESIS_TIME = "2025-01-01T00:00:00Z";

/**
 * A chain in this process: Hardhat's, one block a transaction. With a `journal` it outlives the process: every
 * transaction is written there with its time and played again on the next start. `readOnly` plays it and writes nothing.
 * @throws WaybillError E_HARDHAT_MISSING where hardhat is not installed: it is a development tool, not a dependency
 */
export async function openEmbeddedChain(
  options: { journal?: string; readOnly?: boolean } = {},
): Promise<EmbeddedChain> {
  const { createHardhatRuntimeEnvironment } = await import("hardhat/hre").catch((cause: unknown) => {
    throw new WaybillError("E_HARDHAT_MISSING", "the embedded chain needs hardhat, which is not installed", {
      mend: "npm install --save-dev hardhat, or name a node with --rpc-url",
      cause,
    });
  });
  const settings = {
    networks: {
      embedded: {
        type: "edr-simulated" as const,
        chainType: "l1" as const,
        chainId: Number(LOCAL_CHAIN_ID),
        initialDate: GENESIS_TIME,
        initialBaseFeePerGas: 1_000_000_000,
        allowBlocksWithSameTimestamp: true,
        // A transaction that fails is in its block all the same: an error instead would keep it out of the journal.
        throwOnTransactionFailures: false,
      },
    },
  };
  // Hardhat wants the folder of some package; the caller's working directory need not be in one.
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const hardhat = await createHardhatRuntimeEnvironment(settings, {}, root);
  const { provider } = await hardhat.network.create("embedded");
  const ask = requestOf(provider);
  const mine = async ({ time, raw }: JournalEntry) => {
    await ask("evm_setNextBlockTimestamp", [time]);
    return ask("eth_sendRawTransaction", [raw]);
  };

  /** Senders take turns, or one's time would be set for another's block and the journal would tell it wrong. */
  let turn: Promise<unknown> = Promise.resolve();
  let lastTime = Math.floor(Date.parse(GENESIS_TIME) / 1000);
  const journal = options.journal;
  if (journal !== undefined) {
    if (options.readOnly !== true) mkdirSync(dirname(journal), { recursive: true });
    for (const entry of readJournal(journal, options.readOnly === true)) {
      await mine(entry);
      lastTime = entry.time;
    }
  }

  return {
    async request(method, params) {
      if (journal !== undefined && UNWRITTEN.test(method)) {
        throw new RpcError(-32601, `${method} is not supported: ${UNWRITTEN_WHY}`, undefined);
      }
      if (method !== "eth_sendRawTransaction" || options.readOnly === true) return ask(method, params);
      const mined = turn.then(async () => {
        const entry = { time: Math.max(Math.floor(Date.now() / 1000), lastTime), raw: String(params[0]) };
        const hash = await mine(entry);
        lastTime = entry.time;
        if (journal !== undefined) appendFileSync(journal, `${JSON.stringify(entry)}\n`);
        return hash;
      });
      turn = mined.catch(() => {});
      return mined;
    },
    close: () => provider.close?.() ?? Promise.resolve(),
  };
}

/** What changes a chain and is not in its journal: the next start would play a chain that never was. */
const UNWRITTEN = /^(eth_sendTransaction|evm_\w+|hardhat_(set|mine|reset|drop)\w*)$/;
const UNWRITTEN_WHY =
  "this chain is kept as its signed transactions; sign, and send with eth_sendRawTransaction";

type JournalEntry = { time: number; raw: string };

function readJournal(file: string, readOnly: boolean): JournalEntry[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  // A line that was cut off belongs to a transaction whose sender got no answer; the submitter sends it again. It is
  // taken out of the file, or the next line would be written behind it.
  const cut = Buffer.byteLength(lines.pop() ?? "");
  if (cut > 0 && !readOnly) truncateSync(file, statSync(file).size - cut);
  return lines.map((line) => JSON.parse(line) as JournalEntry);
}
