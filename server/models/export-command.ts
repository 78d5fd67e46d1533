import { Option, type Command } from "commander";
import { loadCheckpoint } from "../../engine/checkpoint/checkpoint.ts";
import { writeGgufLora } from "../../engine/export/gguf-lora.ts";
import { writeGgufModel } from "../../engine/export/gguf-model.ts";
import { mergedWeights } from "../../engine/export/merge.ts";
import { writeMergedModel } from "../../engine/export/merged-model.ts";
import { readAdapter } from "../../engine/lora/adapter.ts";
import { readTokenizerFile } from "../../engine/tokenizer/tokenizer-definition.ts";
import { modelVersionRow } from "../../protocol/api.ts";
import type { ServerClient } from "../cli/client.ts";
import { print } from "../cli/output.ts";
import { AppError } from "../errors.ts";
import { resolveModelDir } from "../places.ts";
import { fetchVersionFiles } from "./version-files.ts";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import path from "node:path";

const FORMATS = ["peft", "merged", "gguf-lora", "gguf"] as const;
type Format = (typeof FORMATS)[number];

interface ExportFlags {
  readonly format: Format;
  readonly out: string;
  readonly modelDir?: string;
  readonly json?: boolean;
}

/** Adds `kept models export`. */
export function addExportCommand(models: Command, connect: () => Promise<ServerClient>): void {
  models
    .command("export <id>")
    .description("write a version to a folder for other tools; `base` is the base model alone, as gguf")
    .addOption(
      new Option(
        "--format <name>",
        "peft: the adapter; merged: base and adapter as one Hugging Face model; gguf-lora, gguf: the adapter, or the merged model, for llama.cpp",
      )
        .choices(FORMATS)
        .default("peft"),
    )
    .requiredOption("--out <folder>", "folder that is made; it must not have anything in it")
    .option("--model-dir <folder>", "base model (default: KEPT_MODEL_DIR or the one shipped)")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nNeeds a running server, but for `base`.\n\nExample:\n  kept models export 0123abcd --format gguf-lora --out lora\n",
    )
    .action(async (id: string, flags: ExportFlags) => {
      const files =
        id === BASE
          ? await intoFolder(flags.out, (result) => writeBase(flags, result))
          : await exportVersion(id, flags, await connect());
      print({ version: id, format: flags.format, files }, flags, () => files.map((file) => `${file}\n`).join(""));
    });
}

/** The base model, among the ids. */
const BASE = "base";

async function exportVersion(id: string, flags: ExportFlags, server: ServerClient): Promise<string[]> {
  const version = await server.get(`/v1/models/${encodeURIComponent(id)}`, modelVersionRow);
  return intoFolder(flags.out, async (result, work) => {
    const adapterDir = path.join(work, "adapter");
    await fetchVersionFiles(server, version.files, adapterDir);
    write(flags, version, adapterDir, result);
  });
}

/** Writes into a folder beside the wanted one, which takes its place when it is whole. Answers the files. */
async function intoFolder(
  wanted: string,
  writeInto: (result: string, work: string) => Promise<void> | void,
): Promise<string[]> {
  const out = path.resolve(wanted);
  if (existsSync(out) && readdirSync(out).length > 0)
    throw new AppError("invalid", `${out} is not empty.`, { hint: "Choose a folder that does not exist yet." });
  mkdirSync(path.dirname(out), { recursive: true });
  const work = mkdtempSync(`${out}.`);
  try {
    const result = path.join(work, "result");
    mkdirSync(result);
    await writeInto(result, work);
    if (existsSync(out)) rmSync(out, { recursive: true });
    renameSync(result, out);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return readdirSync(out).map((name) => path.join(out, name));
}

function writeBase({ format, modelDir }: ExportFlags, result: string): void {
  const baseDir = resolveModelDir(modelDir, process.env);
  if (format !== "gguf")
    throw new AppError("invalid", `The base model is a folder for other tools already: ${baseDir}`, {
      hint: "For llama.cpp: --format gguf.",
    });
  const { name, config, weights } = loadCheckpoint(baseDir);
  const weight = (tensor: string): Float32Array => weights.get(tensor)!;
  const file = path.join(result, `${name}.gguf`);
  writeGgufModel(file, { name, config, weight, tokenizer: readTokenizerFile(baseDir).definition }, "F16");
}

function write(
  { format, modelDir }: ExportFlags,
  version: { readonly id: string; readonly base: string },
  adapterDir: string,
  result: string,
): void {
  const isAdapter = existsSync(path.join(adapterDir, "adapter_config.json"));
  if (!isAdapter && format !== "merged" && format !== "peft")
    throw new AppError("invalid", `The version ${version.id} is a whole model, and is exported as it is.`, {
      hint: "Leave --format out.",
    });
  if (format === "peft" || !isAdapter) {
    for (const name of readdirSync(adapterDir)) copyFileSync(path.join(adapterDir, name), path.join(result, name));
    return;
  }
  const baseDir = resolveModelDir(modelDir, process.env);
  const base = loadCheckpoint(baseDir);
  if (base.sha256 !== version.base)
    throw new AppError("invalid", `The version ${version.id} was trained on another base model than ${baseDir}.`, {
      hint: "Name its base with --model-dir.",
    });
  const adapter = readAdapter(adapterDir, base.config);
  const name = `${base.name}-${version.id}`;
  const readme = `# ${name}\n\nThe base model \`${base.name}\` (weights sha256 \`${base.sha256}\`) with Kept's adapter \`${version.id}\` merged in.\n`;
  if (format === "merged") return writeMergedModel(result, baseDir, base, adapter, readme);
  const file = path.join(result, `${name}.gguf`);
  if (format === "gguf-lora") return writeGgufLora(file, name, base.config, adapter);
  const weight = mergedWeights(base.config, (tensor) => base.weights.get(tensor)!, adapter);
  writeGgufModel(file, { name, config: base.config, weight, tokenizer: readTokenizerFile(baseDir).definition }, "F16");
}
