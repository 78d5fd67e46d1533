import type { CodeFinding } from "./code-findings.ts";
import { DEFAULT_LABEL_TABLE, type LabelTable } from "./label-table.ts";
import type { SuggestionSignals } from "./signals.ts";
import { survivalQuality } from "./survival-quality.ts";

export interface LabelReason {
  readonly signal: string;
  /** What the signal adds to the log-odds. */
  readonly lambda: number;
  readonly detail: string;
}

export interface SuggestionLabel {
  readonly verdict: "good" | "bad" | "unknown";
  /** Probability that the suggestion was good. */
  readonly probability: number;
  /** How much the label counts in training, 0 to 1; 0 for unknown. */
  readonly weight: number;
  readonly reasons: readonly LabelReason[];
  /** Version of the table. */
  readonly version: string;
}

/** An undo later than this may be about other code. */
const UNDO_COUNTS_MS = 60_000;

/**
 * Label of a suggestion: p = sigmoid(sum of its signals' log-odds); good from 0.7, bad up to 0.3. A human
 * verdict overrides the class and counts in full; any other label weighs |2p - 1|.
 */
export const labelSuggestion = (
  signals: SuggestionSignals,
  table: LabelTable = DEFAULT_LABEL_TABLE,
): SuggestionLabel => {
  const reasons = [
    outcomeReason(signals, table),
    undoneReason(signals, table),
    errorsReason(signals, table),
    ...findingReasons(signals, table),
    survivalReason(signals, table),
    ratingReason(signals, table),
  ].filter((reason) => reason !== null);
  const odds = reasons.reduce((sum, reason) => sum + reason.lambda, 0);
  const probability = 1 / (1 + Math.exp(-odds));
  const { version } = table;
  if (signals.rating === "up") {
    return { verdict: "good", probability: Math.max(probability, table.goodFrom), weight: 1, reasons, version };
  }
  if (signals.rating === "down") {
    return { verdict: "bad", probability: Math.min(probability, table.badUpTo), weight: 1, reasons, version };
  }
  const verdict = probability >= table.goodFrom ? "good" : probability <= table.badUpTo ? "bad" : "unknown";
  return {
    verdict: reasons.length === 0 ? "unknown" : verdict,
    probability,
    weight: verdict === "unknown" ? 0 : Math.abs(2 * probability - 1),
    reasons,
    version,
  };
};

const outcomeReason = (signals: SuggestionSignals, table: LabelTable): LabelReason | null => {
  const percent = `${Math.round(signals.fraction * 100)} %`;
  const refused = (signal: string, lambda: number, what: string): LabelReason | null =>
    signals.read ? { signal, lambda, detail: `${what} after being read` } : null;
  switch (signals.outcome) {
    case "accepted":
      return { signal: "accepted", lambda: table.accepted, detail: "accepted" };
    case "partially-accepted": {
      const lambda = table.partiallyAccepted * signals.fraction;
      return lambda === 0 ? null : { signal: "partially-accepted", lambda, detail: `accepted ${percent} of it` };
    }
    case "typed-through":
      // Typing the first few characters of a suggestion says nothing yet about the rest.
      if (signals.fraction < 1) return null;
      return { signal: "typed-through", lambda: table.typedThrough, detail: "typed exactly this" };
    case "rejected":
      return refused("rejected", table.rejectedAfterRead, "rejected");
    case "typed-over":
      return refused("typed-over", table.typedOverAfterRead, "typed something else");
    case "ignored":
      return refused("ignored", table.ignoredAfterRead, "ignored");
    case "open":
      return null;
  }
};

const undoneReason = (signals: SuggestionSignals, table: LabelTable): LabelReason | null => {
  const afterMs = signals.undoneAfterMs;
  if (afterMs === null || afterMs > UNDO_COUNTS_MS) return null;
  return { signal: "undone", lambda: table.undone, detail: `undone after ${Math.round(afterMs / 1000)} s` };
};

const errorsReason = ({ errorsLeft }: SuggestionSignals, table: LabelTable): LabelReason | null => {
  if (errorsLeft === null || errorsLeft === 0) return null;
  const detail = `${errorsLeft} ${errorsLeft === 1 ? "error" : "errors"} introduced and left for 2 min`;
  return { signal: "diagnostics", lambda: table.errorsLeft, detail };
};

const FINDINGS: Readonly<Record<CodeFinding, string>> = {
  "test-passed": "passes",
  "test-failed": "fails",
  "test-fixed": "failed and passes now",
  error: "was thrown from it",
  slower: "is slower with it",
  faster: "is faster with it",
  approved: "approved it",
  "changes-requested": "asked for changes",
};

const findingReasons = ({ findings }: SuggestionSignals, table: LabelTable): LabelReason[] =>
  findings.map(({ finding, share, names: [name = "", ...more] }) => ({
    signal: finding,
    lambda: table.findings[finding] * share,
    detail:
      `${name}${more.length === 0 ? "" : ` and ${more.length} more`}: ${FINDINGS[finding]}` +
      (share === 1 ? "" : `, ${Math.round(share * 100)} % of the code spoken of`),
  }));

const survivalReason = (signals: SuggestionSignals, table: LabelTable): LabelReason | null => {
  const survival = survivalQuality(signals, table);
  if (survival === null || survival.weight === 0) return null;
  const cause = survival.cause === null ? "" : `, last loss: ${survival.cause}`;
  return {
    signal: "survival",
    lambda: table.survival * (2 * survival.quality - 1) * survival.weight,
    detail: `${Math.round(survival.retained * 100)} % retained after ${duration(survival.observedMs)}${cause}`,
  };
};

const ratingReason = (signals: SuggestionSignals, table: LabelTable): LabelReason | null => {
  if (signals.rating === null) return null;
  const why = signals.ratingReason === null ? "" : `: ${signals.ratingReason}`;
  return signals.rating === "up"
    ? { signal: "rated-up", lambda: table.ratedUp, detail: `thumbs up${why}` }
    : { signal: "rated-down", lambda: table.ratedDown, detail: `thumbs down${why}` };
};

const duration = (ms: number): string => {
  const minutes = ms / 60_000;
  if (minutes < 1) return `${Math.round(ms / 1000)} s`;
  if (minutes < 120) return `${Math.round(minutes)} min`;
  if (minutes < 48 * 60) return `${Math.round(minutes / 60)} h`;
  return `${Math.round(minutes / 60 / 24)} d`;
};
