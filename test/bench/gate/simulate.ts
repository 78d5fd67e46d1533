import type { GateCase } from "../../../core/evaluation/gate.ts";

/** Measured cases of one commit; whole commits are drawn. */
type Commit = readonly GateCase[];

/** How replays are drawn from measured pairs. */
export interface Simulation {
  /** Expected difference in accepted@line, challenger less champion: 0.03 is 3 points. */
  readonly effect: number;
  /**
   * `all`: whoever gains in accepted@line gains in the loss too, as measured. `acceptance`: the challenger has the
   * better loss throughout, whatever happens to what people see: a loss that lies.
   */
  readonly moves: "all" | "acceptance";
}

/**
 * Draws comparisons of `nCases` cases with a known expected difference from measured pairs: commits with
 * replacement, and for each commit which of the two models is called the challenger. With even odds the two are
 * exchangeable whatever they are (an A/A replay); other odds make the challenger better by exactly `effect`.
 * Where the measured difference is smaller than `effect`, commits that show it are drawn more often
 * (exponential tilting).
 */
export function createSimulation(pairs: readonly GateCase[], { effect, moves }: Simulation) {
  const commits = [...Map.groupBy(pairs, ({ group }) => group).values()];
  const measured = meanGain(commits, () => 1);
  const isEnough = Math.abs(measured) >= Math.abs(effect);
  const odds = effect === 0 ? 0.5 : isEnough ? (1 + effect / measured) / 2 : effect * measured >= 0 ? 1 : 0;
  const sign = 2 * odds - 1;
  const tilt = isEnough || effect === 0 ? 0 : tiltTo(commits, effect * sign);
  const cumulative = sums(commits.map((commit) => Math.exp(tilt * gainOf(commit))));

  return (nCases: number, random: () => number): GateCase[] => {
    const drawn: GateCase[] = [];
    for (let group = 0; drawn.length < nCases; group += 1) {
      const commit = commits[pick(cumulative, random())]!;
      const isSwapped = random() >= odds;
      for (const one of commit.slice(0, nCases - drawn.length)) {
        const [challenger, champion] = isSwapped ? [one.champion, one.challenger] : [one.challenger, one.champion];
        drawn.push(
          moves === "all"
            ? { group: String(group), challenger, champion }
            : {
                group: String(group),
                challenger: { ...challenger, heldOutLoss: one.challenger.heldOutLoss },
                champion: { ...champion, heldOutLoss: one.champion.heldOutLoss },
              },
        );
      }
    }
    return drawn;
  };
}

/** Cases that the challenger gets right less those that the champion does. */
const gainOf = (commit: Commit): number =>
  commit.reduce((sum, one) => sum + Number(one.challenger.acceptedAtLine) - Number(one.champion.acceptedAtLine), 0);

/** Expected gain of a case when a commit is drawn with the given weight. */
function meanGain(commits: readonly Commit[], weight: (commit: Commit) => number): number {
  let gain = 0;
  let cases = 0;
  for (const commit of commits) {
    gain += weight(commit) * gainOf(commit);
    cases += weight(commit) * commit.length;
  }
  return gain / cases;
}

const MAX_TILT = 8;

function tiltTo(commits: readonly Commit[], wanted: number): number {
  let [low, high] = [-MAX_TILT, MAX_TILT];
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (meanGain(commits, (commit) => Math.exp(middle * gainOf(commit))) < wanted) low = middle;
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
