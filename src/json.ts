/** A JSON object of somebody else's: nothing is known of its fields. */
export type Fields = { [name: string]: unknown };

/** @returns null if the text is no JSON, which is no object either */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
