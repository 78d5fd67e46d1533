import { shiftRegionByAll, type Region, type TextChange } from "../../core/lifecycle/region.ts";
import type { Clock } from "./clock.ts";

/**
 * Where the accepted code of open documents stands now: for the buttons over it, and to show it again.
 * Lost when its document closes; then the text is looked for.
 */
export interface CodePlaces {
  /** A second call for the same suggestion (a longer partial accept) replaces the first. */
  follow(suggestionId: string, document: string, region: Region): void;
  /** On the typing path: costs the same however much code stands in the document. */
  changed(document: string, changes: readonly TextChange[]): void;
  closed(document: string): void;
  /** Its deleted code came back by redo: where it went, as long as it was. */
  restore(suggestionId: string): void;
  of(suggestionId: string): Place | null;
  /** Newest first. */
  in(document: string): readonly Place[];
  /** The newest whose code covers the offset, its ends included. */
  at(document: string, offset: number): Place | null;
  /** Its code is not followed any more. */
  remove(suggestionId: string): void;
  [Symbol.dispose](): void;
}

export interface Place {
  readonly suggestionId: string;
  readonly document: string;
  readonly region: Region;
}

/** Places followed in one document; the oldest give way. */
const MAX_PER_DOCUMENT = 200;
/** Edits of a document that may wait; more are gone through at once, in less than a millisecond. */
const MAX_WAITING = 64;
/** Code that an edit has deleted loses its buttons this soon, milliseconds. */
const LOOK_AFTER_MS = 50;

interface InDocument {
  /** Newest last. Deleted code has an empty region, and the length that it had. */
  readonly places: Map<string, { region: Region; length: number }>;
  /** Edits that the places were not moved by yet: that waits until somebody asks. */
  waiting: (readonly TextChange[])[];
}

/** `onDidChange` tells of code that came or went; code that only moved is nothing to redraw for. */
export function createCodePlaces(clock: Clock, onDidChange: () => void): CodePlaces {
  const byDocument = new Map<string, InDocument>();
  let cancel: (() => void) | null = null;

  /** Moves the places of a document on. True when code came or went. */
  const settle = (one: InDocument): boolean => {
    if (one.waiting.length === 0) return false;
    const edits = one.waiting;
    one.waiting = [];
    let cameOrWent = false;
    for (const place of one.places.values()) {
      const wasThere = place.region.end > place.region.start;
      for (const changes of edits) {
        place.region = shiftRegionByAll(place.region, changes, "keep");
        if (place.region.end > place.region.start) place.length = place.region.end - place.region.start;
      }
      if (wasThere !== place.region.end > place.region.start) cameOrWent = true;
    }
    return cameOrWent;
  };
  const settleAll = () => {
    let cameOrWent = false;
    for (const one of byDocument.values()) if (settle(one)) cameOrWent = true;
    if (cameOrWent) onDidChange();
  };
  /** The listener looks here again: what it finds is settled. */
  const settled = (document: string): InDocument | null => {
    const one = byDocument.get(document) ?? null;
    if (one && settle(one)) onDidChange();
    return one;
  };

  const remove = (suggestionId: string) => {
    for (const { places } of byDocument.values()) places.delete(suggestionId);
  };
  const placesIn = (document: string): Place[] =>
    [...(settled(document)?.places ?? [])]
      .map(([suggestionId, { region }]) => ({ suggestionId, document, region }))
      .filter(({ region }) => region.end > region.start)
      .reverse();

  return {
    remove(suggestionId) {
      remove(suggestionId);
      onDidChange();
    },
    follow(suggestionId, document, region) {
      remove(suggestionId);
      const one = settled(document) ?? { places: new Map(), waiting: [] };
      byDocument.set(document, one);
      one.places.set(suggestionId, { region, length: region.end - region.start });
      const [oldest] = one.places.keys();
      if (one.places.size > MAX_PER_DOCUMENT && oldest !== undefined) one.places.delete(oldest);
      onDidChange();
    },
    changed(document, changes) {
      const one = byDocument.get(document);
      if (!one || one.places.size === 0) return;
      one.waiting.push(changes);
      if (one.waiting.length >= MAX_WAITING) return settleAll();
      cancel ??= clock.after(LOOK_AFTER_MS, () => {
        cancel = null;
        settleAll();
      });
    },
    closed(document) {
      if (byDocument.delete(document)) onDidChange();
    },
    restore(suggestionId) {
      for (const [document, { places }] of byDocument) {
        if (!places.has(suggestionId)) continue;
        settled(document);
        const place = places.get(suggestionId);
        if (place && place.region.end === place.region.start)
          place.region = { start: place.region.start, end: place.region.start + place.length };
      }
      onDidChange();
    },
    of(suggestionId) {
      for (const [document, { places }] of byDocument) {
        if (!places.has(suggestionId)) continue;
        settled(document);
        const region = places.get(suggestionId)?.region;
        if (region && region.end > region.start) return { suggestionId, document, region };
      }
      return null;
    },
    in: placesIn,
    at: (document, offset) =>
      placesIn(document).find(({ region }) => offset >= region.start && offset <= region.end) ?? null,
    [Symbol.dispose]: () => cancel?.(),
  };
}
