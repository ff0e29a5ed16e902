import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Request } from "../chain/http.js";
import { RpcError, WaybillError } from "../errors.js";

type Question = { id?: unknown; method?: unknown; params?: unknown };

const LARGEST_BODY = 4 * 2 ** 20; // bytes

/** Serves a chain over JSON-RPC on loopback. @throws WaybillError E_USAGE if the port is taken */
export async function serveRpc(request: Request, port: number): Promise<Server> {
  const server = createServer((incoming, outgoing) => {
    // Pages may ask it, as they may ask other nodes for development: it signs for nobody, and its keys are public.
    outgoing.setHeader("access-control-allow-origin", "*");
    outgoing.setHeader("access-control-allow-headers", "content-type");
    if (incoming.method === "OPTIONS") return void outgoing.end();
    void readBody(incoming)
      .then((body) => answerBody(request, body))
      .catch((error: unknown) => ({
        jsonrpc: "2.0",
        id: null,
        error: { code: -32700, message: String(error) },
      }))
      .then((answer) => {
        outgoing.setHeader("content-type", "application/json");
        outgoing.end(JSON.stringify(answer));
      });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) =>
      reject(
        new WaybillError("E_USAGE", `port ${port} cannot be listened on: ${cause.code}`, {
          mend: "end what listens there, or choose another with --port",
        }),
      ),
    );
    server.listen(port, "127.0.0.1", resolve);
  });
  return server;
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    size += (chunk as Buffer).length;
    if (size > LARGEST_BODY) throw new Error("the request is too large");
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function answerBody(request: Request, body: string): Promise<unknown> {
  const questions = JSON.parse(body) as Question | Question[];
  if (!Array.isArray(questions)) return answer(request, questions);
  const answers: unknown[] = [];
  for (const question of questions) answers.push(await answer(request, question));
  return answers;
}

async function answer(request: Request, question: Question): Promise<unknown> {
  const id = question.id ?? null;
  try {
    const params = Array.isArray(question.params) ? (question.params as unknown[]) : [];
    return { jsonrpc: "2.0", id, result: await request(String(question.method), params) };
  } catch (error) {
    const refusal = error instanceof RpcError ? error : new RpcError(-32603, String(error), undefined);
    return {
      jsonrpc: "2.0",
      id,
      error: { code: refusal.code, message: refusal.message, data: refusal.data },
    };
  }
}
