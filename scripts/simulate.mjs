// `npm run -s simulate`, or `npm run -s simulate -- --help`: simulation/main.ts. The contract that it counts with
// is a test's, and is compiled here if no test has done so.
import { existsSync, statSync } from "node:fs";
import { makeReady, program, run, say } from "./ready.mjs";

const node = makeReady();
const source = "test/contracts/support/Counter.sol";
const artifact = "artifacts/test/contracts/support/Counter.sol/Counter.json";
const used = [
  source,
  "contracts/types/Items.sol",
  "contracts/types/Attestation.sol",
  "contracts/types/Record.sol",
];
if (!existsSync(artifact) || used.some((file) => statSync(file).mtimeMs > statSync(artifact).mtimeMs)) {
  say("building the contract that counts");
  run(node, [program("hardhat"), "build", source, "--quiet"], { stdio: ["ignore", "ignore", "inherit"] });
}
run(node, ["--import", "tsx", "simulation/main.ts", ...process.argv.slice(2)]);
