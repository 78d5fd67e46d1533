import { hashOf } from "../../content-hash.ts";
import { AppError } from "../../errors.ts";
import { canonicalJson } from "../../store/event-store.ts";
import { artifactPath, type MlflowClient } from "./client.ts";
import { RECORD_FILE, versionRecord, type VersionRecordFile } from "./version-record.ts";
import type { ModelVersion } from "./wire.ts";

/** A version as it came from MLflow: every byte of it has the hash that its id vouches for. */
export interface PulledVersion {
  readonly record: VersionRecordFile;
  readonly files: ReadonlyMap<string, Buffer>;
  /** What MLflow calls it. */
  readonly remote: string;
}

/** The description of a version: ids, hashes and hyper-parameters, bytes. */
const MAX_RECORD_BYTES = 256 * 2 ** 10;
/** The largest adapter that is read, bytes: rank 64 on a model of 7 billion weights. */
const MAX_FILE_BYTES = 512 * 2 ** 20;
/** Hexadecimal digits of the manifest's hash that name a version. */
const VERSION_ID_CHARS = 16;

/**
 * Reads a version of a registered model, by alias or number, and checks it: the id is the hash of the manifest,
 * and each file has the hash that the manifest names. Throws `not-found`, `integration-invalid` and as `JsonClient`.
 */
export async function pullVersion(
  client: MlflowClient,
  model: string,
  which: { readonly alias: string } | { readonly version: string },
): Promise<PulledVersion> {
  const found =
    "alias" in which ? await client.versionByAlias(model, which.alias) : await client.version(model, which.version);
  if (found === null) {
    const name = "alias" in which ? `alias ${which.alias}` : `version ${which.version}`;
    throw new AppError("not-found", `MLflow has no ${name} of the registered model ${model}.`);
  }
  const folder = artifactPath(await sourceOf(client, found));
  const record = readRecord(await client.getArtifact(`${folder}/${RECORD_FILE}`, MAX_RECORD_BYTES));
  const files = new Map<string, Buffer>();
  for (const { name, sha256, bytes } of record.manifest.files) {
    if (bytes > MAX_FILE_BYTES || !/^[A-Za-z0-9_.-]+$/.test(name) || /^\.+$/.test(name))
      throw refused(`has a file ${name} that no adapter has`);
    const content = await client.getArtifact(`${folder}/${name}`, MAX_FILE_BYTES);
    if (hashOf(content) !== sha256) throw refused(`has a file ${name} with another hash than its manifest says`);
    files.set(name, content);
  }
  return { record, files, remote: found.version };
}

/** Newer MLflow servers name a logged model as the source; then the run's own artifacts have the files. */
async function sourceOf(client: MlflowClient, { source, run_id: runId }: ModelVersion): Promise<string> {
  if (!source.startsWith("runs:/") && !source.startsWith("models:/")) return source;
  const run = await client.run(runId);
  return `${run?.info.artifact_uri ?? ""}/adapter`;
}

function readRecord(bytes: Buffer): VersionRecordFile {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch {
    throw refused(`has a ${RECORD_FILE} that is no JSON`);
  }
  const parsed = versionRecord.safeParse(value);
  if (!parsed.success) throw refused(`has a ${RECORD_FILE} of another shape`);
  // As it was written: what zod leaves out would change the hash.
  const manifest = (value as { manifest: unknown }).manifest;
  if (hashOf(canonicalJson(manifest)).slice(0, VERSION_ID_CHARS) !== parsed.data.id)
    throw refused("has another manifest than the one that its id is the hash of");
  return parsed.data;
}

const refused = (what: string): AppError =>
  new AppError("integration-invalid", `The version in MLflow ${what}. Nothing was taken.`);
