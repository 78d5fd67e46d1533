import type { HistoryPoint } from "../../../core/history-point.ts";
import { evenlySpaced } from "../../../core/statistics/evenly-spaced.ts";
import type { EngineProcess } from "../../../engine/process/host.ts";
import { hashOf } from "../../content-hash.ts";
import { percent } from "../acceptance.ts";
import { timeLeft } from "../progress-line.ts";
import { compareConditions, type ConditionFigures } from "./comparison-report.ts";
import { CONDITIONS, type Condition, type ConditionCase } from "./condition.ts";
import { trainOnHistory, type HistoryAdapter, type HistoryAdapterOptions } from "./history-adapter.ts";
import { measureConditions } from "./measure.ts";
import { openResultFile } from "./result-file.ts";
import path from "node:path";

/** A history with its name, as the prompt says it. Points in time order. */
export interface ReplayedHistory {
  readonly name: string;
  readonly points: readonly HistoryPoint[];
}

export interface ComparisonOptions extends Pick<HistoryAdapterOptions, "modelDir" | "overrides" | "signal"> {
  /** Where adapters and results lie; a run that was stopped goes on from them. */
  readonly workDir: string;
  /** Most points measured of each history, spread evenly over its last fifth. */
  readonly limit: number;
  readonly engine: Pick<EngineProcess, "complete" | "setAdapter" | "setExamples" | "addExamples" | "model">;
  /** Told how far it is. */
  readonly say: (line: string) => void;
}

export interface HistoryComparison {
  readonly name: string;
  readonly adapter: HistoryAdapter;
  readonly cases: readonly ConditionCase[];
  readonly figures: readonly ConditionFigures[];
}

/** Adapters learn from this part of a history; suggestions are measured on what was written later. */
const EARLIER_SHARE = 0.8;

/**
 * What in-context examples and an adapter are worth on code that was written later: measures the base model on the
 * later part of each history, trains an adapter on the earlier one, and measures that. The adapter of the next
 * history is the foreign one; a history alone goes without.
 */
export async function compareOnHistories(
  histories: readonly ReplayedHistory[],
  options: ComparisonOptions,
): Promise<HistoryComparison[]> {
  const measures = histories.map((history) => openMeasure(history, options));
  for (const measure of measures) await measure("none", null);
  const adapters: HistoryAdapter[] = [];
  for (const [i, history] of histories.entries()) {
    const adapter = await trainAdapter(history, options);
    adapters.push(adapter);
    await measures[i]!("own", adapter);
  }
  const comparisons: HistoryComparison[] = [];
  for (const [i, { name }] of histories.entries()) {
    const adapter = adapters[i]!;
    const cases = [...(await measures[i]!("none", null)), ...(await measures[i]!("own", adapter))];
    if (histories.length > 1) cases.push(...(await measures[i]!("foreign", adapters[(i + 1) % histories.length]!)));
    comparisons.push({ name, adapter, cases, figures: compareConditions(cases) });
  }
  return comparisons;
}

async function trainAdapter({ name, points }: ReplayedHistory, options: ComparisonOptions): Promise<HistoryAdapter> {
  const { engine, workDir, say, signal } = options;
  const startedAt = performance.now();
  const adapter = await trainOnHistory({
    points: points.slice(0, nEarlier(points)),
    repository: name,
    modelDir: options.modelDir,
    base: engine.model.sha256,
    dir: path.join(workDir, `${name}-adapter`),
    overrides: options.overrides,
    onProgress: ({ step, totalSteps, loss, secondsLeft }) => {
      if (step % STEPS_PER_LINE === 0)
        say(`${name}: step ${step} of ${totalSteps}, loss ${loss.toFixed(3)}, ${Math.round(secondsLeft)} s left`);
    },
    signal,
  });
  const { nRows, scale, validationLoss: loss } = adapter;
  const fall = loss === null ? "" : `, validation loss ${loss.first.toFixed(3)} → ${loss.last.toFixed(3)}`;
  say(
    `${name}: adapter of ${nRows} rows${fall}, counts ${scale} times, ${Math.round((performance.now() - startedAt) / 1_000)} s`,
  );
  return adapter;
}

/** Measures the later part of a history with one adapter after another; gives the cases. */
function openMeasure(
  { name, points }: ReplayedHistory,
  options: ComparisonOptions,
): (kind: Condition["adapter"], adapter: HistoryAdapter | null) => Promise<readonly ConditionCase[]> {
  const { engine, workDir, say, signal } = options;
  const later = evenlySpaced(
    points.slice(nEarlier(points)).filter(({ target }) => target.trim() !== ""),
    options.limit,
  );
  const ids = later.map(({ id }) => id);
  return async (kind, adapter) => {
    const conditions = CONDITIONS.filter((condition) => condition.adapter === kind);
    const key = hashOf(JSON.stringify([engine.model.sha256, adapter?.key ?? null, ids]));
    const results = openResultFile(path.join(workDir, `${name}-${kind}.jsonl`), key);
    const nKnown = results.cases.length;
    const nAll = later.length * conditions.length;
    const startedAt = performance.now();
    await measureConditions({
      points,
      measured: new Set(ids),
      repository: name,
      conditions,
      adapterDir: adapter?.dir ?? null,
      engine,
      isKnown: (condition, id) => results.has(condition, id),
      onCase(one) {
        results.add(one);
        const nDone = results.cases.length;
        if (nDone % CASES_PER_LINE !== 0 && nDone !== nAll) return;
        const rates = conditions.map((condition) => {
          const cases = results.cases.filter((other) => other.condition === condition.name);
          const share = cases.filter(({ accepted }) => accepted).length / Math.max(1, cases.length);
          return `${condition.name} ${percent(share)}`;
        });
        const left = timeLeft(nDone - nKnown, nAll - nKnown, startedAt);
        say(`${name}, adapter ${kind}: ${nDone} of ${nAll} suggestions, ${rates.join(", ")}${left}`);
      },
      signal,
    });
    return results.cases;
  };
}

/** Between two lines of progress. */
const STEPS_PER_LINE = 50;
const CASES_PER_LINE = 100;

const nEarlier = (points: readonly HistoryPoint[]): number => Math.floor(points.length * EARLIER_SHARE);
