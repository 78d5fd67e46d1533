import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gitText } from "../../../tracker/git.ts";
import { survivalInHead } from "../../../tracker/head-survival.ts";
import { findRepository } from "../../../tracker/repository.ts";
import { openTracker } from "../../../tracker/tracker.ts";
import type { Insertion } from "./insertions.ts";

/**
 * Kept's own answer for insertions of a repository whose HEAD stands at a later commit: the retained share of
 * significant tokens after the tracker has walked every commit between, or null where it says that it does
 * not know. In the order of the insertions.
 */
export const trackedShares = async (
  repo: string,
  insertions: readonly Insertion[],
  signal: AbortSignal,
): Promise<(number | null)[]> => {
  const found = await findRepository(repo, signal);
  if (!found.ok) throw new Error(`no repository: ${found.reason}`);
  const folder = await mkdtemp(path.join(tmpdir(), "kept-tracker-"));
  const tracker = await openTracker({ repository: found.repository, folder, now: () => Date.now() });
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
    return insertions.map((_, at) => (taken.has(at) ? (tracker.state.get(String(at))?.tok ?? null) : null));
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
