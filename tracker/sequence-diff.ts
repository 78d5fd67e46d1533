import type { DiffSequences, EqualBlock } from "../core/survival/text-replacement.ts";
import { diffArrays } from "diff";

/** Edits beyond which two texts have little in common; the token rule then searches instead. */
const MAX_EDITS = 4_000;
/** The editor's own turn is 5 ms at most; what takes longer is given up. */
const TIMEOUT_MS = 4;

/** The `diff` package's shortest edit script as equal blocks, or null when a limit was reached. */
export const diffSequences: DiffSequences = (before, after) => diffWithin(before, after, TIMEOUT_MS);

/** The same with a limit of time of one's own, milliseconds: a background task may take longer. */
export function diffWithin(before: readonly string[], after: readonly string[], timeout: number): EqualBlock[] | null {
  const changes = diffArrays([...before], [...after], { maxEditLength: MAX_EDITS, timeout });
  if (changes === undefined) return null;
  const blocks: EqualBlock[] = [];
  let old = 0;
  let now = 0;
  for (const { added, removed, count } of changes) {
    if (added) now += count;
    else if (removed) old += count;
    else {
      blocks.push({ before: old, after: now, length: count });
      old += count;
      now += count;
    }
  }
  return blocks;
}
