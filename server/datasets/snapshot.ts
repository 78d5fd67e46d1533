import { buildDataset, type Dataset, type DatasetOptions } from "../../core/datasets/build.ts";
import { DEFAULT_CAPS } from "../../core/datasets/caps.ts";
import { NEAR_DUPLICATE_JACCARD } from "../../core/datasets/near-duplicates.ts";
import { DEFAULT_FRACTIONS } from "../../core/datasets/split.ts";
import { DATASET_VIEWS, viewCounts } from "../../core/datasets/views.ts";
import type { DatasetRow, SplitName } from "../../core/dataset-row.ts";
import { hashOf } from "../content-hash.ts";
import { writeFileDurably } from "../durable-file.ts";
import { canonicalJson } from "../store/event-store.ts";
import ignore from "ignore";
import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** What a snapshot was made from: with the same events it gives the same bytes again. */
export interface SnapshotOrigin {
  /** Sequence of the last event that was looked at. */
  readonly eventWatermark: number;
  readonly labelVersion: string;
  /** Folders whose histories were mined, with the commit that each stood at. */
  readonly workspaces: readonly { readonly root: string; readonly head: string }[];
  readonly seed: number;
  readonly codeVersion: string;
  /** What a model's file says that rows are, and how they are split; absent without one. */
  readonly filters?: DatasetFilters;
}

/** Which rows belong to a dataset, and to which part of it. */
export interface DatasetFilters extends DatasetOptions {
  readonly languages: readonly string[];
  readonly sources: readonly DatasetRow["source"][];
  /** Paths that are left out, as `.gitignore` writes them. */
  readonly exclude: readonly string[];
  readonly minWeight: number;
  /** Only what was written since, milliseconds since 1970. */
  readonly since: number | null;
}

export interface Snapshot {
  readonly id: string;
  /** sha256 of the manifest, which holds the sha256 of the rows. */
  readonly sha256: string;
  readonly rows: { readonly train: number; readonly validation: number; readonly test: number };
  /** Good rows in the three parts, by source. */
  readonly sources: Readonly<Record<string, number>>;
  readonly manifest: unknown;
}

const SNAPSHOT_ID_CHARS = 16;
/** Part of a snapshot. Bad rows are older than what is measured by: they are for unpaired and preference training. */
export type StoredSplit = SplitName | "bad";
/** One line of `rows.jsonl`. */
export type StoredRow = DatasetRow & { readonly split: StoredSplit };

/**
 * Splits rows, writes `datasets/<sha256>/rows.jsonl` and `manifest.json`, and says what was written. The
 * same rows and origin give the same bytes, whatever the order of the rows.
 */
export function writeSnapshot(datasetsDir: string, rows: readonly DatasetRow[], origin: SnapshotOrigin): Snapshot {
  const { filters = {}, ...made } = origin;
  const dataset = buildDataset(wantedRows(rows, origin.filters), filters);
  const lines = storedRows(dataset).map((row) => canonicalJson(row) + "\n");
  const bytes = Buffer.from(lines.join(""));
  const counts = { train: dataset.train.length, validation: dataset.validation.length, test: dataset.test.length };
  const manifest = {
    format: 1,
    ...made,
    filters: {
      caps: DEFAULT_CAPS,
      fractions: DEFAULT_FRACTIONS,
      nearDuplicates: NEAR_DUPLICATE_JACCARD,
      ...filters,
    },
    views: Object.fromEntries(DATASET_VIEWS.map((view) => [view, viewCounts(view, dataset)])),
    rows: { ...counts, bad: dataset.bad.length, sha256: hashOf(bytes) },
    dropped: dataset.dropped,
  };
  const manifestBytes = Buffer.from(canonicalJson(manifest) + "\n");
  const sha256 = hashOf(manifestBytes);
  const dir = path.join(datasetsDir, sha256);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  writeFileDurably(path.join(dir, "rows.jsonl"), bytes, 0o600);
  writeFileDurably(path.join(dir, "manifest.json"), manifestBytes, 0o600);
  return { id: sha256.slice(0, SNAPSHOT_ID_CHARS), sha256, rows: counts, sources: countSources(dataset), manifest };
}

/** The rows that the filters let through; all of them where there are none. */
export function wantedRows(rows: readonly DatasetRow[], filters: DatasetFilters | undefined): readonly DatasetRow[] {
  if (filters === undefined) return rows;
  const { languages, sources, minWeight, since } = filters;
  const excluded = ignore().add([...filters.exclude]);
  return rows.filter(
    (row) =>
      (languages.length === 0 || languages.includes(row.language)) &&
      sources.includes(row.source) &&
      row.weight >= minWeight &&
      (since === null || row.writtenAt >= since) &&
      !(ignore.isPathValid(row.path) && excluded.ignores(row.path)),
  );
}

/** The rows of a snapshot by part, checked against the hash in its manifest. Throws when they differ. */
export function readSnapshot(datasetsDir: string, sha256: string): Record<StoredSplit, DatasetRow[]> {
  const dir = path.join(datasetsDir, sha256);
  const manifestBytes = readFileSync(path.join(dir, "manifest.json"));
  const bytes = readFileSync(path.join(dir, "rows.jsonl"));
  const manifest = JSON.parse(manifestBytes.toString()) as { rows: { sha256: string } };
  if (hashOf(manifestBytes) !== sha256 || hashOf(bytes) !== manifest.rows.sha256) {
    throw damaged(sha256);
  }
  const parts: Record<StoredSplit, DatasetRow[]> = { train: [], validation: [], test: [], bad: [] };
  takeRows(bytes.toString(), parts);
  return parts;
}

/** The same, a little at a time, so that whoever else waits for this thread is not held up. */
export async function readSnapshotGently(
  datasetsDir: string,
  sha256: string,
): Promise<Record<StoredSplit, DatasetRow[]>> {
  const dir = path.join(datasetsDir, sha256);
  const manifestBytes = readFileSync(path.join(dir, "manifest.json"));
  const manifest = JSON.parse(manifestBytes.toString()) as { rows: { sha256: string } };
  const parts: Record<StoredSplit, DatasetRow[]> = { train: [], validation: [], test: [], bad: [] };
  const hash = createHash("sha256");
  let rest: Buffer = Buffer.alloc(0);
  // A turn of the event loop between two pieces, 64 KiB each: a few rows.
  for await (const piece of createReadStream(path.join(dir, "rows.jsonl")) as AsyncIterable<Buffer>) {
    hash.update(piece);
    const last = piece.lastIndexOf(LINE_END);
    if (last < 0) {
      rest = Buffer.concat([rest, piece]);
      continue;
    }
    takeRows(Buffer.concat([rest, piece.subarray(0, last)]).toString(), parts);
    rest = piece.subarray(last + 1);
  }
  if (hashOf(manifestBytes) !== sha256 || hash.digest("hex") !== manifest.rows.sha256) throw damaged(sha256);
  takeRows(rest.toString(), parts);
  return parts;
}

const LINE_END = "\n".charCodeAt(0);

function takeRows(lines: string, parts: Record<StoredSplit, DatasetRow[]>): void {
  for (const line of lines.split("\n")) {
    if (line === "") continue;
    const { split, ...row } = JSON.parse(line) as StoredRow;
    parts[split].push(row);
  }
}

const damaged = (sha256: string): Error =>
  new Error(`The dataset ${sha256} is damaged: its bytes are not what its manifest says.`);

const storedRows = (dataset: Dataset): StoredRow[] =>
  (["train", "validation", "test", "bad"] as const).flatMap((split) =>
    dataset[split].map((row) => ({ ...row, split })),
  );

function countSources({ train, validation, test }: Dataset): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { source } of [...train, ...validation, ...test]) counts[source] = (counts[source] ?? 0) + 1;
  return counts;
}
