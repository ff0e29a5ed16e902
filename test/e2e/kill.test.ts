import { expect } from "chai";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runJson, stopAll, temporaryFolder } from "../support/cli.js";
import { type Death, runUntil } from "../support/death.js";
import { ACCOUNTS, type LocalChain, startLocalChain } from "../support/localChain.js";
import { seed } from "../support/seed.js";

const SCHEMA = "string name,uint64 score";
const ROWS = 1_300;

/** mulberry32 */
function generator(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Jobs, each with the deaths that it has to survive one after the other. */
function jobs(): Death[][] {
  const random = generator(seed);
  const within = (most: number) => 1 + Math.floor(random() * most);
  const death = (method: string, most: number): Death => ({
    method,
    nth: within(most),
    heard: random() < 0.5,
  });
  return [
    [
      { method: "eth_sendRawTransaction", nth: 1, heard: false },
      { method: "eth_sendRawTransaction", nth: 1, heard: true },
      death("eth_call", 6),
      death("eth_getLogs", 2),
    ],
    [
      // While the rows are read: nothing is asked between these two.
      { method: "eth_maxPriorityFeePerGas", nth: 1, heard: true },
      { method: "eth_sendRawTransaction", nth: 2, heard: true },
      { method: "eth_sendRawTransaction", nth: 1, heard: true },
      death("eth_getBlockReceipts", 2),
    ],
    [
      death("eth_sendRawTransaction", 3),
      death("eth_getTransactionCount", 2),
      death("eth_getBlockByNumber", 25),
      { method: "eth_getLogs", nth: 1, heard: false },
    ],
  ];
}

describe("A submit that is killed", () => {
  const folder = temporaryFolder();
  let chain: LocalChain;

  before(async () => {
    chain = await startLocalChain();
    const added = await runJson(["schema", "add", SCHEMA, "--rpc-url", chain.url]);
    expect(added.code, added.output).to.equal(0);
  });

  after(async () => {
    await stopAll();
    await chain?.stop();
    folder.remove();
  });

  afterEach(() => {
    chain?.between(null);
    chain?.mining(true);
  });

  let killed = 0;

  for (const [index, deaths] of jobs().entries()) {
    const names = deaths.map(({ method, nth, heard }) => `${heard ? "after" : "before"} ${method} ${nth}`);
    it(`has every row on the chain exactly once after dying ${names.join(", then ")}`, async () => {
      const data = join(folder.path, `data-${index}`);
      const file = join(folder.path, `rows-${index}.csv`);
      const lines = Array.from({ length: ROWS }, (_, i) => `person ${index}-${i},${i}\n`);
      writeFileSync(file, `name,score\n${lines.join("")}`);
      const env = { WAYBILL_ISSUER_KEY: ACCOUNTS[0]!.key, WAYBILL_LANE_KEY: ACCOUNTS[index + 1]!.key };
      const command = ["submit", file, "--schema", SCHEMA, "--rpc-url", chain.url, "--data", data];
      const before = (await chain.attested()).length;

      for (const death of deaths) {
        const ended = await runUntil(chain, death, command, env);
        if (ended.signal === "SIGKILL") killed += 1;
        else expect(ended.code, ended.output).to.equal(0);
      }
      const done = await runJson(command, { env });
      expect(done.code, done.output).to.equal(0);
      expect(done.data).to.include({ rows: ROWS, verified: ROWS, duplicate: 0, rejected: 0, mismatched: 0 });

      const { data: report } = await runJson(["report", "--data", data]);
      const rows = report.report as { line: number; uid: string; state: string }[];
      expect(rows.map((row) => row.line)).to.deep.equal(Array.from({ length: ROWS }, (_, i) => i + 2));
      expect(rows.every((row) => row.state === "verified")).to.equal(true);
      const times = new Map<string, number>();
      for (const uid of (await chain.attested()).slice(before)) times.set(uid, (times.get(uid) ?? 0) + 1);
      expect(times.size).to.equal(ROWS);
      expect(rows.filter((row) => times.get(row.uid) !== 1)).to.deep.equal([]);
    });
  }

  it("was really killed each time", () => {
    expect(killed).to.equal(jobs().flat().length);
  });
});
