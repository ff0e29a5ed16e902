import { makeReady } from "./ready.mjs";

makeReady();
