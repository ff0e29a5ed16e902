import type { Hex } from "../hex.js";

/**
 * The registry's address on every chain, for a reader that does not carry its code: `deployments()` makes the same of
 * the code, and test/chain/address.test.ts holds them together.
 */
export const REGISTRY: Hex = "0x4134994aeD3a3C76Cc8452E4E7508555E0B6D112";
