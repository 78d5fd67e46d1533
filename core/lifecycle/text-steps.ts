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

export interface Progress {
  readonly start: number;
  readonly text: string;
  readonly consumed: number;
  readonly nClosers: number;
}

/** Where the suggestion stands after a change that belongs to it. */
export interface Step {
  readonly consumed: number;
  readonly nClosers: number;
  /** What came in; empty for a step back. */
  readonly text: string;
}

/**
 * The step that a change makes through the suggestion, or null when the change is something else. A
 * change may replace the part that is there already (an accept after typing replaces the item's whole
 * range by the whole text), may overwrite closers that the editor put behind the cursor, and may take
 * back what was typed along.
 */
export function stepThrough(progress: Progress, change: TextChange): Step | null {
  const { start, text, consumed, nClosers } = progress;
  const cursor = start + consumed;
  const nOverwritten = change.offset + change.deleted - cursor;
  if (change.offset > cursor) return null;
  if (change.offset < start) {
    // With an entry of the suggest widget selected, an item begins where the entry's word does.
    const isWhole = change.text.length === start - change.offset + text.length && change.text.endsWith(text);
    return isWhole && nOverwritten === 0 ? { consumed: text.length, nClosers, text: text.slice(consumed) } : null;
  }
  if (change.text === "") return stepBack(progress, change, nOverwritten);
  if (nOverwritten < 0 || nOverwritten > nClosers) return null;
  const from = change.offset - start;
  const isPair = isAutoClosedPair(change.text, text.slice(from));
  const typed = isPair ? change.text.slice(0, 1) : change.text;
  const reached = from + typed.length;
  if (reached <= consumed || !text.startsWith(typed, from)) return null;
  return {
    consumed: reached,
    nClosers: nClosers - nOverwritten + (isPair ? 1 : 0),
    text: text.slice(consumed, reached),
  };
}

/** Backspace inside the part that is there already; between a pair it takes the closer with it. */
function stepBack({ start, consumed, nClosers }: Progress, change: TextChange, nOverwritten: number): Step | null {
  if (nOverwritten < 0 || nOverwritten > nClosers || change.offset === start + consumed) return null;
  return { consumed: change.offset - start, nClosers: nClosers - nOverwritten, text: "" };
}

/** The editor closes a bracket that was typed: `(` arrives as `()` with the cursor between. */
function isAutoClosedPair(inserted: string, expected: string): boolean {
  const [open, close] = inserted;
  const isPair = inserted.length === 2 && open !== undefined && CLOSER_OF[open] === close;
  return isPair && expected.startsWith(open) && !expected.startsWith(inserted);
}

/** True for changes at the cursor or over it; edits elsewhere only move the suggestion. */
export function touches(change: TextChange, cursor: number): boolean {
  return change.offset <= cursor && cursor <= change.offset + change.deleted;
}

/** Enter (with the indentation that the editor adds), Tab that indents, or a deletion: no text of one's own. */
export function isLayout(change: TextChange): boolean {
  return /^(?:|\t| {2,}|\r?\n[ \t]*)$/.test(change.text);
}
