import type { PromptWindow } from "./prompt-window.ts";

/** A suggestion once generated, and where it was offered first. */
export interface CachedSuggestion {
  readonly suggestionId: string;
  readonly document: string;
  /** Text before the cursor, up to the window's length, when it was generated. */
  readonly prefix: string;
  readonly suffix: string;
  readonly text: string;
  /** Adapter and examples it was made with: another deployment asks the model again. */
  readonly generation: string;
}

/** What is still to come of a suggestion. */
export interface CachedRest {
  readonly suggestionId: string;
  readonly text: string;
  /** Closers behind the cursor that the editor added, and that `text` brings too: it replaces them. */
  readonly nClosers: number;
}

export interface SuggestionCache {
  /** The rest of a suggestion that the developer is typing through, or at whose place the cursor is again. */
  find(document: string, window: PromptWindow, generation: string): CachedRest | null;
  add(suggestion: CachedSuggestion): void;
  /** A decided suggestion is not offered again: an accepted one is in the text, a rejected one unwanted. */
  remove(suggestionId: string): void;
  clear(): void;
}

/** Suggestions remembered for typing along and for going back, newest first. */
const CAPACITY = 32;
/** Brackets and quotes that one suggestion opens at a time. */
const MAX_ADDED_CLOSERS = 6;
/** Text before the cursor that must be equal for two places to be the same. */
const PLACE_CHARS = 512;

export function createSuggestionCache(): SuggestionCache {
  let entries: CachedSuggestion[] = [];
  return {
    find(document, window, generation) {
      for (const entry of entries) {
        if (entry.document !== document || entry.generation !== generation) continue;
        const typed = typedSince(entry, window.prefix);
        if (typed === null || typed.length >= entry.text.length || !entry.text.startsWith(typed)) continue;
        const nClosers = addedClosers(entry.suffix, window.suffix);
        const rest = entry.text.slice(typed.length);
        if (nClosers === null || !closesItself(rest, window.suffix.slice(0, nClosers))) continue;
        return { suggestionId: entry.suggestionId, text: rest, nClosers };
      }
      return null;
    },
    add(suggestion) {
      entries = [suggestion, ...entries].slice(0, CAPACITY);
    },
    remove(suggestionId) {
      entries = entries.filter((entry) => entry.suggestionId !== suggestionId);
    },
    clear() {
      entries = [];
    },
  };
}

/** What stands between the place of the cached suggestion and the cursor, or null when it is another place. */
function typedSince(entry: CachedSuggestion, prefix: string): string | null {
  const tail = entry.prefix.slice(-PLACE_CHARS);
  for (let length = 0; length <= entry.text.length && length <= prefix.length; length += 1) {
    const typed = prefix.slice(prefix.length - length);
    const before = prefix.slice(0, prefix.length - length);
    if (!entry.text.startsWith(typed) || !before.endsWith(tail)) continue;
    // Near the start of a document the whole text before the cursor is the place.
    if (tail.length === PLACE_CHARS || before === entry.prefix) return typed;
  }
  return null;
}

/** How many closers the editor added behind the cursor since, or null when the text there is another. */
function addedClosers(old: string, current: string): number | null {
  const known = old.slice(0, PLACE_CHARS / 2);
  const isWhole = known.length < PLACE_CHARS / 2;
  for (let n = 0; n <= MAX_ADDED_CLOSERS; n += 1) {
    if (!/^[)\]}'"`>]*$/.test(current.slice(0, n))) return null;
    const rest = current.slice(n);
    if (isWhole ? rest === known : rest.startsWith(known)) return n;
  }
  return null;
}

/** True when the rest of the suggestion brings these closers itself, in their order. */
function closesItself(rest: string, closers: string): boolean {
  let from = 0;
  for (const closer of closers) {
    const found = rest.indexOf(closer, from);
    if (found === -1) return false;
    from = found + 1;
  }
  return true;
}
