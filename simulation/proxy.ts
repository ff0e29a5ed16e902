import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** One question on its way to the node. */
export type Question = { id: unknown; method: string; params: readonly unknown[] };

/** What the asker gets: JSON-RPC, some other HTTP answer, or a connection that ends. */
export type Answer =
  | { kind: "result"; result: unknown }
  | { kind: "refusal"; code: number; message: string; data?: unknown }
  | { kind: "http"; status: number; type: string; body: string }
  | { kind: "hang up" };

export type Proxy = { url: string; close(): Promise<void> };

/** A node's HTTP front on loopback. Connections are kept, as nodes do: what waits on one dies with it. */
export async function startProxy(answer: (question: Question) => Promise<Answer>): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const question = JSON.parse(await bodyOf(incoming)) as Question;
      reply(outgoing, question, await answer(question));
    })().catch(() => outgoing.destroy());
  });
  server.keepAliveTimeout = 60_000;
  server.on("connection", (socket) => {
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function reply(outgoing: ServerResponse, { id }: Question, answer: Answer): void {
  if (answer.kind === "hang up") return void outgoing.destroy();
  if (answer.kind === "http") {
    outgoing.writeHead(answer.status, { "content-type": answer.type });
    return void outgoing.end(answer.body);
  }
  outgoing.writeHead(200, { "content-type": "application/json" });
  const { kind, ...rest } = answer;
  outgoing.end(JSON.stringify({ jsonrpc: "2.0", id, ...(kind === "result" ? rest : { error: rest }) }));
}

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
