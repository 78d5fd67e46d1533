/** Words, numbers and each other character of a line, with how often they occur. */
export type Words = ReadonlyMap<string, number>;

export function wordsIn(line: string): Words {
  const counts = new Map<string, number>();
  for (const [word] of line.matchAll(WORDS)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

/**
 * How much two lines' words have in common, the rare ones counting more: 0 to 1.
 * What words count is looked up once for all comparisons of a query.
 */
export function createLikeness(informationOf: (word: string) => number): (left: Words, right: Words) => number {
  const known = new Map<string, number>();
  const information = (word: string): number => {
    let one = known.get(word);
    if (one === undefined) known.set(word, (one = informationOf(word)));
    return one;
  };
  const weigh = (words: Words): number => {
    let sum = 0;
    for (const [word, count] of words) sum += count * information(word);
    return sum;
  };
  return (left, right) => {
    let shared = 0;
    for (const [word, count] of left) {
      const other = right.get(word);
      if (other !== undefined) shared += Math.min(count, other) * information(word);
    }
    if (shared === 0) return left.size === 0 && right.size === 0 ? 1 : 0;
    return shared / Math.sqrt(weigh(left) * weigh(right));
  };
}

/** A line as words, numbers, other characters, and the white space between them. */
export const piecesOf = (line: string): string[] => line.match(PIECES) ?? [];

/**
 * What stands for what, where two lines are the same but for names and numbers; null where they are not, or where
 * one name would stand for two.
 *
 * @param known what is known from other lines; a name of it has to stand for the same thing here
 */
export function renamesBetween(
  from: readonly string[],
  to: readonly string[],
  known: ReadonlyMap<string, string> = new Map(),
): ReadonlyMap<string, string> | null {
  if (from.length !== to.length) return null;
  const renames = new Map(known);
  for (const [at, one] of from.entries()) {
    const other = to[at]!;
    const before = renames.get(one);
    if (before !== undefined && before !== other) return null;
    if (one === other) continue;
    if (!isName(one) || !isName(other)) return null;
    renames.set(one, other);
  }
  return renames;
}

/** A line with other names in place of its own. */
export const renamed = (pieces: readonly string[], renames: ReadonlyMap<string, string>): string =>
  pieces.map((piece) => renames.get(piece) ?? piece).join("");

const isName = (piece: string): boolean => /^[\p{L}\p{N}_$]/u.test(piece);

const WORDS = /[\p{L}_$][\p{L}\p{N}_$]*|\p{N}+|[^\s\p{L}\p{N}_$]/gu;
const PIECES = /[\p{L}_$][\p{L}\p{N}_$]*|\p{N}+|[^\s\p{L}\p{N}_$]|\s+/gu;
