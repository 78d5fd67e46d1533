/** Lines of a file, both ends included, counted from 1. */
export interface LineRange {
  readonly first: number;
  readonly last: number;
}

/** No file of code is longer. */
export const MAX_LINE = 10_000_000;

/** Reads `1-4,9,12-14`: ascending, without spaces. Null when it is anything else. */
export function parseLineRanges(text: string): LineRange[] | null {
  const ranges: LineRange[] = [];
  for (const part of text.split(",")) {
    const match = /^(\d{1,8})(?:-(\d{1,8}))?$/.exec(part);
    if (match === null) return null;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (first < 1 || last < first || last > MAX_LINE || first <= (ranges.at(-1)?.last ?? 0)) return null;
    ranges.push({ first, last });
  }
  return ranges;
}

/** Writes ranges as {@link parseLineRanges} reads them. */
export const formatLineRanges = (ranges: readonly LineRange[]): string =>
  ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(",");

/** Ranges in order, touching ones joined. */
export function joinRanges(ranges: readonly LineRange[]): LineRange[] {
  const joined: LineRange[] = [];
  for (const range of [...ranges].sort((left, right) => left.first - right.first)) {
    const before = joined.at(-1);
    if (before !== undefined && range.first <= before.last + 1) {
      joined[joined.length - 1] = { first: before.first, last: Math.max(before.last, range.last) };
    } else joined.push(range);
  }
  return joined;
}

/** The text of lines, with their line ends, and what stands before and after; null when the file is shorter. */
export function cutLines(
  file: string,
  { first, last }: LineRange,
): { before: string; text: string; after: string } | null {
  const lines = file.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  if (last > lines.length) return null;
  return {
    before: lines.slice(0, first - 1).join(""),
    text: lines.slice(first - 1, last).join(""),
    after: lines.slice(last).join(""),
  };
}
