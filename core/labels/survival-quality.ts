import { FIRST_LOOK_MS, type LossCause } from "../survival/causes.ts";
import {
  confidenceWeight,
  lengthWeight,
  observationRamp,
  QUALITY_HORIZON_DAYS,
  qualityOf,
} from "../survival/quality.ts";
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

const DAY_MS = 86_400_000;
/** Watched this long, an observation is complete. */
const HORIZON_MS = QUALITY_HORIZON_DAYS * DAY_MS;
/** Below this share what is left is chance. */
const GONE_BELOW = 0.1;

/**
 * Quality of survival (survival.md section 2.3): 1 minus the lost fractions, each times the blame of its
 * cause and a discount for late losses. Null when nothing was observed. Code that HEAD never held is not
 * committed yet: that observation is no loss unless the tracker names a cause.
 */
export const survivalQuality = (signals: SuggestionSignals, table: LabelTable): SurvivalQuality | null => {
  const observations = committedObservations(signals.survival);
  const last = observations.at(-1);
  if (last === undefined) return null;

  const losses: { fraction: number; afterMs: number; cause: LossCause; uncommitted: boolean }[] = [];
  let retained = 1;
  const firstCommit =
    observations.find(({ place, tokens }) => place === "head" && tokens >= GONE_BELOW)?.afterMs ?? null;
  for (const seen of observations) {
    if (seen.tokens < retained) {
      losses.push({
        fraction: retained - seen.tokens,
        afterMs: seen.afterMs,
        cause: causeOfObservation(seen, signals),
        uncommitted: seen.place === "buffer" && (firstCommit === null || seen.afterMs < firstCommit),
      });
    }
    giveBack(losses, seen.tokens - retained);
    retained = seen.tokens;
  }
  return {
    quality: qualityOf(losses, table.blame),
    weight: lengthWeight(signals.nTokens) * observationWeight(last),
    retained,
    cause: losses.at(-1)?.cause ?? null,
    observedMs: last.afterMs,
  };
};

/** Without looks at git before any commit held the code: that it is not in HEAD yet is no loss. */
export const committedObservations = (observations: readonly SurvivalObservation[]): SurvivalObservation[] => {
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

/** The cause that the tracker gave, or what its absence allows to say. */
export const causeOfObservation = (seen: SurvivalObservation, signals: SuggestionSignals): LossCause => {
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

const observationWeight = (last: SurvivalObservation): number => {
  // Code that is found in another place than HEAD may be another copy of it.
  const confidence = confidenceWeight(last.place === "elsewhere" ? "resurrected" : "anchored");
  return confidence * (last.afterMs >= HORIZON_MS ? 1 : observationRamp(last.afterMs));
};
