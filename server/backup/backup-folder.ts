import { AppError } from "../errors.ts";
import { hashOf } from "../content-hash.ts";
import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";

/** A backup is a folder: the store, the files that it names, and this manifest of all of them. */
export const MANIFEST = "MANIFEST.json";
export const FORMAT = 1;

export const backupManifest = z.object({
  format: z.literal(FORMAT),
  createdAt: z.string(),
  keptVersion: z.string(),
  /** Schema version of the store. */
  schema: z.int(),
  /** Sequence of the last event that is in it: everything acknowledged before the backup began. */
  eventWatermark: z.int(),
  files: z.array(
    z.object({
      /** Relative to the backup, with forward slashes. */
      path: z.string().regex(/^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._/-]{0,255}$/),
      bytes: z.int().nonnegative(),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
});
export type BackupManifest = z.infer<typeof backupManifest>;

/** Hears how many bytes of a backup are done, of how many; null while that is not known. */
export type BackupProgress = (done: number, all: number | null) => void;

/**
 * Reads a backup's manifest and compares every file with it.
 * @throws AppError `not-found` when there is no backup, `backup-damaged` when a byte is not what it was
 */
export function verifyBackup(dir: string, onProgress: BackupProgress = () => {}): BackupManifest {
  const manifest = readManifest(dir);
  const all = manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  for (const { path: name, bytes, sha256 } of manifest.files) {
    const file = path.join(dir, ...name.split("/"));
    const stat = lstatSync(file, { throwIfNoEntry: false });
    if (!stat?.isFile()) throw damagedBackup(dir, `${name} is missing or no ordinary file`);
    if (stat.size !== bytes || hashOf(readFileSync(file)) !== sha256)
      throw damagedBackup(dir, `${name} has other bytes`);
    onProgress((done += bytes), all);
  }
  return manifest;
}

export interface BackupList {
  /** Newest first; their files were not compared yet. */
  readonly backups: readonly { readonly dir: string; readonly manifest: BackupManifest }[];
  /** Those whose manifest cannot be read: they do not hide the others. */
  readonly damaged: readonly { readonly dir: string; readonly reason: string }[];
}

/** The backups in a folder. A name that begins with a dot is one that was never finished. */
export function listBackups(folder: string): BackupList {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const backups: { dir: string; manifest: BackupManifest }[] = [];
  const damaged: { dir: string; reason: string }[] = [];
  for (const name of names) {
    const dir = path.join(folder, name);
    if (name.startsWith(".") || !existsSync(path.join(dir, MANIFEST))) continue;
    try {
      backups.push({ dir, manifest: readManifest(dir) });
    } catch (error) {
      damaged.push({ dir, reason: (error as Error).message });
    }
  }
  backups.sort((a, b) => (a.manifest.createdAt < b.manifest.createdAt ? 1 : -1));
  return { backups, damaged };
}

function readManifest(dir: string): BackupManifest {
  const file = path.join(dir, MANIFEST);
  if (!existsSync(file)) {
    throw new AppError("not-found", `${dir} is no backup: it has no ${MANIFEST}.`, {
      hint: "`kept backup list` shows where the backups are.",
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    throw damagedBackup(dir, `${MANIFEST} cannot be read`);
  }
  const parsed = backupManifest.safeParse(value);
  if (!parsed.success) throw damagedBackup(dir, `${MANIFEST} has another shape`);
  return parsed.data;
}

const damagedBackup = (dir: string, what: string): AppError =>
  new AppError("backup-damaged", `The backup ${dir} is damaged: ${what}.`, {
    hint: "Nothing was changed. Use another backup.",
  });
