import { startCodeServer, type CodeServer, type CodeServerOptions } from "../support/vscode/code-server.ts";
import { openEditorPage, type EditorPage, type EditorPageOptions } from "../support/vscode/editor-page.ts";
import { git } from "./pattern-repository.ts";
import { POINT } from "./point-source.ts";
import { isAlive, readRuntime, until } from "./server-database.ts";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** A real editor on a small git repository of its own, with Kept from this folder. */
export interface EditorSession extends AsyncDisposable {
  readonly editor: EditorPage;
  readonly folder: string;
  readonly dataDir: string;
  readonly runDir: string;
}

const root = path.resolve(import.meta.dirname, "../..");
const STEP_MS = 60_000;

export async function openEditorSession(
  options: Partial<CodeServerOptions> & {
    readonly page?: EditorPageOptions;
    /** Fills the data folder before a server opens it. */
    readonly prepare?: (dataDir: string) => void;
  } = {},
): Promise<EditorSession> {
  // Paths are compared as git and the server see them.
  const runDir = realpathSync(mkdtempSync(path.join(tmpdir(), "kept-session-")));
  const folder = path.join(runDir, "geometry");
  const dataDir = path.join(runDir, "data");
  mkdirSync(path.join(folder, "src"), { recursive: true });
  writeFileSync(path.join(folder, "src/point.ts"), POINT);
  await git(folder, ["init", "-q", "-b", "main"]);
  for (const [key, value] of [
    ["user.name", "Developer"],
    ["user.email", "developer@example.com"],
    ["commit.gpgsign", "false"],
  ] as const)
    await git(folder, ["config", key, value]);
  await commitAll(folder, "Add points");
  let server: CodeServer | null = null;
  try {
    const { page, prepare, ...rest } = options;
    prepare?.(dataDir);
    const environment = {
      KEPT_DATA_DIR: dataDir,
      KEPT_CONSENT: "allow",
      KEPT_RETENTION_SCHEDULE_MS: "1000,3000",
      ...rest.environment,
    };
    server = await startCodeServer({ runDir, ...rest, environment });
    const editor = await openEditorPage(server, folder, root, page);
    return { editor, folder, dataDir, runDir, [Symbol.asyncDispose]: () => end(runDir, dataDir, server, editor) };
  } catch (error) {
    await end(runDir, dataDir, server, null);
    throw error;
  }
}

export async function commitAll(folder: string, message: string): Promise<void> {
  await git(folder, ["add", "-A"]);
  await git(folder, ["commit", "-q", "-m", message]);
}

async function end(
  runDir: string,
  dataDir: string,
  server: CodeServer | null,
  editor: EditorPage | null,
): Promise<void> {
  await editor?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
  const runtime = readRuntime(dataDir);
  if (runtime && isAlive(runtime.pid)) {
    process.kill(runtime.pid, "SIGTERM");
    await until("the server's end", STEP_MS, () => !isAlive(runtime.pid));
  }
  rmSync(runDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
