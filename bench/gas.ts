/** `npm run -s bench:gas`: what the same work costs by EAS and by Waybill, both deployed on a chain in this process. */
import { parseArgs } from "node:util";
import { jsonText } from "../src/cli/output.js";
import { openChain } from "./chain.js";
import { deployEas } from "./eas.js";
import { type Settings, tableText } from "./table.js";
import { deployWaybill } from "./waybill.js";
import { DEFINITION, measure, type Measured } from "./work.js";

/** What `--json` prints. Of the last one, which is a count of items, the ratio is Waybill ÷ EAS. */
export type Report = {
  work: { name: string; eas: number | null; waybill: number; ratio: number | null }[];
  settings: Settings;
};

const { values: options } = parseArgs({ options: { json: { type: "boolean" } } });

const chain = await openChain();
const eas = await deployEas(chain, DEFINITION);
const waybill = await deployWaybill(chain, DEFINITION);
const measured = await measure(chain, eas, waybill);
await chain.close();

const settings = { eas: eas.settings, waybill: waybill.settings, chain: chain.settings };
const text = options.json === true ? jsonText(reportOf(measured, settings)) : tableText(measured, settings);
process.stdout.write(`${text}\n`);

function reportOf({ work, largest }: Measured, settings: Settings): Report {
  const rows = [...work, largest].map(({ name, eas, waybill, ratio }) => ({ name, eas, waybill, ratio }));
  return { work: rows, settings };
}
