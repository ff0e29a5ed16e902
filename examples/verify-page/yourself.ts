import type { Hex } from "../../src/hex.js";
import type { Report } from "../../src/verifier/report.js";
import { headSlots, recordSlot, rootSlot } from "../../src/verifier/slots.js";
import type { Waybill } from "../../src/waybill.js";

/** A command that anyone can run instead of believing this page, and what it shows. */
export type OwnCheck = { what: string; command: string };

/** For a shell in which $NODE is the URL: it may hold a key, which is nobody else's affair. */
export function ownChecks(report: Report, waybill: Waybill | null, file: string | null): OwnCheck[] {
  const { asOf, attestation, uid } = report;
  const checks: OwnCheck[] = [];
  const named = file !== null ? quotedWord(file) : uid;
  if (named !== null) {
    checks.push({
      what: "All of it, on your own machine",
      command: `npx waybill verify ${named} --rpc-url "$NODE"${asOf === null ? "" : ` --at ${asOf.block}`}`,
    });
  }
  if (asOf === null) return checks;
  const { registry, block } = asOf;
  const at = quantity(block);
  checks.push({
    what: `The header of block ${block}: its hash has to be ${asOf.hash}`,
    command: rpc("eth_getBlockByNumber", [at, false]),
  });
  if (uid !== null) {
    checks.push({
      what: "What the registry keeps of the statement, with the proof of it",
      command: rpc("eth_getProof", [registry, [recordSlot(uid)], at]),
    });
  }
  if (attestation !== null && waybill?.proof != null) {
    const slot = rootSlot(attestation.attester, attestation.schema, waybill.proof.root);
    checks.push({
      what: `What it keeps of the root that the statement is under, ${waybill.proof.root}`,
      command: rpc("eth_getProof", [registry, [slot], at]),
    });
  } else if (uid !== null) {
    // isValid(bytes32): recorded, not revoked, not expired.
    const data = `${IS_VALID}${uid.slice(2)}`;
    checks.push({
      what: "What the registry itself says: 1 is recorded, not revoked and not expired",
      command: rpc("eth_call", [{ to: registry, data }, at]),
    });
  }
  if (attestation !== null && waybill?.stream != null) {
    checks.push({
      what: "The end of the stream that it stands in: how many statements, and their hash",
      command: rpc("eth_getProof", [registry, headSlots(attestation.attester, waybill.stream.key), at]),
    });
    checks.push({
      what: "The whole stream, from its first statement to that end",
      command: `npx waybill audit ${waybill.stream.key} --attester ${attestation.attester} --rpc-url "$NODE" --at ${block}`,
    });
  }
  if (report.recordedIn !== null) {
    checks.push({
      what: "The transaction that put it there, with its events",
      command: rpc("eth_getTransactionReceipt", [report.recordedIn.transaction]),
    });
  }
  return checks;
}

/** The selector of `isValid(bytes32)`. */
const IS_VALID: Hex = "0x6a938567";

function rpc(method: string, params: readonly unknown[]): string {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  return `curl -s "$NODE" -H 'content-type: application/json' -d '${body}'`;
}

/** A word of a shell; a file may be called anything. */
function quotedWord(name: string): string {
  return /^\w[\w. -]*$/.test(name) ? `'${name}'` : "FILE";
}

function quantity(value: number): Hex {
  return `0x${value.toString(16)}`;
}
