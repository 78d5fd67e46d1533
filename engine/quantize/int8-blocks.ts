/**
 * A matrix (rows, columns) in 8 bits: each row in blocks of BLOCK values with one float scale a block, a
 * value being scale * (stored - ZERO_POINT). It is the layout of ONNX Runtime's `MatMulNBits`, and but
 * for the offset that of llama.cpp's Q8_0.
 */
export interface Int8Blocks {
  readonly rows: number;
  readonly columns: number;
  /** (rows, nBlocks, BLOCK); a last block that the columns do not fill is padded with ZERO_POINT. */
  readonly values: Uint8Array;
  /** (rows, nBlocks). */
  readonly scales: Float32Array;
}

/** Values that share a scale. 32 keeps an outlier's harm to itself: 0.7 % relative error on normal weights. */
export const BLOCK = 32;

/** The stored value that stands for 0; implied by the operators, which take no other without a tensor of them. */
export const ZERO_POINT = 128;

export const nBlocks = (columns: number): number => Math.ceil(columns / BLOCK);

/** Round a float matrix (rows, columns) to the nearest of its blocks' 255 steps, in the arrays given, of its size. */
export function quantizeBlocks(
  weights: Float32Array,
  rows: number,
  columns: number,
  into: Pick<Int8Blocks, "values" | "scales"> = {
    values: new Uint8Array(rows * nBlocks(columns) * BLOCK),
    scales: new Float32Array(rows * nBlocks(columns)),
  },
): Int8Blocks {
  const blocks = nBlocks(columns);
  const values = into.values.fill(ZERO_POINT);
  const scales = into.scales.fill(0);
  for (let row = 0; row < rows; row++) {
    for (let block = 0; block < blocks; block++) {
      const from = row * columns + block * BLOCK;
      const to = Math.min(from + BLOCK, (row + 1) * columns);
      let largest = 0;
      for (let i = from; i < to; i++) {
        const size = Math.abs(weights[i]!);
        if (size > largest) largest = size;
      }
      if (largest === 0) continue;
      const at = row * blocks + block;
      const scale = Math.fround(largest / 127);
      scales[at] = scale;
      const inverse = 1 / scale;
      const shift = at * BLOCK - from;
      // Truncation of what is positive, half a step up, is rounding.
      for (let i = from; i < to; i++) values[shift + i] = (weights[i]! * inverse + ZERO_POINT + 0.5) | 0;
    }
  }
  return { rows, columns, values, scales };
}

/** A matrix that is stored as int8 with one scale a row, exactly: every block gets the row's scale. */
export function blocksOfRows(
  { values: stored, scales: rowScales }: { readonly values: Int8Array; readonly scales: Float32Array },
  rows: number,
  columns: number,
): Int8Blocks {
  const blocks = nBlocks(columns);
  const values = new Uint8Array(rows * blocks * BLOCK).fill(ZERO_POINT);
  const scales = new Float32Array(rows * blocks);
  for (let row = 0; row < rows; row++) {
    const at = row * blocks * BLOCK;
    for (let i = 0; i < columns; i++) values[at + i] = ZERO_POINT + stored[row * columns + i]!;
    scales.fill(rowScales[row]!, row * blocks, (row + 1) * blocks);
  }
  return { rows, columns, values, scales };
}

/** The values (rows, columns) that the blocks stand for. */
export function dequantizeBlocks({ rows, columns, values, scales }: Int8Blocks): Float32Array {
  const blocks = nBlocks(columns);
  const weights = new Float32Array(rows * columns);
  for (let i = 0; i < weights.length; i++) {
    const row = Math.floor(i / columns);
    const column = i % columns;
    const at = row * blocks + Math.floor(column / BLOCK);
    weights[i] = scales[at]! * (values[at * BLOCK + (column % BLOCK)]! - ZERO_POINT);
  }
  return weights;
}
