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
export const packAnchors = (runs: readonly AnchorRun[]): FileAnchors => mergeAnchors(NONE, runs);

const NONE: FileAnchors = new Int32Array(0);

/** Adds runs to packed ones. Where both stand at one place the added one comes first. */
export const mergeAnchors = (known: FileAnchors, added: readonly AnchorRun[]): FileAnchors => {
  const sorted = isInOrder(added) ? added : [...added].sort(byPlace);
  const packer = createPacker(known.length + added.length * ANCHOR_STRIDE);
  let next = 0;
  for (const run of sorted) {
    while (next < known.length && isBefore(known, next, run)) {
      packer.copy(known, next, 0);
      next += ANCHOR_STRIDE;
    }
    packer.put(run.line, run.at, run.snippet, run.from, run.length);
  }
  for (; next < known.length; next += ANCHOR_STRIDE) packer.copy(known, next, 0);
  return packer.packed();
};

/** Packs anchors that come in the order of their places, and joins those that continue each other. */
export interface AnchorPacker {
  put(line: number, at: number, snippet: number, from: number, length: number): void;
  /** The anchor at an offset of packed ones, so many lines further down. */
  copy(anchors: FileAnchors, offset: number, shift: number): void;
  packed(): FileAnchors;
}

/** `size` is at least what will be put into it, in numbers. Only one at a time: all write into the same list. */
export const createPacker = (size: number): AnchorPacker => {
  if (list.length < size) list = new Int32Array(2 * size);
  nPacked = 0;
  return PACKER;
};

let list = new Int32Array(1_024);
let nPacked = 0;

const PACKER: AnchorPacker = {
  put(line, at, snippet, from, length) {
    const last = nPacked - ANCHOR_STRIDE;
    if (last >= 0 && list[last] === line && list[last + 2] === snippet) {
      const lastLength = list[last + 4] as number;
      if ((list[last + 1] as number) + lastLength === at && (list[last + 3] as number) + lastLength === from) {
        list[last + 4] = lastLength + length;
        return;
      }
    }
    list[nPacked] = line;
    list[nPacked + 1] = at;
    list[nPacked + 2] = snippet;
    list[nPacked + 3] = from;
    list[nPacked + 4] = length;
    nPacked += ANCHOR_STRIDE;
  },
  copy(anchors, offset, shift) {
    PACKER.put(
      (anchors[offset] as number) + shift,
      anchors[offset + 1] as number,
      anchors[offset + 2] as number,
      anchors[offset + 3] as number,
      anchors[offset + 4] as number,
    );
  },
  packed: () => list.slice(0, nPacked),
};

const byPlace = (left: AnchorRun, right: AnchorRun): number => left.line - right.line || left.at - right.at;

const isInOrder = (runs: readonly AnchorRun[]): boolean => {
  for (let index = 1; index < runs.length; index += 1)
    if (byPlace(runs[index - 1] as AnchorRun, runs[index] as AnchorRun) > 0) return false;
  return true;
};

const isBefore = (anchors: FileAnchors, offset: number, { line, at }: AnchorRun): boolean => {
  const own = anchors[offset] as number;
  return own < line || (own === line && (anchors[offset + 1] as number) < at);
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
