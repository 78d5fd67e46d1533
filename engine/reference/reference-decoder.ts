import type { DecoderConfig } from "../architectures/decoder-config.ts";
import { referenceRotated } from "./reference-rope.ts";

/**
 * The decoder again, slow and obvious, in float64 and with nothing shared with the graphs: what the
 * engine's tests compare against. Plain arrays of rows: x[token][feature].
 */
export type Matrix = number[][];

/** Tensors of a checkpoint by name, row-major. A linear layer has a bias where there is a tensor for it. */
export interface ReferenceWeights {
  get(name: string): Float32Array | undefined;
}

export interface ReferenceAdapter {
  readonly a: Float32Array; // (r, in)
  readonly b: Float32Array; // (out, r)
  readonly rank: number;
  readonly scale: number;
}

/** Logits of every position, each (V). Token i attends to j <= i of the same document. */
export function referenceLogits(
  config: DecoderConfig,
  weights: ReferenceWeights,
  ids: readonly number[],
  adapters: ReadonlyMap<string, ReferenceAdapter> = new Map(),
  documents: readonly number[] = ids.map(() => 1),
): Matrix {
  const d = config.hiddenSize;

  const linear = (x: Matrix, name: string): Matrix => {
    const nIn = x[0]!.length;
    const w = weights.get(`${name}.weight`)!; // (out, in)
    const bias = weights.get(`${name}.bias`);
    const adapter = adapters.get(name);
    return x.map((row) =>
      Array.from({ length: w.length / nIn }, (_, out) => {
        let sum = bias ? bias[out]! : 0;
        for (let i = 0; i < nIn; i++) sum += row[i]! * w[out * nIn + i]!;
        if (!adapter) return sum;
        for (let r = 0; r < adapter.rank; r++) {
          let low = 0;
          for (let i = 0; i < nIn; i++) low += row[i]! * adapter.a[r * nIn + i]!;
          sum += adapter.scale * low * adapter.b[out * adapter.rank + r]!;
        }
        return sum;
      }),
    );
  };
  const norm = (x: Matrix, name: string): Matrix => {
    const w = weights.get(`${name}.weight`)!;
    return x.map((row) => {
      const meanSquare = row.reduce((sum, v) => sum + v * v, 0) / row.length;
      return row.map((v, i) => (v / Math.sqrt(meanSquare + config.rmsNormEpsilon)) * w[i]!);
    });
  };
  /** RMS norm of each head by itself (Qwen3). */
  const headNorm = (x: Matrix, name: string): Matrix =>
    config.qkNorm ? x.map((row) => norm(headsOf(config, row), name).flat()) : x;
  const plus = (x: Matrix, y: Matrix): Matrix => x.map((row, t) => row.map((v, i) => v + y[t]![i]!));

  const embedding = weights.get("model.embed_tokens.weight")!;
  let x: Matrix = ids.map((id) => Array.from(embedding.subarray(id * d, (id + 1) * d)));
  for (let layer = 0; layer < config.nLayers; layer++) {
    const at = `model.layers.${layer}`;
    const attended = norm(x, `${at}.input_layernorm`);
    const q = headNorm(linear(attended, `${at}.self_attn.q_proj`), `${at}.self_attn.q_norm`);
    const k = headNorm(linear(attended, `${at}.self_attn.k_proj`), `${at}.self_attn.k_norm`);
    const v = linear(attended, `${at}.self_attn.v_proj`);
    x = plus(x, linear(attend(config, layer, q, k, v, documents), `${at}.self_attn.o_proj`));
    const normed = norm(x, `${at}.post_attention_layernorm`);
    const gate = linear(normed, `${at}.mlp.gate_proj`);
    const up = linear(normed, `${at}.mlp.up_proj`);
    const gated = gate.map((row, t) => row.map((g, i) => (g / (1 + Math.exp(-g))) * up[t]![i]!));
    x = plus(x, linear(gated, `${at}.mlp.down_proj`));
  }
  const hidden = norm(x, "model.norm");
  const head = weights.get(config.tiedHead ? "model.embed_tokens.weight" : "lm_head.weight")!;
  return hidden.map((row) =>
    Array.from({ length: config.vocabSize }, (_, id) => row.reduce((sum, v, i) => sum + v * head[id * d + i]!, 0)),
  );
}

const headsOf = ({ headDim }: DecoderConfig, row: readonly number[]): Matrix =>
  Array.from({ length: row.length / headDim }, (_, head) => row.slice(head * headDim, (head + 1) * headDim));

function attend(
  config: DecoderConfig,
  layer: number,
  q: Matrix,
  k: Matrix,
  v: Matrix,
  documents: readonly number[],
): Matrix {
  const { nHeads, nKvHeads, headDim, slidingWindow } = config;
  const reach = slidingWindow && layer >= slidingWindow.fromLayer ? slidingWindow.tokens : Infinity;
  const keys = k.map((row, j) => headsOf(config, row).map((head) => referenceRotated(config, head, j)));
  return q.map((row, t) =>
    headsOf(config, row).flatMap((head, h) => {
      const group = Math.floor(h / (nHeads / nKvHeads));
      const query = referenceRotated(config, head, t);
      const visible = documents.flatMap((document, j) =>
        j <= t && j > t - reach && document === documents[t] ? [j] : [],
      );
      const scores = visible.map(
        (j) => query.reduce((sum, value, i) => sum + value * keys[j]![group]![i]!, 0) / Math.sqrt(headDim),
      );
      const top = Math.max(...scores);
      const exponentials = scores.map((score) => Math.exp(score - top));
      const total = exponentials.reduce((sum, value) => sum + value, 0);
      return Array.from({ length: headDim }, (_, i) =>
        visible.reduce((sum, j, n) => sum + (exponentials[n]! / total) * v[j]![group * headDim + i]!, 0),
      );
    }),
  );
}
