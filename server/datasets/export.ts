import type { DatasetParts, RenderPrompt } from "../../core/datasets/views.ts";
import { healPrefix } from "../../engine/generate/healing.ts";
import { promptText } from "../../engine/generate/prompt-text.ts";
import { loadTokenizer } from "../../engine/tokenizer/tokenizer.ts";
import { AppError } from "../errors.ts";
import { gone, hasRows } from "./contents.ts";
import { datasetCard, type CardManifest } from "./card.ts";
import { exportFiles, type ExportFormat } from "./export-formats.ts";
import { readSnapshot } from "./snapshot.ts";
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, open, rename, rm, rmdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";

export interface ExportRequest {
  readonly datasetsDir: string;
  readonly dataset: { readonly id: string; readonly sha256: string };
  readonly format: ExportFormat;
  /** Whose markers the prompts are written with. */
  readonly modelDir: string;
  /** A folder that does not exist yet, or is empty. */
  readonly out: string;
  readonly signal: AbortSignal;
  readonly onProgress: (rows: number, all: number) => void;
}

export interface ExportedFile {
  readonly name: string;
  readonly rows: number;
  readonly bytes: number;
}

/**
 * Writes a dataset with its card and manifest into a folder, which is there when all of it is. An aborted signal
 * leaves nothing. @throws AppError `invalid`, `dataset-gone`
 */
export async function exportDataset(request: ExportRequest): Promise<ExportedFile[]> {
  const out = path.resolve(request.out);
  if (existsSync(out) && readdirSync(out).length > 0)
    throw new AppError("invalid", `${out} is not empty.`, { hint: "Choose a folder that does not exist yet." });
  const partial = `${out}.${randomUUID()}.partial`;
  await mkdir(partial, { recursive: true, mode: 0o700 });
  try {
    const files = await writeFiles(partial, request);
    request.signal.throwIfAborted();
    if (existsSync(out)) await rmdir(out);
    await rename(partial, out);
    return files;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

async function writeFiles(dir: string, request: ExportRequest): Promise<ExportedFile[]> {
  const { datasetsDir, dataset, format, signal, onProgress } = request;
  const parts = partsOf(datasetsDir, dataset);
  const files = exportFiles(format, parts, promptRenderer(request.modelDir));
  const all = files.reduce((sum, { rows }) => sum + rows, 0);
  let done = 0;
  onProgress(0, all);
  const written: ExportedFile[] = [];
  for (const file of files) {
    const place = path.join(dir, file.name);
    await mkdir(path.dirname(place), { recursive: true, mode: 0o700 });
    await using handle = await open(place, "wx", 0o600);
    let bytes = 0;
    for (const piece of file.write()) {
      signal.throwIfAborted();
      bytes += piece.bytes.byteLength;
      if (piece.bytes.byteLength > 0) await handle.writeFile(piece.bytes);
      done += piece.rows;
      onProgress(done, all);
      await nextTurn();
    }
    written.push({ name: file.name, rows: file.rows, bytes });
  }
  const manifest = readFileSync(path.join(datasetsDir, dataset.sha256, "manifest.json"));
  const card = datasetCard(dataset, JSON.parse(manifest.toString()) as CardManifest, format, written);
  await writeFile(path.join(dir, "manifest.json"), manifest, { mode: 0o600 });
  await writeFile(path.join(dir, "README.md"), card, { mode: 0o600 });
  return [
    ...written,
    { name: "manifest.json", rows: 0, bytes: manifest.byteLength },
    { name: "README.md", rows: 0, bytes: Buffer.byteLength(card) },
  ];
}

function partsOf(datasetsDir: string, { id, sha256 }: ExportRequest["dataset"]): DatasetParts {
  if (!hasRows(datasetsDir, sha256)) throw gone(id);
  return readSnapshot(datasetsDir, sha256);
}

/**
 * Prompts as the base model of a folder reads them. The unfinished end of the prefix goes to the completion, as when
 * Kept trains: tokens of the two would merge otherwise, and the prompt be no beginning of the whole.
 */
function promptRenderer(modelDir: string): RenderPrompt {
  const tokenizer = loadTokenizer(modelDir);
  return (row) => {
    const { kept, owed } = healPrefix(row.prefix, tokenizer);
    const place = { ...row, prefix: kept, repository: path.basename(row.root) };
    return { prompt: promptText(tokenizer.dialect, tokenizer.fimOrder, place), owed };
  };
}
