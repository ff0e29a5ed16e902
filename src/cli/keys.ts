import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { HDNodeWallet, Wallet } from "ethers";
import { LOCAL_CHAIN_ID, LOCAL_PHRASE } from "../chain/embedded.js";
import { WaybillError } from "../errors.js";
import { type Key, keyOf } from "../key.js";

/** `lane`: the first of the lanes */
export type Keys = { issuer: Key; lane: Key; lanes: readonly Key[] };

/** `lanes`: how many lanes are used; all whose keys are given, by default */
export type KeyFiles = { issuerKeyFile?: string; laneKeyFile?: readonly string[]; lanes?: string };

/** More lanes than that fill no block better, and each is one more account to keep funded. */
const MOST_LANES = 64;

/**
 * The issuer's key speaks, the lane's pays. Each comes from its file (a key in hex, or an encrypted JSON keystore),
 * else from its variable; without a lane key the issuer pays. On a local chain the public development accounts stand
 * in: the first speaks, the second pays.
 * @throws WaybillError E_KEY
 */
export async function loadKeys(files: KeyFiles, chainId: bigint): Promise<Keys> {
  const issuer = await load("issuer", files.issuerKeyFile);
  const count = readLanes(files.lanes);
  const given = await loadLanes(files);
  const keysOf = (speaker: Key, lanes: readonly Key[]): Keys => {
    const used = lanes.slice(0, count ?? lanes.length);
    if (count !== null && used.length < count) {
      throw new WaybillError("E_KEY", `--lanes ${count} needs ${count} keys, and there are ${used.length}`, {
        mend: "name a file for each with --lane-key-file, again or with commas",
      });
    }
    return { issuer: speaker, lane: used[0]!, lanes: used };
  };
  const isLocal = chainId === LOCAL_CHAIN_ID;
  const lanes =
    given.length > 0
      ? given
      : isLocal && issuer === null
        ? localLanes(count ?? 1)
        : issuer === null
          ? []
          : [issuer];
  if (issuer !== null) return keysOf(issuer, lanes);
  if (isLocal) return keysOf(localKey(0), lanes);
  throw new WaybillError("E_KEY", "there is no issuer key", {
    mend: "name a file with --issuer-key-file, or set WAYBILL_ISSUER_KEY; keys are never taken from the command line",
  });
}

/** The key that pays for deployments and schemas: the lane's, or the issuer's. */
export async function loadPayer(files: KeyFiles, chainId: bigint): Promise<Key> {
  const [lane] = await loadLanes(files);
  return lane ?? (await loadKeys(files, chainId)).lane;
}

function readLanes(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (/^[1-9][0-9]?$/.test(text) && Number(text) <= MOST_LANES) return Number(text);
  throw new WaybillError(
    "E_USAGE",
    `--lanes ${JSON.stringify(text)} is not a number from 1 to ${MOST_LANES}`,
  );
}

function localLanes(count: number): Key[] {
  return Array.from({ length: count }, (_, index) => localKey(index + 1));
}

/** Keys of lanes, each once: from their files, else from the variable. */
async function loadLanes(files: KeyFiles): Promise<Key[]> {
  const named = files.laneKeyFile ?? [];
  const lanes = named.length === 0 ? [await load("lane", undefined)] : [];
  for (const file of named) lanes.push(await load("lane", file));
  return [...new Map(lanes.flatMap((lane) => (lane === null ? [] : [[lane.address, lane]]))).values()];
}

export function localKey(index: number): Key {
  const wallet = HDNodeWallet.fromPhrase(LOCAL_PHRASE, undefined, `m/44'/60'/0'/0/${index}`);
  return keyOf(wallet.privateKey, "the public development phrase");
}

async function load(role: "issuer" | "lane", file: string | undefined): Promise<Key | null> {
  const name = `WAYBILL_${role.toUpperCase()}`;
  if (file !== undefined) {
    const text = readKeyFile(role, file);
    return text.startsWith("{") ? decrypt(text, role, file) : keyOf(text, file);
  }
  const value = process.env[`${name}_KEY`];
  return value === undefined || value === "" ? null : keyOf(value, `${name}_KEY`);
}

function readKeyFile(role: string, file: string): string {
  // Not said again: it may well be a key.
  if (/^(0x)?[0-9a-fA-F]{60,}$/.test(file)) {
    throw new WaybillError("E_KEY", `what is named as the ${role}'s key file looks like a key itself`, {
      mend: "write the key into a file and name that; this one is in your shell's history now, so do not trust it",
    });
  }
  try {
    return readFileSync(file, "utf8").trim();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "unreadable";
    throw new WaybillError("E_KEY", `the ${role}'s key file ${file} cannot be read: ${code}`, {
      mend: "check the path, and that you may read the file",
    });
  }
}

async function decrypt(keystore: string, role: string, file: string): Promise<Key> {
  const variable = `WAYBILL_${role.toUpperCase()}_PASSWORD`;
  const password = process.env[variable] ?? (await askHidden(`Password of ${file}: `, variable));
  let privateKey: string;
  try {
    privateKey = (await Wallet.fromEncryptedJson(keystore, password)).privateKey;
  } catch {
    throw new WaybillError("E_KEY", `${file} does not open with this password`, {
      mend: `check the password (${variable}) and that the file is an encrypted JSON keystore`,
    });
  }
  return keyOf(privateKey, file);
}

async function askHidden(question: string, variable: string): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new WaybillError("E_KEY", "the keystore wants a password and there is no terminal to ask on", {
      mend: `set ${variable}`,
    });
  }
  process.stderr.write(question);
  const lines = createInterface({ input: process.stdin, terminal: true, output: undefined });
  try {
    return await new Promise((resolve) => lines.once("line", resolve));
  } finally {
    lines.close();
    process.stderr.write("\n");
  }
}
