import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { httpRequest, type Request } from "../../src/chain/http.js";

export type Anvil = { url: string; request: Request; stop(): Promise<void> };

const BINARY = fileURLToPath(new URL("../../node_modules/.bin/anvil", import.meta.url));

/**
 * A real node on loopback and a free port. Without arguments it mines each transaction at once; `--no-mining` leaves
 * that to `evm_mine`. `--slots-in-an-epoch 1` is set unless another is given: finality tags follow the head closely.
 */
export async function startAnvil(...args: string[]): Promise<Anvil> {
  if (!existsSync(BINARY)) {
    throw new Error(
      "anvil is missing: run `npm ci` (on other systems than x64 Linux, put anvil in node_modules/.bin)",
    );
  }
  const port = await freePort();
  const child = spawn(
    BINARY,
    [
      "--host",
      "127.0.0.1",
      "--port",
      String(port),
      ...(args.includes("--slots-in-an-epoch") ? [] : ["--slots-in-an-epoch", "1"]),
      "--enable-tx-gas-limit",
      ...args,
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  await listening(child);
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    request: httpRequest(url),
    stop: () =>
      new Promise((resolve) => {
        child.once("exit", () => resolve());
        child.kill("SIGKILL");
      }),
  };
}

/** Resolves on the line that anvil prints when it accepts connections. */
function listening(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let printed = "";
    const read = (chunk: Buffer) => {
      printed += chunk.toString();
      if (printed.includes("Listening on")) resolve();
    };
    child.stdout!.on("data", read);
    child.stderr!.on("data", read);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`anvil ended with ${code}: ${printed}`)));
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
