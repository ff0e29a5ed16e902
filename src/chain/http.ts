import { RpcError, WaybillError } from "../errors.js";

/** Asks a node one question. Throws RpcError if it refuses, WaybillError E_NODE if no usable answer came. */
export type Request = (method: string, params: readonly unknown[]) => Promise<unknown>;

/**
 * JSON-RPC over HTTP, one question a request, no retries of its own: whether a question may be asked twice is for the
 * caller to know.
 * @param timeoutMs from question to whole answer
 */
export function httpRequest(url: string, timeoutMs = 20_000): Request {
  let id = 0;
  const place = maskUrl(url);
  const { target, headers } = splitCredentials(url);
  return async (method, params) => {
    id += 1;
    const body = JSON.stringify({ jsonrpc: "2.0", id, method, params });
    let status: number;
    let text: string;
    try {
      const response = await fetch(target, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body,
        signal: AbortSignal.timeout(timeoutMs),
      });
      status = response.status;
      text = await response.text();
    } catch (error) {
      throw noAnswer(place, reasonOf(error, timeoutMs));
    }
    // Also with JSON-RPC in the body: it is about the asker, or the node's house, and not about the question.
    if (status === 429 || status === 502 || status === 503 || status === 504) {
      throw noAnswer(place, `HTTP ${status}`);
    }
    let answer: { result?: unknown; error?: { code?: number; message?: string; data?: unknown } };
    try {
      answer = JSON.parse(text) as typeof answer;
    } catch {
      throw noAnswer(place, `HTTP ${status} without JSON`);
    }
    if (answer === null || typeof answer !== "object")
      throw noAnswer(place, `HTTP ${status} without JSON-RPC`);
    if (answer.error !== undefined && answer.error !== null) {
      throw new RpcError(answer.error.code ?? 0, answer.error.message ?? "no message", answer.error.data);
    }
    if (answer.result === undefined) throw noAnswer(place, `HTTP ${status} without a result`);
    return answer.result;
  };
}

/** fetch refuses a URL with a name and password in it; they are a header in truth. */
function splitCredentials(url: string): { target: string; headers: { authorization?: string } } {
  const parsed = new URL(url);
  if (parsed.username === "" && parsed.password === "") return { target: url, headers: {} };
  const pair = `${decodeURIComponent(parsed.username)}:${decodeURIComponent(parsed.password)}`;
  parsed.username = "";
  parsed.password = "";
  // Not Buffer, which a browser has not got; `btoa` takes bytes as characters.
  const bytes = String.fromCharCode(...new TextEncoder().encode(pair));
  return { target: parsed.href, headers: { authorization: `Basic ${btoa(bytes)}` } };
}

/** Scheme, host and port: paths, queries and user names of node URLs hold keys. */
export function maskUrl(url: string): string {
  if (!URL.canParse(url)) return "(not a URL)";
  const { protocol, host, pathname, search, username } = new URL(url);
  return `${protocol}//${host}${pathname.length > 1 || search !== "" || username !== "" ? "/…" : ""}`;
}

function noAnswer(place: string, reason: string): WaybillError {
  return new WaybillError("E_NODE", `the node at ${place} does not answer: ${reason}`, {
    mend: "check that it runs and that the URL is right (--rpc-url, WAYBILL_RPC_URL); nothing is lost, run again later",
  });
}

/** undici hides the reason one or two causes down. */
function reasonOf(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === "TimeoutError") return `nothing within ${timeoutMs / 1000} s`;
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const code = (cause as { code?: unknown }).code;
    if (typeof code === "string") return code;
  }
  return error instanceof Error ? error.name : "unknown reason";
}
