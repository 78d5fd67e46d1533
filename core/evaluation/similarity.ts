/** Longer texts are compared by their beginning: the distance takes time with the product of the lengths. */
const MAX_COMPARED_CHARS = 2_000;

/**
 * Whether a developer would have taken the suggestion's line as it stands: the first non-empty line of the
 * completion equals the first non-empty line of what was written, trailing whitespace aside. Leading
 * whitespace counts, because the cursor already stands behind the indentation. False when either is blank.
 */
export const acceptedAtLine = (completion: string, target: string): boolean => {
  const wanted = firstLine(target);
  return wanted !== "" && firstLine(completion) === wanted;
};

/** 1 - Levenshtein / longer length over the first non-empty lines: 1 for equal lines, 0 for nothing shared. */
export const editSimilarity = (completion: string, target: string): number =>
  similarity(firstLine(completion), firstLine(target));

/** 1 - Levenshtein / longer length over the whole texts, trailing whitespace of each line aside. */
export const blockEditSimilarity = (completion: string, target: string): number =>
  similarity(trimLines(completion), trimLines(target));

/** Number of one-character insertions, deletions and replacements between two texts, in UTF-16 units. */
export const levenshtein = (left: string, right: string): number => {
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column);
  let current = previous.slice();
  for (let row = 1; row <= left.length; row += 1) {
    current[0] = row;
    const unit = left.charCodeAt(row - 1);
    for (let column = 1; column <= right.length; column += 1) {
      const replaced = (previous[column - 1] as number) + (unit === right.charCodeAt(column - 1) ? 0 : 1);
      const deleted = (previous[column] as number) + 1;
      const inserted = (current[column - 1] as number) + 1;
      current[column] = Math.min(replaced, deleted, inserted);
    }
    [previous, current] = [current, previous];
  }
  return previous[right.length] as number;
};

const similarity = (completion: string, target: string): number => {
  const left = completion.slice(0, MAX_COMPARED_CHARS);
  const right = target.slice(0, MAX_COMPARED_CHARS);
  const longer = Math.max(left.length, right.length);
  return longer === 0 ? 1 : 1 - levenshtein(left, right) / longer;
};

const firstLine = (text: string): string =>
  text
    .split("\n")
    .find((line) => line.trim() !== "")
    ?.trimEnd() ?? "";

const trimLines = (text: string): string =>
  text
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n")
    .trimEnd();
