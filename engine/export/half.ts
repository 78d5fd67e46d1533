/** Narrow float types as their bits. Rounding is to the nearest, ties to even, as PyTorch rounds. */

const word = new Uint32Array(1);
const single = new Float32Array(word.buffer);

/** A number to IEEE 754 binary16; beyond 65,519 it is infinite. */
export function floatToHalf(value: number): number {
  single[0] = value;
  const bits = word[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // 2^-14 is the smallest normal half: below it the distance of two halves is 2^-24.
  if (magnitude < 0x38800000) return sign | roundToEven(Math.abs(single[0]!) * 2 ** 24);
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  if (rounded >= 0x47800000) return sign | 0x7c00;
  return sign | ((rounded - 0x38000000) >>> 13);
}

/** A number to bfloat16: the upper half of its float32. */
export function floatToBfloat(value: number): number {
  single[0] = value;
  const bits = word[0]!;
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
