import type { ContractFactory } from "ethers";
import { domainSeparator, type Item, packItems, TYPES, uidOf } from "../src/attestation.js";
import { AttestationRegistry__factory, SchemaRegistry__factory } from "../src/bindings/index.js";
import { type Hex, ZERO_ADDRESS, ZERO_WORD } from "../src/hex.js";
import { schemaId } from "../src/schema.js";
import { rootOf } from "../src/tree.js";
import type { Call, Chain } from "./chain.js";
import { gateFactory, hardhat } from "./hardhat.js";
import { compilerText, DEADLINE, type Registry } from "./registry.js";

export type Waybill = Registry & {
  /** how its bytecode was made */
  settings: string;
  seal(items: readonly Item[]): Call;
  /** Of the same items as a seal, of which the chain then only knows the root. */
  anchor(items: readonly Item[]): Call;
};

export async function deployWaybill(chain: Chain, definition: string): Promise<Waybill> {
  const schemasAt = await chain.deploy(new SchemaRegistry__factory() as ContractFactory);
  const to = (await chain.deploy(new AttestationRegistry__factory() as ContractFactory, schemasAt)) as Hex;
  const code = AttestationRegistry__factory.createInterface();
  const { issuer, relayer } = chain;
  const attester = issuer.address as Hex;
  const schema = schemaId(definition, ZERO_ADDRESS, true);
  const separator = domainSeparator({ chainId: chain.id, registry: to });
  const domain = { name: "Waybill", version: "1", chainId: chain.id, verifyingContract: to };
  const terms = { attester, schema, stream: ZERO_WORD, position: 0n, deadline: DEADLINE };

  const call = (data: string): Call => ({ from: issuer, to, data });
  const uidOfItem = (item: Item) => uidOf(separator, { ...item, schema, attester });

  return {
    settings: settings(),
    register: (text) => ({
      from: issuer,
      to: schemasAt,
      data: SchemaRegistry__factory.createInterface().encodeFunctionData("register", [
        text,
        ZERO_ADDRESS,
        true,
      ]),
    }),
    attest: (item) => call(code.encodeFunctionData("attest", [{ ...item, schema, attester }])),
    record: (items) => call(code.encodeFunctionData("record", [terms, packItems(items), "0x"])),
    async recordSigned(items) {
      const packed = packItems(items);
      const message = { ...terms, level: 0, items: packed, value: 0n };
      const signature = await issuer.signTypedData(domain, { Batch: TYPES.Batch }, message);
      return { ...call(code.encodeFunctionData("record", [terms, packed, signature])), from: relayer };
    },
    revoke: (items) => call(code.encodeFunctionData("revoke", [items.map(uidOfItem), ""])),
    async deployGate() {
      const gate = await gateFactory("MemberGate");
      const at = await chain.deploy(gate, to, attester, schema);
      return (item) => ({
        from: relayer,
        to: at,
        data: gate.interface.encodeFunctionData("requireMember", [
          item.recipient,
          { ...item, schema, attester },
        ]),
      });
    },
    seal: (items) => call(code.encodeFunctionData("seal", [terms, packItems(items), "0x"])),
    anchor(items) {
      const root = rootOf(items.map(uidOfItem));
      return call(code.encodeFunctionData("anchor", [terms, root, items.length, "0x"]));
    },
  };
}

function settings(): string {
  const compiler = hardhat.config.solidity.profiles["default"]?.compilers[0];
  if (compiler === undefined) throw new Error("hardhat.config.ts names no compiler");
  const { optimizer, viaIR, evmVersion } = compiler.settings;
  return `as built here: ${compilerText({ solc: compiler.version, runs: optimizer.runs, viaIR, evmVersion })}`;
}
