export interface DriftReading {
  /** Suggestions that the measure was learnt from, and those watched since. */
  readonly reference: number;
  readonly watched: number;
  /** Mean of the measure while it was learnt. */
  readonly expected: number;
  /** Cumulative sum of what is missing, standard deviations; an alarm from {@link ALARM} on. */
  readonly sum: number;
  readonly alarm: boolean;
}

/** Suggestions that say what is usual. Fewer, and an early stroke of luck would look like a later loss. */
export const REFERENCE = 400;
/** A fall of twice this many standard deviations is what the sum is quickest at: about half of what is usual. */
const SLACK = 0.125;
/** In the standard deviations of one suggestion: a thousand like those before reach it less than once in twenty times. */
export const ALARM = 40;

/**
 * Whether a measure of each suggestion has fallen for good: a one-sided CUSUM (Page, Biometrika 41, 1954) against
 * the mean and spread of the first suggestions with a version. Values in the order of time.
 */
export const readDrift = (values: readonly number[]): DriftReading => {
  const learnt = values.slice(0, REFERENCE);
  const expected = learnt.reduce((sum, value) => sum + value, 0) / Math.max(1, learnt.length);
  const spread = Math.sqrt(
    learnt.reduce((sum, value) => sum + (value - expected) ** 2, 0) / Math.max(1, learnt.length),
  );
  const watched = values.slice(REFERENCE);
  let sum = 0;
  let alarm = false;
  for (const value of spread > 0 ? watched : []) {
    sum = Math.max(0, sum + (expected - value) / spread - SLACK);
    alarm ||= sum >= ALARM;
  }
  return { reference: learnt.length, watched: watched.length, expected, sum, alarm };
};
