/** Values of the half-precision types as float32, which holds every one of them exactly. */

/** IEEE 754 binary16, by a table of all its values. @param values where to write, of the same length */
export function float16ToFloat32(halves: Uint16Array, values = new Float32Array(halves.length)): Float32Array {
  const table = (halfTable ??= Float32Array.from({ length: 1 << 16 }, (_, half) => halfToNumber(half)));
  for (let i = 0; i < halves.length; i++) values[i] = table[halves[i]!]!;
  return values;
}

/** bfloat16 is the upper half of a float32. @param values where to write, of the same length */
export function bfloat16ToFloat32(halves: Uint16Array, values = new Float32Array(halves.length)): Float32Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
  return values;
}

let halfTable: Float32Array | undefined;

function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
