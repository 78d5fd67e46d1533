import { packAnchors } from "../core/survival/anchors.ts";
import { createBufferFollower } from "../core/survival/buffer-follower.ts";
import type { FileChange } from "../core/survival/file-change.ts";
import { anchorsOfPlaces } from "../core/survival/saved-anchors.ts";
import { SAVED_VERSIONS, type SavedBuffer } from "../core/survival/saved-buffer.ts";
import { emptySnapshot, growSnapshot, setFileAnchors, type Snapshot } from "../core/survival/snapshot.ts";
import { openBlobs } from "./blobs.ts";
import { GitError } from "./git.ts";
import { diffSequences } from "./sequence-diff.ts";
import { createTurns } from "./turns.ts";

/** Files that the editor saved with accepted code in them, as a source of a commit's places (survival.md section 3.5 b). */
export interface SavedBuffers {
  note(file: string, buffer: SavedBuffer): void;
  /**
   * Where accepted code stands in the files that a commit brings, told from the text that was saved: after
   * staging in parts, edits and formatting that left too little for the token rule. Null when no such file is
   * among them; one more git process when one is.
   */
  sourceOf(
    changes: readonly FileChange[],
    nSnippets: number,
    numberOf: (suggestionId: string) => number | undefined,
  ): Promise<Snapshot | null>;
}

/** Files that are remembered; those saved last count. */
const MAX_FILES = 64;
/** Blobs of one commit are read in milliseconds; git that takes longer hangs. */
const BLOBS_DEADLINE_MS = 10_000;

export const createSavedBuffers = (top: string): SavedBuffers => {
  const saved = new Map<string, readonly SavedBuffer[]>();
  return {
    note(file, buffer) {
      const versions = [buffer, ...(saved.get(file) ?? [])].slice(0, SAVED_VERSIONS);
      saved.delete(file);
      saved.set(file, versions);
      const [oldest] = saved.keys();
      if (saved.size > MAX_FILES && oldest !== undefined) saved.delete(oldest);
    },
    async sourceOf(changes, nSnippets, numberOf) {
      if (saved.size === 0) return null;
      const wanted = changes.filter(
        ({ newPath, newBlob }) => newPath !== null && newBlob !== null && saved.has(newPath),
      );
      if (wanted.length === 0) return null;
      const source = emptySnapshot();
      growSnapshot(source, nSnippets);
      using blobs = openBlobs(top, AbortSignal.timeout(BLOBS_DEADLINE_MS));
      try {
        for (const { newPath, newBlob } of wanted) {
          const text = (await blobs.read(newBlob ?? ""))?.toString("utf8");
          if (text === undefined || newPath === null) continue;
          const versions = saved.get(newPath) ?? [];
          const version = versions.find((one) => one.text === text) ?? versions[0];
          if (version === undefined) continue;
          const runs = anchorsOfPlaces(await placesIn(version, text), text, numberOf, version.syntax);
          if (runs.length > 0) setFileAnchors(source, newPath, packAnchors(runs));
        }
      } catch (error) {
        // Without them the commit is read by its own text.
        if (!(error instanceof GitError)) throw error;
      }
      source.conf.fill(CONF_SAVED);
      return source;
    },
  };
};

/** Seen standing there, hundredths. */
const CONF_SAVED = 100;

/** The same as `placesInVersion`, in turns: the editor's keys go through the same loop. */
const placesIn = async (version: SavedBuffer, text: string): Promise<SavedBuffer["places"]> => {
  if (version.text === text) return version.places;
  const follower = createBufferFollower(diffSequences, version, version.syntax);
  follower.replaced(text, "edit");
  const turns = createTurns();
  for (const steps = follower.settle(text, 0); steps.next().done !== true;) if (turns.isOver()) await turns.next();
  return follower.places();
};
