import type { SplitName } from "../dataset-row.ts";

/** What the split looks at. */
export interface TimedRow {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly writtenAt: number;
}

export interface SplitFractions {
  readonly train: number;
  readonly validation: number;
  readonly test: number;
}

export const DEFAULT_FRACTIONS: SplitFractions = { train: 0.8, validation: 0.1, test: 0.1 };

export interface Split<T> {
  readonly train: readonly T[];
  readonly validation: readonly T[];
  readonly test: readonly T[];
  /** Later copies of rows of an earlier part. */
  readonly droppedDuplicates: readonly T[];
}

/**
 * Splits rows by time: every training row is older than every validation row, and those are older than
 * every test row. Rows of one moment (one commit) stay together.
 *
 * A group of near-duplicates never crosses a border: it belongs to the part of its oldest row, and its rows
 * in later parts are dropped. Dropping the later copies, and never moving them back, keeps the order of time
 * and keeps code that the model was trained on out of what it is measured by.
 *
 * `duplicateGroups` holds one group number a row. When the rows have too few moments for three parts, the
 * last parts stay empty, training never does.
 */
export const splitByTime = <T extends TimedRow>(
  rows: readonly T[],
  duplicateGroups: readonly number[],
  fractions: SplitFractions = DEFAULT_FRACTIONS,
): Split<T> => {
  if (rows.length !== duplicateGroups.length) throw new RangeError("one duplicate group a row");
  const order = rows
    .map((row, at) => ({ row, group: duplicateGroups[at] as number }))
    .sort((left, right) => left.row.writtenAt - right.row.writtenAt || (left.row.id < right.row.id ? -1 : 1));
  const total = fractions.train + fractions.validation + fractions.test;
  const times = order.map((entry) => entry.row.writtenAt);
  const validationFrom = border(times, fractions.train / total, 0);
  const testFrom = border(times, (fractions.train + fractions.validation) / total, validationFrom);

  const parts: Record<SplitName, T[]> = { train: [], validation: [], test: [] };
  const droppedDuplicates: T[] = [];
  const partOf = new Map<number, SplitName>();
  order.forEach(({ row, group }, at) => {
    const part: SplitName = at < validationFrom ? "train" : at < testFrom ? "validation" : "test";
    const home = partOf.get(group) ?? part;
    partOf.set(group, home);
    (home === part ? parts[part] : droppedDuplicates).push(row);
  });
  return { ...parts, droppedDuplicates };
};

/** Index of the first row behind the border nearest to `share` that does not divide a moment. */
const border = (times: readonly number[], share: number, atLeast: number): number => {
  const wanted = Math.round(times.length * share);
  const isBorder = (at: number): boolean => at === times.length || times[at] !== times[at - 1];
  for (let distance = 0; distance <= times.length; distance += 1) {
    for (const at of [wanted + distance, wanted - distance]) {
      if (at >= Math.max(1, atLeast) && at <= times.length && isBorder(at)) return at;
    }
  }
  return times.length;
};
