import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A real repository in a temporary folder, with a clock that advances an hour a commit. */
export interface TestRepository {
  readonly root: string;
  git(...args: string[]): Promise<string>;
  write(path: string, text: string): Promise<void>;
  /** Writes the files, stages everything and commits; gives the commit. */
  commit(message: string, files?: Record<string, string | null>): Promise<string>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** First commit's time, seconds since 1970. */
export const FIRST_COMMIT_SECONDS = 1_700_000_000;

export const createRepository = async (options: { init?: string[] | null } = {}): Promise<TestRepository> => {
  const root = await mkdtemp(join(tmpdir(), "kept-tracker-"));
  let now = FIRST_COMMIT_SECONDS;
  const git = async (...args: string[]): Promise<string> => {
    const env = {
      PATH: process.env["PATH"] ?? "",
      HOME: root,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_AUTHOR_NAME: "Ada",
      GIT_AUTHOR_EMAIL: "ada@example.org",
      GIT_AUTHOR_DATE: `${now} +0000`,
      GIT_COMMITTER_NAME: "Ada",
      GIT_COMMITTER_EMAIL: "ada@example.org",
      GIT_COMMITTER_DATE: `${now} +0000`,
      GIT_EDITOR: "true",
    };
    const { stdout } = await run("git", args, { cwd: root, env, maxBuffer: 64 * 1024 * 1024 });
    return stdout.trimEnd();
  };
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  if (options.init !== null) await git("init", "-q", "-b", "main", ...(options.init ?? []));
  return {
    root,
    git,
    write,
    async commit(message, files = {}) {
      for (const [path, text] of Object.entries(files)) {
        if (text === null) await rm(join(root, path));
        else await write(path, text);
      }
      await git("add", "-A");
      await git("commit", "-q", "--allow-empty", "-m", message);
      now += 3600;
      return git("rev-parse", "HEAD");
    },
    async [Symbol.asyncDispose]() {
      await rm(root, { recursive: true, force: true });
    },
  };
};
