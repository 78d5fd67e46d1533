import type { LossCause } from "../survival/causes.ts";
import type { LabelTable } from "./label-table.ts";
import type { SuggestionSignals, SurvivalObservation } from "./signals.ts";

export interface SurvivalQuality {
  /** 1 when nothing was lost that speaks against the suggestion, 0 when all was. */
  readonly quality: number;
  /** How much is known, 0 to 1: by the length of the code and the time that it was watched. */
  readonly weight: number;
  /** Retained fraction at the last look. */
  readonly retained: number;
  readonly cause: LossCause | null;
  readonly observedMs: number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** Losses within this time are the developer's own first look at the code. */
const FIRST_LOOK_MS = 10 * MINUTE_MS;
/** After the first look a loss counts half every 30 days: requirements change. */
const LOSS_HALF_LIFE_DAYS = 30;
/** Watched this long, an observation is complete. */
const HORIZON_MS = 30 * DAY_MS;
/** Until the horizon an observation counts for at most half. */
const MAX_PARTIAL_WEIGHT = 0.5;
/** Code of this many significant tokens or more has its full say. */
const FULL_LENGTH_TOKENS = 20;
/** Code that is found in another place than HEAD may be another copy of it. */
const ELSEWHERE_CONFIDENCE = 0.8;
/** Below this share what is left is chance. */
const GONE_BELOW = 0.1;

/**
 * Quality of survival (survival.md section 2.3): 1 minus the lost fractions, each times the blame of its
 * cause and a discount for late losses. Null when nothing was observed. Code that HEAD never held is not
 * committed yet: that observation is no loss unless the tracker names a cause.
 */
export const survivalQuality = (signals: SuggestionSignals, table: LabelTable): SurvivalQuality | null => {
  const observations = withoutUncommitted(signals.survival);
  const last = observations.at(-1);
  if (last === undefined) return null;

  const losses: { fraction: number; atMs: number; cause: LossCause }[] = [];
  let retained = 1;
  for (const seen of observations) {
    if (seen.tokens < retained) {
      losses.push({ fraction: retained - seen.tokens, atMs: seen.afterMs, cause: causeOf(seen, signals) });
    }
    giveBack(losses, seen.tokens - retained);
    retained = seen.tokens;
  }
  const lost = losses.reduce((sum, loss) => sum + table.blame[loss.cause] * loss.fraction * discount(loss.atMs), 0);
  return {
    quality: Math.min(1, Math.max(0, 1 - lost)),
    weight: lengthWeight(signals.nTokens) * observationWeight(last),
    retained,
    cause: losses.at(-1)?.cause ?? null,
    observedMs: last.afterMs,
  };
};

const withoutUncommitted = (observations: readonly SurvivalObservation[]): SurvivalObservation[] => {
  let committed = false;
  return observations.filter((seen) => {
    if (seen.place === "head" && seen.tokens >= GONE_BELOW) committed = true;
    return seen.place !== "nowhere" || committed || seen.cause !== null;
  });
};

/** Code that came back takes the latest losses with it. */
const giveBack = (losses: { fraction: number }[], gained: number): void => {
  let left = gained;
  while (left > 1e-12) {
    const loss = losses.at(-1);
    if (loss === undefined) return;
    const back = Math.min(left, loss.fraction);
    loss.fraction -= back;
    left -= back;
    if (loss.fraction <= 1e-12) losses.pop();
  }
};

const causeOf = (seen: SurvivalObservation, signals: SuggestionSignals): LossCause => {
  if (seen.cause !== null) return isLossCause(seen.cause) ? seen.cause : "other";
  if (signals.undoneAfterMs !== null && signals.undoneAfterMs <= seen.afterMs) return "undo";
  if (seen.place === "elsewhere") return "abandoned";
  return seen.afterMs <= FIRST_LOOK_MS ? "quick_rewrite" : "other";
};

const LOSS_CAUSES: ReadonlySet<string> = new Set<LossCause>([
  "undo",
  "revert",
  "regenerate",
  "quick_rewrite",
  "fix",
  "other",
  "refactor",
  "abandoned",
  "format",
  "moved",
]);
const isLossCause = (cause: string): cause is LossCause => LOSS_CAUSES.has(cause);

const discount = (atMs: number): number => (atMs <= FIRST_LOOK_MS ? 1 : 2 ** (-atMs / DAY_MS / LOSS_HALF_LIFE_DAYS));

const lengthWeight = (nTokens: number): number => Math.min(1, nTokens / FULL_LENGTH_TOKENS);

const observationWeight = (last: SurvivalObservation): number => {
  const confidence = last.place === "elsewhere" ? ELSEWHERE_CONFIDENCE : 1;
  if (last.afterMs >= HORIZON_MS) return confidence;
  return confidence * Math.min(MAX_PARTIAL_WEIGHT, last.afterMs / (last.afterMs + FIRST_LOOK_MS));
};
