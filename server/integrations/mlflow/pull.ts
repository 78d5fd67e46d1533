import { hashOf } from "../../content-hash.ts";
import { AppError } from "../../errors.ts";
import type { PulledVersion } from "../../models/version-folder.ts";
import { RECORD_FILE, readVersionRecord } from "../../models/version-record.ts";
import { artifactPath, type MlflowClient } from "./client.ts";
import type { ModelVersion } from "./wire.ts";

export interface VersionOfMlflow extends PulledVersion {
  /** What MLflow calls it. */
  readonly remote: string;
}

/** The description of a version: ids, hashes and hyper-parameters, bytes. */
const MAX_RECORD_BYTES = 256 * 2 ** 10;
/** The largest adapter that is read, bytes: rank 64 on a model of 7 billion weights. */
const MAX_FILE_BYTES = 512 * 2 ** 20;

/**
 * Reads a version of a registered model, by alias or number, and checks it: the id is the hash of the manifest,
 * and each file has the hash that the manifest names. Throws `not-found`, `integration-invalid` and as `JsonClient`.
 */
export async function pullVersion(
  client: MlflowClient,
  model: string,
  which: { readonly alias: string } | { readonly version: string },
): Promise<VersionOfMlflow> {
  const found =
    "alias" in which ? await client.versionByAlias(model, which.alias) : await client.version(model, which.version);
  if (found === null) {
    const name = "alias" in which ? `alias ${which.alias}` : `version ${which.version}`;
    throw new AppError("not-found", `MLflow has no ${name} of the registered model ${model}.`);
  }
  const folder = artifactPath(await sourceOf(client, found));
  const bytes = await client.getArtifact(`${folder}/${RECORD_FILE}`, MAX_RECORD_BYTES);
  const record = readVersionRecord(bytes, refusedByHash);
  const files = new Map<string, Buffer>();
  for (const { name, sha256, bytes } of record.manifest.files) {
    if (bytes > MAX_FILE_BYTES || !/^[A-Za-z0-9_.-]+$/.test(name) || /^\.+$/.test(name))
      throw refusedByHash(`has a file ${name} that no adapter has`);
    const content = await client.getArtifact(`${folder}/${name}`, MAX_FILE_BYTES);
    if (hashOf(content) !== sha256) throw refusedByHash(`has a file ${name} with another hash than its manifest says`);
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

/** The refusal of a version that is not what it says. */
export const refusedByHash = (what: string, hint?: string): AppError =>
  new AppError(
    "integration-invalid",
    `The version in MLflow ${what}. Nothing was taken.`,
    hint === undefined ? {} : { hint },
  );
