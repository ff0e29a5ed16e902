import { expect } from "chai";
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MAIN, ROOT, runCli, start, stopAll, temporaryFolder } from "../support/cli.js";

const COMMANDS = [
  ...[
    "dev",
    "deploy",
    "schema",
    "attest",
    "plan",
    "submit",
    "import",
    "status",
    "watch",
    "report",
    "export",
    "verify",
    "revoke",
    "replace",
  ],
  ...["schema add", "schema show", "schema list"],
];

/** Says on stderr which packages are loaded, whether imported or required. */
const WITNESS = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from "node:module";
  registerHooks({
    load(url, context, next) {
      const name = /\\/node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1];
      if (name !== undefined) process.stderr.write("loaded " + name + "\\n");
      return next(url, context);
    },
  });
`)}`;

describe("The help", () => {
  const folder = temporaryFolder();
  after(async () => {
    await stopAll();
    folder.remove();
  });

  it("lists every command, and each has a help of its own", async () => {
    const { code, stdout, stderr } = await runCli(["--help"]);
    expect([code, stderr]).to.deep.equal([0, ""]);
    for (const name of COMMANDS.filter((name) => !name.includes(" "))) {
      expect(stdout).to.match(new RegExp(`^  ${name}\\b`, "m"));
    }
    const helps = await Promise.all(COMMANDS.map((name) => runCli([...name.split(" "), "--help"])));
    for (const [index, name] of COMMANDS.entries()) {
      expect(helps[index]!.code, name).to.equal(0);
      expect(helps[index]!.stdout, name).to.match(new RegExp(`^Usage: waybill ${name}\\b`));
    }
  });

  it("loads no package but commander, so that it comes at once", async () => {
    const loaded = async (...args: string[]) => {
      const { stderr } = await runCli(args, { node: ["--import", WITNESS] });
      return new Set([...stderr.matchAll(/^loaded (.+)$/gm)].map(([, name]) => name!));
    };
    for (const args of [["--help"], ["submit", "--help"], ["--version"]]) {
      expect([...(await loaded(...args))], args.join(" ")).to.deep.equal(["commander"]);
    }
    // The witness sees what there is to see.
    expect([...(await loaded("status", "--data", folder.path))]).to.include.members(["ethers", "kysely"]);
  });

  it("has the version of package.json", async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
    const { code, stdout } = await runCli(["--version"]);
    expect([code, stdout]).to.deep.equal([0, `${version}\n`]);
  });

  it("is shown, with exit code 2, for what is no command or option, and --json has its one document", async () => {
    for (const args of [
      [],
      ["frobnicate"],
      ["status", "--frobnicate"],
      ["submit"],
      ["schema", "frobnicate"],
    ]) {
      const { code, stdout, stderr } = await runCli(args);
      expect([code, stdout], args.join(" ")).to.deep.equal([2, ""]);
      expect(stderr).to.include("waybill");
    }
    const { code, stdout } = await runCli(["status", "--frobnicate", "--json"]);
    expect(code).to.equal(2);
    expect(JSON.parse(stdout).error.code).to.equal("E_USAGE");
  });

  it("does not say a key again that was given as an option", async () => {
    const secret = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    for (const args of [[`--issuer-key=0x${secret}`], ["--issuer-key", secret], [`--key=${secret}`]]) {
      const { code, output } = await runCli(["deploy", ...args]);
      expect(code).to.equal(2);
      expect(output).not.to.include(secret);
    }
  });

  it("ends quietly when the reader has seen enough", async () => {
    // More than a pipe holds: without a reader the rest cannot be written.
    const preload = join(folder.path, "chatty.mjs");
    writeFileSync(preload, 'process.stdout.write("line\\n".repeat(200_000));\n');
    const child = spawn("bash", [
      "-c",
      'set -o pipefail; "$@" | head -1',
      "sh",
      process.execPath,
      "--import",
      preload,
      MAIN,
      "--help",
    ]);
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const code = await new Promise((resolve) => child.once("close", resolve));
    expect([stdout, stderr, code]).to.deep.equal(["line\n", "", 0]);
  });

  it("needs no more than what is in the package", async () => {
    const { code } = await start([MAIN, "--help"], { cwd: folder.path }).ended;
    expect(code).to.equal(0);
  });
});
