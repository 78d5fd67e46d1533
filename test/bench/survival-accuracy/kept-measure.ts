import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gitText } from "../../../tracker/git.ts";
import { survivalInHead } from "../../../tracker/head-survival.ts";
import { findRepository } from "../../../tracker/repository.ts";
import { openTracker } from "../../../tracker/tracker.ts";
import type { Insertion } from "./insertions.ts";

/** What the tracker says of an insertion. */
export interface TrackedShare {
  /** Retained share of significant tokens; null where it says that it does not know. */
  readonly tok: number | null;
  /** Files that hold it. */
  readonly files: readonly string[];
  /** Commits that took or brought tokens, with the share that was left. */
  readonly story: readonly string[];
}

/**
 * Kept's own answer for insertions of a repository whose HEAD stands at a later commit, after the tracker has
 * walked every commit between; null for code that it does not follow. In the order of the insertions.
 */
export const trackedShares = async (
  repo: string,
  insertions: readonly Insertion[],
  signal: AbortSignal,
): Promise<(TrackedShare | null)[]> => {
  const found = await findRepository(repo, signal);
  if (!found.ok) throw new Error(`no repository: ${found.reason}`);
  const folder = await mkdtemp(path.join(tmpdir(), "kept-tracker-"));
  const stories = new Map<string, string[]>();
  const tracker = await openTracker({
    repository: found.repository,
    folder,
    now: () => Date.now(),
    onChange({ sid }, records) {
      const story = stories.get(sid) ?? [];
      stories.set(sid, story);
      for (const one of records) {
        if (one.kind !== "loss" && one.kind !== "gain") continue;
        story.push(`${one.kind === "loss" ? "-" : "+"}${one.commit?.slice(0, 10) ?? ""} ${one.left.toFixed(2)}`);
      }
    },
  });
  try {
    const taken = new Set<number>();
    for (const [at, { commit, path: file, text, line }] of insertions.entries()) {
      const parent = await gitText(repo, ["rev-parse", "--verify", `${commit}^1`], signal);
      const sid = String(at);
      const refused = await tracker.accept([{ sid, file, text, line: line + 1, before: null, head: parent }]);
      if (refused.length === 0) taken.add(at);
    }
    const observation = await tracker.observe(signal);
    if (observation.kind !== "observed") throw new Error(`not observed: ${observation.kind}`);
    return insertions.map((_, at) => {
      const sid = String(at);
      const known = taken.has(at) ? tracker.state.get(sid) : undefined;
      if (known === undefined) return null;
      const files = known.where.flatMap((one) => one.files);
      return { tok: known.tok, files: [...new Set(files)], story: stories.get(sid) ?? [] };
    });
  } finally {
    await tracker.close();
    await rm(folder, { recursive: true, force: true });
  }
};

/** What Kept's token rule alone says, comparing the insertion with the later tree and nothing between. */
export const comparedShares = async (
  repo: string,
  insertions: readonly Insertion[],
  signal: AbortSignal,
): Promise<(number | null)[]> => {
  const snippets = insertions.map(({ path: file, text }, at) => ({ id: String(at), path: file, text }));
  const found = await survivalInHead({ repo, snippets, signal });
  return found.map(({ tokens }) => tokens);
};
