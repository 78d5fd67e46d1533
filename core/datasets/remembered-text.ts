/** Lines before the cursor that an example shows, so that a reader of the prompt sees where the text belongs. */
const LINES_BEFORE = 6;
/** Longest text of one example, characters: a prompt has room for a few. */
const MAX_CHARS = 1_600;

/** What was written after a prefix, with the lines above it: what is remembered of it. */
export function rememberedText(prefix: string, written: string): string {
  const before = prefix
    .split("\n")
    .slice(-LINES_BEFORE - 1)
    .join("\n");
  return (before + written).slice(-MAX_CHARS);
}
