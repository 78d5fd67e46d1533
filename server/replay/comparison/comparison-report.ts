import { pairedBootstrap, type BootstrapInterval } from "../../../core/statistics/bootstrap.ts";
import { table } from "../../cli/output.ts";
import { percent } from "../acceptance.ts";
import { CONDITIONS, type ConditionCase, type ConditionName } from "./condition.ts";

/** What one condition reached on the points that every condition was asked at. */
export interface ConditionFigures {
  readonly name: ConditionName;
  readonly points: number;
  readonly commits: number;
  /** 0 to 1. */
  readonly acceptedAtLine: number;
  readonly editSimilarity: number;
  /** Of the condition less those of the base, paired by point and resampled by commit; null for the base itself. */
  readonly acceptedGain: BootstrapInterval | null;
  readonly similarityGain: BootstrapInterval | null;
}

const RESAMPLES = 5_000;
const CONFIDENCE = 0.95;
const SEED = 20261122;

/** Figures of the conditions that have cases, in the order of the table. */
export function compareConditions(cases: readonly ConditionCase[]): ConditionFigures[] {
  const base = casesOf(cases, "base");
  return CONDITIONS.flatMap(({ name }) => {
    const own = casesOf(cases, name);
    const paired = [...own.values()].filter(({ pointId }) => base.has(pointId));
    if (paired.length === 0) return [];
    const mean = (of: (one: ConditionCase) => number) => paired.reduce((sum, one) => sum + of(one), 0) / paired.length;
    const isBase = name === "base";
    return [
      {
        name,
        points: paired.length,
        commits: new Set(paired.map(({ commit }) => commit)).size,
        acceptedAtLine: mean(accepted),
        editSimilarity: mean(similarity),
        acceptedGain: isBase ? null : gainOver(base, paired, accepted),
        similarityGain: isBase ? null : gainOver(base, paired, similarity),
      },
    ];
  });
}

/** Accepted@line of one condition less that of another, on the points of both. */
export function acceptedDifference(
  cases: readonly ConditionCase[],
  better: ConditionName,
  worse: ConditionName,
): BootstrapInterval | null {
  const other = casesOf(cases, worse);
  const paired = [...casesOf(cases, better).values()].filter(({ pointId }) => other.has(pointId));
  return paired.length === 0 ? null : gainOver(other, paired, accepted);
}

export function comparisonTable(figures: readonly ConditionFigures[]): string {
  return table(
    ["", "points", "accepted@line", "against base, points", "relative", "edit similarity", "against base"],
    figures.map(({ name, points, acceptedAtLine, editSimilarity, acceptedGain, similarityGain }) => [
      name,
      points,
      percent(acceptedAtLine),
      acceptedGain && interval(acceptedGain, 100, 1),
      acceptedGain && signed((100 * acceptedGain.difference) / (acceptedAtLine - acceptedGain.difference), 0) + " %",
      editSimilarity.toFixed(3),
      similarityGain && interval(similarityGain, 1, 3),
    ]),
  );
}

const accepted = (one: ConditionCase): number => Number(one.accepted);
const similarity = (one: ConditionCase): number => one.similarity;

const casesOf = (cases: readonly ConditionCase[], name: ConditionName): Map<string, ConditionCase> =>
  new Map(cases.filter(({ condition }) => condition === name).map((one) => [one.pointId, one]));

function gainOver(
  base: ReadonlyMap<string, ConditionCase>,
  cases: readonly ConditionCase[],
  of: (one: ConditionCase) => number,
): BootstrapInterval {
  return pairedBootstrap({
    a: cases.map(of),
    b: cases.map(({ pointId }) => of(base.get(pointId)!)),
    groups: cases.map(({ commit }) => commit),
    resamples: RESAMPLES,
    confidence: CONFIDENCE,
    seed: SEED,
  });
}

const signed = (value: number, digits: number): string => (value >= 0 ? "+" : "") + value.toFixed(digits);

const interval = ({ difference, low, high }: BootstrapInterval, factor: number, digits: number): string =>
  `${signed(factor * difference, digits)} [${signed(factor * low, digits)}, ${signed(factor * high, digits)}]`;
