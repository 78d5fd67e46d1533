/** The smallest pivot: a direction that nothing is known of. */
const MIN_PIVOT = 1e-8;

/** Solves H x = g for a symmetric positive H of which the lower half is given, by Cholesky. Overwrites H. */
export const solvePositive = (lower: number[][], right: readonly number[]): number[] => {
  const size = right.length;
  for (let column = 0; column < size; column += 1) {
    for (let row = column; row < size; row += 1) {
      let sum = lower[row]![column]!;
      for (let k = 0; k < column; k += 1) sum -= lower[row]![k]! * lower[column]![k]!;
      lower[row]![column] = row === column ? Math.sqrt(Math.max(MIN_PIVOT, sum)) : sum / lower[column]![column]!;
    }
  }
  const y = right.slice();
  for (let row = 0; row < size; row += 1) {
    for (let k = 0; k < row; k += 1) y[row]! -= lower[row]![k]! * y[k]!;
    y[row]! /= lower[row]![row]!;
  }
  for (let row = size - 1; row >= 0; row -= 1) {
    for (let k = row + 1; k < size; k += 1) y[row]! -= lower[k]![row]! * y[k]!;
    y[row]! /= lower[row]![row]!;
  }
  return y;
};
