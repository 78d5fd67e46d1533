/** One suggestion that was drawn while a canary ran, once it is known what came of it. */
export interface CanaryOutcome {
  readonly arm: "candidate" | "champion";
  /** Accepted and retained characters; 0 for what was not taken. */
  readonly characters: number;
}

export interface CanaryPlan {
  /** Share of the suggestions that the candidate makes, between 0 and 1. */
  readonly share: number;
  /** Outcomes after which there is a decision even without evidence. */
  readonly limit: number;
}

export interface CanaryReading {
  readonly verdict: "undecided" | "promote" | "roll-back";
  /** Evidence that the candidate is worse, and that it is better: e-values, decisive from {@link EVIDENCE} on. */
  readonly harm: number;
  readonly gain: number;
  readonly candidate: ArmReading;
  readonly champion: ArmReading;
  readonly reason: string;
}

export interface ArmReading {
  readonly suggestions: number;
  readonly accepted: number;
  /** Mean accepted and retained characters of a suggestion. */
  readonly charactersEach: number;
}

/** 1/20: an e-value grows to this by chance at most once in twenty canaries, however often it is looked at. */
export const EVIDENCE = 20;

/** Longer accepts count as this many characters, a long line: one of them must not decide. */
export const MAX_CHARACTERS = 60;

/** Parts of the largest stake that are bet at once, each with an equal part of the capital. */
export const STAKES = [0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9] as const;

/**
 * Judges a canary at any time and as often as one likes: a test by betting on accepted-and-retained characters
 * per opportunity.
 *
 * Who makes a suggestion is drawn with known odds before it is made, so x = characters/share for the candidate
 * and -characters/(1 - share) for the champion has the mean 0 in every opportunity where both are worth the same,
 * whatever the place, the hour or the developer. Opportunities without characters, those where nothing was
 * shown among them, have x = 0 and need not be counted. Capital that bets on harm is multiplied by 1 - l x, on gain by 1 + l x:
 * a supermartingale from 1 unless there is harm, or gain. By Ville's inequality it ever reaches 20 with a
 * probability of at most 1/20. Several stakes are kept side by side, which needs no guess of the spread and makes the
 * result independent of the order of outcomes (Waudby-Smith and Ramdas, Estimating means of bounded random
 * variables by betting, JRSS B 86, 2024; sections 4 and B.3).
 *
 * Without evidence until the limit the candidate, which has won the gate, stays unless it took in less.
 */
export const readCanary = (outcomes: readonly CanaryOutcome[], { share, limit }: CanaryPlan): CanaryReading => {
  const harmBets = STAKES.map(() => 0);
  const gainBets = STAKES.map(() => 0);
  for (const { arm, characters } of outcomes) {
    if (characters <= 0) continue;
    const value = Math.min(characters, MAX_CHARACTERS) / MAX_CHARACTERS;
    const x = arm === "candidate" ? value / share : -value / (1 - share);
    STAKES.forEach((stake, at) => {
      // The most that x can be is 1/share, the least -1/(1 - share): a stake below 1 never loses everything.
      harmBets[at]! += Math.log1p(-stake * share * x);
      gainBets[at]! += Math.log1p(stake * (1 - share) * x);
    });
  }
  const [harm, gain] = [meanOfExp(harmBets), meanOfExp(gainBets)];
  const candidate = armOf(outcomes, "candidate");
  const champion = armOf(outcomes, "champion");
  const found = { harm, gain, candidate, champion };
  const against = `${candidate.charactersEach.toFixed(1)} accepted and retained characters a suggestion against ${champion.charactersEach.toFixed(1)}`;
  if (harm >= EVIDENCE)
    return { ...found, verdict: "roll-back", reason: `Worse in use: ${against} (${oddsText(harm)}).` };
  if (gain >= EVIDENCE)
    return { ...found, verdict: "promote", reason: `Better in use: ${against} (${oddsText(gain)}).` };
  if (outcomes.length < limit)
    return { ...found, verdict: "undecided", reason: `${outcomes.length} of at most ${limit} outcomes: ${against}.` };
  return candidate.charactersEach >= champion.charactersEach
    ? { ...found, verdict: "promote", reason: `No harm in ${outcomes.length} outcomes: ${against}.` }
    : { ...found, verdict: "roll-back", reason: `No gain in ${outcomes.length} outcomes: ${against}.` };
};

const oddsText = (evidence: number): string => `evidence ${evidence >= 1e6 ? "over a million" : Math.round(evidence)}`;

/** Mean of the exponentials, without an overflow before the largest number. */
const meanOfExp = (logs: readonly number[]): number => {
  const largest = Math.max(...logs);
  const mean = logs.reduce((sum, log) => sum + Math.exp(log - largest), 0) / logs.length;
  return Math.min(Number.MAX_VALUE, mean * Math.exp(largest));
};

const armOf = (outcomes: readonly CanaryOutcome[], arm: CanaryOutcome["arm"]): ArmReading => {
  const own = outcomes.filter((one) => one.arm === arm);
  const characters = own.reduce((sum, one) => sum + Math.min(one.characters, MAX_CHARACTERS), 0);
  return {
    suggestions: own.length,
    accepted: own.filter((one) => one.characters > 0).length,
    charactersEach: own.length === 0 ? 0 : characters / own.length,
  };
};
