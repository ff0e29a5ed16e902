// One life of a submitter, in a process of its own that may be killed at any moment. It is told all it needs in one
// argument and says on stdout how far it is, a line of JSON at a time.
import { admit } from "../src/admission/admit.js";
import type { Chain } from "../src/chain/chain.js";
import { httpRequest } from "../src/chain/http.js";
import { chainOf } from "../src/chain/node.js";
import { openRegistry, type Registry } from "../src/chain/registry.js";
import { WaybillError } from "../src/errors.js";
import { type Hex, hex, keccak } from "../src/hex.js";
import { openSqliteStore } from "../src/store/sqlite.js";
import type { AdmittedRow, Counts, Store } from "../src/store/store.js";
import { createSubmitter, type Submitter } from "../src/submitter/submitter.js";
import { type Break, broken } from "./broken.js";
import { DEFINITION, ISSUER, LANES, rowsOf } from "./items.js";

export type Task = {
  url: string;
  directory: string;
  registry: Hex;
  schema: Hex;
  seed: number;
  items: number;
  broken: Break | null;
};

/** `stopped`: for a reason that a person would have to know of, and may be gone at the next start. */
export type Report =
  | { kind: "progress"; counts: Counts; hold: string | null }
  | { kind: "done"; counts: Counts }
  | { kind: "stopped"; code: string; message: string };

const TIMEOUT_MS = 2_000;

function tell(report: Report): void {
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

function submitterOf(ports: { store: Store; chain: Chain; registry: Registry }): Promise<Submitter> {
  return createSubmitter({
    ...ports,
    issuer: ISSUER,
    lanes: LANES,
    patienceBlocks: 3,
    // Three transactions a block, of some fourteen items: nine are on their way at a time.
    limits: { share: 1, transactionGas: 450_000 },
    pollMs: 3,
    patienceMs: 60,
    finalDepth: 64,
    outageMs: 2_000,
  });
}

async function live(task: Task): Promise<void> {
  const node = chainOf(httpRequest(task.url, TIMEOUT_MS));
  const registry = await openRegistry(node, task.registry);
  const genesis = await node.block(0);
  if (genesis === null) throw new WaybillError("E_NODE", "the node does not know its first block");
  const disk = openSqliteStore(task.directory);
  await disk.bind({ chainId: registry.domain.chainId, genesis: genesis.hash, registry: task.registry });
  const job = await disk.openJob({
    key: hex(keccak(new TextEncoder().encode(`simulation ${task.seed} ${task.items}`))),
    act: "record",
    name: `seed ${task.seed}`,
    schema: task.schema,
    definition: DEFINITION,
    attester: ISSUER.address,
    reason: "",
    tenant: "",
    priority: "normal",
    refusals: "skip",
    flows: false,
  });
  if (job.state === "admitting") await admit(disk, job, rows(task, registry));

  const submitter = await submitterOf({ ...broken(task.broken, { store: disk, chain: node }), registry });
  let last = "";
  const outcome = await submitter.run(job.id, {
    until: "final",
    onProgress({ counts, hold }) {
      const report: Report = { kind: "progress", counts, hold: hold && `${hold.why}: ${hold.detail}` };
      const text = JSON.stringify(report);
      if (text !== last) tell(report);
      last = text;
    },
  });
  if (outcome.kind === "done") tell({ kind: "done", counts: await disk.counts(job.id) });
  if (outcome.kind === "held") {
    const { why, detail } = outcome.hold;
    tell({ kind: "stopped", code: `held: ${why}`, message: detail });
  }
  await disk.close();
}

async function* rows(task: Task, registry: Registry): AsyncGenerator<AdmittedRow> {
  yield* rowsOf(task.seed, task.items, registry.separator, task.schema);
}

try {
  await live(JSON.parse(process.argv[2]!) as Task);
  process.exit(0);
} catch (error) {
  // Anything else is a fault of ours, and ends the process as such.
  if (!(error instanceof WaybillError)) throw error;
  tell({ kind: "stopped", code: error.code, message: error.message });
  process.exit(75);
}
