// The command line from the repository: `npm run -s waybill -- --help`.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { makeReady, ROOT } from "./ready.mjs";

// npm runs scripts in the package; paths on the command line are meant from where the person stands.
const cwd = process.env.INIT_CWD ?? process.cwd();
const node = makeReady();
const child = spawn(node, [join(ROOT, "dist", "cli", "main.js"), ...process.argv.slice(2)], {
  stdio: "inherit",
  cwd,
});
// ^C reaches the child by itself, being of the same terminal; here it must only not end us first.
for (const name of ["SIGINT", "SIGTERM"]) process.on(name, () => name === "SIGTERM" && child.kill(name));
child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
