/** Registries that are not installed here. Each figure stands under its work. */
export const QUOTED = {
  source: "the same work by others, in November 2026",
  work: ["register", "attest 64 B", "record 50", "record 100", "revoke 50", "signed 50", "largest"],
  of: [
    { name: "Sign 1.1.3", figures: [154_004, 243_336, 198_152, 198_037, 34_236, 200_043, 83] },
    { name: "Verax 10.0.0", figures: [177_129, 280_127, 201_765, 201_059, 32_869, 213_605, 80] },
  ],
  remark: "In Verax, an issuer also deploys a portal once, for 1.43 M gas.",
};
