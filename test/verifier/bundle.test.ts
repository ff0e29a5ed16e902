import { expect } from "chai";
import { build } from "esbuild";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { ROOT } from "../support/cli.js";

/** KiB after gzip; the page that is around it has as much again. */
const MOST = 80;

describe("the verifier in a browser", () => {
  it(`takes at most ${MOST} KiB, and has neither a module of Node in it nor ethers nor WebAssembly`, async () => {
    const { outputFiles, metafile } = await build({
      entryPoints: [join(ROOT, "src", "verifier", "index.ts")],
      absWorkingDir: ROOT,
      bundle: true,
      minify: true,
      format: "esm",
      platform: "browser",
      metafile: true,
      write: false,
      logLevel: "silent",
    });
    const parts: { [name: string]: number } = {};
    for (const output of Object.values(metafile.outputs)) {
      for (const [file, { bytesInOutput }] of Object.entries(output.inputs)) {
        const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? "waybill";
        parts[name] = (parts[name] ?? 0) + bytesInOutput;
      }
    }
    const size = gzipSync(outputFiles[0]!.contents, { level: 9 }).length / 1024;
    console.log(`      ${size.toFixed(1)} KiB gzip; bytes before: ${JSON.stringify(parts)}`);
    expect(size).to.be.lessThan(MOST);
    const told = /: (\d+) KiB gzip in a browser/.exec(
      readFileSync(join(ROOT, "docs", "verify.md"), "utf8"),
    )![1];
    expect(Number(told)).to.be.within(size - 3, size + 3);
    expect(Object.keys(parts).sort()).to.deep.equal([
      "@ethereumjs/mpt",
      "@ethereumjs/rlp",
      "@ethereumjs/util",
      "@noble/curves",
      "@noble/hashes",
      "debug",
      "hash-wasm",
      "ms",
      "waybill",
    ]);
    // package.json leaves it out of browsers, where it would be more than all the rest: noble's does instead.
    expect(parts["hash-wasm"]).to.be.lessThan(100);
  });
});
