import { gitStream, GitError } from "../../../tracker/git.ts";
import type { Insertion } from "./insertions.ts";
import { editDistance } from "./published-measures.ts";
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
  /** Added lines of each hunk by old path and old line, from 0. */
  readonly hunks: readonly {
    readonly path: string;
    readonly from: number;
    readonly to: number;
    readonly added: readonly string[];
  }[];
  /** Every line that the commit adds, without white space. */
  readonly added: ReadonlySet<string>;
}

/** An added line in the same hunk that shares this much with a deleted one is its edited form. */
const EDITED_FROM = 0.6;
/** Longer lines are data. */
const MAX_LINE_CHARS = 400;

/**
 * Of the lines of an insertion that blame no longer finds, the share that the commits which took them out
 * carried on: they add the same line anywhere, or a similar one in its place. Code that was only edited, or
 * moved into another file, is not deleted, though blame -M says so. Null when git cannot say.
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
  for (const { commit, path, line, origin } of lastSeen(ends)) {
    const text = own[origin - insertion.line];
    const index = indexOf.get(commit);
    const removing = index === undefined ? undefined : commits[index + 1];
    if (text === undefined || !isTelling(text) || removing === undefined) continue;
    const patch = question.patches.get(removing) ?? (await readPatch(repo, commit, removing, signal));
    if (patch === null) return null;
    question.patches.set(removing, patch);
    nTelling += 1;
    if (commit === until || isCarried(text, path, line, patch)) nCarried += 1;
  }
  return nTelling === 0 ? null : nCarried / nTelling;
};

const isCarried = (text: string, path: string, line: number, patch: RemovingPatch): boolean => {
  const squeezed = text.replace(/\s+/g, "");
  if (patch.added.has(squeezed)) return true;
  const hunk = patch.hunks.find((one) => one.path === path && line >= one.from && line < one.to);
  return (hunk?.added ?? []).some((added) => similarity(squeezed, added) >= EDITED_FROM);
};

const similarity = (left: string, right: string): number => {
  const [a, b] = [left.slice(0, MAX_LINE_CHARS), right.slice(0, MAX_LINE_CHARS)];
  return 1 - editDistance(a, b) / Math.max(1, a.length, b.length);
};

interface LastSeen {
  /** The last commit that holds the line, where it stands there, from 0, and where it stood at first. */
  readonly commit: string;
  readonly path: string;
  readonly line: number;
  readonly origin: number;
}

const lastSeen = (text: string): LastSeen[] => {
  const found: LastSeen[] = [];
  let group: { commit: string; line: number; origin: number; count: number } | null = null;
  for (const line of text.split("\n")) {
    const header = /^([0-9a-f]{40}) (\d+) (\d+) (\d+)$/.exec(line);
    if (header !== null) {
      const [, commit = "", at, origin, count] = header;
      group = { commit, line: Number(at) - 1, origin: Number(origin) - 1, count: Number(count) };
    } else if (group !== null && line.startsWith("filename ")) {
      const { commit, count } = group;
      const path = line.slice("filename ".length);
      for (let k = 0; k < count; k += 1) found.push({ commit, path, line: group.line + k, origin: group.origin + k });
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
  const hunks: { path: string; from: number; to: number; added: string[] }[] = [];
  const added = new Set<string>();
  let path = "";
  let hunk: (typeof hunks)[number] | null = null;
  for (const line of text.split("\n")) {
    if (line.startsWith("diff --git ")) hunk = null;
    else if (hunk === null && line.startsWith("--- ")) path = line.slice("--- a/".length).replace(/\t$/, "");
    else if (line.startsWith("@@ ")) {
      const [, from = "0", count = "1"] = /^@@ -(\d+)(?:,(\d+))?/.exec(line) ?? [];
      hunk = { path, from: Number(from) - 1, to: Number(from) - 1 + Number(count), added: [] };
      hunks.push(hunk);
    } else if (hunk !== null && line.startsWith("+")) {
      const squeezed = line.slice(1).replace(/\s+/g, "");
      hunk.added.push(squeezed);
      if (isTelling(squeezed)) added.add(squeezed);
    }
  }
  return { hunks, added };
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
