import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { HDNodeWallet, Wallet } from "ethers";
import { LOCAL_CHAIN_ID, LOCAL_PHRASE } from "../chain/embedded.js";
import { WaybillError } from "../errors.js";
import { type Key, keyOf } from "../key.js";

export type Keys = { issuer: Key; lane: Key };

export type KeyFiles = { issuerKeyFile?: string; laneKeyFile?: string };

/**
 * The issuer's key speaks, the lane's pays. Each comes from its file (a key in hex, or an encrypted JSON keystore),
 * else from its variable; without a lane key the issuer pays. On a local chain the public development accounts stand
 * in: the first speaks, the second pays.
 * @throws WaybillError E_KEY
 */
export async function loadKeys(files: KeyFiles, chainId: bigint): Promise<Keys> {
  const issuer = await load("issuer", files.issuerKeyFile);
  const lane = await load("lane", files.laneKeyFile);
  if (issuer !== null) return { issuer, lane: lane ?? issuer };
  if (chainId === LOCAL_CHAIN_ID) return { issuer: localKey(0), lane: lane ?? localKey(1) };
  throw new WaybillError("E_KEY", "there is no issuer key", {
    mend: "name a file with --issuer-key-file, or set WAYBILL_ISSUER_KEY; keys are never taken from the command line",
  });
}

/** The key that pays for deployments and schemas: the lane's, or the issuer's. */
export async function loadPayer(files: KeyFiles, chainId: bigint): Promise<Key> {
  const lane = await load("lane", files.laneKeyFile);
  return lane ?? (await loadKeys(files, chainId)).lane;
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
