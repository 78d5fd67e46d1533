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

/** (B, 1, 1, S, S): 0 where token i may look at token j <= i of its own document, less than `window` tokens back. */
export function attentionMask(
  documents: Int32Array,
  nRows: number,
  rowTokens: number,
  window = Number.POSITIVE_INFINITY,
): Float32Array {
  const mask = new Float32Array(nRows * rowTokens * rowTokens).fill(MASKED);
  for (let row = 0; row < nRows; row++) {
    const owners = documents.subarray(row * rowTokens, (row + 1) * rowTokens);
    for (let i = 0; i < rowTokens; i++) {
      const at = (row * rowTokens + i) * rowTokens;
      const owner = owners[i]!;
      // Padding sees itself, so that no row of the softmax is empty.
      mask[at + i] = 0;
      if (owner === 0) continue;
      for (let j = Math.max(0, i - window + 1); j < i; j++) if (owners[j] === owner) mask[at + j] = 0;
    }
  }
  return mask;
}
