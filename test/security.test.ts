import { expect } from "chai";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./support/cli.js";

/** `[name](file) \`title of a test\``, at the end of a line. */
const LINK = /\]\((?<file>test\/[^)]+)\) `(?<title>[^`]+)`$/;

describe("SECURITY.md", () => {
  const lines = readFileSync(join(ROOT, "SECURITY.md"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("- "));

  it("links what is promised to a test that exists", () => {
    const linked = lines.filter((line) => line.includes("](test/"));
    expect(linked).to.have.length.greaterThan(25);
    for (const line of linked) {
      const { file, title } = LINK.exec(line)?.groups ?? {};
      expect(file, line).to.be.a("string");
      expect(existsSync(join(ROOT, file!)), `${file} of ${line}`).to.equal(true);
      const named = /^(test|invariant)/.test(title!) ? `function ${title}(` : title!;
      expect(readFileSync(join(ROOT, file!), "utf8"), line).to.include(named);
    }
  });

  it("has a line without a test only where nothing can be tested", () => {
    const untested = lines.filter((line) => !line.includes("](test/"));
    expect(untested.map((line) => line.slice(2, 40))).to.deep.equal([
      "can say things that are not true. A ve",
      "can keep a batch to itself until its d",
      "can read everything that is recorded o",
      "The store holds statements and signed ",
    ]);
  });
});
