/** The name that was likely meant: at most a third of its letters differ. Null when none is near. */
export function nearestName(written: string, names: readonly string[]): string | null {
  let best: { name: string; distance: number } | null = null;
  for (const name of names) {
    const distance = editDistance(plain(written), plain(name));
    if (distance <= Math.max(1, Math.floor(name.length / 3)) && (best === null || distance < best.distance))
      best = { name, distance };
  }
  return best?.name ?? null;
}

/** `learning_rate`, `learning-rate` and `LearningRate` are the same word. */
const plain = (name: string): string => name.toLowerCase().replaceAll(/[_-]/g, "");

/** Letters to insert, delete, change or swap with their neighbour (Damerau and Levenshtein, adjacent swaps). */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const changed = Number(a[i - 1] !== b[j - 1]);
      row[j] = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + changed);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) row[j] = Math.min(row[j]!, rows[i - 2]![j - 2]! + 1);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
