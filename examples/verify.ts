// A gate: opens to whoever brings a waybill that the policy accepts and that is about him.
//   node examples/verify.ts FILE WHO URL
import { readFileSync } from "node:fs";
import { nodesAt, readPolicy, readWaybill, REGISTRY, verify } from "waybill/verifier";

const [file, who, ...urls] = process.argv.slice(2);
const rules = new URL("policies/kyc-gate.json", import.meta.url);

const report = await verify(readWaybill(readFileSync(file!, "utf8"), file!), {
  nodes: nodesAt(urls),
  registry: REGISTRY,
  policy: readPolicy(readFileSync(rules, "utf8"), "kyc-gate.json"),
});

const isAboutHim = report.attestation?.recipient.toLowerCase() === who!.toLowerCase();
const isOpen = report.verdict === "accept" && isAboutHim;
console.log(
  isOpen
    ? "come in"
    : `closed: ${report.verdict}, ${isAboutHim ? report.because : "it is about somebody else"}`,
);
process.exitCode = isOpen ? 0 : 1;
