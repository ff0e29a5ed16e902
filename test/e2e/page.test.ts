import { createRequire } from "node:module";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { proofOf } from "../../src/accountProof.js";
import { type Hex, hex, ZERO_ADDRESS } from "../../src/hex.js";
import type { Key } from "../../src/key.js";
import { streamKey } from "../../src/stream.js";
import { headerOf } from "../../src/verifier/header.js";
import { recordSlot } from "../../src/verifier/slots.js";
import { type Waybill, waybillData } from "../../src/waybill.js";
import { runCli, ROOT, start, temporaryFolder } from "../support/cli.js";
import { openIssuing } from "../support/issuing.js";
import { dataOf, openWorld } from "../support/stage.js";

/** scripts/page.mjs */
type PageScript = {
  bundle(entry: string): Promise<{ text: string; parts: object; files: string[] }>;
  makePage(): Promise<{ gzip: number; parts: object }>;
};

/** What a page that trusted it would run, load or show in the wrong place. */
const HOSTILE = `<b>Mallory</b></script><img src=x onerror="alert(1)"><script>alert(2)</script>\u202Eevil\u0000 ${"long ".repeat(400)}`;
/** Where the pictures go that a person looks at: `WAYBILL_SCREENSHOTS=/tmp/shots npm test -- test/e2e/page.test.ts`. */
const SHOTS = process.env["WAYBILL_SCREENSHOTS"];
const BROWSERS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const FLAGS = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
];

describe("The page that checks a waybill", function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  let world: Awaited<ReturnType<typeof openWorld>>;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let url: string;
  let issuer: Key;
  /** What the page did that it must not: errors, dialogs, questions to anybody but the node. */
  const strays: string[] = [];

  /** A recorded one, one that is recorded and revoked, and two of one sealed batch in a stream. */
  let recorded: Waybill;
  let revoked: Waybill;
  let sealed: Waybill[];
  /** of the block that `recorded` has the state of */
  let trusted: Hex;

  before(async () => {
    const executablePath = BROWSERS.find((path) => existsSync(path));
    if (executablePath === undefined) throw new Error("there is no Chromium: apt-get install -y chromium");
    const built = await start(["scripts/page.mjs"]).ended;
    expect(built.code, built.output).to.equal(0);
    url = pathToFileURL(join(ROOT, "examples", "verify-page", "dist", "index.html")).href;
    [world, browser] = await Promise.all([
      openWorld(),
      chromium.launch({ executablePath, args: FLAGS, timeout: 60_000 }),
    ]);
    await fill();
  });

  after(async () => {
    await browser?.close();
    await world?.close();
    folder.remove();
  });

  /** Everything that the tests look at, on the chain. */
  async function fill(): Promise<void> {
    const counter = await openIssuing(world);
    issuer = counter.issuer;
    const saying = (name: string) =>
      counter.statement({ recipient: issuer.address, data: dataOf({ name, value: 7n }) });
    const both = await counter.record([saying("Ada Lovelace"), saying("Grace Hopper")]);
    [recorded, revoked] = both as [Waybill, Waybill];
    await counter.revoke(revoked.uid);
    const leaves = [saying("Radia Perlman"), saying(HOSTILE), saying("Lynn Conway")];
    sealed = await counter.seal(leaves, { key: streamKey("the board"), position: 0n });
    await world.mine(4);

    const block = (await world.node("eth_getBlockByNumber", ["latest", false])) as { number: Hex; hash: Hex };
    const reading = headerOf(block);
    if (reading.outcome !== "pass") throw new Error(reading.evidence);
    trusted = block.hash;
    const asked = [world.registry.domain.registry, [recordSlot(recorded.uid)], block.number];
    const registry = proofOf(await world.node("eth_getProof", asked))!;
    recorded = { ...recorded, state: { header: reading.header.encoded, registry, resolver: null } };
  }

  beforeEach(async () => {
    strays.length = 0;
    await open();
  });
  afterEach(async () => {
    await context.close();
    expect(strays).to.deep.equal([]);
  });

  async function open(options: Parameters<Browser["newContext"]>[0] = {}): Promise<void> {
    context = await browser.newContext({ viewport: { width: 1100, height: 900 }, ...options });
    page = await context.newPage();
    page.on("pageerror", (error) => strays.push(String(error)));
    page.on("console", (message) => void (message.type() === "error" && strays.push(message.text())));
    page.on("dialog", (dialog) => {
      strays.push(dialog.message());
      void dialog.dismiss();
    });
    page.on("request", (request) => {
      const to = request.url();
      if (to !== url && !to.startsWith(world.anvil.url) && !to.startsWith("data:")) strays.push(to);
    });
    await page.goto(url);
  }

  const fileOf = (waybills: readonly Waybill[], name = "one.waybill.json") => ({
    name,
    mimeType: "application/json",
    buffer: Buffer.from(waybills.map((one) => JSON.stringify(waybillData(one))).join("\n")),
  });

  async function choose(file: ReturnType<typeof fileOf>): Promise<void> {
    await page.getByLabel("Choose a waybill").setInputFiles(file);
  }

  /** Asks, and waits for the answer. @returns its heading */
  async function check(node: string | null = world.anvil.url): Promise<string> {
    if (node !== null) await page.getByLabel("Node URL").fill(node);
    await page.getByRole("button", { name: "Check", exact: true }).click();
    return verdict();
  }

  async function verdict(): Promise<string> {
    const heading = page.locator("#result h2").first();
    await heading.waitFor();
    return (await heading.textContent())!;
  }

  const text = (selector: string) => page.locator(selector).first().innerText();
  const focused = () => page.locator(":focus").getAttribute("id");
  const level = () => text("#result [aria-current=step] strong");

  async function shoot(name: string): Promise<void> {
    if (SHOTS === undefined) return;
    mkdirSync(SHOTS, { recursive: true });
    await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
  }

  it("accepts a recorded statement by its uid, and says what it says, how far and why", async () => {
    await page.getByLabel("or the uid").fill(recorded.uid);
    expect(await check()).to.equal("Accept");
    expect(await level()).to.equal("proven");
    expect(await text("#result .facts")).to.match(/name\s+Ada Lovelace\s+value\s+7\s/);
    expect(await page.locator("#result .flag.yes").first().innerText()).to.match(/^current\s+yes/);
    const outcomes = await page.locator("#result tbody tr").allInnerTexts();
    expect(outcomes.length).to.be.greaterThan(4);
    expect(outcomes.join("\n")).to.match(/✓ pass\s+state proof\s+.*under the state root of block/);
    await shoot("accept");
  });

  it("accepts a sealed statement by its file that is dropped, with its place in a root and in a stream", async () => {
    const { name, buffer } = fileOf([sealed[0]!]);
    const dropped = `
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([${JSON.stringify(buffer.toString())}], ${JSON.stringify(name)}));
      dataTransfer`;
    await page.dispatchEvent("main", "drop", { dataTransfer: await page.evaluateHandle(dropped) });
    expect(await focused()).to.equal("file");
    expect(await text("#fileName")).to.equal(name);
    expect(await check()).to.equal("Accept");
    expect(await text("#result .facts")).to.match(/sealed\s+leaf 0 of 3/);
    expect(await page.locator("#result .flag.yes dt").allTextContents()).to.include("complete");
  });

  it("needs no node for a file that has the state with it, under a block that the reader trusts", async () => {
    await choose(fileOf([recorded]));
    await page.getByText("More: level").click();
    await page.getByLabel("Hash of a block that you trust").fill(trusted);
    expect(await check(null)).to.equal("Accept");
    expect(await level()).to.equal("proven");
    await page.getByLabel("Hash of a block that you trust").fill(`0x${"1".repeat(64)}`);
    await page.getByRole("button", { name: "Check", exact: true }).click();
    await page.locator("#result .undecided, #result .reject").waitFor();
  });

  it("rejects what was revoked, and is undecided about what it cannot find", async () => {
    await page.getByLabel("or the uid").fill(revoked.uid);
    expect(await check()).to.equal("Reject");
    expect(await page.locator("#result .flag.no dt").allTextContents()).to.deep.equal(["current"]);
    await shoot("reject");
    await page.getByLabel("or the uid").fill(`0x${"1".repeat(64)}`);
    await page.getByRole("button", { name: "Check", exact: true }).click();
    await page.locator("#result .undecided").waitFor();
    expect(await verdict()).to.equal("Undecided");
    await shoot("undecided");
  });

  it("rejects a file that was tampered with, whatever was changed", async () => {
    const genuine = JSON.stringify(waybillData(recorded));
    const changes: [from: string | RegExp, to: string][] = [
      [hex(new TextEncoder().encode("Ada")).slice(2), hex(new TextEncoder().encode("Eve")).slice(2)],
      [issuer.address, ZERO_ADDRESS],
      ["uint64 value", "uint64 valor"],
      [/"expiresAt":0/, '"expiresAt":4000000000'],
      [recorded.uid, revoked.uid],
    ];
    for (const [from, to] of changes) {
      const buffer = Buffer.from(genuine.replace(from, to));
      expect(buffer.toString(), String(from)).not.to.equal(genuine);
      await choose({ ...fileOf([]), buffer });
      expect(await check(), String(from)).to.equal("Reject");
      expect(await level()).to.equal("unreadable");
      await shoot("tampered");
      await page.evaluate("document.getElementById('result').replaceChildren()");
    }
  });

  it("shows what an attacker wrote as text, and runs and loads nothing of it", async () => {
    await choose(fileOf([sealed[1]!], `<img src=x onerror=alert(3)>\u202E.json`));
    expect(await check()).to.equal("Accept");
    const facts = await text("#result .facts");
    expect(facts).to.include("<b>Mallory</b>");
    expect(facts).to.include("</script><img src=x onerror=");
    expect(facts).to.include("\\u{202e}evil\\u{0}");
    expect(facts).to.match(/… and \d+ more/);
    expect(await page.locator("#result img, #result script, #result b").count()).to.equal(0);
    expect(await page.locator("#result .commands").innerText()).to.include("npx waybill verify FILE");
    await shoot("hostile");
    await choose({ ...fileOf([]), buffer: Buffer.from('{"waybill":2,"<img src=x onerror=alert(4)>":1}') });
    await page.getByRole("button", { name: "Check", exact: true }).click();
    await page.locator("#result .reject").waitFor();
  });

  it("allows no script, style or connection of anybody else by its policy", async () => {
    const policy = await page.locator("meta[http-equiv]").getAttribute("content");
    expect(policy).to.match(
      /^default-src 'none'; script-src 'sha256-[\w+/=]+'; style-src 'sha256-[\w+/=]+';/,
    );
    expect(policy).not.to.match(/unsafe|\*/);
    const ran = await page.evaluate(`
      const script = document.createElement("script");
      script.textContent = "window.ran = true";
      const image = new Image();
      image.src = "http://127.0.0.1:9/x.png";
      document.body.append(script, image);
      "ran" in window;
    `);
    expect(ran).to.equal(false);
    // The browser says what it has refused.
    await page.evaluate("new Promise((resolve) => requestAnimationFrame(resolve))");
    const refused = strays.splice(0).filter((stray) => /Content Security Policy/.test(stray));
    expect(refused.length).to.be.at.least(2);
  });

  it("checks many in one file, each by itself", async () => {
    const broken = { ...sealed[2]!, uid: recorded.uid };
    await choose(fileOf([recorded, revoked, broken, ...sealed], "all.jsonl"));
    expect(await check()).to.equal("6 waybills: 4 accept, 2 reject");
    const folded = page.locator("#result details.one");
    expect(await folded.count()).to.equal(6);
    await folded.nth(1).locator("summary").first().click();
    expect(await folded.nth(1).getByRole("heading", { name: "Reject" }).isVisible()).to.equal(true);
    await shoot("many");
  });

  it("says what is missing or wrong beside the field, and goes to it", async () => {
    await page.getByRole("button", { name: "Check", exact: true }).click();
    expect(await focused()).to.equal("file");
    expect(await text("#what-error")).to.equal("Choose a waybill, or type a uid.");
    await page.getByLabel("or the uid").fill("0x12");
    await page.getByLabel("Node URL").fill("ftp://node");
    await page.getByRole("button", { name: "Check", exact: true }).click();
    expect(await focused()).to.equal("uid");
    expect(await text("#nodes-error")).to.match(/begins with https/);
    expect(await page.getByLabel("or the uid").getAttribute("aria-invalid")).to.equal("true");
    await shoot("faults");
    await page.getByLabel("or the uid").fill(recorded.uid);
    await page.getByText("More: level").click();
    await page
      .getByLabel("Policy file")
      .setInputFiles({ ...fileOf([]), buffer: Buffer.from('{"policy":9}') });
    await page.getByLabel("Node URL").fill(world.anvil.url);
    await page.getByRole("button", { name: "Check", exact: true }).click();
    await page.locator("#policy-error:not(:empty)").waitFor();
    expect(await focused()).to.equal("policy");
  });

  it("says why a node could not be asked", async () => {
    await page.getByLabel("or the uid").fill(recorded.uid);
    await page.getByLabel("Node URL").fill(`${world.anvil.url.replace(/\d+$/, "9")}/key/SECRETSECRET`);
    await page.getByRole("button", { name: "Check", exact: true }).click();
    expect(await verdict()).to.equal("Not checked");
    expect(await text("#result"))
      .to.match(/does not answer/)
      .and.to.include("CORS");
    expect(await text("#result")).not.to.include("SECRET");
    strays.length = 0;
  });

  it("works by the keyboard alone, and tells a screen reader what it tells the eye", async () => {
    await page.keyboard.press("Tab");
    expect(await focused()).to.equal("file");
    await page.keyboard.press("Tab");
    await page.keyboard.type(recorded.uid);
    await page.keyboard.press("Tab");
    await page.keyboard.type(world.anvil.url);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    expect(await focused()).to.equal("want");
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await verdict()).to.equal("Accept");
    expect(await page.locator(":focus").textContent()).to.equal("Accept");
    const heard = await page.locator("#result").ariaSnapshot();
    for (const said of [
      '- heading "Accept" [level=2]',
      '- heading "How far" [level=3]',
      /proven\s.*\(reached, and no further\)/,
      /settled\s.*\(reached, asked for\)/,
      /term: current\n\s*- definition:/,
      '- columnheader "Outcome"',
      /row "pass state proof .*"/,
      'button "Copy: All of it, on your own machine"',
    ]) {
      expect(heard).to.match(typeof said === "string" ? new RegExp(said.replace(/[[\]]/g, "\\$&")) : said);
    }
  });

  it("has calls to check it by, and they say what it says", async () => {
    await choose(fileOf([recorded]));
    await check();
    const commands = await page.locator("#result .commands code").allTextContents();
    expect(commands[0]).to.match(/^npx waybill verify 'one\.waybill\.json' --rpc-url "\$NODE" --at \d+$/);
    const file = join(folder.path, "one.waybill.json");
    writeFileSync(file, JSON.stringify(waybillData(recorded)));
    const own = await runCli([
      "verify",
      file,
      "--rpc-url",
      world.anvil.url,
      ...commands[0]!.split(" ").slice(-2),
    ]);
    expect(own.code, own.output).to.equal(0);
    const answers: { [method: string]: any } = {};
    for (const command of commands.filter((one) => one.startsWith("curl"))) {
      const body = /-d '(.*)'$/.exec(command)![1]!;
      const headers = { "content-type": "application/json" };
      const reply = await (await fetch(world.anvil.url, { method: "POST", headers, body })).json();
      answers[JSON.parse(body).method] = (reply as { result: unknown }).result;
    }
    expect(BigInt(answers.eth_call)).to.equal(1n);
    expect(answers.eth_getProof.storageProof[0].value).not.to.equal("0x0");
    expect(await text("#result .commands")).to.include(answers.eth_getBlockByNumber.hash);
    expect(answers.eth_getTransactionReceipt.status).to.equal("0x1");
  });

  it("is small, and has nothing of Node in it", async () => {
    const { bundle, makePage } = (await import("../../scripts/page.mjs" as string)) as PageScript;
    const { gzip, parts } = await makePage();
    expect(gzip, JSON.stringify(parts)).to.be.at.most(150_000);
    // What a program takes in by `import "waybill/verifier"`.
    const verifier = await bundle(join(ROOT, "src", "verifier", "index.ts"));
    expect(gzipSync(verifier.text, { level: 9 }).length, JSON.stringify(verifier.parts)).to.be.at.most(
      150_000,
    );
    const { exports, browser } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    expect(exports["./verifier"].default).to.equal("./dist/verifier/index.js");
    expect(browser).to.deep.equal({ "hash-wasm": false });
    for (const { files } of [verifier, await bundle(join(ROOT, "examples", "verify-page", "page.ts"))]) {
      const strangers = files.filter((file) =>
        /node_modules\/ethers\/|src\/(store|cli|bindings|lane)\//.test(file),
      );
      expect(strangers).to.deep.equal([]);
      // What a browser has not got stops the bundler, or is left out by package.json.
      const left = files.filter((file) => file.startsWith("(disabled)"));
      expect(left).to.deep.equal(["(disabled):node_modules/hash-wasm/dist/index.esm.js"]);
    }
  });

  it("holds what axe asks of a page, in light and dark, wide and narrow", async () => {
    const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
    for (const [name, options] of [
      ["light-wide", {}],
      ["dark-narrow", { viewport: { width: 360, height: 740 }, colorScheme: "dark" }],
    ] as const) {
      await context.close();
      await open(options);
      await page.evaluate(axe);
      await shoot(`${name}-empty`);
      const looks: unknown[] = [await violations()];
      await choose(fileOf([sealed[1]!]));
      await check();
      await shoot(name);
      looks.push(await violations());
      expect(looks, name).to.deep.equal([[], []]);
      const wide = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth");
      expect(wide, `${name}: nothing runs out of the page`).to.be.at.most(0);
    }
  });

  type Violation = { id: string; nodes: { html: string; failureSummary: string }[] };

  async function violations(): Promise<string[]> {
    const found = (await page.evaluate("axe.run().then(({ violations }) => violations)")) as Violation[];
    return found.map(({ id, nodes }) => `${id}: ${nodes[0]!.html.slice(0, 200)} ${nodes[0]!.failureSummary}`);
  }
});
