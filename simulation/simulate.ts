import { type ChildProcess, spawn } from "node:child_process";
import { Transaction } from "ethers";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Hex } from "../src/hex.js";
import { LIVE } from "../src/batch.js";
import { openSqliteStore } from "../src/store/sqlite.js";
import type { Counts } from "../src/store/store.js";
import { type Break } from "./broken.js";
import { bundle, COMPILED } from "./bundle.js";
import { repeated, timesOf } from "./census.js";
import { FAULTS, faultyNode, type Faults } from "./faults.js";
import { LANES, rowsOf } from "./items.js";
import type { Report, Task } from "./process.js";
import { type Answer, type Question, startProxy } from "./proxy.js";
import { type Chance, chanceOf } from "./random.js";
import { openSky, WEATHER, type Weather } from "./weather.js";
import { openWorld, type Target } from "./world.js";

export type Options = {
  seed: number;
  items: number;
  kills: number;
  target: Target;
  broken: Break | null;
  faults?: Faults;
  weather?: Weather;
  /** questions without any progress after which the run is given up */
  patience?: number;
  onProgress?: (line: string) => void;
};

export type Result = {
  seed: number;
  items: number;
  /** on the chain, as the chain says */
  exactlyOnce: number;
  missing: number;
  doubled: number;
  kills: number;
  reorgs: number;
  /** transactions that somebody else sent with the lane's key */
  foreign: number;
  seconds: number;
  lives: number;
  blocks: number;
  transactions: number;
  /** attempts after the first at a nonce */
  outbid: number;
  /** nonces that were filled or given up */
  noops: number;
  /** doubled: what is final twice cannot become right any more, and the run ends there */
  end: "done" | "doubled" | "stalled";
  /** all that is not as it must be */
  problems: string[];
};

/** When a life ends: at the nth question, or transaction, before or after the node heard it, or behind the reply. */
type Doom = { of: "questions" | "transactions"; nth: number; moment: "unheard" | "heard" | "answered" };

/** The moment that law 3 is about: the node has it, and nothing more is written. */
const IN_BETWEEN: Doom = { of: "transactions", nth: 1, moment: "heard" };

/** Items in a transaction, about; see BLOCK_GAS. */
const PER_TRANSACTION = 14;

/** Questions in which something must have become final: about 500 blocks. */
const PATIENCE = 4_000;

/** A process that asks nothing for so long never will. */
const SILENCE_MS = 60_000;

/** Blocks between two looks for what is final and doubled. */
const LOOK = 8;

/** Memory where there is such a folder: what is killed here is the process, not the machine, and syncing is slow. */
const SCRATCH = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

export async function simulate(options: Options): Promise<Result> {
  const { seed, items, kills, target, onProgress = () => {} } = options;
  const started = performance.now();
  const program = await bundle();
  const world = await openWorld(target);
  const directory = await mkdtemp(join(SCRATCH, "waybill-simulation-"));
  const { node, registry, schema } = world;
  const uids = rowsOf(seed, items, registry.separator, schema).map((row) =>
    row.kind === "item" ? row.uid : "0x",
  ) as Hex[];
  const sky = openSky(node, LANES, options.weather ?? WEATHER, chanceOf(seed, "weather"));
  const faulty = faultyNode(node, options.faults ?? FAULTS, chanceOf(seed, "faults"));
  const problems = new Set<string>();
  const stops = new Map<string, number>();
  /** By lane and nonce, what was sent to be done there (law 4). */
  const payloads = new Map<string, string>();
  const handed = new Set<Hex>();

  let killed = 0;
  let lives = 0;
  let counts: Counts | null = null;
  let hold: string | null = null;
  let asked = 0;
  let movedAt = 0;
  let askedAt = performance.now();
  let life: Life | null = null;

  const proxy = await startProxy(async (question) => {
    const asking = life;
    if (asking === null) return { kind: "hang up" };
    asked += 1;
    askedAt = performance.now();
    if (question.method === "eth_sendRawTransaction") note(question.params[0] as Hex);
    await sky.pass("before");
    const answer = await asking.answer(question);
    await sky.pass("after");
    return answer;
  });

  function note(raw: Hex): void {
    const { hash, from, nonce, to, data } = Transaction.from(raw);
    sky.known.set(hash as Hex, raw);
    handed.add(hash as Hex);
    const place = `${from} ${nonce}`;
    const payload = `${to} ${data}`;
    const before = payloads.get(place);
    payloads.set(place, before ?? payload);
    const isNothing = data === "0x" && to === from;
    if (before !== undefined && before !== payload && !isNothing) {
      problems.add(`law 4: two payloads were sent with nonce ${nonce}`);
    }
  }

  class Life {
    readonly child: ChildProcess;
    readonly ended: Promise<void>;
    dead = false;
    done = false;
    questions = 0;
    transactions = 0;
    private readonly doom: Doom | null;

    constructor(doom: Doom | null) {
      this.doom = doom;
      const task: Task = {
        url: proxy.url,
        directory,
        registry: registry.domain.registry,
        schema,
        seed,
        items,
        broken: options.broken,
      };
      this.child = spawn(process.execPath, [program, JSON.stringify(task)], {
        stdio: ["ignore", "pipe", "pipe"],
        env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE: COMPILED },
      });
      let rest = "";
      this.child.stdout!.setEncoding("utf8").on("data", (text: string) => {
        const lines = (rest + text).split("\n");
        rest = lines.pop()!;
        for (const line of lines) this.hear(JSON.parse(line) as Report);
      });
      let cries = "";
      this.child.stderr!.setEncoding("utf8").on("data", (text: string) => (cries += text));
      this.ended = new Promise((resolve) =>
        this.child.once("close", (code, signal) => {
          if (!this.dead && code !== 0 && code !== 75) {
            problems.add(
              `the process ended by itself with ${code ?? signal}: ${cries.trim().slice(0, 2_000)}`,
            );
          }
          this.dead = true;
          resolve();
        }),
      );
    }

    hear(report: Report): void {
      if (report.kind === "stopped") {
        stops.set(report.code, (stops.get(report.code) ?? 0) + 1);
        hold = `${report.code}: ${report.message}`;
        return;
      }
      // Items that come and go between two states are no progress.
      if (counts === null || report.counts.verified > counts.verified) movedAt = asked;
      counts = report.counts;
      if (report.kind === "done") this.done = true;
      else hold = report.hold;
      onProgress(
        `${counts.verified} of ${items} verified, ${killed} kills, ${sky.counts.reorgs} reorgs${hold === null ? "" : `, ${hold}`}`,
      );
    }

    /** Ends it without that being one of the kills. */
    async stop(): Promise<void> {
      this.dead = true;
      this.child.kill("SIGKILL");
      await this.ended;
    }

    kill(): void {
      if (this.dead || this.child.exitCode !== null) return;
      this.dead = true;
      killed += 1;
      this.child.kill("SIGKILL");
    }

    async answer(question: Question): Promise<Answer> {
      if (this.dead) return { kind: "hang up" };
      this.questions += 1;
      const sends = question.method === "eth_sendRawTransaction";
      if (sends) this.transactions += 1;
      const { doom } = this;
      const counted = doom?.of === "questions" || sends;
      if (doom === null || !counted || this[doom.of] !== doom.nth) return this.pass(question);
      if (doom.moment === "answered") {
        const answer = await faulty.pass(question.method, question.params);
        setTimeout(() => this.kill(), dooms.below(4));
        return answer;
      }
      if (doom.moment === "unheard") {
        this.kill();
        return { kind: "hang up" };
      }
      await faulty.pass(question.method, question.params);
      this.kill();
      return { kind: "hang up" };
    }

    /** About its chain, a node lies only to whom has once been told the truth: a first lie cannot be told from it. */
    private pass(question: Question): Promise<Answer> {
      return faulty.answer(question, counts === null);
    }
  }

  const dooms = chanceOf(seed, "kills");

  /** Looks at the store between two lives. */
  async function examine(): Promise<number> {
    if (counts === null) return items;
    const store = openSqliteStore(directory, { readOnly: true });
    try {
      const now = await store.counts(1);
      const { rows, ...parts } = now;
      const sum = Object.values(parts).reduce((a, b) => a + b, 0);
      if (rows !== sum) problems.add(`law 12: ${rows} rows are ${sum}: ${JSON.stringify(now)}`);
      return now.waiting + now.assigned;
    } finally {
      await store.close();
    }
  }

  /** What the store says is on the chain for good. */
  async function claimed(): Promise<Set<Hex>> {
    const store = openSqliteStore(directory, { readOnly: true });
    try {
      const rows = await store.report(1, 0, items + 1);
      return new Set(rows.flatMap(({ state, uid }) => (state === "verified" && uid !== null ? [uid] : [])));
    } finally {
      await store.close();
    }
  }

  async function journaled(): Promise<{ unwritten: number; outbid: number; noops: number }> {
    const store = openSqliteStore(directory, { readOnly: true });
    try {
      const written = new Set<Hex>();
      let outbid = 0;
      let noops = 0;
      for (const { id } of await store.batches([...LIVE, "reverted", "stolen", "voided"])) {
        const attempts = await store.attempts(id);
        outbid += Math.max(0, attempts.length - 1);
        noops += attempts.some((attempt) => attempt.noop) ? 1 : 0;
        for (const { transaction } of attempts) written.add(transaction);
      }
      return { unwritten: [...handed].filter((hash) => !written.has(hash)).length, outbid, noops };
    } finally {
      await store.close();
    }
  }

  let end = "done" as Result["end"];
  try {
    const patience = options.patience ?? PATIENCE;
    let looked = 0;
    let looking: Promise<void> | null = null;
    const watch = setInterval(() => {
      if (asked - movedAt > patience || performance.now() - askedAt > SILENCE_MS) {
        end = "stalled";
        void life?.stop();
      }
      if (target !== "counter" || looking !== null || sky.counts.blocks - looked < LOOK) return;
      looked = sky.counts.blocks;
      looking = repeated(node, registry.domain.registry, "finalized")
        .then((times) => {
          if (times === 0) return;
          end = "doubled";
          void life?.stop();
        })
        .finally(() => (looking = null));
    }, 100);
    try {
      while (end === "done") {
        const left = await examine();
        const doom =
          killed >= kills
            ? null
            : options.broken === "law3"
              ? IN_BETWEEN
              : doomOf(dooms, left, kills - killed);
        if (lives > 0) await sky.pass("between");
        // What a block took meanwhile cannot be signed again as it was, by chance.
        if (options.broken === "law3") await node("evm_mine", []);
        lives += 1;
        life = new Life(doom);
        await life.ended;
        if (life.done && killed >= kills) break;
      }
    } finally {
      clearInterval(watch);
      await life?.stop();
      await looking;
    }
    if (end !== "doubled") await sky.lastCall();
    const times = await timesOf(world, uids);
    const once = times.filter((count) => count === 1).length;
    const zero = uids.filter((_, index) => times[index] === 0);
    // Cut short, a run has items that were still to come.
    const meant = end === "doubled" ? await claimed() : new Set(uids);
    const missing = zero.filter((uid) => meant.has(uid)).length;
    const doubled = items - once - zero.length;

    await examine();
    if (end === "done" && counts!.verified !== items) {
      problems.add(`the store says that ${counts!.verified} of ${items} are verified`);
    }
    if (end === "stalled")
      problems.add(`nothing moved any more: ${hold ?? "no hold"} ${JSON.stringify(counts)}`);
    if (killed < kills && end === "done") problems.add(`only ${killed} kills`);
    const { unwritten, outbid, noops } = await journaled();
    if (unwritten > 0) problems.add(`law 3: ${unwritten} transactions were sent and are not in the journal`);
    return {
      seed,
      items,
      exactlyOnce: once,
      missing,
      doubled,
      kills: killed,
      reorgs: sky.counts.reorgs,
      foreign: sky.counts.foreign,
      seconds: Math.round((performance.now() - started) / 100) / 10,
      lives,
      blocks: sky.counts.blocks,
      transactions: handed.size,
      outbid,
      noops,
      end,
      problems: [...problems],
    };
  } finally {
    await proxy.close();
    await world.close();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Spreads the kills over the work that is left, and most of them around what is sent. */
function doomOf(chance: Chance, left: number, kills: number): Doom {
  const share = left / PER_TRANSACTION / (kills + 1);
  const moment = chance.pick([["unheard", 1] as const, ["heard", 2] as const, ["answered", 2] as const]);
  if (left > 0 && chance.hit(0.6)) {
    return { of: "transactions", nth: 1 + chance.below(Math.max(1, Math.round(2 * share))), moment };
  }
  const most = left > 0 ? Math.round(40 * Math.max(1, share)) : 12;
  return { of: "questions", nth: 1 + chance.below(most), moment };
}
