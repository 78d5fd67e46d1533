import { shiftRegionByAll, type Region, type TextChange } from "../../core/lifecycle/region.ts";

/** What the developer wrote in a suggestion's place, once the line has settled. */
export interface TypedInsteadWatch {
  /** The suggestion would have begun at `start`; what is there up to `cursor` was typed already. */
  follow(suggestionId: string, document: string, start: number, cursor: number): void;
  changed(document: string, changes: readonly TextChange[]): void;
  /** The cursor stands at `offset`: away from the place, what was written there is finished. */
  cursor(document: string, offset: number): void;
  [Symbol.dispose](): void;
}

/** A line is settled when nothing was typed there for this long. */
const SETTLED_MS = 4_000;
/** Longest text told, characters: the protocol's limit is above it. */
const MAX_CHARS = 4_000;
/** Only the place of the newest few suggestions is followed. */
const MAX_FOLLOWED = 8;

interface Place {
  readonly suggestionId: string;
  readonly document: string;
  region: Region;
  changedAt: number;
}

export function watchTypedInstead(
  textOf: (document: string) => string | null,
  onSettled: (suggestionId: string, text: string) => void,
): TypedInsteadWatch {
  let places: Place[] = [];
  let timer: NodeJS.Timeout | null = null;

  const settle = (place: Place) => {
    places = places.filter((other) => other !== place);
    const written = textOf(place.document)?.slice(place.region.start, place.region.end).slice(0, MAX_CHARS) ?? "";
    if (written.trim() !== "") onSettled(place.suggestionId, written);
  };

  const plan = () => {
    if (timer) clearTimeout(timer);
    timer = null;
    if (places.length === 0) return;
    const next = Math.min(...places.map(({ changedAt }) => changedAt)) + SETTLED_MS;
    timer = setTimeout(
      () => {
        const now = performance.now();
        for (const place of places) if (now - place.changedAt >= SETTLED_MS) settle(place);
        plan();
      },
      Math.max(0, next - performance.now()) + 1,
    );
  };

  return {
    follow(suggestionId, document, start, cursor) {
      places = [
        ...places,
        { suggestionId, document, region: { start, end: Math.max(start, cursor) }, changedAt: performance.now() },
      ].slice(-MAX_FOLLOWED);
      plan();
    },
    changed(document, changes) {
      for (const place of places) {
        if (place.document !== document) continue;
        const before = place.region;
        place.region = shiftRegionByAll(before, changes, "grow");
        const touched = changes.some(
          (change) => change.offset <= before.end && change.offset + change.deleted >= before.start,
        );
        if (touched) place.changedAt = performance.now();
      }
    },
    cursor(document, offset) {
      for (const place of places) {
        const isAway = place.document !== document || offset < place.region.start || offset > place.region.end;
        // Right after the key the cursor is where the change ended: only a move away counts.
        if (isAway && place.region.end > place.region.start) settle(place);
      }
      plan();
    },
    [Symbol.dispose]() {
      if (timer) clearTimeout(timer);
      for (const place of places) settle(place);
    },
  };
}
