import path from "node:path";
import { parseArgs } from "node:util";
import { pairedBootstrap } from "../../core/statistics/bootstrap.ts";
import { readPoints, repositoryOf } from "../../server/replay/replay.ts";
import { startReplayEngine } from "../../server/replay/replay-engine.ts";
import { compareOnHistories, type HistoryComparison } from "../../server/replay/comparison/comparison.ts";
import { acceptedDifference, comparisonTable } from "../../server/replay/comparison/comparison-report.ts";
import { baselineFileOf, readBaseline, type BaselineScore } from "./base/baseline.ts";
import type { Bar, Bench } from "./harness/report.ts";

const root = path.resolve(import.meta.dirname, "../..");

const options = {
  model: { type: "string", default: path.join(root, "models/base") },
  points: { type: "string", multiple: true, default: [] as string[] },
  n: { type: "string", default: "1000000" },
  work: { type: "string", default: path.join(root, ".cache/bench-replay") },
  steps: { type: "string" },
  // One: what is measured is no time, and on a busy machine a second thread mostly waits.
  threads: { type: "string", default: "1" },
} as const;

/** Mean gain of both strategies together over the base model, relative: learning.md 8 and issue 8. */
const MEAN_GAIN = 0.3;

/** Least share that counts as above 0: a hundredth of a point. */
const ABOVE_ZERO = 1e-4;

/**
 * `npm run bench -- replay --points <file.jsonl[.xz]>... [--n <points>] [--work <folder>] [--steps <steps>]
 * [--threads 1]`.
 * What was finished lies in the work folder: the same command goes on after a stop.
 */
export const bench: Bench = {
  about: "in-context examples and an adapter of a history's first 80 %, measured on the code of its last 20 %",
  async run({ args, signal, say }) {
    const { values } = parseArgs({ args: [...args], options, allowPositionals: true });
    if (values.points.length === 0) throw new Error("--points names at least one file of points.");
    const sources = values.points.map((file) => ({ kind: "points", file: path.resolve(file) }) as const);
    const histories = [];
    for (const source of sources) {
      histories.push({ name: repositoryOf(source), points: await readPoints(source, MAX_POINTS, signal) });
    }
    using engine = await startReplayEngine(values.model, Number(values.threads));
    const compared = await compareOnHistories(histories, {
      engine,
      modelDir: values.model,
      workDir: values.work,
      limit: Number(values.n),
      overrides: values.steps === undefined ? {} : { steps: Number(values.steps) },
      say,
      signal,
    });
    const metrics: Record<string, number> = {};
    const bars: Bar[] = [];
    for (const [i, one] of compared.entries()) {
      say(`\n${one.name}\n${comparisonTable(one.figures)}`);
      const file = baselineFileOf(sources[i]!.file);
      const baseline = file === null ? null : await readBaseline(file, signal);
      Object.assign(metrics, metricsOf(one), baseline === null ? {} : baselineMetrics(one, baseline));
      bars.push(...barsOf(one));
    }
    const gains = compared.map(relativeGain);
    const meanGain = gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
    metrics["meanRelativeGain"] = meanGain;
    bars.push({ name: "both over base, mean relative gain", value: meanGain, target: MEAN_GAIN, want: "at-least" });
    return { metrics, bars };
  },
};

const MAX_POINTS = Number.MAX_SAFE_INTEGER;

function metricsOf({ name, figures }: HistoryComparison): Record<string, number> {
  const entries = figures.flatMap((one) => {
    const key = `${name}.${one.name}`;
    const own: [string, number][] = [
      [`${key}.points`, one.points],
      [`${key}.commits`, one.commits],
      [`${key}.acceptedAtLine`, one.acceptedAtLine],
      [`${key}.editSimilarity`, one.editSimilarity],
    ];
    const gain = one.acceptedGain;
    // One commit says nothing about the spread, and JSON has no word for infinity.
    if (gain === null || one.commits < 2) return own;
    return [...own, [`${key}.gain`, gain.difference], [`${key}.gain.low`, gain.low], [`${key}.gain.high`, gain.high]];
  });
  return Object.fromEntries(entries as [string, number][]);
}

/** Retrieval without a model on the same points, and what both strategies together are above it. */
function baselineMetrics(
  { name, cases }: HistoryComparison,
  baseline: ReadonlyMap<string, BaselineScore>,
): Record<string, number> {
  const both = cases.filter(({ condition, pointId }) => condition === "both" && baseline.has(pointId));
  if (both.length === 0) return {};
  const theirs = both.map(({ pointId }) => baseline.get(pointId)!);
  const mean = (of: (score: BaselineScore) => number) => theirs.reduce((sum, one) => sum + of(one), 0) / theirs.length;
  const { difference, low, high } = pairedBootstrap({
    a: both.map(({ accepted }) => Number(accepted)),
    b: theirs.map(({ accepted }) => accepted),
    groups: both.map(({ commit }) => commit),
    resamples: 5_000,
    confidence: 0.95,
    seed: 20261122,
  });
  return {
    [`${name}.retrieval.points`]: both.length,
    [`${name}.retrieval.acceptedAtLine`]: mean(({ accepted }) => accepted),
    [`${name}.retrieval.editSimilarity`]: mean(({ similarity }) => similarity),
    ...(Number.isFinite(low) && {
      [`${name}.both.overRetrieval`]: difference,
      [`${name}.both.overRetrieval.low`]: low,
      [`${name}.both.overRetrieval.high`]: high,
    }),
  };
}

function barsOf({ name, cases }: HistoryComparison): Bar[] {
  const above = (what: string, better: "both" | "lora", worse: "base" | "wrong-lora"): Bar[] => {
    const difference = acceptedDifference(cases, better, worse);
    if (difference === null) return [];
    const title = `${name}: ${what}, low end of the 95 % interval of accepted@line`;
    return [{ name: title, value: difference.low, target: ABOVE_ZERO, want: "at-least" }];
  };
  return [...above("both above base", "both", "base"), ...above("LoRA above the wrong one", "lora", "wrong-lora")];
}

function relativeGain({ figures }: HistoryComparison): number {
  const of = (name: string) => figures.find((one) => one.name === name)?.acceptedAtLine ?? 0;
  return of("base") === 0 ? 0 : of("both") / of("base") - 1;
}
