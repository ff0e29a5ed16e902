/**
 * Everything that needs a person is thrown as a WaybillError; what the pipeline expects is a value, and what
 * cannot happen is a plain Error. The message says place and cause, `mend` says what to do about it.
 */
export class WaybillError extends Error {
  readonly code: string;
  readonly mend: string | undefined;

  /**
   * @param code stable, upper case, starts with `E_`: what programs match on
   * @param problem the place and the cause, one sentence
   * @param more `mend`: what a person does now; `cause`: the error underneath, never shown without masking
   */
  constructor(code: `E_${string}`, problem: string, more: { mend?: string; cause?: unknown } = {}) {
    super(problem, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = "WaybillError";
    this.code = code;
    this.mend = more.mend;
  }
}

/** A node's JSON-RPC error, as it came. */
export class RpcError extends Error {
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, data: unknown) {
    super(message);
    this.name = "RpcError";
    this.code = code;
    this.data = data;
  }
}
