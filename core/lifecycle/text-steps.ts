import type { TextChange } from "./region.ts";

/** How one content change relates to the text of a suggestion. */

const CLOSER_OF: Readonly<Record<string, string>> = {
  "(": ")",
  "[": "]",
  "{": "}",
  '"': '"',
  "'": "'",
  "`": "`",
  "<": ">",
};

interface Progress {
  readonly start: number;
  readonly text: string;
  readonly consumed: number;
}

/**
 * How many more characters of the suggestion a change brings into the document, or null when the
 * change is something else. A change may replace the part that is there already: an accept after
 * typing replaces the item's whole range by the whole text.
 */
export function advanceThrough(progress: Progress, change: TextChange): number | null {
  const cursor = progress.start + progress.consumed;
  if (change.offset < progress.start || change.offset > cursor) return null;
  if (change.offset + change.deleted !== cursor) return null;
  const typed = withoutAutoClosed(change.text, progress.text.slice(change.offset - progress.start));
  const reached = change.offset - progress.start + typed.length;
  if (reached <= progress.consumed || !progress.text.startsWith(typed, change.offset - progress.start)) return null;
  return reached - progress.consumed;
}

/** The editor closes a bracket that was typed: `(` arrives as `()` with the cursor between. */
function withoutAutoClosed(inserted: string, expected: string): string {
  const [open, close] = inserted;
  const isPair = inserted.length === 2 && open !== undefined && CLOSER_OF[open] === close;
  return isPair && expected.startsWith(open) && !expected.startsWith(inserted) ? open : inserted;
}

/** True for changes at the cursor or over it; edits elsewhere only move the suggestion. */
export function touches(change: TextChange, cursor: number): boolean {
  return change.offset <= cursor && cursor <= change.offset + change.deleted;
}

/** Enter (with the indentation that the editor adds) or a deletion: no text of one's own was written. */
export function isLineBreakOrDeletion(change: TextChange): boolean {
  return change.text.length === 0 || /^\r?\n[ \t]*$/.test(change.text);
}
