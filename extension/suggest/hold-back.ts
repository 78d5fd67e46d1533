import { judgeOffer, type ShowFilter } from "../../core/filter/show-filter.ts";
import type { Offer } from "../../core/filter/features.ts";

/** What the show filter said of a suggestion, once for its whole chain. */
export interface Judgement {
  /** Probability that it is taken. */
  readonly probability: number;
  readonly threshold: number;
  readonly isHeldBack: boolean;
  /** It would be held back and is shown all the same, with these odds: else nothing more would be learnt of its kind. */
  readonly shownOdds?: number;
}

/** Decides when to stay quiet, with the filter that the server pushed last. */
export interface HoldBack {
  /** Null turns it off. */
  use(filter: ShowFilter | null): void;
  /** Null without a filter. */
  judge(offer: Offer): Judgement | null;
}

/** One in twenty of what would be held back is shown. */
export const SHOWN_ODDS = 0.05;

/** @param random between 0 and 1 */
export function createHoldBack(random: () => number = Math.random): HoldBack {
  let current: ShowFilter | null = null;
  return {
    use: (filter) => void (current = filter),
    judge(offer) {
      if (current === null) return null;
      const { probability, show } = judgeOffer(current, offer);
      const { threshold } = current;
      if (show) return { probability, threshold, isHeldBack: false };
      if (random() < SHOWN_ODDS) return { probability, threshold, isHeldBack: false, shownOdds: SHOWN_ODDS };
      return { probability, threshold, isHeldBack: true };
    },
  };
}
