import { createHash } from "node:crypto";

export const TASKS = ["training", "compression", "replay", "infilling"] as const;
export type Task = (typeof TASKS)[number];

/** Figures of one data set, and what has to be the same for another run to give the same figures. */
export interface Measurement {
  readonly task: Task;
  readonly dataset: string;
  /** Which data: a commit, or the hash of the sample's ids. */
  readonly revision: string;
  /** Most cases taken, spread evenly over the data; 0 where there is no sample. */
  readonly limit: number;
  /** Figures that the model card states. */
  readonly figures: Readonly<Record<string, number>>;
  /** Figures that are only printed: small slices, which are noise on a card. */
  readonly details: Readonly<Record<string, number>>;
}

/** Sixteen hex digits that stand for these texts in this order. */
export function revisionOf(texts: Iterable<string>): string {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(`${text.length}:`).update(text);
  return hash.digest("hex").slice(0, 16);
}

/** `<data set>.<figure>` for each figure and detail. */
export function metricsOf(measurements: readonly Measurement[]): Record<string, number> {
  const entries = measurements.flatMap(({ dataset, figures, details }) =>
    Object.entries({ ...figures, ...details }).map(([name, value]) => [`${dataset}.${name}`, value] as const),
  );
  return Object.fromEntries(entries);
}
