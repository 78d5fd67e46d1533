import type { Bar } from "../harness/report.ts";
import type { CardResult } from "./model-card.ts";

/**
 * How far a figure may be from the card's on another processor. Decoding is greedy and each sample is fixed, so
 * on one machine figures repeat exactly; another one rounds the last bits of a logit differently, which
 * changes a few suggestions in a hundred and the likelihood hardly at all.
 */
const ABSOLUTE_TOLERANCE: Readonly<Record<string, number>> = {
  acceptedAtLine: 0.015,
  editSimilarity: 0.015,
  difference: 0.015,
  "difference.low": 0.02,
  "difference.high": 0.02,
  passRate: 0.02,
};
const RELATIVE_TOLERANCE: Readonly<Record<string, number>> = { bitsPerByte: 0.01 };

/** Rounding of what the card stores; counts and the baseline's figures must be equal otherwise. */
const RELATIVE_ROUNDING = 5e-5;

export interface Verification {
  /** One for each figure that was measured again: the distance from the card's, against its tolerance. */
  readonly bars: readonly Bar[];
  /** Each figure of the card that was not measured again, with the reason. Never a pass. */
  readonly notMeasured: readonly string[];
}

/** Compare the figures of a card with a fresh measurement of the same samples. */
export function compareWithCard(card: readonly CardResult[], measured: readonly CardResult[]): Verification {
  const bars: Bar[] = [];
  const notMeasured: string[] = [];
  for (const result of card) {
    const fresh = measured.find(({ task, dataset }) => task === result.task && dataset === result.dataset);
    const other = fresh && (fresh.revision !== result.revision || fresh.limit !== result.limit);
    if (result.task === "training" && other) bars.push(OTHER_WEIGHTS);
    for (const [name, expected] of Object.entries(result.figures)) {
      const figure = `${result.dataset}.${name}`;
      const value = fresh?.figures[name];
      if (name === "tokensSeen") notMeasured.push(`${figure}: training states it, the weights do not tell`);
      else if (!fresh) notMeasured.push(`${figure}: its data was not given`);
      else if (other) notMeasured.push(`${figure}: the data is not that of the card (${result.revision})`);
      else if (value === undefined) notMeasured.push(`${figure}: its data was not given in full`);
      else bars.push(distance(figure, value, expected, toleranceOf(name, expected)));
    }
  }
  return { bars, notMeasured };
}

const OTHER_WEIGHTS: Bar = { name: "weights that the card does not describe", value: 1, target: 0, want: "at-most" };

function distance(figure: string, value: number, expected: number, target: number): Bar {
  return {
    name: `${figure}: distance from the card's ${expected}`,
    value: Math.abs(value - expected),
    target,
    want: "at-most",
  };
}

function toleranceOf(name: string, expected: number): number {
  const relative = RELATIVE_TOLERANCE[name] ?? RELATIVE_ROUNDING;
  return (
    ABSOLUTE_TOLERANCE[name] ??
    (Number.isInteger(expected) && !(name in RELATIVE_TOLERANCE) ? 0 : relative * Math.abs(expected))
  );
}
