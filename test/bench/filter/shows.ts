import { readFileSync } from "node:fs";
import { acceptedAtLine } from "../../../core/evaluation/similarity.ts";
import { featuresOf } from "../../../core/filter/features.ts";
import type { ShownOutcome } from "../../../core/filter/show-filter.ts";
import type { HistoryPoint } from "../../../core/history-point.ts";
import { evenlySpaced } from "../../../core/statistics/evenly-spaced.ts";
import type { Model } from "../../../engine/generate/model.ts";
import { readPointsFile } from "../../../server/replay/points-file.ts";
import { datasetOf, requestAt } from "../base/replay.ts";

/** One suggestion that would have been shown at a point of a history, and the commit that says what came of it. */
export interface ReplayedShow extends ShownOutcome {
  readonly commit: string;
}

/**
 * Asks the model at points spread over a whole history, in the order of time: typing replayed. A suggestion
 * is taken when its first line is what was really written; one without text is not shown.
 */
export async function replayShows(
  model: Pick<Model, "complete">,
  pointsFile: string,
  limit: number,
  onPoint: (nDone: number, nPoints: number) => void,
  signal: AbortSignal,
): Promise<ReplayedShow[]> {
  const all: HistoryPoint[] = [];
  for await (const point of readPointsFile(pointsFile, signal)) if (point.target.trim() !== "") all.push(point);
  const points = evenlySpaced(all, limit);
  const shows: ReplayedShow[] = [];
  for (const [at, point] of points.entries()) {
    const request = requestAt(point, datasetOf(pointsFile));
    const { text, meanLogProbability, nTokens, doubt } = await model.complete(request, signal);
    signal.throwIfAborted();
    onPoint(at + 1, points.length);
    if (text.trim() === "" || !doubt) continue;
    const { prefix, suffix } = request;
    const offer = { completion: text, prefix, suffix, meanLogProbability, tokens: nTokens, ...doubt };
    shows.push({ commit: point.commit, features: featuresOf(offer), accepted: acceptedAtLine(text, point.target) });
  }
  return shows;
}

/** Shows that were measured before, as JSON lines: features, no code. */
export const readShows = (file: string): ReplayedShow[] =>
  readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as ReplayedShow);

export const showLines = (shows: readonly ReplayedShow[]): string =>
  shows.map((show) => `${JSON.stringify(show)}\n`).join("");
