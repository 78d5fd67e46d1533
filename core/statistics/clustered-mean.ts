import { normalQuantile, studentQuantile } from "./quantile.ts";

export interface MeanEstimate {
  readonly mean: number;
  /** Standard error; infinite with fewer than two groups, of which nothing can be said. */
  readonly error: number;
  readonly low: number;
  readonly high: number;
  readonly groups: number;
}

/**
 * The mean of values that come in groups, such as suggestions of one file in one hour, with an interval that does
 * not take those of a group for independent: linearised variance of a ratio (Cochran, Sampling Techniques, 11.8) and
 * Student's t with one degree of freedom less than there are groups.
 */
export const clusteredMean = (
  values: readonly { readonly value: number; readonly group: string }[],
  confidence = 0.95,
): MeanEstimate => {
  const n = values.length;
  const mean = values.reduce((sum, { value }) => sum + value, 0) / Math.max(1, n);
  const residuals = new Map<string, number>();
  for (const { value, group } of values) residuals.set(group, (residuals.get(group) ?? 0) + value - mean);
  const groups = residuals.size;
  if (groups < 2) return { mean, error: Infinity, low: -Infinity, high: Infinity, groups };
  const squares = [...residuals.values()].reduce((sum, residual) => sum + residual ** 2, 0);
  const error = Math.sqrt((squares * groups) / (groups - 1)) / n;
  const upper = 1 - (1 - confidence) / 2;
  const reach = error * (groups > MANY ? normalQuantile(upper) : studentQuantile(upper, groups - 1));
  return { mean, error, low: mean - reach, high: mean + reach, groups };
};

/** Groups from which on Student's t is as good as normal. */
const MANY = 200;
