import { Option, type Command } from "commander";
import { datasetPage } from "../../protocol/api.ts";
import { rows } from "../cli/arguments.ts";
import type { CommandParts } from "../cli/command-parts.ts";
import { EXIT } from "../cli/exit-codes.ts";
import { print, table } from "../cli/output.ts";
import { dataPlaces, resolveModelDir } from "../places.ts";
import { createInterrupt } from "../replay/interrupt.ts";
import { createProgressLine } from "../replay/progress-line.ts";
import { exportDataset } from "./export.ts";
import { EXPORT_FORMATS, type ExportFormat } from "./export-formats.ts";
import { findDataset } from "./find-dataset.ts";
import path from "node:path";

interface ExportFlags {
  readonly format: ExportFormat;
  readonly out?: string;
  readonly modelDir?: string;
  readonly json?: boolean;
}

/** Adds `kept datasets …`. */
export function addDatasetsCommands(program: Command, { connect, dataDir, setExit }: CommandParts): void {
  const datasets = program.command("datasets").description("dataset snapshots");
  datasets
    .command("list")
    .description("dataset snapshots, newest first")
    .option("--limit <rows>", "rows", rows, 20)
    .option("--json", "print JSON")
    .action(async (flags: { limit: number; json?: boolean }) => {
      const page = await (await connect()).get(`/v1/datasets?limit=${flags.limit}`, datasetPage);
      print(page, flags, () =>
        table(
          ["dataset", "created", "train", "validation", "test"],
          page.datasets.map((d) => [d.id, d.createdAt, d.rows.train, d.rows.validation, d.rows.test]),
        ),
      );
    });

  datasets
    .command("export <id>")
    .description("write a dataset for other tools, with a card and its manifest; needs no server")
    .addOption(
      new Option(
        "--format <name>",
        "sft, kto, dpo: JSON lines in TRL's formats; parquet: all three; label-studio: tasks",
      )
        .choices(EXPORT_FORMATS)
        .default("sft"),
    )
    .option("--out <folder>", "folder that is made (default: kept-dataset-<id>-<format> here)")
    .option(
      "--model-dir <folder>",
      "base model that prompts are written for (default: KEPT_MODEL_DIR or the one shipped)",
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nThe folder holds source code.\n\nExample:\n  kept datasets export 0123456789abcdef --format kto --out kto\n",
    )
    .action(async (id: string, flags: ExportFlags) => {
      using interrupt = createInterrupt();
      const { signal } = interrupt;
      const { format } = flags;
      const places = dataPlaces(dataDir());
      const out = path.resolve(flags.out ?? `kept-dataset-${id}-${format}`);
      const line = createProgressLine(process.stderr);
      try {
        const files = await exportDataset({
          datasetsDir: places.datasets,
          dataset: findDataset(places.database, id),
          format,
          modelDir: resolveModelDir(flags.modelDir, process.env),
          out,
          signal,
          onProgress: (done, all) => line.show(`${done} of ${all} rows written`),
        });
        line.clear();
        print({ dataset: id, format, out, files }, flags, () => `${out}\n`);
      } catch (error) {
        line.clear();
        if (!signal.aborted) throw error;
        process.stderr.write("Stopped. Nothing was written.\n");
        setExit(EXIT.interrupted);
      }
    });
}
