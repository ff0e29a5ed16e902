#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import type { Result } from "./output.js";
import type { CommonOptions } from "./session.js";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/**
 * Only names and options are here: each command's code is imported when it runs, so that `--help` is quick.
 */
const program = new Command("waybill")
  .description("Puts statements on an EVM chain in order, at your price, exactly once; and checks them.")
  .version(version)
  .showHelpAfterError("(waybill --help lists the commands)")
  .exitOverride()
  // A key that was given as an option is not said again: what is printed here ends up in logs.
  .configureOutput({ outputError: (text, write) => write(text.replace(/'(-[^'=]*)=[^\n]*'/g, "'$1=…'")) })
  .configureHelp({ showGlobalOptions: false });

function command(name: string, description: string, run: (...parts: never[]) => Promise<Result>): Command {
  return program.command(name).description(description).action(act(run));
}

function lanes(): Option {
  return new Option("--lanes <number>", "how many of the keys that pay are used").env("WAYBILL_LANES");
}

function level(): Option {
  return new Option(
    "--level <level>",
    "record: a slot each; seal: a root, all items in the log; anchor: a root",
  ).default("record");
}

function fromBlock(): Option {
  return new Option("--from-block <number>", "first block to look at");
}

function atBlock(): Option {
  return new Option("--at <block>", "last block to look at: a number, safe, finalized or latest");
}

/** A price depends on how fast it is to be done. */
function paced(target: Command): Command {
  return target
    .addOption(
      new Option(
        "--mode <mode>",
        "economy: cheap blocks, within a day; deadline: see there; max: every block",
      ).env("WAYBILL_MODE"),
    )
    .addOption(
      new Option("--deadline <moment>", "done by then, as cheap as can be: 2h, or an RFC 3339 time").env(
        "WAYBILL_DEADLINE",
      ),
    );
}

function common(target: Command, kind: "read" | "write" | "store"): Command {
  target
    .addOption(
      new Option("--data <dir>", "where Waybill keeps its store").env("WAYBILL_DATA").default(".waybill"),
    )
    .addOption(
      new Option("--network <name>", "local, embedded, mainnet, sepolia, base …, or a chain id").env(
        "WAYBILL_NETWORK",
      ),
    );
  if (kind !== "store") {
    target
      .addOption(
        new Option("--rpc-url <url>", "URL of the node; several: again, or with commas")
          .env("WAYBILL_RPC_URL")
          .argParser(urlsOf),
      )
      .addOption(new Option("--registry <address>", "another AttestationRegistry").env("WAYBILL_REGISTRY"));
  }
  if (kind === "write") {
    target
      .addOption(
        new Option("--issuer-key-file <file>", "file of the key that speaks, else WAYBILL_ISSUER_KEY").env(
          "WAYBILL_ISSUER_KEY_FILE",
        ),
      )
      .addOption(
        new Option(
          "--lane-key-file <file>",
          "file of the key that pays, else WAYBILL_LANE_KEY; several lanes: again, or with commas",
        )
          .env("WAYBILL_LANE_KEY_FILE")
          .argParser(filesOf),
      )
      .option("--yes", "do not ask before a write on a main network");
  }
  return target.option("--json", "print one JSON document").option("--quiet", "no progress");
}

/** A comma is part of a URL unless another one begins behind it. The same node twice would have two votes. */
function urlsOf(text: string, before: readonly string[] = []): readonly string[] {
  const urls = text.split(/,(?=\s*https?:\/\/)/).map((url) => url.replace(/^[\s,]+|[\s,]+$/g, ""));
  return [...new Set([...before, ...urls])];
}

function filesOf(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...text.split(",").map((file) => file.trim())].filter((file) => file !== "");
}

function print(line: string): Promise<unknown> {
  return new Promise((resolve) => process.stdout.write(`${line}\n`, resolve));
}

/** Runs a command and prints what it has to say: the result on stdout, everything else on stderr. */
function act(run: (...parts: never[]) => Promise<Result>) {
  return async (...parts: unknown[]): Promise<void> => {
    const self = parts.at(-1) as Command;
    const { errorData, errorText, exitCodeOf, hideUrl, jsonText, plain } = await import("./output.js");
    const options = self.opts<CommonOptions>();
    const hide = hideUrl(options.rpcUrl);
    let output: string;
    try {
      const result = await run(...(parts.slice(0, -1) as never[]));
      for await (const line of result.lines ?? []) await print(plain(line));
      output =
        options.json === true && result.data !== undefined ? jsonText(result.data) : plain(result.text);
      process.exitCode = result.exit ?? 0;
    } catch (error) {
      process.stderr.write(`${plain(hide(errorText(error)))}\n`);
      output = options.json === true ? hide(jsonText(errorData(error))) : "";
      process.exitCode = exitCodeOf(error);
    }
    if (output !== "") await print(output);
    // The embedded chain keeps native threads; there is nothing left to wait for.
    process.exit();
  };
}

common(
  command("dev", "run a chain of your own with the registries on it; ^C ends it", async (options) =>
    (await import("./commands/dev.js")).dev(options),
  ),
  "store",
).option("--port <port>", "on 127.0.0.1", "8545");

common(
  command("deploy", "put both registries on a chain; safe to run again", async (options) =>
    (await import("./commands/deploy.js")).deploy(options),
  ),
  "write",
).option("--dry-run", "say what it would cost and send nothing");

const schema = program.command("schema").description("add, show or list schemas");
common(
  schema
    .command("add <definition>")
    .description('register a schema such as "string name,uint64 score"')
    .action(
      act(async (definition: string, options: never) =>
        (await import("./commands/schema.js")).add(definition, options),
      ),
    ),
  "write",
)
  .option("--irrevocable", "attestations of it can never be revoked")
  .option("--resolver <address>", "contract that is asked about every batch")
  .option("--dry-run", "say what it would cost and send nothing");
common(
  schema
    .command("show <schema>")
    .description("a schema by its id or definition")
    .action(
      act(async (name: string, options: never) => (await import("./commands/schema.js")).show(name, options)),
    ),
  "read",
);
common(
  schema
    .command("list")
    .description("all registered schemas")
    .action(act(async (options: never) => (await import("./commands/schema.js")).list(options))),
  "read",
).option("--from-block <number>", "first block to look at", "0");

common(
  command(
    "attest [schema] [values...]",
    "issue one attestation: attest SCHEMA name=value … --to ADDRESS",
    async (name: string | undefined, values: string[], options: { from?: string; offline?: boolean }) => {
      const { attest, requireSchema } = await import("./commands/attest.js");
      const { attestOffline, carry } = await import("./commands/offline.js");
      if (options.from !== undefined) return carry(options.from, name, options as never);
      return (options.offline === true ? attestOffline : attest)(
        requireSchema(name),
        values,
        options as never,
      );
    },
  ),
  "write",
)
  .addOption(level())
  .option("--stream <name>", "append it to this stream of the issuer")
  .option("--offline", "ask no node: sign it, and print its waybill")
  .option(
    "--from <file>",
    "put the waybill of an attestation that was signed --offline on the chain; anyone may",
  )
  .option("--to <address>", "whom it is about")
  .option("--expires <when>", "90d, 2027-01-31 or Unix seconds")
  .option("--ref <uid>", "the attestation it refers to")
  .option("--id <key>", "tells it apart from one with the same content")
  .option("--replaces <uid>", "revoke this one when the new one is safe")
  .option("--irrevocable", "it can never be revoked")
  .option("--max-fee <amount>", "most that a gas may cost, such as 30gwei")
  .option("--dry-run", "print the uid and send nothing");

paced(
  common(
    command(
      "plan <file>",
      "read every row, report every fault, price the job; needs no key",
      async (file: string, options: never) => (await import("./commands/submit.js")).plan(file, options),
    ),
    "read",
  ),
)
  .requiredOption("--schema <schema>", "id or definition")
  .addOption(level())
  .option("--stream <name>", "append them to this stream of the issuer, in order")
  .option("--irrevocable", "they can never be revoked");

paced(
  common(
    command(
      "submit <file>",
      "issue one attestation per row; run again to go on, nothing is sent twice",
      async (file: string, options: never) => (await import("./commands/submit.js")).submit(file, options),
    ),
    "write",
  ),
)
  .requiredOption("--schema <schema>", "id or definition")
  .addOption(level())
  .option("--stream <name>", "append them to this stream of the issuer, in order")
  .option("--until <stage>", "return when every row is admitted, included, safe or final", "final")
  .option("--max-fee <amount>", "most that a gas may cost, such as 30gwei; dearer, it waits")
  .option("--budget <amount>", "most that the job may cost, such as 0.5eth; then it stops")
  .addOption(lanes())
  .option("--tenant <name>", "whose work it is: tenants share the room in blocks evenly")
  .option("--priority <priority>", "among the jobs of its tenant: low, normal or high", "normal")
  .option(
    "--on-refused <what>",
    "a row that the registry refuses: skip it, or block its stream until it is mended (in a stream: block)",
  )
  .option("--skip-bad", "issue the good rows of a file that has bad ones")
  .option("--irrevocable", "they can never be revoked")
  .option("--dry-run", "check and price every row and send nothing");

common(
  command(
    "run",
    "send what is admitted and not done, all jobs together by their shares; ^C stops it",
    async (options: never) => (await import("./commands/run.js")).run(options),
  ),
  "write",
)
  .addOption(lanes())
  .option("--until <stage>", "return when every row is included, safe or final", "final");

common(
  command(
    "import <files...>",
    "issue again what you signed for EAS without a chain; imported twice, it is one attestation",
    async (files: string[], options: never) =>
      (await import("./commands/import.js")).importEas(files, options),
  ),
  "write",
)
  .option("--check", "only check form, uid, signature and data; asks no node")
  .option("--schema <definition>", "its schema's definition, to check the data without a node")
  .option("--from-chain <id>", "take what was signed for this chain, and not for the one it goes to")
  .addOption(level())
  .option("--stream <name>", "append them to this stream of the issuer, in order")
  .option("--max-fee <amount>", "most that a gas may cost, such as 30gwei")
  .option("--budget <amount>", "most that all may cost, such as 0.5eth; then it stops")
  .option("--dry-run", "print the uids and send nothing");

common(
  command("status [job]", "where every item stands", async (job: string | undefined, options: never) =>
    (await import("./commands/jobs.js")).status(job, options),
  ),
  "store",
);
common(
  command(
    "watch",
    "the same on the whole terminal, as it changes; a line for each change where there is none",
    async (options: never) => (await import("./commands/watch.js")).watch(options),
  ),
  "store",
).option("--until-done", "end when every job is done");
common(
  command(
    "report [job]",
    "every row with its state, uid, block and transaction",
    async (job: string | undefined, options: { rebuild?: boolean }) =>
      options.rebuild === true
        ? (await import("./commands/rebuild.js")).rebuild(job, options as never)
        : (await import("./commands/jobs.js")).report(job, options as never),
  ),
  "read",
)
  .option("--rebuild", "from the chain alone: where every uid is, of a job or of a file with uids")
  .option("--attester <address>", "with --rebuild FILE: who issued them")
  .addOption(fromBlock())
  .addOption(atBlock());
common(
  command(
    "audit <what>",
    "rebuild a stream from the chain, or the streams of a job, and name what is missing, added or moved",
    async (what: string, options: never) => (await import("./commands/audit.js")).audit(what, options),
  ),
  "read",
)
  .option("--attester <address>", "whose stream it is; else the issuer's of this store")
  .option("--expect <file>", "the uids that the stream is to consist of, in order, one a line")
  .addOption(fromBlock())
  .addOption(atBlock());
common(
  command(
    "export <what>",
    "the waybills of a job or of one uid, one a line: what a stranger needs to check them",
    async (what: string, options: never) =>
      (await import("./commands/export.js")).exportWaybills(what, options),
  ),
  "read",
)
  .option("--out <dir>", "write a file for each instead")
  .option("--proof", "with the state of the safe block, asked of a node: then they are checked without one");
common(
  command(
    "verify <what...>",
    "check attestations by uid or by waybill file, with nothing but a node; - reads either from stdin",
    async (what: string[], options: never) => (await import("./commands/verify.js")).verify(what, options),
  ),
  "read",
)
  .option("--want <level>", "well-formed, authentic, included, settled or proven", "settled")
  .option("--proof", "the same as --want proven")
  .option("--policy <file>", "whom and what you believe: docs/verify.md")
  .option("--at <block>", "look at this block: its number, safe, finalized or latest")
  .option(
    "--header-hash <hash>",
    "of a block that you trust; with a waybill that has its state, no node is asked",
  );
common(
  command("revoke [uids...]", "revoke attestations, for ever", async (uids: string[], options: never) =>
    (await import("./commands/revoke.js")).revoke(uids, options),
  ),
  "write",
)
  .option("--from <file>", "a file of uids, one a line")
  .option("--schema <schema>", "all that the issuer has recorded under this schema")
  .option(
    "--before <time>",
    "all that were recorded before it: 2027-01-31, 2027-01-31T12:00:00Z or Unix seconds",
  )
  .option("--since <time>", "all that were recorded then or later")
  .option("--reason <text>", "goes into the event", "")
  .option("--max-fee <amount>", "most that a gas may cost, such as 30gwei")
  .option("--dry-run", "check every uid, list what would be revoked and send nothing");

common(
  command(
    "replace <file>",
    "issue one attestation per row and revoke the one that it replaces, when the new one is safe",
    async (file: string, options: never) => (await import("./commands/replace.js")).replace(file, options),
  ),
  "write",
)
  .requiredOption("--schema <schema>", "id or definition")
  .option("--stream <name>", "append the new ones to this stream of the issuer, in order")
  .option("--reason <text>", "goes into the events of the revocations", "")
  .option("--max-fee <amount>", "most that a gas may cost, such as 30gwei; dearer, it waits")
  .option("--budget <amount>", "most that all of it may cost, such as 0.5eth; then it stops")
  .addOption(lanes())
  .option("--tenant <name>", "whose work it is: tenants share the room in blocks evenly")
  .option("--priority <priority>", "among the jobs of its tenant: low, normal or high", "normal")
  .option("--irrevocable", "the new ones can never be revoked")
  .option("--dry-run", "check and price every row and send nothing");

// `waybill report | head` closes the pipe when it has seen enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

program.parseAsync().catch((error: unknown) => {
  if (!(error instanceof CommanderError)) throw error;
  // Help and version are asked for; everything else is a usage error that commander has explained.
  process.exitCode = error.exitCode === 0 ? 0 : 2;
  if (error.exitCode === 0 || !process.argv.includes("--json")) return;
  const message = "the command line is not understood; what is wrong with it is on stderr";
  const mend = "`waybill --help` lists the commands, `waybill COMMAND --help` their options";
  process.stdout.write(`${JSON.stringify({ error: { code: "E_USAGE", message, mend } }, null, 2)}\n`);
});
