import { gitStream, GitError } from "../../../tracker/git.ts";
import type { Insertion } from "./insertions.ts";
import { isTelling } from "./truth.ts";

export interface RemovalQuestion {
  readonly repo: string;
  /** First-parent commits, oldest first, and the position of each. */
  readonly commits: readonly string[];
  readonly indexOf: ReadonlyMap<string, number>;
  /** Commit at which the insertion is gone. */
  readonly until: string;
  /** Patches that were read before, by commit. */
  readonly patches: Map<string, RemovingPatch>;
  readonly signal: AbortSignal;
}

export interface RemovingPatch {
  /** Every line that the commit adds, without white space and what formatters add and drop. */
  readonly added: ReadonlySet<string>;
  /** Places, among all added lines, of each word. */
  readonly places: ReadonlyMap<string, readonly number[]>;
}

/** Added lines next to each other that hold this share of a deleted line's words are its edited form. */
const CARRIED_WORDS_FROM = 0.7;
/** A line with fewer words is the same or it is not. */
const MIN_WORDS = 3;
/** A line that was broken into two is still the line. */
const NEIGHBOURS = 2;
/** Words in so many added lines tell nothing. */
const MAX_PLACES = 5_000;

/**
 * Of the lines of an insertion that blame no longer finds, the share that the commits which took them out
 * carried on: somewhere they add the same line, or one or two lines with most of its words. Code that was only
 * edited, or moved and edited, is not deleted, though blame -M says so. Null when git cannot say.
 */
export const carriedShare = async (insertion: Insertion, question: RemovalQuestion): Promise<number | null> => {
  const { repo, commits, indexOf, until, signal } = question;
  const from = insertion.line + 1;
  const range = `${from},${from + insertion.nLines - 1}`;
  const args = ["blame", "--reverse", "--first-parent", "-w", "-M", "-L", range, "--incremental"];
  const ends = await read(repo, [...args, `${insertion.commit}..${until}`, "--", insertion.path], signal);
  if (ends === null) return null;
  const own = insertion.text.split("\n");
  let [nTelling, nCarried] = [0, 0];
  for (const { commit, origin } of lastSeen(ends)) {
    const text = own[origin - insertion.line];
    const index = indexOf.get(commit);
    const removing = index === undefined ? undefined : commits[index + 1];
    if (text === undefined || !isTelling(text) || removing === undefined) continue;
    const patch = question.patches.get(removing) ?? (await readPatch(repo, commit, removing, signal));
    if (patch === null) return null;
    question.patches.set(removing, patch);
    nTelling += 1;
    if (commit === until || isCarried(text, patch)) nCarried += 1;
  }
  return nTelling === 0 ? null : nCarried / nTelling;
};

const isCarried = (text: string, { added, places }: RemovingPatch): boolean => {
  if (added.has(plainLine(text))) return true;
  const words = wordsOf(text);
  if (words.length < MIN_WORDS) return false;
  const held = new Map<number, number>();
  for (const word of words) {
    const found = places.get(word) ?? [];
    if (found.length > MAX_PLACES) continue;
    const windows = new Set(found.flatMap((place) => Array.from({ length: NEIGHBOURS }, (_, back) => place - back)));
    for (const place of windows) held.set(place, (held.get(place) ?? 0) + 1);
  }
  return Math.max(0, ...held.values()) / words.length >= CARRIED_WORDS_FROM;
};

const plainLine = (text: string): string => text.replace(/[\s;,'"`]+/g, "");

const wordsOf = (text: string): string[] => [...new Set(text.match(/[\p{L}\p{N}_$]{2,}/gu) ?? [])];

interface LastSeen {
  /** The last commit that holds the line, and where it stood at first, from 0. */
  readonly commit: string;
  readonly origin: number;
}

const lastSeen = (text: string): LastSeen[] => {
  const found: LastSeen[] = [];
  let group: { commit: string; origin: number; count: number } | null = null;
  for (const line of text.split("\n")) {
    const header = /^([0-9a-f]{40}) (\d+) (\d+) (\d+)$/.exec(line);
    if (header !== null) {
      const [, commit = "", , origin, count] = header;
      group = { commit, origin: Number(origin) - 1, count: Number(count) };
    } else if (group !== null && line.startsWith("filename ")) {
      const { commit, count } = group;
      for (let k = 0; k < count; k += 1) found.push({ commit, origin: group.origin + k });
      group = null;
    }
  }
  return found;
};

const readPatch = async (
  repo: string,
  before: string,
  removing: string,
  signal: AbortSignal,
): Promise<RemovingPatch | null> => {
  const text = await read(
    repo,
    ["diff", "-U0", "-M", "-w", "--no-ext-diff", "--no-textconv", before, removing],
    signal,
  );
  if (text === null) return null;
  const added = new Set<string>();
  const places = new Map<string, number[]>();
  let inHunk = false;
  let place = 0;
  for (const line of text.split("\n")) {
    if (line.startsWith("diff --git ")) inHunk = false;
    else if (line.startsWith("@@ ")) inHunk = true;
    else if (inHunk && line.startsWith("+")) {
      const content = line.slice(1);
      if (isTelling(content)) added.add(plainLine(content));
      for (const word of wordsOf(content)) {
        const list = places.get(word);
        if (list === undefined) places.set(word, [place]);
        else list.push(place);
      }
      place += 1;
    }
  }
  return { added, places };
};

const read = async (repo: string, args: readonly string[], signal: AbortSignal): Promise<string | null> => {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of gitStream(repo, args, signal).chunks) chunks.push(chunk);
  } catch (error) {
    if (!(error instanceof GitError) || signal.aborted) throw error;
    return null;
  }
  return Buffer.concat(chunks).toString("utf8");
};
