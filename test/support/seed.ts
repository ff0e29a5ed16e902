/** One seed for every property of a run: WAYBILL_SEED repeats a run that failed. */
export const seed = Number(process.env["WAYBILL_SEED"] ?? 20_260_214);
if (!Number.isSafeInteger(seed)) throw new Error("WAYBILL_SEED is a whole number");

console.log(`seed ${seed}`);
