import { access, lstat, readdir, readFile } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import type { CensorReason } from "../core/survival/survival-record.ts";
import { GitError, gitText } from "./git.ts";

/** A work tree and the folders that git keeps for it. All paths are absolute. */
export interface Repository {
  readonly top: string;
  /** The work tree's own folder: HEAD and its log. */
  readonly gitDir: string;
  /** Shared by all work trees: branches, objects. */
  readonly commonDir: string;
}

export type FoundRepository =
  | { readonly ok: true; readonly repository: Repository }
  | { readonly ok: false; readonly reason: CensorReason };

/**
 * The work tree that a folder lies in. Links are followed, so that one repository has one name.
 *
 * @throws {GitError} with code `git-aborted` when the signal aborts
 */
export const findRepository = async (folder: string, signal?: AbortSignal): Promise<FoundRepository> => {
  try {
    const args = ["rev-parse", "--show-toplevel", "--absolute-git-dir", "--git-common-dir"];
    const [top = "", gitDir = "", commonDir = ""] = (await gitText(folder, args, signal)).split("\n");
    if (top === "" || gitDir === "") return { ok: false, reason: "no-repository" };
    return { ok: true, repository: { top, gitDir, commonDir: resolve(folder, commonDir) } };
  } catch (error) {
    if (!(error instanceof GitError) || error.code === "git-aborted") throw error;
    return { ok: false, reason: reasonOfFailure(error) };
  }
};

/** What git's complaint means for what can be known. */
export const reasonOfFailure = (error: GitError): CensorReason => {
  const { message } = error;
  if (/dubious ownership|safe\.directory/i.test(message)) return "not-trusted";
  if (/not a git repository|must be run in a work tree/i.test(message)) return "no-repository";
  if (/bad object|missing|unable to read|promisor|could not (?:read|get)|lazy fetch/i.test(message))
    return "missing-objects";
  return "git-failed";
};

/** Path of a file relative to the top folder, with forward slashes; null for a file outside of it. */
export const pathInRepository = ({ top }: Repository, file: string): string | null => {
  const path = relative(top, file);
  if (path === "" || path.startsWith("..") || isAbsolute(path)) return null;
  return sep === "/" ? path : path.replaceAll(sep, "/");
};

/** Whether git is in the middle of something: what its refs say then is not what will be. */
export const isInOperation = async ({ gitDir }: Repository): Promise<boolean> => {
  const found = await Promise.all(UNFINISHED.map((name) => exists(join(gitDir, name))));
  return found.includes(true);
};

const UNFINISHED = ["rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "index.lock"];

export const isShallow = ({ commonDir }: Repository): Promise<boolean> => exists(join(commonDir, "shallow"));

/** Whether a folder between the top and a file is a repository of its own. */
export const isInSubmodule = async ({ top }: Repository, path: string): Promise<boolean> => {
  for (let folder = dirname(path); folder !== "." && folder !== ""; folder = dirname(folder)) {
    if (await exists(join(top, folder, ".git"))) return true;
  }
  return false;
};

/** A work tree's HEAD: a branch, or a commit when it is detached. */
export interface WorktreeHead {
  /** Name of the linked work tree; "" for the main one. */
  readonly worktree: string;
  readonly gitDir: string;
  readonly branch: string | null;
  readonly commit: string | null;
}

/** HEAD of every work tree of the repository. */
export const readHeads = async ({ commonDir }: Repository): Promise<WorktreeHead[]> => {
  const linked = await readdir(join(commonDir, "worktrees")).catch(() => []);
  const folders = [
    { worktree: "", gitDir: commonDir },
    ...linked.map((name) => ({ worktree: name, gitDir: join(commonDir, "worktrees", name) })),
  ];
  const heads: WorktreeHead[] = [];
  for (const { worktree, gitDir } of folders) {
    const head = await readFile(join(gitDir, "HEAD"), "utf8").catch(() => null);
    if (head === null) continue;
    const branch = /^ref: (.+)$/m.exec(head)?.[1] ?? null;
    const commit = /^([0-9a-f]{40,64})$/m.exec(head)?.[1] ?? null;
    heads.push({ worktree, gitDir, branch, commit });
  }
  return heads;
};

/** Commits of all stash entries, newest first: git names only the newest. */
export const readStash = async ({ commonDir }: Repository): Promise<string[]> => {
  const log = await readFile(join(commonDir, "logs", "refs", "stash"), "utf8").catch(() => "");
  const commits = log.split("\n").flatMap((line) => /^[0-9a-f]{40,64} ([0-9a-f]{40,64}) /.exec(line)?.[1] ?? []);
  return commits.reverse();
};

/** Whether a path leads through a symbolic link or to something that is no file. */
export const isPlainFile = async (path: string): Promise<boolean> =>
  lstat(path).then(
    (found) => found.isFile(),
    () => false,
  );

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Commit that HEAD of a work tree stands at; null before the first commit. */
export const currentHead = async ({ gitDir, commonDir, top }: Repository): Promise<string | null> => {
  const head = await readFile(join(gitDir, "HEAD"), "utf8").catch(() => "");
  const detached = /^([0-9a-f]{40,64})$/m.exec(head)?.[1];
  if (detached !== undefined) return detached;
  const branch = /^ref: (.+)$/m.exec(head)?.[1];
  if (branch === undefined) return null;
  const loose = await readFile(join(commonDir, branch), "utf8").catch(() => "");
  const commit = /^([0-9a-f]{40,64})$/m.exec(loose)?.[1];
  if (commit !== undefined) return commit;
  return (await gitText(top, ["rev-parse", "--revs-only", "HEAD"]).catch(() => "")) || null;
};
