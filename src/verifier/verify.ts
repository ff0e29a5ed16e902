import { type Attestation, uidOf } from "../attestation.js";
import type { Values } from "../abi.js";
import type { Block, Chain, Log } from "../chain/chain.js";
import {
  ATTESTED,
  attestedOf,
  type Record,
  type RegisteredSchema,
  type Registry,
  sameAddress,
} from "../chain/registry.js";
import { WaybillError } from "../errors.js";
import type { Hex } from "../hex.js";
import { decode, parseSchema, schemaId } from "../schema.js";
import { blocksAt } from "./findBlock.js";

/** How far a statement can be trusted: each level includes those before it. */
export const LADDER = ["unreadable", "well-formed", "authentic", "included", "settled"] as const;

export type Answer = "yes" | "no" | "unknown";

export type Check = {
  name: string;
  outcome: "pass" | "fail" | "unknown" | "n/a";
  /** what was seen */
  evidence: string;
  source: "offline" | "rpc";
};

export type Report = {
  uid: Hex;
  verdict: "accept" | "reject" | "undecided";
  /** of a reject or an undecided: the reason, and for undecided when to ask again */
  because: string;
  level: number;
  levelName: (typeof LADDER)[number];
  flags: { current: Answer; complete: Answer; accepted: Answer };
  /** all of the report is about this block, as one node tells it */
  asOf: {
    chainId: bigint;
    registry: Hex;
    block: number;
    hash: Hex;
    tag: "safe" | "latest";
    headerTrust: "one node";
  };
  checks: Check[];
  attestation: Attestation | null;
  definition: string | null;
  values: Values | null;
  recordedIn: { block: number; blockHash: Hex; transaction: Hex } | null;
};

/**
 * Checks one attestation by its uid with nothing but a node. Reads at the safe block, or at the head if the chain
 * names none or the record is newer.
 * @param want the level, 1 to 4, below which nothing is accepted
 */
export async function verify(chain: Chain, registry: Registry, uid: Hex, want = 4): Promise<Report> {
  const checks: Check[] = [];
  const check = (
    name: string,
    outcome: Check["outcome"],
    evidence: string,
    source: Check["source"] = "rpc",
  ) => {
    checks.push({ name, outcome, evidence, source });
    return outcome === "pass";
  };

  const head = await blockAt(chain, "latest");
  const safe = await chain.block("safe");
  let at = safe ?? head;
  let [record] = await registry.records([uid], at.hash);
  if (record === null && at.hash !== head.hash) {
    at = head;
    [record] = await registry.records([uid], at.hash);
  }
  const report = (
    level: number,
    verdict: Report["verdict"],
    because: string,
    found: Partial<Pick<Report, "attestation" | "definition" | "values" | "recordedIn" | "flags">> = {},
  ): Report => ({
    uid,
    verdict,
    because,
    level,
    levelName: LADDER[level]!,
    flags: { current: "unknown", complete: "unknown", accepted: "unknown" },
    asOf: {
      chainId: registry.domain.chainId,
      registry: registry.domain.registry,
      block: at.number,
      hash: at.hash,
      tag: safe !== null && at.hash === safe.hash ? "safe" : "latest",
      headerTrust: "one node",
    },
    checks,
    attestation: null,
    definition: null,
    values: null,
    recordedIn: null,
    ...found,
  });

  if (record === null || record === undefined) {
    check("recorded", "unknown", `the registry knows nothing of this uid at block ${at.number}`);
    return report(0, "undecided", `not recorded up to block ${at.number}: ask again after it`);
  }
  const current = currency(record, at);
  check("current", current.answer === "yes" ? "pass" : "fail", current.evidence);
  if (record.recordedAt === 0) {
    const flags = { current: "no", complete: "unknown", accepted: "unknown" } as const;
    return report(0, "reject", "revoked by its issuer before it was recorded", { flags });
  }

  const log = await findBody(chain, registry, uid, record, at);
  if (log === null) {
    check("body", "unknown", "the node returned no event of this uid from the blocks of its time");
    return report(0, "undecided", "this node did not hand out the content: ask another node");
  }
  const { attestation } = attestedOf(log);
  const recordedIn = { block: log.block, blockHash: log.blockHash, transaction: log.transaction };
  const recomputed = uidOf(registry.separator, attestation);
  if (!check("uid", recomputed === uid ? "pass" : "fail", `recomputes to ${recomputed}`, "offline")) {
    return report(0, "reject", "the content is not what the uid names", { recordedIn });
  }

  const schema = await registry.schema(attestation.schema, at.hash);
  const read = readData(schema, attestation);
  const found = { attestation, definition: schema?.definition ?? null, values: read.values, recordedIn };
  if (schema === null) {
    // The registry records under no schema that it does not know, so this is about the node.
    check("schema", "unknown", read.evidence);
    return report(0, "undecided", "this node did not hand out the schema: ask another node", found);
  }
  check("schema", read.ok ? "pass" : "fail", read.evidence, "offline");
  if (!read.ok) return report(0, "reject", read.evidence, found);

  // The registry takes a statement only from its attester or under the attester's signature: its slot is the proof.
  const authentic =
    sameAddress(record.attester, attestation.attester) &&
    record.expiresAt === attestation.expiresAt &&
    record.revocable === attestation.revocable;
  if (!check("authentic", authentic ? "pass" : "fail", `the registry's slot names ${record.attester}`)) {
    return report(1, "reject", "the registry's slot and the event disagree", found);
  }

  const canonical = await chain.block(log.block);
  const included =
    canonical !== null && canonical.hash === log.blockHash && canonical.timestamp === record.recordedAt;
  check("included", included ? "pass" : "unknown", `block ${log.block} ${log.blockHash}`);
  const settled = included && safe !== null && log.block <= safe.number;
  if (included) {
    check(
      "settled",
      settled ? "pass" : "unknown",
      safe === null ? "the chain names no safe block" : `safe is block ${safe.number}`,
    );
  }

  const level = settled ? 4 : included ? 3 : 2;
  const accepted: Answer = "yes"; // the registry asked the schema's resolver, if it has one, or it were not recorded
  const flags = { current: current.answer, complete: "unknown", accepted } as const;
  if (current.answer === "no") return report(level, "reject", current.evidence, { ...found, flags });
  if (level < want) {
    return report(
      level,
      "undecided",
      `it is ${LADDER[level]!}: ask again when block ${log.block} is ${LADDER[want]!}`,
      {
        ...found,
        flags,
      },
    );
  }
  return report(level, "accept", `${LADDER[level]!} and current at block ${at.number}`, { ...found, flags });
}

function currency(record: Record, at: Block): { answer: Answer; evidence: string } {
  if (record.revoked) return { answer: "no", evidence: "revoked by its issuer" };
  if (record.expiresAt === 0) return { answer: "yes", evidence: "not revoked, never expires" };
  const when = new Date(record.expiresAt * 1000).toISOString();
  return at.timestamp < record.expiresAt
    ? { answer: "yes", evidence: `not revoked, valid until ${when}` }
    : { answer: "no", evidence: `expired at ${when}` };
}

async function findBody(
  chain: Chain,
  registry: Registry,
  uid: Hex,
  record: Record,
  at: Block,
): Promise<Log | null> {
  const range = await blocksAt(chain, record.recordedAt, at);
  if (range === null) return null;
  const logs = await chain.logs({ address: registry.domain.registry, topics: [ATTESTED, uid], ...range });
  return logs[0] ?? null;
}

function readData(
  schema: RegisteredSchema | null,
  attestation: Attestation,
): { ok: boolean; evidence: string; values: Values | null } {
  if (schema === null)
    return { ok: false, evidence: `schema ${attestation.schema} is not registered`, values: null };
  if (schemaId(schema.definition, schema.resolver, schema.revocable) !== attestation.schema) {
    return { ok: false, evidence: "the schema's text is not what its id names", values: null };
  }
  try {
    const values = decode(parseSchema(schema.definition), attestation.data);
    return { ok: true, evidence: `data decodes as ${schema.definition}`, values };
  } catch (error) {
    if (!(error instanceof WaybillError)) throw error;
    return { ok: false, evidence: error.message, values: null };
  }
}

async function blockAt(chain: Chain, tag: "latest"): Promise<Block> {
  const block = await chain.block(tag);
  if (block === null) throw new WaybillError("E_NODE", "the node has no head block");
  return block;
}
