/** How much text around the cursor the model sees, in characters: the same windows as mined history. */
export const MAX_PREFIX_CHARS = 4_000;
export const MAX_SUFFIX_CHARS = 1_500;

export interface PromptWindow {
  readonly prefix: string;
  readonly suffix: string;
  /** Rest of the cursor's line, after the cursor. */
  readonly restOfLine: string;
  readonly lines: "single" | "block";
}

/** What may stand after the cursor for a suggestion to make sense there: what editors close by themselves. */
const ONLY_CLOSERS = /^[\s)\]}>'"`;,]*$/;

/**
 * Cuts the windows around `offset`, or says that there is nothing to suggest: in the middle of other
 * text a suggestion would push it around.
 */
export function promptWindow(text: string, offset: number): PromptWindow | null {
  const before = text.slice(Math.max(0, offset - MAX_PREFIX_CHARS), offset);
  const after = text.slice(offset, offset + MAX_SUFFIX_CHARS);
  const restOfLine = /^[^\r\n]*/.exec(after)?.[0] ?? "";
  if (!ONLY_CLOSERS.test(restOfLine)) return null;
  const startOfLine = /[^\r\n]*$/.exec(before)?.[0] ?? "";
  const opensBlock = /[{([]\s*$/.test(before.trimEnd()) && restOfLine.trim() === "";
  const lines = (startOfLine.trim() === "" && restOfLine.trim() === "") || opensBlock ? "block" : "single";
  return { prefix: before.replaceAll("\r\n", "\n"), suffix: after.replaceAll("\r\n", "\n"), restOfLine, lines };
}

/**
 * What of the model's text is worth showing: without trailing space, without a tail that the editor
 * has closed already, and nothing at all when it only repeats what follows. Empty means no suggestion.
 */
export function presentable(completion: string, window: PromptWindow): string {
  let text = completion.replace(/\s+$/, "");
  const rest = window.restOfLine.trim();
  if (rest !== "" && !text.includes("\n") && text.endsWith(rest) && hasUnbalancedTail(text, rest))
    text = text.slice(0, -rest.length);
  if (text.trim() === "") return "";
  const following = window.suffix.slice(window.restOfLine.length).trimStart();
  const next = following.split("\n", 1)[0]?.trim() ?? "";
  // The same line already stands below: accepting would only repeat it.
  if (next !== "" && text.trim() === next && next.length > 3) return "";
  return text;
}

/** True when the closers at the end close something opened before the suggestion. */
function hasUnbalancedTail(text: string, rest: string): boolean {
  const openers = "([{";
  const closers = ")]}";
  let depth = 0;
  for (const char of text) {
    if (openers.includes(char)) depth += 1;
    else if (closers.includes(char)) depth -= 1;
  }
  return depth < 0 || !/[)\]}]/.test(rest);
}
