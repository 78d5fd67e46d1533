import { InvalidArgumentError, type Command } from "commander";
import { EXIT } from "../cli/exit-codes.ts";
import { print, table } from "../cli/output.ts";
import { dataPlaces } from "../places.ts";
import { createInterrupt } from "../replay/interrupt.ts";
import { createProgressLine } from "../replay/progress-line.ts";
import { exportArchive } from "./export-archive.ts";
import { importArchive, tryImport, type ImportReport } from "./import-archive.ts";
import { DEFAULT_MAX_BYTES, type ArchiveManifest } from "./layout.ts";
import path from "node:path";

interface CommandParts {
  readonly dataDir: () => string;
  readonly setExit: (code: number) => void;
}

const MEBIBYTE = 2 ** 20;

/** Adds `kept export archive`: it needs no server, and does not mind one. */
export function addArchiveExport(group: Command, { dataDir, setExit }: CommandParts): void {
  group
    .command("archive [file]", { isDefault: true })
    .description("write everything that was recorded and learned into one file; also while the server runs")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nThe file is kept-<date>.tar.gz in this folder unless it is named; without .gz or .tgz it is not packed.\nIt holds source code.\n\nExample:\n  kept export archive ~/kept.tar.gz\n",
    )
    .action(async (file: string | undefined, flags: { json?: boolean }) => {
      using interrupt = createInterrupt();
      const { signal } = interrupt;
      const now = new Date();
      const out = path.resolve(file ?? `kept-${now.toISOString().replaceAll(":", "-")}.tar.gz`);
      const line = createProgressLine(process.stderr);
      const onProgress = (done: number, all: number | null): void =>
        line.show(all === null ? `${megabytes(done)} MB read` : `${megabytes(done)} of ${megabytes(all)} MB written`);
      try {
        const manifest = await exportArchive({ places: dataPlaces(dataDir()), out, now, signal, onProgress });
        line.clear();
        const value = { file: out, ...summary(manifest) };
        print(value, flags, () => `${out}\n`);
        if (value.bytes > DEFAULT_MAX_BYTES) {
          const needed = Math.ceil(value.bytes / MEBIBYTE);
          process.stderr.write(`It is larger than an import takes by itself: pass it --max-mb ${needed}.\n`);
        }
      } catch (error) {
        line.clear();
        if (!signal.aborted) throw error;
        process.stderr.write("Stopped. Nothing was written.\n");
        setExit(EXIT.interrupted);
      }
    });
}

interface ImportFlags {
  readonly dryRun?: boolean;
  readonly maxMb: number;
  readonly json?: boolean;
}

/** Adds `kept import archive`: the server must not run, because all of it is one change. */
export function addArchiveImport(group: Command, { dataDir, setExit }: CommandParts): void {
  group
    .command("archive <file>", { isDefault: true })
    .description("take in what `kept export archive` wrote; what is here already stays, and nothing comes twice")
    .option("--dry-run", "say what would be imported and change nothing; also while the server runs")
    .option(
      "--max-mb <number>",
      "refuse an archive that unpacks to more",
      megabytesNumber,
      DEFAULT_MAX_BYTES / MEBIBYTE,
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nStop the server first: kept stop\n\nExample:\n  kept import archive ~/kept.tar.gz --dry-run\n",
    )
    .action(async (name: string, flags: ImportFlags) => {
      using interrupt = createInterrupt();
      const { signal } = interrupt;
      const line = createProgressLine(process.stderr);
      const run = flags.dryRun === true ? tryImport : importArchive;
      try {
        const report = await run({
          dataDir: dataDir(),
          file: path.resolve(name),
          maxBytes: flags.maxMb * MEBIBYTE,
          signal,
          onProgress: (step, done, all) => line.show(`${step}: ${Math.floor((100 * done) / Math.max(1, all))} %`),
        });
        line.clear();
        print({ dryRun: flags.dryRun === true, ...report }, flags, () => describe(report));
        if (flags.dryRun === true) process.stderr.write("Nothing was changed: --dry-run.\n");
      } catch (error) {
        line.clear();
        if (!signal.aborted) throw error;
        process.stderr.write("Stopped. Nothing was changed.\n");
        setExit(EXIT.interrupted);
      }
    });
}

const summary = ({ createdAt, eventWatermark, members }: ArchiveManifest) => ({
  createdAt,
  eventWatermark,
  members: members.length,
  bytes: members.reduce((sum, { bytes }) => sum + bytes, 0),
  records: Object.fromEntries(members.flatMap((one) => (one.records === undefined ? [] : [[one.path, one.records]]))),
});

function describe({
  events,
  datasets,
  runs,
  versions,
  unsound,
  takenOver,
  held,
  createdAt,
  keptVersion,
}: ImportReport): string {
  return table(
    ["archive", `${createdAt}, Kept ${keptVersion}`],
    [
      ["events", `${events.new} new, ${events.known} known before`],
      ...(events.different > 0 ? [["", `${events.different} known with another text; what is here stays`]] : []),
      ...(events.forgotten > 0 ? [["", `${events.forgotten} forgotten here; they do not come back`]] : []),
      ...(held === null
        ? []
        : [
            ["held", `${held.suggestions} suggestions${held.events > 0 ? ` and ${held.events} events of others` : ""}`],
            ["", `nothing is learnt from them until: kept import accept ${held.import}`],
          ]),
      ["datasets", `${datasets.new} new, ${datasets.known} known before`],
      ...(datasets.withheld > 0
        ? [["", `${datasets.withheld} without their rows: something in them was forgotten`]]
        : []),
      ["runs", `${runs.new} new, ${runs.known} known before`],
      ["versions", `${versions.new} new, ${versions.known} known before`],
      ...unsound.map((version) => ["", `${version} has weights that must not be served`]),
      ["served", takenOver ? "as the archive says" : "as before: `kept models promote` changes it"],
    ],
  );
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

function megabytesNumber(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError("It has to be a number above 0.");
}
