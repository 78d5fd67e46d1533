import { pairedBootstrap } from "../../../core/statistics/bootstrap.ts";
import type { BaselineScore } from "./baseline.ts";

const RESAMPLES = 5_000;
const CONFIDENCE = 0.95;
const SEED = 20261122;

/** What the model got at one point, and where the point belongs. */
export interface PointScore {
  readonly id: string;
  readonly commit: string;
  readonly accepted: number;
  readonly similarity: number;
  /** Lines that the hunk removed: 0 for an insertion. */
  readonly nHunkDeleted: number;
  /** Whether code stands between the line's indentation and the cursor. */
  readonly isMidLine: boolean;
}

export interface Comparison {
  /** Points that both sides have a result for. */
  readonly nPoints: number;
  readonly nCommits: number;
  /** Accepted@line of the model less that of the baseline on these points, with a 95 % interval by commit. */
  readonly difference: number;
  readonly low: number;
  readonly high: number;
}

/** Model against baseline on exactly the points that both have, commits resampled whole. */
export function compareWithBaseline(
  scores: readonly PointScore[],
  baseline: ReadonlyMap<string, BaselineScore>,
): Comparison {
  const pairs = scores.flatMap((ours) => {
    const theirs = baseline.get(ours.id);
    return theirs ? [{ ours, theirs }] : [];
  });
  const interval = pairedBootstrap({
    a: pairs.map(({ ours }) => ours.accepted),
    b: pairs.map(({ theirs }) => theirs.accepted),
    groups: pairs.map(({ ours }) => ours.commit),
    resamples: RESAMPLES,
    confidence: CONFIDENCE,
    seed: SEED,
  });
  return { nPoints: pairs.length, nCommits: new Set(pairs.map(({ ours }) => ours.commit)).size, ...interval };
}

const SLICES: Readonly<Record<string, (score: PointScore) => boolean>> = {
  insertions: (score) => score.nHunkDeleted === 0,
  rewrites: (score) => score.nHunkDeleted > 0,
  midLine: (score) => score.isMidLine,
  lineStart: (score) => !score.isMidLine,
};

/** Means of each slice that has points, beside the baseline's on the same points, as `<slice>.<figure>`. */
export function sliceFigures(
  scores: readonly PointScore[],
  baseline: ReadonlyMap<string, BaselineScore> | null,
): Record<string, number> {
  const figures: Record<string, number> = {};
  for (const [name, belongs] of Object.entries(SLICES)) {
    const slice = scores.filter(belongs);
    if (slice.length === 0) continue;
    figures[`${name}.points`] = slice.length;
    for (const [figure, value] of Object.entries(meansOf(slice, baseline))) figures[`${name}.${figure}`] = value;
  }
  return figures;
}

/** Means over at least one point. The baseline's are over those points that it has. */
export function meansOf(
  scores: readonly PointScore[],
  baseline: ReadonlyMap<string, BaselineScore> | null,
): Record<string, number> {
  const theirs = scores.flatMap(({ id }) => baseline?.get(id) ?? []);
  return {
    acceptedAtLine: mean(scores.map(({ accepted }) => accepted)),
    editSimilarity: mean(scores.map(({ similarity }) => similarity)),
    ...(theirs.length > 0 && {
      "retrieval.acceptedAtLine": mean(theirs.map(({ accepted }) => accepted)),
      "retrieval.editSimilarity": mean(theirs.map(({ similarity }) => similarity)),
    }),
  };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
