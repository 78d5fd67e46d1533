/** Tokens `from` to `from + length` of a snippet, side by side on one line of a file. */
export interface AnchorRun {
  /** Counted from 1. */
  readonly line: number;
  /** Ordinal of the first token on its line, as {@link CodeTokens.at} counts. */
  readonly at: number;
  /** Number of the snippet. */
  readonly snippet: number;
  readonly from: number;
  readonly length: number;
}

/**
 * All anchors of one file in the order of their places, packed: five numbers each, in the order of
 * {@link AnchorRun}. Never changed once made, so that the states of many commits can share it.
 */
export type FileAnchors = Int32Array;

export const ANCHOR_STRIDE = 5;

export const anchorAt = (anchors: FileAnchors, index: number): AnchorRun => {
  const at = index * ANCHOR_STRIDE;
  return {
    line: anchors[at] as number,
    at: anchors[at + 1] as number,
    snippet: anchors[at + 2] as number,
    from: anchors[at + 3] as number,
    length: anchors[at + 4] as number,
  };
};

export const countAnchors = (anchors: FileAnchors): number => anchors.length / ANCHOR_STRIDE;

/** Sorts runs by place, joins those that continue each other, and packs them. */
export const packAnchors = (runs: readonly AnchorRun[]): FileAnchors => {
  const sorted = [...runs].sort((left, right) => left.line - right.line || left.at - right.at);
  const packed = new Int32Array(sorted.length * ANCHOR_STRIDE);
  let end = 0;
  for (const run of sorted) {
    const last = end - ANCHOR_STRIDE;
    const length = packed[last + 4] as number;
    const continues =
      last >= 0 &&
      packed[last] === run.line &&
      (packed[last + 1] as number) + length === run.at &&
      packed[last + 2] === run.snippet &&
      (packed[last + 3] as number) + length === run.from;
    if (continues) {
      packed[last + 4] = length + run.length;
      continue;
    }
    packed[end] = run.line;
    packed[end + 1] = run.at;
    packed[end + 2] = run.snippet;
    packed[end + 3] = run.from;
    packed[end + 4] = run.length;
    end += ANCHOR_STRIDE;
  }
  return packed.slice(0, end);
};

/** The anchors that stand from a line on up to another, as indices `[first, end)`. */
export const anchorsBetween = (anchors: FileAnchors, firstLine: number, endLine: number): [number, number] => [
  lowerBound(anchors, firstLine),
  lowerBound(anchors, endLine),
];

const lowerBound = (anchors: FileAnchors, line: number): number => {
  let low = 0;
  let high = countAnchors(anchors);
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((anchors[middle * ANCHOR_STRIDE] as number) < line) low = middle + 1;
    else high = middle;
  }
  return low;
};
