import { expect } from "chai";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { HDNodeWallet, keccak256 } from "ethers";
import { LOCAL_PHRASE } from "../../src/chain/embedded.js";
import { type Anvil, freePort, startAnvil } from "../support/anvil.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The commands of every `sh` block, in order. */
function commandsOf(file: string): string[] {
  const blocks = readFileSync(join(ROOT, file), "utf8").matchAll(/^```sh\n(.*?)^```$/gms);
  return [...blocks].flatMap(([, block]) => block!.trimEnd().split("\n"));
}

describe("The README, and docs/verify.md behind it", function () {
  // Some thirty processes one after the other.
  this.timeout(300_000);
  let folder: string;
  let dev: ChildProcess;
  let sepolia: Anvil;
  let local: { [name: string]: string };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "waybill-readme-"));
    for (const [index, name] of ["issuer", "lane"].entries()) {
      const { privateKey } = HDNodeWallet.fromPhrase(LOCAL_PHRASE, undefined, `m/44'/60'/0'/0/${index}`);
      writeFileSync(join(folder, `${name}.key`), privateKey);
    }
    // A node that says it is Sepolia: the commands of the README name that network.
    sepolia = await startAnvil("--chain-id", "11155111", "--block-time", "1");
  });

  after(async () => {
    // The whole group: npm stands between us and the program.
    if (dev !== undefined) process.kill(-dev.pid!, "SIGINT");
    await sepolia?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs a command as it is written, but for the folder of the store and of the keys, and the port. */
  function run(
    command: string,
    env: { [name: string]: string },
  ): Promise<{ code: number | null; output: string }> {
    const text = command.replaceAll(
      /(issuer\.key|lane\.key|(?:ada|one)\.waybill\.json|(?<=--out )\w+)/g,
      (name) => join(folder, name),
    );
    const child = spawn("bash", ["-c", text], { cwd: ROOT, env: { ...process.env, INIT_CWD: ROOT, ...env } });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    return new Promise((resolve) => child.on("close", (code) => resolve({ code, output })));
  }

  async function startDev(command: string): Promise<void> {
    const port = await freePort();
    local = { WAYBILL_DATA: join(folder, "local"), WAYBILL_RPC_URL: `http://127.0.0.1:${port}` };
    dev = spawn("bash", ["-c", `exec ${command} --port ${port}`], {
      cwd: ROOT,
      env: { ...process.env, ...local },
      detached: true,
    });
    await new Promise<void>((resolve, reject) => {
      dev.stdout!.on(
        "data",
        (chunk: Buffer) => chunk.toString().includes("AttestationRegistry") && resolve(),
      );
      dev.once("exit", (code) => reject(new Error(`dev ended with ${code}`)));
    });
  }

  /** What the README says of one uid ends with its revocation. */
  function aboutAnother(command: string): string {
    return command.replace("UID", "UID1");
  }

  /** Of the block under which the exported waybill has its proofs. */
  function headerHash(): string {
    const [first] = readFileSync(join(folder, "one.waybill.json"), "utf8").split("\n");
    const { state } = JSON.parse(first!) as { state: { header: string } };
    return keccak256(state.header);
  }

  it("holds only commands that work, in the order in which it names them", async () => {
    const uids: string[] = [];
    let ran = 0;
    const commands = [...commandsOf("README.md"), ...commandsOf("docs/verify.md").map(aboutAnother)];
    for (const command of commands) {
      ran += 1;
      if (command.endsWith("waybill -- dev")) {
        await startDev(command);
        continue;
      }
      const env = command.includes("--network sepolia")
        ? { WAYBILL_DATA: join(folder, "sepolia"), WAYBILL_RPC_URL: sepolia.url }
        : (local ?? {});
      const said = command.replace("UID1", uids[1] ?? "").replace("UID", uids[0] ?? "");
      const { code, output } = await run(
        said.replace("HASH", () => headerHash()),
        env,
      );
      expect(code, `${command}\n${output}`).to.equal(0);
      if (!command.endsWith("-- report")) continue;
      uids.push(...[...output.matchAll(/\tverified\t(0x\w{64})/g)].map(([, uid]) => uid!));
    }
    expect(uids).to.have.length(1_250);
    expect(ran).to.be.greaterThan(10);
  });

  it("shows what npm start prints, line by line but for the numbers", async () => {
    const shown = /```text\n(\d+ packages.*?)```/s.exec(readFileSync(join(ROOT, "README.md"), "utf8"))![1]!;
    const { output } = await run("node scripts/start.mjs 2>/dev/null", {});
    const shape = (text: string) =>
      text
        .replace(/0x[0-9a-fA-F…]+/g, "0x")
        .replace(/[0-9][0-9,.]*/g, "N")
        .replace(/ +/g, " ");
    expect(shape(output)).to.include(shape(shown.trimEnd()));
  });
});
