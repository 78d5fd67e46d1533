import type { DatasetRow } from "../dataset-row.ts";
import { capRows, type Caps, DEFAULT_CAPS } from "./caps.ts";
import { groupNearDuplicates } from "./near-duplicates.ts";
import { hadSecret, hasSpecialToken } from "./unfit-text.ts";
import { DEFAULT_FRACTIONS, type SplitFractions, splitByTime } from "./split.ts";

export interface DatasetOptions {
  readonly fractions?: SplitFractions;
  readonly caps?: Caps;
}

/** Why rows are not in the dataset. */
export type DropReason =
  | "blank"
  | "weightless"
  | "secret"
  | "special-token"
  | "repeated"
  | "contradicted"
  | "file-cap"
  | "repository-cap"
  | "person-cap"
  | "near-duplicate"
  | "bad-after-training";

export interface Dataset {
  readonly train: readonly DatasetRow[];
  readonly validation: readonly DatasetRow[];
  readonly test: readonly DatasetRow[];
  /** Bad rows older than the first validation row, for unpaired and preference training; never supervised. */
  readonly bad: readonly DatasetRow[];
  readonly dropped: Readonly<Record<DropReason, number>>;
}

/** Code before the cursor that tells two places apart, in characters: about ten lines. */
const CONTEXT_CHARS = 400;

/**
 * The dataset of a set of labelled rows: repeated, contradicted, unfit and capped rows dropped, the good rows split
 * by time without near-duplicates across the borders. The same rows in any order give the same dataset.
 */
export const buildDataset = (rows: readonly DatasetRow[], options: DatasetOptions = {}): Dataset => {
  const dropped: Record<DropReason, number> = {
    blank: 0,
    weightless: 0,
    secret: 0,
    "special-token": 0,
    repeated: 0,
    contradicted: 0,
    "file-cap": 0,
    "repository-cap": 0,
    "person-cap": 0,
    "near-duplicate": 0,
    "bad-after-training": 0,
  };
  const usable = rows.filter((row) => {
    if (row.completion.trim() === "") dropped.blank += 1;
    else if (!(row.weight > 0)) dropped.weightless += 1;
    else if (hadSecret(row)) dropped.secret += 1;
    else if (hasSpecialToken(row)) dropped["special-token"] += 1;
    else return true;
    return false;
  });
  const distinct = dropRepeated(usable, dropped);

  const caps = options.caps ?? DEFAULT_CAPS;
  const good = capRows(
    distinct.filter((row) => row.good),
    caps,
    distinct,
  );
  // Calling good code bad is poison too: bad rows have caps of their own.
  const notGood = capRows(
    distinct.filter((row) => !row.good),
    caps,
    distinct,
  );
  dropped["file-cap"] = good.droppedByFile.length + notGood.droppedByFile.length;
  dropped["repository-cap"] = good.droppedByRepository.length + notGood.droppedByRepository.length;
  dropped["person-cap"] = good.droppedByPerson.length + notGood.droppedByPerson.length;

  const groups = groupNearDuplicates([...good.rows, ...notGood.rows].map(placeText));
  const split = splitByTime(good.rows, groups.slice(0, good.rows.length), options.fractions ?? DEFAULT_FRACTIONS);

  const measuredFrom = Math.min(...[...split.validation, ...split.test].map((row) => row.writtenAt), Infinity);
  const bad = notGood.rows.filter((row) => row.writtenAt < measuredFrom);
  dropped["bad-after-training"] = notGood.rows.length - bad.length;
  // Bad rows are trained on: what is like one of them cannot be measured by, either.
  const groupOf = new Map([...good.rows, ...notGood.rows].map((row, at) => [row, groups[at] as number]));
  const trainedOn = new Set(bad.map((row) => groupOf.get(row)));
  const isUnseen = (row: DatasetRow): boolean => !trainedOn.has(groupOf.get(row));
  const { train } = split;
  const [validation, test] = [split.validation.filter(isUnseen), split.test.filter(isUnseen)];
  dropped["near-duplicate"] =
    split.droppedDuplicates.length + split.validation.length + split.test.length - validation.length - test.length;
  return { train, validation, test, bad, dropped };
};

/**
 * One row for each place and completion. Of equal verdicts the oldest stays, so that code already learned
 * from does not come back as a test; of contradicting ones the newest, because people change their minds.
 */
const dropRepeated = (rows: readonly DatasetRow[], dropped: Record<DropReason, number>): DatasetRow[] => {
  const known = new Map<string, DatasetRow>();
  for (const row of [...rows].sort(byTime)) {
    const key = JSON.stringify([row.root, row.path, row.prefix, row.suffix, row.completion]);
    const other = known.get(key);
    if (other !== undefined && other.good === row.good) {
      dropped.repeated += 1;
      continue;
    }
    if (other !== undefined) dropped.contradicted += 1;
    known.set(key, row);
  }
  return [...known.values()].sort(byTime);
};

const byTime = (left: DatasetRow, right: DatasetRow): number =>
  left.writtenAt - right.writtenAt || (left.id < right.id ? -1 : left.id > right.id ? 1 : 0);

/** What near-duplicates are judged by: the completion with the lines that lead to it. */
const placeText = (row: DatasetRow): string => `${row.prefix.slice(-CONTEXT_CHARS)}${row.completion}`;
