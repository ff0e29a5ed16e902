import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** One question on its way to the node. */
export type Question = { method: string; params: readonly unknown[]; path: string };

/**
 * What becomes of a question. `forward` asks the node and gives its whole answer; what is returned is the answer, and
 * null hangs up without one.
 */
export type Between = (question: Question, forward: () => Promise<string>) => Promise<string | null>;

export type HttpProxy = {
  url: string;
  /** methods in the order in which they were asked */
  asked: string[];
  /** for all questions from now on; null: everything passes */
  between(what: Between | null): void;
  close(): Promise<void>;
};

/** A JSON-RPC node on loopback that hands every question to another one. */
export async function startHttpProxy(node: string): Promise<HttpProxy> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  let between: Between | null = null;
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const body = await bodyOf(incoming);
      const { method, params } = JSON.parse(body) as Question;
      asked.push(method);
      const forward = async () => {
        const headers = { "content-type": "application/json" };
        return (await fetch(node, { method: "POST", body, headers })).text();
      };
      const question = { method, params, path: incoming.url ?? "" };
      const answer = between === null ? await forward() : await between(question, forward);
      if (answer === null) return outgoing.destroy();
      outgoing.setHeader("content-type", "application/json");
      return outgoing.end(answer);
    })().catch(() => outgoing.destroy());
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    between: (what) => void (between = what),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

export function refusal(code: number, message: string): string {
  return JSON.stringify({ jsonrpc: "2.0", id: 1, error: { code, message } });
}
