import type { HistoryPoint } from "../../../core/history-point.ts";
import { evenlySpaced } from "../../../core/statistics/evenly-spaced.ts";
import type { EngineProcess } from "../../../engine/process/host.ts";
import { hashOf } from "../../content-hash.ts";
import { timeLeft } from "../progress-line.ts";
import { compareConditions, type ConditionFigures } from "./comparison-report.ts";
import { CONDITIONS, type ConditionCase } from "./condition.ts";
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
 * What in-context examples and an adapter are worth on code that was written later: trains an adapter on the
 * earlier part of each history and measures every condition on the later one. The adapter of the next history
 * is the foreign one; a history alone goes without.
 */
export async function compareOnHistories(
  histories: readonly ReplayedHistory[],
  options: ComparisonOptions,
): Promise<HistoryComparison[]> {
  const { engine, workDir, say, signal } = options;
  const adapters: HistoryAdapter[] = [];
  for (const { name, points } of histories) {
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
    const { nRows, validationLoss: loss } = adapter;
    const fall = loss === null ? "" : `, validation loss ${loss.first.toFixed(3)} → ${loss.last.toFixed(3)}`;
    say(`${name}: adapter of ${nRows} rows${fall}, ${Math.round((performance.now() - startedAt) / 1_000)} s`);
    adapters.push(adapter);
  }
  const comparisons: HistoryComparison[] = [];
  for (const [i, { name, points }] of histories.entries()) {
    const own = adapters[i]!;
    const foreign = histories.length > 1 ? adapters[(i + 1) % histories.length]! : null;
    const later = evenlySpaced(
      points.slice(nEarlier(points)).filter(({ target }) => target.trim() !== ""),
      options.limit,
    );
    const key = hashOf(JSON.stringify([engine.model.sha256, own.key, foreign?.key, later.map(({ id }) => id)]));
    const results = openResultFile(path.join(workDir, `${name}-cases.jsonl`), key);
    const nAll = later.length * CONDITIONS.filter(({ adapter }) => adapter !== "foreign" || foreign !== null).length;
    const startedAt = performance.now();
    const nKnown = results.cases.length;
    await measureConditions({
      points,
      measured: new Set(later.map(({ id }) => id)),
      repository: name,
      adapters: { own: own.dir, foreign: foreign?.dir ?? null },
      engine,
      isKnown: (condition, id) => results.has(condition, id),
      onCase(one) {
        results.add(one);
        const nDone = results.cases.length;
        if (nDone % CASES_PER_LINE === 0 || nDone === nAll)
          say(`${name}: ${nDone} of ${nAll} suggestions${timeLeft(nDone - nKnown, nAll - nKnown, startedAt)}`);
      },
      signal,
    });
    comparisons.push({ name, adapter: own, cases: results.cases, figures: compareConditions(results.cases) });
  }
  return comparisons;
}

/** Between two lines of progress. */
const STEPS_PER_LINE = 50;
const CASES_PER_LINE = 200;

const nEarlier = (points: readonly HistoryPoint[]): number => Math.floor(points.length * EARLIER_SHARE);
