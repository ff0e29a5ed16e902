import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Level, packedSize, uidOf } from "../../src/attestation.js";
import { httpRequest } from "../../src/chain/http.js";
import { chainOf } from "../../src/chain/node.js";
import { openRegistry } from "../../src/chain/registry.js";
import { hex, keccak, ZERO_WORD } from "../../src/hex.js";
import { type Key, keyOf } from "../../src/key.js";
import { openSqliteStore } from "../../src/store/sqlite.js";
import { createSubmitter, type SubmitterOptions } from "../../src/submitter/submitter.js";
import { itemsOf } from "../items.js";
import { DEFINITION } from "../work.js";
import type { Prepare, Task } from "./contender.js";

export const record = backlogAt("record");
export const seal = backlogAt("seal");

/** The store's folder is on a disk, as a user's is: each signature waits until it is there. */
function backlogAt(act: Level): Prepare {
  return async (task) => {
    const [issuer, ...lanes] = task.keys.map((key) => keyOf(key, "the benchmark"));
    const chain = chainOf(httpRequest(task.url));
    const registry = await openRegistry(chain, task.contract);
    const directory = await mkdtemp(join(tmpdir(), "waybill-bench-"));
    const store = openSqliteStore(directory);
    const genesis = (await chain.block(0))!.hash;
    await store.bind({ ...registry.domain, genesis });
    const { id } = await store.openJob({
      key: hex(keccak(new TextEncoder().encode(task.variant))),
      act,
      name: task.variant,
      schema: task.schema,
      definition: DEFINITION,
      attester: issuer!.address,
      reason: "",
      tenant: "",
      priority: "normal",
      refusals: "skip",
      flows: false,
    });
    const said = { schema: task.schema, attester: issuer!.address };
    const items = itemsOf(task.variant, task.items);
    for (let start = 0; start < items.length; start += 1_000) {
      const page = items.slice(start, start + 1_000).map((item, index) => {
        const uid = uidOf(registry.separator, { ...item, ...said });
        return {
          kind: "item" as const,
          line: start + index + 1,
          uid,
          item,
          size: packedSize(item),
          stream: ZERO_WORD,
        };
      });
      await store.admit(id, page);
    }
    await store.release(id);
    const submitter = await createSubmitter({ store, chain, registry, ...settingsOf(task, issuer!, lanes) });

    return {
      async run() {
        const outcome = await submitter.run(id, { until: "included" });
        if (outcome.kind !== "done") throw new Error(`not done: ${JSON.stringify(outcome)}`);
      },
      async finish() {
        await submitter.run(id, { until: "final" });
        const { verified } = await store.counts(id);
        await store.close();
        await rm(directory, { recursive: true });
        if (verified !== task.items) throw new Error(`${verified} of ${task.items} items are verified`);
      },
    };
  };
}

type Settings = Omit<SubmitterOptions, "store" | "chain" | "registry">;

function settingsOf({ pollMs }: Task, issuer: Key, lanes: readonly Key[]): Settings {
  return {
    issuer,
    lanes: [...lanes],
    limits: { share: 1 },
    pollMs,
    patienceMs: 30_000,
    finalDepth: 0,
    outageMs: 30_000,
  };
}
