import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { RpcError } from "../../src/errors.js";
import {
  deployments,
  FACTORY,
  FACTORY_DEPLOYER,
  FACTORY_FUNDS,
  FACTORY_TRANSACTION,
} from "../../src/chain/deployment.js";
import { type EmbeddedChain, openEmbeddedChain } from "../../src/chain/embedded.js";
import { httpRequest, type Request } from "../../src/chain/http.js";
import { chainOf } from "../../src/chain/node.js";
import { localKey } from "../../src/cli/keys.js";
import { WaybillError } from "../../src/errors.js";
import type { Hex } from "../../src/hex.js";
import { type UnsignedTransaction } from "../../src/key.js";
import { deployRegistries, deploymentSteps } from "../../src/sdk/deploy.js";
import { payerOf } from "../../src/sdk/transact.js";
import { startAnvil, freePort } from "../support/anvil.js";
import { faultyNode } from "../support/proxy.js";

const key = localKey(1);

function signed(more: Partial<UnsignedTransaction> & { nonce: number }, by = key): Hex {
  return by.signTransaction({
    chainId: 31337n,
    to: localKey(2).address,
    data: "0x",
    gasLimit: 21_000n,
    maxFee: 10n ** 10n,
    tip: 1n,
    ...more,
  }).raw;
}

describe("a node that answers in a shape that cannot be read", () => {
  const answers: { [method: string]: unknown }[] = [
    { eth_getTransactionCount: null },
    { eth_getTransactionCount: "many" },
    { eth_getBlockByNumber: {} },
    { eth_getLogs: null },
    { eth_getTransactionReceipt: { status: null } },
  ];
  for (const answer of answers) {
    it(`counts as not having answered: ${JSON.stringify(answer)}`, async () => {
      const chain = chainOf(async (method) => answer[method]);
      const account = key.address;
      const asked = [
        chain.transactionCount(account, "latest"),
        chain.block("latest"),
        chain.logs({ address: account, topics: [], from: 0, to: 1 }),
        chain.receipt(`0x${"0".repeat(64)}`),
      ];
      const codes = await Promise.all(
        asked.map((one) =>
          one.then(
            () => "",
            (error: WaybillError) => error.code,
          ),
        ),
      );
      expect(codes).to.include("E_NODE");
    });
  }

  it("is not blamed for what went wrong on the way to it", async () => {
    const ours = new Error("a fault of ours");
    const chain = chainOf(() => Promise.reject(ours));
    expect(await chain.balance(key.address).catch((error: unknown) => error)).to.equal(ours);
  });
});

describe("a node over HTTP", function () {
  this.timeout(20_000);
  const SECRET = "5ecret";
  const servers: Server[] = [];
  after(() => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  });

  async function serve(answer: RequestListener): Promise<string> {
    const server = createServer(answer);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v3/${SECRET}?key=${SECRET}`;
  }

  const body = (status: number, text: string): RequestListener =>
    function (_, response) {
      response.writeHead(status);
      response.end(text);
    };
  const rpcError = JSON.stringify({ jsonrpc: "2.0", id: 1, error: { code: -32005, message: "limit" } });

  const silent: [name: string, url: () => Promise<string>, timeoutMs?: number][] = [
    ["a refused connection", async () => `http://127.0.0.1:${await freePort()}/${SECRET}`],
    ["a name that nobody has", async () => `http://nobody.invalid/${SECRET}`],
    ["HTTP 500 with a page", () => serve(body(500, `<html>no ${SECRET}</html>`))],
    ["HTTP 200 with a page", () => serve(body(200, "<html></html>"))],
    ["HTTP 429 with a JSON-RPC error", () => serve(body(429, rpcError))],
    ["HTTP 503 with a JSON-RPC error", () => serve(body(503, rpcError))],
    ["JSON that is null", () => serve(body(200, "null"))],
    ["JSON-RPC without a result", () => serve(body(200, '{"jsonrpc":"2.0","id":1}'))],
    ["a connection that ends", () => serve((request) => request.socket.destroy())],
    ["a server that says nothing", () => serve(() => {}), 100],
    [
      "a server that never ends its answer",
      () => serve((_, response) => void response.write('{"jsonrpc":"2.0"')),
      100,
    ],
  ];
  for (const [name, url, timeoutMs] of silent) {
    it(`${name} is no answer: E_NODE, without the URL's secrets`, async () => {
      const request = httpRequest(await url(), timeoutMs);
      const error = await request("eth_chainId", []).catch((error: unknown) => error);
      expect(error).to.be.instanceOf(WaybillError).with.property("code", "E_NODE");
      expect(JSON.stringify([(error as Error).message, (error as WaybillError).mend])).to.not.contain(SECRET);
      expect(await chainOf(request).send("0x00")).to.include({ kind: "no answer" });
    });
  }

  it("a JSON-RPC error is the node's refusal, as it came", async () => {
    const data = { code: -32000, message: "nope", data: "0x1234" };
    for (const status of [200, 400, 500]) {
      const url = await serve(body(status, JSON.stringify({ jsonrpc: "2.0", id: 1, error: data })));
      const error = await httpRequest(url)("eth_call", []).catch((error: unknown) => error);
      expect(error).to.be.instanceOf(RpcError).and.to.include(data);
    }
  });

  it("a result of null is an answer", async () => {
    const url = await serve(body(200, '{"jsonrpc":"2.0","id":1,"result":null}'));
    expect(await chainOf(httpRequest(url)).block("latest")).to.equal(null);
  });
});

describe("the embedded chain's journal", function () {
  this.timeout(60_000);
  let directory: string;
  let journal: string;
  let chain: EmbeddedChain;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "waybill-embedded-"));
    journal = join(directory, "folder", "chain.jsonl");
    chain = await openEmbeddedChain({ journal });
  });
  afterEach(async () => {
    await chain.close();
    await rm(directory, { recursive: true });
  });

  async function reopen(): Promise<void> {
    await chain.close();
    chain = await openEmbeddedChain({ journal });
  }

  const headOf = async (request: Request) => {
    const { number, hash, timestamp, stateRoot } = (await request("eth_getBlockByNumber", [
      "latest",
      false,
    ])) as Record<string, Hex>;
    return { number, hash, timestamp, stateRoot };
  };

  it("gives the same head, hash for hash, and the same state when it is played again", async () => {
    await deployRegistries(chainOf(chain.request), payerOf(chainOf(chain.request), key), 1);
    const before = await headOf(chain.request);
    await reopen();
    expect(await headOf(chain.request)).to.deep.equal(before);
    const [, registry] = deployments();
    expect(await chainOf(chain.request).code(registry.address)).to.not.equal("0x");
    await reopen();
    expect(await headOf(chain.request)).to.deep.equal(before);
  });

  it("keeps transactions that failed: they are in a block and took a nonce", async () => {
    // Points that are on no curve: the precompile of EIP-196 fails.
    const to: Hex = `0x${"00".repeat(19)}06`;
    const fails = { to, data: `0x${"01".repeat(128)}` as Hex, gasLimit: 100_000n };
    await chain.request("eth_sendRawTransaction", [signed({ nonce: 0, ...fails })]).catch(() => {});
    await chain.request("eth_sendRawTransaction", [signed({ nonce: 1 })]);
    const before = await headOf(chain.request);
    expect(before.number).to.equal("0x2");
    await reopen();
    expect(await headOf(chain.request)).to.deep.equal(before);
  });

  it("forgets what was refused", async () => {
    await chain.request("eth_sendRawTransaction", [signed({ nonce: 5 })]).catch(() => {});
    await chain.request("eth_sendRawTransaction", [signed({ nonce: 0 })]);
    expect((await readFile(journal, "utf8")).split("\n")).to.have.length(2);
    await reopen();
    expect((await headOf(chain.request)).number).to.equal("0x1");
  });

  it("is told right when many send at once, across a change of the second", async () => {
    const keys = [1, 2, 3, 4, 5].map(localKey);
    const now = Date.now;
    let time = now();
    Date.now = () => (time += 700);
    try {
      await Promise.all(
        keys.flatMap((one) =>
          [0].map((nonce) => chain.request("eth_sendRawTransaction", [signed({ nonce }, one)])),
        ),
      );
    } finally {
      Date.now = now;
    }
    const before = await headOf(chain.request);
    expect(before.number).to.equal("0x5");
    await reopen();
    expect(await headOf(chain.request)).to.deep.equal(before);
  });

  it("tolerates a last line that was cut off, wherever, and goes on behind it", async () => {
    await chain.request("eth_sendRawTransaction", [signed({ nonce: 0 })]);
    const first = await headOf(chain.request);
    await chain.request("eth_sendRawTransaction", [signed({ nonce: 1 })]);
    const whole = await readFile(journal);
    const firstLine = whole.indexOf("\n") + 1;
    for (const length of [firstLine + 1, firstLine + 40, whole.length - 1]) {
      await chain.close();
      await writeFile(journal, whole);
      await truncate(journal, length);
      chain = await openEmbeddedChain({ journal });
      expect(await headOf(chain.request)).to.deep.equal(first);
      await chain.request("eth_sendRawTransaction", [signed({ nonce: 1 })]);
      const second = await headOf(chain.request);
      await reopen();
      expect(await headOf(chain.request)).to.deep.equal(second);
    }
  });

  it("does not start over a line that is damaged in the middle", async () => {
    await chain.request("eth_sendRawTransaction", [signed({ nonce: 0 })]);
    await appendFile(journal, "{\n");
    const error = await openEmbeddedChain({ journal }).catch((error: unknown) => error);
    expect(error).to.be.instanceOf(Error);
  });
});

describe("a deployment", function () {
  this.timeout(60_000);
  const [schemaRegistry, attestationRegistry] = deployments();
  const nodes: [name: string, open: () => Promise<{ request: Request; close(): Promise<void> }>][] = [
    [
      "anvil, which has the factory",
      async () => {
        const anvil = await startAnvil();
        return { request: anvil.request, close: anvil.stop };
      },
    ],
    ["the embedded chain, which has not", () => openEmbeddedChain()],
  ];
  for (const [name, open] of nodes) {
    it(`has the same addresses on ${name}, and is not repeated`, async () => {
      const { request, close } = await open();
      const watched = faultyNode(request);
      const chain = chainOf(watched.request);
      const addresses = await deployRegistries(chain, payerOf(chain, key), 1);
      expect(addresses).to.deep.equal({
        schemaRegistry: schemaRegistry.address,
        attestationRegistry: attestationRegistry.address,
      });
      expect((await deploymentSteps(chain)).map((step) => step.present)).to.deep.equal([true, true]);
      expect(await chain.code(FACTORY)).to.not.equal("0x");
      const before = watched.asked.length;
      expect(await deployRegistries(chain, payerOf(chain, key), 1)).to.deep.equal(addresses);
      const again = watched.asked.slice(before).map(({ method }) => method);
      expect(again).to.not.include("eth_sendRawTransaction");
      await close();
    });
  }

  it("is finished wherever it was left", async () => {
    const raws: Hex[] = [];
    const full = await openEmbeddedChain();
    const recorder = faultyNode(full.request);
    recorder.always("eth_sendRawTransaction", async (forward, [raw]) => {
      raws.push(raw as Hex);
      return forward();
    });
    const chain = chainOf(recorder.request);
    await deployRegistries(chain, payerOf(chain, key), 1);
    await full.close();
    expect(raws).to.have.length(4).and.to.include(FACTORY_TRANSACTION);

    for (let left = 0; left < raws.length; left += 1) {
      const half = await openEmbeddedChain();
      for (const raw of raws.slice(0, left)) await half.request("eth_sendRawTransaction", [raw]);
      const chain = chainOf(half.request);
      const steps: string[] = [];
      await deployRegistries(chain, payerOf(chain, localKey(3)), 1, (what) => steps.push(what));
      expect(steps).to.have.length(Math.min(3, 4 - left));
      expect((await deploymentSteps(chain)).map((step) => step.present)).to.deep.equal([true, true]);
      await half.close();
    }
  });

  it("adds only what the factory's sender lacks", async () => {
    const node = await openEmbeddedChain();
    const part = signed({ nonce: 0, to: FACTORY_DEPLOYER, value: FACTORY_FUNDS / 2n });
    await node.request("eth_sendRawTransaction", [part]);
    const chain = chainOf(node.request);
    await deployRegistries(chain, payerOf(chain, key), 1);
    const spent = 68_137n * 100n * 10n ** 9n; // gas of the keyless transaction, and its fixed price
    expect(await chain.balance(FACTORY_DEPLOYER)).to.equal(FACTORY_FUNDS - spent);
    await node.close();
  });
});
