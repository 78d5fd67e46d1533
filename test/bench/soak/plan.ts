/** What happens during a soak, and how often: a week of use in half an hour. */
export interface SoakPlan {
  readonly seconds: number;
  /** Memory and descriptors count from here on: by then everything has happened a few times, seconds. */
  readonly warmUpSeconds: number;
  /** Events a second, in batches of {@link BATCH_EVENTS}. */
  readonly eventsPerSecond: number;
  /** A reader holds its snapshot for so long of every {@link cycleSeconds}. */
  readonly pinnedSeconds: number;
  readonly cycleSeconds: number;
  /** Between two samples, seconds. */
  readonly sampleSeconds: number;
  /** Between two datasets, two training runs, two requests to forget and two moves of the champion, seconds. */
  readonly datasetSeconds: number;
  readonly trainSeconds: number;
  readonly forgetSeconds: number;
  readonly aliasSeconds: number;
  /** Between two looks of a dashboard, seconds. */
  readonly lookSeconds: number;
}

export const BATCH_EVENTS = 20;

/** 50 events a second for half an hour are 90,000: those of a person who sees 2,500 suggestions a day, for a week. */
export function soakPlan(minutes: number): SoakPlan {
  const seconds = minutes * 60;
  // Half an hour is what the design asks for; a shorter soak has the same parts, closer together.
  const part = Math.min(1, minutes / 30);
  return {
    seconds,
    warmUpSeconds: seconds / 3,
    eventsPerSecond: 50,
    pinnedSeconds: Math.max(4, 60 * Math.min(1, part * 4)),
    cycleSeconds: Math.max(6, 70 * Math.min(1, part * 4)),
    sampleSeconds: Math.max(0.5, 5 * part),
    datasetSeconds: Math.max(5, 180 * part),
    trainSeconds: Math.max(8, 240 * part),
    forgetSeconds: Math.max(3, 90 * part),
    aliasSeconds: Math.max(1, 10 * part),
    lookSeconds: Math.max(0.5, 2 * part),
  };
}
