import type { Hex } from "../hex.js";

/**
 * The registry's address on every chain, for a reader that does not carry its code: `deployments()` makes the same of
 * the code, and test/chain/address.test.ts holds them together.
 */
export const REGISTRY: Hex = "0xCb5B241fc30ddaE2C0075fC21f814BB6E17AbE82";
