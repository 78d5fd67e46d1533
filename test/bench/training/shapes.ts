import { readFileSync } from "node:fs";
import path from "node:path";
import type { RawConfig } from "../../../engine/architectures/config-fields.ts";
import { linearLayers, weightShapes, type DecoderConfig } from "../../../engine/architectures/decoder-config.ts";
import { parseDecoderConfig } from "../../../engine/architectures/families.ts";
import { rowTiles } from "../../../engine/architectures/row-tiles.ts";
import { sizeOf } from "../../../engine/graph/graph.ts";
import type { Batch } from "../../../engine/optim/batch.ts";
import { DEFAULT_LORA } from "../../../server/training/hyper-parameters.ts";

/** A model and a batch to time a training step on. */
export interface StepShape {
  readonly name: string;
  readonly config: DecoderConfig;
  readonly nRows: number;
  readonly rowTokens: number;
  readonly nTargets: number;
  readonly rank: number;
}

const root = path.resolve(import.meta.dirname, "../../..");

const llama = (sizes: Partial<DecoderConfig>): DecoderConfig => ({
  vocabSize: 8192,
  hiddenSize: 512,
  ffnSize: 1408,
  nLayers: 8,
  nHeads: 8,
  nKvHeads: 4,
  headDim: 64,
  rmsNormEpsilon: 1e-5,
  ropeTheta: 10_000,
  contextTokens: 1024,
  attentionBias: false,
  tiedHead: true,
  ...sizes,
});

/** 27.8 M parameters, loss on every position: the shape of the design's figures. */
export const SHAPE_28M: StepShape = {
  name: "28m",
  config: llama({}),
  nRows: 4,
  rowTokens: 256,
  nTargets: 1024,
  rank: 16,
};

/** 115 M parameters, loss on a quarter of the positions: the design's second size. */
export const SHAPE_115M: StepShape = {
  name: "115m",
  config: llama({ vocabSize: 32_768, hiddenSize: 768, ffnSize: 2_560, nLayers: 12, nHeads: 12 }),
  nRows: 2,
  rowTokens: 512,
  nTargets: 256,
  rank: 16,
};

/** The shipped base model with the batch of a training run. */
export function baseShape(): StepShape {
  const raw = JSON.parse(readFileSync(path.join(root, "models/base/config.json"), "utf8")) as RawConfig;
  const { batchRows: nRows, rowTokens, targetTokens: nTargets, rank } = DEFAULT_LORA;
  return { name: "base", config: parseDecoderConfig(raw), nRows, rowTokens, nTargets, rank };
}

/** Qwen2.5-0.5B's shape, one row of 512 tokens. */
export const SHAPE_500M: StepShape = {
  name: "500m",
  config: llama({
    vocabSize: 151_936,
    hiddenSize: 896,
    ffnSize: 4864,
    nLayers: 24,
    nHeads: 14,
    nKvHeads: 2,
    ropeTheta: 1_000_000,
    attentionBias: true,
  }),
  nRows: 1,
  rowTokens: 512,
  nTargets: 512,
  rank: 16,
};

/**
 * Multiplications and additions of a LoRA step as it is defined, whatever a program does instead: the
 * forward pass, the gradient of every layer's input, and both gradients of the factors. Attention is
 * counted over whole rows, and the last block over all tokens.
 */
export function stepFlops({ config, nRows, rowTokens, nTargets, rank }: StepShape): number {
  const nTokens = nRows * rowTokens;
  const layers = linearLayers(config);
  const linear = layers.reduce((sum, { nIn, nOut }) => sum + nIn * nOut, 0);
  const factors = layers.reduce((sum, { nIn, nOut }) => sum + rank * (nIn + nOut), 0);
  const attention = 4 * nRows * rowTokens ** 2 * config.nHeads * config.headDim * config.nLayers;
  const head = 2 * nTargets * config.vocabSize * config.hiddenSize;
  const forward = 2 * nTokens * (linear + factors) + attention + head;
  const backward = 2 * nTokens * (linear + 2 * factors) + 2 * attention + head;
  return forward + backward;
}

/**
 * What Kept multiplies and adds of it in a step: factors merged into the weights once, attention up to the
 * end of each tile, nothing above attention in the last block but for the targets, and in the lowest block
 * no gradient of its input.
 */
export function computedFlops(shape: StepShape): number {
  const { config, nRows, rowTokens, nTargets, rank } = shape;
  const nTokens = nRows * rowTokens;
  const last = `model.layers.${config.nLayers - 1}.`;
  let flops = 4 * nTargets * config.vocabSize * config.hiddenSize;
  for (const { name, nIn, nOut } of linearLayers(config)) {
    const rows = name.startsWith(last) && !/self_attn\.[qkv]_proj/.test(name) ? nTargets : nTokens;
    const passes = /layers\.0\.self_attn\.[qkv]_proj/.test(name) ? 1 : 2;
    flops += 2 * rows * (passes * nIn * nOut + 2 * rank * (nIn + nOut)) + 2 * rank * nIn * nOut;
  }
  const scores = rowTiles(rowTokens).reduce((sum, { start, end }) => sum + (end - start) * end, 0);
  return flops + 12 * nRows * scores * config.nHeads * config.headDim * config.nLayers;
}

/** Small uniform weights of a fixed seed, norms of 1. */
export function uniformWeights(config: DecoderConfig): Map<string, Float32Array> {
  let state = 1;
  const uniform = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32 - 0.5;
  return new Map(
    [...weightShapes(config)].map(([name, shape]) => {
      const weights = new Float32Array(sizeOf(shape));
      if (name.includes("norm")) weights.fill(1);
      else for (let i = 0; i < weights.length; i++) weights[i] = 0.06 * uniform();
      return [name, weights];
    }),
  );
}

/** A batch of arbitrary tokens, one document a row, its last targets learnt. */
export function arbitraryBatch({ config, nRows, rowTokens, nTargets }: StepShape): Batch {
  const nTokens = nRows * rowTokens;
  const perRow = nTargets / nRows;
  const ids = Int32Array.from({ length: nTokens }, (_, i) => (i * 7919) % config.vocabSize);
  const positions = Int32Array.from(
    { length: nTargets },
    (_, i) => Math.floor(i / perRow) * rowTokens + rowTokens - perRow + (i % perRow),
  );
  return {
    ids,
    documents: new Int32Array(nTokens).fill(1),
    positions,
    targets: positions.map((position) => ids[(position + 1) % nTokens]!),
    weights: new Float32Array(nTargets).fill(1),
  };
}
