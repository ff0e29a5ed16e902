import { expect } from "chai";
import { hex, keccak, ZERO_ADDRESS, ZERO_WORD } from "../../src/hex.js";
import { openSqliteStore } from "../../src/store/sqlite.js";
import type { AdmittedRow } from "../../src/store/store.js";
import { runCli, runJson, temporaryFolder } from "../support/cli.js";

describe("waybill report", () => {
  const folder = temporaryFolder();
  let places = 0;
  after(() => folder.remove());

  /** A store with one job of these rows, none of them sent. */
  async function storeOf(pages: Iterable<AdmittedRow[]>): Promise<string> {
    const path = `${folder.path}/${(places += 1)}`;
    const store = openSqliteStore(path);
    const job = await store.openJob({
      key: ZERO_WORD,
      act: "record",
      name: "rows.csv",
      schema: ZERO_WORD,
      definition: "uint256 score",
      attester: ZERO_ADDRESS,
      reason: "",
      tenant: "",
      priority: "normal",
      refusals: "skip",
      flows: false,
    });
    for (const page of pages) await store.admit(job.id, page);
    await store.release(job.id);
    await store.close();
    return path;
  }

  function waiting(line: number): AdmittedRow {
    const item = {
      recipient: ZERO_ADDRESS,
      ref: ZERO_WORD,
      expiresAt: 0,
      revocable: true,
      salt: ZERO_WORD,
      data: new Uint8Array(32),
    };
    const uid = hex(keccak(new TextEncoder().encode(`row ${line}`)));
    return { kind: "item", line, uid, item, size: { bytes: 100, tokens: 400, words: 1 }, stream: ZERO_WORD };
  }

  const rejected = (line: number, fault: string): AdmittedRow => ({
    kind: "rejected",
    line,
    faults: [fault],
  });

  for (const count of [0, 1, 999, 1_000, 1_001, 2_500]) {
    it(`names each of ${count} rows once and in order, in a table and in a document`, async () => {
      const lines = Array.from({ length: count }, (_, index) => index + 2);
      const data = await storeOf([lines.map(waiting)]);

      const document = await runJson(["report", "--data", data]);
      expect(document.code, document.stderr).to.equal(count === 0 ? 0 : 3);
      expect(document.data).to.include({ job: 1, name: "rows.csv", rows: count, waiting: count });
      expect(document.data.report.map((row: { line: number }) => row.line)).to.deep.equal(lines);

      const table = (await runCli(["report", "--data", data])).stdout.trimEnd().split("\n");
      expect(table[0]).to.equal("line\tstate\tuid\tblock\ttransaction");
      expect(table.at(-1)).to.match(new RegExp(`^${count.toLocaleString("en-US")} rows?, 0 verified: job 1`));
      expect(table.slice(1, -1).map((row) => Number(row.split("\t")[0]))).to.deep.equal(lines);
    });
  }

  it("says what a stranger wrote as it is in a document, with nothing in it that moves a terminal", async () => {
    const fault = 'E_ROW rows.csv:2 \u202e\u009b[2J\u2028 \u{e0001} \u007f " \\ \n\t é \u{1f600}';
    const { data, stdout } = await runJson(["report", "--data", await storeOf([[rejected(2, fault)]])]);
    expect(data.report[0].faults).to.deep.equal([fault]);
    expect(stdout).not.to.match(/[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(stdout).to.include("é \u{1f600}");
  });

  it("is longer than the memory that it takes", async () => {
    const pages = function* (): Generator<AdmittedRow[]> {
      for (let line = 1; line <= 25_000; line += 1_000) {
        yield Array.from({ length: 1_000 }, (_, index) =>
          rejected(line + index, `E_ROW ${"x".repeat(2_000)}`),
        );
      }
    };
    const data = await storeOf(pages());
    for (const more of [[], ["--json"]]) {
      const ended = await runCli(["report", "--data", data, ...more], { node: ["--max-old-space-size=40"] });
      expect(ended.code, ended.stderr.slice(-500)).to.equal(0);
      expect(ended.stdout.length).to.be.greaterThan(50e6);
    }
  });
});
