/** A piece of a longer text, followed as a snippet of its own. */
export interface Piece {
  readonly text: string;
  /** Lines before it in the whole text. */
  readonly line: number;
}

export interface PieceLimits {
  readonly maxLines: number;
  readonly maxChars: number;
}

/** A function or a class fits; an agent's file of 500 lines is a dozen pieces that live and die apart. */
const LIMITS: PieceLimits = { maxLines: 60, maxChars: 6_000 };

/**
 * Cuts a text into pieces at blank lines where it can, so that each is code that stands for itself. The pieces
 * joined are the text. A line that is longer than a piece may be is cut between characters.
 */
export const cutIntoPieces = (text: string, limits: PieceLimits = LIMITS): Piece[] => {
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const pieces: Piece[] = [];
  for (let at = 0; at < lines.length;) {
    const end = endOfPiece(lines, at, limits);
    if (end > at) {
      pieces.push({ text: lines.slice(at, end).join(""), line: at });
      at = end;
      continue;
    }
    for (const part of splitLong(lines[at] as string, limits.maxChars)) pieces.push({ text: part, line: at });
    at += 1;
  }
  return pieces;
};

/** First line after the piece that begins at a line; the line itself when that alone is too long. */
const endOfPiece = (lines: readonly string[], start: number, { maxLines, maxChars }: PieceLimits): number => {
  let nChars = 0;
  let end = start;
  while (end < lines.length && end - start < maxLines && nChars + (lines[end] as string).length <= maxChars) {
    nChars += (lines[end] as string).length;
    end += 1;
  }
  if (end === lines.length || end === start) return end;
  // The last blank line in the second half; a cut before it would leave a stump.
  for (let at = end; at > start + Math.floor((end - start) / 2); at -= 1) {
    if ((lines[at - 1] as string).trim() === "") return at;
  }
  return end;
};

const splitLong = (line: string, maxChars: number): string[] => {
  const parts: string[] = [];
  for (let at = 0; at < line.length;) {
    let end = Math.min(line.length, at + maxChars);
    // Not between the halves of a surrogate pair.
    if (end < line.length && /[\ud800-\udbff]/.test(line[end - 1] as string) && end - 1 > at) end -= 1;
    parts.push(line.slice(at, end));
    at = end;
  }
  return parts;
};
