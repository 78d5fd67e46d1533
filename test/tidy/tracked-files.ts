import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

export const root = path.dirname(path.dirname(import.meta.dirname));

/** Files of the repository, tracked or about to be, relative to its root with forward slashes. */
export function repositoryFiles(): readonly string[] {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 2 ** 20,
  });
  return listed.split("\0").filter((file) => file !== "" && existsSync(path.join(root, file)));
}

export const readText = (file: string): string => readFileSync(path.join(root, file), "utf8");

/** What the tidy rules call source: written by hand, read by people. */
export const isSource = (file: string): boolean => /\.(ts|mts|mjs|cjs|js|css|py)$/.test(file);
