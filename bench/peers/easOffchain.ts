import { createRequire } from "node:module";
import { Signature, type TypedDataDomain, Wallet } from "ethers";
import type { EasVersion } from "../../src/eas.js";
import { type Hex, hex, ZERO_ADDRESS, ZERO_WORD } from "../../src/hex.js";
import { encode, parseSchema, schemaId } from "../../src/schema.js";
import type { Random } from "../../test/contracts/support/random.js";

// As an ES module the SDK throws while it is imported: see eas.ts.
const require = createRequire(import.meta.url);
const { EAS, Offchain, OFFCHAIN_ATTESTATION_TYPES } =
  require("@ethereum-attestation-service/eas-sdk") as typeof import("@ethereum-attestation-service/eas-sdk");

export const DEFINITION = "string name,uint64 score,bool isHuman";

/** A document as the SDK makes it, and what it was made of. */
export type Signed = { document: { sig: Fields; signer: string }; privateKey: Hex };
export type Fields = { [name: string]: unknown };

const CONTRACT = "0xA1207F3BBa224E2c9c3c6D5aF63D0eb1582Ce587";
const DOMAIN_VERSIONS = ["0.26", "1.0.0", "1.2.0", "1.4.0"];

/** Signs one statement of random content. */
export async function signed(random: Random, version: EasVersion): Promise<Signed> {
  const privateKey = hex(random.bytes(32));
  const wallet = new Wallet(privateKey);
  const offchain = offchainOf(random, version);
  const sig = await offchain.signOffchainAttestation(
    {
      schema: schemaId(DEFINITION, ZERO_ADDRESS, true),
      recipient: random.below(3) === 0 ? ZERO_ADDRESS : hex(random.bytes(20)),
      time: BigInt(1_600_000_000 + random.below(2 ** 28)),
      expirationTime: random.below(2) === 0 ? 0n : BigInt(2 ** 33 + random.below(2 ** 30)),
      revocable: random.below(2) === 0,
      refUID: random.below(2) === 0 ? ZERO_WORD : hex(random.bytes(32)),
      data: hex(
        encode(parseSchema(DEFINITION), {
          name: "Ada".repeat(random.below(30)),
          score: BigInt(random.below(2 ** 40)),
          isHuman: random.below(2) === 0,
        }),
      ),
      ...(version === 2 ? { salt: hex(random.bytes(32)) } : {}),
    },
    wallet,
  );
  return { document: plain({ sig, signer: wallet.address }), privateKey };
}

/** The first layout in the two other spellings that the SDK still reads, signed as SDKs once did. */
export async function signedAsBefore(random: Random, spelling: 1 | 2): Promise<Signed> {
  const { document, privateKey } = await signed(random, 0);
  const { types, primaryType } = OFFCHAIN_ATTESTATION_TYPES[0][spelling]!;
  const { domain, message } = document.sig as { domain: TypedDataDomain; message: Fields };
  const { r, s, v } = Signature.from(await new Wallet(privateKey).signTypedData(domain, types, message));
  const sig = { ...document.sig, types, primaryType, signature: { v, r, s } };
  return { document: { ...document, sig }, privateKey };
}

/** The same with its signature in the open, as documents without a version have it. */
export function flattened({ sig, signer }: Signed["document"]): Signed["document"] {
  const { signature, version, ...rest } = sig;
  return { sig: { ...rest, ...(signature as Fields) }, signer };
}

/** What the SDK says to a document: whether the signer has signed it. */
export function accepts({ sig, signer }: Signed["document"]): boolean {
  const { domain, version } = sig as {
    domain: { chainId: string; version: string; verifyingContract: string };
    version: EasVersion;
  };
  try {
    const { chainId, version: domainVersion, verifyingContract } = domain;
    const config = { address: verifyingContract, version: domainVersion, chainId: BigInt(chainId) };
    return new Offchain(config, version, new EAS(verifyingContract)).verifyOffchainAttestationSignature(
      signer,
      sig as never,
    );
  } catch {
    return false;
  }
}

function offchainOf(random: Random, version: EasVersion) {
  const config = {
    address: CONTRACT,
    version: DOMAIN_VERSIONS[random.below(DOMAIN_VERSIONS.length)]!,
    chainId: [1n, 10n, 8453n, 11155111n][random.below(4)]!,
  };
  return new Offchain(config, version, new EAS(CONTRACT));
}

/** As the SDK itself writes it: what is a bigint becomes a decimal string. */
function plain(document: object): Signed["document"] {
  const text = JSON.stringify(document, (_, value: unknown) =>
    typeof value === "bigint" ? value.toString() : value,
  );
  return JSON.parse(text) as Signed["document"];
}
