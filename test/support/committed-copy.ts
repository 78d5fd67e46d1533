import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync } from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../..");

/** Commits everything in a folder. */
export function commitAll(dir: string, message: string): void {
  const git = (...args: string[]): Buffer =>
    execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@example.com", "-C", dir, ...args], { stdio: "pipe" });
  if (!existsSync(path.join(dir, ".git"))) git("init", "-q", "-b", "main");
  git("add", "-A");
  git("commit", "-qm", message);
}

/** This repository's files, as they are now, as a repository of one commit: what a clone of it is made from. */
export function committedCopy(dir: string): void {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 2 ** 20,
  });
  for (const file of listed.split("\0").filter((name) => name !== "" && existsSync(path.join(root, name)))) {
    mkdirSync(path.dirname(path.join(dir, file)), { recursive: true });
    cpSync(path.join(root, file), path.join(dir, file));
  }
  commitAll(dir, "Everything");
}
