import { REGISTRY } from "../../src/chain/address.js";
import { WaybillError } from "../../src/errors.js";
import type { Hex } from "../../src/hex.js";
import { readWaybills, unreadable } from "../../src/verifier/file.js";
import { nodesAt } from "../../src/verifier/node.js";
import { type Policy, readPolicy } from "../../src/verifier/policy.js";
import type { Report } from "../../src/verifier/report.js";
import { verifyAll } from "../../src/verifier/verify.js";
import type { Waybill } from "../../src/waybill.js";
import { byId, el, quoted } from "./dom.js";
import { reportView } from "./reportView.js";

const form = byId<HTMLFormElement>("form");
const drop = byId("drop");
const file = byId<HTMLInputElement>("file");
const fileName = byId("fileName");
const uid = byId<HTMLInputElement>("uid");
const nodes = byId<HTMLTextAreaElement>("nodes");
const want = byId<HTMLSelectElement>("want");
const policy = byId<HTMLInputElement>("policy");
const hash = byId<HTMLInputElement>("hash");
const registry = byId<HTMLInputElement>("registry");
const status = byId("status");
const result = byId("result");

const LARGEST = 32 * 2 ** 20; // bytes
/** Waybills that are shown: a command line takes more. */
const MOST = 100;

/** Of the newest run: what an older one brings is no longer asked for. */
let run = 0;

registry.value = REGISTRY;

file.addEventListener("change", () => {
  const [chosen] = file.files ?? [];
  fileName.replaceChildren(chosen === undefined ? "none chosen" : quoted(chosen.name));
  if (chosen !== undefined) uid.value = "";
});
uid.addEventListener("input", () => {
  if (uid.value === "" || file.value === "") return;
  file.value = "";
  fileName.textContent = "the uid is checked instead";
});
nodes.addEventListener("input", () => {
  nodes.rows = Math.min(6, Math.max(1, nodes.value.split("\n").length));
});

// Dropped beside the field, a file would take the page's place.
for (const name of ["dragover", "drop"] as const) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", name === "dragover");
    const files = event.dataTransfer?.files;
    if (name !== "drop" || files === undefined || files.length === 0) return;
    file.files = files;
    file.dispatchEvent(new Event("change"));
    file.focus();
  });
}
document.addEventListener("dragleave", () => drop.classList.remove("over"));

form.addEventListener("submit", (event) => {
  event.preventDefault();
  run += 1;
  void check(run);
});

async function check(own: number): Promise<void> {
  const asked = await readForm();
  if (asked === null || own !== run) return;
  status.textContent = "Checking…";
  result.replaceChildren();
  form.setAttribute("aria-busy", "true");
  try {
    const views = await viewsOf(asked);
    if (own !== run) return;
    result.replaceChildren(...views);
  } catch (error) {
    if (own !== run) return;
    result.replaceChildren(faultView(error));
  } finally {
    if (own === run) {
      status.textContent = "";
      form.removeAttribute("aria-busy");
      // Where a screen reader goes on reading, and what the next key scrolls.
      result.querySelector<HTMLElement>("h2")?.focus();
    }
  }
}

type Asked = {
  subject: { uid: Hex } | { name: string; text: string };
  nodes: string[];
  want: number;
  policy: Policy | null;
  headerHash: Hex | null;
  registry: Hex;
};

/** Names every field that is wrong, and goes to the first. @returns null if one is */
async function readForm(): Promise<Asked | null> {
  const faults: [HTMLElement, id: string, text: string][] = [];
  const refuse = (input: HTMLElement, id: string, text: string) => void faults.push([input, id, text]);

  const [chosen] = file.files ?? [];
  const typed = uid.value.trim().toLowerCase();
  if (chosen !== undefined && chosen.size > LARGEST) {
    refuse(file, "what-error", "The file is larger than 32 MiB: check it with `waybill verify`.");
  } else if (chosen === undefined && typed === "") {
    refuse(file, "what-error", "Choose a waybill, or type a uid.");
  } else if (chosen === undefined && !/^0x[0-9a-f]{64}$/.test(typed)) {
    refuse(uid, "what-error", "A uid is 0x and 64 hex digits.");
  }

  const urls = nodes.value.split(/\s+/).filter((url) => url !== "");
  if (!urls.every((url) => /^https?:\/\//.test(url) && URL.canParse(url))) {
    refuse(nodes, "nodes-error", "A node's URL begins with https:// or http://.");
  }
  const trusted = hash.value.trim().toLowerCase();
  if (trusted !== "" && !/^0x[0-9a-f]{64}$/.test(trusted)) {
    refuse(hash, "hash-error", "The hash of a block is 0x and 64 hex digits.");
  }
  if (urls.length === 0 && (chosen === undefined || trusted === "")) {
    refuse(nodes, "nodes-error", "Name a node, or choose a waybill and name a block that you trust.");
  }
  const address = registry.value.trim();
  if (!/^0x[0-9a-fA-F]{40}$/.test(address)) {
    refuse(registry, "registry-error", "An address is 0x and 40 hex digits.");
  }
  const [rules] = policy.files ?? [];
  let read: Policy | null = null;
  if (rules !== undefined) {
    try {
      if (rules.size > LARGEST) throw new WaybillError("E_POLICY", "it is too large");
      read = readPolicy(await rules.text(), rules.name);
    } catch (error) {
      if (!(error instanceof WaybillError)) throw error;
      refuse(policy, "policy-error", error.message);
    }
  }

  for (const input of [file, uid, nodes, hash, registry, policy]) input.removeAttribute("aria-invalid");
  for (const place of form.querySelectorAll(".fault")) place.replaceChildren();
  for (const [input, id, text] of faults) {
    input.setAttribute("aria-invalid", "true");
    byId(id).replaceChildren(quoted(text));
  }
  const [first] = faults;
  if (first !== undefined) {
    first[0].closest("details")?.setAttribute("open", "");
    first[0].focus();
    return null;
  }
  return {
    subject: chosen === undefined ? { uid: typed as Hex } : { name: chosen.name, text: await chosen.text() },
    nodes: urls,
    want: Number(want.value),
    policy: read,
    headerHash: trusted === "" ? null : (trusted as Hex),
    registry: address as Hex,
  };
}

async function viewsOf(asked: Asked): Promise<HTMLElement[]> {
  const { subject, want, policy, headerHash, registry } = asked;
  const now = Math.floor(Date.now() / 1000);
  const options = { nodes: nodesAt(asked.nodes), registry, want, policy, headerHash, now };
  if ("uid" in subject) {
    const [report] = await verifyAll([subject.uid], options);
    return [reportView(report!, null, null)];
  }
  const all = readWaybills(subject.text, subject.name);
  const some = all.slice(0, MOST);
  const waybills = some.flatMap((read) => (read.ok ? [read.waybill] : []));
  const reports = await verifyAll(waybills, options);
  const shown = some.map((read): [Report, Waybill | null] =>
    read.ok
      ? [reports[waybills.indexOf(read.waybill)]!, read.waybill]
      : [unreadable(read.problem, want, policy), null],
  );
  if (shown.length === 1) return shown.map(([report, waybill]) => reportView(report, waybill, subject.name));
  return [summary(shown, all.length), ...shown.map((one, index) => folded(one, index, subject.name))];
}

function summary(shown: readonly [Report, Waybill | null][], all: number): HTMLElement {
  const count = (verdict: Report["verdict"]) => shown.filter(([report]) => report.verdict === verdict).length;
  const counts = (["accept", "reject", "undecided"] as const)
    .filter((verdict) => count(verdict) > 0)
    .map((verdict) => `${count(verdict)} ${verdict}`);
  return el(
    "div",
    { class: "summary" },
    el("h2", { tabindex: "-1" }, `${shown.length} waybills: ${counts.join(", ")}`),
    shown.length < all
      ? el(
          "p",
          {},
          `${all} are in the file; the first ${shown.length} were checked. `,
          el("code", {}, "waybill verify"),
          " checks all.",
        )
      : null,
  );
}

function folded([report, waybill]: [Report, Waybill | null], index: number, name: string): HTMLElement {
  return el(
    "details",
    { class: `one ${report.verdict}` },
    el("summary", {}, `${index + 1}. ${report.verdict}: `, quoted(report.because)),
    reportView(report, waybill, name),
  );
}

/** What kept the page from checking, and what to do about it. */
function faultView(error: unknown): HTMLElement {
  const known = error instanceof WaybillError ? error : null;
  const hint =
    known?.code === "E_NODE"
      ? "A browser only reaches nodes that allow pages to ask them (CORS), and from an https page only https nodes."
      : (known?.mend ?? "");
  return el(
    "div",
    { class: "report fault", role: "alert" },
    el("h2", { tabindex: "-1" }, "Not checked"),
    el("p", {}, quoted(known?.message ?? `This page has a fault: ${String(error)}`)),
    el("p", { class: "means" }, hint),
  );
}
