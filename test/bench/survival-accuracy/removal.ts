import { gitStream, GitError } from "../../../tracker/git.ts";
import type { Insertion } from "./insertions.ts";
import { holdsTogether, isTelling, squeezedLines } from "./truth.ts";

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
/** And this share its rewritten form: of the line itself half is still there. */
const HALF_OF_WORDS = 0.5;
/** A line with fewer words is looked for together with its neighbours, which a formatter may join. */
const MIN_WORDS = 3;
/** With fewer words in all, code is the same or it is not. */
const MIN_WORDS_IN_ALL = 2;
/** A line that was broken into two is still the line. */
const NEIGHBOURS = 2;
/** Words in so many added lines tell nothing. */
const MAX_PLACES = 5_000;

/** Shares of the lines of an insertion that blame no longer finds. */
export interface CarriedLines {
  /** Those of which the commit that took them out adds the same line, or one or two lines with most of its words. */
  readonly most: number;
  /** The same with half of its words. */
  readonly half: number;
  /** Position of the first commit after which none is left. */
  readonly goneAt: number;
}

/**
 * Of the lines of an insertion that blame no longer finds, the share that the commits which took them out
 * carried on. Code that was only edited, or moved and edited, is not deleted, though blame -M says so. Null when
 * git cannot say.
 */
export const carriedLines = async (insertion: Insertion, question: RemovalQuestion): Promise<CarriedLines | null> => {
  const { repo, commits, indexOf, until, signal } = question;
  const from = insertion.line + 1;
  const range = `${from},${from + insertion.nLines - 1}`;
  const args = ["blame", "--reverse", "--first-parent", "-w", "-M", "-L", range, "--incremental"];
  const ends = await read(repo, [...args, `${insertion.commit}..${until}`, "--", insertion.path], signal);
  if (ends === null) return null;
  let [nTelling, nMost, nHalf, goneAt] = [0, 0, 0, 0];
  for (const { commit, lines } of taken(lastSeen(ends), insertion)) {
    const index = indexOf.get(commit);
    const removing = index === undefined ? undefined : commits[index + 1];
    if (removing === undefined || index === undefined) continue;
    const patch = question.patches.get(removing) ?? (await readPatch(repo, commit, removing, signal));
    if (patch === null) return null;
    question.patches.set(removing, patch);
    goneAt = Math.max(goneAt, index + 1);
    for (const unit of unitsOf(lines)) {
      nTelling += unit.length;
      const share = commit === until ? 1 : shareCarried(unit, patch);
      if (share >= CARRIED_WORDS_FROM) nMost += unit.length;
      if (share >= HALF_OF_WORDS) nHalf += unit.length;
    }
  }
  return nTelling === 0 ? null : { most: nMost / nTelling, half: nHalf / nTelling, goneAt };
};

/** Telling lines by the last commit that holds them, in their order. */
const taken = (ends: readonly LastSeen[], insertion: Insertion): { commit: string; lines: string[] }[] => {
  const own = insertion.text.split("\n");
  const sorted = [...ends].sort((left, right) => left.origin - right.origin);
  const groups = Map.groupBy(sorted, ({ commit }) => commit);
  return [...groups].map(([commit, group]) => ({
    commit,
    lines: group.map(({ origin }) => own[origin - insertion.line] ?? "").filter(isTelling),
  }));
};

/** Lines one by one, those of few words together with the few-worded ones behind them. */
const unitsOf = (lines: readonly string[]): string[][] => {
  const units: string[][] = [];
  let nWords = MIN_WORDS;
  for (const line of lines) {
    const count = wordsOf(line).length;
    if (nWords < MIN_WORDS && count < MIN_WORDS) units.at(-1)?.push(line);
    else units.push([line]);
    nWords = count;
  }
  return units;
};

/**
 * Whether a commit after the one at `goneAt` put the lines back into their file: a revert, or a second thought.
 * Blame gives them to that commit; survival.md's D35 says that the code lives.
 */
export const isRestored = async (
  insertion: Insertion,
  goneAt: number,
  { repo, commits, until, signal }: RemovalQuestion,
): Promise<boolean> => {
  const wanted = squeezedLines(insertion.text).filter(isTelling);
  const range = `${commits[goneAt]}..${until}`;
  const args = ["log", "--first-parent", "-m", "-p", "-U0", "--no-ext-diff", "--no-textconv", range];
  // A file whose name only changes case is the same to its authors.
  const text = await read(repo, [...args, "--", `:(icase,literal)${insertion.path}`], signal);
  return (text ?? "").split(/^@@ .*$/m).some((hunk) => {
    const added = hunk.split("\n").flatMap((line) => (line.startsWith("+") ? squeezedLines(line.slice(1)) : []));
    const places = wanted.map((line) => added.flatMap((other, at) => (other === line ? [at] : [])));
    return holdsTogether(places);
  });
};

/** Of a line's words those that stand in one or two added lines. */
const shareCarried = (lines: readonly string[], { added, places }: RemovingPatch): number => {
  const nSame = lines.filter((line) => added.has(plainLine(line))).length;
  const words = wordsOf(lines.join(" "));
  if (nSame === lines.length || words.length < MIN_WORDS_IN_ALL) return nSame / lines.length;
  const held = new Map<number, number>();
  for (const word of words) {
    const found = places.get(word) ?? [];
    if (found.length > MAX_PLACES) continue;
    const windows = new Set(found.flatMap((place) => Array.from({ length: NEIGHBOURS }, (_, back) => place - back)));
    for (const place of windows) held.set(place, (held.get(place) ?? 0) + 1);
  }
  return Math.max(nSame / lines.length, Math.max(0, ...held.values()) / words.length);
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
    ["diff", "-U0", "--no-renames", "-w", "--no-ext-diff", "--no-textconv", before, removing],
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
