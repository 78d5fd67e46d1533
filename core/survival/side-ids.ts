import type { HunkSide } from "./file-change.ts";
import type { Vocabulary } from "./tracked-snippet.ts";

/** The tokens of a side as numbers of the vocabulary; -1 for those that no snippet holds. Kept with the side. */
export const sideIds = (side: HunkSide, vocabulary: Vocabulary): Int32Array => {
  if (side.ids !== null) return side.ids;
  const { tokens } = side;
  const ids = new Int32Array(tokens.length);
  for (let index = 0; index < tokens.length; index += 1) ids[index] = vocabulary.get(tokens[index] as string) ?? -1;
  side.ids = ids;
  return ids;
};
