import type { DatasetRow, SplitName } from "../../core/dataset-row.ts";
import {
  type DatasetParts,
  type DatasetView,
  DATASET_VIEWS,
  preferencePairs,
  promptCompletions,
  type RenderPrompt,
  rowsOfView,
  unpairedPreferences,
} from "../../core/datasets/views.ts";
import { parquetWriteBuffer } from "hyparquet-writer";
import path from "node:path";

/** `sft`, `kto` and `dpo` are JSON lines in TRL's formats; `parquet` has all three. */
export const EXPORT_FORMATS = ["sft", "kto", "dpo", "parquet", "label-studio"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** One file of an export. Nothing of it is made before it is asked for. */
export interface ExportFile {
  readonly name: string;
  /** Rows in it, which progress counts. */
  readonly rows: number;
  /** The file in pieces, each with the rows that it took. */
  write(): Generator<{ readonly bytes: Uint8Array; readonly rows: number }>;
}

/** Rows of one piece: a few milliseconds of work. */
const ROWS_PER_PIECE = 200;

/** The files of a dataset in one format. Splits without a row have none, as the loaders of `datasets` want it. */
export function exportFiles(format: ExportFormat, parts: DatasetParts, render: RenderPrompt): ExportFile[] {
  if (format === "label-studio") return [labelStudioTasks(parts), labelStudioTemplate];
  if (format !== "parquet")
    return SPLITS.flatMap((split) => jsonLines(`${split}.jsonl`, viewLines(format, split, parts, render)));
  return DATASET_VIEWS.flatMap((view) =>
    SPLITS.flatMap((split) => parquet(`${view}/${split}.parquet`, view, viewLines(view, split, parts, render))),
  );
}

const SPLITS: readonly SplitName[] = ["train", "validation", "test"];

/** The rows of a view's part, and how some of them are written. */
interface Lines {
  readonly total: number;
  some(from: number, to: number): readonly object[];
}

function viewLines(view: DatasetView, split: SplitName, parts: DatasetParts, render: RenderPrompt): Lines {
  const rows = rowsOfView(view, split, parts);
  // Pairs need all rows of a place together; there are few of them.
  if (view === "dpo") {
    const pairs = preferencePairs(rows, render);
    return { total: pairs.length, some: (from, to) => pairs.slice(from, to) };
  }
  const write = view === "sft" ? promptCompletions : unpairedPreferences;
  return { total: rows.length, some: (from, to) => write(rows.slice(from, to), render) };
}

function jsonLines(name: string, { total, some }: Lines): ExportFile[] {
  if (total === 0) return [];
  return [
    {
      name,
      rows: total,
      *write() {
        for (let at = 0; at < total; at += ROWS_PER_PIECE) {
          const piece = some(at, at + ROWS_PER_PIECE);
          yield { bytes: Buffer.from(piece.map((row) => `${JSON.stringify(row)}\n`).join("")), rows: piece.length };
        }
      },
    },
  ];
}

const COLUMN_TYPES = { weight: "DOUBLE", label: "BOOLEAN" } as const;

function parquet(name: string, view: DatasetView, { total, some }: Lines): ExportFile[] {
  if (total === 0) return [];
  return [
    {
      name,
      rows: total,
      *write() {
        const rows: Record<string, unknown>[] = [];
        for (let at = 0; at < total; at += ROWS_PER_PIECE) {
          const piece = some(at, at + ROWS_PER_PIECE) as Record<string, unknown>[];
          rows.push(...piece);
          yield { bytes: new Uint8Array(0), rows: piece.length };
        }
        const columnData = Object.keys(rows[0]!).map((column) => ({
          name: column,
          data: rows.map((row) => row[column]),
          type: COLUMN_TYPES[column as keyof typeof COLUMN_TYPES] ?? ("STRING" as const),
          nullable: false,
        }));
        const kvMetadata = [{ key: "kept.view", value: view }];
        yield { bytes: new Uint8Array(parquetWriteBuffer({ columnData, kvMetadata })), rows: 0 };
      },
    },
  ];
}

/** Characters of code around a suggestion that a person is shown. */
const TASK_CONTEXT_CHARS = 2_000;

/** Tasks to import into Label Studio, what the labels say as a prediction. */
function labelStudioTasks(parts: DatasetParts): ExportFile {
  const rows = [...parts.train, ...parts.bad, ...parts.validation, ...parts.test];
  return {
    name: "tasks.json",
    rows: rows.length,
    *write() {
      yield { bytes: Buffer.from("["), rows: 0 };
      for (let at = 0; at < rows.length; at += ROWS_PER_PIECE) {
        const piece = rows.slice(at, at + ROWS_PER_PIECE);
        const text = piece.map((row, i) => `${at + i === 0 ? "\n" : ",\n"}${JSON.stringify(taskOf(row))}`).join("");
        yield { bytes: Buffer.from(text), rows: piece.length };
      }
      yield { bytes: Buffer.from("\n]\n"), rows: 0 };
    },
  };
}

const taskOf = (row: DatasetRow) => ({
  data: {
    row: row.id,
    suggestion: row.suggestionId,
    repository: path.basename(row.root),
    path: row.path,
    language: row.language,
    source: row.source,
    before: row.prefix.slice(-TASK_CONTEXT_CHARS),
    completion: row.completion,
    after: row.suffix.slice(0, TASK_CONTEXT_CHARS),
  },
  predictions: [
    {
      model_version: "kept-labels",
      score: row.weight,
      result: [
        {
          from_name: "verdict",
          to_name: "completion",
          type: "choices",
          value: { choices: [row.good ? "Good" : "Bad"] },
        },
      ],
    },
  ],
});

/** The interface that the tasks fit. */
const LABELING_XML = `<View>
  <Header value="$path" size="5"/>
  <Text name="before" value="$before" granularity="symbol"/>
  <Text name="completion" value="$completion" granularity="symbol"/>
  <Text name="after" value="$after" granularity="symbol"/>
  <Choices name="verdict" toName="completion" choice="single" required="true" showInline="true">
    <Choice value="Good" hotkey="g"/>
    <Choice value="Bad" hotkey="b"/>
  </Choices>
</View>
`;

const labelStudioTemplate: ExportFile = {
  name: "labeling.xml",
  rows: 0,
  *write() {
    yield { bytes: Buffer.from(LABELING_XML), rows: 0 };
  },
};
