export {
  type Attestation,
  batchDigest,
  type BatchTerms,
  type Domain,
  domainSeparator,
  type Item,
  type Level,
  packItems,
  revocationDigest,
  saltOf,
  TYPES,
  uidOf,
} from "./attestation.js";
export { type AbiType, type Field, typeText, type Value, type Values } from "./abi.js";
export { decode, encode, parseSchema, readJson, readText, type Schema, schemaId } from "./schema.js";
export { checkEasData, easItem, type EasStatement, readEas } from "./eas.js";
export { WaybillError } from "./errors.js";
export type { Hex } from "./hex.js";
export { type Key, keyOf } from "./key.js";
export type { Chain } from "./chain/chain.js";
export { deployments } from "./chain/deployment.js";
export { httpRequest, type Request } from "./chain/http.js";
export { chainOf } from "./chain/node.js";
export { type Provider, requestOf } from "./chain/provider.js";
export { openRegistry, type Registry, type RegisteredSchema } from "./chain/registry.js";
export { deployRegistries } from "./sdk/deploy.js";
export { type Payer, payerOf } from "./sdk/transact.js";
export { listSchemas, registerSchema } from "./sdk/schemas.js";
export { openSqliteStore } from "./store/sqlite.js";
export type { Counts, Job, ReportRow, Store } from "./store/store.js";
export { readRows } from "./admission/file.js";
export { admit, admittedRows, checkedRows } from "./admission/admit.js";
export {
  createSubmitter,
  type Outcome,
  type Submitter,
  type SubmitterOptions,
} from "./submitter/submitter.js";
export { type NamedNode, nodesAt } from "./verifier/node.js";
export { type Policy, readPolicy } from "./verifier/policy.js";
export { type Report, reportData } from "./verifier/report.js";
export { verify, verifyAll, type VerifyOptions } from "./verifier/verify.js";
export { readWaybill, type Waybill, waybillData } from "./waybill.js";
export {
  AttestationRegistry__factory,
  type AttestationRegistry,
  SchemaRegistry__factory,
  type SchemaRegistry,
} from "./bindings/index.js";
