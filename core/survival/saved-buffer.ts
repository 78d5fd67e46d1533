import { createBufferFollower, settleNow } from "./buffer-follower.ts";
import type { SnippetPlaces } from "./buffer-places.ts";
import type { Syntax } from "./markdown-text.ts";
import type { DiffSequences } from "./text-replacement.ts";

/** A text that was written to disk, and where accepted code stood in it (survival.md section 3.3). */
export interface SavedBuffer {
  readonly text: string;
  readonly places: readonly SnippetPlaces[];
  /** How their tokens are read; code where it is left out. */
  readonly syntax?: Syntax;
}

/** Versions of a saved file that are kept: a commit takes the last one, or the one before a later save. */
export const SAVED_VERSIONS = 2;

/**
 * Where the code of a saved file stands in another version of it, such as the blob of a commit: what was staged in
 * parts, edited or formatted in between is found by the same rules as in the buffer. A snippet that nothing can be
 * said about is left out.
 */
export const placesInVersion = (saved: SavedBuffer, version: string, diff: DiffSequences): readonly SnippetPlaces[] => {
  const follower = createBufferFollower(diff, saved, saved.syntax);
  follower.replaced(version, "edit");
  settleNow(follower, version, 0);
  return follower.places();
};
