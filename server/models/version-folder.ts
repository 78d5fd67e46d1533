import { z } from "zod";
import { ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE } from "../../engine/lora/adapter.ts";
import { isoTime } from "../clock.ts";
import { hashOf } from "../content-hash.ts";
import { AppError } from "../errors.ts";
import { dataPlaces } from "../places.ts";
import { openContentFiles } from "../registry/content-files.ts";
import { withStore } from "../settings.ts";
import { stableId } from "../stable-id.ts";
import { keptVersion } from "../version.ts";
import { idOfManifest, readVersionRecord, RECORD_FILE, recordOf, type VersionRecordFile } from "./version-record.ts";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

/** A version as it came from elsewhere: every byte of it has the hash that its manifest names. */
export interface PulledVersion {
  readonly record: VersionRecordFile;
  readonly files: ReadonlyMap<string, Buffer>;
}

const CARD_FILE = "README.md";

/** Writes a version with its record into a folder, as it is pushed. @throws AppError `not-found`, `corrupt-store` */
export function writeVersionFolder(dataDir: string, versionId: string, folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  withStore(dataDir, (store) => {
    const version = store.versions.get(versionId);
    if (version === null)
      throw new AppError("not-found", `There is no model version ${versionId}.`, {
        hint: "`kept models list` shows them.",
      });
    const files = openContentFiles(dataPlaces(dataDir).files);
    for (const { name, sha256 } of version.files)
      writeFileSync(path.join(folder, path.basename(name)), files.read(sha256), { mode: 0o600 });
    const record = recordOf(store, versionId);
    if (record !== null) writeFileSync(path.join(folder, RECORD_FILE), `${JSON.stringify(record)}\n`, { mode: 0o600 });
  });
}

/**
 * Reads a folder that was pulled. With Kept's record every file has to have the hash that the record vouches for;
 * an adapter that something else made gets a record that says no more than its files do.
 * @throws what `refused` makes of a reason that follows on "The version"
 */
export function readVersionFolder(
  folder: string,
  parts: {
    /** sha256 of the base model that an adapter without a record is taken to be of. */
    readonly base: string;
    readonly nowMs: number;
    readonly refused: (what: string) => AppError;
  },
): PulledVersion {
  const read = (name: string): Buffer | null => {
    const file = path.join(folder, name);
    return existsSync(file) ? readFileSync(file) : null;
  };
  const described = read(RECORD_FILE);
  const record = described === null ? foreignRecord(read, parts) : readVersionRecord(described, parts.refused);
  const files = new Map<string, Buffer>();
  for (const { name, sha256 } of record.manifest.files) {
    if (path.basename(name) !== name || /^\.+$/.test(name))
      throw parts.refused(`has a file ${name} that no adapter has`);
    const bytes = read(name);
    if (bytes === null || hashOf(bytes) !== sha256)
      throw parts.refused(`has a file ${name} with another hash than its manifest says`);
    files.set(name, bytes);
  }
  return { record, files };
}

const rankAndScale = z.object({ r: z.number().optional(), lora_alpha: z.number().optional() });

/** The same files make the same version, whoever pulls them and whenever. */
function foreignRecord(
  read: (name: string) => Buffer | null,
  {
    base,
    nowMs,
    refused,
  }: { readonly base: string; readonly nowMs: number; readonly refused: (what: string) => AppError },
): VersionRecordFile {
  const files = [ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE, CARD_FILE].flatMap((name) => {
    const bytes = read(name);
    if (bytes === null && name !== CARD_FILE) throw refused(`has no ${name}`);
    return bytes === null ? [] : [{ name, sha256: hashOf(bytes), bytes: bytes.length }];
  });
  const identity = files.map(({ sha256 }) => sha256).join(" ");
  const [runId, datasetId] = [stableId(`pulled run ${identity}`), stableId(`pulled dataset ${identity}`)];
  let config: unknown;
  try {
    config = JSON.parse(read(ADAPTER_CONFIG_FILE)!.toString("utf8"));
  } catch {
    throw refused(`has a ${ADAPTER_CONFIG_FILE} that is no JSON`);
  }
  const { r: rank, lora_alpha: alpha } = rankAndScale.catch({}).parse(config);
  const hyperParameters = {
    pulled: true,
    ...(rank === undefined ? {} : { rank }),
    ...(alpha === undefined ? {} : { alpha }),
  };
  const manifest = { base, runId, datasetId, hyperParameters, files };
  const createdAt = isoTime(nowMs);
  return {
    format: 1,
    id: idOfManifest(manifest),
    createdAt,
    kept: keptVersion,
    manifest,
    run: { strategy: "lora", createdAt, finishedAt: createdAt },
    dataset: {
      sha256: hashOf(Buffer.from(identity)),
      createdAt,
      rows: { train: 0, validation: 0, test: 0 },
      sources: {},
    },
  };
}
