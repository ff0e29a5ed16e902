import { ZERO_ADDRESS, ZERO_WORD } from "../hex.js";
import type { Content } from "./content.js";
import type { Place } from "./place.js";
import type { Policy } from "./policy.js";
import { type Answer, type Check, LADDER, type Report, type Source } from "./report.js";
import { type Standing, timeText } from "./standing.js";
import type { View } from "./view.js";

/** All that was found out about a statement whose content is what its uid names. */
export type Facts = {
  content: Content;
  want: number;
  policy: Policy | null;
  /** null if there is no block to speak of */
  view: View | null;
  /** of what the registry keeps; null if that is not known */
  source: Source | null;
  standing: Standing | null;
  /** what was checked so far; the report's */
  checks: Check[];
  /** of what is on no chain: the issuer's signature; null if there is none */
  signed?: Check | null;
  /** how the registry came to it, as a node tells */
  maker?: Check;
  /** what it refers to; null if that is nothing */
  reference?: Check | null;
  /** null: it claims none */
  place?: PlaceFound | null;
  /** what the reader's policy says */
  rules?: Check[];
};

export type PlaceFound =
  | { kind: "untold" }
  | { kind: "unproven"; check: Check }
  | (Place & { position: bigint; count: bigint; source: Source });

type Decision = Pick<Report, "verdict" | "because" | "level" | "levelName" | "flags">;

/** Climbs the ladder, raises the flags and comes to the verdict. Pure; what it checks goes to the facts' checks. */
export function decided(facts: Facts): Decision {
  const { checks, want, policy, standing } = facts;
  const level = climbed(facts);
  const current = currentOf(facts);
  const complete = completeOf(facts);
  const accepted = acceptedOf(facts, level);
  const flags = { current, complete, accepted };
  const decision = (verdict: Report["verdict"], because: string): Decision => ({
    verdict,
    because,
    level,
    levelName: LADDER[level]!,
    flags,
  });
  if (standing?.contradiction != null) {
    return decision(
      "undecided",
      `${standing.contradiction}, which no registry can have kept: ask another node`,
    );
  }
  const failed = checks.find(({ name, outcome }) => outcome === "fail" && DECIDING.has(name));
  if (failed !== undefined) return decision("reject", failed.evidence);
  if (level < want) return decision("undecided", waiting(facts, level));
  const open: [Answer, string[]][] = [
    [current, CURRENT],
    [accepted, ACCEPTED],
    // Most statements are in no stream, and an old one is far from its end: only who asks for it is held up.
    [policy?.complete === true || policy?.newest === true ? complete : "yes", ["stream"]],
  ];
  for (const [answer, names] of open) {
    if (answer === "yes") continue;
    const check = checks.find(({ name, outcome }) => names.includes(name) && outcome !== "pass");
    return decision(
      "undecided",
      `${check?.evidence ?? "not everything is known"}: ask again later, or another node`,
    );
  }
  return decision("accept", `${LADDER[level]!} and current at block ${facts.view?.block ?? "-"}`);
}

const CURRENT = ["revocation", "expiry", "reference", "newest"];
const ACCEPTED = ["resolver", "issuer", "trusted schema", "value", "age", "lag", "resolver code"];
/** Checks that speak against the statement and not against who told of it. */
const DECIDING = new Set([...CURRENT, ...ACCEPTED, "authentic", "stream", "revocable"]);

function climbed(facts: Facts): number {
  const { checks, view, standing, source, signed, content, maker } = facts;
  const add = (name: string, outcome: Check["outcome"], evidence: string, from: Source) =>
    void checks.push({ name, outcome, evidence, source: from });
  if (content.attestation.revocable && !content.schema.revocable) {
    add("revocable", "fail", "it says that it is revocable, and nothing of its schema is", "offline");
  }
  if (standing === null || standing.level === null || source === null || view === null) {
    if (signed === undefined || signed === null)
      add("authentic", "unknown", "it has no signature of its issuer", "offline");
    else checks.push(signed);
    const evidence =
      standing === null || view === null
        ? "no chain was asked"
        : `${standing.evidence} at block ${view.block}`;
    add("included", "unknown", evidence, source ?? "offline");
    return signed?.outcome === "pass" ? 2 : 1;
  }
  if (standing.contradiction !== null) {
    add("authentic", "unknown", standing.contradiction, source);
    return 1;
  }
  // The registry takes a statement only from its attester or under the attester's signature.
  add(
    "authentic",
    "pass",
    `the registry took it from ${content.attestation.attester} or under that signature`,
    source,
  );
  if (maker !== undefined) checks.push(maker);
  add("included", "pass", `${standing.evidence}, in the state of block ${view.block}`, source);
  if (!view.settled) {
    const safe = view.safe === null ? "no block is called safe" : `block ${view.safe} is the newest safe one`;
    add("settled", "unknown", `block ${view.block} is not safe yet: ${safe}`, "rpc");
    return 3;
  }
  const pinned = view.tag === "pinned";
  add(
    "settled",
    "pass",
    pinned ? "in a block that the reader trusts" : `block ${view.block} is safe`,
    pinned ? "offline" : "rpc",
  );
  if (source !== "state proof") return 4;
  const { headerTrust } = view;
  add(
    "proven",
    "pass",
    `the slots are proven against the header of block ${view.block}: ${headerTrust}`,
    source,
  );
  return 5;
}

function currentOf({ checks, content, standing, source, view, reference, place, policy }: Facts): Answer {
  const { attestation } = content;
  const found: Check[] = [];
  const add = (name: string, outcome: Check["outcome"], evidence: string, from: Source) =>
    void found.push({ name, outcome, evidence, source: from });
  if (standing === null || source === null || view === null || standing.contradiction !== null) {
    add("revocation", "unknown", "whether it is revoked, only the chain can tell", "offline");
  } else if (standing.revoked) {
    add("revocation", "fail", `revoked by its issuer, up to block ${view.block}`, source);
  } else {
    add("revocation", "pass", `not revoked up to block ${view.block}`, source);
  }
  const { expiresAt } = attestation;
  if (expiresAt === 0) add("expiry", "pass", "it never expires", "offline");
  else if (view === null) add("expiry", "unknown", `it expires at ${timeText(expiresAt)}`, "offline");
  else if (view.timestamp >= expiresAt) add("expiry", "fail", `expired at ${timeText(expiresAt)}`, "offline");
  else add("expiry", "pass", `valid until ${timeText(expiresAt)}`, "offline");
  if (attestation.ref !== ZERO_WORD && policy?.references !== false) {
    found.push(
      reference ?? {
        name: "reference",
        outcome: "unknown",
        evidence: "only the chain can tell whether what it refers to holds",
        source: "offline",
      },
    );
  }
  if (policy?.newest === true) {
    const followed = place != null && place.kind === "followed" ? place : null;
    if (followed === null)
      add(
        "newest",
        "unknown",
        "it is not known what was appended to its stream behind it",
        source ?? "offline",
      );
    else if (followed.behind === 0n)
      add("newest", "pass", "nothing was appended to its stream behind it", followed.source);
    else
      add(
        "newest",
        "fail",
        `replaced: ${followed.behind} were appended to its stream behind it`,
        followed.source,
      );
  }
  checks.push(...found);
  return answerOf(found);
}

function completeOf({ checks, place }: Facts): Answer {
  const add = (outcome: Check["outcome"], evidence: string, source: Source) =>
    void checks.push({ name: "stream", outcome, evidence, source });
  if (place === null) {
    add("n/a", "it claims no place in a stream", "offline");
    return "unknown";
  }
  if (place === undefined) {
    add("unknown", "its place in a stream was not looked for", "offline");
    return "unknown";
  }
  if (place.kind === "untold") {
    add("unknown", "no event says that it was appended to a stream", "rpc");
    return "unknown";
  }
  if (place.kind === "unproven") {
    add("unknown", "the end of its stream is not proven", place.check.source);
    return "unknown";
  }
  const { position, count, source } = place;
  switch (place.kind) {
    case "followed":
      add("pass", `position ${position} of ${count}, followed to the end of the stream`, source);
      return "yes";
    case "other":
      add("fail", `at position ${position} of the stream is another statement`, source);
      return "no";
    case "beyond":
      add("unknown", `it claims position ${position}, and the stream has ${count}`, source);
      return "unknown";
    case "far":
      add(
        "unknown",
        `${count - position - 1n} were appended behind position ${position}: waybill audit follows them`,
        source,
      );
      return "unknown";
    case "unshown":
      add(
        "unknown",
        `nothing was shown that leads from position ${position} to the end of the stream`,
        "rpc",
      );
      return "unknown";
  }
}

function acceptedOf({ checks, content, standing, source, rules = [] }: Facts, level: number): Answer {
  const { resolver } = content.schema;
  const resolved: Check =
    resolver.toLowerCase() === ZERO_ADDRESS
      ? { name: "resolver", outcome: "n/a", evidence: "its schema has none", source: "offline" }
      : level < 3 || standing === null || source === null
        ? {
            name: "resolver",
            outcome: "unknown",
            evidence: `${resolver} was not asked yet`,
            source: source ?? "offline",
          }
        : standing.judged
          ? {
              name: "resolver",
              outcome: "pass",
              evidence: `${resolver} accepted it, or it were not there`,
              source,
            }
          : {
              name: "resolver",
              outcome: "fail",
              evidence: `it is anchored, and ${resolver} was never asked`,
              source,
            };
  checks.push(resolved, ...rules);
  return answerOf([resolved, ...rules]);
}

function answerOf(checks: readonly Check[]): Answer {
  if (checks.some(({ outcome }) => outcome === "fail")) return "no";
  return checks.some(({ outcome }) => outcome === "unknown") ? "unknown" : "yes";
}

/** Why it is not at the level that is wanted, and when or whom to ask again. */
function waiting({ checks, view, want, standing, source, signed }: Facts, level: number): string {
  const broken = checks.find(
    ({ name, outcome }) => outcome === "fail" && (name === "header" || name === "state proof"),
  );
  if (broken !== undefined) return `${broken.name}: ${broken.evidence}: ask another node`;
  const wanted = LADDER[want]!;
  if (view === null || source === null) {
    const open = checks.find(
      ({ name, outcome }) => outcome === "unknown" && (name === "header" || name === "state proof"),
    );
    return `${LADDER[level]!} and not ${wanted}: ${open?.evidence ?? "no chain was asked"}; ask a node`;
  }
  if (standing?.level == null) {
    return `${signed?.outcome === "pass" ? "signed, and not" : "not"} on the chain up to block ${view.block}: ask again after it`;
  }
  if (level === 3) return `included and not ${wanted}: ask again when block ${view.block} is safe`;
  return `settled and not ${wanted}: ask a node that answers eth_getProof for block ${view.block}`;
}
