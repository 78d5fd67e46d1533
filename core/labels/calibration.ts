import { wilsonInterval } from "../statistics/wilson.ts";

/** How well probabilities agree with what came. */
export interface Calibration {
  /** Mean squared distance from what came, 0 to 1; 0.25 is a coin (Brier, Monthly Weather Review 78, 1950). */
  readonly brier: number;
  /** Mean of -log of the probability that was given to what came, nats. */
  readonly logLoss: number;
  /** Mean distance of the bins' shares from their probabilities, by their cases. */
  readonly error: number;
  /** The reliability diagram: ten bins of probability, those without a case left out. */
  readonly bins: readonly ReliabilityBin[];
}

export interface ReliabilityBin {
  /** Mean of the probabilities. */
  readonly predicted: number;
  /** Share that came true, with a 95 % interval. */
  readonly observed: number;
  readonly low: number;
  readonly high: number;
  readonly cases: number;
}

const N_BINS = 10;
/** Keeps one sure mistake from making the mean infinite. */
const MIN_PROBABILITY = 1e-12;

/** At least one case. */
export const calibrationOf = (probabilities: readonly number[], labels: readonly boolean[]): Calibration => {
  if (probabilities.length !== labels.length || labels.length === 0) throw new RangeError("one label a probability");
  const bins = Array.from({ length: N_BINS }, () => ({ sum: 0, came: 0, cases: 0 }));
  let [brier, logLoss] = [0, 0];
  probabilities.forEach((probability, at) => {
    const came = labels[at] === true;
    brier += (probability - Number(came)) ** 2;
    logLoss -= Math.log(Math.max(MIN_PROBABILITY, came ? probability : 1 - probability));
    const bin = bins[Math.min(N_BINS - 1, Math.floor(probability * N_BINS))]!;
    bin.sum += probability;
    bin.came += Number(came);
    bin.cases += 1;
  });
  const filled = bins
    .filter(({ cases }) => cases > 0)
    .map(({ sum, came, cases }): ReliabilityBin => {
      const { share, low, high } = wilsonInterval(came, cases);
      return { predicted: sum / cases, observed: share, low, high, cases };
    });
  const n = labels.length;
  const error = filled.reduce((sum, { predicted, observed, cases }) => sum + Math.abs(predicted - observed) * cases, 0);
  return { brier: brier / n, logLoss: logLoss / n, error: error / n, bins: filled };
};
