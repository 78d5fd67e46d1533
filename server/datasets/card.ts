import { DATASET_VIEWS, type DatasetView } from "../../core/datasets/views.ts";
import type { ExportedFile } from "./export.ts";
import type { ExportFormat } from "./export-formats.ts";
import path from "node:path";

/** The part of a manifest that a card tells. */
export interface CardManifest {
  readonly eventWatermark: number;
  readonly labelVersion: string;
  readonly workspaces: readonly { readonly root: string; readonly head: string }[];
  readonly seed: number;
  readonly codeVersion: string;
  readonly filters: {
    readonly caps: { readonly perFile: number; readonly perRepository: number; readonly perPerson: number };
    readonly fractions: { readonly train: number; readonly validation: number; readonly test: number };
    readonly nearDuplicates?: number;
  };
  /** Examples by view and split; manifests of older versions do not have them. */
  readonly views?: Record<DatasetView, { train: number; validation: number; test: number }>;
  readonly rows: Readonly<Record<"train" | "validation" | "test" | "bad", number>> & { readonly sha256: string };
  readonly dropped: Readonly<Record<string, number>>;
}

const VIEWS: Readonly<Record<DatasetView, string>> = {
  sft: "TRL's prompt-completion format for `SFTTrainer`: good completions, each with a weight.",
  kto: "TRL's unpaired preference format for `KTOTrainer`: good and bad completions with a boolean `label`.",
  dpo: "TRL's preference format with an explicit prompt for `DPOTrainer`: what was written against what was suggested.",
};

/** What rows are left out for, as the manifest counts them. */
const REASONS: Readonly<Record<string, string>> = {
  blank: "nothing but white space",
  weightless: "a label that counts for nothing",
  secret: "a secret stood in it",
  "special-token": "a marker of prompts stands in it",
  repeated: "the same code in the same place",
  contradicted: "a newer verdict on the same code",
  "file-cap": "the cap of one file",
  "repository-cap": "the cap of one repository",
  "person-cap": "the cap of one person or tool",
  "near-duplicate": "too like an example of an earlier part",
  "bad-after-training": "bad, and as late as what is measured by",
};

/**
 * The card of an exported dataset, as Hugging Face's hub shows it: front matter that `datasets.load_dataset` reads,
 * then what the dataset is, how it was made and what to heed.
 */
export function datasetCard(
  { id, sha256 }: { readonly id: string; readonly sha256: string },
  manifest: CardManifest,
  format: ExportFormat,
  files: readonly ExportedFile[],
): string {
  const { caps, fractions, nearDuplicates = 0.8 } = manifest.filters;
  const views = DATASET_VIEWS.filter((view) => format === view || format === "parquet");
  const dropped = Object.entries(manifest.dropped).filter(([, count]) => count > 0);
  return [
    "---",
    "pretty_name: " + JSON.stringify(`Kept dataset ${id}`),
    "tags:",
    "  - code",
    "  - fill-in-the-middle",
    ...configs(format, files),
    "---",
    "",
    `# Kept dataset ${id}`,
    "",
    "What became of inline code suggestions in one developer's editor, and code from the git history of the same repositories. Secrets and ignored files were left out before anything was stored, but **it holds source code: treat it as confidential**.",
    "",
    "| file | rows | bytes |",
    "|---|--:|--:|",
    ...files.map(({ name, rows, bytes }) => `| \`${name}\` | ${rows} | ${bytes} |`),
    "",
    ...views.map((view) => `- \`${view}\`: ${VIEWS[view]}`),
    ...(format === "label-studio"
      ? [
          "- `tasks.json`: tasks for Label Studio, what the labels say as predictions; `labeling.xml` is their interface.",
        ]
      : ["", "Prompts are in the fill-in-the-middle format of the base model, with its markers as text."]),
    "",
    "## How it was made",
    "",
    `Good rows are split by time, ${percent(fractions.train)} for training, ${percent(fractions.validation)} for validation and ${percent(fractions.test)} for the test. Texts with a Jaccard index of at least ${nearDuplicates} (MinHash) never stand in two parts. No file has more than ${percent(caps.perFile)} of the rows, no repository more than ${percent(caps.perRepository)} where there are several, nobody but the owner more than ${percent(caps.perPerson)}. Bad rows are for training alone.`,
    "",
    `- sha256 of the manifest: \`${sha256}\``,
    `- sha256 of the rows: \`${manifest.rows.sha256}\``,
    `- events up to sequence ${manifest.eventWatermark}, labels of version ${manifest.labelVersion}, seed ${manifest.seed}, Kept ${manifest.codeVersion}`,
    ...manifest.workspaces.map(({ root, head }) => `- history of \`${path.basename(root)}\` at \`${head}\``),
    "",
    "The same events, commits and versions give the same bytes again.",
    "",
    "## What was left out",
    "",
    ...(dropped.length === 0
      ? ["Nothing."]
      : dropped.map(([reason, count]) => `- ${count}: ${REASONS[reason] ?? reason}`)),
    "",
  ].join("\n");
}

/** Which files are which split, for `datasets.load_dataset`. */
function configs(format: ExportFormat, files: readonly ExportedFile[]): string[] {
  if (format === "label-studio") return [];
  const splits = (prefix: string): string[] =>
    files
      .filter(({ name }) => path.posix.dirname(name) === prefix)
      .flatMap(({ name }) => [`      - split: ${path.posix.parse(name).name}`, `        path: ${name}`]);
  const config = (name: string, prefix: string, isDefault: boolean): string[] => {
    const found = splits(prefix);
    if (found.length === 0) return [];
    return [`  - config_name: ${name}`, ...(isDefault ? ["    default: true"] : []), "    data_files:", ...found];
  };
  const all =
    format === "parquet"
      ? DATASET_VIEWS.flatMap((view) => config(view, view, view === "sft"))
      : config(format, ".", true);
  return all.length === 0 ? [] : ["configs:", ...all];
}

const percent = (share: number): string => `${Math.round(100 * share)} %`;
