import { startApp, type App } from "./app.ts";
import { AppError } from "./errors.ts";
import { dataPlaces, mediaDir, resolveDataDir, resolveModelDir, workerEntry } from "./places.ts";

export interface ServeFlags {
  readonly dataDir?: string | undefined;
  readonly modelDir?: string | undefined;
  readonly port?: number | undefined;
  readonly logLevel?: string | undefined;
  /** `file` writes `server.log` in the data folder. */
  readonly log?: "file" | "stderr" | undefined;
}

/** Longest stop; after it the process ends whatever is under way, milliseconds. */
const STOP_MS = 10_000;
/** Exit code when the disk failed: what `sysexits` calls an input or output error. */
const EXIT_STORAGE_FAILED = 74;

/**
 * Runs the server until it is asked to stop. Prints one JSON line when it listens. Answers the exit
 * code: 0 after a stop by request or SIGTERM, 130 after Ctrl+C, 1 when it cannot start, 74 when the disk failed or the data folder was lost.
 */
export async function serve(flags: ServeFlags): Promise<number> {
  const { env } = process;
  const dataDir = resolveDataDir(flags.dataDir, env);
  // Listened for from the start: whoever sees the server listen may end it at once.
  const asked = Promise.withResolvers<"SIGINT" | "SIGTERM" | "request" | "storage-failed">();
  process.once("SIGINT", () => asked.resolve("SIGINT"));
  process.once("SIGTERM", () => asked.resolve("SIGTERM"));
  let app: App;
  try {
    app = await startApp({
      dataDir,
      modelDir: resolveModelDir(flags.modelDir, env),
      mediaDir: mediaDir(env),
      workerEntry: workerEntry(),
      port: flags.port ?? 0,
      log: {
        level: flags.logLevel ?? env["KEPT_LOG_LEVEL"] ?? "info",
        destination: flags.log === "stderr" ? "stderr" : dataPlaces(dataDir).log,
      },
    });
  } catch (error) {
    const { message } = error as Error;
    const hint = error instanceof AppError && error.hint !== undefined ? ` ${error.hint}` : "";
    const code = error instanceof AppError ? error.code : ((error as NodeJS.ErrnoException).code ?? "internal");
    process.stderr.write(`Kept's server cannot start (${code}): ${message}${hint}\n`);
    return 1;
  }
  // Whoever started the server may be gone; that is no reason to end.
  process.stdout.on("error", () => {});
  process.stdout.write(JSON.stringify({ event: "listening", port: app.port, pid: process.pid, dataDir }) + "\n");

  void app.shutdownRequested.then(() => asked.resolve("request"));
  void app.broken.then(() => asked.resolve("storage-failed"));
  void app.lost.then((what) => {
    // Nothing is closed in good order: that would write where the folder was, or where a link leads now.
    process.stderr.write(`Kept's server ends (data-dir): ${what}.\n`);
    app.log.error({ event: "data-folder-lost", what });
    app.abandon();
    process.exit(EXIT_STORAGE_FAILED);
  });
  const signal = await asked.promise;
  app.log.info({ event: "stopping", signal });
  const force = setTimeout(() => process.exit(1), STOP_MS);
  await app[Symbol.asyncDispose]();
  clearTimeout(force);
  if (signal === "storage-failed") return EXIT_STORAGE_FAILED;
  return signal === "SIGINT" ? 130 : 0;
}
