import type { Syntax } from "./markdown-text.ts";
import { countAlphanumerics, MIN_MOVED_ALPHANUMERICS } from "./token-runs.ts";
import { significantTokens } from "./tokens.ts";

/** Accepted code as the tracker looks for it. */
export interface TrackedSnippet {
  readonly sid: string;
  /** The file that it was accepted in, relative to the repository's top folder. */
  readonly file: string;
  /** Line that it began on, counted from 1; null when not known. */
  readonly line: number | null;
  readonly tokens: readonly string[];
  /** The same tokens as numbers of the {@link Vocabulary}. */
  readonly ids: Int32Array;
  /** Letters and digits of each token, and of all. */
  readonly sizes: Uint16Array;
  readonly size: number;
  /**
   * While it still stands in part, the fewest tokens that it must have lost for a search to find any of them: fewer
   * have too few letters and digits, whichever they are. Infinite when all have.
   */
  readonly fewestSought: number;
}

/** Numbers for the tokens of all snippets. */
export type Vocabulary = Map<string, number>;

/** Reads a snippet's tokens; those that are new to the vocabulary are added to it. */
export const trackSnippet = (
  { sid, file, line, text, syntax }: { sid: string; file: string; line: number | null; text: string; syntax?: Syntax },
  vocabulary: Vocabulary,
): TrackedSnippet => {
  const tokens = significantTokens(text, syntax);
  const sizes = Uint16Array.from(tokens, (token) => Math.min(0xffff, countAlphanumerics(token)));
  const ids = Int32Array.from(tokens, (token) => {
    const id = vocabulary.get(token) ?? vocabulary.size;
    vocabulary.set(token, id);
    return id;
  });
  const size = sizes.reduce((sum, one) => sum + one, 0);
  return { sid, file, line, tokens, ids, sizes, size, fewestSought: fewestOf(sizes) };
};

const fewestOf = (sizes: Uint16Array): number => {
  const smallestFirst = sizes.toSorted();
  let sum = 0;
  for (let n = 1; n <= sizes.length; n += 1) {
    sum += smallestFirst[sizes.length - n] as number;
    if (sum >= MIN_MOVED_ALPHANUMERICS) return n;
  }
  return Infinity;
};
