import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

const DAY_SECONDS = 86_400;
const START_SECONDS = Date.UTC(2025, 5, 2) / 1_000;
/** Which part of a line is a point is drawn from the commit: of several files some are whole lines. */
const N_FILES = 6;

/** A history in which a line of six files was wrong, and was replaced by a fix two days later. */
export interface FixedRepository {
  readonly dir: string;
  /** The commit that brought the wrong line, and the one that mended it. */
  readonly added: string;
  readonly fixed: string;
  readonly fixedAt: number;
  readonly wrong: string;
  readonly right: string;
  git(...args: string[]): string;
}

export const FIXED_AFTER_MS = 2 * DAY_SECONDS * 1_000;

/** Makes the repository in a folder that does not exist yet. */
export function makeFixedRepository(dir: string): FixedRepository {
  mkdirSync(path.join(dir, "src"), { recursive: true });
  let day = 0;
  const git = (...args: string[]): string => {
    const date = `${START_SECONDS + day * DAY_SECONDS} +0000`;
    return execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@example.com", "-C", dir, ...args], {
      stdio: "pipe",
      env: { ...process.env, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date, GIT_CONFIG_GLOBAL: os.devNull },
    })
      .toString()
      .trim();
  };
  const commit = (onDay: number, message: string, body: string): string => {
    day = onDay;
    for (let i = 0; i < N_FILES; i++) {
      const head = `export const one = ${i};\nexport const two = 2;\nexport function total${i}(rows: Row[]): number {\n`;
      writeFileSync(path.join(dir, `src/sum${i}.ts`), `${head}  ${body}\n}\n`);
    }
    git("add", ".");
    git("commit", "-qm", message);
    return git("rev-parse", "HEAD");
  };
  const wrong = "let found = table.lookup(cache, 'price') ?? fallback(table, defaults.price, true);";
  const right = "return rows.reduce((sum, row) => sum + row.price * row.count, two - two);";
  git("init", "-q");
  commit(0, "Add numbers", 'throw new Error("later");');
  const added = commit(1, "Add the total", wrong);
  const fixed = commit(3, "fix: sum up the total", right);
  return { dir, added, fixed, fixedAt: (START_SECONDS + 3 * DAY_SECONDS) * 1_000, wrong, right, git };
}
