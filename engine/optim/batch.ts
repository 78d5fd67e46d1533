import type { Tile } from "../architectures/row-tiles.ts";

/** A batch of packed rows as the training graph takes it. Documents of a row do not see each other. */
export interface Batch {
  readonly ids: Int32Array; // (B S)
  readonly documents: Int32Array; // (B S), 0 for padding
  readonly positions: Int32Array; // (M) into B S: the token before the target
  readonly targets: Int32Array; // (M)
  readonly weights: Float32Array; // (M), 0 where there is no target
}

/** Large enough to vanish in softmax, small enough to stay finite in float32. */
const MASKED = -1e9;

/**
 * The mask of one tile, (B, 1, 1, end - start, end), written over `into` where given: 0 where token i may
 * look at token j <= i of its own document, less than `window` tokens back. The tokens of a document lie
 * together.
 */
export function attentionMask(
  documents: Int32Array,
  nRows: number,
  rowTokens: number,
  { start, end }: Tile,
  window = Number.POSITIVE_INFINITY,
  into = new Float32Array(nRows * (end - start) * end),
): Float32Array<ArrayBuffer> {
  const mask = into.fill(MASKED);
  for (let row = 0; row < nRows; row++) {
    const owners = documents.subarray(row * rowTokens, (row + 1) * rowTokens);
    let first = 0;
    for (let i = 0; i < end; i++) {
      // Padding sees itself alone, so that no row of the softmax is empty.
      if (owners[i] === 0 || owners[i] !== owners[first]) first = i;
      if (i < start) continue;
      const at = (row * (end - start) + i - start) * end;
      mask.fill(0, at + Math.max(first, i - window + 1), at + i + 1);
    }
  }
  return mask;
}
