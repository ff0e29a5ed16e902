// npm under Node 20 leaves out packages whose `engines` ask for a newer Node, and with them the native part of
// Hardhat's chain. This puts it back (about a second, the lock stays as it is) and does nothing where it loads.
// It is a `prepare` script so that it runs for people who build Waybill and never for people who install it.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

function edrIsInstalled() {
  return existsSync(new URL("../node_modules/@nomicfoundation/edr/package.json", import.meta.url));
}

function edrLoads() {
  try {
    require("@nomicfoundation/edr");
    return true;
  } catch {
    return false;
  }
}

if (edrIsInstalled() && !edrLoads()) {
  const npm = process.env.npm_execpath;
  if (npm === undefined) {
    throw new Error("Hardhat's native chain did not install: run `npm run prepare`, so that npm is known.");
  }
  const node = new URL("../node_modules/.bin/node", import.meta.url).pathname;
  const runner = existsSync(node) ? node : process.execPath;
  console.error("waybill: installing the native part of Hardhat's chain that npm left out under this Node.");
  execFileSync(runner, [npm, "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}
