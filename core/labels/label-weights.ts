import { labelSuggestion } from "./label.ts";
import type { LabelTable } from "./label-table.ts";
import type { SuggestionSignals } from "./signals.ts";

/** Numbers of a label table that can be fitted: what each signal is worth. A human verdict is what they are fitted to. */
export const LABEL_WEIGHTS = [
  "accepted",
  "partiallyAccepted",
  "typedThrough",
  "rejectedAfterRead",
  "typedOverAfterRead",
  "ignoredAfterRead",
  "undone",
  "errorsLeft",
  "test-passed",
  "test-failed",
  "test-fixed",
  "error",
  "slower",
  "faster",
  "approved",
  "changes-requested",
  "survival",
] as const;
export type LabelWeight = (typeof LABEL_WEIGHTS)[number];

/** The weights of a table, in the order of `LABEL_WEIGHTS`. */
export const weightsOf = (table: LabelTable): number[] =>
  LABEL_WEIGHTS.map((name) => (isFinding(table, name) ? table.findings[name] : table[name as TopWeight]));

/** The table with other weights, in the order of `LABEL_WEIGHTS`, under another version. */
export const withWeights = (table: LabelTable, version: string, weights: readonly number[]): LabelTable => {
  const top: Partial<Record<TopWeight, number>> = {};
  const findings = { ...table.findings };
  LABEL_WEIGHTS.forEach((name, at) => {
    if (isFinding(table, name)) findings[name] = weights[at]!;
    else top[name as TopWeight] = weights[at]!;
  });
  return { ...table, ...top, findings, version };
};

/**
 * How often each weight counts for a suggestion, its human verdict left out: the label's log-odds are the sum of
 * these times the weights. They are read off the label itself, one weight at a time, so the two cannot part.
 */
export const weightCounts = (signals: SuggestionSignals, table: LabelTable): number[] => {
  const unrated = { ...signals, rating: null, ratingReason: null };
  return LABEL_WEIGHTS.map((_, at) => {
    const one = withWeights(
      table,
      table.version,
      LABEL_WEIGHTS.map((_, other) => Number(other === at)),
    );
    return labelSuggestion(unrated, one).reasons.reduce((sum, { lambda }) => sum + lambda, 0);
  });
};

type TopWeight = Exclude<LabelWeight, keyof LabelTable["findings"]>;

const isFinding = (table: LabelTable, name: LabelWeight): name is LabelWeight & keyof LabelTable["findings"] =>
  name in table.findings;
