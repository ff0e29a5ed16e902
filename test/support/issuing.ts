import { Interface } from "ethers";
import { type Attestation, packItems, uidOf } from "../../src/attestation.js";
import type { Inclusion } from "../../src/batch.js";
import { AttestationRegistry__factory } from "../../src/bindings/index.js";
import { type Hex, hex, keccak, ZERO_ADDRESS, ZERO_WORD } from "../../src/hex.js";
import type { Key } from "../../src/key.js";
import { treeOf } from "../../src/tree.js";
import type { Waybill } from "../../src/waybill.js";
import { dataOf, DEFINITION, freshKey, type World } from "./stage.js";

const contract = new Interface(AttestationRegistry__factory.abi);

/** One issuer at its counter: each call is a block of its own. */
export type Issuing = {
  issuer: Key;
  statement(more?: Partial<Attestation>): Attestation;
  uid(of: Attestation): Hex;
  /** mines a call of the issuer to the registry, or to another contract */
  send(data: Hex, to?: Hex): Promise<Inclusion>;
  call(name: string, ...args: unknown[]): Hex;
  attest(of: Attestation): Promise<Hex>;
  record(of: readonly Attestation[], stream?: { key: Hex; position: bigint }): Promise<Waybill[]>;
  seal(of: readonly Attestation[], stream?: { key: Hex; position: bigint }): Promise<Waybill[]>;
  anchor(of: readonly Attestation[], stream?: { key: Hex; position: bigint }): Promise<Waybill[]>;
  revoke(...uids: Hex[]): Promise<Inclusion>;
  revokeUnrecorded(of: Attestation): Promise<Inclusion>;
  /** a waybill of what is on no chain */
  waybill(of: Attestation, more?: Partial<Waybill>): Waybill;
};

/** @param issuer a key that this node has not seen; by itself a fresh one */
export async function openIssuing(world: World, key?: Key): Promise<Issuing> {
  const issuer = key ?? (await freshKey(world));
  const schema = { definition: DEFINITION, resolver: ZERO_ADDRESS, revocable: true };
  let nonce = 0;
  let made = 0;

  async function send(data: Hex, to = world.registry.domain.registry): Promise<Inclusion> {
    const { raw, hash } = issuer.signTransaction({
      chainId: 31337n,
      nonce,
      to,
      data,
      gasLimit: 15_000_000n,
      maxFee: 10n ** 11n,
      tip: 1n,
    });
    nonce += 1;
    await world.node("eth_sendRawTransaction", [raw]);
    await world.mine();
    const receipt = (await world.chain.receipt(hash))!;
    if (!receipt.succeeded) throw new Error("the transaction failed");
    return receipt;
  }

  const uid = (of: Attestation) => uidOf(world.registry.separator, of);
  const call = (name: string, ...args: unknown[]) => contract.encodeFunctionData(name, args) as Hex;

  async function commit(
    level: "record" | "seal" | "anchor",
    of: readonly Attestation[],
    stream: { key: Hex; position: bigint } | undefined,
  ): Promise<Waybill[]> {
    const terms = {
      attester: issuer.address,
      schema: of[0]!.schema,
      stream: stream?.key ?? ZERO_WORD,
      position: stream?.position ?? 0n,
      deadline: 0,
    };
    const tree = treeOf(of.map(uid));
    const { recordCall, sealCall, anchorCall } = world.registry;
    const data =
      level === "anchor"
        ? anchorCall(terms, tree.root, of.length, "0x")
        : (level === "seal" ? sealCall : recordCall)(terms, packItems(of), "0x");
    const { block, blockHash, transaction } = { ...(await send(data)) } as Inclusion & { transaction: Hex };
    return of.map((one, index) =>
      waybill(one, {
        proof:
          level === "record"
            ? null
            : { level, root: tree.root, count: of.length, index, path: tree.path(index) },
        stream: stream === undefined ? null : { key: stream.key, position: stream.position + BigInt(index) },
        location: { block, blockHash, transaction },
      }),
    );
  }

  function waybill(of: Attestation, more: Partial<Waybill> = {}): Waybill {
    return {
      ...world.registry.domain,
      uid: uid(of),
      attestation: of,
      schema,
      signature: null,
      proof: null,
      stream: null,
      location: null,
      state: null,
      ...more,
    };
  }

  return {
    issuer,
    uid,
    send,
    call,
    waybill,
    statement(more = {}) {
      made += 1;
      return {
        schema: world.schema,
        attester: issuer.address,
        recipient: ZERO_ADDRESS,
        ref: ZERO_WORD,
        expiresAt: 0,
        revocable: true,
        salt: ZERO_WORD,
        data: dataOf({ name: `statement ${made}`, value: 7n }),
        ...more,
      };
    },
    async attest(of) {
      await send(call("attest", { ...of, data: hex(of.data) }));
      return uid(of);
    },
    record: (of, stream) => commit("record", of, stream),
    seal: (of, stream) => commit("seal", of, stream),
    anchor: (of, stream) => commit("anchor", of, stream),
    revoke: (...uids) => send(call("revoke", uids, "withdrawn")),
    revokeUnrecorded({ data, ...rest }) {
      return send(call("revokeUnrecorded", [{ ...rest, dataHash: hex(keccak(data)) }], "", 0, "0x"));
    },
  };
}
