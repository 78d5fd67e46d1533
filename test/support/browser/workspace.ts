import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

const SOURCES = path.resolve(import.meta.dirname, "../../../media/dashboard");
/** Files that the history is made of; each gets one commit for its first half and one for the rest. */
const MAX_FILES = 6;

/** A small git repository with a history of real code to learn from. */
export interface Workspace extends AsyncDisposable {
  readonly dir: string;
}

export async function makeWorkspace(): Promise<Workspace> {
  const dir = await mkdtemp(path.join(os.tmpdir(), "kept-workspace-"));
  let minute = 0;
  const git = (...args: string[]) => {
    const date = new Date(Date.UTC(2026, 0, 1, 9, minute++)).toISOString();
    execFileSync("git", ["-c", "user.name=Dev", "-c", "user.email=dev@example.org", ...args], {
      cwd: dir,
      stdio: "ignore",
      env: { ...process.env, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date, GIT_CONFIG_GLOBAL: os.devNull },
    });
  };
  git("init", "-q");
  const names = (await readdir(SOURCES)).filter((name) => /(?<!\.d)\.ts$/.test(name)).sort();
  for (const name of names.slice(0, MAX_FILES)) {
    const lines = (await readFile(path.join(SOURCES, name), "utf8")).split("\n");
    for (const end of [lines.length >> 1, lines.length]) {
      await writeFile(path.join(dir, name), lines.slice(0, end).join("\n"));
      git("add", name);
      git("commit", "-q", "-m", `Write ${name}`);
    }
  }
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}
