import { median } from "../engine/medians.ts";
import type { Sample } from "./process-sample.ts";

/** The bound of the log, MiB. */
export const WAL_BOUND_MIB = 64;

/** What a soak came to. */
export interface SoakFigures {
  /** Highest WAL beyond what was written while a reader held its snapshot, MiB. */
  readonly walBeyondMib: number;
  readonly walMaxMib: number;
  /** Longest time from a release until the WAL was within its bound, seconds. */
  readonly walBackSeconds: number;
  /** Slope of the resident memory, MiB in 10 minutes: the median of the slopes between any two minutes. */
  readonly rssSlope: number;
  readonly rssMib: number;
  /** Highest less lowest of the fewest open files of each minute, and of the fewest sockets and pipes. */
  readonly filesSpread: number;
  readonly otherSpread: number;
  readonly logMaxMib: number;
}

const MINUTE_S = 60;
const TEN_MINUTES = 10;

/** Memory and descriptors count after the warm-up, the WAL always. `minuteSeconds` is shorter in a short soak. */
export function soakFigures(
  samples: readonly Sample[],
  warmUpSeconds: number,
  minuteSeconds: number = MINUTE_S,
): SoakFigures {
  const late = samples.filter(({ at }) => at >= warmUpSeconds);
  const minutes = Map.groupBy(late, ({ at }) => Math.floor(at / minuteSeconds));
  // Memory between two collections is garbage: the lowest of a minute is what is in use.
  const lowest = [...minutes].map(([minute, some]) => ({
    minute: (minute * minuteSeconds) / MINUTE_S,
    rss: Math.min(...some.map(({ rssMib }) => rssMib)),
    files: Math.min(...some.map(({ nFiles }) => nFiles)),
    other: Math.min(...some.map(({ nOther }) => nOther)),
  }));
  return {
    ...walFigures(samples),
    walMaxMib: Math.max(...samples.map(({ walMib }) => walMib)),
    rssSlope: slope(lowest.map(({ minute, rss }) => [minute / TEN_MINUTES, rss])),
    rssMib: median(lowest.map(({ rss }) => rss)),
    filesSpread: spread(lowest.map(({ files }) => files)),
    otherSpread: spread(lowest.map(({ other }) => other)),
    logMaxMib: Math.max(...samples.map(({ logMib }) => logMib)),
  };
}

/** What a reader forces is what the log grows by while its snapshot is held, and until it is back after the release. */
function walFigures(samples: readonly Sample[]): Pick<SoakFigures, "walBeyondMib" | "walBackSeconds"> {
  let [walBeyondMib, walBackSeconds] = [0, 0];
  let releasedAt: number | null = null;
  for (const [i, { at, walMib, isPinned }] of samples.entries()) {
    const wasPinned = samples[i - 1]?.isPinned === true;
    if (isPinned && wasPinned) continue;
    if (!isPinned && wasPinned) releasedAt = at;
    if (!isPinned && walMib <= WAL_BOUND_MIB) releasedAt = null;
    if (!isPinned && releasedAt !== null) walBackSeconds = Math.max(walBackSeconds, at - releasedAt);
    else walBeyondMib = Math.max(walBeyondMib, walMib);
  }
  return { walBeyondMib, walBackSeconds };
}

const spread = (values: readonly number[]): number =>
  values.length === 0 ? 0 : Math.max(...values) - Math.min(...values);

/** Theil and Sen's: the median of the slopes of all pairs, which a few strange minutes do not move. */
function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const slopes = points.flatMap(([x, y], i) => points.slice(i + 1).map(([x2, y2]) => (y2 - y) / (x2 - x)));
  return slopes.length === 0 ? 0 : median(slopes);
}
