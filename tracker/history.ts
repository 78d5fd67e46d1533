import type { HistoryPoint } from "../core/history-point.ts";
import { type BlobReader, openBlobs } from "./blobs.ts";
import { gitStream } from "./git.ts";
import { isWrittenPath, isWrittenText, languageOf } from "./mined-files.ts";
import { type CommitPatch, PATCH_ARGS, readPatches } from "./patches.ts";
import { pointsOfCommit, pointsOfFile } from "./points.ts";

export interface MineOptions {
  /** Any folder of a work tree; only its part of the history is mined, and paths are relative to it. */
  readonly repo: string;
  /** VS Code language identifiers; all known languages when left out. */
  readonly languages?: readonly string[] | undefined;
  /** At most this many points, the newest ones. */
  readonly limit?: number | undefined;
  /** Only what was committed after this time, milliseconds since 1970. */
  readonly since?: number | undefined;
  readonly signal: AbortSignal;
}

/** A commit that touches more is an import, a rename or a reformatting rather than something written. */
const MAX_COMMIT_FILES = 60;
const MAX_COMMIT_ADDED_LINES = 5_000;

/**
 * Points of a repository's history where code was really written, oldest commit first (by commit date,
 * parents before children; merges are left out because they repeat their parents). A repository without
 * commits gives none. Reads only, with two git processes.
 *
 * With a limit the walk goes from the newest commit back until it has enough, so its cost follows the limit
 * and not the history.
 *
 * @throws {GitError} when the folder is no repository, git fails, or the signal aborts
 */
export const mineHistory = async function* (options: MineOptions): AsyncGenerator<HistoryPoint> {
  const { limit } = options;
  if (limit === undefined) {
    for await (const points of minedCommits(options, "oldest-first")) yield* points;
    return;
  }
  const newestFirst: HistoryPoint[][] = [];
  let nPoints = 0;
  if (limit > 0) {
    for await (const points of minedCommits(options, "newest-first")) {
      newestFirst.push(points);
      nPoints += points.length;
      if (nPoints >= limit) break;
    }
  }
  yield* newestFirst.reverse().flat().slice(-limit);
};

const minedCommits = async function* (
  options: MineOptions,
  order: "oldest-first" | "newest-first",
): AsyncGenerator<HistoryPoint[]> {
  const { repo, since, signal } = options;
  const args = [
    "log",
    // A repository without a commit has no HEAD: an empty history, not an error.
    "--ignore-missing",
    ...PATCH_ARGS,
    "--relative",
    "--no-merges",
    "--date-order",
    ...(order === "oldest-first" ? ["--reverse"] : []),
    ...(since === undefined ? [] : [`--since=${Math.floor(since / 1000)}`]),
    "--end-of-options",
    "HEAD",
    "--",
    ".",
  ];
  const log = gitStream(repo, args, signal);
  log.end();
  using blobs = openBlobs(repo, signal);
  for await (const patch of readPatches(log.chunks)) {
    const points = await pointsOfPatch(patch, blobs, options.languages);
    if (points.length > 0) yield points;
  }
};

const pointsOfPatch = async (
  patch: CommitPatch,
  blobs: BlobReader,
  languages: readonly string[] | undefined,
): Promise<HistoryPoint[]> => {
  if (patch.nFiles > MAX_COMMIT_FILES || patch.nAddedLines > MAX_COMMIT_ADDED_LINES) return [];
  const points: HistoryPoint[] = [];
  for (const file of patch.files) {
    const language = languageOf(file.path);
    if (language === null || !isWrittenPath(file.path)) continue;
    if (languages !== undefined && !languages.includes(language)) continue;
    const newText = (await blobs.read(file.newBlob))?.toString("utf8");
    const oldText = file.oldBlob === null ? "" : (await blobs.read(file.oldBlob))?.toString("utf8");
    if (newText === undefined || oldText === undefined || !isWrittenText(newText)) continue;
    points.push(
      ...pointsOfFile({
        commit: patch.commit,
        writtenAt: patch.authorSeconds * 1000,
        path: file.path,
        language,
        oldText,
        newText,
        hunks: file.hunks,
      }),
    );
  }
  return pointsOfCommit(points);
};
