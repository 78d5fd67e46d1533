import { startApp, type App, type AppOptions } from "../../server/app.ts";
import { workerEntry } from "../../server/places.ts";
import { tempFolder } from "./temp-folder.ts";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

export interface RunningApp extends AsyncDisposable {
  readonly app: App;
  readonly dir: string;
  readonly url: string;
  /** Sends JSON with the token and reads the JSON answer. */
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers whose shapes they check elsewhere.
  call(method: string, target: string, body?: unknown): Promise<{ status: number; body: any }>;
}

/** A real server on a free port with a data folder of its own, ended and removed by disposal. */
export async function runningApp(options: Partial<AppOptions> = {}): Promise<RunningApp> {
  const folder = await tempFolder();
  const mediaDir = path.join(folder.dir, "media");
  mkdirSync(mediaDir);
  writeFileSync(path.join(mediaDir, "index.html"), '<!doctype html><script nonce="__CSP_NONCE__"></script>');
  writeFileSync(path.join(mediaDir, "dashboard.js"), "export {};");
  const app = await startApp({
    dataDir: path.join(folder.dir, "data"),
    modelDir: path.join(folder.dir, "no-model"),
    mediaDir,
    workerEntry: workerEntry(),
    port: 0,
    log: { level: "debug", destination: path.join(folder.dir, "test.log") },
    ...options,
  });
  const url = `http://127.0.0.1:${app.port}`;
  return {
    app,
    dir: folder.dir,
    url,
    async call(method, target, body) {
      const response = await fetch(url + target, {
        method,
        headers: {
          Authorization: `Bearer ${app.token}`,
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(20_000),
      });
      return { status: response.status, body: await response.json() };
    },
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
