import type { HistoryPoint } from "../../core/history-point.ts";
import { retainedFraction } from "../../core/survival/retention.ts";
import { GitError, gitText } from "../../tracker/git.ts";
import type { LaterSurvival } from "./replay-events.ts";

/** Files kept in memory at once: a walk stays in a few files at a time. */
const MAX_CACHED_FILES = 200;

/**
 * What became of accepted code by the newest commit: its retained fraction in the file of the same path.
 * Null for a point of that newest commit itself: nothing is later.
 */
export async function survivalAtHead(
  repo: string,
  signal: AbortSignal,
): Promise<(point: HistoryPoint, accepted: string) => Promise<LaterSurvival | null>> {
  const [commit = "", seconds = "0"] = (await gitText(repo, ["log", "-1", "--format=%H %at"], signal)).split(" ");
  const headAt = Number(seconds) * 1_000;
  const texts = new Map<string, string | null>();

  async function textAtHead(path: string): Promise<string | null> {
    const known = texts.get(path);
    if (known !== undefined) return known;
    if (texts.size >= MAX_CACHED_FILES) texts.clear();
    const text = await gitText(repo, ["show", `HEAD:./${path}`], signal).catch((error: unknown) => {
      // The file is gone from the newest commit; every other failure ends the walk.
      if (error instanceof GitError && error.code === "git-failed") return null;
      throw error;
    });
    texts.set(path, text);
    return text;
  }

  return async (point, accepted) => {
    if (point.commit === commit) return null;
    const text = await textAtHead(point.path);
    const tokens = text === null ? 0 : retainedFraction(accepted, text);
    return { commit, afterMs: Math.max(0, headAt - point.writtenAt), tokens };
  };
}
