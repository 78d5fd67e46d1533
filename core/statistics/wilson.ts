import { normalQuantile } from "./quantile.ts";

export interface Proportion {
  /** Share of the successes; 0 of no case. */
  readonly share: number;
  readonly low: number;
  readonly high: number;
}

/**
 * A share with its score interval (Wilson, JASA 22, 1927), which holds for few cases and near 0 and 1. Of no case
 * nothing is known: from 0 to 1.
 */
export const wilsonInterval = (successes: number, cases: number, confidence = 0.95): Proportion => {
  if (cases === 0) return { share: 0, low: 0, high: 1 };
  const z = normalQuantile(1 - (1 - confidence) / 2);
  const share = successes / cases;
  const spread = (z * Math.sqrt((share * (1 - share)) / cases + (z / (2 * cases)) ** 2)) / (1 + z ** 2 / cases);
  const centre = (share + z ** 2 / (2 * cases)) / (1 + z ** 2 / cases);
  return { share, low: Math.max(0, centre - spread), high: Math.min(1, centre + spread) };
};
