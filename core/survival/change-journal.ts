import type { Region, TextChange } from "../lifecycle/region.ts";
import type { ChangeAuthor } from "./buffer-cause.ts";

/** What happened to a document since it was looked at last, in order. */
export type JournalEntry =
  | {
      readonly kind: "changed";
      /** Of one edit, told against the text before it; without overlaps. */
      readonly changes: readonly TextChange[];
      readonly author: ChangeAuthor;
    }
  /** The whole text is another one: read again from disk, or opened again. */
  | { readonly kind: "replaced"; readonly text: string; readonly author: ChangeAuthor }
  | { readonly kind: "followed"; readonly snippet: AcceptedSnippet };

/** Code that was accepted just now. */
export interface AcceptedSnippet {
  readonly suggestionId: string;
  readonly text: string;
  /** Where the text stands, as the document is now. */
  readonly region: Region;
  /** Characters of the document directly before and behind it: the text may have completed a word. */
  readonly before: string;
  readonly after: string;
  /** Monotonic, milliseconds. */
  readonly acceptedAt: number;
}

/** Changes of one edit from the last place to the first, so that each offset still holds when its turn comes. */
export const descending = (changes: readonly TextChange[]): readonly TextChange[] =>
  changes.length < 2 ? changes : [...changes].sort((a, b) => b.offset - a.offset);

/** The text after these entries. Pieces are cut and put together once: a long text is not copied for each change. */
export const applyEntries = (text: string, entries: readonly JournalEntry[]): string => {
  let pieces: string[] = [text];
  for (const entry of entries) {
    if (entry.kind === "replaced") {
      pieces = [entry.text];
      continue;
    }
    if (entry.kind === "changed") for (const change of descending(entry.changes)) pieces = splice(pieces, change);
  }
  return pieces.join("");
};

const splice = (pieces: readonly string[], { offset, deleted, text }: TextChange): string[] => {
  const kept: string[] = [];
  const end = offset + deleted;
  let isPut = text.length === 0;
  let at = 0;
  for (const piece of pieces) {
    const next = at + piece.length;
    if (at < offset) kept.push(next <= offset ? piece : piece.slice(0, offset - at));
    if (next >= end) {
      if (!isPut) kept.push(text);
      isPut = true;
      if (next > end) kept.push(at >= end ? piece : piece.slice(end - at));
    }
    at = next;
  }
  if (!isPut) kept.push(text);
  return kept;
};

/** Units that the entries add to a text of `length` units. */
export const lengthAfter = (length: number, entries: readonly JournalEntry[]): number => {
  let reached = length;
  for (const entry of entries) {
    if (entry.kind === "replaced") reached = entry.text.length;
    else if (entry.kind === "changed") for (const { deleted, text } of entry.changes) reached += text.length - deleted;
  }
  return reached;
};
