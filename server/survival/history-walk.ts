import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { StandingCode } from "../../core/survival/attribution.ts";
import type { SnippetSurvival } from "../../core/survival/survival-state.ts";
import { gitCommand } from "../../tracker/git-command.ts";
import { GitError } from "../../tracker/git.ts";
import { findRepository } from "../../tracker/repository.ts";
import { openTracker, type Tracker } from "../../tracker/tracker.ts";
import { AppError } from "../errors.ts";

/** Code whose life is asked for. */
export interface WalkedCode {
  readonly id: string;
  /** Relative to the repository's top folder, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** Line that it began on, counted from 1; null when not known. */
  readonly line: number | null;
  /** When it was taken over, milliseconds since 1970. */
  readonly at: number;
  /** Commit that holds it; null when only the time is known. */
  readonly commit: string | null;
}

/** Commits that are looked up with one process. */
const MAX_REVISIONS = 200;

/**
 * What became of code through all commits since it was taken over, by the tracker, at once and with nothing
 * running before: a tracker of its own walks the history and leaves nothing behind. Code that nothing can be
 * said of is left out. With `at` the history of that commit is all there is.
 * @throws AppError `git-unavailable`
 */
export async function walkHistory(
  folder: string,
  codes: readonly WalkedCode[],
  signal: AbortSignal,
  at: string | null = null,
): Promise<Map<string, SnippetSurvival>> {
  return walk(folder, codes, signal, at, (tracker) => new Map(tracker.state));
}

/**
 * Where code stands in the tree of a commit, whatever files it was in before, by the same walk.
 * @throws AppError `git-unavailable`
 */
export async function standingAt(
  folder: string,
  commit: string,
  codes: readonly WalkedCode[],
  signal: AbortSignal,
): Promise<StandingCode> {
  return walk(folder, codes, signal, commit, (tracker) => tracker.standing(commit));
}

async function walk<T>(
  folder: string,
  codes: readonly WalkedCode[],
  signal: AbortSignal,
  at: string | null,
  result: (tracker: Tracker) => T,
): Promise<T> {
  const found = await findRepository(folder, signal);
  if (!found.ok) {
    throw new AppError("git-unavailable", `${folder} cannot be looked at: ${found.reason}.`, {
      hint: "Name a folder of a git repository with --repo.",
    });
  }
  const { repository } = found;
  const starts = await startsOf(repository.top, codes, signal, at ?? "HEAD");
  const own = await mkdtemp(path.join(tmpdir(), "kept-walk-"));
  const tracker = await openTracker({ repository, folder: own, now: () => Date.now(), at: at ?? undefined });
  try {
    for (const { id: sid, path: file, text, line, at, commit } of codes) {
      const head = starts.get(commit ?? at) ?? null;
      await tracker.accept([{ sid, file, text, line, before: null, at, head }]);
    }
    const observation = await tracker.observe(signal);
    if (observation.kind === "failed") {
      throw new AppError("git-unavailable", `Git cannot tell what became of the code: ${observation.reason}.`);
    }
    if (observation.kind === "waiting") {
      throw new AppError("git-unavailable", "Git is in the middle of a rebase or merge.", {
        hint: "Finish or abort it, then ask again.",
      });
    }
    return result(tracker);
  } finally {
    await tracker.close();
    await rm(own, { recursive: true, force: true });
  }
}

/**
 * Where HEAD stood when code was taken over, by the commit that holds it or by the time: the parent of that
 * commit, or the last commit before that time; null where there was none.
 */
export async function startsOf(
  top: string,
  codes: readonly WalkedCode[],
  signal: AbortSignal,
  tip = "HEAD",
): Promise<Map<string | number, string | null>> {
  const starts = new Map<string | number, string | null>();
  const commits = [...new Set(codes.flatMap(({ commit }) => commit ?? []))];
  for (let at = 0; at < commits.length; at += MAX_REVISIONS) {
    const batch = commits.slice(at, at + MAX_REVISIONS);
    const parents = await gitCommand(
      top,
      ["log", "--no-walk=unsorted", "--ignore-missing", "--format=%H %P", ...batch],
      signal,
    );
    for (const line of parents.split("\n")) {
      const [commit = "", parent] = line.split(" ");
      starts.set(commit, parent ?? null);
    }
  }
  const times = [...new Set(codes.filter(({ commit }) => commit === null).map(({ at }) => at))];
  if (times.length > 0) {
    const before = await commitsBefore(top, times, signal, tip);
    for (const [time, commit] of before) starts.set(time, commit);
  }
  return starts;
}

/** The last commit of a tip's first-parent line before each time; null before the first. */
async function commitsBefore(
  top: string,
  times: readonly number[],
  signal: AbortSignal,
  tip: string,
): Promise<Map<number, string | null>> {
  let listing = "";
  try {
    listing = await gitCommand(top, ["log", "--first-parent", "--format=%H %ct", tip], signal);
  } catch (error) {
    // A repository without a commit.
    if (!(error instanceof GitError) || error.code !== "git-failed") throw error;
  }
  const commits = listing
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => ({ commit: line.split(" ")[0] as string, at: Number(line.split(" ")[1]) * 1_000 }));
  return new Map(times.map((time) => [time, commits.find(({ at }) => at <= time)?.commit ?? null]));
}
