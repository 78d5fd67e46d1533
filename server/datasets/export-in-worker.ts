import type { ExportFormatName } from "../../protocol/datasets.ts";
import { AppError } from "../errors.ts";
import { isProblemCode } from "../http/problem-codes.ts";
import { runWorker } from "../jobs/worker-process.ts";
import type { Store } from "../store/store.ts";
import { gone } from "./contents.ts";
import type { ExportedFile } from "./export.ts";
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import path from "node:path";

/** A written export. Disposing of it deletes the files. */
export interface DatasetExport extends AsyncDisposable {
  readonly dir: string;
  readonly files: readonly ExportedFile[];
}

export interface ExportParts {
  readonly store: Store;
  readonly workerEntry: string;
  readonly datasetsDir: string;
  /** Folder that is emptied at the next start, should this process be killed. */
  readonly exportsDir: string;
  readonly modelDir: string;
}

/**
 * Writes a dataset in a worker, because rows and Parquet are too much for a thread that answers requests.
 * @throws AppError `not-found`, `dataset-gone`, `worker-failed`
 */
export async function exportInWorker(
  { store, workerEntry, datasetsDir, exportsDir, modelDir }: ExportParts,
  id: string,
  format: ExportFormatName,
  signal: AbortSignal,
): Promise<DatasetExport> {
  const dataset = store.datasets.get(id);
  if (dataset === null) throw new AppError("not-found", "There is no dataset with this id.");
  if (dataset.forgotten === true || dataset.expired === true) throw gone(id);
  const dir = path.join(exportsDir, randomUUID());
  let files: readonly ExportedFile[] | null = null;
  let failure: { code: string; message: string } | null = null;
  const request = { datasetsDir, dataset: { id, sha256: dataset.sha256 }, format, modelDir, out: dir };
  const { how, lastWords } = await runWorker(
    workerEntry,
    { kind: "export", request },
    (message) => {
      if (message.kind === "exported") files = message.files;
      else if (message.kind === "failed") failure = message;
    },
    signal,
  );
  const remove = (): Promise<void> => rm(dir, { recursive: true, force: true });
  const written = files as readonly ExportedFile[] | null;
  if (written !== null && !signal.aborted) return { dir, files: written, [Symbol.asyncDispose]: remove };
  await remove();
  const failed = failure as { code: string; message: string } | null;
  if (failed !== null && isProblemCode(failed.code)) throw new AppError(failed.code, failed.message);
  throw new AppError(
    "worker-failed",
    failed?.message ?? `The worker ended (${how}) without an export. ${lastWords}`.trim(),
  );
}
