// What a verifier in a browser, or one that wants nothing else, imports: `waybill/verifier`. No module of Node is in it.
export { type Attestation, domainSeparator, uidOf } from "../attestation.js";
export { REGISTRY } from "../chain/address.js";
export { httpRequest, type Request } from "../chain/http.js";
export { WaybillError } from "../errors.js";
export type { Hex } from "../hex.js";
export { readWaybill, type StateEvidence, type Waybill, waybillData } from "../waybill.js";
export { safeView, stateEvidence } from "./evidence.js";
export { readWaybills, unreadable } from "./file.js";
export { type NamedNode, nodesAt } from "./node.js";
export { type Policy, readPolicy } from "./policy.js";
export { type AsOf, type Check, LADDER, type Report, reportData, type Verdict } from "./report.js";
export { verify, verifyAll, type VerifyOptions } from "./verify.js";
