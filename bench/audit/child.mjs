// `child.mjs FOLDER`: the audit of a stream that is in FOLDER (ledger.ts), by the built code, in a process of its own;
// and how long that took and how much memory.
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { domainSeparator } from "../../dist/attestation.js";
import { chainOf } from "../../dist/chain/node.js";
import { APPENDED } from "../../dist/chain/registry.js";
import { loadKeccak } from "../../dist/hex.js";
import { auditStream } from "../../dist/verifier/audit.js";
import { findRows } from "../../dist/verifier/rebuild.js";
import { rowsFor } from "../../dist/verifier/rows.js";

const [folder] = process.argv.slice(2);
const { domain, stream, links, bodies, block, proof, items } = JSON.parse(
  readFileSync(`${folder}/ledger.json`, "utf8"),
);
const files = { links: openSync(`${folder}/links`), bodies: openSync(`${folder}/bodies`) };
const registry = { domain: { ...domain, chainId: BigInt(domain.chainId) } };
registry.separator = domainSeparator(registry.domain);

/** One for all: what a new one for each block takes is given back late, and is not the audit's. */
const buffer = Buffer.alloc(
  Math.max(...[links, bodies].flatMap((ends) => ends.slice(1).map((end, at) => end - ends[at]))),
);

/** What a node does: it finds the logs, and what it sends is text. */
async function request(method, params) {
  switch (method) {
    case "eth_chainId":
      return `0x${registry.domain.chainId.toString(16)}`;
    case "eth_getLogs":
      return logsOf(params[0]);
    case "eth_getBlockByNumber":
    case "eth_getBlockByHash":
      return {
        ...block,
        number: params[0].startsWith("0x") && params[0].length < 66 ? params[0] : block.number,
      };
    case "eth_getProof":
      return proof;
    default:
      throw new Error(`${method} was not to be asked`);
  }
}

function logsOf({ topics, fromBlock, toBlock }) {
  const [file, offsets] = topics[0] === APPENDED ? [files.links, links] : [files.bodies, bodies];
  const found = [];
  for (
    let number = Number(fromBlock);
    number <= Number(toBlock) && number + 1 < offsets.length;
    number += 1
  ) {
    const length = readSync(file, buffer, 0, offsets[number + 1] - offsets[number], offsets[number]);
    for (const log of JSON.parse(buffer.toString("utf8", 0, length))) {
      if (topics.every((topic, at) => topic === null || [topic].flat().includes(log.topics[at])))
        found.push(log);
    }
  }
  return found;
}

const chain = chainOf(request);
await loadKeccak();
const start = performance.now();
const report = await auditStream(chain, registry, stream, { nodes: [{ name: "the ledger", request }] });
const seconds = (performance.now() - start) / 1000;
if (report.verdict !== "complete" || report.rebuilt.count !== BigInt(items)) throw new Error(report.because);
const bytes = peakBytes();

// Of a job, each row is kept.
const before = process.memoryUsage().arrayBuffers;
const rows = rowsFor(items);
const rowBytes = (process.memoryUsage().arrayBuffers - before) / items;
const acts = [report.counts.seal > 0n ? "seal" : "record"];
await findRows(chain, registry, stream.attester, rows, { acts, from: 0, to: Number(block.number) });
for (const file of Object.values(files)) closeSync(file);

process.send({ seconds, bytes, rowBytes }, () => process.exit());

/** The most that was resident at a time; see bench/memory/child.mjs. */
function peakBytes() {
  if (process.platform !== "linux") return process.resourceUsage().maxRSS * 1024;
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))[1]) * 1024;
}
