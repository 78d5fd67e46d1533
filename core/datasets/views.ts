import type { DatasetRow, SplitName } from "../dataset-row.ts";

/** A row's prompt as the model reads it, up to where a token ends. */
export interface RenderedPrompt {
  readonly prompt: string;
  /** What of the place's text is left out of the prompt, and stands before every completion. */
  readonly owed: string;
}

/** Writes prompts: the fill-in-the-middle format, and what a token is, belong to the engine. */
export type RenderPrompt = (row: DatasetRow) => RenderedPrompt;

/** Supervised training, unpaired preferences (KTO) and preference pairs (DPO), under TRL's names. */
export const DATASET_VIEWS = ["sft", "kto", "dpo"] as const;
export type DatasetView = (typeof DATASET_VIEWS)[number];

/** A dataset by its parts; `bad` belongs to training. */
export type DatasetParts = Readonly<Record<SplitName | "bad", readonly DatasetRow[]>>;

/** What trainers leave alone, and people ask for: which row it is. */
export interface Provenance {
  readonly id: string;
  readonly source: DatasetRow["source"];
  readonly path: string;
  readonly language: string;
  /** ISO 8601. */
  readonly written_at: string;
}

/** TRL's prompt-completion format with a weight, for supervised training. */
export interface PromptCompletion extends Provenance {
  readonly prompt: string;
  readonly completion: string;
  readonly weight: number;
}

/** TRL's unpaired preference format, for KTO. */
export interface UnpairedPreference extends Provenance {
  readonly prompt: string;
  readonly completion: string;
  readonly label: boolean;
  readonly weight: number;
}

/** TRL's preference format with an explicit prompt, for DPO. */
export interface PreferencePair extends Provenance {
  readonly prompt: string;
  readonly chosen: string;
  readonly rejected: string;
  readonly weight: number;
}

/** The good rows. */
export const promptCompletions = (rows: readonly DatasetRow[], render: RenderPrompt): PromptCompletion[] =>
  rows
    .filter((row) => row.good)
    .map((row) => {
      const { prompt, owed } = render(row);
      return { prompt, completion: owed + row.completion, weight: row.weight, ...provenance(row) };
    });

/** Good and bad rows, each with its verdict. */
export const unpairedPreferences = (rows: readonly DatasetRow[], render: RenderPrompt): UnpairedPreference[] =>
  rows.map((row) => {
    const { prompt, owed } = render(row);
    return { prompt, completion: owed + row.completion, label: row.good, weight: row.weight, ...provenance(row) };
  });

/**
 * What was suggested and turned out bad, against what was written in the very same place. The lower weight of
 * the two rows is the pair's. A bad row is paired with every differing good row of its place.
 */
export const preferencePairs = (rows: readonly DatasetRow[], render: RenderPrompt): PreferencePair[] =>
  pairRows(rows).map(({ good, bad }) => {
    const { prompt, owed } = render(bad);
    const [chosen, rejected] = [owed + good.completion, owed + bad.completion];
    return { prompt, chosen, rejected, weight: Math.min(good.weight, bad.weight), ...provenance(bad) };
  });

/** A bad row with a good one of its place and another text. */
export interface RowPair {
  readonly good: DatasetRow;
  readonly bad: DatasetRow;
}

export const pairRows = (rows: readonly DatasetRow[]): RowPair[] => {
  // Places are long texts: only files with a bad row are looked at.
  const files = new Set(rows.filter(({ good }) => !good).map(fileOf));
  const goodByPlace = new Map<string, DatasetRow[]>();
  for (const row of rows) {
    if (!row.good || !files.has(fileOf(row))) continue;
    const place = goodByPlace.get(placeOf(row));
    if (place === undefined) goodByPlace.set(placeOf(row), [row]);
    else place.push(row);
  }
  return rows.flatMap((bad) => {
    if (bad.good) return [];
    const written = (goodByPlace.get(placeOf(bad)) ?? []).filter((good) => good.completion !== bad.completion);
    return written.map((good) => ({ good, bad }));
  });
};

/** Rows of one part of a view. Bad rows are trained on alone, so that pairs are too. */
export const rowsOfView = (view: DatasetView, split: SplitName, parts: DatasetParts): readonly DatasetRow[] => {
  if (view === "sft") return parts[split];
  if (split === "train") return [...parts.train, ...parts.bad].sort(byTime);
  return view === "kto" ? parts[split] : [];
};

/** How many examples each part of a view has. */
export const viewCounts = (view: DatasetView, parts: DatasetParts): Record<SplitName, number> => {
  const count = (split: SplitName): number => {
    const rows = rowsOfView(view, split, parts);
    return view === "dpo" ? pairRows(rows).length : rows.length;
  };
  return { train: count("train"), validation: count("validation"), test: count("test") };
};

const provenance = ({ id, source, path, language, writtenAt }: DatasetRow): Provenance => ({
  id,
  source,
  path,
  language,
  written_at: new Date(Math.min(Math.max(writtenAt, 0), LAST_TIME_MS)).toISOString(),
});

/** End of the year 9999: later times are a broken clock. */
const LAST_TIME_MS = 253_402_300_799_999;

const byTime = (left: DatasetRow, right: DatasetRow): number =>
  left.writtenAt - right.writtenAt || (left.id < right.id ? -1 : 1);

const fileOf = ({ root, path }: DatasetRow): string => `${root}\n${path}`;
const placeOf = (row: DatasetRow): string => JSON.stringify([row.root, row.path, row.prefix, row.suffix]);
