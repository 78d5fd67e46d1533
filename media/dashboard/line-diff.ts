/** A piece of two texts: in both, in the written one alone, or in the kept one alone. */
export interface DiffPiece {
  readonly kind: "same" | "added" | "missing";
  readonly text: string;
}

/** Words, white space and single signs of each text that are compared; the rest of a long one counts as one piece. */
const MAX_WORDS = 400;

/** What was written, word by word beside what was kept; pieces of one kind are joined. */
export function diffWords(kept: string, written: string): DiffPiece[] {
  const [a, b] = [wordsOf(kept), wordsOf(written)];
  // Lengths of the longest common subsequences of the two ends.
  const width = b.length + 1;
  const common = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i * width + j] =
        a[i] === b[j]
          ? common[(i + 1) * width + j + 1]! + 1
          : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
    }
  }
  const pieces: DiffPiece[] = [];
  const add = (kind: DiffPiece["kind"], text: string): void => {
    const last = pieces.at(-1);
    if (last?.kind === kind) pieces[pieces.length - 1] = { kind, text: last.text + text };
    else pieces.push({ kind, text });
  };
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      add("same", a[i]!);
      i += 1;
      j += 1;
    } else if (j === b.length || (i < a.length && common[(i + 1) * width + j]! >= common[i * width + j + 1]!)) {
      add("missing", a[i]!);
      i += 1;
    } else {
      add("added", b[j]!);
      j += 1;
    }
  }
  return pieces;
}

function wordsOf(text: string): string[] {
  const words = text.match(/[\p{L}\p{N}_$]+|\s+|[^\p{L}\p{N}_$\s]/gu) ?? [];
  return words.length <= MAX_WORDS ? words : [...words.slice(0, MAX_WORDS), words.slice(MAX_WORDS).join("")];
}
