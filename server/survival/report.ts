import { competingRisks, type IncidenceStep } from "../../core/statistics/competing-risks.ts";
import type { SurvivalStep } from "../../core/statistics/kaplan-meier.ts";
import { type SnippetLife, summariseLives, type SurvivalSummary } from "../../core/survival/survival-summary.ts";
import type { Baseline } from "./baseline.ts";
import type { GroupedLife } from "./lives.ts";

export const GROUPINGS = ["model", "language", "length", "cause"] as const;
export type Grouping = (typeof GROUPINGS)[number];

export interface SurvivalReport {
  readonly by: Grouping;
  /** All accepted code. */
  readonly all: SurvivalSummary;
  /** By the grouping; for `cause` none, since every life can end for any of them. */
  readonly groups: readonly { readonly name: string; readonly summary: SurvivalSummary }[];
  /** Cumulative incidence of each cause: with the share that lives they add up to one. */
  readonly causes: readonly { readonly cause: string; readonly curve: readonly IncidenceStep[] }[];
  /** What people wrote in the same repository at the same time; null without one. */
  readonly baseline: { readonly summary: SurvivalSummary; readonly widened: boolean } | null;
}

export interface ReportOptions {
  readonly by: Grouping;
  readonly resamples: number;
  readonly seed: number;
}

/** Coverage of all intervals. */
const CONFIDENCE = 0.95;
/** Resampling larger collections finds the same interval and takes long. */
const MAX_RESAMPLED_LIVES = 5_000;
/** Groups that are shown, those with most code first. */
const MAX_GROUPS = 12;

export function survivalReport(
  lives: readonly GroupedLife[],
  baseline: Baseline | null,
  { by, resamples, seed }: ReportOptions,
): SurvivalReport {
  const summarise = (some: readonly SnippetLife[]): SurvivalSummary =>
    summariseLives(some, {
      resamples: some.length > MAX_RESAMPLED_LIVES ? Math.ceil(resamples / 4) : resamples,
      confidence: CONFIDENCE,
      seed,
    });
  const groups = by === "cause" ? new Map<string, GroupedLife[]>() : groupBy(lives, by);
  const shown = [...groups].sort(([, left], [, right]) => right.length - left.length).slice(0, MAX_GROUPS);
  return {
    by,
    all: summarise(lives),
    groups: shown.map(([name, some]) => ({ name, summary: summarise(some) })),
    causes: [...competingRisks(lives).incidence].map(([cause, curve]) => ({ cause, curve })),
    baseline:
      baseline === null || baseline.lives.length === 0
        ? null
        : { summary: summarise(baseline.lives), widened: baseline.widened },
  };
}

function groupBy(lives: readonly GroupedLife[], by: Exclude<Grouping, "cause">): Map<string, GroupedLife[]> {
  const groups = new Map<string, GroupedLife[]>();
  for (const life of lives) {
    const group = groups.get(life[by]);
    if (group === undefined) groups.set(life[by], [life]);
    else group.push(life);
  }
  return groups;
}

/** A curve to draw: step points in days, and a band around it where there is one. */
export interface Series {
  readonly name: string;
  /** What the legend says beside the name. */
  readonly note: string;
  readonly kind: "code" | "human";
  readonly points: readonly { readonly day: number; readonly share: number }[];
  readonly band: SurvivalSummary["band"];
}

/** The curves of a report: all code or its groups beside the baseline; or how much each cause has taken. */
export function seriesOf(report: SurvivalReport): Series[] {
  if (report.by === "cause") {
    const { lastDay } = drawnPart(report.all);
    return report.causes.map(({ cause, curve }) => {
      const drawn = curve.filter(({ time }) => time <= lastDay);
      const end = drawn.at(-1)?.incidence ?? 0;
      return {
        name: cause,
        note: percent(end),
        kind: "code",
        points: [
          { day: 0, share: 0 },
          ...drawn.map(({ time, incidence }) => ({ day: time, share: incidence })),
          { day: lastDay, share: end },
        ],
        band: [],
      };
    });
  }
  const own = report.groups.length > 1 ? report.groups : [{ name: "accepted code", summary: report.all }];
  const series = own.map(({ name, summary }): Series => toSeries(name, summary, "code"));
  if (report.baseline !== null) series.push(toSeries("human code", report.baseline.summary, "human"));
  return series;
}

/** Where fewer are still watched one end moves a curve by leaps; it is not drawn there. */
const MIN_DRAWN_AT_RISK = 5;

const drawnPart = ({ curve, nSnippets, followedDays }: SurvivalSummary): { steps: SurvivalStep[]; lastDay: number } => {
  const least = Math.min(MIN_DRAWN_AT_RISK, Math.ceil(nSnippets / 4));
  const thin = curve.findIndex(({ nAtRisk }) => nAtRisk < least);
  if (thin === -1) return { steps: [...curve], lastDay: followedDays };
  return { steps: curve.slice(0, thin), lastDay: curve[thin - 1]?.time ?? 0 };
};

const toSeries = (name: string, summary: SurvivalSummary, kind: Series["kind"]): Series => {
  const { nSnippets } = summary;
  const { steps: drawn, lastDay } = drawnPart(summary);
  return {
    name,
    note: `${nSnippets} · ${halfLifeText(summary)}`,
    kind,
    points: [
      { day: 0, share: 1 },
      ...drawn.map(({ time, survival }) => ({ day: time, share: survival })),
      { day: lastDay, share: drawn.at(-1)?.survival ?? 1 },
    ],
    band: summary.band.filter(({ day }) => day <= lastDay),
  };
};

/** `half-life 12 d`, or what is known instead. */
export const halfLifeText = ({ halfLifeDays, curve }: SurvivalSummary): string =>
  halfLifeDays.value === null
    ? `${percent(curve.at(-1)?.survival ?? 1)} alive at the end`
    : `half-life ${days(halfLifeDays.value)}`;

export const percent = (share: number): string => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;

/** A length of time as people say it. */
export function days(value: number): string {
  if (value < 1 / 24) return `${Math.round(value * 24 * 60)} min`;
  if (value < 2) return `${(value * 24).toFixed(1)} h`;
  if (value < 60) return `${value.toFixed(1)} d`;
  return value < 730 ? `${Math.round(value)} d` : `${(value / 365.25).toFixed(1)} y`;
}
