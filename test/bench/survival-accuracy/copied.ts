import { openBlobs } from "../../../tracker/blobs.ts";
import { GitError, gitText } from "../../../tracker/git.ts";
import type { Insertion } from "./insertions.ts";
import type { RemovalQuestion } from "./removal.ts";
import { indexLines } from "./truth.ts";

/** Files with the longest line that are read; a line of more files tells nothing. */
const MAX_READ_FILES = 20;

/** A copy that was edited on the way is one from this share of the lines on: as much as makes code alive. */
const COPIED_FROM = 0.5;

/** Whether another file held the code, by its longest line, when it was written: then nobody can say which one is left. */
export const hasCopy = async (insertion: Insertion, { repo, signal }: RemovalQuestion): Promise<boolean> => {
  const names = await filesWith(longestLine(insertion), insertion.commit, repo, signal);
  return names.some((name) => name !== insertion.path);
};

/**
 * Whether the code, or half of it, stood in another place in the very commit that took the last of it, and in none when it was
 * written: one commit copied it, a later one took out the original, and what became of the copy is another story.
 */
export const isCopied = async (insertion: Insertion, goneAt: number, question: RemovalQuestion): Promise<boolean> => {
  const { repo, commits, signal } = question;
  const removing = commits[goneAt];
  if (removing === undefined) return false;
  const names = await filesWith(longestLine(insertion), removing, repo, signal);
  if (names.length === 0 || names.length > MAX_READ_FILES || (await hasCopy(insertion, question))) return false;
  using blobs = openBlobs(repo, signal);
  for (const name of names) {
    const text = (await blobs.read(`${removing}:${name}`))?.toString("utf8");
    if (text !== undefined && indexLines(new Map([[name, text]])).find(insertion.text, COPIED_FROM) !== null)
      return true;
  }
  return false;
};

const longestLine = ({ text }: Insertion): string =>
  text.split("\n").reduce((best, line) => (line.trim().length > best.length ? line.trim() : best), "");

const filesWith = async (line: string, commit: string, repo: string, signal: AbortSignal): Promise<string[]> => {
  try {
    const names = await gitText(repo, ["grep", "-lF", "-e", line, commit], signal);
    return names.split("\n").map((name) => name.slice(commit.length + 1));
  } catch (error) {
    if (!(error instanceof GitError) || signal.aborted) throw error;
    return [];
  }
};
