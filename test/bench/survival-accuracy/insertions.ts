import { isWrittenPath, isWrittenText, languageOf } from "../../../tracker/mined-files.ts";
import { type BlobReader, openBlobs } from "../../../tracker/blobs.ts";
import { gitStream } from "../../../tracker/git.ts";
import { PATCH_ARGS, readPatches } from "../../../tracker/patches.ts";
import { createRandom, hashText, shuffle } from "../../../core/statistics/random.ts";
import { evenlySpaced } from "../../../core/statistics/evenly-spaced.ts";
import { significantTokens } from "../../../core/survival/tokens.ts";

/** Lines that one commit of the first-parent line added, standing in for an accepted suggestion. */
export interface Insertion {
  readonly commit: string;
  /** Position of the commit in the first-parent line, from the oldest. */
  readonly index: number;
  readonly path: string;
  /** First line in the new file, from 0. */
  readonly line: number;
  readonly nLines: number;
  readonly text: string;
  /** The whole file at that commit. */
  readonly file: string;
}

export interface SampleOptions {
  readonly repo: string;
  /** First-parent commits, oldest first. */
  readonly commits: readonly string[];
  /** Insertions wanted. */
  readonly limit: number;
  readonly seed: number;
  readonly signal: AbortSignal;
}

/** Suggestions are short. */
const MAX_LINES = 12;
const MIN_LINES = 2;
/** With fewer a snippet has no identity: every file has its closing brackets and imports. */
const MIN_TOKENS = 10;
/** A commit that touches more is an import or a reformatting. */
const MAX_FILES = 60;
/** From one commit and one file: more would repeat the same story. */
const MAX_PER_COMMIT = 4;
/** The last part of a history is too young to have lost anything. */
const SAMPLED_SHARE = 0.9;

/** Insertions spread over a history; the same seed gives the same ones. */
export const sampleInsertions = async (options: SampleOptions): Promise<Insertion[]> => {
  const { repo, commits, limit, seed, signal } = options;
  const indexOf = new Map(commits.map((commit, index) => [commit, index]));
  const candidates = commits.slice(1, Math.max(1, Math.floor(commits.length * SAMPLED_SHARE)));
  const chosen = evenlySpaced(candidates, limit * 2);
  using blobs = openBlobs(repo, signal);
  const found: Insertion[] = [];
  for (const batch of batchesOf(chosen, 200)) {
    const args = ["log", "--no-walk=unsorted", "--first-parent", "-m", ...PATCH_ARGS, ...batch];
    for await (const patch of readPatches(gitStream(repo, args, signal).chunks)) {
      if (patch.nFiles > MAX_FILES) continue;
      const index = indexOf.get(patch.commit);
      if (index === undefined) continue;
      const files = shuffle(
        patch.files.filter(({ path }) => languageOf(path) !== null && isWrittenPath(path)),
        createRandom(hashText(`${seed}:${patch.commit}`)),
      );
      const insertions: Insertion[] = [];
      const deleted = files.length === 0 ? new Set<string>() : await deletedLines(repo, patch.commit, signal);
      for (const { path, newBlob, hunks } of files) {
        if (insertions.length === MAX_PER_COMMIT) break;
        const insertion = await largestOf({ path, newBlob, hunks }, blobs);
        if (insertion !== null && isNew(insertion.text, deleted))
          insertions.push({ commit: patch.commit, index, path, ...insertion });
      }
      found.push(...insertions);
    }
  }
  return shuffle(found, createRandom(seed)).slice(0, limit);
};

/** A suggestion is new code. Lines that the same commit takes out elsewhere were moved, and are older. */
const NEW_FROM = 0.7;

const isNew = (text: string, deleted: ReadonlySet<string>): boolean => {
  const lines = text
    .split("\n")
    .map((line) => line.replace(/\s+/g, ""))
    .filter((line) => line.length > 2);
  return lines.filter((line) => !deleted.has(line)).length >= NEW_FROM * lines.length;
};

const deletedLines = async (repo: string, commit: string, signal: AbortSignal): Promise<Set<string>> => {
  const args = ["diff", "-U0", "--no-ext-diff", "--no-textconv", `${commit}^1`, commit];
  const chunks: Buffer[] = [];
  for await (const chunk of gitStream(repo, args, signal).chunks) chunks.push(chunk);
  const lines = Buffer.concat(chunks).toString("utf8").split("\n");
  return new Set(lines.filter((line) => /^-(?!-- )/.test(line)).map((line) => line.slice(1).replace(/\s+/g, "")));
};

interface ChangedFile {
  readonly path: string;
  readonly newBlob: string;
  readonly hunks: readonly { readonly newStart: number; readonly nNew: number }[];
}

const largestOf = async (
  { newBlob, hunks }: ChangedFile,
  blobs: BlobReader,
): Promise<Pick<Insertion, "line" | "nLines" | "text" | "file"> | null> => {
  const hunk = [...hunks].filter(({ nNew }) => nNew >= MIN_LINES).sort((a, b) => b.nNew - a.nNew)[0];
  if (hunk === undefined) return null;
  const file = (await blobs.read(newBlob))?.toString("utf8");
  if (file === undefined || !isWrittenText(file)) return null;
  const lines = file.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  // A place inside the hunk that its own position chooses, so that not every insertion begins a function.
  const slack = Math.max(0, hunk.nNew - MAX_LINES);
  const line = hunk.newStart - 1 + (slack === 0 ? 0 : hashText(`${newBlob}:${hunk.newStart}`) % (slack + 1));
  const nLines = Math.min(MAX_LINES, hunk.newStart - 1 + hunk.nNew - line);
  const text = lines.slice(line, line + nLines).join("");
  return significantTokens(text).length < MIN_TOKENS ? null : { line, nLines, text, file };
};

const batchesOf = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size));
