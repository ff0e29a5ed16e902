import { expect } from "chai";
import {
  existsSync,
  mkdtempSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const EDGES = ["sdk", "cli", "http"];

/**
 * Who may import whom. `nouns` are the files directly in src/. A name with `type:` may be imported for its types only:
 * the stages know the ports, not what stands behind them.
 */
const ALLOWED: { [folder: string]: string[] } = {
  nouns: ["nouns"],
  bindings: [],
  store: ["nouns"],
  chain: ["nouns", "bindings"],
  planner: ["nouns"],
  admission: ["nouns", "type:store", "type:chain"],
  lane: ["nouns", "type:store", "type:chain"],
  tracker: ["nouns", "type:store", "type:chain"],
  verifier: ["nouns", "chain"],
  submitter: ["nouns", "store", "chain", "planner", "admission", "lane", "tracker", "verifier"],
  sdk: ["*"],
  cli: ["*"],
  http: ["*"],
  // The public surface re-exports from everywhere and is imported by nobody.
  index: ["*"],
};

type Import = { from: string; to: string; typeOnly: boolean; file: string };

function sources(root: string): string[] {
  return readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.startsWith("bindings"))
    .map((file) => join(root, "src", file));
}

function folderOf(root: string, file: string): string {
  const [first, ...rest] = relative(join(root, "src"), file).split("/");
  if (first === "index.ts") return "index";
  return rest.length === 0 ? "nouns" : first!;
}

function importsOf(root: string, file: string): Import[] {
  const text = readFileSync(file, "utf8");
  const found: Import[] = [];
  for (const match of text.matchAll(/(import|export)\s+(type\s+)?([^;"']*?)\s*from\s+"(\.[^"]+)"/g)) {
    const [, , type, names, specifier] = match;
    const target = resolve(dirname(file), specifier!.replace(/\.js$/, ".ts"));
    const typeOnly = type !== undefined || /^\{(\s*type\s+\w+\s*,?)+\s*\}$/.test(names!.trim());
    found.push({ from: folderOf(root, file), to: folderOf(root, target), typeOnly, file });
  }
  for (const match of text.matchAll(/import\("(\.[^"]+)"\)/g)) {
    const target = resolve(dirname(file), match[1]!.replace(/\.js$/, ".ts"));
    found.push({ from: folderOf(root, file), to: folderOf(root, target), typeOnly: false, file });
  }
  return found;
}

/** Everything that breaks a rule of the tree, as sentences. */
function violations(root: string): string[] {
  const all = sources(root).flatMap((file) => importsOf(root, file));
  const place = (file: string) => relative(root, file);
  const broken = all
    .filter(({ from, to, typeOnly }) => {
      const allowed = ALLOWED[from];
      if (allowed === undefined) return true;
      return !(
        from === to ||
        allowed.includes("*") ||
        allowed.includes(to) ||
        (typeOnly && allowed.includes(`type:${to}`))
      );
    })
    .map(
      ({ from, to, typeOnly, file }) => `${place(file)}: ${from} imports ${typeOnly ? "types of " : ""}${to}`,
    );

  for (const { to, from, file } of all) {
    if (EDGES.includes(to) && from !== "index" && !EDGES.includes(from)) {
      broken.push(`${place(file)}: imports the edge ${to}`);
    }
    if (to === "index") broken.push(`${place(file)}: imports the public surface`);
  }

  const folders = new Set(all.map(({ from }) => from).filter((folder) => folder !== "nouns"));
  const edges = new Map([...folders].map((folder) => [folder, new Set<string>()]));
  for (const { from, to, typeOnly } of all) if (from !== to && !typeOnly) edges.get(from)?.add(to);
  for (const folder of folders) {
    const seen = new Set<string>();
    const reach = (next: string) => {
      for (const to of edges.get(next) ?? []) {
        if (seen.has(to)) continue;
        seen.add(to);
        reach(to);
      }
    };
    reach(folder);
    if (seen.has(folder)) broken.push(`src/${folder} imports a folder that imports it`);
  }

  for (const file of sources(root)) {
    const text = readFileSync(file, "utf8");
    const folder = folderOf(root, file);
    if (folder !== "cli" && /process\.env\b/.test(text)) broken.push(`${place(file)}: reads the environment`);
    if (!EDGES.includes(folder) && /process\.(exit|stdout|stderr)\b|\bconsole\.\w+\(/.test(text)) {
      broken.push(`${place(file)}: prints or exits`);
    }
    if (/from "(?:\.\.\/)+(?:test|scripts|deploy|bench)\//.test(text))
      broken.push(`${place(file)}: imports out of src`);
    if (/export default|\benum \w+ \{/.test(text)) broken.push(`${place(file)}: default export or enum`);
    if (folder === "submitter" || folder === "cli" || folder === "sdk") continue;
    if (/\bnew \w*(?:Store|Chain|Lane|Tracker)\(/.test(text) && folder !== "store") {
      broken.push(`${place(file)}: makes a stage of its own`);
    }
  }
  return broken;
}

describe("The architecture", () => {
  it("holds: every import goes where the tree allows, only edges print or exit, only cli reads the environment", () => {
    expect(violations(ROOT)).to.deep.equal([]);
  });

  const planted: [name: string, file: string, text: string, finding: RegExp][] = [
    [
      "a noun that imports a stage",
      "src/fees.ts",
      'import { a } from "./lane/lane.js";',
      /nouns imports lane/,
    ],
    [
      "a store that knows the chain",
      "src/store/x.ts",
      'import { a } from "../chain/chain.js";',
      /store imports chain/,
    ],
    [
      "a planner that knows the store",
      "src/planner/x.ts",
      'import type { A } from "../store/store.js";',
      /types of store/,
    ],
    [
      "a lane that makes its chain",
      "src/lane/x.ts",
      'import { chainOf } from "../chain/node.js";',
      /lane imports chain/,
    ],
    [
      "a verifier that needs the store",
      "src/verifier/x.ts",
      'import { a } from "../store/store.js";',
      /verifier imports store/,
    ],
    [
      "a stage that imports an edge",
      "src/tracker/x.ts",
      'import { a } from "../cli/output.js";',
      /imports the edge cli/,
    ],
    [
      "a late import of an edge",
      "src/chain/x.ts",
      'await import("../sdk/deploy.js");',
      /imports the edge sdk/,
    ],
    ["a stage that prints", "src/lane/x.ts", 'console.log("sent");', /prints or exits/],
    ["a stage that reads the environment", "src/chain/x.ts", "process.env.KEY;", /reads the environment/],
    [
      "source that imports tests",
      "src/lane/x.ts",
      'import { a } from "../../test/support/anvil.js";',
      /out of src/,
    ],
    ["an enum", "src/batch.ts", "export enum State { A }", /default export or enum/],
  ];
  for (const [name, file, text, finding] of planted) {
    it(`is seen to fail on ${name}`, () => {
      const root = mkdtempSync(join(tmpdir(), "waybill-architecture-"));
      try {
        mkdirSync(dirname(join(root, file)), { recursive: true });
        writeFileSync(join(root, file), `${text}\n`);
        expect(violations(root).join("\n")).to.match(finding);
      } finally {
        rmSync(root, { recursive: true });
      }
    });
  }

  it("links every law of ARCHITECTURE.md to a test that exists", () => {
    const laws = readFileSync(join(ROOT, "ARCHITECTURE.md"), "utf8").matchAll(
      /^(\d+)\. .*?(?:\n {3}.*?)*?\[test\]\(([^)#]+)\)/gm,
    );
    const linked = new Map([...laws].map(([, number, file]) => [Number(number), file!]));
    expect([...linked.keys()]).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    for (const [number, file] of linked) {
      expect(existsSync(join(ROOT, file)), file).to.equal(true);
      expect(readFileSync(join(ROOT, file), "utf8"), `${file} names law ${number}`).to.include(
        `law ${number}: `,
      );
    }
  });
});
