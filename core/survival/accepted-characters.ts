import type { Region, TextChange } from "../lifecycle/region.ts";

/**
 * Accepted and retained characters, ARC, as VS Code's edit telemetry defines it: the accepted insertion is
 * composed with every later edit, and what is left of its own characters is counted. A character that was
 * deleted or replaced is gone for good, also when the same one is put back by undo, paste or a formatter.
 */
export interface AcceptedCharacters {
  /** UTF-16 units that were accepted. */
  readonly nAccepted: number;
  /** Ascending ranges of the document that still hold them. */
  readonly regions: readonly Region[];
}

export const acceptedCharacters = (region: Region): AcceptedCharacters => ({
  nAccepted: region.end - region.start,
  regions: region.end > region.start ? [region] : [],
});

/** The fraction of the accepted characters that no later edit has touched, 0 to 1. */
export const retainedCharacters = ({ nAccepted, regions }: AcceptedCharacters): number =>
  nAccepted === 0 ? 1 : regions.reduce((sum, { start, end }) => sum + end - start, 0) / nAccepted;

/** What one more change leaves. Changes of one edit are told against the text before it: apply the last first. */
export const composeChange = (characters: AcceptedCharacters, change: TextChange): AcceptedCharacters => {
  const { offset, deleted, text } = change;
  const last = characters.regions.at(-1);
  if (last === undefined || last.end <= offset) return characters;
  const growth = text.length - deleted;
  const regions = characters.regions.flatMap(({ start, end }) => {
    if (end <= offset) return [{ start, end }];
    const before = { start, end: Math.min(end, offset) };
    const after = { start: Math.max(start, offset + deleted) + growth, end: end + growth };
    return [before, after].filter((part) => part.end > part.start);
  });
  return { nAccepted: characters.nAccepted, regions };
};

export const composeAll = (characters: AcceptedCharacters, descending: readonly TextChange[]): AcceptedCharacters =>
  descending.reduce(composeChange, characters);
