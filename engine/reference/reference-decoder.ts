import { linearLayers, type DecoderConfig } from "../architectures/decoder-config.ts";
import type { Weights } from "../architectures/inference-graph.ts";

/**
 * The decoder again, slow and obvious, in float64 and with nothing shared with the graphs: what the
 * engine's tests compare against. Plain arrays of rows: x[token][feature].
 */
type Matrix = number[][];

export interface ReferenceAdapter {
  readonly a: Float32Array; // (r, in)
  readonly b: Float32Array; // (out, r)
  readonly rank: number;
  readonly scale: number;
}

/** Logits of every position, each (V). Token i attends to j <= i of the same document. */
export function referenceLogits(
  config: DecoderConfig,
  weights: Weights,
  ids: readonly number[],
  adapters: ReadonlyMap<string, ReferenceAdapter> = new Map(),
  documents: readonly number[] = ids.map(() => 1),
): Matrix {
  const d = config.hiddenSize;
  const shape = new Map(linearLayers(config).map((layer) => [layer.name, layer]));

  const linear = (x: Matrix, name: string): Matrix => {
    const { nIn, nOut, bias } = shape.get(name)!;
    const w = weights.get(`${name}.weight`)!;
    const adapter = adapters.get(name);
    return x.map((row) =>
      Array.from({ length: nOut }, (_, out) => {
        let sum = bias ? weights.get(`${name}.bias`)![out]! : 0;
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
  const norm = (x: Matrix, name: string): Matrix =>
    x.map((row) => {
      const meanSquare = row.reduce((sum, v) => sum + v * v, 0) / d;
      return row.map(
        (v, i) => (v / Math.sqrt(meanSquare + config.rmsNormEpsilon)) * weights.get(`${name}.weight`)![i]!,
      );
    });
  const plus = (x: Matrix, y: Matrix): Matrix => x.map((row, t) => row.map((v, i) => v + y[t]![i]!));

  const embedding = weights.get("model.embed_tokens.weight")!;
  let x: Matrix = ids.map((id) => Array.from(embedding.subarray(id * d, (id + 1) * d)));
  for (let layer = 0; layer < config.nLayers; layer++) {
    const at = `model.layers.${layer}`;
    const attended = norm(x, `${at}.input_layernorm`);
    const q = linear(attended, `${at}.self_attn.q_proj`);
    const k = linear(attended, `${at}.self_attn.k_proj`);
    const v = linear(attended, `${at}.self_attn.v_proj`);
    x = plus(x, linear(attend(config, q, k, v, documents), `${at}.self_attn.o_proj`));
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

function attend(config: DecoderConfig, q: Matrix, k: Matrix, v: Matrix, documents: readonly number[]): Matrix {
  const { nHeads, nKvHeads, headDim } = config;
  return q.map((row, t) =>
    Array.from({ length: nHeads }, (_, head) => {
      const group = Math.floor(head / (nHeads / nKvHeads));
      const query = rotated(config, row.slice(head * headDim, (head + 1) * headDim), t);
      const visible = documents.flatMap((document, j) => (j <= t && document === documents[t] ? [j] : []));
      const scores = visible.map((j) => {
        const key = rotated(config, k[j]!.slice(group * headDim, (group + 1) * headDim), j);
        return query.reduce((sum, value, i) => sum + value * key[i]!, 0) / Math.sqrt(headDim);
      });
      const top = Math.max(...scores);
      const exponentials = scores.map((score) => Math.exp(score - top));
      const total = exponentials.reduce((sum, value) => sum + value, 0);
      return Array.from({ length: headDim }, (_, i) =>
        visible.reduce((sum, j, n) => sum + (exponentials[n]! / total) * v[j]![group * headDim + i]!, 0),
      );
    }).flat(),
  );
}

function rotated(config: DecoderConfig, x: number[], position: number): number[] {
  const half = config.headDim / 2;
  return x.map((value, i) => {
    const pair = i % half;
    const angle = position * config.ropeTheta ** ((-2 * pair) / config.headDim);
    const partner = i < half ? -x[i + half]! : x[i - half]!;
    return value * Math.cos(angle) + partner * Math.sin(angle);
  });
}
