// `npm run -s page`: examples/verify-page as one HTML file that needs nothing beside it, in examples/verify-page/dist/.
// Its policy names the hashes of its own script and style, so that nothing else can run in it.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { ROOT, say } from "./ready.mjs";

const FOLDER = join(ROOT, "examples", "verify-page");
const OUTPUT = join(FOLDER, "dist", "index.html");

/** What a browser gets of a program: the bundle, and how many bytes of it are whose. */
export async function bundle(entry) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    bundle: true,
    format: "iife",
    platform: "browser",
    target: "es2022",
    minify: true,
    charset: "utf8",
    legalComments: "none",
    write: false,
    metafile: true,
  });
  const parts = {};
  for (const [path, { bytesInOutput }] of Object.entries(Object.values(metafile.outputs)[0].inputs)) {
    const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? "waybill";
    parts[name] = (parts[name] ?? 0) + bytesInOutput;
  }
  return { text: outputFiles[0].text, parts, files: Object.keys(metafile.inputs) };
}

/** @returns its path, its size and what the script is made of */
export async function makePage() {
  const { text: script, parts } = await bundle(join(FOLDER, "page.ts"));
  const style = readFileSync(join(FOLDER, "style.css"), "utf8");
  const policy = [
    "default-src 'none'",
    `script-src '${hashOf(script)}'`,
    `style-src '${hashOf(style)}'`,
    "img-src data:",
    // Any node that the reader names; an http: one only on the reader's own machine, or from a page that is none itself.
    "connect-src https: http:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  // A function, because in a replacement text a dollar sign has a meaning.
  const page = readFileSync(join(FOLDER, "index.html"), "utf8")
    .replace("<!-- CSP -->", () => `<meta http-equiv="Content-Security-Policy" content="${policy}" />`)
    .replace("<!-- STYLE -->", () => `<style>${style}</style>`)
    .replace("<!-- SCRIPT -->", () => `<script>${script}</script>`);
  mkdirSync(join(FOLDER, "dist"), { recursive: true });
  writeFileSync(OUTPUT, page);
  return { path: OUTPUT, bytes: Buffer.byteLength(page), gzip: gzipSync(page, { level: 9 }).length, parts };
}

function hashOf(text) {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

if (process.argv[1]?.endsWith("page.mjs")) {
  const { path, bytes, gzip, parts } = await makePage();
  const kB = (size) => `${(size / 1000).toFixed(1)} kB`;
  say(`${relative(ROOT, path)}: ${kB(bytes)}, ${kB(gzip)} gzip; of the script, minified:`);
  for (const [name, size] of Object.entries(parts).sort(([, a], [, b]) => b - a)) {
    say(`  ${kB(size).padStart(8)}  ${name}`);
  }
}
