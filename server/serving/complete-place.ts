import type { ServedEngine } from "./served-engine.ts";

/** Longest completion for somebody who judges code, tokens. */
const MAX_TOKENS = 64;

/** What a version, or the base model alone, writes at a place, and how sure it is. Throws as `ServedEngine.complete`. */
export async function completePlace(
  engine: ServedEngine,
  version: string | null,
  place: { readonly path: string; readonly prefix: string; readonly suffix: string },
  signal: AbortSignal,
): Promise<{ text: string; meanLogProbability: number | null }> {
  const { path, prefix, suffix } = place;
  const request = {
    path,
    prefix,
    suffix,
    repository: "",
    examples: [],
    maxTokens: MAX_TOKENS,
    lines: "block",
  } as const;
  const { text, meanLogProbability } = await engine.complete({ request, retrieve: null, version, signal });
  return { text, meanLogProbability: text === "" ? null : meanLogProbability };
}
