import path from "node:path";
import type { DatasetRow, SplitName } from "../../core/dataset-row.ts";
import { type DatasetParts, type DatasetView, pairRows, rowsOfView } from "../../core/datasets/views.ts";
import type { TrainingRow } from "./backend.ts";

/** What an objective learns from in one part of a dataset: good rows, judged ones, or pairs of the same place. */
export function rowsOfObjective(objective: DatasetView, split: SplitName, parts: DatasetParts): TrainingRow[] {
  const rows = rowsOfView(objective, split, parts);
  if (objective === "kto") return rows.map((row) => ({ ...trainingRow(row), isDesirable: row.good }));
  if (objective === "sft") return rows.map(trainingRow);
  return pairRows(rows).map(({ good, bad }) => ({
    ...trainingRow(good),
    rejected: bad.completion,
    weight: Math.min(good.weight, bad.weight),
  }));
}

const trainingRow = (row: DatasetRow): TrainingRow => ({
  suggestionId: row.suggestionId ?? row.id,
  repository: path.basename(row.root),
  path: row.path,
  prefix: row.prefix,
  suffix: row.suffix,
  examples: row.examples,
  completion: row.completion,
  weight: row.weight,
});
