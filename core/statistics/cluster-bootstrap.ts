import { createRandom } from "./random.ts";

/** What a case belongs to: cases of one session, and sessions of one repository, are alike. */
export interface Clustered {
  readonly repository: string;
  readonly session: string;
}

/**
 * How often each case is drawn in one resample, in the order of the cases: repositories are drawn with
 * replacement, and within each draw its sessions, whole. With one repository only its sessions are drawn.
 */
export const drawClusters = (clusters: Clusters, random: () => number): Float64Array => {
  const counts = new Float64Array(clusters.nCases);
  const { repositories } = clusters;
  for (let draw = 0; draw < repositories.length; draw += 1) {
    const at = repositories.length === 1 ? 0 : Math.floor(random() * repositories.length);
    const sessions = repositories[at] as readonly (readonly number[])[];
    for (let pick = 0; pick < sessions.length; pick += 1) {
      const session = sessions[Math.floor(random() * sessions.length)] as readonly number[];
      for (const one of session) counts[one] = (counts[one] ?? 0) + 1;
    }
  }
  return counts;
};

export interface Clusters {
  readonly nCases: number;
  /** Indices of cases by repository and session. */
  readonly repositories: readonly (readonly (readonly number[])[])[];
}

export const clustersOf = (cases: readonly Clustered[]): Clusters => {
  const repositories = new Map<string, Map<string, number[]>>();
  cases.forEach(({ repository, session }, at) => {
    const sessions = repositories.get(repository) ?? new Map<string, number[]>();
    repositories.set(repository, sessions);
    const members = sessions.get(session);
    if (members === undefined) sessions.set(session, [at]);
    else members.push(at);
  });
  return { nCases: cases.length, repositories: [...repositories.values()].map((sessions) => [...sessions.values()]) };
};

export interface BootstrapOptions {
  readonly resamples: number;
  /** Coverage, such as 0.95. */
  readonly confidence: number;
  readonly seed: number;
}

/**
 * Percentile intervals of several figures at once, each null where a resample has none: the figure's interval
 * is then open on that side. Fewer than two independent clusters say nothing of the spread: null.
 */
export const clusterIntervals = <C extends Clustered>(
  cases: readonly C[],
  figures: (counts: Float64Array) => readonly (number | null)[],
  { resamples, confidence, seed }: BootstrapOptions,
): ({ low: number | null; high: number | null } | null)[] => {
  const clusters = clustersOf(cases);
  const nFigures = figures(new Float64Array(cases.length).fill(1)).length;
  const nClusters = clusters.repositories.reduce((sum, sessions) => sum + sessions.length, 0);
  if (nClusters < 2) return Array.from({ length: nFigures }, () => null);
  const random = createRandom(seed);
  const drawn: (number | null)[][] = Array.from({ length: nFigures }, () => []);
  for (let resample = 0; resample < resamples; resample += 1) {
    figures(drawClusters(clusters, random)).forEach((value, at) => drawn[at]?.push(value));
  }
  const tail = (1 - confidence) / 2;
  return drawn.map((values) => {
    // What a resample never reaches lies beyond all that it reaches.
    const sorted = values.map((value) => value ?? Infinity).sort((left, right) => left - right);
    const at = (share: number): number | null => {
      const value = sorted[Math.round(share * (sorted.length - 1))] as number;
      return value === Infinity ? null : value;
    };
    return { low: at(tail), high: at(1 - tail) };
  });
};
