import { parseArgs } from "node:util";
import { fuzzHistory, type Mismatch } from "../support/survival/fuzz-history.ts";
import type { Bench } from "./harness/report.ts";

const DEFAULT_CHECKS = 6_000;
const STEPS_PER_HISTORY = 24;

/** Options: `--checks` to make at least (default 6,000) · `--seed` of the first history (default 1) · `--show` mismatches. */
export const bench: Bench = {
  about: "retained fractions that the tracker gets wrong on random histories, against counted words",
  async run({ args, signal, say }) {
    const { values } = parseArgs({
      args: [...args],
      options: { checks: { type: "string" }, seed: { type: "string" }, show: { type: "boolean" } },
    });
    const wanted = Number(values.checks ?? DEFAULT_CHECKS);
    const firstSeed = Number(values.seed ?? 1);
    let nChecks = 0;
    let seed = firstSeed;
    const over: Mismatch[] = [];
    const under: Mismatch[] = [];
    const others: Mismatch[] = [];
    const operations = new Map<string, number>();
    for (; nChecks < wanted && !signal.aborted; seed += 1) {
      const result = await fuzzHistory({ seed, nSteps: STEPS_PER_HISTORY });
      nChecks += result.nChecks;
      over.push(...result.over);
      under.push(...result.under);
      others.push(...result.notDead, ...result.untold);
      for (const [name, count] of Object.entries(result.operations))
        operations.set(name, (operations.get(name) ?? 0) + count);
      const wrong = [...result.over, ...result.under, ...result.notDead, ...result.untold];
      say(`seed ${seed}: ${nChecks} checks, ${over.length} over, ${under.length} under, ${others.length} other`);
      if (values.show === true) for (const one of wrong) say(JSON.stringify(one));
    }
    say(`seeds ${firstSeed} to ${seed - 1}; ${[...operations].map(([name, count]) => `${name} ${count}`).join(", ")}`);
    const underPercent = nChecks === 0 ? 100 : (100 * under.length) / nChecks;
    return {
      metrics: { checks: nChecks, histories: seed - firstSeed, over: over.length, under: under.length, firstSeed },
      bars: [
        { name: "checks", value: nChecks, target: 5_000, want: "at-least" },
        { name: "over-counts", value: over.length, target: 0, want: "at-most" },
        {
          name: "called dead elsewhere than nowhere, or risen without a gain",
          value: others.length,
          target: 0,
          want: "at-most",
        },
        { name: "under-counts, %", value: underPercent, target: 0.05, want: "at-most" },
      ],
    };
  },
};
