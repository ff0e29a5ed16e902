import type { AddressInfo } from "node:net";
import { LOCAL_CHAIN_ID } from "../../chain/embedded.js";
import { networkOf } from "../../chain/networks.js";
import { chainOf } from "../../chain/node.js";
import { WaybillError } from "../../errors.js";
import type { Key } from "../../key.js";
import { holdError } from "../../lane/lane.js";
import { deployRegistries } from "../../sdk/deploy.js";
import { payerOf } from "../../sdk/transact.js";
import { pause } from "../../submitter/loop.js";
import { createSubmitter, isDone } from "../../submitter/submitter.js";
import { usage } from "../arguments.js";
import { type Keys, loadKeys, localKey } from "../keys.js";
import { errorText, type Result, table } from "../output.js";
import { serveRpc } from "../rpcServer.js";
import {
  type CommonOptions,
  type Connection,
  hasOpenJobs,
  openOwnChain,
  openStore,
  registryOf,
  stopSignal,
} from "../session.js";

/** An embedded chain on loopback with both registries, and a submitter that finishes what was left unfinished. */
export async function dev(options: CommonOptions & { port: string }): Promise<Result> {
  const port = readPort(options.port);
  const signal = stopSignal();
  const embedded = await openOwnChain(options);
  const chain = chainOf(embedded.request);
  const network = networkOf("local");
  const { schemaRegistry, attestationRegistry } = await deployRegistries(
    chain,
    payerOf(chain, localKey(1)),
    network.pollMs,
  );
  const server = await serveRpc(embedded.request, port);
  const place = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const nodes = [{ name: place, request: embedded.request }];
  const connection: Connection = {
    ...{ chain, network, chainId: LOCAL_CHAIN_ID, place, nodes },
    close: async () => {},
  };
  const keys = await loadKeys({}, LOCAL_CHAIN_ID);

  const lines = [
    "a chain of your own is running; ^C ends it, and the next start goes on where it was",
    table([
      ["node", `${place} (chain ${LOCAL_CHAIN_ID})`],
      ["SchemaRegistry", schemaRegistry],
      ["AttestationRegistry", attestationRegistry],
      ["issuer", ownerText(keys.issuer, 0)],
      ["lane", ownerText(keys.lane, 1)],
      ["data", options.data],
    ]),
  ];
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify({ url: place, chainId: Number(LOCAL_CHAIN_ID), schemaRegistry, attestationRegistry })}\n`
      : `${lines.join("\n")}\n`,
  );

  let said = "";
  const say = (text: string) => {
    // Every second is too often to hear the same.
    if (text !== said) process.stderr.write(`${text}\n`);
    said = text;
  };
  while (!signal.aborted) {
    await finishOpenJobs(connection, options, keys, signal).catch((error: unknown) => {
      // Another command holds the store and does the work itself.
      if (error instanceof WaybillError && error.code === "E_STORE_HELD") return;
      say(errorText(error));
    });
    await pause(1_000, signal);
  }
  await new Promise((resolve) => server.close(resolve));
  await embedded.close();
  // The one document of --json has been printed when the chain was ready.
  return { text: options.json === true ? "" : "stopped", data: undefined };
}

function readPort(text: string): number {
  if (/^[0-9]{1,5}$/.test(text) && Number(text) < 65_536) return Number(text);
  throw usage(
    `--port ${JSON.stringify(text)} is not a port`,
    "use a number from 0, which takes any free one, to 65535",
  );
}

function ownerText(key: Key, account: number): string {
  const own =
    key.address === localKey(account).address ? `public development account ${account}` : "your key";
  return `${key.address} (${own})`;
}

/** Takes the store only while there is something to finish, so that other commands can have it. */
async function finishOpenJobs(
  connection: Connection,
  options: CommonOptions,
  keys: Keys,
  signal: AbortSignal,
): Promise<void> {
  if (!(await hasOpenJobs(connection, options))) return;
  const registry = await registryOf(connection, options);
  const store = await openStore(connection, registry, options);
  try {
    for (const job of await store.jobs()) {
      const mine = job.attester === keys.issuer.address && job.state === "open";
      if (!mine || isDone(await store.counts(job.id), "final")) continue;
      const submitter = await createSubmitter({
        store,
        chain: connection.chain,
        registry,
        issuer: keys.issuer,
        lanes: keys.lanes,
        pollMs: connection.network.pollMs,
        patienceMs: 5_000,
        finalDepth: connection.network.finalDepth,
        outageMs: 60_000,
      });
      const outcome = await submitter.run(job.id, { until: "final", signal });
      if (outcome.kind === "held") throw holdError(outcome.hold);
      if (outcome.kind === "done") process.stderr.write(`finished job ${job.id}: ${job.name}\n`);
    }
  } finally {
    await store.close();
  }
}
