import { globSync } from "node:fs";
import { createRequire } from "node:module";
import toolbox from "@nomicfoundation/hardhat-toolbox-mocha-ethers";
import { configVariable, defineConfig } from "hardhat/config";

const require = createRequire(import.meta.url);

// One compiler and one set of settings for every profile: the CREATE2 addresses are a hash of what it makes.
const compiler = {
  version: "0.8.37",
  path: require.resolve("solc/soljson.js"),
  settings: {
    optimizer: { enabled: true, runs: 1_000_000 },
    viaIR: true,
    evmVersion: "cancun",
    metadata: { bytecodeHash: "none" as const },
  },
};

// Tests load the registries as they are compiled above; they themselves build twice as fast without the pipeline.
const forTests = { ...compiler, settings: { ...compiler.settings, viaIR: false } };
const testFiles = globSync("test/contracts/**/*.sol", { cwd: import.meta.dirname }).filter(
  // What stands for other people's contracts and is measured.
  (file) => !file.endsWith("Gate.sol"),
);
const profile = {
  compilers: [compiler],
  overrides: Object.fromEntries(testFiles.map((file) => [file, forTests])),
};

export default defineConfig({
  plugins: [toolbox],
  solidity: { profiles: { default: profile, production: profile } },
  paths: { tests: { mocha: "test", solidity: "test/contracts" } },
  typechain: { outDir: "src/bindings" },
  test: {
    mocha: { timeout: 120_000 },
    solidity: {
      fuzz: { runs: 256, seed: "0x57a7b111" },
      invariant: { runs: 64, depth: 64, failOnRevert: true },
    },
  },
  networks: {
    local: { type: "http", chainType: "l1", url: "http://127.0.0.1:8545" },
    sepolia: {
      type: "http",
      chainType: "l1",
      url: configVariable("WAYBILL_RPC_URL"),
      accounts: [configVariable("WAYBILL_LANE_KEY")],
    },
  },
});
