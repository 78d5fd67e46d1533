import { shiftRegionByAll, type Region, type TextChange } from "../../core/lifecycle/region.ts";
import { significantTokens } from "../../core/survival/tokens.ts";
import type { Clock } from "./clock.ts";

/** What the developer wrote in a suggestion's place, once the line has settled. */
export interface TypedInsteadWatch {
  follow(refused: RefusedSuggestion): void;
  /** On the typing path: only the few places followed are moved. */
  changed(document: string, changes: readonly TextChange[]): void;
  /** The cursor stands at `offset`: away from the lines of the place, what was written there is finished. */
  cursor(document: string, offset: number): void;
  /** Another suggestion was taken there: what stands in the place is nobody's typing any more. */
  accepted(document: string, region: Region): void;
  forget(suggestionId: string): void;
  [Symbol.dispose](): void;
}

export interface RefusedSuggestion {
  readonly suggestionId: string;
  readonly document: string;
  /** Where its text would have begun; what is there up to `cursor` was typed already. */
  readonly start: number;
  readonly cursor: number;
  readonly suggested: string;
}

/** What the watch reads of documents; null when one is not open. */
export interface DocumentView {
  slice(document: string, region: Region): string | null;
  /** Zero-based line of an offset. */
  lineAt(document: string, offset: number): number | null;
}

/** How a place settled: with other text, or with the suggestion after all. */
export type Settled = { readonly kind: "typed-instead"; readonly text: string } | { readonly kind: "typed-through" };

/** A line is settled when nothing was typed there for this long. */
export const SETTLED_MS = 10_000;
/** Longest text told, characters: the protocol's limit is above it. */
const MAX_CHARS = 4_000;
/** Only the place of the newest few suggestions is followed. */
const MAX_FOLLOWED = 8;

interface Place {
  readonly refused: RefusedSuggestion;
  region: Region;
  changedAt: number;
}

export function watchTypedInstead(
  view: DocumentView,
  clock: Clock,
  onSettled: (suggestionId: string, settled: Settled) => void,
): TypedInsteadWatch {
  let places: readonly Place[] = [];
  let cancel: (() => void) | null = null;
  let plannedAt = Infinity;

  const settle = (place: Place) => {
    places = places.filter((other) => other !== place);
    const { document, suggestionId, suggested } = place.refused;
    const written = view.slice(document, place.region);
    const settled = written === null ? null : settledText(written, suggested);
    if (settled) onSettled(suggestionId, settled);
  };
  /** Typing only pushes the time back: the timer then finds that it is too early, and waits for the rest. */
  const plan = () => {
    const at = Math.min(...places.map(({ changedAt }) => changedAt)) + SETTLED_MS;
    if (at >= plannedAt || at === Infinity) return;
    cancel?.();
    plannedAt = at;
    cancel = clock.after(Math.max(0, at - clock.now()) + 1, () => {
      plannedAt = Infinity;
      for (const place of places) if (clock.now() - place.changedAt >= SETTLED_MS) settle(place);
      plan();
    });
  };
  const hasLeft = (place: Place, document: string, offset: number): boolean => {
    if (document !== place.refused.document) return true;
    const line = view.lineAt(document, offset);
    const first = view.lineAt(document, place.region.start);
    const last = view.lineAt(document, place.region.end);
    if (line === null || first === null || last === null) return true;
    // As many lines as were suggested are the answer to it; the line that comes after is new code.
    return line < first || line > Math.min(last, first + countLines(place.refused.suggested) - 1);
  };

  return {
    follow(refused) {
      const region = { start: refused.start, end: Math.max(refused.start, refused.cursor) };
      places = [...places, { refused, region, changedAt: clock.now() }].slice(-MAX_FOLLOWED);
      plan();
    },
    changed(document, changes) {
      for (const place of places) {
        if (place.refused.document !== document) continue;
        const before = place.region;
        place.region = shiftRegionByAll(before, changes, "grow");
        const touches = ({ offset, deleted }: TextChange) => offset <= before.end && offset + deleted >= before.start;
        if (changes.some(touches)) place.changedAt = clock.now();
      }
    },
    cursor(document, offset) {
      // Before anything was written the place is only waited for: the developer may come back to it.
      for (const place of places)
        if (place.region.end > place.region.start && hasLeft(place, document, offset)) settle(place);
    },
    accepted(document, { start, end }) {
      places = places.filter(
        ({ refused, region }) => refused.document !== document || region.end < start || region.start > end,
      );
    },
    forget(suggestionId) {
      places = places.filter((place) => place.refused.suggestionId !== suggestionId);
    },
    [Symbol.dispose]() {
      cancel?.();
      for (const place of places) settle(place);
    },
  };
}

/** Null when nothing was written; formatting apart, the suggestion itself was typed through after all. */
function settledText(written: string, suggested: string): Settled | null {
  const text = written.split("\n").slice(0, countLines(suggested)).join("\n").trimEnd().slice(0, MAX_CHARS);
  if (text.trim() === "") return null;
  const wanted = significantTokens(suggested);
  const typed = significantTokens(text);
  const isSame = wanted.length === typed.length && wanted.every((token, at) => token === typed[at]);
  // Nothing but punctuation has no tokens that could differ: then the characters count.
  const isThrough = wanted.length === 0 ? text.trim() === suggested.trim() : isSame;
  return isThrough ? { kind: "typed-through" } : { kind: "typed-instead", text };
}

const countLines = (text: string): number => text.trimEnd().split("\n").length;
