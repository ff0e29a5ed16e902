import type { Attestation } from "../attestation.js";
import { type Hex, sameAddress } from "../hex.js";
import { type Record, recordIn, type Root, rootIn } from "../record.js";
import { rootFrom } from "../tree.js";
import { recordSlot, revokedLeavesSlot, rootSlot } from "./slots.js";

/** Where a statement stands in a tree, as its waybill says. */
export type Leaf = { root: Hex; index: number; path: readonly Hex[] };

export type Subject = { uid: Hex; attestation: Attestation; leaf: Leaf | null };

/** What the registry keeps of a statement at one block; pure, and the same as its `isValid` but for the expiry. */
export type Standing = {
  /** null if it is kept at no level */
  level: "record" | "seal" | "anchor" | null;
  /** since when the chain has known it, Unix seconds; the earliest of all levels */
  since: number | null;
  /** when its event was, of a recorded one */
  recordedAt: number | null;
  revoked: boolean;
  /** nothing bypassed the schema's resolver */
  judged: boolean;
  evidence: string;
  /** what no registry can have kept of this content: whoever says so is wrong, and nothing is known */
  contradiction: string | null;
};

/** The slots that tell: one of a recorded statement, three of a leaf. */
export function slotsOf({ uid, attestation, leaf }: Subject): Hex[] {
  if (leaf === null) return [recordSlot(uid)];
  const { attester, schema } = attestation;
  return [
    recordSlot(uid),
    rootSlot(attester, schema, leaf.root),
    revokedLeavesSlot(attester, schema, leaf.root, leaf.index),
  ];
}

/** @param words of the slots of `slotsOf`, in that order */
export function standingOf(subject: Subject, words: readonly bigint[]): Standing {
  const [recordWord, rootWord = 0n, revokedLeaves = 0n] = words;
  const { attestation, leaf } = subject;
  const record = recordIn(recordWord!);
  const root = leaf === null ? null : rootIn(rootWord);
  const isLeaf = root !== null && leaf !== null && holds(subject.uid, leaf, root);
  const isRecorded = record !== null && record.recordedAt !== 0;
  const leafRevoked =
    isLeaf &&
    root.thinned &&
    ((revokedLeaves >> BigInt(leaf.index % 256)) & 1n) === 1n &&
    attestation.revocable;
  const times = [isRecorded ? record.recordedAt : null, isLeaf ? root.since : null].filter(
    (time) => time !== null,
  );
  return {
    level: isRecorded ? "record" : isLeaf ? root.level : null,
    since: times.length === 0 ? null : Math.min(...times),
    recordedAt: isRecorded ? record.recordedAt : null,
    revoked: record?.revoked === true || leafRevoked,
    judged: isRecorded || (isLeaf && root.judged),
    evidence: evidenceOf(subject, record, root, isLeaf),
    contradiction:
      record === null || speaksFor(record, attestation) ? null : "its slot is of another content",
  };
}

/** The registry's own count says which places there are, whatever the waybill says. */
function holds(uid: Hex, { index, path, root }: Leaf, { count }: Root): boolean {
  return rootFrom(uid, index, path, count) === root;
}

function speaksFor(record: Record, { attester, expiresAt, revocable }: Attestation): boolean {
  return (
    sameAddress(record.attester, attester) &&
    record.expiresAt === expiresAt &&
    record.revocable === revocable &&
    // What was never recorded is kept only once it is revoked, and what is irrevocable never is.
    (record.recordedAt !== 0 || record.revoked) &&
    (!record.revoked || revocable)
  );
}

function evidenceOf(
  { leaf, attestation }: Subject,
  record: Record | null,
  root: Root | null,
  isLeaf: boolean,
): string {
  if (record !== null && record.recordedAt !== 0)
    return `recorded by ${attestation.attester} at ${timeText(record.recordedAt)}`;
  if (isLeaf) {
    const verb = root!.level === "seal" ? "sealed" : "anchored";
    return `leaf ${leaf!.index} of ${root!.count} that ${attestation.attester} ${verb} at ${timeText(root!.committedAt)}`;
  }
  if (root !== null)
    return `the registry keeps this root with ${root.count} leaves, and the path is of no such tree`;
  return leaf === null
    ? "the registry has no record of it"
    : "the registry has neither a record of it nor this root";
}

/** @param time Unix seconds, at most 40 bits: no date is so far away that it has no text */
export function timeText(time: number): string {
  return new Date(time * 1000).toISOString().replace(".000", "");
}
