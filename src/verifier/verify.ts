import { domainSeparator } from "../attestation.js";
import type { Log } from "../chain/chain.js";
import { appendOf } from "../chain/events.js";
import { APPENDED } from "../chain/topics.js";
import { WaybillError } from "../errors.js";
import { addressWord, type Hex, hex, numberWord, sameAddress, ZERO_ADDRESS } from "../hex.js";
import { recordIn } from "../record.js";
import type { Head } from "../stream.js";
import type { Waybill } from "../waybill.js";
import { type Content, readContent } from "./content.js";
import { decided, type Facts, type PlaceFound } from "./decide.js";
import { findBody, findSchema, readStatement } from "./finding.js";
import { headerFrom } from "./header.js";
import { makerOf } from "./maker.js";
import { blockOf, heard, logsOf, type NamedNode } from "./node.js";
import { follow } from "./place.js";
import { judged, type Policy } from "./policy.js";
import { referenceOf } from "./reference.js";
import type { Check, Report } from "./report.js";
import { signedBy } from "./signature.js";
import { headSlots, recordSlot } from "./slots.js";
import { slotsOf, standingOf, type Subject, timeText } from "./standing.js";
import { type Ledger, ledgerAt, ledgerOf, type State } from "./state.js";
import { furtherBlock, openPanel, type Panel, type View, viewOf, viewOfHeader } from "./view.js";

export type VerifyOptions = {
  /** none: nothing is asked, and all there is is what was handed in */
  nodes: readonly NamedNode[];
  /** the registry whose word counts; one at another address could say anything */
  registry: Hex;
  /** the level, 1 to 5, below which nothing is accepted */
  want?: number;
  policy?: Policy | null;
  /** the block to look at; by itself the safe one, or the newest for what is not in that */
  at?: "safe" | "finalized" | "latest" | number | null;
  /** of a block that the reader trusts, from wherever the reader has it */
  headerHash?: Hex | null;
  /** the reader's clock, Unix seconds: only a policy's `maximumLagSeconds` asks for it */
  now?: number | null;
  /** other statements at hand: what is referred to may be one of them */
  beside?: readonly Waybill[];
};

/** By itself, all but the proof: not every node gives one. */
const WANT = 4;

/**
 * How far a statement can be trusted, with nothing but a node, or with nothing but its waybill and a hash.
 * @param what the uid of a recorded statement, or a waybill as `readWaybill` has checked it
 * @throws WaybillError E_NODE if no node answers, E_CHAIN_ID, E_WAYBILL if the waybill is of another registry
 */
export async function verify(what: Hex | Waybill, options: VerifyOptions): Promise<Report> {
  const [report] = await verifyAll([what], options);
  return report!;
}

/** All at one block. */
export async function verifyAll(what: readonly (Hex | Waybill)[], options: VerifyOptions): Promise<Report[]> {
  const waybills = what.filter((one) => typeof one !== "string");
  for (const one of waybills) requireRegistry(one, options.registry);
  const chains = [...new Set(waybills.map(({ chainId }) => chainId))];
  if (chains.length > 1) {
    throw new WaybillError("E_WAYBILL", `they are of ${chains.length} chains`, {
      mend: "check those of each chain by themselves",
    });
  }
  const beside = [...waybills, ...(options.beside ?? [])];
  const context = { ...options, beside };
  const reports: Report[] = [];
  if (options.nodes.length === 0) {
    for (const one of what) reports.push(await offline(one, context));
    return reports;
  }
  const panel = await openPanel(options.nodes, chains[0] ?? null);
  const views = new Map<string, Promise<View>>();
  const sightOf = async (choice: Parameters<typeof viewOf>[1]): Promise<Sight> => {
    const key = JSON.stringify(choice);
    const view = views.get(key) ?? viewOf(panel, choice);
    views.set(key, view);
    return sightAt(panel, await view);
  };
  for (const one of what) reports.push(await online(one, context, panel, sightOf));
  return reports;
}

/** A block, and how its state is read. */
type Sight = { chainId: bigint; view: View; ledger: Ledger; count: number };
type Context = VerifyOptions & { beside: readonly Waybill[] };

function sightAt(panel: Panel, view: View): Sight {
  return { chainId: panel.chainId, view, ledger: ledgerAt(view, panel.count), count: panel.count };
}

async function online(
  what: Hex | Waybill,
  options: Context,
  panel: Panel,
  sightOf: (choice: Parameters<typeof viewOf>[1]) => Promise<Sight>,
): Promise<Report> {
  if (options.headerHash != null) return reportAt(what, options, await sightOf({ hash: options.headerHash }));
  if (options.at != null) return reportAt(what, options, await sightOf(options.at));
  const hasSafe = panel.seats.some(({ safe, finalized }) => safe !== null || finalized !== null);
  const safe = hasSafe ? await heard(sightOf("safe")) : null;
  if (safe === null) return reportAt(what, options, await sightOf("latest"));
  const report = await reportAt(what, options, safe);
  if (report.level < 3 && report.verdict !== "reject" && safe.view.agreed) {
    const newest = await heard(sightOf("latest"));
    if (newest !== null && newest.view.block > safe.view.block) {
      const later = await reportAt(what, options, newest);
      if (later.level >= 3 || later.verdict === "reject") return later;
    }
  }
  const further = furtherBlock(panel, safe.view);
  if (further === null || report.verdict !== "accept") return report;
  // Only half of them call it safe, so it settles nothing; but what has fallen by then is not accepted before.
  const { flags, because: reason } = await reportAt(what, options, await sightOf(further));
  if (flags.current === "yes" && flags.accepted === "yes") return report;
  const because = `half of the nodes call block ${further} safe, and there it would not be accepted: ${reason}`;
  return { ...report, verdict: "undecided", because };
}

/** With nothing but the file. */
async function offline(what: Hex | Waybill, options: Context): Promise<Report> {
  if (typeof what === "string") {
    throw new WaybillError("E_USAGE", "a uid says nothing without a node", {
      mend: "name a node with --rpc-url, or hand in the waybill",
    });
  }
  const { state } = what;
  const { headerHash = null } = options;
  if (state === null || headerHash === null) {
    const check: Check = {
      name: "header",
      outcome: "unknown",
      evidence:
        state === null ? "the waybill has no state with it" : "no hash is named that the reader trusts",
      source: "offline",
    };
    return reportAt(what, options, null, [check]);
  }
  const reading = headerFrom(state.header);
  const hash = reading.outcome === "pass" ? reading.header.hash : null;
  if (reading.outcome !== "pass" || hash !== headerHash) {
    const evidence =
      hash === null
        ? "what is in the file is no header"
        : `the file's is ${hash}, and the reader trusts ${headerHash}`;
    return reportAt(what, options, null, [{ name: "header", outcome: "fail", evidence, source: "offline" }]);
  }
  const view = viewOfHeader(reading.header, []);
  const proofs = new Map([[what.registry.toLowerCase(), state.registry]]);
  if (state.resolver !== null) proofs.set(what.schema.resolver.toLowerCase(), state.resolver);
  return reportAt(what, options, { chainId: what.chainId, view, ledger: ledgerOf(view, proofs), count: 0 });
}

/** The report of one statement at one block. */
async function reportAt(
  what: Hex | Waybill,
  options: Context,
  sight: Sight | null,
  checks: Check[] = [],
): Promise<Report> {
  const { policy = null, registry } = options;
  const want = Math.max(options.want ?? WANT, policy?.minimumLevel ?? 1);
  const uid = typeof what === "string" ? what : what.uid;
  const chainId = typeof what === "string" ? sight!.chainId : what.chainId;
  const report: Report = {
    uid,
    verdict: "undecided",
    because: "",
    level: 0,
    levelName: "unreadable",
    want,
    flags: { current: "unknown", complete: "unknown", accepted: "unknown" },
    asOf: sight === null ? null : asOf(sight, registry),
    policy: policy?.hash ?? null,
    checks,
    attestation: null,
    definition: null,
    values: null,
    recordedIn: typeof what === "string" ? null : what.location,
  };
  if (sight !== null) checks.push(sight.view.check);
  const usable = sight?.view.agreed === true ? sight : null;
  const separator = domainSeparator({ chainId, registry });

  // What it says.
  let content: Content;
  let log: Log | null = null;
  if (typeof what === "string") {
    const body = usable === null ? null : await bodyOf(what, registry, separator, usable, checks);
    if (body === null) return { ...report, ...unfound(checks, sight) };
    report.recordedIn = body.recordedIn;
    content = body.content;
    log = body.log;
  } else {
    content = { attestation: what.attestation, schema: what.schema };
  }
  const { attestation, schema } = content;
  const read = readContent(uid, separator, content);
  checks.push(...read.checks);
  Object.assign(report, { attestation, definition: schema.definition, values: read.values });
  if (read.values === null) return { ...report, verdict: "reject", because: checks.at(-1)!.evidence };

  // What the chain keeps of it.
  const leaf = typeof what === "string" ? null : what.proof;
  const subject: Subject = { uid, attestation, leaf };
  const own = slotsOf(subject);
  const state = usable === null ? null : await usable.ledger(registry, own);
  if (state !== null) checks.push(state.check);
  const source = state?.values == null ? null : state.source;
  const words = state?.values ?? null;
  const standing = words === null ? null : standingOf(subject, words);
  const facts: Facts = { content, want, policy, view: usable?.view ?? null, source, standing, checks };

  if (standing === null || standing.level === null) {
    const signature = typeof what === "string" ? null : what.signature;
    const chain = usable === null || usable.view.nodes.length === 0 ? null : usable;
    facts.signed = signature === null ? null : await signedBy(attestation.attester, uid, signature, chain);
  }
  if (usable !== null && standing?.level != null && usable.view.nodes.length > 0) {
    facts.maker = await makerOf(attestation.attester, registry, report.recordedIn, usable.view);
  }
  if (usable !== null && source !== null) {
    facts.reference = await referenceOf(attestation.ref, options.beside, usable, registry, source);
    facts.place = await placeOf(what, subject, log, usable, registry, separator, source);
  } else if (typeof what !== "string" && what.stream === null) {
    facts.place = null;
  }
  if (policy !== null) {
    const code =
      policy.resolvers === null || usable === null ? null : await codeOf(schema.resolver, usable, source);
    facts.rules = judged(policy, {
      attestation,
      schema,
      values: read.values,
      since: standing?.since ?? null,
      timestamp: usable?.view.timestamp ?? null,
      now: options.now ?? null,
      resolverCode: code,
    });
  }
  return { ...report, ...decided(facts) };
}

function asOf({ chainId, view }: Sight, registry: Hex): Report["asOf"] {
  const { block, hash, timestamp, tag, settled, headerTrust } = view;
  // Once it is safe, how much further the chain has come since is not what the report is about.
  const safe = settled ? null : view.safe;
  return { chainId, registry, block, hash, timestamp, tag, settled, safe, headerTrust };
}

type Body = { content: Content; log: Log; recordedIn: Report["recordedIn"] };

/** The content of a recorded statement, by its uid alone; null with the check that says why not. */
async function bodyOf(
  uid: Hex,
  registry: Hex,
  separator: Uint8Array,
  { view, ledger }: Sight,
  checks: Check[],
): Promise<Body | null> {
  const add = (name: string, outcome: Check["outcome"], evidence: string) =>
    void checks.push({ name, outcome, evidence, source: "rpc" });
  const state = await ledger(registry, [recordSlot(uid)]);
  const record = state.values === null ? null : recordIn(state.values[0]!);
  if (state.values === null || record === null || record.recordedAt === 0) {
    checks.push(state.check);
    if (state.values === null) return null;
    const revoked = record?.revoked === true;
    checks.push({
      name: "recorded",
      outcome: revoked ? "fail" : "unknown",
      evidence: revoked
        ? "its issuer revoked it before it was recorded, so it never will be"
        : `the registry has no record of it at block ${view.block}`,
      source: state.source,
    });
    return null;
  }
  const found = await findBody(view, registry, separator, uid, record.recordedAt);
  if (!found.ok) {
    const at = timeText(record.recordedAt);
    if (found.altered) add("body", "fail", "what is handed out as its event makes another uid");
    else add("body", "unknown", `nobody hands out its event, of ${at}`);
    return null;
  }
  const { log, attestation } = found.value;
  const schema = await findSchema(view, registry, attestation.schema);
  if (!schema.ok) {
    if (schema.altered) add("schema", "fail", "what is handed out as its schema makes another id");
    else add("schema", "unknown", "nobody hands out its schema");
    return null;
  }
  const block = await heard(blockOf(view.nodes[0]!, log.block));
  const isThere = block?.hash === log.blockHash && block.timestamp === record.recordedAt;
  const { blockHash, transaction } = log;
  return {
    content: { attestation, schema: schema.value },
    log,
    recordedIn: isThere ? { block: log.block, blockHash, transaction } : null,
  };
}

/** A uid whose content is not at hand: nothing can be said of it, but that it was revoked before it was ever recorded. */
function unfound(checks: readonly Check[], sight: Sight | null): Partial<Report> {
  const failed = checks.find(({ outcome }) => outcome === "fail");
  const last = checks.at(-1)!;
  const { name, evidence, source } = failed ?? last;
  if (name === "recorded" && failed !== undefined) {
    const flags = { current: "no", complete: "unknown", accepted: "unknown" } as const;
    return { verdict: "reject", because: evidence, flags };
  }
  const where = sight === null ? "" : `, after block ${sight.view.block}`;
  const mend =
    name === "recorded" ? `ask again${where}` : source === "rpc" ? "ask another node" : `ask again${where}`;
  return { verdict: "undecided", because: `${evidence}: ${mend}` };
}

/** The code of a contract; where the registry's slots are proven, only if it is proven too. */
async function codeOf(
  address: Hex,
  { ledger }: Sight,
  source: Check["source"] | null,
): Promise<Hex | "none" | null> {
  if (sameAddress(address, ZERO_ADDRESS)) return "none";
  const state = await ledger(address, []);
  if (state.values === null || (source === "state proof" && state.source !== source)) return null;
  return state.codeHash ?? "none";
}

/** Its place in a stream: as the waybill claims it, or as the event behind its own does. */
async function placeOf(
  what: Hex | Waybill,
  subject: Subject,
  log: Log | null,
  { view, ledger }: Sight,
  registry: Hex,
  separator: Uint8Array,
  source: Check["source"],
): Promise<PlaceFound | null> {
  const claim =
    typeof what === "string"
      ? await claimBehind(log!, subject, view.nodes, registry)
      : what.stream === null
        ? null
        : { stream: what.stream.key, position: what.stream.position, from: what.location?.block ?? 0 };
  if (claim === null) return typeof what === "string" ? { kind: "untold" } : null;
  const state: State = await ledger(registry, headSlots(subject.attestation.attester, claim.stream));
  if (state.values === null || state.source !== source) return { kind: "unproven", check: state.check };
  const [count, hash] = state.values as [bigint, bigint];
  const head: Head = { count, hash: hex(numberWord(hash)) };
  const place = await follow(view.nodes, registry, separator, { subject, ...claim }, head, view.block);
  // Where a node says that it stands is no claim of the statement's: what stands there instead is nothing against it.
  if (typeof what === "string" && place.kind !== "followed") return { kind: "untold" };
  return { ...place, position: claim.position, count, source };
}

/** What was appended is right before the event of its append: the next one of the issuer in that block. */
async function claimBehind(
  log: Log,
  { attestation }: Subject,
  nodes: readonly NamedNode[],
  registry: Hex,
): Promise<{ stream: Hex; position: bigint; from: number } | null> {
  const filter = { address: registry, topics: [], from: log.block, to: log.block };
  const logs = (await heard(logsOf(nodes[0]!, filter))) ?? [];
  const behind = logs
    .filter(({ index, blockHash }) => index > log.index && blockHash === log.blockHash)
    .sort((a, b) => a.index - b.index);
  const appended = behind.find((one) => readStatement(one) === null);
  const topic = hex(addressWord(attestation.attester));
  if (appended === undefined || appended.topics[0] !== APPENDED || appended.topics[1] !== topic) return null;
  try {
    const { position, count } = appendOf(appended);
    const offset = count - BigInt(appended.index - log.index);
    return offset < 0n ? null : { stream: appended.topics[2]!, position: position + offset, from: log.block };
  } catch (error) {
    if (error instanceof WaybillError) return null;
    throw error;
  }
}

/** @throws WaybillError E_WAYBILL */
function requireRegistry(waybill: Waybill, registry: Hex): void {
  if (sameAddress(waybill.registry, registry)) return;
  throw new WaybillError(
    "E_WAYBILL",
    `it is of registry ${waybill.registry}, and ${registry} is the one that counts`,
    {
      mend: "name another registry with --registry, if you trust it",
    },
  );
}
