import { openBlobs } from "../../../tracker/blobs.ts";
import { GitError, gitText } from "../../../tracker/git.ts";
import type { Insertion } from "./insertions.ts";
import type { RemovalQuestion } from "./removal.ts";
import { indexLines } from "./truth.ts";

/** A copy that was edited on the way has one of so many longest lines. */
const LINES_SOUGHT = 3;
/** Files with one of the lines that are read; lines of more files tell nothing. */
const MAX_READ_FILES = 40;

/** A copy that was edited on the way is one from this share of the lines on: as much as makes code alive. */
const COPIED_FROM = 0.5;

/** Whether another file held the code, by its longest line, when it was written: then nobody can say which one is left. */
export const hasCopy = async (insertion: Insertion, { repo, signal }: RemovalQuestion): Promise<boolean> => {
  const names = await filesWith(longestLines(insertion, 1), insertion.commit, repo, signal);
  return names.some((name) => name !== insertion.path);
};

/**
 * Whether the code, or half of it, stood in another place in the very commit that took the last of it, and in none
 * when it was written: one commit copied it, a later one took out the original, and what became of the copy is
 * another story.
 */
export const isCopied = async (insertion: Insertion, goneAt: number, question: RemovalQuestion): Promise<boolean> => {
  const removing = question.commits[goneAt];
  if (removing === undefined || !(await isHalfIn(removing, insertion, question))) return false;
  return !(await hasCopy(insertion, question)) && !(await isHalfIn(insertion.commit, insertion, question));
};

/** Whether half of the lines or more stand together in a commit, elsewhere than where they were inserted. */
const isHalfIn = async (commit: string, insertion: Insertion, { repo, signal }: RemovalQuestion): Promise<boolean> => {
  const names = await filesWith(longestLines(insertion, LINES_SOUGHT), commit, repo, signal);
  if (names.length > MAX_READ_FILES) return false;
  using blobs = openBlobs(repo, signal);
  for (const name of names) {
    const isOwn = commit === insertion.commit && name === insertion.path;
    const text = isOwn ? withoutInsertion(insertion) : (await blobs.read(`${commit}:${name}`))?.toString("utf8");
    if (text !== undefined && indexLines(new Map([[name, text]])).find(insertion.text, COPIED_FROM) !== null)
      return true;
  }
  return false;
};

const withoutInsertion = ({ file, line, nLines }: Insertion): string => {
  const lines = file.split("\n");
  lines.splice(line, nLines);
  return lines.join("\n");
};

const longestLines = ({ text }: Insertion, count: number): string[] => {
  const lines = [...new Set(text.split("\n").map((line) => line.trim()))].filter((line) => line !== "");
  return lines.sort((left, right) => right.length - left.length).slice(0, count);
};

/** Files of a commit that hold one of the lines. */
const filesWith = async (
  lines: readonly string[],
  commit: string,
  repo: string,
  signal: AbortSignal,
): Promise<string[]> => {
  try {
    const names = await gitText(repo, ["grep", "-lF", ...lines.flatMap((line) => ["-e", line]), commit], signal);
    return names.split("\n").map((name) => name.slice(commit.length + 1));
  } catch (error) {
    if (!(error instanceof GitError) || signal.aborted) throw error;
    return [];
  }
};
