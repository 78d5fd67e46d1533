/** `npm run test:faults` sets it: more cuts and kills, each time elsewhere. */
export const isFullRun = process.env["KEPT_FAULTS"] === "full";

/** Where faults happen: the same places in every quick run, new ones in a full run unless they are named. */
export const faultSeed = isFullRun
  ? Number(process.env["KEPT_FAULT_SEED"] ?? Math.floor(Math.random() * 2 ** 31))
  : 20_261_122;

if (isFullRun) process.stderr.write(`Faults with seed ${faultSeed}; the same again: KEPT_FAULT_SEED=${faultSeed}\n`);
