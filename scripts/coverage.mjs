// `npm run -s coverage`: lines and branches of contracts/ that the Solidity tests take. Fails if one is missing, and
// names it. forge is asked, since Hardhat counts no branches; what it runs are the same tests.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { makeReady, program, ROOT, say } from "./ready.mjs";

const FOLDER = join("cache", "forge");
const FOUND = join(ROOT, FOLDER, "lcov.info");

const at = (...names) => JSON.stringify(join(ROOT, ...names));

/**
 * In a file that is not committed, since forge reads paths in it from where it lies. Without the optimizer, which moves
 * code across branches, and with fewer fuzz runs than the tests have on their own.
 */
const CONFIG = `
[profile.default]
src = ${at("contracts")}
test = ${at("test", "contracts")}
libs = [${at("node_modules")}]
remappings = ["@openzeppelin/=${join(ROOT, "node_modules", "@openzeppelin")}/"]
out = ${at(FOLDER, "out")}
cache_path = ${at(FOLDER)}
solc = ${at("tools", "solc.cjs")}
offline = true
evm_version = "cancun"
bytecode_hash = "none"
fuzz = { runs = 64, seed = "0x57a7b111" }
invariant = { runs = 16, depth = 64, fail_on_revert = true }
`;

/** Of each file: how many lines and branches there are, and what no test took, as `line 7` or `branch of line 7`. */
function parse(lcov) {
  return lcov
    .split("end_of_record")
    .map((record) => record.trim())
    .filter((record) => record !== "")
    .map((record) => {
      const fields = record.split("\n").map((line) => line.split(/[:,]/));
      const of = (kind) => fields.filter(([name]) => name === kind);
      const lines = of("DA");
      const branches = of("BRDA");
      return {
        file: relative(ROOT, of("SF")[0][1]),
        lines: lines.length,
        branches: branches.length,
        missed: [
          ...lines.filter(([, , hits]) => hits === "0").map(([, line]) => `line ${line}`),
          ...branches
            .filter((branch) => ["0", "-"].includes(branch[4]))
            .map(([, line]) => `branch of line ${line}`),
        ],
      };
    });
}

makeReady();
const forge = program("forge");
if (!existsSync(forge)) {
  say("forge is missing: npm install --no-save @foundry-rs/forge-<system>@1.7.1");
  process.exit(2);
}
mkdirSync(FOLDER, { recursive: true });
writeFileSync(join(FOLDER, "foundry.toml"), CONFIG);
const { status, stdout, stderr } = spawnSync(
  forge,
  [
    ...["coverage", "--config-path", join(FOLDER, "foundry.toml")],
    ...["--report", "lcov", "--report-file", FOUND, "--no-match-coverage", "(test|node_modules)/"],
  ],
  { encoding: "utf8", maxBuffer: 2 ** 28 },
);
if (status !== 0) {
  const failures = stdout.split("\n").filter((line) => line.startsWith("[FAIL"));
  process.stderr.write(`${[...new Set(failures)].join("\n")}\n${stderr}\n`);
  process.exit(1);
}

const files = parse(readFileSync(FOUND, "utf8"));
const width = Math.max(...files.map(({ file }) => file.length));
for (const { file, lines, branches, missed } of files) {
  const counts = `${String(lines).padStart(4)} lines ${String(branches).padStart(4)} branches`;
  process.stdout.write(
    `${file.padEnd(width)}  ${counts}  ${missed.length === 0 ? "all taken" : "not taken:"}\n`,
  );
  for (const what of missed) process.stdout.write(`  ${what}\n`);
}
const missed = files.reduce((sum, file) => sum + file.missed.length, 0);
const sum = (name) => files.reduce((total, file) => total + file[name], 0);
process.stdout.write(
  `${sum("lines")} lines and ${sum("branches")} branches in ${files.length} files, ${missed} not taken\n`,
);
process.exit(missed === 0 && files.length > 0 ? 0 : 1);
