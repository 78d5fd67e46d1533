import type { Reals } from "./reals.ts";

/** Rows of the embedding (V, D) for token ids (N): copied, which is all that a gather would do. */
export function embedTokens(embedding: Reals, ids: Int32Array, hiddenSize: number, into: Reals): void {
  ids.forEach((id, i) => into.set(embedding.subarray(id * hiddenSize, (id + 1) * hiddenSize), i * hiddenSize));
}

/**
 * The adjoint: adds each token's gradient (N, D) to its row of the embedding's gradient (V, D), in the
 * order of the tokens, so that the sum is the same every time.
 */
export function addEmbeddingGradient(into: Reals, ids: Int32Array, hiddenSize: number, gradient: Reals): void {
  ids.forEach((id, i) => {
    const [row, from] = [id * hiddenSize, i * hiddenSize];
    for (let j = 0; j < hiddenSize; j++) into[row + j]! += gradient[from + j]!;
  });
}
