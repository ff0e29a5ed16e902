import { RpcError } from "../errors.js";
import type { Request } from "./http.js";

/** The one method of EIP-1193 that is used here. */
export type Provider = { request(question: { method: string; params: unknown[] }): Promise<unknown> };

/** Asks through a wallet or a chain in this process. Its refusals are RpcErrors as those of a node. */
export function requestOf(provider: Provider): Request {
  return async (method, params) => {
    try {
      return await provider.request({ method, params: [...params] });
    } catch (error) {
      const refusal = error as { code?: unknown; message?: string; data?: unknown };
      if (typeof refusal.code !== "number") throw error;
      throw new RpcError(refusal.code, refusal.message ?? "no message", refusal.data);
    }
  };
}
