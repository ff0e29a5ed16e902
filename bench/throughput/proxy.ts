import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

export type CountingProxy = {
  url: string;
  /** questions that passed since the last call; each element of a JSON-RPC batch is one */
  take(): number;
  close(): Promise<void>;
};

const METHOD = Buffer.from('"method"');

/**
 * A node's URL that counts what is asked. Bodies are streamed and not parsed: they are up to a megabyte of hex, in
 * which the word that is counted cannot occur, and the contender shares its processors with this process.
 */
export async function startCountingProxy(node: string): Promise<CountingProxy> {
  const { hostname, port } = new URL(node);
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  let asked = 0;
  const server = createServer((incoming, outgoing) => {
    const { connection: _, host: __, ...headers } = incoming.headers;
    const { method, url: path } = incoming;
    const onward = request({ agent, hostname, port, method, path, headers }, (answer) => {
      const { connection: _, "keep-alive": __, ...headers } = answer.headers;
      outgoing.writeHead(answer.statusCode ?? 502, headers);
      answer.pipe(outgoing);
      answer.on("error", () => outgoing.destroy());
    });
    onward.on("error", () => outgoing.destroy());
    const count = questionCounter();
    incoming.on("data", (chunk: Buffer) => (asked += count(chunk)));
    incoming.pipe(onward);
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take() {
      const count = asked;
      asked = 0;
      return count;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        agent.destroy();
      }),
  };
}

/** @returns for each chunk of a body how many questions it completes */
export function questionCounter(): (chunk: Buffer) => number {
  const most = METHOD.length - 1;
  let tail: Buffer = Buffer.alloc(0);
  return (chunk) => {
    // What begins before this chunk and ends in it: neither side holds all of it.
    const seam = Buffer.concat([tail, chunk.subarray(0, most)]);
    const count = occurrences(seam) + occurrences(chunk);
    tail = Buffer.concat([tail, chunk.subarray(-most)]).subarray(-most);
    return count;
  };
}

function occurrences(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(METHOD); at !== -1; at = bytes.indexOf(METHOD, at + METHOD.length)) count += 1;
  return count;
}
