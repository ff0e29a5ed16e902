import { parseSchema, readJson, type Reading } from "../schema.js";

/** The columns beside the statement itself: to whom, about what, until when, under which key, in which order, for which. */
export const METAS = ["recipient", "ref", "expires", "salt", "id", "stream", "replaces"] as const;
export type Meta = (typeof METAS)[number];

export type MetaParts = {
  /** checksummed address */
  recipient: string | null;
  /** 0x and 64 lower-case hex digits */
  ref: string | null;
  /** Unix seconds; may lie in the past */
  expiresAt: number | null;
  /** 0x and 64 lower-case hex digits */
  salt: string | null;
  /** the caller's idempotency key, at most 1,024 bytes */
  id: string | null;
  stream: string | null;
  /** uid of the attestation whose place it takes: 0x and 64 lower-case hex digits */
  replaces: string | null;
};

type MetaReading =
  { ok: true; part: Partial<MetaParts> } | { ok: false; code: `E_ROW_${string}`; problem: string };

const LONGEST_ID = 1024;
// The first instant that counts as a mistake: year 36812 in seconds, and milliseconds of any date since 2004.
const EXPIRES_END = 2 ** 40;

const [ADDRESS, WORD] = parseSchema("address recipient,bytes32 word").fields;

/** @param json the text of a CSV cell or a value of JSON, not null: absence is the caller's to see */
export function readMeta(meta: Meta, json: unknown): MetaReading {
  switch (meta) {
    case "recipient":
      return partOf("recipient", readJson(ADDRESS!, json));
    case "ref":
    case "salt":
    case "replaces":
      return partOf(meta, readJson(WORD!, json));
    case "expires":
      return readExpires(json);
    case "id":
    case "stream":
      return readName(meta, json);
  }
}

function partOf(meta: "recipient" | "ref" | "salt" | "replaces", reading: Reading): MetaReading {
  return reading.ok ? { ok: true, part: { [meta]: reading.value } } : reading;
}

function readName(meta: "id" | "stream", json: unknown): MetaReading {
  const code = meta === "id" ? "E_ROW_ID" : "E_ROW_STREAM";
  if (typeof json !== "string") return { ok: false, code, problem: "not a string: write it in quotes" };
  if (json === "") return { ok: false, code, problem: "empty: leave it out if there is none" };
  if (/\p{Surrogate}/u.test(json)) return { ok: false, code, problem: "half a surrogate pair is not text" };
  if (meta === "id" && Buffer.byteLength(json) > LONGEST_ID)
    return { ok: false, code, problem: `${Buffer.byteLength(json)} bytes are more than ${LONGEST_ID}` };
  return { ok: true, part: { [meta]: json } };
}

function badExpires(problem: string): MetaReading {
  return { ok: false, code: "E_ROW_EXPIRES", problem };
}

function readExpires(json: unknown): MetaReading {
  const text = typeof json === "number" ? String(json) : json;
  if (typeof text !== "string") return badExpires("neither Unix seconds nor a date");

  const seconds = /^[1-9][0-9]*$/.test(text) ? Number(text) : dateSeconds(text);
  if (seconds === null || seconds <= 0)
    return badExpires(
      `${JSON.stringify(text.slice(0, 60))} is neither Unix seconds nor a date: write 2027-01-31 or 2027-01-31T00:00:00Z`,
    );
  if (seconds >= EXPIRES_END)
    return badExpires(
      seconds < EXPIRES_END * 1000
        ? `${text} looks like milliseconds: write Unix seconds, ${Math.floor(seconds / 1000)}`
        : `${text.slice(0, 60)} is beyond every date: write Unix seconds`,
    );
  return { ok: true, part: { expiresAt: seconds } };
}

const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
const DATE_TIME = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.0+)?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/**
 * Unix seconds of an RFC 3339 date-time, or of 00:00 UTC of a date; null if it is none or does not exist. A leap
 * second and a fraction other than zero are refused too: Unix seconds cannot say them.
 */
function dateSeconds(text: string): number | null {
  const parts = DATE.exec(text) ?? DATE_TIME.exec(text);
  if (parts === null) return null;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map((part) => Number(part ?? 0));
  const [zoneHour, zoneMinute] = [Number(parts[8] ?? 0), Number(parts[9] ?? 0)];
  if ((hour ?? 0) > 23 || (minute ?? 0) > 59 || (second ?? 0) > 59 || zoneHour > 23 || zoneMinute > 59)
    return null;

  const midnight = new Date(Date.UTC(year!, month! - 1, day));
  // Date.UTC turns 31 February into 3 March, month 13 into the next January, and the year 99 into 1999.
  if (midnight.getUTCFullYear() !== year || midnight.getUTCDate() !== day) return null;

  const zone = (zoneHour * 60 + zoneMinute) * (parts[7] === "-" ? -60 : 60);
  return midnight.getTime() / 1000 + (hour ?? 0) * 3600 + (minute ?? 0) * 60 + (second ?? 0) - zone;
}
