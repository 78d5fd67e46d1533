import { readdirSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import {
  DEFAULT_GATE,
  decidePromotion,
  type GateCase,
  type GateDecision,
  type GateMetric,
} from "../../core/evaluation/gate.ts";
import { createRandom } from "../../core/statistics/random.ts";
import { readPairs } from "./gate/pairs.ts";
import { readBaselinePairs } from "./gate/baseline-pairs.ts";
import { createSimulation, type Simulation } from "./gate/simulate.ts";
import { median } from "./engine/medians.ts";
import type { Bar, Bench } from "./harness/report.ts";

const options = {
  /** Measured pairs of {@link readPairs}; those beside this file unless given. */
  pairs: { type: "string", multiple: true, default: [] as string[] },
  /** `*.baseline-points.tsv[.xz]` of replay sets: accepted@line as the primary metric. */
  baseline: { type: "string", multiple: true, default: [] as string[] },
  replays: { type: "string", default: "1000" },
  resamples: { type: "string", default: "1000" },
} as const;

/** Three points of accepted@line. */
const EFFECT = 0.03;
/** Cases of a whole evaluation, and of one that 1,000 examples give. */
const CASES = [DEFAULT_GATE.maxCases, 120] as const;
/** With accepted@line as the primary metric. */
const ACCEPTANCE_CASES = [DEFAULT_GATE.maxCases, 1_800] as const;

const SCENARIOS: Readonly<Record<string, Simulation & { readonly counts: GateDecision["verdict"] }>> = {
  falsePromotion: { effect: 0, loss: "like-acceptance", counts: "promote" },
  power: { effect: EFFECT, loss: 1, counts: "promote" },
  powerAtThirdOfLoss: { effect: EFFECT, loss: 1 / 3, counts: "promote" },
  regressionCaught: { effect: -EFFECT, loss: -1, counts: "refuse" },
  hiddenRegressionCaught: { effect: -EFFECT, loss: 1, counts: "refuse" },
  /** Not right or wrong: what becomes of a better loss that nobody sees. */
  betterLossAlone: { effect: 0, loss: 1, counts: "promote" },
};
/** Without a loss on either side. */
const VISIBLE: Readonly<Record<string, Simulation & { readonly counts: GateDecision["verdict"] }>> = {
  falsePromotion: { effect: 0, loss: "like-acceptance", counts: "promote" },
  power: { effect: EFFECT, loss: "like-acceptance", counts: "promote" },
  regressionCaught: { effect: -EFFECT, loss: "like-acceptance", counts: "refuse" },
};

/**
 * `npm run bench -- gate [--pairs <file.tsv>]... [--baseline <points.tsv.xz>]... [--replays 1000]`: how often the
 * gate is wrong, over replays with a known truth drawn from measured pairs; see docs/gate-quality.md.
 */
export const bench: Bench = {
  about: "the gate's error rates over replays drawn from measured, paired outcomes, whole commits at a time",
  async run({ args, signal, say }) {
    const { values } = parseArgs({ args: [...args], options, allowPositionals: true });
    const nReplays = Number(values.replays);
    const resamples = Number(values.resamples);
    const metrics: Record<string, number> = { replays: nReplays, resamples };
    const shares: Record<string, number[]> = {};
    const measure = async (
      name: string,
      cases: readonly GateCase[],
      metric: GateMetric,
      sizes: readonly number[],
      scenarios: typeof SCENARIOS,
    ): Promise<void> => {
      for (const nCases of sizes) {
        for (const [scenario, simulation] of Object.entries(scenarios)) {
          const { share, needed } = replay(cases, simulation, { nCases, nReplays, resamples, metric });
          metrics[`${name}.${nCases}.${scenario}`] = share;
          if (scenario === "falsePromotion") metrics[`${name}.${nCases}.neededCases`] = needed;
          (shares[`${metric}.${nCases}.${scenario}`] ??= []).push(share);
          say(`${name}, ${nCases} cases: ${scenario} ${(100 * share).toFixed(1)} %`);
          // A signal is heard between two scenarios.
          await new Promise((resolve) => setImmediate(resolve));
          signal.throwIfAborted();
        }
      }
    };

    for (const file of pairFiles(values.pairs)) {
      const cases = readPairs(file);
      const name = path.basename(file).replace(/\.tsv$/, "");
      Object.assign(metrics, aboutPairs(name, cases));
      await measure(name, cases, "held-out-loss", CASES, SCENARIOS);
    }
    for (const file of values.baseline) {
      const cases = await readBaselinePairs(file, signal);
      const name = `${path.basename(file).replace(/\.baseline-points\.tsv(\.xz)?$/, "")}.acceptance`;
      Object.assign(metrics, aboutPairs(name, cases));
      await measure(name, cases, "accepted-at-line", ACCEPTANCE_CASES, VISIBLE);
    }
    return { metrics, bars: barsOf(shares) };
  },
};

function replay(
  cases: readonly GateCase[],
  { counts, ...simulation }: Simulation & { readonly counts: GateDecision["verdict"] },
  { nCases, nReplays, resamples, metric }: { nCases: number; nReplays: number; resamples: number; metric: GateMetric },
): { share: number; needed: number } {
  const draw = createSimulation(cases, simulation);
  const decisions = Array.from({ length: nReplays }, (_, seed) =>
    decidePromotion({ cases: draw(nCases, createRandom(seed + 1)), primary: metric, resamples, seed }),
  );
  return {
    share: decisions.filter(({ verdict }) => verdict === counts).length / nReplays,
    needed: median(decisions.map(({ neededCases }) => neededCases)),
  };
}

/** What the replays are drawn from. */
function aboutPairs(name: string, cases: readonly GateCase[]): Record<string, number> {
  const mean = (of: (one: GateCase) => number): number => cases.reduce((sum, one) => sum + of(one), 0) / cases.length;
  const accepted = (side: "challenger" | "champion") => mean((one) => Number(one[side].acceptedAtLine));
  return {
    [`${name}.pairs`]: cases.length,
    [`${name}.commits`]: new Set(cases.map(({ group }) => group)).size,
    [`${name}.acceptedChampion`]: accepted("champion"),
    [`${name}.acceptedChallenger`]: accepted("challenger"),
    [`${name}.disagree`]: mean((one) => Number(one.challenger.acceptedAtLine !== one.champion.acceptedAtLine)),
    [`${name}.lossGain`]: mean((one) => one.champion.heldOutLoss - one.challenger.heldOutLoss),
  };
}

function pairFiles(given: readonly string[]): readonly string[] {
  if (given.length > 0) return given;
  const dir = path.join(import.meta.dirname, "gate", "pairs");
  return readdirSync(dir)
    .filter((name) => name.endsWith(".tsv"))
    .map((name) => path.join(dir, name));
}

/** The worst set decides. The hidden regression is a bar where there are cases enough to see it. */
function barsOf(shares: Readonly<Record<string, readonly number[]>>): Bar[] {
  const bars: Bar[] = [];
  const add = (key: string, name: string, target: number, want: Bar["want"]): void => {
    const found = shares[key];
    if (!found) return;
    bars.push({ name, value: want === "at-most" ? Math.max(...found) : Math.min(...found), target, want });
  };
  for (const nCases of CASES) {
    add(`held-out-loss.${nCases}.falsePromotion`, `false promotion, ${nCases} cases`, 0.05, "at-most");
    add(`held-out-loss.${nCases}.power`, `power at +3 points, ${nCases} cases`, 0.8, "at-least");
    add(`held-out-loss.${nCases}.regressionCaught`, `3-point regression caught, ${nCases} cases`, 0.95, "at-least");
  }
  const [whole] = CASES;
  const hidden = `held-out-loss.${whole}.hiddenRegressionCaught`;
  add(hidden, `3-point regression behind a better loss caught, ${whole} cases`, 0.95, "at-least");
  return bars;
}
