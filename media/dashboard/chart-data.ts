import type { AlignedData } from "uplot";
import type { TrainingProgress } from "../../protocol/api.ts";

/** The smoothed line is a mean over about this fraction of the curve to each side, at most so many steps. */
const SMOOTHING_FRACTION = 1 / 12;
const MAX_SMOOTHING_STEPS = 25;

/** Columns of the chart: step, train, train smoothed, validation with gaps between its measurements. */
export function chartData(points: readonly TrainingProgress[]): AlignedData {
  const losses = points.map((point) => point.loss);
  const halfWindow = Math.min(MAX_SMOOTHING_STEPS, Math.ceil(points.length * SMOOTHING_FRACTION));
  // Between measurements a trainer repeats the last one; only the first of equal values is a measurement.
  const measured = points.map(({ validationLoss }, index) =>
    validationLoss === points[index - 1]?.validationLoss ? null : validationLoss,
  );
  return [points.map((point) => point.step), losses, smoothed(losses, halfWindow), measured];
}

/**
 * Mean over `halfWindow` values to both sides, fewer but as many on each side near the ends: the bold
 * line through noisy losses, which neither lags behind them nor leaves their range.
 */
export function smoothed(values: readonly number[], halfWindow: number): number[] {
  const sums = [0];
  for (const value of values) sums.push(sums.at(-1)! + value);
  return values.map((_, index) => {
    const reach = Math.min(halfWindow, index, values.length - 1 - index);
    return (sums[index + reach + 1]! - sums[index - reach]!) / (2 * reach + 1);
  });
}
