import type { LabelReason } from "./label.ts";

/**
 * How far the signals of one suggestion speak against each other, in log-odds: what the weaker side says.
 * 0 where all agree, or nothing is known.
 */
export function disagreement(reasons: readonly Pick<LabelReason, "lambda">[]): number {
  let [forIt, against] = [0, 0];
  for (const { lambda } of reasons) {
    if (lambda > 0) forIt += lambda;
    else against -= lambda;
  }
  return Math.min(forIt, against);
}
