import { readFileSync } from "node:fs";
import {
  Contract,
  ContractFactory,
  Interface,
  type JsonFragment,
  Signature,
  solidityPackedKeccak256,
  type TransactionReceipt,
} from "ethers";
import type { Item } from "../src/attestation.js";
import { hex, ZERO_ADDRESS, ZERO_WORD } from "../src/hex.js";
import type { Call, Chain } from "./chain.js";
import { gateFactory } from "./hardhat.js";
import { compilerText, DEADLINE, type Registry } from "./registry.js";

export type Eas = Registry & {
  /** what it is and how its bytecode was made */
  settings: string;
  /** Keeps the time at which 32 bytes were known: the nearest that EAS has to an anchor. */
  timestamp(bytes: string): Call;
};

const PACKAGE = new URL("node_modules/@ethereum-attestation-service/eas-contracts/", import.meta.url);

type Artifact = { abi: JsonFragment[]; bytecode: string; deployedBytecode: string };

/** Deploys the bytecode that EAS's package ships; nothing is compiled here. */
export async function deployEas(chain: Chain, definition: string): Promise<Eas> {
  const [schemas, eas] = [artifactOf("SchemaRegistry"), artifactOf("EAS")];
  const schemasAt = await chain.deploy(factoryOf(schemas));
  const to = await chain.deploy(factoryOf(eas), schemasAt);
  const code = new Interface(eas.abi);
  const schema = solidityPackedKeccak256(["string", "address", "bool"], [definition, ZERO_ADDRESS, true]);
  const { issuer, relayer } = chain;
  const contract = new Contract(to, code, issuer);
  const version: string = await contract.getFunction("version")();
  const domain = { name: "EAS", version, chainId: chain.id, verifyingContract: to };

  const call = (name: string, ...args: unknown[]): Call => ({
    from: issuer,
    to,
    data: code.encodeFunctionData(name, args),
  });

  const uidsIn = ({ logs }: TransactionReceipt) =>
    logs.flatMap((log) => {
      const event = code.parseLog(log);
      return event?.name === "Attested" ? [event.args["uid"] as string] : [];
    });

  return {
    settings: `${version}, ${settings()}`,
    register: (text) => ({
      from: issuer,
      to: schemasAt,
      data: new Interface(schemas.abi).encodeFunctionData("register", [text, ZERO_ADDRESS, true]),
    }),
    attest: (item) => call("attest", { schema, data: requestOf(item) }),
    record: (items) => call("multiAttest", [{ schema, data: items.map(requestOf) }]),
    async recordSigned(items) {
      const next: bigint = await contract.getFunction("getNonce")(issuer.address);
      const signatures: Signature[] = [];
      for (const [index, item] of items.entries()) {
        const common = { attester: issuer.address, schema, deadline: DEADLINE, nonce: next + BigInt(index) };
        const signed = await issuer.signTypedData(domain, TYPES, { ...requestOf(item), ...common });
        signatures.push(Signature.from(signed));
      }
      const data = items.map(requestOf);
      const request = { schema, data, signatures, attester: issuer.address, deadline: DEADLINE };
      return { ...call("multiAttestByDelegation", [request]), from: relayer };
    },
    revoke(items, recorded) {
      const uids = uidsIn(recorded);
      if (uids.length !== items.length) throw new Error(`${uids.length} uids of ${items.length} items`);
      const data = uids.map((uid) => ({ uid, value: 0 }));
      return data.length === 1
        ? call("revoke", { schema, data: data[0] })
        : call("multiRevoke", [{ schema, data }]);
    },
    async deployGate() {
      const gate = await gateFactory("EasGate");
      const at = await chain.deploy(gate, to, issuer.address, schema);
      return ({ recipient }, recorded) => ({
        from: relayer,
        to: at,
        data: gate.interface.encodeFunctionData("requireMember", [recipient, uidsIn(recorded)[0]]),
      });
    },
    timestamp: (bytes) => call("timestamp", bytes),
  };
}

/**
 * How the package's bytecode was made. The package itself only tells the compiler's version; compiling its sources,
 * with OpenZeppelin 5.3.0, under the rest gives the same bytecode, byte for byte.
 */
function settings(): string {
  const { version } = JSON.parse(read("package.json")) as { version: string };
  const [, ...numbers] = SOLC_AT_END.exec(artifactOf("EAS").deployedBytecode) ?? [];
  const solc = numbers.map((number) => parseInt(number, 16)).join(".");
  const compiler = { solc, runs: 1_000_000, viaIR: false, evmVersion: "paris" };
  return `npm ${version} as it ships: ${compilerText(compiler)}`;
}

/** CBOR at the end of bytecode: `solc` and three bytes. */
const SOLC_AT_END = /64736f6c6343(..)(..)(..)000a$/;

/** What the issuer signs, once for each attestation. */
const TYPES = {
  Attest: [
    { name: "attester", type: "address" },
    { name: "schema", type: "bytes32" },
    { name: "recipient", type: "address" },
    { name: "expirationTime", type: "uint64" },
    { name: "revocable", type: "bool" },
    { name: "refUID", type: "bytes32" },
    { name: "data", type: "bytes" },
    { name: "value", type: "uint256" },
    { name: "nonce", type: "uint256" },
    { name: "deadline", type: "uint64" },
  ],
};

function requestOf({ recipient, revocable, data }: Item) {
  return { recipient, expirationTime: 0, revocable, refUID: ZERO_WORD, data: hex(data), value: 0 };
}

function factoryOf({ abi, bytecode }: Artifact): ContractFactory {
  return new ContractFactory(abi, bytecode);
}

function artifactOf(name: string): Artifact {
  return JSON.parse(read(`artifacts/contracts/${name}.sol/${name}.json`)) as Artifact;
}

function read(path: string): string {
  return readFileSync(new URL(path, PACKAGE), "utf8");
}
