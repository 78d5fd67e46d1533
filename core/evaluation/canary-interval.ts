import { type CanaryOutcome, type CanaryPlan, EVIDENCE, MAX_CHARACTERS, STAKES } from "./canary.ts";

export interface CanaryDifference {
  /** Characters a suggestion that the candidate is worth more than the champion. */
  readonly mean: number;
  /** 95 % interval that holds however often it is looked at. */
  readonly low: number;
  readonly high: number;
}

/** Halvings of the range in which an end is looked for: to a thousandth of a character. */
const HALVINGS = 18;

/**
 * The difference behind a canary's evidence, with a confidence sequence: the values that neither of two bets refutes.
 * As in `readCanary`, x = characters/share for the candidate and -characters/(1 - share) for the champion has the
 * difference as its mean in every suggestion. For each value m capital is bet on the mean being above m, and on its
 * being below; that a true m is refuted by a factor of 40, either way, happens at most once in twenty canaries (Ville;
 * Waudby-Smith and Ramdas 2024, section 4). Each capital moves one way with m, so that an end is found by halving.
 */
export const canaryInterval = (
  outcomes: readonly CanaryOutcome[],
  { share }: Pick<CanaryPlan, "share">,
): CanaryDifference => {
  if (outcomes.length === 0) return { mean: 0, low: -MAX_CHARACTERS, high: MAX_CHARACTERS };
  const [least, most] = [-1 / (1 - share), 1 / share];
  const values = outcomes.map(({ arm, characters }) => {
    const value = Math.min(Math.max(characters, 0), MAX_CHARACTERS) / MAX_CHARACTERS;
    return arm === "candidate" ? value / share : -value / (1 - share);
  });
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const above = (m: number): number => capital(values, (x) => (x - m) / (m - least));
  const below = (m: number): number => capital(values, (x) => (m - x) / (most - m));
  // A share of 1 of the characters is the most that they can differ by.
  const low = end(mean, -1, (m) => above(m) < 2 * EVIDENCE);
  const high = end(mean, 1, (m) => below(m) < 2 * EVIDENCE);
  return { mean: mean * MAX_CHARACTERS, low: low * MAX_CHARACTERS, high: high * MAX_CHARACTERS };
};

/** What capital of 1 has become when the stakes were bet side by side, each on the returns, which are at least -1. */
const capital = (values: readonly number[], returnOf: (x: number) => number): number => {
  const logs = STAKES.map((stake) => values.reduce((sum, x) => sum + Math.log1p(stake * returnOf(x)), 0));
  const largest = Math.max(...logs);
  return (Math.exp(largest) * logs.reduce((sum, log) => sum + Math.exp(log - largest), 0)) / logs.length;
};

/** Where `isPossible` ends on the way from a value that is possible to a limit. */
const end = (from: number, limit: number, isPossible: (m: number) => boolean): number => {
  const start = Math.max(-1, Math.min(1, from));
  if (isPossible(limit)) return limit;
  let [inside, outside] = [start, limit];
  for (let halving = 0; halving < HALVINGS; halving += 1) {
    const middle = (inside + outside) / 2;
    if (isPossible(middle)) inside = middle;
    else outside = middle;
  }
  return outside;
};
