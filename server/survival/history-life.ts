import type { LossCause } from "../../core/survival/causes.ts";
import { ENDED_BELOW } from "../../core/survival/snippet-life.ts";
import type { SnippetSurvival } from "../../core/survival/survival-state.ts";

/** When a life in git's history ended or was last seen, milliseconds since 1970. */
export interface HistoryLife {
  readonly endMs: number;
  /** Null while it lives. */
  readonly cause: LossCause | null;
}

/**
 * Reads a life from what the tracker found. A life has ended when less than half is left, at the loss that
 * brought it there; null when the tracker does not know, or never found the code.
 */
export function lifeInHistory(survival: SnippetSurvival, now: number): HistoryLife | null {
  if (survival.tok === null || survival.censored !== null) return null;
  if (survival.tok >= ENDED_BELOW) return { endMs: now, cause: null };
  const last = survival.losses.findLast((loss) => loss.left + loss.lost >= ENDED_BELOW && loss.left < ENDED_BELOW);
  return last === undefined ? null : { endMs: last.lostAt, cause: last.cause };
}
