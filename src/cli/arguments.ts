import { parseUnits } from "ethers";
import { type Level, LEVELS } from "../attestation.js";
import type { Registry, RegisteredSchema } from "../chain/registry.js";
import { WaybillError } from "../errors.js";
import { type Hex, ZERO_ADDRESS } from "../hex.js";
import { type Goal, type Mode, MODES } from "../pace.js";
import { parseSchema, readText, schemaId } from "../schema.js";

export function usage(problem: string, mend?: string): WaybillError {
  return new WaybillError("E_USAGE", problem, mend === undefined ? {} : { mend });
}

export function readUid(text: string): Hex {
  if (/^0x[0-9a-fA-F]{64}$/.test(text)) return text.toLowerCase() as Hex;
  throw usage(`${JSON.stringify(text)} is not a uid`, "a uid is 0x and 64 hex digits");
}

/** What the system says of a file that cannot be read. */
export function unreadable(file: string, cause: unknown): WaybillError {
  const code = (cause as NodeJS.ErrnoException).code ?? "unreadable";
  return new WaybillError("E_FILE_OPEN", `${file} cannot be read: ${code}`, {
    mend: "check the path, and that you may read the file",
  });
}

/** @throws WaybillError E_USAGE */
export function readLevel(text = "record"): Level {
  if (Object.hasOwn(LEVELS, text)) return text as Level;
  throw usage(`--level ${text} is none`, "use record, seal or anchor");
}

/** An amount with its unit, `30gwei`, `0.5eth`, `1000wei`; a bare number is in `unit`. @returns wei */
export function readAmount(text: string, unit: "ether" | "gwei", flag: string): bigint {
  const match = /^([0-9]+(?:\.[0-9]+)?)\s*(wei|gwei|eth|ether)?$/i.exec(text.trim());
  if (match === null) {
    throw usage(`${flag} ${JSON.stringify(text)} is not an amount`, `write it like 0.5eth or 30gwei`);
  }
  const named = match[2]?.toLowerCase() ?? unit;
  try {
    return parseUnits(match[1]!, named === "eth" ? "ether" : named);
  } catch {
    throw usage(`${flag} ${JSON.stringify(text)} has more digits than its unit`);
  }
}

/** A moment: `90d`, `12h`, Unix seconds, or an RFC 3339 time. @param now Unix seconds @returns Unix seconds */
export function readMoment(text: string, now: number, flag = "--expires"): number {
  const span = /^([1-9][0-9]{0,6})([smhdwy])$/.exec(text);
  const seconds = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800, y: 31_536_000 };
  const moment =
    span !== null
      ? now + Number(span[1]) * seconds[span[2] as keyof typeof seconds]
      : /^[0-9]{1,13}$/.test(text)
        ? Number(text)
        : MOMENT.test(text)
          ? secondsOf(text)
          : Number.NaN;
  if (!Number.isInteger(moment) || moment <= now || moment >= 2 ** 40) {
    throw usage(
      `${flag} ${JSON.stringify(text)} is not a moment that lies ahead`,
      "write 90d, 12h, 2027-01-31, 2027-01-31T12:00:00Z or Unix seconds",
    );
  }
  return moment;
}

/**
 * The mode, and the moment that its deadline is, Unix seconds: a deadline alone names its mode.
 * @param now Unix seconds
 * @throws WaybillError E_USAGE
 */
export function readPace(
  options: { mode?: string; deadline?: string },
  now: number,
): { mode: Mode; by: number | null; goal: Goal } {
  const by = options.deadline === undefined ? null : readMoment(options.deadline, now, "--deadline");
  const mode = options.mode ?? (by === null ? "max" : "deadline");
  if (!(MODES as readonly string[]).includes(mode)) {
    throw usage(`--mode ${mode} is none`, "use economy, deadline or max");
  }
  if (mode === "deadline" && by === null) {
    throw usage("--mode deadline does not say by when", "add --deadline, such as 2h");
  }
  const goal: Goal =
    mode === "deadline" && by !== null
      ? { mode, by }
      : mode === "economy"
        ? { mode, since: now }
        : { mode: "max" };
  return { mode: mode as Mode, by, goal };
}

/**
 * A moment, past or not: an RFC 3339 date or time, or Unix seconds. A date is its midnight, UTC.
 * @returns Unix seconds
 */
export function readTime(text: string, flag: string): number {
  const moment = /^[0-9]{1,13}$/.test(text) ? Number(text) : MOMENT.test(text) ? secondsOf(text) : Number.NaN;
  if (Number.isInteger(moment) && moment < 2 ** 40) return moment;
  throw usage(
    `${flag} ${JSON.stringify(text)} is not a moment`,
    "write 2027-01-31, 2027-01-31T12:00:00Z or Unix seconds",
  );
}

const MOMENT = /^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))?$/;

/** NaN for a day that no calendar has: Date.parse makes 31 February into 3 March. */
function secondsOf(text: string): number {
  const day = text.slice(0, 10);
  const isDay = new Date(`${day}T00:00:00Z`).toISOString().slice(0, 10) === day;
  return isDay ? Math.floor(Date.parse(text) / 1000) : Number.NaN;
}

/**
 * A registered schema, by its id or by its definition.
 * @throws WaybillError E_SCHEMA if a definition does not parse, E_SCHEMA_UNKNOWN if it is not registered
 */
export async function findSchema(registry: Registry, text: string): Promise<RegisteredSchema> {
  if (/^0x[0-9a-fA-F]{64}$/.test(text)) {
    const found = await registry.schema(text.toLowerCase() as Hex);
    if (found !== null) return genuine(found);
    throw new WaybillError(
      "E_SCHEMA_UNKNOWN",
      `schema ${text} is not registered on chain ${registry.domain.chainId}`,
      { mend: "register its definition with `waybill schema add`, or name another one" },
    );
  }
  parseSchema(text);
  for (const revocable of [true, false]) {
    const found = await registry.schema(schemaId(text, ZERO_ADDRESS, revocable));
    if (found !== null) return genuine(found);
  }
  throw new WaybillError("E_SCHEMA_UNKNOWN", `the schema ${JSON.stringify(text)} is not registered`, {
    mend: `run \`waybill schema add ${JSON.stringify(text)}\` for this network first`,
  });
}

/** Under another text a whole job would be encoded wrongly for ever, and every comparison would agree with it. */
function genuine(schema: RegisteredSchema): RegisteredSchema {
  if (schemaId(schema.definition, schema.resolver, schema.revocable) === schema.id) return schema;
  throw new WaybillError(
    "E_NODE",
    `the node hands out a text for schema ${schema.id} that is not what the id names`,
    {
      mend: "name another node with --rpc-url",
    },
  );
}

/** @throws WaybillError E_USAGE */
export function readAddress(text: string, flag: string): Hex {
  if (readText({ name: flag, type: { kind: "address" } }, text).ok) return text as Hex;
  throw usage(
    `${flag} ${JSON.stringify(text)} is not an address`,
    "an address is 0x and 40 hex digits, all lower-case or with the right checksum",
  );
}

/** A block's number. @throws WaybillError E_USAGE */
export function readBlock(text: string, flag: string): number {
  if (/^(0|[1-9][0-9]{0,14})$/.test(text)) return Number(text);
  throw usage(`${flag} ${JSON.stringify(text)} is not the number of a block`);
}

/** @throws WaybillError E_USAGE */
export function readBlockOrTag(text: string, flag: string): number | "safe" | "finalized" | "latest" {
  return text === "safe" || text === "finalized" || text === "latest" ? text : readBlock(text, flag);
}
