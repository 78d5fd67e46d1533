import type { DatasetRow } from "../dataset-row.ts";
import { capRows, type Caps, DEFAULT_CAPS } from "./caps.ts";
import { groupNearDuplicates } from "./near-duplicates.ts";
import { DEFAULT_FRACTIONS, type SplitFractions, splitByTime } from "./split.ts";

export interface DatasetOptions {
  readonly fractions?: SplitFractions;
  readonly caps?: Caps;
}

/** Why rows are not in the dataset. */
export type DropReason =
  | "blank"
  | "weightless"
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
 * The dataset of a set of labelled rows: repeated, contradicted and capped rows dropped, the good rows split
 * by time without near-duplicates across the borders. The same rows in any order give the same dataset.
 */
export const buildDataset = (rows: readonly DatasetRow[], options: DatasetOptions = {}): Dataset => {
  const dropped: Record<DropReason, number> = {
    blank: 0,
    weightless: 0,
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
    else return true;
    return false;
  });
  const distinct = dropRepeated(usable, dropped);

  const capped = capRows(
    distinct.filter((row) => row.good),
    options.caps ?? DEFAULT_CAPS,
  );
  dropped["file-cap"] = capped.droppedByFile.length;
  dropped["repository-cap"] = capped.droppedByRepository.length;
  dropped["person-cap"] = capped.droppedByPerson.length;

  const groups = groupNearDuplicates(capped.rows.map(placeText));
  const split = splitByTime(capped.rows, groups, options.fractions ?? DEFAULT_FRACTIONS);
  dropped["near-duplicate"] = split.droppedDuplicates.length;

  const measuredFrom = Math.min(...[...split.validation, ...split.test].map((row) => row.writtenAt), Infinity);
  const bad = distinct.filter((row) => !row.good && row.writtenAt < measuredFrom);
  dropped["bad-after-training"] = distinct.filter((row) => !row.good).length - bad.length;
  const { train, validation, test } = split;
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
