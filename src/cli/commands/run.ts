import { isDone, type Until } from "../../submitter/submitter.js";
import { usage } from "../arguments.js";
import { loadKeys } from "../keys.js";
import { counted, type ExitCode, progressOf, type Result } from "../output.js";
import { type CommonOptions, confirm, connect, openStore, registryOf, stopSignal } from "../session.js";
import { driveJobs, type Finished, finishedData, finishedOf, finishedText } from "../work.js";

/**
 * Sends what earlier commands have admitted, each job on the terms that it was given: tenants share what blocks have
 * room for, and the jobs of each by their priorities.
 */
export async function run(options: CommonOptions & { until: string; lanes?: string }): Promise<Result> {
  if (!["included", "safe", "final"].includes(options.until))
    throw usage(`--until ${options.until} is not a stage`, "use included, safe or final");
  const until = options.until as Until;
  const signal = stopSignal();
  const progress = progressOf(options);
  const connection = await connect(options, "write");
  try {
    const registry = await registryOf(connection, options);
    const keys = await loadKeys(options, connection.chainId);
    const store = await openStore(connection, registry, options);
    try {
      const open: number[] = [];
      for (const job of await store.jobs()) {
        const isMine = job.attester === keys.issuer.address && job.state === "open";
        if (isMine && !isDone(await store.counts(job.id), until)) open.push(job.id);
      }
      if (open.length > 0)
        await confirm(connection, options, `sending what ${counted(open.length, "job")} may cost`);
      await driveJobs({ connection, registry, store, keys, signal, progress }, open, until);
      const finished: Finished[] = [];
      for (const id of open) finished.push(await finishedOf(store, (await store.job(id))!, until));
      const worst: ExitCode[] = [130, 1, 6];
      const exit = worst.find((code) => finished.some((one) => one.exit === code)) ?? 0;
      const next = (one: (typeof finished)[number]) =>
        one.exit === 130 ? "run again to go on" : `every row: waybill report ${one.job.id}`;
      return {
        text:
          finished.length === 0
            ? "nothing is left to send"
            : finished.map((one) => finishedText(one, next(one))).join("\n\n"),
        data: { jobs: finished.map(finishedData) },
        exit,
      };
    } finally {
      progress.end();
      await store.close();
    }
  } finally {
    await connection.close();
  }
}
