import { uidOf } from "../attestation.js";
import { anchoredCount, sealedItems, statementOf } from "../chain/events.js";
import type { Registry } from "../chain/registry.js";
import { WaybillError } from "../errors.js";
import { type Hex, sameAddress } from "../hex.js";
import { appendRoot, appendUids, type Head } from "../stream.js";
import { rootOf } from "../tree.js";
import type { Link, Stream } from "./links.js";

export type Place = { block: number; blockHash: Hex; transaction: Hex };

/** The first thing that is wrong. */
export type Finding = {
  /**
   * gap: nothing is shown where something was appended; fork: what is shown is at a place that is taken, or is not what
   * the chain has; missing, extra, reordered, doubled: an item; altered: an item, a count or a hash
   */
  kind: "gap" | "fork" | "missing" | "extra" | "reordered" | "doubled" | "altered";
  /** in the stream, from 0; null where it cannot be told */
  position: bigint | null;
  uid: Hex | null;
  place: Place | null;
  text: string;
};

/** What a link has appended, once it is known to make the hash. */
export type Said = {
  position: bigint;
  place: Place;
  level: "record" | "seal" | "anchor";
} & ({ uids: Hex[] } | { root: Hex; count: number });

/**
 * Appends a link to the head as the contract does (contracts/types/Head.sol), from the content and not from what the
 * events say of it: what comes out is the hash that the link claims, or something is wrong.
 */
export function follow(
  registry: Registry,
  { attester }: Stream,
  head: Head,
  link: Link,
): { head: Head; said: Said } | { finding: Finding } {
  const { log, position, count, content } = link;
  const place = { block: log.block, blockHash: log.blockHash, transaction: log.transaction };
  const wrong = (kind: Finding["kind"], at: bigint | null, text: string, uid: Hex | null = null) => ({
    finding: { kind, position: at, uid, place, text },
  });
  if (position > head.count) {
    return wrong(
      "gap",
      head.count,
      `nothing is shown of positions ${head.count} to ${position - 1n}: the next that is shown begins at ${position}`,
    );
  }
  if (position < head.count) {
    return wrong(
      "fork",
      position,
      `position ${position} is taken, and block ${log.block} shows another append there`,
    );
  }
  if (content.kind === "missing") {
    const at = position + BigInt(content.first);
    return wrong(
      "missing",
      at,
      `block ${log.block} shows that ${count} were appended, and not the one at ${at}`,
    );
  }

  const said = sayingOf(registry, attester, link);
  if (typeof said === "number") {
    const at = position + BigInt(said);
    return wrong(
      "altered",
      at,
      `what is shown at position ${at} is nothing that ${attester} could have said there`,
    );
  }
  const next = "uids" in said ? appendUids(head, said.uids) : appendRoot(head, said.root, said.count);
  if (next.hash === link.hash && next.count === position + count) return { head: next, said };

  if ("uids" in said) {
    const met = new Set<Hex>();
    const repeated = said.uids.findIndex((uid) => met.size === met.add(uid).size);
    const surplus = said.uids.length - Number(count);
    if (surplus !== 0) {
      const at = position + (surplus > 0 ? count : BigInt(said.uids.length));
      const kind = surplus > 0 ? "extra" : "missing";
      return wrong(
        kind,
        at,
        `${said.uids.length} are shown from position ${position}, where ${count} were appended`,
      );
    }
    if (repeated >= 0 && said.level === "record") {
      const at = position + BigInt(repeated);
      return wrong("doubled", at, `the item at position ${at} is shown twice`, said.uids[repeated]);
    }
  }
  return wrong(
    "altered",
    position,
    `what is shown from position ${position} on does not make the hash that block ${log.block} has of it`,
  );
}

/** What a link's events say, or the index of the first item whose event cannot be genuine. */
function sayingOf(registry: Registry, attester: Hex, { log, position, content }: Link): Said | number {
  const at = {
    position,
    place: { block: log.block, blockHash: log.blockHash, transaction: log.transaction },
  };
  switch (content.kind) {
    case "recorded": {
      const uids: Hex[] = [];
      for (const item of content.logs) {
        const uid = genuine(() => {
          const statement = statementOf(item);
          return sameAddress(statement.attester, attester) ? uidOf(registry.separator, statement) : null;
        });
        if (uid === null || uid !== item.topics[1]) return uids.length;
        uids.push(uid);
      }
      return { ...at, level: "record", uids };
    }
    case "sealed": {
      const [, , schema, root] = content.log.topics;
      const uids = genuine(() =>
        sealedItems(content.log).map((item) =>
          uidOf(registry.separator, { ...item, schema: schema!, attester }),
        ),
      );
      if (uids === null || uids.length === 0 || rootOf(uids) !== root) return 0;
      return { ...at, level: "seal", uids };
    }
    case "anchored": {
      const leaves = genuine(() => anchoredCount(content.log));
      if (leaves === null) return 0;
      return { ...at, level: "anchor", root: content.log.topics[3]!, count: leaves };
    }
    case "missing":
      return content.first;
  }
}

/** Null for what no registry can have made. */
function genuine<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof WaybillError && error.code === "E_NODE") return null;
    throw error;
  }
}
