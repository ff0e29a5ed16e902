import type { Value } from "../../src/abi.js";
import { ZERO_ADDRESS, ZERO_WORD } from "../../src/hex.js";
import { type Check, LADDER, type Report, reportData } from "../../src/verifier/report.js";
import type { Waybill } from "../../src/waybill.js";
import { el, quoted, visible } from "./dom.js";
import { type OwnCheck, ownChecks } from "./yourself.js";

const VERDICTS = {
  accept: { mark: "✓", title: "Accept" },
  reject: { mark: "✗", title: "Reject" },
  undecided: { mark: "?", title: "Undecided" },
} as const;

/** What each rung of the ladder means; docs/verify.md. */
const MEANS: { [level in (typeof LADDER)[number]]: string } = {
  unreadable: "malformed, altered, or not found",
  "well-formed": "the content makes the uid, the data are what the schema says",
  authentic: "the named issuer made it",
  included: "it is in a block of the chain, under this registry",
  settled: "the chain calls that block safe",
  proven: "proven against the state root of the block",
};

const FLAGS = {
  current: "Is it neither revoked nor expired, and does what it refers to hold?",
  complete: "Is its place in its stream known, with nothing missing behind it?",
  accepted: "Did the schema's resolver and your policy take it?",
} as const;

/** A report as a person reads it: the answer, how far, what it says, why, and how to do without this page. */
export function reportView(report: Report, waybill: Waybill | null, file: string | null): HTMLElement {
  const { mark, title } = VERDICTS[report.verdict];
  return el(
    "article",
    { class: `report ${report.verdict}` },
    el(
      "div",
      { class: "verdict" },
      el("span", { class: "mark", "aria-hidden": "true" }, mark),
      el("div", {}, el("h2", { tabindex: "-1" }, title), el("p", {}, quoted(report.because))),
    ),
    ladder(report),
    flags(report),
    statement(report, waybill),
    checks(report.checks),
    yourself(ownChecks(report, waybill, file)),
    machine(report),
  );
}

function ladder({ level, want }: Report): HTMLElement {
  // The ground is no rung of it, unless that is where it stands.
  const rungs = [...LADDER.entries()].slice(level === 0 ? 0 : 1).map(([rung, name]) => {
    const state = rung > level ? "not reached" : rung === level ? "reached, and no further" : "reached";
    const needed = rung === want ? ", asked for" : "";
    return el(
      "li",
      { class: rung <= level ? "reached" : "", ...(rung === level ? { "aria-current": "step" } : {}) },
      el("span", { class: "rung", "aria-hidden": "true" }, String(rung)),
      el(
        "span",
        {},
        el("strong", {}, name),
        el("span", { class: "visually-hidden" }, ` (${state}${needed}): `),
        el("span", { class: "means" }, MEANS[name]),
      ),
      rung === want ? el("span", { class: "tag", "aria-hidden": "true" }, "asked for") : null,
    );
  });
  return section("How far", el("ol", { class: "ladder", start: "0" }, ...rungs.reverse()));
}

function flags({ flags }: Report): HTMLElement {
  const names = Object.keys(FLAGS) as (keyof typeof FLAGS)[];
  const list = names.map((name) =>
    el(
      "div",
      { class: `flag ${flags[name]}` },
      el("dt", {}, name),
      el("dd", {}, el("strong", {}, flags[name]), el("span", { class: "means" }, FLAGS[name])),
    ),
  );
  return section("Three flags", el("dl", { class: "flags" }, ...list));
}

function statement(report: Report, waybill: Waybill | null): HTMLElement {
  const { uid, attestation, definition, values, recordedIn, asOf } = report;
  const rows: [string, Node | string][] = [];
  if (uid !== null) rows.push(["uid", el("code", {}, uid)]);
  if (attestation !== null) {
    rows.push(["issuer", el("code", {}, attestation.attester)]);
    if (attestation.recipient !== ZERO_ADDRESS) rows.push(["about", el("code", {}, attestation.recipient)]);
    if (attestation.ref !== ZERO_WORD) rows.push(["refers to", el("code", {}, attestation.ref)]);
    rows.push(["expires", attestation.expiresAt === 0 ? "never" : timeOf(attestation.expiresAt)]);
  }
  for (const [name, value] of Object.entries(values ?? {})) {
    rows.push([visible(name), quoted(valueText(value))]);
  }
  if (definition !== null) rows.push(["schema", quoted(definition)]);
  if (waybill?.proof != null) {
    const { level, index, count } = waybill.proof;
    rows.push([level === "seal" ? "sealed" : "anchored", `leaf ${index} of ${count} under one root`]);
  }
  if (waybill?.stream != null) {
    const { key, position } = waybill.stream;
    rows.push(["stream", el("span", {}, "position ", String(position), " of ", el("code", {}, key))]);
  }
  if (recordedIn !== null) rows.push(["in block", String(recordedIn.block)]);
  if (asOf !== null) {
    rows.push([
      "as of",
      `block ${asOf.block} (${asOf.tag}) of chain ${asOf.chainId}, ${timeOf(asOf.timestamp)}; header from ${asOf.headerTrust}`,
    ]);
  }
  if (rows.length === 0) return section("What it says", el("p", {}, "Nothing of it could be read."));
  const list = rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));
  return section("What it says", el("dl", { class: "facts" }, ...list));
}

const OUTCOMES: { [outcome in Check["outcome"]]: string } = {
  pass: "✓",
  fail: "✗",
  unknown: "?",
  "n/a": "–",
};

function checks(list: readonly Check[]): HTMLElement {
  const rows = list.map(({ name, outcome, evidence, source }) =>
    el(
      "tr",
      { class: outcome === "n/a" ? "none" : outcome },
      el(
        "td",
        { class: "outcome" },
        el("span", { "aria-hidden": "true" }, OUTCOMES[outcome]),
        el("span", {}, ` ${outcome}`),
      ),
      el("th", { scope: "row" }, name),
      el("td", {}, quoted(evidence)),
      el("td", { class: "source" }, source),
    ),
  );
  const head = ["Outcome", "Check", "Evidence", "Source"].map((name) => el("th", { scope: "col" }, name));
  return section(
    "Each check",
    el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows)),
  );
}

function yourself(list: readonly OwnCheck[]): HTMLElement | null {
  if (list.length === 0) return null;
  const items = list.map(({ what, command }) =>
    el(
      "li",
      {},
      el("p", {}, what),
      el(
        "div",
        { class: "command" },
        el("pre", { tabindex: "0" }, el("code", {}, command)),
        copy(command, what),
      ),
    ),
  );
  return section(
    "Check it yourself",
    el("p", {}, "With the URL of any node in ", el("code", {}, "NODE"), ":"),
    el("ol", { class: "commands" }, ...items),
  );
}

/** Characters that are shown; all are copied. */
const LONGEST = 50_000;

function machine(report: Report): HTMLElement {
  const text = JSON.stringify(reportData(report), null, 2);
  const shown = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return el(
    "details",
    {},
    el("summary", {}, "The report as JSON"),
    el(
      "div",
      { class: "command" },
      el("pre", { tabindex: "0" }, el("code", {}, visibleLines(shown))),
      copy(text, "The report"),
    ),
  );
}

function copy(text: string, what: string): HTMLElement {
  const button = el("button", { type: "button", class: "copy", "aria-label": `Copy: ${what}` }, "Copy");
  button.addEventListener("click", () => {
    void navigator.clipboard.writeText(text).then(
      () => (button.textContent = "Copied"),
      () => (button.textContent = "Not allowed"),
    );
  });
  return button;
}

function section(title: string, ...children: readonly HTMLElement[]): HTMLElement {
  return el("section", {}, el("h3", {}, title), ...children);
}

function valueText(value: Value): string {
  return typeof value !== "object"
    ? String(value)
    : JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? inner.toString() : inner));
}

function visibleLines(text: string): string {
  return text.split("\n").map(visible).join("\n");
}

function timeOf(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().replace("T", " ").slice(0, 19)} UTC`;
}
