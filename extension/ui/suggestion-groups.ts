import { isTaken, type JournalEntry } from "../observe/journal-entry.ts";

/** How the *Suggestions* view is cut and ordered. Pure: days and words come from the caller. */
export type Grouping = "day" | "file";
export const FILTERS = ["all", "taken", "refused", "rated", "unrated", "alive", "gone"] as const;
export type Filter = (typeof FILTERS)[number];

export interface Group {
  readonly key: string;
  /** Newest first. */
  readonly entries: readonly JournalEntry[];
}

export function passes(entry: JournalEntry, filter: Filter): boolean {
  switch (filter) {
    case "all":
      return true;
    case "taken":
      return isTaken(entry);
    case "refused":
      return entry.outcome === "rejected" || entry.outcome === "typed-over" || entry.outcome === "undone";
    case "rated":
      return entry.rating !== null;
    case "unrated":
      return entry.rating === null && isTaken(entry);
    case "alive":
      return entry.survived?.place === "head" && entry.survived.tokens !== 0;
    case "gone":
      return entry.survived?.place === "nowhere" || entry.retained?.tokens === 0;
  }
}

/** Groups in the order of their newest suggestion. `entries` are given newest first. */
export function groupEntries(
  entries: readonly JournalEntry[],
  filter: Filter,
  keyOf: (entry: JournalEntry) => string,
): Group[] {
  const groups = new Map<string, JournalEntry[]>();
  for (const entry of entries) {
    if (!passes(entry, filter)) continue;
    const key = keyOf(entry);
    const group = groups.get(key);
    if (group) group.push(entry);
    else groups.set(key, [entry]);
  }
  return [...groups].map(([key, inside]) => ({ key, entries: inside }));
}

/** Suggestions of one local day (`Date.toDateString`), for the status item. */
export function todayOf(
  entries: readonly JournalEntry[],
  day: string,
): { readonly shown: number; readonly accepted: number; readonly rated: number } {
  const ofDay = entries.filter(({ shownAtMs }) => new Date(shownAtMs).toDateString() === day);
  return {
    shown: ofDay.length,
    accepted: ofDay.filter(({ outcome }) => outcome === "accepted" || outcome === "partially-accepted").length,
    rated: ofDay.filter(({ rating }) => rating !== null).length,
  };
}
