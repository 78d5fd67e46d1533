/** Lines of a text, counted from 0, that code stands on. */
export interface FoundLines {
  readonly first: number;
  readonly last: number;
}

/**
 * Looks for a suggestion's code in a text that went on without anybody watching: the whole code first,
 * then its longest line, each time the find that is nearest to where it stood. White space at the ends of
 * lines does not count: formatters move it.
 */
export function findCode(text: string, code: string, nearLine: number): FoundLines | null {
  const lines = text.split("\n").map((line) => line.trim());
  const wanted = code.split("\n").map((line) => line.trim());
  while (wanted.length > 0 && wanted[0] === "") wanted.shift();
  while (wanted.length > 0 && wanted.at(-1) === "") wanted.pop();
  if (wanted.length === 0) return null;
  return (
    nearest(lines, nearLine, (at) => standsAt(lines, wanted, at), wanted.length) ?? longestLine(lines, wanted, nearLine)
  );
}

/** A suggestion begins in the middle of a line: its first line is the end of one. */
function standsAt(lines: readonly string[], wanted: readonly string[], at: number): boolean {
  return wanted.every((line, idx) => {
    const here = lines[at + idx];
    if (here === undefined) return false;
    if (wanted.length === 1) return here.includes(line);
    if (idx === 0) return here.endsWith(line);
    return idx === wanted.length - 1 ? here.startsWith(line) : here === line;
  });
}

/** A line shorter than this stands anywhere: `}` finds nothing. */
const MIN_LINE_CHARS = 6;

function longestLine(lines: readonly string[], wanted: readonly string[], nearLine: number): FoundLines | null {
  const longest = wanted.reduce((best, line) => (line.length > best.length ? line : best), "");
  if (longest.length < MIN_LINE_CHARS) return null;
  return nearest(lines, nearLine, (at) => lines[at]?.includes(longest) === true, 1);
}

function nearest(
  lines: readonly string[],
  nearLine: number,
  isFound: (at: number) => boolean,
  nLines: number,
): FoundLines | null {
  let best: number | null = null;
  for (let at = 0; at < lines.length; at += 1) {
    if (!isFound(at)) continue;
    if (best === null || Math.abs(at - nearLine) < Math.abs(best - nearLine)) best = at;
  }
  return best === null ? null : { first: best, last: best + nLines - 1 };
}
