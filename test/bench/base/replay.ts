import path from "node:path";
import { acceptedAtLine, editSimilarity } from "../../../core/evaluation/similarity.ts";
import type { HistoryPoint } from "../../../core/history-point.ts";
import { evenlySpaced } from "../../../core/statistics/evenly-spaced.ts";
import type { Model } from "../../../engine/generate/model.ts";
import { readPointsFile } from "../../../server/replay/points-file.ts";
import { baselineFileOf, readBaseline } from "./baseline.ts";
import { compareWithBaseline, meansOf, sliceFigures, type PointScore } from "./compare.ts";
import { revisionOf, type Measurement } from "./measurement.ts";
import type { Progress } from "./progress.ts";

/** The test part of a points file is its last fifth in time. */
const TEST_SHARE = 0.2;

/** Longest suggestion at a point, tokens: one line is judged. */
const MAX_TOKENS = 48;

/** Name of a points file's data set: `honojs+hono` of `honojs+hono.jsonl.xz`. */
export const datasetOf = (pointsFile: string): string => path.basename(pointsFile).replace(/\.jsonl(\.xz)?$/, "");

/**
 * Accepted@line and edit similarity of the model alone at points of the test part, spread evenly, and the
 * paired comparison with retrieval where per-point results stand beside the points file.
 */
export async function measureReplay(
  model: Pick<Model, "complete">,
  pointsFile: string,
  limit: number,
  progress: Progress,
): Promise<Measurement> {
  const dataset = datasetOf(pointsFile);
  const points = await readTestPoints(pointsFile, limit, progress.signal);
  if (points.length === 0) throw new Error(`${pointsFile} has no points.`);
  const step = progress.counter(dataset, points.length);
  const scores: PointScore[] = [];
  for (const point of points) {
    const { text } = await model.complete(requestAt(point, dataset), progress.signal);
    progress.signal.throwIfAborted();
    scores.push(scoreOf(point, text));
    step();
  }
  const baselineFile = baselineFileOf(pointsFile);
  if (!baselineFile) progress.say(`${dataset}: no per-point baseline beside the points, so no comparison`);
  const baseline = baselineFile ? await readBaseline(baselineFile, progress.signal) : null;
  const figures = { points: scores.length, ...meansOf(scores, baseline), ...comparisonFigures(scores, baseline) };
  const revision = revisionOf(points.map(({ id }) => id));
  return { task: "replay", dataset, revision, limit, figures, details: sliceFigures(scores, baseline) };
}

/** At most `limit` points of the last fifth of a file, spread evenly over it. */
export async function readTestPoints(file: string, limit: number, signal: AbortSignal): Promise<HistoryPoint[]> {
  const points: HistoryPoint[] = [];
  for await (const point of readPointsFile(file, signal)) points.push(point);
  return evenlySpaced(points.slice(Math.floor(points.length * (1 - TEST_SHARE))), limit);
}

/** What the editor would ask at a point, without in-context examples. */
export function requestAt(point: HistoryPoint, dataset: string) {
  const { prefix, suffix, path: file } = point;
  const repository = dataset.split("+").at(-1)!;
  return { prefix, suffix, path: file, repository, examples: [], maxTokens: MAX_TOKENS, lines: "single" } as const;
}

function scoreOf(point: HistoryPoint, text: string): PointScore {
  return {
    id: point.id,
    commit: point.commit,
    accepted: Number(acceptedAtLine(text, point.target)),
    similarity: editSimilarity(text, point.target),
    nHunkDeleted: point.nHunkDeleted,
    isMidLine: point.prefix.slice(point.prefix.lastIndexOf("\n") + 1).trim() !== "",
  };
}

function comparisonFigures(
  scores: readonly PointScore[],
  baseline: Awaited<ReturnType<typeof readBaseline>> | null,
): Record<string, number> {
  if (!baseline) return {};
  const { nPoints, nCommits, difference, low, high } = compareWithBaseline(scores, baseline);
  const counts = { "difference.points": nPoints, "difference.commits": nCommits };
  // One commit says nothing about the spread, and JSON has no word for infinity.
  if (nCommits < 2) return counts;
  return { ...counts, difference, "difference.low": low, "difference.high": high };
}
