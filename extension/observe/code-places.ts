import { shiftRegionByAll, type Region, type TextChange } from "../../core/lifecycle/region.ts";

/**
 * Where the accepted code of open documents stands now: for the buttons over it, and to show it again.
 * Lost when its document closes; then the text is looked for.
 */
export interface CodePlaces {
  /** A second call for the same suggestion (a longer partial accept) replaces the first. */
  follow(suggestionId: string, document: string, region: Region): void;
  /** Costs one comparison for each place of the document. Must not wait. */
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
}

export interface Place {
  readonly suggestionId: string;
  readonly document: string;
  readonly region: Region;
}

/** Places followed in one document; the oldest give way. */
const MAX_PER_DOCUMENT = 200;

/** `onDidChange` tells of code that came or went; code that only moved is nothing to redraw for. */
export function createCodePlaces(onDidChange: () => void): CodePlaces {
  /** By document, newest last. Deleted code has an empty region, and the length that it had. */
  const byDocument = new Map<string, Map<string, { region: Region; length: number }>>();

  const remove = (suggestionId: string) => {
    for (const places of byDocument.values()) places.delete(suggestionId);
  };
  const placesIn = (document: string): Place[] =>
    [...(byDocument.get(document) ?? [])]
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
      const places = byDocument.get(document) ?? new Map<string, { region: Region; length: number }>();
      byDocument.set(document, places.set(suggestionId, { region, length: region.end - region.start }));
      const [oldest] = places.keys();
      if (places.size > MAX_PER_DOCUMENT && oldest !== undefined) places.delete(oldest);
      onDidChange();
    },
    changed(document, changes) {
      const places = byDocument.get(document);
      if (!places || places.size === 0) return;
      let cameOrWent = false;
      for (const place of places.values()) {
        const wasThere = place.region.end > place.region.start;
        place.region = shiftRegionByAll(place.region, changes, "keep");
        const length = place.region.end - place.region.start;
        if (length > 0) place.length = length;
        if (wasThere !== length > 0) cameOrWent = true;
      }
      if (cameOrWent) onDidChange();
    },
    closed(document) {
      if (byDocument.delete(document)) onDidChange();
    },
    restore(suggestionId) {
      for (const places of byDocument.values()) {
        const place = places.get(suggestionId);
        if (place && place.region.end === place.region.start)
          place.region = { start: place.region.start, end: place.region.start + place.length };
      }
      onDidChange();
    },
    of(suggestionId) {
      for (const [document, places] of byDocument) {
        const region = places.get(suggestionId)?.region;
        if (region && region.end > region.start) return { suggestionId, document, region };
      }
      return null;
    },
    in: placesIn,
    at: (document, offset) =>
      placesIn(document).find(({ region }) => offset >= region.start && offset <= region.end) ?? null,
  };
}
