import { type Item, MAX_DATA, packedSize, type PackedSize, saltOf, uidOf } from "../attestation.js";
import { type Hex, ZERO_ADDRESS, ZERO_WORD } from "../hex.js";
import { encode, type Schema } from "../schema.js";
import { streamKey } from "../stream.js";
import type { Row, RowFault } from "./rows.js";

/** What every row of a job has in common. */
export type Frame = {
  /** of the registry's domain, see domainSeparator */
  separator: Uint8Array;
  schemaId: Hex;
  schema: Schema;
  attester: Hex;
  /** key of the stream of rows that name none; the zero word for none */
  stream: Hex;
  revocable: boolean;
  /** Unix seconds: a row that expires by then is bad */
  now: number;
  /** whether an item of this size can ever get into a block */
  fits: (size: PackedSize) => boolean;
};

/** `stream`: its key; the zero word for none */
export type Statement = { uid: Hex; item: Item; size: PackedSize; stream: Hex };

/** Makes the attestation of a row, or says what stands against it. */
export function statementOf(
  row: Row,
  frame: Frame,
): { ok: true; statement: Statement } | { ok: false; faults: RowFault[] } {
  const faults: RowFault[] = [];
  const fault = (column: string, code: RowFault["code"], problem: string) =>
    faults.push({ line: row.line, column, code, problem });
  const stream = row.stream === null ? frame.stream : streamKey(row.stream);
  if (row.stream !== null && stream === ZERO_WORD) {
    fault("stream", "E_ROW_STREAM", "the zero key is no stream: leave it out for none");
  }
  if (row.expiresAt !== null && row.expiresAt <= frame.now) {
    fault("expires", "E_ROW_EXPIRES", "it lies in the past, so the attestation would never be valid");
  }
  const item: Item = {
    recipient: (row.recipient as Hex | null) ?? ZERO_ADDRESS,
    ref: (row.ref as Hex | null) ?? ZERO_WORD,
    expiresAt: row.expiresAt ?? 0,
    revocable: frame.revocable,
    salt: (row.salt as Hex | null) ?? (row.id === null ? ZERO_WORD : saltOf(row.id)),
    data: encode(frame.schema, row.values),
  };
  const size = item.data.length > MAX_DATA ? null : packedSize(item);
  if (size === null || !frame.fits(size)) {
    fault("", "E_ROW_SIZE", `${item.data.length} bytes of data are more than one transaction can carry`);
  }
  if (size === null || faults.length > 0) return { ok: false, faults };
  const uid = uidOf(frame.separator, { ...item, schema: frame.schemaId, attester: frame.attester });
  return { ok: true, statement: { uid, item, size, stream } };
}
