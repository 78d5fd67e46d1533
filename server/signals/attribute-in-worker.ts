import type { SignalRequest } from "../../protocol/signals.ts";
import { AppError } from "../errors.ts";
import { isProblemCode } from "../http/problem-codes.ts";
import { runWorker } from "../jobs/worker-process.ts";
import type { Attributed } from "./attribute.ts";

/** Walks the history in a worker, for a long history takes long. @throws AppError as {@link attributeSignals}, `worker-failed` */
export async function attributeInWorker(
  workerEntry: string,
  dataDir: string,
  request: SignalRequest,
  signal: AbortSignal,
): Promise<Attributed> {
  let attributed: Attributed | null = null;
  let failure: { code: string; message: string } | null = null;
  const { how, lastWords } = await runWorker(
    workerEntry,
    { kind: "attribute", dataDir, request },
    (message) => {
      if (message.kind === "attributed") attributed = message.attributed;
      else if (message.kind === "failed") failure = message;
    },
    signal,
  );
  const found = attributed as Attributed | null;
  if (found !== null) return found;
  const failed = failure as { code: string; message: string } | null;
  if (failed !== null && isProblemCode(failed.code)) throw new AppError(failed.code, failed.message);
  throw new AppError(
    "worker-failed",
    failed?.message ?? `The worker ended (${how}) without an answer. ${lastWords}`.trim(),
  );
}
