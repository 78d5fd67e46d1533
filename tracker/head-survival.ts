import { readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { retainedFraction, type RetentionIn, retentionIn } from "../core/survival/retention.ts";
import { syntaxOf } from "../core/survival/markdown-text.ts";
import { strictTokens } from "../core/survival/tokens.ts";
import { type BlobReader, openBlobs } from "./blobs.ts";
import { GitError, gitStream, gitText } from "./git.ts";

/** Accepted text to look for. */
export interface SurvivalSnippet {
  readonly id: string;
  /** Path relative to the folder that is asked about, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface HeadSurvival {
  readonly id: string;
  /** Retained fraction of significant tokens where most of it stands; null when that is not known. */
  readonly tokens: number | null;
  /**
   * `head`: in the commit, at its path or moved. `elsewhere`: more of it in the working tree or on another
   * branch. `nowhere`: below a tenth in every place looked at. `unknown`: git could not say.
   */
  readonly place: "head" | "elsewhere" | "nowhere" | "unknown";
  /** The commit that HEAD stood at; null when there is none or it is not known. */
  readonly commit: string | null;
}

export interface SurvivalQuestion {
  readonly repo: string;
  readonly snippets: readonly SurvivalSnippet[];
  readonly signal: AbortSignal;
}

/** Enough in its own file: a search elsewhere could not say more. */
const SETTLED_FROM = 0.95;
/** Below this share what is left is chance (survival.md section 3.6). */
const GONE_BELOW = 0.1;
/** Files that a search for moved code reads at most; beyond it the answer is "unknown", not "gone". */
const MAX_SEARCHED_FILES = 1_000;
/** Files that one snippet is compared with, those that hold most of its words first. */
const MAX_COMPARED_FILES = 8;
/** Paths of one `git ls-tree`, within the length of a command line on every system. */
const MAX_LISTED_PATHS = 300;
/** A snippet is looked for by its longest words. */
const WORDS_PER_SNIPPET = 3;
/** Shorter words are in too many files. */
const MIN_WORD_CHARS = 5;
/** A shorter snippet found in another file is a coincidence (survival.md section 3.5). */
const MIN_MOVED_ALPHANUMERICS = 20;
/** Other branches that are looked at, the most recently used. */
const MAX_OTHER_BRANCHES = 20;

/**
 * Where accepted code stands now: in HEAD at its path, elsewhere in HEAD's tree (found by its longest
 * words), or in the working tree or another branch at its path. Answers are in the order of the snippets.
 * At most five git processes, whatever the number of snippets and files; nothing is written.
 *
 * A folder that is no repository, a missing object and every other failure of git give `unknown`.
 *
 * @throws {GitError} with code `git-aborted` when the signal aborts
 */
export const survivalInHead = async ({ repo, snippets, signal }: SurvivalQuestion): Promise<HeadSurvival[]> => {
  const unknown = (commit: string | null): HeadSurvival[] =>
    snippets.map(({ id }) => ({ id, tokens: null, place: "unknown", commit }));
  if (snippets.length === 0) return [];
  let commit: string | null = null;
  try {
    commit = await gitText(repo, ["rev-parse", "--verify", "--end-of-options", "HEAD^{commit}"], signal);
    using blobs = openBlobs(repo, signal);
    return await answer({ repo, snippets, signal }, commit, blobs);
  } catch (error) {
    if (!(error instanceof GitError) || error.code === "git-aborted") throw error;
    return unknown(commit);
  }
};

interface Finding {
  readonly snippet: SurvivalSnippet;
  /** Whether the commit holds a readable file at its path. */
  hasFile: boolean;
  inHead: number;
  elsewhere: number;
  /** False when a place that could hold it was not looked at. */
  complete: boolean;
}

const answer = async (question: SurvivalQuestion, commit: string, blobs: BlobReader): Promise<HeadSurvival[]> => {
  const files = createReader(blobs);
  const findings: Finding[] = [];
  for (const snippet of question.snippets) {
    const file = isInside(snippet.path) ? await files(`${commit}:./${snippet.path}`) : null;
    findings.push({
      snippet,
      hasFile: file !== null,
      inHead: file === null ? 0 : file.retained(snippet.text, syntaxOf(snippet.path)),
      elsewhere: 0,
      complete: isInside(snippet.path),
    });
  }
  await checkUnread(findings, question, commit);
  const open = (): Finding[] => findings.filter((finding) => finding.complete && finding.inHead < SETTLED_FROM);
  await findMoved(open(), question, commit, files);
  await findElsewhere(open(), question, files);
  return findings.map((finding) => conclude(finding, commit));
};

/** A file that the commit holds but git cannot read, or that is too large, is no evidence of a loss. */
const checkUnread = async (
  findings: readonly Finding[],
  { repo, signal }: SurvivalQuestion,
  commit: string,
): Promise<void> => {
  const unread = new Set<string>();
  for (const { snippet, complete, hasFile } of findings) if (complete && !hasFile) unread.add(snippet.path);
  if (unread.size === 0) return;
  const asked = [...unread].slice(0, MAX_LISTED_PATHS);
  const listing = await gitText(repo, ["ls-tree", "-z", "--name-only", commit, "--", ...asked], signal);
  const held = new Set([...listing.split("\0"), ...[...unread].slice(MAX_LISTED_PATHS)]);
  for (const finding of findings) if (held.has(finding.snippet.path)) finding.complete = false;
};

const conclude = ({ snippet, inHead, elsewhere, complete }: Finding, commit: string): HeadSurvival => {
  const { id } = snippet;
  const most = Math.max(inHead, elsewhere);
  if (most >= GONE_BELOW) {
    return { id, tokens: most, place: elsewhere > inHead ? "elsewhere" : "head", commit };
  }
  return complete ? { id, tokens: most, place: "nowhere", commit } : { id, tokens: null, place: "unknown", commit };
};

interface ReadFile {
  readonly text: string;
  /** Retained fraction of a snippet in this file. */
  readonly retained: RetentionIn;
}

/** Reads and tokenises each file once: many snippets stand in the same one. */
const createReader = (blobs: BlobReader) => {
  const known = new Map<string, ReadFile | null>();
  return async (name: string): Promise<ReadFile | null> => {
    const held = known.get(name);
    if (held !== undefined) return held;
    const text = (await blobs.read(name))?.toString("utf8");
    const file = text === undefined ? null : { text, retained: retentionIn(text) };
    known.set(name, file);
    return file;
  };
};

type Files = ReturnType<typeof createReader>;

const findMoved = async (
  findings: readonly Finding[],
  { repo, signal }: SurvivalQuestion,
  commit: string,
  files: Files,
): Promise<void> => {
  const wordsOf = new Map<Finding, readonly string[]>();
  for (const finding of findings) {
    const words = searchWords(finding.snippet.text);
    if (words.length > 0) wordsOf.set(finding, words);
    // Too short to be known again elsewhere: with its file gone, nobody can say.
    else if (!finding.hasFile) finding.complete = false;
  }
  if (wordsOf.size === 0) return;
  const paths = await filesWith(new Set([...wordsOf.values()].flat()), repo, commit, signal);
  if (paths.length > MAX_SEARCHED_FILES) {
    const extensions = new Set(findings.map((finding) => extensionOf(finding.snippet.path)));
    paths.sort((left, right) => Number(extensions.has(extensionOf(right))) - Number(extensions.has(extensionOf(left))));
    for (const finding of wordsOf.keys()) finding.complete = false;
  }
  const candidates = new Map<Finding, { path: string; nWords: number }[]>();
  for (const path of paths.slice(0, MAX_SEARCHED_FILES)) {
    const file = await files(`${commit}:./${path}`);
    if (file === null) continue;
    const held = new Set(strictTokens(file.text));
    for (const [finding, words] of wordsOf) {
      const nWords = words.filter((word) => held.has(word)).length;
      if (nWords === 0) continue;
      const list = candidates.get(finding);
      if (list === undefined) candidates.set(finding, [{ path, nWords }]);
      else list.push({ path, nWords });
    }
  }
  for (const [finding, list] of candidates) {
    list.sort((left, right) => right.nWords - left.nWords);
    for (const { path } of list.slice(0, MAX_COMPARED_FILES)) {
      if (finding.inHead >= SETTLED_FROM) break;
      await compareMoved(finding, path, commit, files);
    }
  }
};

const compareMoved = async (finding: Finding, path: string, commit: string, files: Files): Promise<void> => {
  const { snippet } = finding;
  const file = await files(`${commit}:./${path}`);
  const there = file?.retained(snippet.text, syntaxOf(snippet.path)) ?? 0;
  if (file === null || there === 0) return;
  // A part may have stayed and another moved: both files together hold what is left.
  const stayed = finding.hasFile ? await files(`${commit}:./${snippet.path}`) : null;
  const together =
    stayed === null ? there : retainedFraction(snippet.text, `${stayed.text}\n${file.text}`, syntaxOf(snippet.path));
  finding.inHead = Math.max(finding.inHead, there, together);
};

/** Paths relative to the folder of the question, also of files beside and above it. */
const filesWith = async (
  words: ReadonlySet<string>,
  repo: string,
  commit: string,
  signal: AbortSignal,
): Promise<string[]> => {
  // The words come by standard input: a command line has no room for those of many snippets.
  const args = ["grep", "-z", "-l", "-I", "-F", "-w", "-f", "-", commit, "--", ":/"];
  const git = gitStream(repo, args, signal, { okCodes: [0, 1] });
  await git.write(`${[...words].join("\n")}\n`);
  git.end();
  const chunks: Buffer[] = [];
  for await (const chunk of git.chunks) chunks.push(chunk);
  const names = Buffer.concat(chunks).toString("utf8").split("\0");
  return names.filter((name) => name !== "").map((name) => name.slice(name.indexOf(":") + 1));
};

/** Uncommitted code, and code on a branch that is not checked out, is not lost. */
const findElsewhere = async (
  findings: readonly Finding[],
  { repo, signal }: SurvivalQuestion,
  files: Files,
): Promise<void> => {
  if (findings.length === 0) return;
  for (const finding of findings) {
    const { path, text: accepted } = finding.snippet;
    const text = await readFile(join(repo, path), "utf8").catch(() => null);
    if (text !== null) finding.elsewhere = retainedFraction(accepted, text, syntaxOf(path));
  }
  const missing = findings.filter((finding) => Math.max(finding.inHead, finding.elsewhere) < SETTLED_FROM);
  if (missing.length === 0) return;
  const listing = await gitText(
    repo,
    [
      "for-each-ref",
      "--sort=-committerdate",
      `--count=${MAX_OTHER_BRANCHES}`,
      "--format=%(objectname)",
      "refs/heads",
      "refs/stash",
    ],
    signal,
  );
  for (const tip of new Set(listing.split("\n").filter((line) => line !== ""))) {
    for (const finding of missing) {
      const { path, text: accepted } = finding.snippet;
      const file = await files(`${tip}:./${path}`);
      if (file !== null) finding.elsewhere = Math.max(finding.elsewhere, file.retained(accepted, syntaxOf(path)));
    }
  }
};

const isInside = (path: string): boolean => path !== "" && !isAbsolute(path) && !path.split("/").includes("..");

const extensionOf = (path: string): string => path.slice(path.lastIndexOf(".") + 1);

/** Empty when the snippet cannot be told from other code. */
const searchWords = (text: string): string[] => {
  const words = strictTokens(text).filter((token) => /[\p{L}\p{N}]/u.test(token));
  if (words.reduce((sum, word) => sum + word.length, 0) < MIN_MOVED_ALPHANUMERICS) return [];
  const long = [...new Set(words)].filter((word) => word.length >= MIN_WORD_CHARS);
  long.sort((left, right) => right.length - left.length || (left < right ? -1 : 1));
  return long.slice(0, WORDS_PER_SNIPPET);
};
