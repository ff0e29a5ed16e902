import { Ajv2020 } from "ajv/dist/2020.js";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Report, reportData } from "../../src/verifier/report.js";
import { verify, verifyAll } from "../../src/verifier/verify.js";
import { ROOT } from "./cli.js";

/** The published JSON schemas, by which every document that a test sees is held. */
const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false });

function validatorOf(name: string): (document: unknown) => void {
  const validate = ajv.compile(JSON.parse(readFileSync(join(ROOT, "docs", name), "utf8")) as object);
  return (document) => {
    if (validate(document)) return;
    throw new Error(
      `not as docs/${name} has it: ${ajv.errorsText(validate.errors)}: ${JSON.stringify(document)}`,
    );
  };
}

/** @throws Error unless it is as docs/report.schema.json says */
export const heldToSchema: (document: unknown) => void = validatorOf("report.schema.json");

/** @throws Error unless it is as docs/waybill.schema.json says */
export const waybillHeld: (document: unknown) => void = validatorOf("waybill.schema.json");

/** `verify`, whose every report is held against the schema. */
export const checked: typeof verify = async (what, options) => held(await verify(what, options));

export const allChecked: typeof verifyAll = async (what, options) =>
  (await verifyAll(what, options)).map(held);

export function held(report: Report): Report {
  heldToSchema(JSON.parse(JSON.stringify(reportData(report))));
  return report;
}
