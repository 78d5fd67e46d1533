import { historyVerdict, type HistoryVerdict, writtenInstead } from "../../core/datasets/history-verdict.ts";
import type { HistoryPoint } from "../../core/history-point.ts";
import type { LossCause } from "../../core/survival/causes.ts";
import { readCommitMessage } from "../../core/survival/commit-message.ts";
import type { LossRecord } from "../../core/survival/survival-record.ts";
import type { SnippetSurvival } from "../../core/survival/survival-state.ts";
import { openBlobs } from "../../tracker/blobs.ts";
import { gitCommand } from "../../tracker/git-command.ts";
import { AppError } from "../errors.ts";
import { walkHistory } from "../survival/history-walk.ts";
import path from "node:path";

/** What became of a point's code, and what was written there when it went. */
export type PointLife = HistoryVerdict & { readonly instead?: string };

/**
 * Follows what a history wrote up to a commit, by the tracker. Where git cannot say, as in the middle of a rebase,
 * all of it counts as good: then there are no bad rows. The same commit gives the same lives, whatever else the
 * repository holds.
 */
export async function historyLives(
  root: string,
  head: string,
  points: readonly HistoryPoint[],
  signal: AbortSignal,
): Promise<Map<string, PointLife>> {
  const lives = new Map<string, PointLife>();
  const below = (await gitCommand(root, ["rev-parse", "--show-prefix"], signal)).trim();
  const inTop = (file: string): string => path.posix.join(below, file);
  const codes = points.map(({ id, path: file, target, line, writtenAt, commit }) => ({
    id,
    path: inTop(file),
    text: target,
    line: line + 1,
    at: writtenAt,
    commit,
  }));
  const found = await walkHistory(root, codes, signal, head).catch((error: unknown) => {
    if (error instanceof AppError && error.code === "git-unavailable") return null;
    throw error;
  });
  if (found === null) return lives;
  const causeOf = await causes(root, found.values(), signal);
  using blobs = openBlobs(root, signal);
  for (const point of points) {
    const survival = found.get(point.id);
    if (survival === undefined) continue;
    const verdict = historyVerdict({
      writtenAt: point.writtenAt,
      retained: survival.censored === null ? survival.tok : null,
      nTokens: survival.nTokens,
      losses: survival.losses.map((loss) => ({ ...loss, cause: causeOf(loss) })),
    });
    if (verdict.kind !== "bad") {
      lives.set(point.id, verdict);
      continue;
    }
    const later = (await blobs.read(`${verdict.loss.commit}:${inTop(point.path)}`))?.toString("utf8") ?? null;
    const instead = later === null ? null : writtenInstead(point.prefix, point.target, later);
    lives.set(point.id, { ...verdict, ...(instead === null ? {} : { instead }) });
  }
  return lives;
}

/** Commits whose messages are read with one process. */
const MAX_COMMITS = 200;

/**
 * Causes as they are when people alone wrote: to the tracker every point is generated code, and one that stands where
 * another stood was generated anew. Here it is a fix when its commit says so, and else no named reason.
 */
async function causes(
  root: string,
  lives: Iterable<SnippetSurvival>,
  signal: AbortSignal,
): Promise<(loss: LossRecord) => LossCause> {
  const commits = new Set<string>();
  for (const { losses } of lives) {
    for (const { cause, commit } of losses) if (cause === "regenerate" && commit !== null) commits.add(commit);
  }
  const fixes = new Set<string>();
  const all = [...commits];
  for (let at = 0; at < all.length; at += MAX_COMMITS) {
    const batch = all.slice(at, at + MAX_COMMITS);
    const log = await gitCommand(root, ["log", "--no-walk=unsorted", "--format=%H%n%B%x00", ...batch], signal);
    for (const one of log.split("\0")) {
      const [commit = "", ...message] = one.trimStart().split("\n");
      if (readCommitMessage(message.join("\n")).fix !== null) fixes.add(commit);
    }
  }
  return ({ cause, commit }) => {
    if (cause !== "regenerate") return cause;
    return commit !== null && fixes.has(commit) ? "fix" : "other";
  };
}
