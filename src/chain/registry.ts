import { Interface } from "ethers";
import {
  type Attestation,
  type BatchTerms,
  type Domain,
  domainSeparator,
  type Level,
} from "../attestation.js";
import { AttestationRegistry__factory, SchemaRegistry__factory } from "../bindings/index.js";
import { WaybillError } from "../errors.js";
import { type Hex, hex, keccak, sameAddress, unhex } from "../hex.js";
import { type Record, recordIn } from "../record.js";
import type { Head } from "../stream.js";
import {
  account,
  type Argument,
  bytes,
  bytesList,
  calldata,
  number,
  struct,
  text,
  word,
  wordList,
} from "./calldata.js";
import type { BlockTag, Chain, Log } from "./chain.js";

const registry = new Interface(AttestationRegistry__factory.abi);
const schemas = new Interface(SchemaRegistry__factory.abi);

export { ANCHORED, APPENDED, ATTESTED, REVOKED, SEALED } from "./topics.js";
export type { Record };
export { sameAddress };

/** The one slot that the chain keeps of a root; layout of contracts/types/Root.sol. */
export type Root = {
  level: "seal" | "anchor";
  /** when it came to that level, Unix seconds */
  committedAt: number;
  /** when it was first kept, at whatever level, Unix seconds */
  since: number;
  /** of leaves */
  count: number;
  /** nothing bypassed the schema's resolver */
  judged: boolean;
  revocable: boolean;
};

export type RegisteredSchema = { id: Hex; definition: string; resolver: Hex; revocable: boolean };

export function registerSchemaCall(definition: string, resolver: Hex, revocable: boolean): Hex {
  return schemas.encodeFunctionData("register", [definition, resolver, revocable]) as Hex;
}

function refusalOf(data: Hex): { name: string; args: unknown[] } | null {
  for (const contract of [registry, schemas]) {
    const error = data === "0x" ? null : parsedError(contract, data);
    if (error !== null) return { name: error.name, args: [...error.args] as unknown[] };
  }
  return null;
}

/** What a contract in between cut short, or made up, is none of our errors. */
function parsedError(contract: Interface, data: Hex): ReturnType<Interface["parseError"]> {
  try {
    return contract.parseError(data);
  } catch {
    return null;
  }
}

function refusalText(data: Hex): string {
  const error = refusalOf(data);
  if (error !== null) return `${error.name}(${error.args.map(String).join(", ")})`;
  return data === "0x" ? "no reason given" : `unknown error ${data.slice(0, 74)}`;
}

/**
 * The attestation that an Attested event carries, and the uid that it claims.
 * @throws WaybillError E_NODE if it is no such event: the registry cannot have made it, so the node did
 */
export function attestedOf(log: Log): { uid: Hex; attestation: Attestation } {
  try {
    const { args } = registry.parseLog(log)!;
    return {
      uid: args.uid as Hex,
      attestation: {
        schema: args.schema as Hex,
        attester: args.attester as Hex,
        recipient: args.recipient as Hex,
        ref: args.ref as Hex,
        expiresAt: Number(args.expiresAt),
        revocable: args.revocable as boolean,
        salt: args.salt as Hex,
        data: unhex(args.data as string),
      },
    };
  } catch (cause) {
    throw new WaybillError(
      "E_NODE",
      `the node hands out an event in block ${log.block} that no registry made`,
      {
        mend: "ask another node with --rpc-url",
        cause,
      },
    );
  }
}

/** What a Sealed event of packed items carries, as the ABI specification has it: to be compared, never to be read. */
export function sealedData(items: Uint8Array): Hex {
  const size = (value: number) => value.toString(16).padStart(64, "0");
  const padding = "00".repeat((32 - (items.length % 32)) % 32);
  return `0x${size(32)}${size(items.length)}${hex(items).slice(2)}${padding}`;
}

/** What an Appended event says. @throws WaybillError E_NODE if it is none */
export function appendedOf(log: Log): { position: bigint; count: bigint; hash: Hex } {
  return read(log.data, () => {
    const { position, count, hash } = registry.parseLog(log)!.args;
    return { position: position as bigint, count: count as bigint, hash: hash as Hex };
  });
}

/** The event of a new schema. */
export const schemaRegistered = {
  topic: schemas.getEvent("SchemaRegistered")!.topicHash as Hex,
  read(log: Log): RegisteredSchema {
    const { args } = schemas.parseLog(log)!;
    return {
      id: args.id as Hex,
      definition: args.definition as string,
      resolver: args.resolver as Hex,
      revocable: args.revocable as boolean,
    };
  },
};

/** The registries of one chain: what can be asked of them, and how calls to them are written. */
export type Registry = {
  domain: Domain;
  separator: Uint8Array;
  schemaRegistry: Hex;
  recordCall(terms: BatchTerms, items: Uint8Array, signature: Hex): Hex;
  sealCall(terms: BatchTerms, items: Uint8Array, signature: Hex): Hex;
  anchorCall(terms: BatchTerms, root: Hex, count: number, signature: Hex): Hex;
  /**
   * Puts one attestation on the chain at a level by its issuer's own signature.
   * @param signature the attester's over the uid
   */
  carryCall(level: Level, attestation: Attestation, signature: Hex): Hex;
  /** @param signed the issuer's permission, when somebody else sends it */
  revokeCall(
    uids: readonly Hex[],
    reason: string,
    signed: { attester: Hex; deadline: number; signature: Hex } | null,
  ): Hex;
  /** Does several of these calls in one transaction, in order: all or none. None of them may need a value. */
  multicallCall(calls: readonly Hex[]): Hex;
  /** what one of our contracts said no with; null if it is none of its errors */
  refusalOf(data: Hex): { name: string; args: unknown[] } | null;
  /** the same as text: `NotAttester(0x…, 0x…)` */
  refusalText(data: Hex): string;
  /** in the order asked; `null` where nothing is known of a uid */
  records(uids: readonly Hex[], at: number | Hex | BlockTag): Promise<(Record | null)[]>;
  /** null if the attester has neither sealed nor anchored the root under the schema */
  root(attester: Hex, schema: Hex, root: Hex, at: number | Hex | BlockTag): Promise<Root | null>;
  /** the end of a stream; zeros if nothing was ever appended */
  head(attester: Hex, stream: Hex, at: number | Hex | BlockTag): Promise<Head>;
  /** the ends of streams, in the order asked, in one request */
  heads(attester: Hex, streams: readonly Hex[], at: number | Hex | BlockTag): Promise<Head[]>;
  /** as the node tells it, so check the id before encoding under it; null if no such schema is registered */
  schema(id: Hex, at?: Hex | BlockTag): Promise<RegisteredSchema | null>;
  /** The same registry, of which what is read at the same time is asked for in one request. */
  gathering(): Registry;
};

/**
 * Finds the registry at an address and the schema registry that it names.
 * @throws WaybillError E_REGISTRY_MISSING if something else, or nothing, is there
 */
export async function openRegistry(chain: Chain, address: Hex): Promise<Registry> {
  const chainId = await chain.chainId();
  const missing = (cause: string) =>
    new WaybillError("E_REGISTRY_MISSING", `no registry at ${address} on chain ${chainId}: ${cause}`, {
      mend: "run `waybill deploy` for this network, or name the right address with --registry",
    });
  if ((await chain.code(address)) === "0x") throw missing("there is no contract");
  const named = await chain.call(
    { to: address, data: registry.encodeFunctionData("schemaRegistry") as Hex },
    "latest",
  );
  if (named.kind === "unavailable")
    throw new WaybillError("E_NODE", `the node cannot run calls: ${named.message}`);
  if (named.kind === "reverted" || named.data.length !== 66)
    throw missing("the contract there is another one");
  const schemaRegistry = registry.decodeFunctionResult("schemaRegistry", named.data)[0] as Hex;
  const domain = { chainId, registry: address };

  const ask = async (to: Hex, data: Hex, at: number | Hex | BlockTag): Promise<Hex> => {
    const result = await chain.call({ to, data }, at);
    if (result.kind === "returned") return result.data;
    const why = result.kind === "reverted" ? refusalText(result.data) : result.message;
    throw new WaybillError("E_NODE", `the node at chain ${chainId} did not answer a read: ${why}`, {
      mend: "run again, or name another node with --rpc-url",
    });
  };

  return reading({ domain, schemaRegistry }, ask);
}

/** Reads a contract: what it returned. */
type View = (to: Hex, data: Hex, at: number | Hex | BlockTag) => Promise<Hex>;

function reading(
  { domain, schemaRegistry }: Pick<Registry, "domain" | "schemaRegistry">,
  view: View,
): Registry {
  const address = domain.registry;
  const head = async (attester: Hex, stream: Hex, at: number | Hex | BlockTag): Promise<Head> =>
    headIn(await view(address, registry.encodeFunctionData("headOf", [attester, stream]) as Hex, at));

  return {
    gathering: () => reading({ domain, schemaRegistry }, gathered(address, view)),
    domain,
    separator: domainSeparator(domain),
    schemaRegistry,
    recordCall: (terms, items, signature) => itemsCall("record", terms, items, signature),
    sealCall: (terms, items, signature) => itemsCall("seal", terms, items, signature),
    anchorCall: (terms, root, count, signature) =>
      calldata(selectorOf("anchor"), [termsOf(terms), word(root), number(count), bytes(unhex(signature))]),
    carryCall(level, attestation, signature) {
      const { data, ...statement } = attestation;
      switch (level) {
        case "record":
          return registry.encodeFunctionData("attestSigned", [attestation, signature]) as Hex;
        case "seal":
          return registry.encodeFunctionData("sealSigned", [attestation, signature]) as Hex;
        case "anchor":
          return registry.encodeFunctionData("anchorSigned", [
            { ...statement, dataHash: keccak(data) },
            signature,
          ]) as Hex;
      }
    },
    revokeCall: (uids, reason, signed) =>
      signed === null
        ? calldata(selectorOf("revoke"), [wordList(uids), text(reason)])
        : calldata(selectorOf("revokeSigned"), [
            account(signed.attester),
            wordList(uids),
            text(reason),
            number(signed.deadline),
            bytes(unhex(signed.signature)),
          ]),
    multicallCall,
    refusalOf,
    refusalText,
    async records(uids, at) {
      const data = await view(address, registry.encodeFunctionData("recordsOf", [uids]) as Hex, at);
      const words = read(data, () => registry.decodeFunctionResult("recordsOf", data)[0] as bigint[]);
      if (words.length !== uids.length) throw unreadable(`${words.length} records for ${uids.length} uids`);
      return [...words].map(recordIn);
    },
    async root(attester, schema, root, at) {
      const call = registry.encodeFunctionData("rootOf", [attester, schema, root]) as Hex;
      const data = await view(address, call, at);
      const found = read(data, () => registry.decodeFunctionResult("rootOf", data));
      const level = ([null, "seal", "anchor"] as const)[Number(found.level)];
      if (level === undefined) throw unreadable(`a root of level ${String(found.level)}`);
      if (level === null) return null;
      return {
        level,
        committedAt: Number(found.committedAt),
        since: Number(found.since),
        count: Number(found.count),
        judged: found.judged as boolean,
        revocable: found.revocable as boolean,
      };
    },
    head,
    async heads(attester, streams, at) {
      if (streams.length <= 1) return Promise.all(streams.map((stream) => head(attester, stream, at)));
      const calls = streams.map((stream) => registry.encodeFunctionData("headOf", [attester, stream]) as Hex);
      return (await viewSeveral(address, view, calls, at)).map(headIn);
    },
    async schema(id, at = "latest") {
      const asked = schemas.encodeFunctionData("termsOf", [id]) as Hex;
      const termsData = await view(schemaRegistry, asked, at);
      const terms = read(termsData, () => schemas.decodeFunctionResult("termsOf", termsData)[0] as Terms);
      if (!terms.exists) return null;
      const textData = await view(
        schemaRegistry,
        schemas.encodeFunctionData("definitionOf", [id]) as Hex,
        at,
      );
      const definition = read(textData, () =>
        String(schemas.decodeFunctionResult("definitionOf", textData)[0]),
      );
      return { id, definition, resolver: terms.resolver, revocable: terms.revocable };
    },
  };
}

async function viewSeveral(
  address: Hex,
  view: View,
  calls: readonly Hex[],
  at: number | Hex | BlockTag,
): Promise<Hex[]> {
  const data = await view(address, multicallCall(calls), at);
  const answers = read(data, () => [...(registry.decodeFunctionResult("multicall", data)[0] as Hex[])]);
  if (answers.length !== calls.length)
    throw unreadable(`${answers.length} answers to ${calls.length} questions`);
  return answers;
}

/** Calldata of what is asked together: far below what a node takes in one request. */
const MOST_GATHERED = 2 ** 18;

/** Waits for what else is asked of the registry at the same time, and asks all of it at once. */
function gathered(address: Hex, view: View): View {
  type Question = { data: Hex; answer: (data: Hex) => void; fail: (error: unknown) => void };
  const waiting = new Map<number | Hex | BlockTag, Question[]>();
  async function send(at: number | Hex | BlockTag): Promise<void> {
    const questions = waiting.get(at)!;
    waiting.delete(at);
    while (questions.length > 0) {
      const some: Question[] = [];
      for (let size = 0; questions.length > 0;) {
        size += questions[0]!.data.length;
        if (size > MOST_GATHERED && some.length > 0) break;
        some.push(questions.shift()!);
      }
      try {
        const calls = some.map((one) => one.data);
        const answers =
          calls.length === 1
            ? [await view(address, calls[0]!, at)]
            : await viewSeveral(address, view, calls, at);
        some.forEach((one, index) => one.answer(answers[index]!));
      } catch (error) {
        for (const one of some) one.fail(error);
      }
    }
  }
  return (to, data, at) => {
    if (to !== address) return view(to, data, at);
    return new Promise((answer, fail) => {
      const questions = waiting.get(at);
      if (questions !== undefined) questions.push({ data, answer, fail });
      else {
        waiting.set(at, [{ data, answer, fail }]);
        // When all that can be asked without another answer has been.
        setImmediate(() => void send(at));
      }
    });
  };
}

function headIn(answer: Hex): Head {
  const { count, hash } = read(answer, () => registry.decodeFunctionResult("headOf", answer)[0] as Head);
  return { count, hash };
}

function multicallCall(calls: readonly Hex[]): Hex {
  return calldata(selectorOf("multicall"), [bytesList(calls.map(unhex))]);
}

function itemsCall(name: "record" | "seal", terms: BatchTerms, items: Uint8Array, signature: Hex): Hex {
  return calldata(selectorOf(name), [termsOf(terms), bytes(items), bytes(unhex(signature))]);
}

function selectorOf(name: "record" | "seal" | "anchor" | "revoke" | "revokeSigned" | "multicall"): Hex {
  return registry.getFunction(name)!.selector as Hex;
}

function termsOf({ attester, schema, stream, position, deadline }: BatchTerms): Argument {
  return struct(account(attester), word(schema), word(stream), number(position), number(deadline));
}

type Terms = { resolver: Hex; revocable: boolean; exists: boolean };

/** Decodes an answer. @throws WaybillError E_NODE if it has another shape */
function read<T>(data: Hex, decode: () => T): T {
  try {
    return decode();
  } catch {
    throw unreadable(`an answer of ${(data.length - 2) / 2} bytes has another shape`);
  }
}

function unreadable(what: string): WaybillError {
  return new WaybillError("E_NODE", `the node's answer about the registry cannot be used: ${what}`, {
    mend: "run again, or name another node with --rpc-url",
  });
}
