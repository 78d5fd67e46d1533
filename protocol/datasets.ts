import * as z from "zod";
import { datasetRow, label } from "./api.ts";

/** What is in a dataset, and as what it can be exported. */

export const datasetView = z.enum(["sft", "kto", "dpo"]);
export const datasetSplit = z.enum(["train", "validation", "test"]);
export type DatasetViewName = z.infer<typeof datasetView>;
export type DatasetSplitName = z.infer<typeof datasetSplit>;

const bySplit = z.object({ train: z.int(), validation: z.int(), test: z.int() });

/** `GET /v1/datasets/:id/contents`: counts by view and split, what was left out and why, and where it came from. */
export const datasetContents = z.object({
  dataset: datasetRow,
  views: z.object({ sft: bySplit, kto: bySplit, dpo: bySplit }),
  /** Rows that are not in it, by reason; reasons without a row are left out. */
  dropped: z.record(z.string(), z.int()),
  labelVersion: z.string(),
  eventWatermark: z.int(),
  seed: z.int(),
  codeVersion: z.string(),
  /** Folders whose histories were mined, with the commit that each stood at. */
  workspaces: z.array(z.object({ root: z.string(), head: z.string() })),
  caps: z.object({ perFile: z.number(), perRepository: z.number(), perPerson: z.number() }),
});
export type DatasetContents = z.infer<typeof datasetContents>;

/** One example of a view: prompts are long, so only what is around the cursor is sent. */
export const datasetExample = z.object({
  id: z.string(),
  /** Null for what was mined from git history: nobody was asked about it. */
  suggestionId: z.string().nullable(),
  /** What the text is: a suggestion, what was typed in the place of one, or code from git history. */
  from: z.enum(["suggestion", "typed-instead", "history"]),
  path: z.string(),
  language: z.string(),
  writtenAt: z.string(),
  /** The end of what stands before the cursor, and the beginning of what stands behind it. */
  before: z.string(),
  after: z.string(),
  /** In-context examples in its prompt. */
  examples: z.int(),
  completion: z.string(),
  good: z.boolean(),
  /** In a preference pair: what was written in its place. */
  chosen: z.string().nullable(),
  weight: z.number(),
  /** Why code from git history is bad: what took it away, how long after it was written, and by which commit. */
  loss: z.object({ cause: z.string(), afterMs: z.number(), commit: z.string() }).nullable(),
  /** The suggestion's label and a person's verdict as they are now: the dataset stays as it was built. */
  label: label.nullable(),
  rating: z.enum(["up", "down"]).nullable(),
});
export type DatasetExample = z.infer<typeof datasetExample>;

/** `GET /v1/datasets/:id/rows?view=sft&split=train&from=0&limit=50`: in the order of time. */
export const datasetExamples = z.object({ examples: z.array(datasetExample), from: z.int(), total: z.int() });
export type DatasetExamples = z.infer<typeof datasetExamples>;

/** `GET /v1/datasets/:id/export?format=sft`: a tar of a folder with rows, card and manifest. */
export const exportFormat = z.enum(["sft", "kto", "dpo", "parquet", "label-studio"]);
export type ExportFormatName = z.infer<typeof exportFormat>;
