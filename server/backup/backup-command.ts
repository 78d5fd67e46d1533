import type { Command } from "commander";
import { print, table } from "../cli/output.ts";
import { backupsOf, dataPlaces } from "../places.ts";
import { createProgressLine } from "../replay/progress-line.ts";
import { type BackupProgress, listBackups, verifyBackup, type BackupManifest } from "./backup-folder.ts";
import { createBackup } from "./create.ts";
import { restoreBackup } from "./restore.ts";
import path from "node:path";

/** Adds `kept backup`: none of its commands needs a server, and none minds one. */
export function addBackupCommand(program: Command, dataDir: () => string): void {
  const folderOf = (flags: { folder?: string }): string => path.resolve(flags.folder ?? backupsOf(dataDir()));
  const backup = program.command("backup").description("copies of everything that was learned, and back");

  backup
    .command("create")
    .description("write a backup and read it back; also while the server runs")
    .option("--folder <folder>", "where backups lie (default: beside the data folder)")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  kept backup create --folder /mnt/disk/kept\n")
    .action((flags: { folder?: string; json?: boolean }) => {
      const { dir, manifest } = withProgress("backed up", (onProgress) =>
        createBackup(dataPlaces(dataDir()), folderOf(flags), new Date(), onProgress),
      );
      print({ dir, ...summary(manifest) }, flags, () => `${dir}\n`);
    });

  backup
    .command("list")
    .description("complete backups, newest first")
    .option("--folder <folder>", "where backups lie (default: beside the data folder)")
    .option("--json", "print JSON")
    .action((flags: { folder?: string; json?: boolean }) => {
      const folder = folderOf(flags);
      const found = listBackups(folder);
      const backups = found.backups.map(({ dir, manifest }) => ({ dir, ...summary(manifest) }));
      for (const { reason } of found.damaged) process.stderr.write(`${reason}\n`);
      if (backups.length === 0 && flags.json !== true) {
        process.stderr.write(`There is no backup in ${folder}. Make one: kept backup create\n`);
        return;
      }
      print({ backups, damaged: found.damaged }, flags, () =>
        table(
          ["backup", "created", "events to", "files", "MB"],
          backups.map((b) => [b.dir, b.createdAt, b.eventWatermark, b.files, (b.bytes / 1e6).toFixed(1)]),
        ),
      );
    });

  backup
    .command("verify <backup>")
    .description("compare every byte of a backup with its manifest")
    .option("--json", "print JSON")
    .action((dir: string, flags: { json?: boolean }) => {
      const manifest = withProgress("compared", (onProgress) => verifyBackup(path.resolve(dir), onProgress));
      print({ ok: true, ...summary(manifest) }, flags, () => `${manifest.files.length} files are as they were.\n`);
    });

  backup
    .command("restore <backup>")
    .description("make a data folder from a backup; it must be empty")
    .requiredOption("--to <folder>", "the new data folder")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  kept backup restore ~/kept-backups/kept-2026-11-22 --to ~/kept-restored\n")
    .action((dir: string, flags: { to: string; json?: boolean }) => {
      const to = path.resolve(flags.to);
      const manifest = withProgress("restored", (onProgress) => restoreBackup(path.resolve(dir), to, onProgress));
      print({ dataDir: to, ...summary(manifest) }, flags, () => `${to}\nUse it: kept --data-dir ${to} serve\n`);
    });
}

/** Does the work with a line that says how far it is, and takes the line away in the end. */
function withProgress<T>(what: string, work: (onProgress: BackupProgress) => T): T {
  const line = createProgressLine(process.stderr);
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
  try {
    return work((done, all) =>
      line.show(`${what}: ${megabytes(done)}${all === null ? "" : ` of ${megabytes(all)}`} MB`),
    );
  } finally {
    line.clear();
  }
}

const summary = ({ createdAt, schema, eventWatermark, files }: BackupManifest) => ({
  createdAt,
  schema,
  eventWatermark,
  files: files.length,
  bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
});
