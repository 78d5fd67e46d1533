/** A half-open range of UTF-16 offsets in one document, and how it moves as the document is edited. */
export interface Region {
  readonly start: number;
  readonly end: number;
}

/** One content change: `deleted` UTF-16 units at `offset` gave way to `text`. */
export interface TextChange {
  readonly offset: number;
  readonly deleted: number;
  readonly text: string;
}

/**
 * Where a region stands after a change. Text inserted inside belongs to the region, text inserted
 * exactly at its start does not. At its end it does only with `"grow"`: what somebody goes on typing.
 */
export function shiftRegion(region: Region, change: TextChange, atEnd: "grow" | "keep"): Region {
  const changeEnd = change.offset + change.deleted;
  const growth = change.text.length - change.deleted;
  if (changeEnd < region.start || (changeEnd === region.start && (change.deleted > 0 || region.start < region.end))) {
    if (growth === 0) return region;
    return { start: region.start + growth, end: region.end + growth };
  }
  if (change.offset > region.end) return region;
  if (change.offset === region.end && atEnd === "keep") return region;
  const start = Math.min(region.start, change.offset);
  const insertedEnd = change.offset + change.text.length;
  const end = changeEnd >= region.end ? insertedEnd : region.end + growth;
  // A change that covers the start leaves the region beginning where the change began.
  return { start, end: Math.max(start, end) };
}

/** Changes of one edit are told against the text before it; apply them from the last to the first. */
export function shiftRegionByAll(region: Region, changes: readonly TextChange[], atEnd: "grow" | "keep"): Region {
  const [only] = changes;
  // A key is one change: nothing to sort, and nothing to leave for the collector.
  if (only !== undefined && changes.length === 1) return shiftRegion(region, only, atEnd);
  const descending = [...changes].sort((a, b) => b.offset - a.offset);
  return descending.reduce((moved, change) => shiftRegion(moved, change, atEnd), region);
}
