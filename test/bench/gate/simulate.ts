import type { GateCase } from "../../../core/evaluation/gate.ts";

/** Measured cases of one commit; whole commits are drawn. The challenger is the trained adapter. */
type Commit = readonly GateCase[];

/** How replays are drawn from measured pairs. */
export interface Simulation {
  /** Expected difference in accepted@line, challenger less champion: 0.03 is 3 points. */
  readonly effect: number;
  /**
   * The challenger's loss: `like-acceptance` is drawn with it, so that with no effect nothing tells the two
   * apart; a number is the part of the adapter's measured gain in loss that it has everywhere, below 0 a loss of it.
   */
  readonly loss: "like-acceptance" | number;
}

/**
 * Draws comparisons of `nCases` cases with a known truth from measured pairs: commits with replacement, and for
 * each commit which of the two models is called the challenger. At even odds the two are exchangeable, with all
 * the disagreement, skew and clustering that two real models have. For an effect, commits are drawn more often
 * the more they show it (exponential tilting), until its expectation is exact.
 */
export function createSimulation(pairs: readonly GateCase[], { effect, loss }: Simulation) {
  const measured = [...Map.groupBy(pairs, ({ group }) => group).values()];
  const commits = [...measured, ...measured.map(swapped)];
  const tilt = effect === 0 ? 0 : tiltTo(commits, effect);
  const cumulative = sums(commits.map((commit) => Math.exp(tilt * gainOf(commit))));
  return (nCases: number, random: () => number): GateCase[] => {
    const drawn: GateCase[] = [];
    for (let group = 0; drawn.length < nCases; group += 1) {
      const at = pick(cumulative, random());
      const original = measured[at % measured.length]!;
      commits[at]!.slice(0, nCases - drawn.length).forEach((one, i) => {
        drawn.push({ ...(loss === "like-acceptance" ? one : withLoss(one, original[i]!, loss)), group: String(group) });
      });
    }
    return drawn;
  };
}

const swapped = (commit: Commit): Commit =>
  commit.map((one) => ({ ...one, challenger: one.champion, champion: one.challenger }));

/** The measured pair's champion loss, and a part of its difference. */
function withLoss(one: GateCase, original: GateCase, part: number): GateCase {
  const before = original.champion.heldOutLoss;
  const after = before - part * (before - original.challenger.heldOutLoss);
  return {
    ...one,
    champion: { ...one.champion, heldOutLoss: before },
    challenger: { ...one.challenger, heldOutLoss: after },
  };
}

/** Cases that the challenger gets right less those that the champion does. */
const gainOf = (commit: Commit): number =>
  commit.reduce((sum, one) => sum + Number(one.challenger.acceptedAtLine) - Number(one.champion.acceptedAtLine), 0);

/** Expected gain of a case when commits are drawn by a tilt. */
function meanGain(commits: readonly Commit[], tilt: number): number {
  let gain = 0;
  let cases = 0;
  for (const commit of commits) {
    const weight = Math.exp(tilt * gainOf(commit));
    gain += weight * gainOf(commit);
    cases += weight * commit.length;
  }
  return gain / cases;
}

const MAX_TILT = 8;

function tiltTo(commits: readonly Commit[], wanted: number): number {
  let [low, high] = [-MAX_TILT, MAX_TILT];
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (meanGain(commits, middle) < wanted) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function sums(weights: readonly number[]): number[] {
  let sum = 0;
  return weights.map((weight) => (sum += weight));
}

/** Index of the weight in which a share of their sum falls. */
function pick(cumulative: readonly number[], share: number): number {
  const wanted = share * cumulative.at(-1)!;
  let [low, high] = [0, cumulative.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cumulative[middle]! <= wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
