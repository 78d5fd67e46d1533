import { VERSION_ID } from "../archive/layout.ts";
import { hashOf } from "../content-hash.ts";
import type { AppError } from "../errors.ts";
import { canonicalJson } from "../store/event-store.ts";
import { keptVersion } from "../version.ts";
import type { Store } from "../store/store.ts";
import { z } from "zod";

/** Name of the artifact that says what a version is; the adapter's files lie beside it. */
export const RECORD_FILE = "kept-version.json";
/** Hexadecimal digits of the manifest's hash that name a version. */
const VERSION_ID_CHARS = 16;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const id = z.string().min(1).max(64);

/**
 * What makes a version known on another machine: the manifest that its id is the hash of, and what the rows of
 * its run and its dataset say. Ids, hashes and counts: no text of anybody, and no path.
 */
export const versionRecord = z.object({
  format: z.literal(1),
  id: z.string().regex(VERSION_ID),
  createdAt: z.string(),
  kept: z.string(),
  manifest: z.object({
    base: z.string().max(64),
    runId: id,
    datasetId: id,
    hyperParameters: z.unknown(),
    /** What the model's file said that it was trained with; left out where there was none. */
    model: z.unknown().optional(),
    files: z.array(z.object({ name: z.string().max(100), sha256, bytes: z.int().nonnegative() })).max(16),
  }),
  run: z.object({ strategy: z.string().max(32), createdAt: z.string(), finishedAt: z.string().nullable() }),
  dataset: z.object({
    sha256: z.string().max(64),
    createdAt: z.string(),
    rows: z.object({ train: z.int(), validation: z.int(), test: z.int() }),
    sources: z.record(z.string(), z.int()),
  }),
});
export type VersionRecordFile = z.infer<typeof versionRecord>;

/** Null when the version, its run or its dataset is not in the store. */
export function recordOf(store: Store, versionId: string): VersionRecordFile | null {
  const version = store.versions.get(versionId);
  const run = version === null ? null : store.runs.get(version.runId);
  const dataset = version === null ? null : store.datasets.get(version.datasetId);
  if (version === null || run === null || dataset === null) return null;
  const { strategy, createdAt, finishedAt } = run;
  const { sha256, rows, sources } = dataset;
  return {
    format: 1,
    id: version.id,
    createdAt: version.createdAt,
    kept: keptVersion,
    manifest: store.versions.manifest(versionId) as VersionRecordFile["manifest"],
    run: { strategy, createdAt, finishedAt },
    dataset: { sha256, createdAt: dataset.createdAt, rows, sources },
  };
}

/**
 * Reads a record and checks that its id is the hash of its manifest, which names the hash of every file.
 * @throws what `refused` makes of a reason that follows on "The version"
 */
export function readVersionRecord(bytes: Buffer, refused: (what: string) => AppError): VersionRecordFile {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch {
    throw refused(`has a ${RECORD_FILE} that is no JSON`);
  }
  const parsed = versionRecord.safeParse(value);
  if (!parsed.success) throw refused(`has a ${RECORD_FILE} of another shape`);
  // As it was written: what zod leaves out would change the hash.
  const { manifest } = value as { manifest: unknown };
  if (idOfManifest(manifest) !== parsed.data.id)
    throw refused("has another manifest than the one that its id is the hash of");
  return parsed.data;
}

export const idOfManifest = (manifest: unknown): string => hashOf(canonicalJson(manifest)).slice(0, VERSION_ID_CHARS);
