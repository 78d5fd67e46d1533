import { survivalInHead } from "../../../tracker/head-survival.ts";
import type { Insertion } from "./insertions.ts";

/**
 * Kept's own answer for insertions of a repository whose HEAD stands at a later commit: the retained share of
 * significant tokens, or null where it says that it does not know. In the order of the insertions.
 */
export const keptShares = async (
  repo: string,
  insertions: readonly Insertion[],
  signal: AbortSignal,
): Promise<(number | null)[]> => {
  const snippets = insertions.map(({ path, text }, at) => ({ id: String(at), path, text }));
  const found = await survivalInHead({ repo, snippets, signal });
  return found.map(({ tokens }) => tokens);
};
