/** The process of one contender: `child.ts MODULE NAME`. Nothing else runs in it, so that its CPU time is its own. */
import type { Prepare, Ready, Report, Task } from "./contender.js";

const [module, name] = process.argv.slice(2) as [string, string];

let ready: Ready | undefined;

process.on("message", (message: { task: Task } | "go" | "finish") => {
  const step = message === "go" ? go() : message === "finish" ? finish() : prepare(message.task);
  step.catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  });
});
// The bench is gone, and nobody asks for the result.
process.on("disconnect", () => process.exit(1));

async function prepare(task: Task): Promise<void> {
  const contenders = (await import(module)) as { [name: string]: Prepare };
  ready = await contenders[name]!(task);
  tell({ kind: "ready" });
}

async function go(): Promise<void> {
  const before = process.cpuUsage();
  await ready!.run();
  const { user, system } = process.cpuUsage(before);
  tell({ kind: "done", cpuMs: (user + system) / 1000 });
}

async function finish(): Promise<void> {
  await ready!.finish?.();
  process.send!({ kind: "finished" } satisfies Report, () => process.exit(0));
}

function tell(report: Report): void {
  process.send!(report);
}
