// `child.mjs FILE SCHEMA URL FOLDER`: what `waybill submit FILE` and then `waybill report` do, by the built code, in one
// process; and how much memory that took.
import { createWriteStream, readFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { report } from "../../dist/cli/commands/jobs.js";
import { submit } from "../../dist/cli/commands/submit.js";

const [file, schema, rpcUrl, folder] = process.argv.slice(2);
const common = { data: join(folder, "data"), rpcUrl: [rpcUrl], quiet: true };
const options = { ...common, schema, level: "seal", until: "final" };
const start = performance.now();

const { text, exit } = await submit(file, options);
if ((exit ?? 0) !== 0) throw new Error(text);

const output = createWriteStream(join(folder, "report.txt"));
const { lines } = await report(undefined, options);
let count = 0;
for await (const chunk of lines) {
  count += chunk.split("\n").length;
  if (!output.write(`${chunk}\n`)) await once(output, "drain");
}
output.end();
await once(output, "close");

const seconds = (performance.now() - start) / 1000;
// Without the heading and the last line.
process.send({ bytes: peakBytes(), seconds, lines: count - 2 }, () => process.exit());

/**
 * The most that was resident at a time. getrusage's figure, which process.resourceUsage() gives, is not that of this
 * process on Linux: it begins with the peak of the one that started it.
 */
function peakBytes() {
  if (process.platform !== "linux") return process.resourceUsage().maxRSS * 1024;
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))[1]) * 1024;
}
