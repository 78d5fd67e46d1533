import type { DatasetRow } from "../dataset-row.ts";

/** Writes a row's prompt as the model reads it: the fill-in-the-middle format belongs to the engine. */
export type RenderPrompt = (row: DatasetRow) => string;

/** TRL's prompt-completion format with a weight, for supervised training. */
export interface PromptCompletion {
  readonly prompt: string;
  readonly completion: string;
  readonly weight: number;
}

/** TRL's unpaired preference format, for KTO. */
export interface UnpairedPreference {
  readonly prompt: string;
  readonly completion: string;
  readonly label: boolean;
  readonly weight: number;
}

/** TRL's preference format with an explicit prompt, for DPO. */
export interface PreferencePair {
  readonly prompt: string;
  readonly chosen: string;
  readonly rejected: string;
  readonly weight: number;
}

/** The good rows. */
export const promptCompletions = (rows: readonly DatasetRow[], render: RenderPrompt): PromptCompletion[] =>
  rows
    .filter((row) => row.good)
    .map((row) => ({ prompt: render(row), completion: row.completion, weight: row.weight }));

/** Good and bad rows, each with its verdict. */
export const unpairedPreferences = (rows: readonly DatasetRow[], render: RenderPrompt): UnpairedPreference[] =>
  rows.map((row) => ({ prompt: render(row), completion: row.completion, label: row.good, weight: row.weight }));

/**
 * What was suggested and turned out bad, against what was written in the very same place. The lower weight of
 * the two rows is the pair's. A bad row is paired with every differing good row of its place.
 */
export const preferencePairs = (rows: readonly DatasetRow[], render: RenderPrompt): PreferencePair[] => {
  const goodByPlace = new Map<string, DatasetRow[]>();
  for (const row of rows) {
    if (!row.good) continue;
    const place = goodByPlace.get(placeOf(row));
    if (place === undefined) goodByPlace.set(placeOf(row), [row]);
    else place.push(row);
  }
  return rows.flatMap((row) => {
    if (row.good) return [];
    const written = (goodByPlace.get(placeOf(row)) ?? []).filter((good) => good.completion !== row.completion);
    return written.map((good) => ({
      prompt: render(row),
      chosen: good.completion,
      rejected: row.completion,
      weight: Math.min(good.weight, row.weight),
    }));
  });
};

const placeOf = (row: DatasetRow): string => JSON.stringify([row.root, row.path, row.prefix, row.suffix]);
