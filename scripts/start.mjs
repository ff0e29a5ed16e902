// The main job: `npm start`, or `npm start -- --json`.
import { makeReady, run } from "./ready.mjs";

const node = makeReady();
run(node, ["--import", "tsx", "scripts/quickstart.ts", ...process.argv.slice(2)]);
