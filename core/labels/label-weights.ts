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
 * Counts how often each weight counts for a suggestion, its human verdict left out: the label's log-odds are the sum
 * of these times the weights. They are read off a label that is made with weights of 1.
 */
export const weightCounter = (table: LabelTable): ((signals: SuggestionSignals) => number[]) => {
  const ones = withWeights(
    table,
    table.version,
    LABEL_WEIGHTS.map(() => 1),
  );
  return (signals) => {
    const counts = LABEL_WEIGHTS.map(() => 0);
    for (const { signal, lambda } of labelSuggestion({ ...signals, rating: null, ratingReason: null }, ones).reasons)
      counts[weightOfSignal(signal)]! += lambda;
    return counts;
  };
};

/** Names of a label's reasons where they are not those of the weight. */
const WEIGHT_OF_SIGNAL: Readonly<Record<string, LabelWeight>> = {
  "partially-accepted": "partiallyAccepted",
  "typed-through": "typedThrough",
  rejected: "rejectedAfterRead",
  "typed-over": "typedOverAfterRead",
  ignored: "ignoredAfterRead",
  diagnostics: "errorsLeft",
};

const weightOfSignal = (signal: string): number => {
  const at = LABEL_WEIGHTS.indexOf(WEIGHT_OF_SIGNAL[signal] ?? (signal as LabelWeight));
  if (at < 0) throw new RangeError(`no weight stands for the signal ${signal}`);
  return at;
};

type TopWeight = Exclude<LabelWeight, keyof LabelTable["findings"]>;

const isFinding = (table: LabelTable, name: LabelWeight): name is LabelWeight & keyof LabelTable["findings"] =>
  name in table.findings;
