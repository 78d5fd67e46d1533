import { clusteredMean } from "../statistics/clustered-mean.ts";
import { normalQuantile } from "../statistics/quantile.ts";
import { wilsonInterval } from "../statistics/wilson.ts";

/** One suggestion that was shown and came to an end: an opportunity. */
export interface Opportunity {
  /** Version that made it; null is the base model alone. */
  readonly version: string | null;
  readonly completion: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly taken: boolean;
  /** Fraction of it that was kept, 0 where it was not taken; null while nobody has looked. */
  readonly kept: number | null;
  /** What it has in common with others, such as its file and hour. */
  readonly group: string;
}

/** Short suggestions are taken more easily than long ones, so that rates are only ever compared within a length. */
export const LENGTH_BANDS = ["short", "line", "block", "unknown"] as const;
export type LengthBand = (typeof LENGTH_BANDS)[number];

/** The end of a line at most, in characters. */
const SHORT_CHARS = 20;

/** The band of a completion; `unknown` where its text was not recorded. */
export const lengthBand = (completion: string): LengthBand => {
  if (completion === "") return "unknown";
  if (completion.trimEnd().includes("\n")) return "block";
  return completion.trim().length <= SHORT_CHARS ? "short" : "line";
};

export interface Rate {
  /** Opportunities that it is of. */
  readonly n: number;
  readonly mean: number;
  /** 95 % interval, within 0 and 1. */
  readonly low: number;
  readonly high: number;
}

export interface RateRow {
  readonly band: LengthBand;
  readonly taken: Rate;
  readonly kept: Rate;
}

export interface VersionRates extends RateRow {
  readonly version: string | null;
}

export interface WeekRates extends RateRow {
  /** Monday of the week, midnight UTC, milliseconds since 1970. */
  readonly week: number;
}

/** Rates by version and length, the version with the newest opportunity first. */
export const ratesByVersion = (opportunities: readonly Opportunity[]): VersionRates[] => {
  const versions = groupBy(opportunities.toReversed(), ({ version }) => version);
  return [...versions].flatMap(([version, own]) => byBand(own).map((row) => ({ version, ...row })));
};

/** Rates by week and length, in the order of time. */
export const ratesByWeek = (opportunities: readonly Opportunity[]): WeekRates[] =>
  [...groupBy(opportunities, ({ at }) => weekOf(at))]
    .sort(([a], [b]) => a - b)
    .flatMap(([week, own]) => byBand(own).map((row) => ({ week, ...row })));

export interface Comparison {
  /** Points of the share taken that `now` has more than `before`, at the same mix of lengths. */
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  readonly now: number;
  readonly before: number;
}

/**
 * What a version's rate is over another's, as if both had shown the same mix of lengths (direct standardisation), with a
 * 95 % interval. A length that hardly any of one of them has is left out; null where too few are left to say anything.
 */
export const compareVersions = (
  opportunities: readonly Opportunity[],
  now: string | null,
  before: string | null,
  measure: "taken" | "kept",
): Comparison | null => {
  const own = opportunities.filter(({ version }) => version === now || version === before);
  const valued = own.flatMap((one) => {
    const value = measure === "taken" ? Number(one.taken) : one.kept;
    return value === null ? [] : [{ ...one, value, band: lengthBand(one.completion) }];
  });
  const strata = [...groupBy(valued, ({ band }) => band).values()].flatMap((inBand) => {
    const a = clusteredMean(inBand.filter(({ version }) => version === now));
    const b = clusteredMean(inBand.filter(({ version }) => version === before));
    return Number.isFinite(a.error) && Number.isFinite(b.error) ? [{ inBand, a, b }] : [];
  });
  const compared = strata.flatMap(({ inBand }) => inBand);
  const count = (version: string | null): number => compared.filter((one) => one.version === version).length;
  if (count(now) < MIN_COMPARED || count(before) < MIN_COMPARED) return null;
  let [difference, variance] = [0, 0];
  for (const { inBand, a, b } of strata) {
    const share = inBand.length / compared.length;
    difference += share * (a.mean - b.mean);
    variance += share ** 2 * (a.error ** 2 + b.error ** 2);
  }
  const reach = normalQuantile(0.975) * Math.sqrt(variance);
  return { difference, low: difference - reach, high: difference + reach, now: count(now), before: count(before) };
};

/** Opportunities of each side: with fewer the interval itself is a guess. */
const MIN_COMPARED = 30;

const byBand = (own: readonly Opportunity[]): RateRow[] => {
  const bands = groupBy(own, ({ completion }) => lengthBand(completion));
  return LENGTH_BANDS.flatMap((band) => {
    const inBand = bands.get(band) ?? [];
    if (inBand.length === 0) return [];
    const looked = inBand.filter(({ kept }) => kept !== null);
    return [
      {
        band,
        taken: rateOf(inBand.map(({ taken, group }) => ({ value: Number(taken), group }))),
        kept: rateOf(looked.map(({ kept, group }) => ({ value: kept ?? 0, group }))),
      },
    ];
  });
};

/** The wider of the two intervals: one heeds that values come in groups, the other that there may be few of them. */
const rateOf = (values: readonly { readonly value: number; readonly group: string }[]): Rate => {
  const n = values.length;
  const { mean, low, high } = clusteredMean(values);
  const score = wilsonInterval(mean * n, n);
  return { n, mean, low: Math.max(0, Math.min(low, score.low)), high: Math.min(1, Math.max(high, score.high)) };
};

const DAY_MS = 86_400_000;
/** 1970 began on a Thursday. */
const MONDAY_MS = 4 * DAY_MS;
const weekOf = (at: number): number => Math.floor((at - MONDAY_MS) / (7 * DAY_MS)) * 7 * DAY_MS + MONDAY_MS;

const groupBy = <T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> => {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
};
